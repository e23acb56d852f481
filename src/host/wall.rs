//! The wall clock, and what it was set by: times go on as if it never were, and are told by the clock as it is.

use std::sync::OnceLock;

use nix::time::{ClockId, clock_gettime};

use crate::clock::{Span, Timestamp};

/// Reading two clocks takes less than this, unless something comes between.
const CLOSE: Span = Span::from_nanos(20_000);
/// What is less is how the clocks were read, no step.
const STEP: Span = Span::from_millis(10);

/// Now, by the wall clock as it was when first asked, going on whatever it is set to since. It goes on while the host sleeps.
#[must_use]
pub fn now() -> Timestamp {
    let began = *BEGAN.get_or_init(|| read().ahead());
    Timestamp::from_nanos(boot().nanos() + began.nanos())
}

/// What the wall clock was set by since then, forward or back; zero where it was not.
#[must_use]
pub fn set_by() -> Span {
    let began = *BEGAN.get_or_init(|| read().ahead());
    let by = Span::from_nanos(read().ahead().nanos() - began.nanos());
    if by.nanos().abs() < STEP.nanos() {
        Span::ZERO
    } else {
        by
    }
}

/// By how much the wall clock was ahead of the time since the host was started.
static BEGAN: OnceLock<Span> = OnceLock::new();

/// Both clocks at nearly the same time.
struct Read {
    wall: Span,
    boot: Span,
}

impl Read {
    fn ahead(&self) -> Span {
        Span::from_nanos(self.wall.nanos() - self.boot.nanos())
    }
}

fn read() -> Read {
    let mut tries = 0;
    loop {
        let before = boot();
        let wall = clock(ClockId::CLOCK_REALTIME);
        let took = boot().nanos() - before.nanos();
        tries += 1;
        if took < CLOSE.nanos() || tries == 10 {
            let boot = Span::from_nanos(before.nanos() + took / 2);
            return Read { wall, boot };
        }
    }
}

fn boot() -> Span {
    clock(ClockId::CLOCK_BOOTTIME)
}

/// A clock that the kernel does not have stands still.
fn clock(id: ClockId) -> Span {
    clock_gettime(id).map_or(Span::ZERO, |time| {
        Span::from_nanos(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_wall_clock_as_long_as_that_is_not_set() {
        for _ in 0..1_000 {
            let before = clock(ClockId::CLOCK_REALTIME).nanos();
            let now = now().nanos();
            let after = clock(ClockId::CLOCK_REALTIME).nanos();
            let slack = 1_000_000;
            assert!(
                (before - slack..=after + slack).contains(&now),
                "{before} {now} {after}"
            );
            assert_eq!(set_by(), Span::ZERO);
        }
    }
}
