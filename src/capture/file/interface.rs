//! What pcapng says of an interface: link type, name, clock, drops.

use super::ledger::{FileId, Ledger};
use super::reader::{Link, Order, Stop};
use crate::clock::{Span, Timestamp};

pub(super) const TOO_SHORT: Stop = Stop::Corrupt("a block too short for its kind");
pub(super) const TOO_MANY_INTERFACES: Stop = Stop::Corrupt("more than 1024 interfaces");

/// An interface description block.
pub(super) struct Interface {
    pub link: Link,
    pub clock: Clock,
    /// Index into the source's interfaces.
    pub name: u16,
    /// As the latest statistics block has it.
    pub dropped: u64,
}

const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;
const DROPPED_BY_INTERFACE: u16 = 5;
const DROPPED_BY_SYSTEM: u16 = 7;

impl Interface {
    /// Link type, reserved, snap length, options.
    pub(super) fn read(body: &[u8], order: Order, file: FileId, ledger: &mut Ledger) -> Result<Self, Stop> {
        let (fixed, rest) = body.split_first_chunk::<8>().ok_or(TOO_SHORT)?;
        let mut name = None;
        let mut clock = Clock::default();
        for (code, value) in options(rest, order) {
            match (code, value) {
                (NAME, value) => name = Some(printable(value)),
                (RESOLUTION, &[resolution, ..]) => clock.resolution = Resolution::of(resolution),
                (OFFSET, value) => clock.offset = offset(value, order),
                _ => {}
            }
        }
        Ok(Self {
            link: Link::new(u32::from(order.u16([fixed[0], fixed[1]])), file, ledger),
            clock,
            name: ledger
                .interface(file, name.as_deref())
                .ok_or(TOO_MANY_INTERFACES)?,
            dropped: 0,
        })
    }
}

/// Interface and drops so far, of a statistics block: interface, time (two halves), options.
pub(super) fn dropped(body: &[u8], order: Order) -> Result<(u32, u64), Stop> {
    let (fixed, rest) = body.split_first_chunk::<12>().ok_or(TOO_SHORT)?;
    let counted = |(code, value): (u16, &[u8])| match code {
        DROPPED_BY_INTERFACE | DROPPED_BY_SYSTEM => value.first_chunk().map(|value| u64_of(order, *value)),
        _ => None,
    };
    let dropped = options(rest, order)
        .filter_map(counted)
        .fold(0, u64::saturating_add);
    Ok((order.u32([fixed[0], fixed[1], fixed[2], fixed[3]]), dropped))
}

/// The options in `bytes`: code, length, value padded to four bytes. Ends at what does not hold together.
fn options(mut bytes: &[u8], order: Order) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[c0, c1, l0, l1], rest) = bytes.split_first_chunk()?;
        let length = usize::from(order.u16([l0, l1]));
        let value = rest.get(..length)?;
        bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((order.u16([c0, c1]), value))
    })
    .take_while(|(code, _)| *code != 0)
}

/// An interface's name for people: at most 64 characters, none of them control characters.
fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect()
}

fn offset(value: &[u8], order: Order) -> Span {
    value.first_chunk().map_or(Span::ZERO, |value| {
        Span::from_secs(u64_of(order, *value).cast_signed())
    })
}

fn u64_of(order: Order, bytes: [u8; 8]) -> u64 {
    match order {
        Order::Little => u64::from_le_bytes(bytes),
        Order::Big => u64::from_be_bytes(bytes),
    }
}

/// How an interface counts time: ticks since an offset from the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    resolution: Resolution,
    offset: Span,
}

/// What a tick is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// This many nanoseconds.
    Nanoseconds(u64),
    /// A second is this many ticks.
    PerSecond(u64),
    /// A second is two to the power of this many ticks.
    PowerOfTwo(u8),
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            resolution: Resolution::Nanoseconds(1000),
            offset: Span::ZERO,
        }
    }
}

impl Clock {
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        Timestamp::from_nanos(self.resolution.nanos(ticks)) + self.offset
    }
}

impl Resolution {
    /// `if_tsresol`: a negative power of ten, or of two with the top bit set. What is finer than 64 bits can tell apart reads as
    /// the finest that they can.
    fn of(option: u8) -> Self {
        let power = option & 0x7f;
        match option {
            0x80.. => Self::PowerOfTwo(power.min(63)),
            ..10 => Self::Nanoseconds(10_u64.pow(9 - u32::from(power))),
            _ => Self::PerSecond(10_u64.pow(u32::from(power.min(19)))),
        }
    }

    #[inline]
    fn nanos(self, ticks: u64) -> i64 {
        match self {
            Self::Nanoseconds(1) => saturated(ticks),
            Self::Nanoseconds(each) => saturated(ticks.saturating_mul(each)),
            Self::PerSecond(ticks_per_second) => Self::scaled(ticks, u128::from(ticks_per_second)),
            Self::PowerOfTwo(power) => Self::scaled(ticks, 1 << power),
        }
    }

    fn scaled(ticks: u64, per_second: u128) -> i64 {
        let nanos = u128::from(ticks) * 1_000_000_000 / per_second;
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

#[inline]
fn saturated(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, ticks: u64) -> i64 {
        Clock {
            resolution: Resolution::of(resolution),
            offset: Span::ZERO,
        }
        .time(ticks)
        .nanos()
    }

    #[test]
    fn ticks_of_any_resolution_are_nanoseconds() {
        assert_eq!(time(9, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(time(6, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(time(0, 1_700_000_000), 1_700_000_000_000_000_000);
        assert_eq!(time(12, 1_700_000_000_123_456), 1_700_000_000_123);
        assert_eq!(time(0x80, 3), 3_000_000_000);
        assert_eq!(time(0x80 | 32, 5 << 31), 2_500_000_000);
    }

    #[test]
    fn hostile_resolutions_and_ticks_saturate() {
        for resolution in 0..=255 {
            for ticks in [0, 1, u64::MAX] {
                assert!(time(resolution, ticks) >= 0);
            }
        }
        assert_eq!(time(0, u64::MAX), i64::MAX);
    }

    #[test]
    fn options_end_where_they_do_not_hold_together() {
        let bytes = [
            2, 0, 3, 0, b'e', b't', b'h', 0, 9, 0, 1, 0, 9, 0, 0, 0, 7, 0, 200, 0, 1,
        ];
        let found: Vec<_> = options(&bytes, Order::Little).collect();
        assert_eq!(found, [(2, &b"eth"[..]), (9, &[9][..])]);
    }
}
