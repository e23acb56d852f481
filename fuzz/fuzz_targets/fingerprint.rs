//! Any bytes as a statement: read without panic, within bounds, the same by every way to the fingerprint, and without a literal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhound::exchange::fingerprint::{MAX_SUMMARY, MAX_TEXT, hash, normalise, summary};
use sockhound::exchange::statements::Statements;
use sockhound::protocol::Language;
use sockhound_fuzz::{Input, SQL, holds_literal};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let choice = input.byte();
    let language = match choice & 7 {
        0 => Language::Redis,
        1 => Language::Http,
        other => SQL[usize::from(other) % SQL.len()],
    };
    let truncated = choice & 8 != 0;
    let mut statements = Statements::new(1000, false);
    // Several statements in one input, so that templates of earlier ones meet later ones.
    for bytes in input.0.split(|&byte| byte == 0) {
        let mut text = String::new();
        normalise(language, bytes, truncated, &mut text);
        assert!(text.len() <= MAX_TEXT);
        assert!(
            !SQL.contains(&language) || !holds_literal(language, &text),
            "{bytes:?} becomes {text:?}"
        );
        assert!(summary(language, &text).len() <= MAX_SUMMARY);
        let id = statements.resolve(language, bytes, truncated);
        let statement = statements.statement(id);
        assert_eq!(statement.hash, hash(language, bytes, truncated));
    }
});
