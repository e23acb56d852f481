//! What an exchange that counts, or many that are alike, add to their server's, pool's and statement's figures: worked out once for all.

use super::durations::Value;
use crate::clock::Span;
use crate::exchange::{Ending, Exchange};

/// The times of an exchange that belongs in the distributions. Spans but for the first two are in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Last byte of the request to first byte of the reply.
    pub latency: Value,
    /// First byte of the request to last byte of the reply.
    pub duration: Value,
    /// First to last byte of the request.
    pub sending: u64,
    /// First to last byte of the reply.
    pub receiving: u64,
    /// What of `sending` no closed window held up.
    pub request: u64,
    /// What of `receiving` no closed window held up.
    pub reply: u64,
    /// What closed windows held up of both.
    pub window_closed: u64,
    /// It ended well: a request, a reply, and nothing else to count.
    pub is_plain: bool,
    /// How many exchanges were like this, one after the other.
    pub times: u32,
}

impl Timing {
    /// Of an exchange during which the client's and the server's receive windows were closed for so long; `None` where it does
    /// not count. A closed window holds up who sends to it: the server's the request, the client's the reply.
    #[inline]
    #[must_use]
    pub fn of(exchange: &Exchange, closed: [Span; 2], times: u32) -> Option<Self> {
        let reply = exchange.reply.filter(|_| exchange.counts())?;
        let sending = exchange.request_end.since(exchange.start).nanos().unsigned_abs();
        let receiving = reply.end.since(reply.start).nanos().unsigned_abs();
        let [of_client, of_server] = closed.map(|span| span.nanos().unsigned_abs());
        let (held_request, held_reply) = (of_server.min(sending), of_client.min(receiving));
        Some(Self {
            latency: Value::of(reply.start.since(exchange.request_end)),
            duration: Value::of(reply.end.since(exchange.start)),
            sending,
            receiving,
            request: sending - held_request,
            reply: receiving - held_reply,
            window_closed: held_request + held_reply,
            is_plain: exchange.outcome == Ending::Ok,
            times,
        })
    }
}
