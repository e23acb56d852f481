//! Where statements are looked for before they are lexed. Both tables are of fixed size and forget; neither is ever wrong.

use crate::exchange::StatementId;
use crate::exchange::fingerprint::{Head, KEY, Template};
use crate::protocol::Language;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Raw texts seen lately, found by a seeded hash of all their bytes. Direct-mapped; 64 KiB.
pub(super) struct RawTexts {
    hasher: RandomState,
    slots: Box<[(u64, StatementId)]>,
}

/// The place of one raw text in [`RawTexts`].
#[derive(Clone, Copy)]
pub(super) struct RawText(u64);

impl RawTexts {
    const SLOTS: usize = 4096;

    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            slots: vec![(0, StatementId(0)); Self::SLOTS].into_boxed_slice(),
        }
    }

    /// A statement's place; never that of a free slot.
    pub(super) fn place(&self, language: Language, bytes: &[u8], truncated: bool) -> RawText {
        RawText(self.hasher.hash_one((language, truncated, bytes)) | 1)
    }

    pub(super) fn find(&self, place: RawText) -> Option<StatementId> {
        let &(known, id) = self.slots.get(Self::slot(place))?;
        (known == place.0).then_some(id)
    }

    pub(super) fn remember(&mut self, place: RawText, id: StatementId) {
        if let Some(slot) = self.slots.get_mut(Self::slot(place)) {
            *slot = (place.0, id);
        }
    }

    const fn slot(place: RawText) -> usize {
        (place.0 >> 32) as usize % Self::SLOTS
    }
}

/// Redis commands by their heads, where these tell all. Direct-mapped; 6 KiB.
pub(super) struct Commands(Box<[Option<(Head, StatementId)>]>);

impl Commands {
    const SLOTS: usize = 256;

    pub(super) fn new() -> Self {
        Self(vec![None; Self::SLOTS].into_boxed_slice())
    }

    pub(super) fn find(&self, head: Head) -> Option<StatementId> {
        let (known, id) = (*self.0.get(Self::slot(head))?)?;
        (known == head).then_some(id)
    }

    pub(super) fn remember(&mut self, head: Head, bytes: &[u8], id: StatementId) {
        if let Some(slot) = self.0.get_mut(Self::slot(head))
            && Head::suffices(bytes)
        {
            *slot = Some((head, id));
        }
    }

    const fn slot(head: Head) -> usize {
        (head.spread() >> 32) as usize % Self::SLOTS
    }
}

/// Templates of SQL statements, found by language, length and first bytes. Set-associative, the latest found
/// first; at most 1.4 MB when full of the longest.
pub(super) struct Templates {
    sets: Box<[Set]>,
    /// Statements that were not learnt though they could be, to learn one in so many of those that crowd a set.
    passed_over: u32,
}

struct Set {
    /// 0 for a free way.
    keys: [u64; Set::WAYS],
    ways: [(StatementId, Template); Set::WAYS],
}

/// Where templates of one statement are.
#[derive(Clone, Copy)]
pub(super) struct TemplateKey(u64);

impl TemplateKey {
    /// `None` for what never matches a template.
    pub(super) fn new(language: Language, bytes: &[u8], truncated: bool) -> Option<Self> {
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        const LENGTHS: usize = 32;
        let tag = match language {
            Language::Postgresql { standard_strings } => 1 + u64::from(standard_strings),
            Language::Mysql => 3,
            Language::Redis | Language::Http => return None,
        };
        let front = u128::from_le_bytes(*bytes.first_chunk::<KEY>()?);
        let mixed = (front as u64).wrapping_mul(MULTIPLIER) ^ (front >> 64) as u64;
        let length = (bytes.len() / LENGTHS) as u64;
        let key = (mixed.rotate_left(23) ^ (length << 2 | tag)).wrapping_mul(MULTIPLIER) | 1;
        (!truncated).then_some(Self(key))
    }
}

impl Set {
    const WAYS: usize = 8;

    fn new() -> Self {
        Self {
            keys: [0; Self::WAYS],
            ways: std::array::from_fn(|_| (StatementId(0), Template::default())),
        }
    }

    fn find(&mut self, key: u64, bytes: &[u8]) -> Option<StatementId> {
        let mut ways = self.keys.iter().zip(&self.ways).enumerate();
        let (at, id) = ways.find_map(|(at, (&known, (id, template)))| {
            (known == key && template.matches(bytes)).then_some((at, *id))
        })?;
        if at > 0 {
            self.keys.swap(at, at - 1);
            self.ways.swap(at, at - 1);
        }
        Some(id)
    }
}

impl Templates {
    const SETS: usize = 128;
    /// Of statements that crowd a set, one in so many is learnt.
    const CROWDED: u32 = 16;

    pub(super) fn new() -> Self {
        Self {
            sets: (0..Self::SETS).map(|_| Set::new()).collect(),
            passed_over: 0,
        }
    }

    pub(super) fn find(&mut self, key: TemplateKey, bytes: &[u8]) -> Option<StatementId> {
        self.sets.get_mut(Self::set(key))?.find(key.0, bytes)
    }

    /// Makes a template of a statement that was lexed, where there is room for it or it is its turn.
    pub(super) fn learn(&mut self, key: TemplateKey, language: Language, bytes: &[u8], id: StatementId) {
        let Some(set) = self.sets.get_mut(Self::set(key)) else {
            return;
        };
        let last = Set::WAYS - 1;
        let crowded = set.keys[last] != 0;
        self.passed_over += u32::from(crowded);
        if crowded && !self.passed_over.is_multiple_of(Self::CROWDED) {
            return;
        }
        let way = set.keys.iter().position(|&known| known == 0).unwrap_or(last);
        let (slot_id, template) = &mut set.ways[way];
        *slot_id = id;
        set.keys[way] = if template.learn(language, bytes) { key.0 } else { 0 };
    }

    const fn set(key: TemplateKey) -> usize {
        (key.0 >> 32) as usize % Self::SETS
    }
}
