//! The server's side: responses.

use super::body::{Body, Chunks};
use super::head::{Coding, Fields, Head};
use super::line::{self, Line};
use super::{Asked, Http, Stage, answer, empty_line, taken};
use crate::protocol::{AskId, ErrorCode, Message, Messages, Outcome, Session, Step};

/// A response that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// Whose response it is; `None` for an interim one, or one to a request that was not seen or is forgotten.
    id: Option<AskId>,
    asked: Asked,
    status: u16,
}

impl Http {
    /// Judges the front of the server's stream.
    pub(super) fn server<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        match std::mem::take(&mut self.response) {
            Stage::Between => self.status_line(bytes, told),
            Stage::LongLine(begun) => self.response_fields(begun, Head::default(), bytes, 0, told),
            Stage::Fields(begun, head) => self.response_fields(begun, head, bytes, 0, told),
            Stage::Peek(begun, body) => self.peek(begun, body, bytes, told),
            Stage::Body(begun, body) => self.response_body(begun, body, bytes, None, told),
        }
    }

    fn status_line(&mut self, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        if let Some(step) = empty_line(bytes) {
            return step;
        }
        if !line::may_be_status(bytes) {
            return Step::Garbage;
        }
        let (text, next) = match line::line(bytes) {
            Line::Whole(text, next) => (text, next),
            Line::Part => return Step::Need(bytes.len() + 1),
            Line::Long => return Step::Garbage,
        };
        let Some(status) = line::status(text) else {
            return Step::Garbage;
        };
        let front = self.front().filter(|_| !is_interim(status));
        let begun = Begun {
            id: front.map(|(id, _)| id),
            asked: front.map_or(Asked::Other, |(_, asked)| asked),
            status,
        };
        // A server that gives up waiting for a request says 408 by itself.
        if begun.id.is_none() && !is_interim(status) && status != 408 {
            told.push(Message::Unmatched);
        }
        self.response_fields(begun, Head::default(), bytes, next, told)
    }

    fn response_fields(
        &mut self,
        begun: Begun,
        mut head: Head,
        bytes: &[u8],
        at: usize,
        told: &mut Messages<'_>,
    ) -> Step {
        match head.read(bytes, at, &mut Session::default()) {
            Fields::Garbage => Step::Garbage,
            Fields::Part(0) => {
                self.response = Stage::Fields(begun, head);
                Step::Need(bytes.len() + 1)
            }
            Fields::Part(end) => {
                begun.tell(None, false, told);
                self.response = Stage::Fields(begun, head);
                Step::Take(end as u64)
            }
            Fields::End(end) => self.response_end(begun, &head, &bytes[end..], end as u64, told),
        }
    }

    /// The fields have ended after `size` bytes; `rest` follows.
    fn response_end(
        &mut self,
        begun: Begun,
        head: &Head,
        rest: &[u8],
        size: u64,
        told: &mut Messages<'_>,
    ) -> Step {
        if begun.switches() {
            self.switched = true;
        }
        let mut outcome = begun.outcome(head);
        let body = begun.body(head);
        if head.json && outcome == Outcome::Ok && !body.is_empty() {
            let Ok(error) = body.tells_error(rest) else {
                begun.tell(None, false, told);
                self.response = Stage::Peek(begun, body);
                return Step::Take(size);
            };
            outcome = inside(error);
        }
        self.response_rest(begun, body, rest, outcome, size, told)
    }

    /// The body from its first byte, together with the `size` bytes before it.
    fn response_rest(
        &mut self,
        begun: Begun,
        mut body: Body,
        rest: &[u8],
        outcome: Outcome,
        size: u64,
        told: &mut Messages<'_>,
    ) -> Step {
        match taken(body.scan(rest)) {
            Ok((taken, end)) => {
                self.response_part(begun, body, Some(outcome), end, told);
                Step::Take(size + taken)
            }
            Err(Step::Garbage) => Step::Garbage,
            Err(_) => {
                self.response_part(begun, body, Some(outcome), false, told);
                Step::Take(size)
            }
        }
    }

    fn peek(&mut self, begun: Begun, body: Body, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        match body.tells_error(bytes) {
            Ok(error) => self.response_body(begun, body, bytes, Some(inside(error)), told),
            Err(needed) => {
                self.response = Stage::Peek(begun, body);
                Step::Need(needed)
            }
        }
    }

    fn response_body(
        &mut self,
        begun: Begun,
        mut body: Body,
        bytes: &[u8],
        outcome: Option<Outcome>,
        told: &mut Messages<'_>,
    ) -> Step {
        match taken(body.scan(bytes)) {
            Ok((taken, end)) => {
                self.response_part(begun, body, outcome, end, told);
                Step::Take(taken)
            }
            Err(step) => {
                self.response = match outcome {
                    Some(_) => Stage::Peek(begun, body),
                    None => Stage::Body(begun, body),
                };
                step
            }
        }
    }

    fn response_part(
        &mut self,
        begun: Begun,
        body: Body,
        outcome: Option<Outcome>,
        end: bool,
        told: &mut Messages<'_>,
    ) {
        begun.tell(outcome, end, told);
        if !end {
            self.response = Stage::Body(begun, body);
        } else if begun.id.is_some() {
            self.answered(begun.id);
        }
    }

    /// A request may be answered before it is all sent; what still comes of it is of no interest.
    fn answered(&mut self, id: Option<AskId>) {
        self.flight.pop_front();
        if let Some(request) = self.request.begun().filter(|request| request.id == id) {
            request.id = None;
        }
    }

    /// The server's stream has ended, and with it a body without a length: its client has waited for just that.
    pub(super) fn closed(&mut self, told: &mut Messages<'_>) {
        let Stage::Body(Begun { id: Some(id), .. }, Body::UntilClose) = self.response else {
            return;
        };
        told.push(answer(id, None, true));
        self.answered(Some(id));
        self.response = Stage::Between;
    }

    /// What was in flight is forgotten.
    pub(super) fn forget(&mut self) {
        if let Some(request) = self.request.begun() {
            request.id = None;
        }
        if let Some(response) = self.response.begun() {
            response.id = None;
        }
    }
}

