//! The statements of a run: each fingerprint once, found by the raw text before any of it is lexed.

use super::StatementId;
use super::fingerprint::{self, MAX_TEXT};
use super::validation::{is_validation, is_validation_name};
use crate::protocol::Language;
use hashbrown::HashTable;
use known::{Commands, RawTexts, TemplateKey, Templates};

mod known;

/// A statement as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The fingerprint, the same on every host and in every run. Printed as 16 hexadecimal digits: [`Statement::id`].
    pub hash: u64,
    /// The normalised text, or, where literals are shown, the first raw text that had this fingerprint; at most
    /// [`MAX_TEXT`] bytes.
    pub text: Box<str>,
    /// What it does in few words, at most 255 bytes: OpenTelemetry's `db.query.summary`.
    pub summary: Box<str>,
    /// A liveness check or a session reset: no useful work.
    pub validation: bool,
}

impl Statement {
    /// The contract's `statement_id`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

/// What statements beyond the bound are reported as.
pub const OTHER: &str = "(other statements)";

/// Finds the fingerprint of each statement. Memory is bounded: at most `limit` statements and a table of fixed size.
///
/// When it is full, further fingerprints share one statement, [`OTHER`], and are counted: ids stay valid for the whole run.
pub struct Statements {
    raw_texts: RawTexts,
    templates: Templates,
    commands: Commands,
    last_fixed: Option<(&'static str, StatementId)>,
    by_hash: HashTable<StatementId>,
    known: Vec<Statement>,
    limit: usize,
    /// The most bytes of their texts, and what there are.
    most_bytes: usize,
    bytes: usize,
    show_literals: bool,
    evicted: u64,
    text: String,
}

/// [`OTHER`] is always the first.
const OTHER_ID: StatementId = StatementId(0);

impl Statements {
    /// Keeps at most `limit` fingerprints (one at least). With `show_literals` the text kept of each is as on the wire.
    #[must_use]
    pub fn new(limit: usize, show_literals: bool) -> Self {
        let other = Statement {
            hash: fingerprint::hash_name(OTHER),
            text: OTHER.into(),
            summary: OTHER.into(),
            validation: false,
        };
        Self {
            raw_texts: RawTexts::new(),
            templates: Templates::new(),
            commands: Commands::new(),
            last_fixed: None,
            by_hash: HashTable::new(),
            known: vec![other],
            limit: limit.clamp(1, u32::MAX as usize - 1),
            most_bytes: usize::MAX,
            bytes: 0,
            show_literals,
            evicted: 0,
            text: String::new(),
        }
    }

    /// The same with texts of at most so many bytes, what is kept beside a text counted with it.
    #[must_use]
    pub fn within(mut self, most_bytes: usize) -> Self {
        self.most_bytes = most_bytes;
        self
    }

    /// The statement that these bytes are. `truncated` says that there were more of them on the wire.
    pub fn resolve(&mut self, language: Language, bytes: &[u8], truncated: bool) -> StatementId {
        if language == Language::Redis {
            return self.command(bytes, truncated);
        }
        match TemplateKey::new(language, bytes, truncated) {
            None => self.by_raw_text(language, bytes, truncated).0,
            Some(key) => self
                .templates
                .find(key, bytes)
                .unwrap_or_else(|| self.by_raw_text_or_learn(key, language, bytes)),
        }
    }

    /// The statement of a text that is known to depend on its first word and its number of words alone.
    #[must_use]
    pub fn by_first_word(&self, language: Language, bytes: &[u8]) -> Option<StatementId> {
        let head = fingerprint::head(bytes).filter(|_| language == Language::Redis)?;
        self.commands.find(head)
    }

    /// Keys make each Redis command another text: it is looked for by its name.
    fn command(&mut self, bytes: &[u8], truncated: bool) -> StatementId {
        let head = fingerprint::head(bytes);
        if let Some(id) = head.and_then(|head| self.commands.find(head)) {
            return id;
        }
        let id = self.fingerprinted(Language::Redis, bytes, truncated);
        if let Some(head) = head {
            self.commands.remember(head, bytes, id);
        }
        id
    }

