//! What a command has in common with those of a pipeline that are alike and as long: all but its words' bytes. So that those are
//! recognised by comparing bytes, many at a time.

use super::request::{Command, kept, short};
use super::resp;

/// A longer command has no shape.
pub const LONGEST: usize = 512;

/// So many bytes are compared at a time; a shorter command has no shape either.
const LANE: usize = 16;

/// A command's bytes, and which of them are not data: its front, its words' lengths, and what ends them.
pub struct Shape<'a> {
    text: &'a [u8],
    /// All bits of these bytes, none of the others.
    mask: &'a [u8],
}

impl<'a> Shape<'a> {
    /// The shape of a whole command that is an array, drawn on `paper`, which is blank; one that has none is like no other.
    pub fn of(command: &Command<'a>, paper: &'a mut [u8; LONGEST]) -> Self {
        let drawn = paper.get_mut(..command.text.len());
        let mask = drawn.and_then(|mask| draw(command, mask));
        Self {
            text: command.text,
            mask: mask.unwrap_or_default(),
        }
    }

    /// The size of the command at the front of `bytes`, if it is of this shape.
    #[inline]
    pub fn size_of(&self, bytes: &[u8]) -> Option<u16> {
        let size = self.mask.len();
        let (bytes, text) = (bytes.get(..size)?, self.text.get(..size)?);
        // The last lane overlaps the one before.
        let mut differences = [0; LANE];
        add_differences(
            &mut differences,
            bytes.last_chunk()?,
            text.last_chunk()?,
            self.mask.last_chunk()?,
        );
        let lanes = bytes.as_chunks().0.iter().zip(text.as_chunks().0);
        for ((one, other), mask) in lanes.zip(self.mask.as_chunks().0) {
            add_differences(&mut differences, one, other, mask);
        }
        (differences == [0; LANE]).then_some(size as u16)
    }
}

fn draw<'m>(command: &Command<'_>, mask: &'m mut [u8]) -> Option<&'m [u8]> {
    let bytes = command.text;
    let mut at = command.front.len();
    mask.get_mut(..at)?.fill(!0);
    for _ in 1..command.count {
        let end = short(bytes, at).or_else(|| kept(bytes, at))?;
        let header = resp::header(bytes.get(at..end)?).ok()?;
        mask.get_mut(at..at + header.size)?.fill(!0);
        mask.get_mut(end - 2..end)?.fill(!0);
        at = end;
    }
    Some(mask)
}

#[inline]
fn add_differences(to: &mut [u8; LANE], one: &[u8; LANE], other: &[u8; LANE], mask: &[u8; LANE]) {
    for at in 0..LANE {
        to[at] |= (one[at] ^ other[at]) & mask[at];
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{Front, front};
    use super::*;

    fn command(words: &[&str]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
        bytes
    }

    /// The size of `second` by the shape of `first`.
    fn size(first: &[u8], second: &[u8]) -> Option<u16> {
        let Front::Command(first) = front(first) else {
            panic!("no command");
        };
        Shape::of(&first, &mut [0; LONGEST]).size_of(second)
    }

    #[test]
    fn commands_of_a_shape_differ_in_data_alone() {
        let long = "x".repeat(100);
        for words in [
            &["SET", "key:000001", "a"][..],
            &["GET", "", ""],
            &["INCR", "1"],
            &["MSET", "a", "bb", &long, "\r\n$1\r\n"],
        ] {
            let first = command(words);
            let mut second = first.clone();
            second.extend(b"*1\r\n");
            assert_eq!(size(&first, &second), Some(first.len() as u16));
            for at in 0..first.len() {
                let mut second = first.clone();
                second[at] ^= 1;
                let Front::Command(it) = front(&first) else {
                    panic!("no command");
                };
                let alike =
                    super::super::request::alike(&[&first[..], &second].concat(), &it, &mut Vec::new(), 2);
                let is_alike = alike == 2 * first.len();
                assert_eq!(size(&first, &second).is_some(), is_alike, "{words:?} at {at}");
                assert_eq!(size(&first, &first[..at]), None, "cut");
            }
        }
    }

    #[test]
    fn what_is_longer_or_differs_in_length_has_another_shape() {
        let first = command(&["SET", "key:1", "a"]);
        assert_eq!(size(&first, &command(&["SET", "key:10", ""])), None);
        assert_eq!(size(&first, &command(&["SET", "key:1", "aa"])), None);
        assert_eq!(size(&first, &command(&["GET", "key:1", "a"])), None);
        for odd in [
            command(&["SET", "key:1", &"x".repeat(LONGEST)]),
            command(&["PING"]),
        ] {
            assert_eq!(size(&odd, &odd), None);
        }
    }
}
