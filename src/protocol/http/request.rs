//! The client's side: requests.

use super::body::{Body, Chunks};
use super::head::{Coding, Fields, Head};
use super::line::{self, Line, MAX_LINE, Request};
use super::{Asked, Http, Stage, empty_line, more, taken, target};
use crate::protocol::{Ask, AskId, Language, Message, Messages, Session, Step, Text, Verb};

/// A request that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// `None` once it is forgotten.
    pub id: Option<AskId>,
    waiting: bool,
}

impl Http {
    /// Judges the front of the client's stream.
    pub(super) fn client<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        match std::mem::take(&mut self.request) {
            Stage::Between => self.request_line(bytes, told),
            Stage::LongLine(begun) => self.long_line(begun, bytes, told),
            Stage::Fields(begun, head) => {
                self.request_fields(begun, head, bytes, 0, Session::default(), told)
            }
            Stage::Peek(begun, body) | Stage::Body(begun, body) => {
                self.request_body(begun, body, bytes, told)
            }
        }
    }

    fn request_line<'a>(&mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if let Some(step) = empty_line(bytes) {
            return step;
        }
        if !Request::may_begin(bytes) {
            return Step::Garbage;
        }
        let (text, next) = match line::line(bytes) {
            Line::Whole(text, next) => (text, Some(next)),
            Line::Long => (&bytes[..MAX_LINE], None),
            Line::Part => return Step::Need(bytes.len() + 1),
        };
        let Some(request) = Request::parse(text, next.is_none()) else {
            return Step::Garbage;
        };
        if request.version_2 {
            return Step::Opaque { tls: false };
        }
        let begun = self.ask(&request, next.is_none(), told);
        let Some(next) = next else {
            self.request = Stage::LongLine(begun);
            return Step::Take(MAX_LINE as u64);
        };
        let session = Session {
            database: target::database(request.target),
            ..Session::default()
        };
        self.request_fields(begun, Head::default(), bytes, next, session, told)
    }

    fn ask<'a>(&mut self, request: &Request<'a>, truncated: bool, told: &mut Messages<'a>) -> Begun {
        let id = self.push(match request.method {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        });
        let waiting = target::waits(request.target);
        let ping = target::is_ping(request.method, request.target);
        told.push(Message::Ask(Ask {
            id,
            verb: Some(if ping { Verb::Ping } else { Verb::Command }),
            text: Text::Raw {
                language: Language::Http,
                bytes: request.text,
                truncated,
            },
            waiting,
        }));
        let id = Some(id);
        Begun { id, waiting }
    }

    fn long_line(&mut self, begun: Begun, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        begun.go_on(told);
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.request = Stage::LongLine(begun);
            return Step::Take(bytes.len() as u64);
        };
        self.request = Stage::Fields(begun, Head::default());
        Step::Take(end as u64 + 1)
    }

    /// Reads fields from `at` on, and the body after them as far as it is here.
    fn request_fields<'a>(
        &mut self,
        begun: Begun,
        mut head: Head,
        bytes: &'a [u8],
        at: usize,
        mut session: Session<'a>,
        told: &mut Messages<'a>,
    ) -> Step {
        let fields = head.read(bytes, at, &mut session);
        let step = match fields {
            Fields::Garbage => return Step::Garbage,
            Fields::Part(0) => {
                self.request = Stage::Fields(begun, head);
                return Step::Need(bytes.len() + 1);
            }
            Fields::Part(end) => {
                self.request = Stage::Fields(begun, head);
                Step::Take(end as u64)
            }
            Fields::End(end) => self.request_end(begun, &head, &bytes[end..], end as u64),
        };
        if at == 0 {
            begun.go_on(told);
        }
        self.tell(session, told);
        step
    }

    /// The fields have ended after `head` bytes; `rest` follows.
    fn request_end(&mut self, begun: Begun, fields: &Head, rest: &[u8], head: u64) -> Step {
        let mut body = match (fields.coding, fields.length) {
            (Some(Coding::Chunked), _) => Body::Chunked(Chunks::Size),
            (_, length) => Body::Length(length.unwrap_or(0)),
        };
        match taken(body.scan(rest)) {
            Ok((taken, true)) => Step::Take(head + taken),
            Ok((taken, false)) => {
                self.request = Stage::Body(begun, body);
                Step::Take(head + taken)
            }
            Err(Step::Garbage) => Step::Garbage,
            Err(_) => {
                self.request = Stage::Body(begun, body);
                Step::Take(head)
            }
        }
    }

    fn request_body(&mut self, begun: Begun, mut body: Body, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        match taken(body.scan(bytes)) {
            Ok((taken, end)) => {
                if !end {
                    self.request = Stage::Body(begun, body);
                }
                begun.go_on(told);
                Step::Take(taken)
            }
            Err(step) => {
                self.request = Stage::Body(begun, body);
                step
            }
        }
    }
}

impl Begun {
    fn go_on(self, told: &mut Messages<'_>) {
        if let Some(id) = self.id {
            told.push(more(id, self.waiting));
        }
    }
}
