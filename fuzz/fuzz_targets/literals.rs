//! Statements put together of known parts, cut anywhere: no mark that stands only in literals is in what is told.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhound::exchange::fingerprint::normalise;
use sockhound::protocol::Language;
use sockhound_fuzz::{Input, SQL};

/// Whole literals; `Q`, `Z` and `7` stand nowhere else.
const LITERALS: [&str; 14] = [
    "'QZ7'", "'Q''Z'", "''", "7", "7.7e-77", ".7", "0x7Z", "x'7Z'", "N'Z'", "'--Q'", "'/*Z'", "'Z*/Q'",
    "'$$Q'", "7Z",
];
const POSTGRESQL: [&str; 10] = [
    "E'Q\\'Z'",
    "e'\\\\'",
    "E'Z\\\\\\'Q'",
    "$$Q'Z$$",
    "$t$Z$$Q$t$",
    "U&'Q\\0071'",
    "$7",
    "7_7",
    "'Q\\Z'",
    "'Z\"Q'",
];
const MYSQL: [&str; 8] = [
    "'Q\\'Z'",
    "\"Q\\\"Z\"",
    "\"Q'Z\"",
    "\"Z\"\"Q\"",
    "_utf8'Q'",
    "'\\\\'",
    "\"Q`Z\"",
    "'Z\"Q'",
];
const BETWEEN: [&str; 24] = [
    " ",
    ", ",
    " = ",
    "(",
    ")",
    " IN (",
    " VALUES (",
    "), (",
    " AND a ",
    " -- it's\n",
    " /* it's */ ",
    "+",
    "-",
    ";",
    " SELECT ",
    "::int ",
    " || ",
    " IS ",
    " SAVEPOINT ",
    "\n",
    " ARRAY[",
    "] ",
    " f(b, ",
    " ROW (",
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let language = SQL[usize::from(input.byte()) % SQL.len()];
    let own: &[&str] = match language {
        Language::Mysql => &MYSQL,
        Language::Postgresql { .. } => &POSTGRESQL,
        _ => &[],
    };
    let mut statement = "SELECT a ".to_owned();
    while !input.is_empty() && statement.len() < 300 {
        let choice = usize::from(input.byte());
        statement.push_str(BETWEEN[choice % BETWEEN.len()]);
        let choice = usize::from(input.byte());
        match choice % 3 {
            0 => statement.push_str(LITERALS[choice / 3 % LITERALS.len()]),
            1 => statement.push_str(own[choice / 3 % own.len()]),
            _ => {}
        }
    }
    let mut text = String::new();
    for cut in 0..=statement.len() {
        for truncated in [false, true] {
            normalise(language, &statement.as_bytes()[..cut], truncated, &mut text);
            assert!(
                !text.contains(['Q', 'Z', '7']),
                "{:?} becomes {text:?}",
                &statement[..cut]
            );
        }
    }
});