    fn by_raw_text_or_learn(&mut self, key: TemplateKey, language: Language, bytes: &[u8]) -> StatementId {
        let (id, is_new) = self.by_raw_text(language, bytes, false);
        if is_new {
            self.templates.learn(key, language, bytes, id);
        }
        id
    }

    /// The statement, and whether the raw text was not known.
    fn by_raw_text(&mut self, language: Language, bytes: &[u8], truncated: bool) -> (StatementId, bool) {
        let place = self.raw_texts.place(language, bytes, truncated);
        if let Some(id) = self.raw_texts.find(place) {
            return (id, false);
        }
        let id = self.fingerprinted(language, bytes, truncated);
        self.raw_texts.remember(place, id);
        (id, true)
    }

    /// The statement of what has a fixed name and no text.
    pub fn fixed(&mut self, name: &'static str) -> StatementId {
        if let Some((last, id)) = self.last_fixed
            && std::ptr::eq(last, name)
        {
            return id;
        }
        let id = self.by_name(name);
        self.last_fixed = Some((name, id));
        id
    }

    fn by_name(&mut self, name: &'static str) -> StatementId {
        let hash = fingerprint::hash_name(name);
        self.find(hash).unwrap_or_else(|| {
            self.add(Statement {
                hash,
                text: name.into(),
                summary: name.into(),
                validation: is_validation_name(name),
            })
        })
    }

    /// What an id stands for. An id of another `Statements` may give [`OTHER`].
    #[must_use]
    pub fn statement(&self, id: StatementId) -> &Statement {
        self.known.get(id.0 as usize).unwrap_or_else(|| &self.known[0])
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// What was added since so many were known.
    #[must_use]
    pub fn since(&self, known: usize) -> &[Statement] {
        self.known.get(known..).unwrap_or_default()
    }

    /// Takes over what another `Statements` made; a fingerprint that is known keeps its id.
    pub fn learn(&mut self, other: Statement) -> StatementId {
        self.find(other.hash).unwrap_or_else(|| self.add(other))
    }

    /// All statements with their ids, [`OTHER`] first.
    pub fn iter(&self) -> impl Iterator<Item = (StatementId, &Statement)> {
        (0..).map(StatementId).zip(&self.known)
    }

    /// How many statements were folded into [`OTHER`] since the start. One that comes again after it left the table of
    /// raw texts is counted again.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn fingerprinted(&mut self, language: Language, bytes: &[u8], truncated: bool) -> StatementId {
        let hash = fingerprint::hash(language, bytes, truncated);
        match self.find(hash) {
            Some(id) => id,
            None if self.is_full() => self.fold(),
            None => self.materialise(hash, language, bytes, truncated),
        }
    }

    fn find(&self, hash: u64) -> Option<StatementId> {
        self.by_hash
            .find(hash, |&id| self.statement(id).hash == hash)
            .copied()
    }

    fn materialise(&mut self, hash: u64, language: Language, bytes: &[u8], truncated: bool) -> StatementId {
        let mut text = std::mem::take(&mut self.text);
        fingerprint::normalise(language, bytes, truncated, &mut text);
        let summary = fingerprint::summary(language, &text);
        let validation = is_validation(language, &text);
        if self.show_literals {
            raw_text(bytes, truncated, &mut text);
        }
        let id = self.add(Statement {
            hash,
            text: text.as_str().into(),
            summary: summary.into(),
            validation,
        });
        self.text = text;
        id
    }

    fn is_full(&self) -> bool {
        self.known.len() > self.limit || self.bytes >= self.most_bytes
    }

    fn fold(&mut self) -> StatementId {
        self.evicted += 1;
        OTHER_ID
    }

