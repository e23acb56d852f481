//! What begins a result set, or a prepared statement's definitions.

use super::wire::{Fields, Packet};

/// The most columns that are believed: MySQL's and MariaDB's limit is 4096.
const MOST_COLUMNS: u64 = u16::MAX as u64;

/// EOF packets have a payload of five bytes, one before MySQL 4.1.
pub(super) fn is_eof(packet: &Packet<'_>) -> bool {
    packet.first() == Some(0xfe) && packet.length <= 5
}

/// The longest column count: a length-encoded number and the flag that says whether definitions follow.
pub(super) const LONGEST_COUNT: usize = 10;

/// Reads a column count and whether definitions follow. With `CLIENT_OPTIONAL_RESULTSET_METADATA` MySQL says so in a
/// byte before the count, with `MARIADB_CLIENT_CACHE_METADATA` MariaDB in a byte after it; the length tells.
pub(super) fn column_count(packet: &Packet<'_>) -> Option<(u16, bool)> {
    let &[first, ref after_first @ ..] = packet.payload else {
        return None;
    };
    if packet.length > LONGEST_COUNT {
        return None;
    }
    let mut fields = Fields(packet.payload);
    let leading = fields.length_encoded()?;
    let mut after = Fields(after_first);
    let (count, defined) = match (fields.0, after.length_encoded()) {
        ([], _) => (leading, true),
        (&[flag @ 0..=1], second) if second.is_none_or(|count| count < 2) => (leading, flag == 1),
        (_, Some(count)) if first < 2 && after.0.is_empty() => (count, first == 1),
        (&[flag @ 0..=1], _) => (leading, flag == 1),
        _ => return None,
    };
    let sane = (1..=MOST_COLUMNS).contains(&count);
    sane.then_some((count as u16, defined))
}

/// A column count of MySQL's for a result set without definitions: too short for an OK packet.
pub(super) fn is_bare_count(packet: &Packet<'_>) -> bool {
    match (packet.length, packet.payload) {
        (2, [0, count]) => *count != 0,
        (4, [0, first, ..]) => *first == 0xfc,
        _ => false,
    }
}

pub(super) struct Statement {
    pub(super) handle: u32,
    pub(super) columns: u16,
    pub(super) parameters: u16,
}

impl Statement {
    /// Reads `COM_STMT_PREPARE_OK`; the counts are 0 where no definitions follow.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        fields.skip(1);
        let mut statement = Self {
            handle: fields.u32()?,
            columns: fields.u16()?,
            parameters: fields.u16()?,
        };
        if payload.get(12) == Some(&0) {
            statement.columns = 0;
            statement.parameters = 0;
        }
        Some(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(payload: &[u8]) -> Option<(u16, bool)> {
        let mut bytes = vec![payload.len() as u8, 0, 0, 1];
        bytes.extend_from_slice(payload);
        column_count(&Packet::read(&bytes).unwrap())
    }

    #[test]
    fn reads_plain_column_counts() {
        assert_eq!(count(&[1]), Some((1, true)));
        assert_eq!(count(&[0xfc, 0, 16]), Some((4096, true)));
    }

    #[test]
    fn reads_mysqls_optional_metadata_flag() {
        assert_eq!(count(&[1, 5]), Some((5, true)));
        assert_eq!(count(&[0, 5]), Some((5, false)));
        assert_eq!(count(&[1, 0xfc, 0, 1]), Some((256, true)));
        assert_eq!(count(&[0, 0xfc, 0, 1]), Some((256, false)));
    }

    #[test]
    fn reads_mariadbs_cached_metadata_flag() {
        assert_eq!(count(&[5, 1]), Some((5, true)));
        assert_eq!(count(&[5, 0]), Some((5, false)));
        assert_eq!(count(&[1, 1]), Some((1, true)));
        assert_eq!(count(&[1, 0]), Some((1, false)));
        assert_eq!(count(&[0xfc, 0, 1, 0]), Some((256, false)));
    }

    #[test]
    fn believes_no_absurd_counts() {
        assert_eq!(count(&[0]), None);
        assert_eq!(count(&[0xfd, 0, 0, 1]), None);
        assert_eq!(count(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255]), None);
        assert_eq!(count(&[7, 7]), None);
        assert_eq!(count(&[]), None);
    }
}
