//! What is kept of a connection with nothing in flight.

use super::names::Names;
use super::pins::Pins;
use super::{Phase, Postgresql};

const STANDARD_STRINGS: u16 = 1;
const UNNAMED_PORTAL_TOLD: u16 = 1 << 1;
/// The pins are above this bit.
const PINS: u32 = 2;

impl Postgresql {
    /// `None` while something is in flight or not known beyond doubt, and where names of statements are remembered. Ids of asks
    /// are not kept: they begin anew.
    pub(in crate::protocol) fn at_rest(&self) -> Option<u16> {
        let is_resting = self.phase == Phase::Ready
            && self.begun
            && self.proven
            && !self.unmatched
            && !self.copying_in
            && self.rows == 0
            && self.flight.is_at_rest();
        let is_told = self.names.rest().filter(|_| is_resting)?;
        let strings = u16::from(self.standard_strings) * STANDARD_STRINGS;
        let portal = u16::from(is_told) * UNNAMED_PORTAL_TOLD;
        Some(self.pins.bits() << PINS | portal | strings)
    }

    pub(in crate::protocol) fn wake(bits: u16) -> Self {
        Self {
            phase: Phase::Ready,
            begun: true,
            standard_strings: bits & STANDARD_STRINGS != 0,
            names: Names::wake(bits & UNNAMED_PORTAL_TOLD != 0),
            pins: Pins::from_bits(bits >> PINS),
            ..Self::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Decoder, Messages, Side};

    fn ready() -> Postgresql {
        let mut decoder = Postgresql::new();
        decoder.phase = Phase::Ready;
        decoder.begun = true;
        decoder
    }

    fn say(decoder: &mut Postgresql, side: Side, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut told = Messages::new();
            let crate::protocol::Step::Take(length) = decoder.decode(side, bytes, &mut told) else {
                panic!("whole messages")
            };
            bytes = &bytes[length as usize..];
        }
    }

    #[test]
    fn rests_only_between_requests() {
        let mut decoder = ready();
        assert!(decoder.at_rest().is_some());
        say(&mut decoder, Side::Client, b"Q\0\0\0\x0dSELECT a\0");
        assert_eq!(decoder.at_rest(), None);
        say(&mut decoder, Side::Server, b"C\0\0\0\x0dSELECT 1\0");
        assert_eq!(decoder.at_rest(), None);
        say(&mut decoder, Side::Server, b"Z\0\0\0\x05I");
        assert!(decoder.at_rest().is_some());
        decoder.names.parse(b"S_1");
        assert_eq!(decoder.at_rest(), None, "names do not fit");
    }

    #[test]
    fn wakes_as_it_went_to_rest() {
        let mut decoder = ready();
        decoder.standard_strings = false;
        say(&mut decoder, Side::Client, b"Q\0\0\0\x0dLISTEN a\0");
        say(&mut decoder, Side::Server, b"C\0\0\0\x0bLISTEN\0Z\0\0\0\x05I");
        let bits = decoder.at_rest().expect("at rest");
        let woken = Postgresql::wake(bits);
        assert!(woken.pins.is_pinned() && woken.pins == decoder.pins);
        assert!(!woken.standard_strings);
        assert_eq!(woken.at_rest(), Some(bits));
    }
}
