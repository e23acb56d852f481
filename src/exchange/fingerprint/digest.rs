//! The hash behind statement ids.
//!
//! Ids are printed and merged between hosts and versions, so the function is our own and fixed: the state `h` starts
//! as a seed; each 64-bit word `w` makes it `lo(p) ^ hi(p)` of the 128-bit product `p = (h ^ w) * M`; two more
//! words end it. A token is its bytes in little-endian words of 8, then one word with the 0 to 7 bytes that
//! remain and the token's kind in the top byte.

use super::sink::{Sink, Word, fold, lowest, window};

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const KIND_WORD: u64 = 1 << 56;
const KIND_EXACT: u64 = 2 << 56;
const KIND_LITERAL: u64 = 3 << 56;
const KIND_SYMBOL: u64 = 4 << 56;

/// Hashes tokens as they are read.
pub(super) struct Digest {
    state: u64,
    seed: u64,
}

impl Digest {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed, seed }
    }

    #[inline]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(MULTIPLIER);
        self.state = product as u64 ^ (product >> 64) as u64;
    }

    pub(super) fn finish(mut self) -> u64 {
        self.add(0xff << 56);
        self.add(self.seed);
        self.state
    }
}

impl Sink for Digest {
    #[inline]
    fn word(&mut self, word: Word<'_>, _spaced: bool) {
        let mut at = word.start + 8;
        if at > word.end {
            self.add(word.head | KIND_WORD);
            return;
        }
        self.add(word.head);
        while at + 8 <= word.end {
            self.add(fold(window(word.text, at)));
            at += 8;
        }
        self.add(fold(lowest(window(word.text, at), word.end - at)) | KIND_WORD);
    }

    fn quoted(&mut self, bytes: &[u8], _spaced: bool) {
        let whole = bytes.len() & !7;
        for at in (0..whole).step_by(8) {
            self.add(window(bytes, at));
        }
        self.add(window(bytes, whole) | KIND_EXACT);
    }

    #[inline]
    fn literal(&mut self, _spaced: bool) {
        self.add(KIND_LITERAL);
    }

    #[inline]
    fn symbol(&mut self, byte: u8, _spaced: bool) {
        self.add(u64::from(byte) | KIND_SYMBOL);
    }

    fn restart(&mut self) {
        self.state = self.seed;
    }
}
