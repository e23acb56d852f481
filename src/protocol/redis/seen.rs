//! What the server says, and what follows from it for the session.

use super::command::Topic;
use super::flight::{ALL, ALL_BEGUN, Expect};
use super::published::{Published, is_monitor_line, published};
use super::reply::{self, Elements, Scan};
use super::resp::{self, Fault};
use super::{MOST_TOGETHER, Redis};
use crate::protocol::{
    Answer, Answers, AskId, ErrorCode, Login, Message, Messages, Outcome, Step, Transaction, Usual,
};

/// What the server's side has shown.
#[derive(Debug, Default)]
pub struct Seen {
    /// Pushes are told from arrays.
    resp3: bool,
    /// MONITOR's lines come.
    monitors: bool,
    /// Told to be at work by nature.
    pinned: bool,
    /// Subscriptions by [`Topic`].
    subscriptions: [u32; 3],
    transaction: Transaction,
}

/// The protocol's version, and the transaction's state in the two bits above.
const RESP3: u16 = 1;
const TRANSACTIONS: [Transaction; 4] = [
    Transaction::Unknown,
    Transaction::None,
    Transaction::Open,
    Transaction::Failed,
];

impl Seen {
    /// All of it in three bits; `None` for a session that is at work by nature.
    pub fn bits(&self) -> Option<u16> {
        let transaction = TRANSACTIONS.iter().position(|it| *it == self.transaction)? as u16;
        let usual = !self.monitors && !self.pinned && self.subscriptions == [0; 3];
        let resp3 = u16::from(self.resp3) * RESP3;
        usual.then_some(transaction << 1 | resp3)
    }

    /// What [`Seen::bits`] gave.
    pub fn from_bits(bits: u16) -> Self {
        Self {
            resp3: bits & RESP3 != 0,
            transaction: TRANSACTIONS[usize::from(bits >> 1 & 3)],
            ..Self::default()
        }
    }
}

/// A value whose end is still to come.
#[derive(Debug)]
pub struct Open {
    role: Role,
    outcome: Outcome,
    queued: bool,
    kind: u8,
    elements: Elements,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The reply to the command in front.
    Reply,
    /// A reply to nothing that was seen.
    Unmatched,
    /// Said by the server itself: an invalidation, an attribute, what is left of a message.
    Aside,
    /// A line of MONITOR.
    Monitored,
    /// A message to subscribers.
    Published(Topic),
    /// A subscription begun (true) or ended.
    Confirmation(Topic, bool),
}

impl Seen {
    /// Something was lost: whose reply `open` is can't be said any more.
    pub fn lost(&mut self, open: Option<&mut Open>) {
        self.transaction = Transaction::Unknown;
        if let Some(open) = open {
            open.role = Role::Aside;
        }
    }

    /// Whether a reply that is no error changes nothing.
    fn is_plain(&self) -> bool {
        self.transaction == Transaction::None && !self.monitors
    }

    fn subscribed(&self) -> bool {
        self.subscriptions != [0; 3]
    }

    /// `total` is what the confirmation says: shards are counted apart, channels and patterns together.
    fn confirm(&mut self, topic: Topic, total: i64) {
        let [channels, patterns, shards] = &mut self.subscriptions;
        let total = u32::try_from(total).unwrap_or(0);
        match topic {
            Topic::Channel | Topic::Pattern if total == 0 => (*channels, *patterns) = (0, 0),
            Topic::Channel => *channels = total.saturating_sub(*patterns),
            Topic::Pattern => *patterns = total.saturating_sub(*channels),
            Topic::Shard => *shards = total,
        }
    }

    /// What gets a message has subscribed, though it was not seen to.
    fn published(&mut self, topic: Topic) {
        let subscriptions = &mut self.subscriptions[topic as usize];
        *subscriptions = (*subscriptions).max(1);
    }

    fn of(&self, topic: Topic) -> u32 {
        self.subscriptions[topic as usize]
    }

