//! What is kept of a connection with nothing in flight.

use super::seen::Seen;
use super::{Redis, Sent};

const USED: u16 = 1;
/// What the server's side has shown is above this bit.
const SEEN: u32 = 1;

impl Redis {
    /// `None` while something is in flight, and in any mode but the usual one. Ids of commands are not kept: they begin anew.
    pub(in crate::protocol) fn at_rest(&self) -> Option<u16> {
        let is_resting = self.sent == Sent::default()
            && self.flight.is_at_rest()
            && self.names.is_at_rest()
            && self.unfinished.is_none()
            && self.open.is_none()
            && !self.replicating;
        let seen = self.seen.bits().filter(|_| is_resting)?;
        let used = u16::from(self.used) * USED;
        Some(seen << SEEN | used)
    }

    pub(in crate::protocol) fn wake(bits: u16) -> Self {
        Self {
            used: bits & USED != 0,
            seen: Seen::from_bits(bits >> SEEN),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Decoder, Messages, Side};

    #[test]
    fn rests_between_commands_and_wakes_as_it_was() {
        let mut decoder = Redis::new();
        let mut say = |side, bytes: &[u8]| {
            let mut told = Messages::new();
            decoder.decode(side, bytes, &mut told);
            decoder.at_rest()
        };
        assert_eq!(say(Side::Client, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), None);
        let bits = say(Side::Server, b"$-1\r\n").expect("at rest");
        assert_eq!(Redis::wake(bits).at_rest(), Some(bits));
        assert_eq!(say(Side::Client, b"*1\r\n$5\r\nMULTI\r\n"), None);
    }
}
