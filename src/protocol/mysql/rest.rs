//! What is kept of a connection with nothing in flight.

use super::Mysql;
use super::capabilities::{Agreed, Known};
use super::command::{LastPrepared, Sending};
use super::phase::Phase;
use super::reply::Reply;

const ALL: [Known; 3] = [Known::Unknown, Known::No, Known::Yes];

fn bits(known: Known) -> u16 {
    ALL.iter().position(|it| *it == known).unwrap_or_default() as u16
}

fn known(bits: u16) -> Known {
    ALL.get(usize::from(bits & 3)).copied().unwrap_or_default()
}

impl Mysql {
    /// `None` while something is in flight or not sure, on compressed connections, and after a statement was prepared that
    /// can be meant by id -1. Ids of asks are not kept: they begin anew.
    pub(in crate::protocol) fn at_rest(&self) -> Option<u16> {
        let is_resting = (self.phase, self.sending, self.reply)
            == (Phase::Commands, Sending::Commands, Reply::First)
            && self.in_flight.is_empty()
            && !self.continues
            && !self.unsure
            && self.last_prepared == LastPrepared::Lost
            && self.names.as_ref().is_none_or(|names| names.agreed)
            && self.opening.iter().all(Option::is_none);
        let agreed = self.agreed;
        let agreed = bits(agreed.deprecate_eof)
            | bits(agreed.query_attributes) << 2
            | bits(agreed.compressed) << 4
            | bits(agreed.mariadb) << 6;
        is_resting.then_some(u16::from(self.client_sequence) << 8 | agreed)
    }

    pub(in crate::protocol) fn wake(bits: u16) -> Self {
        Self {
            phase: Phase::Commands,
            client_sequence: (bits >> 8) as u8,
            agreed: Agreed {
                deprecate_eof: known(bits),
                query_attributes: known(bits >> 2),
                compressed: known(bits >> 4),
                mariadb: known(bits >> 6),
            },
            ..Self::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_as_it_went_to_rest() {
        let mut decoder = Mysql::new();
        assert_eq!(decoder.at_rest(), None, "not logged in");
        decoder.phase = Phase::Commands;
        decoder.client_sequence = 200;
        for deprecate_eof in ALL {
            for mariadb in ALL {
                decoder.agreed = Agreed {
                    deprecate_eof,
                    query_attributes: mariadb,
                    compressed: Known::No,
                    mariadb,
                };
                let bits = decoder.at_rest().expect("at rest");
                let woken = Mysql::wake(bits);
                assert_eq!((woken.agreed, woken.client_sequence), (decoder.agreed, 200));
                assert_eq!(woken.at_rest(), Some(bits));
            }
        }
        decoder.in_flight.push(super::super::in_flight::Kind::Command);
        assert_eq!(decoder.at_rest(), None);
    }
}
