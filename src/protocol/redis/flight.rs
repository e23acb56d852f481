//! What is in flight: for each command, in the order sent, what its reply will mean. Runs of equal commands are one entry, so
//! that pipelines of any length stay small.

use std::collections::VecDeque;

use super::command::Topic;
use crate::protocol::AskId;

/// What the reply to a command will mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Just its end.
    Plain,
    /// None comes.
    Silent,
    /// The end of a login, which is no exchange (AUTH, HELLO AUTH).
    Login,
    /// That names remembered for it are true (SELECT, CLIENT SETNAME, HELLO SETNAME).
    Learn,
    /// So many confirmations.
    Subscribe(Topic, u32),
    /// So many confirmations, or [`ALL`], or [`ALL_BEGUN`].
    Unsubscribe(Topic, u32),
    /// That a transaction is open.
    Multi,
    /// That none is any more (EXEC, DISCARD).
    Done,
    /// That the session is as new.
    Reset,
    /// That commands of others follow.
    Monitor,
    /// That replication follows.
    Replicate,
    /// Farewell.
    Quit,
}

/// As many confirmations as there are subscriptions.
pub const ALL: u32 = u32::MAX;
/// The same, of which some have come.
pub const ALL_BEGUN: u32 = u32::MAX - 1;

/// The most entries kept.
const MAX_RUNS: usize = 16 * 1024;
/// Room for so many is what every connection takes.
const USUAL: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Run {
    expect: Expect,
    count: u32,
}

/// Commands without their replies.
#[derive(Debug, Default)]
pub struct Flight {
    /// The next command's id.
    next: AskId,
    /// The front command's id.
    front: AskId,
    /// The front run, kept here so that one command at a time needs no allocation.
    head: Option<Run>,
    tail: VecDeque<Run>,
}

impl Flight {
    /// Plain commands were sent; the first one's id, or `None` where too many are in flight already.
    pub fn push_plain(&mut self, times: u32) -> Option<AskId> {
        let id = self.push(Expect::Plain)?;
        let more = times.saturating_sub(1);
        let last = self.tail.back_mut().or(self.head.as_mut());
        let run = last.filter(|run| run.count <= u32::MAX - more);
        let Some(run) = run else { return Some(id) };
        run.count += more;
        self.next = self.next.wrapping_add(more);
        Some(id)
    }

    /// A command was sent; `None` where too many are in flight already.
    pub fn push(&mut self, expect: Expect) -> Option<AskId> {
        if self.tail.len() >= MAX_RUNS {
            return None;
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        let last = self.tail.back_mut().or(self.head.as_mut());
        match last {
            None if expect == Expect::Silent => self.front = self.next,
            None => self.head = Some(Run { expect, count: 1 }),
            Some(run) if run.takes(expect) => run.count += 1,
            Some(_) => self.tail.push_back(Run { expect, count: 1 }),
        }
        Some(id)
    }

    /// The command whose reply comes next.
    pub fn front(&mut self) -> Option<(AskId, Expect)> {
        while let Some(run) = self.head {
            if run.expect != Expect::Silent {
                return Some((self.front, run.expect));
            }
            self.leave(run.count);
        }
        None
    }

    /// Whether none but plain commands are in flight.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.tail.is_empty() && self.head.is_none_or(|run| run.expect == Expect::Plain)
    }

    /// How many plain commands are the next to be answered.
    pub fn plain_ones(&self) -> u32 {
        let plain = self.head.filter(|run| run.expect == Expect::Plain);
        plain.map_or(0, |run| run.count)
    }

    /// Its reply now means this.
    pub fn expect(&mut self, expect: Expect) {
        if let Some(run) = &mut self.head {
            run.expect = expect;
        }
    }

    /// It is answered.
    pub fn pop(&mut self) {
        self.pop_alike(1);
    }

    /// So many that mean the same are answered.
    pub fn pop_alike(&mut self, times: u32) {
        match &mut self.head {
            Some(run) if run.count > times => {
                run.count -= times;
                self.front = self.front.wrapping_add(times);
            }
            Some(run) => {
                let count = run.count;
                self.leave(count);
            }
            None => {}
        }
    }

    /// Whether every command is answered.
    pub fn is_empty(&mut self) -> bool {
        self.front().is_none()
    }

    /// Whether nothing is in flight, silent commands neither.
    pub fn is_at_rest(&self) -> bool {
        self.head.is_none()
    }

    /// Bytes of the runs beyond the usual few.
    #[inline]
    pub fn kept(&self) -> usize {
        self.tail.capacity().saturating_sub(USUAL) * size_of::<Run>()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.head = None;
        self.tail = VecDeque::new();
        self.front = self.next;
    }

    /// Drops the front run of `count` commands.
    fn leave(&mut self, count: u32) {
        self.front = self.front.wrapping_add(count);
        self.head = self.tail.pop_front();
        if self.tail.is_empty() && self.tail.capacity() > 1024 {
            self.tail = VecDeque::new();
        }
    }
}

impl Run {
    fn takes(&self, expect: Expect) -> bool {
        self.expect == expect && matches!(expect, Expect::Plain | Expect::Silent) && self.count < u32::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_commands_take_one_entry() {
        let mut flight = Flight::default();
        for id in 0..1_000_000 {
            assert_eq!(flight.push(Expect::Plain), Some(id));
        }
        assert_eq!(flight.tail.len(), 0);
        for id in 0..1_000_000 {
            assert_eq!(flight.front(), Some((id, Expect::Plain)));
            flight.pop();
        }
        assert!(flight.is_empty());
    }

    #[test]
    fn several_at_once_are_as_one_after_the_other() {
        let mut flight = Flight::default();
        assert_eq!(flight.push(Expect::Multi), Some(0));
        assert_eq!((flight.push_plain(5), flight.plain_ones()), (Some(1), 0));
        flight.pop();
        assert_eq!(
            (flight.front(), flight.plain_ones()),
            (Some((1, Expect::Plain)), 5)
        );
        flight.pop_alike(3);
        assert_eq!(
            (flight.front(), flight.push_plain(1)),
            (Some((4, Expect::Plain)), Some(6))
        );
        flight.pop_alike(3);
        assert!(flight.is_at_rest());
        assert_eq!(
            (flight.push(Expect::Done), flight.front()),
            (Some(7), Some((7, Expect::Done)))
        );
    }

    #[test]
    fn silent_commands_are_passed_over() {
        let mut flight = Flight::default();
        assert_eq!(flight.push(Expect::Silent), Some(0));
        assert_eq!(flight.push(Expect::Plain), Some(1));
        assert_eq!(flight.push(Expect::Silent), Some(2));
        assert_eq!(flight.push(Expect::Silent), Some(3));
        assert_eq!(flight.push(Expect::Multi), Some(4));
        assert_eq!(flight.front(), Some((1, Expect::Plain)));
        flight.pop();
        assert_eq!(flight.front(), Some((4, Expect::Multi)));
        flight.pop();
        assert_eq!(flight.front(), None);
        assert_eq!(flight.push(Expect::Plain), Some(5));
        assert_eq!(flight.front(), Some((5, Expect::Plain)));
    }

    #[test]
    fn is_bounded() {
        let mut flight = Flight::default();
        let sent = (0..1_000_000)
            .filter(|n| {
                flight
                    .push(if n % 2 == 0 { Expect::Plain } else { Expect::Multi })
                    .is_some()
            })
            .count();
        assert_eq!(sent, MAX_RUNS + 1);
        flight.clear();
        assert!(flight.is_empty());
        assert_eq!(flight.tail.capacity(), 0);
    }
}