    fn add(&mut self, statement: Statement) -> StatementId {
        if self.is_full() {
            return self.fold();
        }
        let id = StatementId(self.known.len() as u32);
        let hash = statement.hash;
        // The record, and its place in the index.
        self.bytes += size_of::<Statement>() + 8 + statement.text.len() + statement.summary.len();
        self.known.push(statement);
        let known = &self.known;
        self.by_hash.insert_unique(hash, id, |id| {
            known.get(id.0 as usize).map_or(0, |statement| statement.hash)
        });
        id
    }
}

/// The statement as on the wire, in at most [`MAX_TEXT`] bytes.
fn raw_text(bytes: &[u8], truncated: bool, text: &mut String) {
    const ELLIPSIS: &str = "...";
    text.clear();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        if text.len() > MAX_TEXT {
            break;
        }
    }
    if truncated || text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: Language = Language::Postgresql {
        standard_strings: true,
    };

    #[test]
    fn one_statement_for_each_fingerprint() {
        let mut statements = Statements::new(10, false);
        let one = statements.resolve(SQL, b"SELECT a FROM t WHERE b = 1", false);
        assert_eq!(
            one,
            statements.resolve(SQL, b"SELECT a FROM t WHERE b = 1", false)
        );
        assert_eq!(
            one,
            statements.resolve(SQL, b"select a from t where b = 'x'", false)
        );
        let other = statements.resolve(SQL, b"SELECT 1", false);
        assert_ne!(one, other);
        assert_eq!(&*statements.statement(one).text, "SELECT a FROM t WHERE b = ?");
        assert_eq!(&*statements.statement(one).summary, "SELECT t");
        assert_eq!(statements.statement(one).id().len(), 16);
        assert!(statements.statement(other).validation && !statements.statement(one).validation);
    }

    /// Whatever was looked at before: no table may give another statement than the lexer.
    fn check_against_lexer(statements: &mut Statements, language: Language, bytes: &[u8]) {
        let id = statements.resolve(language, bytes, false);
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(
            statements.statement(id).hash,
            fingerprint::hash(language, bytes, false),
            "{text:?}"
        );
    }

