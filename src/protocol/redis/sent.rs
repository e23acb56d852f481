//! What a command means for its reply: decided when it is sent, for commands are run in order.

use super::command::{Kind, Words};
use super::flight::{ALL, Expect};
use super::names::Learnt;
use crate::protocol::Verb;

/// What the client's side has set up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Between MULTI and EXEC, where commands are queued.
    pub in_multi: bool,
    hush: Hush,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hush {
    /// Every command is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The next is not.
    Skip,
}

/// What is to be made of a command.
#[derive(Debug)]
pub struct Plan {
    /// What its reply will mean.
    pub expect: Expect,
    /// What kind of request it is.
    pub verb: Verb,
    /// Its text, where its own must not be shown.
    pub fixed: Option<&'static str>,
    /// Whether it waits by design.
    pub waiting: bool,
    /// Names that hold once it is done.
    pub learnt: Option<Box<Learnt>>,
    /// The sender is a replica.
    pub replica: bool,
    hush: Option<Hush>,
}

impl Plan {
    /// Of most commands.
    const fn plain() -> Self {
        Self {
            expect: Expect::Plain,
            verb: Verb::Command,
            fixed: None,
            waiting: false,
            learnt: None,
            replica: false,
            hush: None,
        }
    }

    fn expect(expect: Expect) -> Self {
        Self {
            expect,
            ..Self::plain()
        }
    }

    fn fixed(name: &'static str, secret: bool) -> Self {
        Self {
            fixed: secret.then_some(name),
            ..Self::plain()
        }
    }

    fn learn(expect: Expect, learnt: Learnt) -> Self {
        Self {
            learnt: Some(Box::new(learnt)),
            ..Self::expect(expect)
        }
    }
}

impl Sent {
    /// Whether a command is answered, and changes nothing.
    pub fn is_plain(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Plain | Kind::Ping) && self.hush == Hush::On
    }

    /// Plans for a command of `count` words, of which `words` come after its name (not all of them where `cut`).
    pub fn plan(&mut self, kind: Kind, words: Words<'_>, count: u64, cut: bool) -> Plan {
        let mut plan = match kind {
            Kind::Plain => Plan::plain(),
            _ if self.in_multi && !kind.is_never_queued() => queued(kind, words, cut),
            _ => self.at_once(kind, words, count, cut),
        };
        if self.hush(plan.hush) {
            plan.expect = Expect::Silent;
        }
        plan
    }

    /// Whether a command goes unanswered, and what follows for the next.
    fn hush(&mut self, says: Option<Hush>) -> bool {
        let silent = says.unwrap_or(self.hush) != Hush::On;
        self.hush = match (self.hush, says) {
            (_, Some(Hush::On)) => Hush::On,
            (_, Some(Hush::Off)) | (Hush::Off, _) => Hush::Off,
            (_, Some(Hush::Skip)) => Hush::Skip,
            (_, None) => Hush::On,
        };
        silent
    }

    fn at_once(&mut self, kind: Kind, mut words: Words<'_>, count: u64, cut: bool) -> Plan {
        let arguments = u32::try_from(count.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(ALL - 2);
        match kind {
            Kind::Multi if !self.in_multi => {
                self.in_multi = true;
                Plan::expect(Expect::Multi)
            }
            Kind::Exec | Kind::Discard => {
                self.in_multi = false;
                Plan::expect(Expect::Done)
            }
            Kind::Reset => {
                self.in_multi = false;
                Plan {
                    verb: Verb::Reset,
                    hush: Some(Hush::On),
                    ..Plan::expect(Expect::Reset)
                }
            }
            Kind::Auth => login(&mut words, count),
            Kind::Hello => hello(words),
            Kind::Select => words.next().map_or(Plan::plain(), select),
            Kind::Client => client(&mut words),
            Kind::Subscribe(topic) if arguments > 0 => Plan::expect(Expect::Subscribe(topic, arguments)),
            Kind::Unsubscribe(topic) => {
                let confirmations = if arguments == 0 { ALL } else { arguments };
                Plan::expect(Expect::Unsubscribe(topic, confirmations))
            }
            Kind::Monitor => Plan::expect(Expect::Monitor),
            Kind::Sync => Plan::expect(Expect::Replicate),
            Kind::Replconf => Plan {
                replica: is(words.next(), b"ACK"),
                ..Plan::plain()
            },
            Kind::Quit => Plan::expect(Expect::Quit),
            Kind::Waits => Plan {
                waiting: true,
                ..Plan::plain()
            },
            Kind::Reads => Plan {
                waiting: blocks(words),
                ..Plan::plain()
            },
            _ => harmless(kind, words, cut),
        }
    }
}

