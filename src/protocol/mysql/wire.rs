//! Packets and what ends a reply: OK, EOF and ERR. Follows the MySQL client/server protocol's "MySQL Packets" and
//! "Generic Response Packets" pages, and MariaDB's of the same matter.

use crate::protocol::{ErrorCode, MAX_NEED};

/// Bytes of a packet's header: three of length, one of sequence.
pub(super) const HEADER: usize = 4;

/// A packet of this length is continued by the next one.
pub(super) const LONGEST: usize = 0xff_ffff;

/// `SERVER_STATUS_IN_TRANS`.
pub(super) const IN_TRANSACTION: u16 = 0x0001;
/// `SERVER_MORE_RESULTS_EXISTS`.
pub(super) const MORE_RESULTS: u16 = 0x0008;
/// `SERVER_STATUS_CURSOR_EXISTS`.
pub(super) const CURSOR_EXISTS: u16 = 0x0040;

/// The bytes of an OK or EOF packet, header excluded, that hold all that is read of it.
const ENDING: usize = 21;

/// One packet, as much of it as is here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// The payload's length, 0 to [`LONGEST`].
    pub(super) length: usize,
    /// Its number within the command; 0 begins one.
    pub(super) sequence: u8,
    /// The payload's bytes that are here.
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the header at the front of `bytes`; `None` where it is not all here.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&[a, b, c, sequence], rest) = bytes.split_first_chunk::<HEADER>()?;
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        let payload = rest.get(..length).unwrap_or(rest);
        Some(Self {
            length,
            sequence,
            payload,
        })
    }

    /// Header and payload.
    pub(super) const fn size(&self) -> usize {
        HEADER + self.length
    }

    /// The payload's first byte; `None` where it is not here.
    pub(super) fn first(&self) -> Option<u8> {
        self.payload.first().copied()
    }

    /// As much of the payload as is ever read, whatever more is here.
    pub(super) fn readable(&self) -> &'a [u8] {
        self.payload.get(..MAX_NEED - HEADER).unwrap_or(self.payload)
    }

    /// Whether the next packet goes on with this one's payload.
    pub(super) const fn continues(&self) -> bool {
        self.length == LONGEST
    }

    /// Whether all the payload is here, or at least this much of it.
    pub(super) fn holds(&self, bytes: usize) -> bool {
        self.payload.len() >= self.length.min(bytes)
    }

    /// Whether enough is here to read it as OK, EOF or ERR.
    pub(super) fn holds_ending(&self) -> bool {
        self.holds(ENDING)
    }

    /// Bytes from the header's first to have [`holds_ending`](Self::holds_ending).
    pub(super) fn ending_need(&self) -> usize {
        HEADER + self.length.min(ENDING)
    }
}

/// What an OK packet says (also in the form of an EOF packet, header 0xfe).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Rows inserted, changed or deleted.
    pub(super) affected: u64,
    /// Status flags, where the packet has them.
    pub(super) status: Option<u16>,
}

impl Done {
    /// Reads an OK packet's payload (any header byte).
    pub(super) fn from_ok(payload: &[u8]) -> Self {
        let mut fields = Fields(payload);
        fields.skip(1);
        let affected = fields.length_encoded().unwrap_or(0);
        let _last_insert_id = fields.length_encoded();
        Self {
            affected,
            status: fields.u16(),
        }
    }

    /// Reads an EOF packet's payload, or the OK packet that takes its place with `CLIENT_DEPRECATE_EOF`.
    pub(super) fn from_end(packet: &Packet<'_>) -> Self {
        if packet.length > 5 {
            return Self::from_ok(packet.payload);
        }
        let mut fields = Fields(packet.payload);
        fields.skip(3);
        Self {
            affected: 0,
            status: fields.u16(),
        }
    }

    /// Whether `flag` is set.
    pub(super) fn has(self, flag: u16) -> bool {
        self.status.is_some_and(|status| status & flag != 0)
    }
}

/// What an ERR packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A statement, or the login, failed.
    Error(ErrorCode),
    /// MariaDB's progress report: the statement is still running.
    Progress,
}

impl Failure {
    /// Reads an ERR packet's payload.
    pub(super) fn from_err(payload: &[u8]) -> Self {
        let mut fields = Fields(payload);
        fields.skip(1);
        match fields.u16() {
            Some(0xffff) => Self::Progress,
            code => Self::Error(ErrorCode::from_number(u32::from(code.unwrap_or(0)))),
        }
    }
}

/// Takes fields off the front of a payload; `None` where it is too short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Drops `count` bytes, or all there are.
    pub(super) fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(bytes))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(bytes))
    }

    /// A little-endian number of at most eight bytes.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let bytes = self.bytes(bytes)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    }

    /// A length-encoded integer.
    pub(super) fn length_encoded(&mut self) -> Option<u64> {
        match self.byte()? {
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            0xfb | 0xff => None,
            small => Some(u64::from(small)),
        }
    }

    /// A length-encoded string.
    pub(super) fn length_encoded_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length_encoded()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    /// A string ended by a zero byte, or by the end of the payload.
    pub(super) fn until_zero(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_header_and_as_much_payload_as_there_is() {
        let packet = Packet::read(&[5, 0, 1, 7, 0xfe, 2]).unwrap();
        assert_eq!((packet.length, packet.sequence), (65541, 7));
        assert_eq!(packet.payload, [0xfe, 2]);
        assert!(Packet::read(&[5, 0, 1]).is_none());
    }

    #[test]
    fn reads_length_encoded_numbers() {
        let read = |bytes: &[u8]| Fields(bytes).length_encoded();
        assert_eq!(read(&[0xfa]), Some(250));
        assert_eq!(read(&[0xfc, 0xfb, 0]), Some(251));
        assert_eq!(read(&[0xfd, 1, 2, 3]), Some(0x03_0201));
        assert_eq!(read(&[0xfe, 1, 0, 0, 0, 0, 0, 0, 0x80]), Some(1 << 63 | 1));
        assert_eq!(read(&[0xfe, 1]), None);
        assert_eq!(read(&[0xfb]), None);
    }

    #[test]
    fn reads_the_status_of_ok_and_eof() {
        let ok = Done::from_ok(&[0, 0xfc, 0x2c, 1, 0, 0x0b, 0, 0, 0]);
        assert_eq!((ok.affected, ok.status), (300, Some(0x0b)));
        let eof = [5, 0, 0, 3, 0xfe, 0, 0, 0x22, 0];
        assert_eq!(Done::from_end(&Packet::read(&eof).unwrap()).status, Some(0x22));
        let old = [1, 0, 0, 3, 0xfe];
        assert_eq!(Done::from_end(&Packet::read(&old).unwrap()).status, None);
    }

    #[test]
    fn tells_errors_from_progress() {
        assert_eq!(
            Failure::from_err(b"\xff\x10\x04Too many connections"),
            Failure::Error(ErrorCode::new(b"1040"))
        );
        assert_eq!(Failure::from_err(&[0xff, 0xff, 0xff, 1, 2, 1]), Failure::Progress);
    }
}