impl Begun {
    fn tell(self, outcome: Option<Outcome>, end: bool, told: &mut Messages<'_>) {
        if let Some(id) = self.id {
            told.push(answer(id, outcome, end));
        }
    }

    /// Whether another protocol follows: 101, or CONNECT granted.
    fn switches(self) -> bool {
        self.status == 101 || self.connects()
    }

    fn connects(self) -> bool {
        self.asked == Asked::Connect && self.status / 100 == 2
    }

    fn outcome(self, head: &Head) -> Outcome {
        match head.error {
            _ if self.status >= 400 => Outcome::Error(ErrorCode::from_number(self.status.into())),
            Some(code) => Outcome::Error(code),
            None => Outcome::Ok,
        }
    }

    /// RFC 9112 section 6.3.
    fn body(self, head: &Head) -> Body {
        let none = self.asked == Asked::Head || self.status < 200 || matches!(self.status, 204 | 304);
        match (head.coding, head.length) {
            _ if none || self.connects() => Body::Length(0),
            (Some(Coding::Chunked), _) => Body::Chunked(Chunks::Size),
            (None, Some(length)) => Body::Length(length),
            (Some(Coding::Other), _) | (None, None) => Body::UntilClose,
        }
    }
}

/// Whether the final response is still to come.
fn is_interim(status: u16) -> bool {
    status < 200 && status != 101
}

/// What a JSON body of a response that claims to be fine tells.
fn inside(error: bool) -> Outcome {
    if error {
        Outcome::Error(ErrorCode::from_number(200))
    } else {
        Outcome::Ok
    }
}
