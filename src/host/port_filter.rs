//! Which ports an inventory is about, as a set and as a program that the kernel runs on each socket.

use std::ops::RangeInclusive;

/// A set of TCP ports. A socket matches where its local or its remote port is in the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortFilter {
    /// Sorted, neither overlapping nor touching.
    ranges: Vec<RangeInclusive<u16>>,
}

impl PortFilter {
    /// Every socket matches.
    #[must_use]
    pub fn all() -> Self {
        Self {
            ranges: vec![0..=u16::MAX],
        }
    }

    /// These ports; none match where there are none.
    #[must_use]
    pub fn of(ports: impl IntoIterator<Item = u16>) -> Self {
        let mut ports: Vec<u16> = ports.into_iter().collect();
        ports.sort_unstable();
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for port in ports {
            match ranges.last_mut() {
                Some(last) if port <= last.end().saturating_add(1) => *last = *last.start()..=port,
                _ => ranges.push(port..=port),
            }
        }
        Self { ranges }
    }

    /// Whether `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let at = self.ranges.partition_point(|range| *range.end() < port);
        self.ranges.get(at).is_some_and(|range| *range.start() <= port)
    }

    /// The set as an `INET_DIAG_REQ_BYTECODE` program, which [`MAX_RANGES`] bounds; `None` where no program is needed or it
    /// would be too long.
    pub(super) fn program(&self) -> Option<Vec<u8>> {
        let everything = self.ranges.first() == Some(&(0..=u16::MAX));
        (!everything && self.ranges.len() <= MAX_RANGES).then(|| compile(&self.ranges))
    }
}

/// The most ranges of ports that are compiled; the kernel takes programs of less than 64 KiB.
const MAX_RANGES: usize = 1024;

// Operations of `struct inet_diag_bc_op` (include/uapi/linux/inet_diag.h).
const JUMP: u8 = 1;
const SOURCE_AT_LEAST: u8 = 2;
const SOURCE_AT_MOST: u8 = 3;
const DESTINATION_AT_LEAST: u8 = 4;
const DESTINATION_AT_MOST: u8 = 5;

/// A test is an operation and its operand, a jump an operation only.
const TEST: usize = 8;
const OPERATION: usize = 4;
/// One side of a range: at least, at most, accept.
const CLAUSE: usize = 2 * TEST + OPERATION;

/// A program is a row of clauses; each accepts by jumping to the program's end, or goes on to the next. What falls out of the
/// last one is refused by jumping 4 bytes beyond the end. Equality tests are newer (Linux 5.1) than these.
fn compile(ranges: &[RangeInclusive<u16>]) -> Vec<u8> {
    let sides = [
        (SOURCE_AT_LEAST, SOURCE_AT_MOST),
        (DESTINATION_AT_LEAST, DESTINATION_AT_MOST),
    ];
    let clauses = ranges.len() * sides.len();
    let mut program = Vec::with_capacity(clauses * CLAUSE + TEST);
    for range in ranges {
        for (at_least, at_most) in sides {
            clause(&mut program, (at_least, at_most), range, clauses * CLAUSE);
        }
    }
    program.extend(operation(JUMP, OPERATION, 2 * OPERATION));
    program
}

/// `body` is the length of all clauses; the refusing jump comes after them.
fn clause(program: &mut Vec<u8>, (at_least, at_most): (u8, u8), range: &RangeInclusive<u16>, body: usize) {
    let end = body + OPERATION;
    program.extend(test(at_least, *range.start(), CLAUSE));
    program.extend(test(at_most, *range.end(), CLAUSE - TEST));
    let here = program.len();
    program.extend(operation(JUMP, OPERATION, end - here));
}

/// Goes on behind itself where the test holds, `otherwise` bytes further where not.
fn test(code: u8, port: u16, otherwise: usize) -> impl Iterator<Item = u8> {
    operation(code, TEST, otherwise)
        .into_iter()
        .chain(operation(0, 0, usize::from(port)))
}

fn operation(code: u8, yes: usize, no: usize) -> [u8; OPERATION] {
    let [low, high] = (no as u16).to_ne_bytes();
    [code, yes as u8, low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `inet_diag_bc_run` of `net/ipv4/inet_diag.c`, for the operations used here.
    fn accepts(program: &[u8], source: u16, destination: u16) -> bool {
        let mut at = 0;
        while at < program.len() {
            let (code, yes) = (program[at], usize::from(program[at + 1]));
            let word = |at: usize| u16::from_ne_bytes([program[at + 2], program[at + 3]]);
            let no = usize::from(word(at));
            let holds = match code {
                JUMP => false,
                SOURCE_AT_LEAST => source >= word(at + 4),
                SOURCE_AT_MOST => source <= word(at + 4),
                DESTINATION_AT_LEAST => destination >= word(at + 4),
                DESTINATION_AT_MOST => destination <= word(at + 4),
                _ => panic!("no such operation: {code}"),
            };
            at += if holds { yes } else { no };
        }
        at == program.len()
    }

    #[test]
    fn neighbours_become_one_range() {
        let filter = PortFilter::of([6379, 5433, 5432, 5434, 5432]);
        assert_eq!(filter.ranges, [5432..=5434, 6379..=6379]);
        assert_eq!(PortFilter::of([65535, 65534]).ranges, [65534..=65535]);
    }

    #[test]
    fn the_program_says_what_the_set_says() {
        let filter = PortFilter::of([0, 1, 80, 5432, 5433, 6379, 65535]);
        let program = filter.program().expect("needed");
        for port in 0..=u16::MAX {
            assert_eq!(
                accepts(&program, port, 40_000),
                filter.contains(port),
                "source {port}"
            );
            assert_eq!(
                accepts(&program, 40_000, port),
                filter.contains(port),
                "destination {port}"
            );
        }
    }

    #[test]
    fn no_port_accepts_nothing_and_all_need_no_program() {
        let none = PortFilter::of([]);
        assert!(!none.contains(5432));
        assert!(!accepts(&none.program().expect("needed"), 5432, 5432));
        assert!(PortFilter::all().contains(0) && PortFilter::all().contains(u16::MAX));
        assert_eq!(PortFilter::all().program(), None);
    }

    #[test]
    fn a_program_stays_within_the_kernels_offsets() {
        let odd = PortFilter::of((0..MAX_RANGES as u16).map(|n| n * 2 + 1));
        let program = odd.program().expect("within the bound");
        assert!(program.len() < usize::from(u16::MAX));
        assert!(accepts(&program, 2047, 2) && !accepts(&program, 2, 2));
        assert_eq!(PortFilter::of((0..=2048).map(|n| n * 2)).program(), None);
    }
}
