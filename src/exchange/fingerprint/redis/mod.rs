//! Redis commands: the command's name and how many keys it names, never the keys.
//!
//! A name that is in no table is not shown: in a stream that was cut it may be anybody's data.

mod commands;

use super::sink::{Sink, lowest, window};
use commands::{Command, Keys};

const UNKNOWN: &[u8] = b"(unknown command)";

/// Reads one command, in RESP with its framing or as an inline line, into `sink`.
pub(super) fn read<S: Sink>(bytes: &[u8], sink: &mut S) {
    let mut arguments = Arguments::new(bytes);
    let Some(command) = arguments.next().and_then(commands::find) else {
        return sink.quoted(UNKNOWN, false);
    };
    sink.quoted(command.name.as_bytes(), false);
    if let Some(subcommand) = subcommand(command, &arguments) {
        sink.quoted(subcommand.as_bytes(), true);
    }
    tell_keys(count_keys(command, arguments), sink);
}

/// The front of a short RESP command: the number of its words, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Head([u64; 2]);

impl Head {
    /// Bits to choose a slot by.
    #[inline]
    pub(in super::super) const fn spread(self) -> u64 {
        (self.0[0].rotate_left(29) ^ self.0[1]).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Whether the fingerprint of the command, whose head this is, depends on nothing else.
    pub(in super::super) fn suffices(bytes: &[u8]) -> bool {
        let command = Arguments::new(bytes).next().and_then(commands::find);
        command.is_some_and(|command| {
            !matches!(
                command.keys,
                Keys::Counted(_) | Keys::Stored | Keys::Streams | Keys::Container
            )
        })
    }
}

/// The head of `*N\r\n$L\r\nNAME\r\n...` with `N` of one or two digits and `L` below 9.
#[inline]
pub(in super::super) fn head(bytes: &[u8]) -> Option<Head> {
    // The last eight bytes before the name: with two digits the asterisk is not among them.
    let bytes = match bytes {
        [b'*', _, b'\r', ..] => bytes,
        [b'*', _, _, b'\r', ..] => &bytes[1..],
        _ => return None,
    };
    let [
        _,
        _,
        b'\r',
        b'\n',
        b'$',
        digit @ b'1'..=b'8',
        b'\r',
        b'\n',
        rest @ ..,
    ] = bytes
    else {
        return None;
    };
    let length = usize::from(digit - b'0');
    let name = lowest(window(rest, 0), length);
    (rest.get(length..length + 2) == Some(b"\r\n")).then_some(Head([window(bytes, 0), name]))
}

/// The command without its keys.
pub(super) fn summary(normalised: &str) -> &str {
    normalised.split(" ?").next().unwrap_or_default()
}

/// One key is `?`; more are `? (2)` to `? (9)`, then by tens, hundreds and more, so that batches make few fingerprints.
fn tell_keys<S: Sink>(keys: usize, sink: &mut S) {
    const DIGITS: [&[u8]; 10] = [
        b"", b"", b"(2)", b"(3)", b"(4)", b"(5)", b"(6)", b"(7)", b"(8)", b"(9)",
    ];
    if keys == 0 {
        return;
    }
    sink.literal(true);
    match keys {
        1 => {}
        2..=9 => sink.quoted(DIGITS.get(keys).copied().unwrap_or_default(), true),
        10..=99 => sink.quoted(b"(10-99)", true),
        100..=999 => sink.quoted(b"(100-999)", true),
        _ => sink.quoted(b"(1000+)", true),
    }
}

fn subcommand(command: Command, arguments: &Arguments<'_>) -> Option<&'static str> {
    if command.keys != Keys::Container {
        return None;
    }
    arguments.clone().next().and_then(commands::find_subcommand)
}

fn count_keys(command: Command, mut arguments: Arguments<'_>) -> usize {
    let given = arguments.remaining;
    match command.keys {
        Keys::None => 0,
        Keys::One => given.min(1),
        Keys::Two => given.min(2),
        Keys::All => given,
        Keys::AllButFirst | Keys::AllButLast => given.saturating_sub(1),
        Keys::Pairs => given / 2,
        Keys::Triples => given / 3,
        Keys::Counted(place) => number(arguments.nth(usize::from(place))).min(given),
        Keys::Stored => 1 + number(arguments.nth(1)).min(given),
        Keys::Streams => streams(arguments),
        Keys::Container => usize::from(commands::keyed(command.name) && given > 1),
    }
}

/// A decimal number of at most 9 digits, else 0.
fn number(argument: Option<&[u8]>) -> usize {
    let digits = argument.unwrap_or_default();
    if digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

/// XREAD's keys: half of what follows STREAMS.
fn streams(mut arguments: Arguments<'_>) -> usize {
    while let Some(argument) = arguments.next() {
        if argument.eq_ignore_ascii_case(b"streams") {
            return arguments.remaining / 2;
        }
    }
    0
}

/// The words of a command.
#[derive(Clone)]
struct Arguments<'a> {
    rest: &'a [u8],
    inline: bool,
    /// How many follow, those that were cut off included.
    remaining: usize,
}

impl<'a> Arguments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match bytes.strip_prefix(b"*").and_then(line) {
            Some((count, rest)) => Self {
                rest,
                inline: false,
                remaining: number(Some(count)),
            },
            None => Self {
                rest: bytes,
                inline: true,
                remaining: words(bytes).count(),
            },
        }
    }

    fn bulk(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = line(self.rest.strip_prefix(b"$")?)?;
        let length = number(Some(length));
        let (argument, rest) = rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\r\n")?;
        Some(argument)
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        let word = words(self.rest).next()?;
        let rest = self.rest.trim_ascii_start();
        self.rest = rest.get(word.len()..)?;
        Some(word)
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let next = if self.inline { self.word() } else { self.bulk() }?;
        self.remaining = self.remaining.saturating_sub(1);
        Some(next)
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// The line at the front, without its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Counts and lengths only: a line that is longer is none.
    let end = bytes.iter().take(24).position(|&byte| byte == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), bytes.get(end + 1..)?))
}