    fn tell_pinned(&mut self, told: &mut Messages<'_>) {
        let pinned = self.monitors || self.subscribed();
        if pinned != self.pinned {
            self.pinned = pinned;
            told.push(Message::Pinned(pinned));
        }
    }

    fn tell_transaction(&mut self, transaction: Transaction, told: &mut Messages<'_>) {
        if transaction != self.transaction {
            self.transaction = transaction;
            told.push(Message::Transaction(transaction));
        }
    }
}

impl Redis {
    /// Judges the front of the server's stream.
    pub(super) fn server<'a>(&'a mut self, bytes: &'a [u8], told: &mut Messages<'a>) -> Step {
        if let Some(mut open) = self.open.take() {
            let scan = open.elements.scan(bytes);
            return self.scanned(scan, *open, false, told);
        }
        match (self.flight.front(), bytes[0]) {
            (Some((id, Expect::Plain)), _) if self.seen.is_plain() => {
                if let Some(size) = reply::plain(bytes) {
                    let taken = self.answer_together(bytes) as u64;
                    let step = Step::Take(if self.sizes.len() < 2 { size } else { taken });
                    self.plain_replies(id).tell(told);
                    return step;
                }
            }
            (Some((_, Expect::Replicate)), b'\n') => return Step::Take(1),
            (Some((_, Expect::Replicate)), b'$') => return self.synchronise(told),
            _ => {}
        }
        let mut open = match self.begin(bytes) {
            Ok(open) => open,
            Err(Fault::Short) => return Step::Need(bytes.len() + 1),
            Err(Fault::Bad) => return Step::Garbage,
        };
        let scan = open.elements.scan(bytes);
        self.scanned(scan, open, true, told)
    }

    /// Takes the commonest replies to plain commands: whole, and none of them an error.
    #[inline]
    pub(super) fn usual_replies(&mut self, bytes: &[u8]) -> Option<Usual<'_>> {
        let Some((id, Expect::Plain)) = self.flight.front() else {
            return None;
        };
        if !self.seen.is_plain() || self.answer_together(bytes) != bytes.len() {
            return None;
        }
        Some(self.plain_replies(id))
    }

    /// Notes the sizes of the commonest replies at the front, no more than are due; returns where they end.
    #[inline]
    fn answer_together(&mut self, bytes: &[u8]) -> usize {
        let most = MOST_TOGETHER.min(self.flight.plain_ones() as usize);
        reply::alike(bytes, &mut self.sizes, most)
    }

    /// Most replies, with those that follow and are no different: those of [`Redis::answer_together`], or one.
    #[inline]
    fn plain_replies(&mut self, id: AskId) -> Usual<'_> {
        let first = Answer {
            id,
            outcome: Some(Outcome::Ok),
            rows: None,
            end: true,
        };
        self.flight.pop_alike(self.sizes.len().max(1) as u32);
        if self.sizes.len() < 2 {
            return Usual::Answer(None, first);
        }
        Usual::Answers(Answers {
            first,
            sizes: &self.sizes,
        })
    }

    /// SYNC is answered by the data set itself, which does not end as a string does.
    fn synchronise(&mut self, told: &mut Messages<'_>) -> Step {
        self.part(Some(Outcome::Ok), true, told);
        self.replicate(told);
        Step::Take(1)
    }

    /// Says what the value at the front is.
    fn begin(&mut self, bytes: &[u8]) -> Result<Open, Fault> {
        let role = self.role(bytes)?;
        self.seen.resp3 |= matches!(bytes[0], b'%' | b'~' | b'>' | b'_' | b'#' | b',' | b'(' | b'=');
        Ok(Open {
            role,
            outcome: outcome(bytes)?,
            queued: bytes.starts_with(b"+QUEUED\r\n"),
            kind: bytes[0],
            elements: Elements::new(u64::from(bytes[0] != b'|')),
        })
    }

    fn role(&mut self, bytes: &[u8]) -> Result<Role, Fault> {
        let front = self.flight.front();
        let by_itself = match bytes[0] {
            b'|' => return Ok(Role::Aside),
            b'+' if (self.seen.monitors || front.is_none()) && is_monitor_line(bytes)? => {
                return Ok(Role::Monitored);
            }
            b'>' => true,
            b'*' => !self.seen.resp3 && self.publishes(front),
            _ => false,
        };
        let published = if by_itself {
            published(bytes)?
        } else {
            Published::Other
        };
        match published {
            Published::Confirmation(topic, begun) => Ok(Role::Confirmation(topic, begun)),
            Published::Message(topic) => Ok(Role::Published(topic)),
            Published::Other if bytes[0] == b'>' => Ok(Role::Aside),
            Published::Other => Ok(Role::Reply),
        }
    }

    /// What follows from a value's role, once it is certain that the value begins here and now.
    fn settled(&mut self, role: Role, told: &mut Messages<'_>) -> Role {
        match role {
            Role::Reply => return self.reply(told),
            Role::Monitored => self.seen.monitors = true,
            Role::Published(topic) => self.seen.published(topic),
            _ => return role,
        }
        self.seen.tell_pinned(told);
        Role::Aside
    }

    /// Whether an array may be something published rather than a reply.
    fn publishes(&self, front: Option<(AskId, Expect)>) -> bool {
        let expect = front.map(|(_, expect)| expect);
        let expected = matches!(
            expect,
            None | Some(Expect::Subscribe(..) | Expect::Unsubscribe(..))
        );
        expected || self.seen.subscribed()
    }

    /// A reply, but to whom: what unsubscribed from everything got its last confirmation before, though nothing said so.
    fn reply(&mut self, told: &mut Messages<'_>) -> Role {
        if let Some((id, Expect::Unsubscribe(_, ALL_BEGUN))) = self.flight.front() {
            told.push(Message::Ended(id));
            self.flight.pop();
        }
        if self.flight.is_empty() {
            told.push(Message::Unmatched);
            Role::Unmatched
        } else {
            Role::Reply
        }
    }

    fn scanned<'a>(&'a mut self, scan: Scan, mut open: Open, first: bool, told: &mut Messages<'a>) -> Step {
        let (taken, end) = match scan {
            Scan::Part(taken) => (taken, false),
            Scan::End(taken) => (taken, true),
            Scan::Garbage => return Step::Garbage,
            Scan::Need(needed) => {
                self.open = (!first).then(|| Box::new(open));
                return Step::Need(needed);
            }
        };
        if first {
            open.role = self.settled(open.role, told);
        }
        match open.role {
            Role::Confirmation(topic, begun) => self.confirmation(topic, begun, &open, end, told),
            Role::Reply if end => {
                self.open = None;
                self.complete(&open, told);
                return Step::Take(taken);
            }
            Role::Reply => self.part(Some(open.outcome), false, told),
            Role::Unmatched if end && open.queued => {
                self.sent.in_multi = true;
                self.seen.tell_transaction(Transaction::Open, told);
            }
            Role::Unmatched | Role::Aside | Role::Monitored | Role::Published(_) => {}
        }
        self.open = (!end).then(|| Box::new(open));
        Step::Take(taken)
    }

    fn part(&mut self, outcome: Option<Outcome>, end: bool, told: &mut Messages<'_>) {
        let Some((id, expect)) = self.flight.front() else {
            return;
        };
        if expect != Expect::Login {
            let rows = None;
            told.push(Message::Answer(Answer {
                id,
                outcome,
                rows,
                end,
            }));
        }
        if end {
            self.flight.pop();
        }
    }

    fn confirmation(&mut self, topic: Topic, begun: bool, open: &Open, end: bool, told: &mut Messages<'_>) {
        if end {
            self.seen.confirm(topic, open.elements.integer);
        }
        let left = match (self.flight.front(), begun) {
            (Some((_, Expect::Subscribe(asked, left))), true) if asked == topic => left,
            (Some((_, Expect::Unsubscribe(asked, left))), false) if asked == topic => left,
            _ => return self.seen.tell_pinned(told),
        };
        let left = match left {
            _ if !end => left,
            ALL | ALL_BEGUN if self.seen.of(topic) > 0 => ALL_BEGUN,
            ALL | ALL_BEGUN => 0,
            _ => left.saturating_sub(1),
        };
        self.flight.expect(if begun {
            Expect::Subscribe(topic, left)
        } else {
            Expect::Unsubscribe(topic, left)
        });
        self.part(Some(Outcome::Ok), left == 0, told);
        self.seen.tell_pinned(told);
    }

    /// The last byte of a reply is there.
    fn complete<'a>(&'a mut self, open: &Open, told: &mut Messages<'a>) {
        let Some((id, expect)) = self.flight.front() else {
            return;
        };
        self.part(Some(open.outcome), true, told);
        self.tell_state(expect, open, told);
        let agreed = open.outcome == Outcome::Ok;
        self.used |= agreed && expect != Expect::Login;
        match expect {
            Expect::Plain => return,
            Expect::Login => told.push(Message::Login(match open.outcome {
                Outcome::Ok => Login::Done,
                Outcome::Error(code) => Login::Failed(code),
            })),
            Expect::Monitor if agreed => self.seen.monitors = true,
            Expect::Reset if agreed => self.reset(),
            Expect::Multi if !agreed => self.sent.in_multi = false,
            Expect::Replicate if agreed => {
                self.replicate(told);
            }
            Expect::Quit => told.push(Message::Goodbye),
            _ => {}
        }
        self.seen.tell_pinned(told);
        // HELLO 2 is answered by an array.
        self.seen.resp3 &= open.kind != b'*';
        if matches!(expect, Expect::Login | Expect::Learn) && self.names.settle(id, agreed) {
            told.push(Message::Session(self.names.agreed()));
        }
    }

    fn tell_state(&mut self, expect: Expect, open: &Open, told: &mut Messages<'_>) {
        let failed = open.outcome != Outcome::Ok;
        let transaction = match (expect, self.seen.transaction) {
            (Expect::Multi, _) if !failed => Transaction::Open,
            (Expect::Done | Expect::Reset, _) => Transaction::None,
            (_, Transaction::Unknown | Transaction::None) if open.queued => {
                self.sent.in_multi = true;
                Transaction::Open
            }
            (_, Transaction::Open) if failed => Transaction::Failed,
            (_, Transaction::Unknown) => Transaction::None,
            (_, transaction) => transaction,
        };
        self.seen.tell_transaction(transaction, told);
    }

    fn reset(&mut self) {
        let (pinned, transaction) = (self.seen.pinned, self.seen.transaction);
        self.seen = Seen {
            pinned,
            transaction,
            ..Seen::default()
        };
    }
}

/// How it went, from a value's first bytes.
fn outcome(bytes: &[u8]) -> Result<Outcome, Fault> {
    let message = match bytes[0] {
        b'-' => &bytes[1..],
        b'!' => &bytes[resp::header(bytes)?.size..],
        _ => return Ok(Outcome::Ok),
    };
    Ok(Outcome::Error(ErrorCode::new(prefix(message)?)))
}

/// The word in capitals that errors begin with; those of scripts may not have one.
fn prefix(message: &[u8]) -> Result<&[u8], Fault> {
    let in_prefix = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let (prefix, after) =
        message.split_at(message.iter().take(16).take_while(|byte| in_prefix(byte)).count());
    match after.first() {
        None if prefix.len() < 16 => Err(Fault::Short),
        Some(b' ' | b'\r') if !prefix.is_empty() => Ok(prefix),
        _ if prefix.len() == 16 => Ok(prefix),
        _ => Ok(b"ERR"),
    }
}