    #[test]
    fn templates_are_as_the_lexer() {
        let mut statements = Statements::new(1000, false);
        for statement in [
            "SELECT a FROM orders WHERE b = 1",
            "SELECT a FROM orders WHERE b = 22",
            "SELECT a FROM orders WHERE b = -3",
            "SELECT a FROM orders WHERE b = +3",
            "SELECT a FROM orders WHERE b = --3",
            "SELECT a FROM orders WHERE b = 3.5",
            "SELECT a FROM orders WHERE b = 3e7",
            "SELECT a FROM orders WHERE b = 3x",
            "SELECT a FROM orders WHERE b = ",
            "SELECT a FROM orders WHERE b = -",
            "SELECT a FROM orders WHERE b = 3 AND c = 'x' AND d",
            "SELECT a FROM orders WHERE b = 4 AND c = '' AND d",
            "SELECT a FROM orders WHERE b = 4 AND c = 'it''s' AND d",
            "SELECT a FROM orders WHERE b = 4 AND c = 'it\\' AND d",
            "SELECT a FROM orders WHERE b = 4 AND c = 'it' AND e AND c = 'x' AND d",
            "SELECT a FROM orders WHERE b - 4",
            "SELECT a FROM orders WHERE b - -4",
            "SELECT a FROM orders WHERE b -5",
            "SELECT a FROM orders WHERE b --5",
            "SELECT a FROM orders WHERE b IN (1, 2)",
            "SELECT a FROM orders WHERE b IN (1, 2, 3)",
            "SELECT a FROM orders WHERE b = 1 -- 5",
            "SELECT a FROM orders WHERE b = 1 -- 6",
            "SELECT a FROM orders /*! WHERE b = 'c' */",
            "SELECT a FROM orders /*! WHERE b = 'c */ d' */",
        ] {
            for language in [SQL, Language::Mysql] {
                check_against_lexer(&mut statements, language, statement.as_bytes());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn templates_are_as_the_lexer_whatever_comes(
            tails in proptest::collection::vec("( = |-|\\+|[1-3]{1,2}|'|'x'|a|e|, |\\(|/\\*|\\*/|!|\\\\|\"|;|\\$){1,9}", 1..40),
        ) {
            let mut statements = Statements::new(10_000, false);
            for tail in &tails {
                for language in [SQL, Language::Mysql] {
                    let text = format!("SELECT abc FROM d WHERE e {tail}");
                    check_against_lexer(&mut statements, language, text.as_bytes());
                }
            }
        }
    }

    #[test]
    fn redis_commands_are_as_read() {
        let mut statements = Statements::new(1000, false);
        for _ in 0..2 {
            for command in [
                "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
                "*3\r\n$3\r\nGET\r\n$1\r\na\r\n",
                "*2\r\n$3\r\nSET\r\n$1\r\na\r\n",
                "*2\r\n$8\r\nSMEMBERS\r\n$1\r\na\r\n",
                "*2\r\n$8\r\nSMEMBERSX\r\n$1\r\na\r\n",
                "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n",
                "*4\r\n$4\r\nEVAL\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\nx\r\n",
                "*4\r\n$4\r\nEVAL\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nx\r\n",
                "*2\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n",
                "*2\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n",
                "*2\r\n$6\r\nsecret\r\n$3\r\nSET\r\n",
                "*1\r\n$4\r\nPING\r\n",
                "*2\r\n$3\r\nGE",
                "GET a\r\n",
            ] {
                check_against_lexer(&mut statements, Language::Redis, command.as_bytes());
            }
        }
    }

    #[test]
    fn languages_are_told_apart() {
        let mut statements = Statements::new(10, false);
        let text = b"SELECT \"a\"";
        let id = statements.resolve(SQL, text, false);
        assert_ne!(id, statements.resolve(Language::Mysql, text, false));
    }

    #[test]
    fn the_bound_holds_and_ids_stay_valid() {
        let mut statements = Statements::new(3, false);
        let first = statements.resolve(SQL, b"SELECT a0", false);
        for name in 1..100 {
            statements.resolve(SQL, format!("SELECT a{name}").as_bytes(), false);
        }
        assert_eq!(statements.iter().count(), 4);
        assert_eq!(statements.evicted(), 97);
        assert_eq!(&*statements.statement(first).text, "SELECT a0");
        let folded = statements.resolve(SQL, b"SELECT b", false);
        assert_eq!(&*statements.statement(folded).text, OTHER);
        assert_eq!(first, statements.resolve(SQL, b"select A0", false));
        assert_eq!(statements.fixed("COM_PING"), folded);
    }

    #[test]
    fn texts_are_bounded() {
        let mut statements = Statements::new(1000, false).within(10 * MAX_TEXT);
        for name in 0..100 {
            let text = format!("SELECT a{name}, {}", "b, ".repeat(MAX_TEXT));
            statements.resolve(SQL, text.as_bytes(), false);
        }
        assert!(
            (8..=11).contains(&statements.iter().count()),
            "{}",
            statements.iter().count()
        );
        assert_eq!(statements.evicted(), 101 - statements.iter().count() as u64);
    }

    #[test]
    fn fixed_names() {
        let mut statements = Statements::new(10, false);
        let ping = statements.fixed("COM_PING");
        assert_eq!(ping, statements.fixed("COM_PING"));
        assert!(statements.statement(ping).validation);
        assert_eq!(&*statements.statement(ping).text, "COM_PING");
        let statistics = statements.fixed("COM_STATISTICS");
        assert!(!statements.statement(statistics).validation);
    }

    #[test]
    fn literals_are_shown_only_when_asked_for() {
        let mut shown = Statements::new(10, true);
        let id = shown.resolve(SQL, b"SELECT 'secret\xff'", false);
        assert_eq!(&*shown.statement(id).text, "SELECT 'secret\u{fffd}'");
        assert_eq!(id, shown.resolve(SQL, b"SELECT 'other'", false));
        assert!(shown.statement(id).validation);
        let long = shown.resolve(
            SQL,
            format!("SELECT a, '{}'", "é".repeat(MAX_TEXT)).as_bytes(),
            false,
        );
        let text = &shown.statement(long).text;
        assert!(text.len() <= MAX_TEXT && text.ends_with("..."));
    }
}