/// A command that is queued, or that is no different outside of MULTI.
fn queued(kind: Kind, mut words: Words<'_>, cut: bool) -> Plan {
    match kind {
        Kind::Auth => Plan::fixed("AUTH", true),
        Kind::Hello => Plan::fixed("HELLO", cut || words.any(|word| is(Some(word), b"AUTH"))),
        _ => harmless(kind, words, cut),
    }
}

fn harmless(kind: Kind, mut words: Words<'_>, cut: bool) -> Plan {
    match kind {
        Kind::Ping => Plan {
            verb: Verb::Ping,
            ..Plan::plain()
        },
        Kind::Acl => Plan::fixed("ACL SETUSER", is(words.next(), b"SETUSER")),
        Kind::Config => Plan::fixed("CONFIG SET", is(words.next(), b"SET")),
        Kind::Sentinel => Plan::fixed("SENTINEL SET", is(words.next(), b"SET")),
        Kind::Migrate => {
            let mut secret = words.skip(5).filter(|word| word.len() == 4 || word.len() == 5);
            Plan::fixed("MIGRATE", cut || secret.any(|word| is(word.get(..4), b"AUTH")))
        }
        _ => Plan::plain(),
    }
}

/// `AUTH password` or `AUTH user password`.
fn login(words: &mut Words<'_>, count: u64) -> Plan {
    let user = if count == 3 { words.next() } else { None };
    let learnt = Learnt {
        user: user.map(Learnt::keep),
        ..Learnt::default()
    };
    Plan {
        fixed: Some("AUTH"),
        ..Plan::learn(Expect::Login, learnt)
    }
}

/// `HELLO [version [AUTH user password] [SETNAME name]]`.
fn hello(words: Words<'_>) -> Plan {
    let mut learnt = Learnt::default();
    let mut expect = Expect::Learn;
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        if is(Some(word), b"AUTH") {
            expect = Expect::Login;
            learnt.user = words.next().map(Learnt::keep);
            words.next();
        } else if is(Some(word), b"SETNAME") {
            learnt.application = words.next().map(Learnt::keep);
        }
    }
    Plan {
        fixed: (expect == Expect::Login).then_some("HELLO"),
        ..Plan::learn(expect, learnt)
    }
}

fn select(database: &[u8]) -> Plan {
    Plan::learn(
        Expect::Learn,
        Learnt {
            database: Some(Learnt::keep(database)),
            ..Learnt::default()
        },
    )
}

/// `CLIENT REPLY ON|OFF|SKIP`, `CLIENT SETNAME name`.
fn client(words: &mut Words<'_>) -> Plan {
    let (which, what) = (words.next(), words.next());
    if is(which, b"SETNAME") {
        return Plan::learn(
            Expect::Learn,
            Learnt {
                application: what.map(Learnt::keep),
                ..Learnt::default()
            },
        );
    }
    let modes = [(&b"ON"[..], Hush::On), (b"OFF", Hush::Off), (b"SKIP", Hush::Skip)];
    let mode = modes
        .iter()
        .find(|(name, _)| is(which, b"REPLY") && is(what, name));
    Plan {
        hush: mode.map(|&(_, hush)| hush),
        ..Plan::plain()
    }
}

/// Whether a read of streams says BLOCK before it names them.
fn blocks(words: Words<'_>) -> bool {
    words
        .take(16)
        .take_while(|word| !is(Some(word), b"STREAMS"))
        .any(|word| is(Some(word), b"BLOCK"))
}

fn is(word: Option<&[u8]>, name: &[u8]) -> bool {
    word.is_some_and(|word| word.eq_ignore_ascii_case(name))
}
