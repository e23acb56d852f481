//! A conversation in which nothing goes on, in 32 bits: most of a million connections are idle.

use crate::flow::Rested;
use crate::protocol::feed::{FeedRest, Resting};
use crate::protocol::{Side, Transaction};

/// What it takes to go on with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// Which of the watched targets it is with.
    pub(super) pattern: u16,
    pub(super) from_syn: bool,
    pub(super) transaction: Transaction,
    /// Absent where no byte has come yet.
    pub(super) feed: Option<FeedRest>,
}

/// Where each part is, from the lowest bit: the decoder's own in the lowest sixteen.
const SYSTEM: u32 = 16;
const SPEAKER: u32 = 18;
const TRANSACTION: u32 = 20;
const FROM_SYN: u32 = 22;
const PATTERN: u32 = 23;
const PATTERNS: u16 = 1 << (u32::BITS - PATTERN);

const SYSTEMS: [Option<Resting>; 4] = [
    None,
    Some(Resting::Postgresql),
    Some(Resting::Mysql),
    Some(Resting::Redis),
];
const SPEAKERS: [Option<Side>; 3] = [None, Some(Side::Client), Some(Side::Server)];
const TRANSACTIONS: [Transaction; 4] = [
    Transaction::Unknown,
    Transaction::None,
    Transaction::Open,
    Transaction::Failed,
];

impl Rest {
    /// `None` where there are more targets than fit.
    pub(super) fn pack(self) -> Option<Rested> {
        if self.pattern >= PATTERNS {
            return None;
        }
        let mut bits = place(&TRANSACTIONS, &self.transaction)? << TRANSACTION;
        bits |= u32::from(self.from_syn) << FROM_SYN | u32::from(self.pattern) << PATTERN;
        if let Some(feed) = self.feed {
            bits |= place(&SYSTEMS, &Some(feed.system))? << SYSTEM;
            bits |= place(&SPEAKERS, &feed.speaker)? << SPEAKER;
            bits |= u32::from(feed.decoder);
        }
        Some(Rested(bits))
    }

    pub(super) fn unpack(Rested(bits): Rested) -> Self {
        let system = at(&SYSTEMS, bits >> SYSTEM & 3).flatten();
        let speaker = at(&SPEAKERS, bits >> SPEAKER & 3).flatten();
        Self {
            pattern: (bits >> PATTERN) as u16,
            from_syn: bits >> FROM_SYN & 1 == 1,
            transaction: at(&TRANSACTIONS, bits >> TRANSACTION & 3).unwrap_or_default(),
            feed: system.map(|system| FeedRest {
                system,
                speaker,
                decoder: bits as u16,
            }),
        }
    }
}

fn place<T: PartialEq>(all: &[T], one: &T) -> Option<u32> {
    let place = all.iter().position(|it| it == one)?;
    u32::try_from(place).ok()
}

fn at<T: Copy>(all: &[T], place: u32) -> Option<T> {
    all.get(place as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten() {
        for system in [Resting::Postgresql, Resting::Mysql, Resting::Redis] {
            for speaker in SPEAKERS {
                for transaction in TRANSACTIONS {
                    for (decoder, pattern, from_syn) in [(0, 0, false), (u16::MAX, PATTERNS - 1, true)] {
                        let feed = Some(FeedRest {
                            system,
                            speaker,
                            decoder,
                        });
                        let rest = Rest {
                            pattern,
                            from_syn,
                            transaction,
                            feed,
                        };
                        assert_eq!(rest.pack().map(Rest::unpack), Some(rest));
                    }
                }
            }
        }
        let rest = Rest {
            pattern: PATTERNS,
            from_syn: true,
            transaction: Transaction::None,
            feed: None,
        };
        assert_eq!(rest.pack(), None);
        let silent = Rest { pattern: 3, ..rest };
        assert_eq!(silent.pack().map(Rest::unpack), Some(silent));
    }
}
