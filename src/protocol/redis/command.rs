//! Redis commands that are more than a request and its reply, and the words a command is made of.

use super::resp;

/// What publishes to subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

/// What a command does to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Gets one reply, and that is all.
    Plain,
    Ping,
    Reset,
    /// Waits by design: BLPOP and its kin, WAIT.
    Waits,
    /// Waits by design if it says BLOCK: XREAD, XREADGROUP.
    Reads,
    Auth,
    Hello,
    Select,
    Client,
    Acl,
    Config,
    Migrate,
    Sentinel,
    Subscribe(Topic),
    Unsubscribe(Topic),
    Multi,
    Exec,
    Discard,
    Watch,
    Monitor,
    /// SYNC, PSYNC.
    Sync,
    Replconf,
    Quit,
}

impl Kind {
    /// By name, in whatever case.
    pub fn of(name: &[u8]) -> Self {
        let candidates: &[(&[u8], Self)] = match name.len() {
            3 => &[(b"ACL", Self::Acl)],
            4 => &FOUR,
            5 => &FIVE,
            6 => &SIX,
            7 => &SEVEN,
            8 => &EIGHT,
            9 => &[(b"SUBSCRIBE", Self::Subscribe(Topic::Channel))],
            10 => &TEN,
            11 => &[(b"UNSUBSCRIBE", Self::Unsubscribe(Topic::Channel))],
            12 => &TWELVE,
            _ => &[],
        };
        candidates
            .iter()
            .find(|(known, _)| name[0] & !0x20 == known[0] && name.eq_ignore_ascii_case(known))
            .map_or(Self::Plain, |&(_, kind)| kind)
    }

    /// Whether it is run inside MULTI rather than queued.
    pub fn is_never_queued(self) -> bool {
        matches!(
            self,
            Self::Multi | Self::Exec | Self::Discard | Self::Watch | Self::Quit | Self::Reset
        )
    }
}

type Known = (&'static [u8], Kind);

const FOUR: [Known; 6] = [
    (b"PING", Kind::Ping),
    (b"EXEC", Kind::Exec),
    (b"AUTH", Kind::Auth),
    (b"WAIT", Kind::Waits),
    (b"SYNC", Kind::Sync),
    (b"QUIT", Kind::Quit),
];
const FIVE: [Known; 8] = [
    (b"PSYNC", Kind::Sync),
    (b"MULTI", Kind::Multi),
    (b"BLPOP", Kind::Waits),
    (b"BRPOP", Kind::Waits),
    (b"XREAD", Kind::Reads),
    (b"HELLO", Kind::Hello),
    (b"RESET", Kind::Reset),
    (b"WATCH", Kind::Watch),
];
const SIX: [Known; 6] = [
    (b"CLIENT", Kind::Client),
    (b"SELECT", Kind::Select),
    (b"CONFIG", Kind::Config),
    (b"BLMOVE", Kind::Waits),
    (b"BLMPOP", Kind::Waits),
    (b"BZMPOP", Kind::Waits),
];
const SEVEN: [Known; 4] = [
    (b"DISCARD", Kind::Discard),
    (b"MONITOR", Kind::Monitor),
    (b"WAITAOF", Kind::Waits),
    (b"MIGRATE", Kind::Migrate),
];
const EIGHT: [Known; 4] = [
    (b"BZPOPMIN", Kind::Waits),
    (b"BZPOPMAX", Kind::Waits),
    (b"REPLCONF", Kind::Replconf),
    (b"SENTINEL", Kind::Sentinel),
];
const TEN: [Known; 4] = [
    (b"PSUBSCRIBE", Kind::Subscribe(Topic::Pattern)),
    (b"SSUBSCRIBE", Kind::Subscribe(Topic::Shard)),
    (b"XREADGROUP", Kind::Reads),
    (b"BRPOPLPUSH", Kind::Waits),
];
const TWELVE: [Known; 2] = [
    (b"PUNSUBSCRIBE", Kind::Unsubscribe(Topic::Pattern)),
    (b"SUNSUBSCRIBE", Kind::Unsubscribe(Topic::Shard)),
];

/// The words of a command, first to last, as far as they are here.
#[derive(Clone, Debug)]
pub enum Words<'a> {
    /// Bulk strings, one after the other.
    Bulks(&'a [u8]),
    /// A line of words between blanks, some of them quoted.
    Inline(&'a [u8]),
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Bulks(rest) => {
                let header = resp::header(rest).ok()?;
                let end = header.size.checked_add(usize::try_from(header.value).ok()?)?;
                let word = rest.get(header.size..end)?;
                *rest = rest.get(end + 2..).unwrap_or_default();
                Some(word)
            }
            Self::Inline(rest) => {
                let (word, after) = inline_word(rest.trim_ascii_start())?;
                *rest = after;
                Some(word)
            }
        }
    }
}

/// A word without its quotes; escapes stay as they are.
fn inline_word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, inside) = line.split_first()?;
    if !matches!(first, b'"' | b'\'') {
        let end = line
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(line.len());
        return Some(line.split_at(end));
    }
    let mut escaped = false;
    let end = inside.iter().position(|&byte| {
        let closes = byte == first && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    let end = end.unwrap_or(inside.len());
    Some((&inside[..end], inside.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Kind::of(b"get"), Kind::Plain);
        assert_eq!(Kind::of(b"bLpOp"), Kind::Waits);
        assert_eq!(Kind::of(b"ssubscribe"), Kind::Subscribe(Topic::Shard));
        assert_eq!(Kind::of(b""), Kind::Plain);
        assert_eq!(Kind::of(&[0xff; 4]), Kind::Plain);
    }

    #[test]
    fn every_name_stands_under_its_length() {
        let tables: [(usize, &[Known]); 7] = [
            (4, &FOUR),
            (5, &FIVE),
            (6, &SIX),
            (7, &SEVEN),
            (8, &EIGHT),
            (10, &TEN),
            (12, &TWELVE),
        ];
        for (length, table) in tables {
            assert!(
                table
                    .iter()
                    .all(|(name, kind)| name.len() == length && Kind::of(name) == *kind)
            );
        }
    }

    #[test]
    fn inline_words_may_be_quoted() {
        let words: Vec<_> = Words::Inline(b"  SET 'a key' \"v \\\" w\" 'open").collect();
        assert_eq!(words, [&b"SET"[..], b"a key", b"v \\\" w", b"open"]);
    }

    #[test]
    fn bulk_words_stop_where_the_bytes_do() {
        let words: Vec<_> = Words::Bulks(b"$3\r\nGET\r\n$5\r\nhel").collect();
        assert_eq!(words, [b"GET"]);
    }
}
