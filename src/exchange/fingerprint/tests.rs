use super::*;

mod redis;
mod sealed;
mod sql;

const POSTGRESQL: Language = Language::Postgresql {
    standard_strings: true,
};
const OLD_STRINGS: Language = Language::Postgresql {
    standard_strings: false,
};
const MYSQL: Language = Language::Mysql;

fn text(language: Language, statement: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    normalise(language, statement.as_ref(), false, &mut text);
    text
}

fn text_of_cut(language: Language, statement: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    normalise(language, statement.as_ref(), true, &mut text);
    text
}

fn hash_of(language: Language, statement: impl AsRef<[u8]>) -> u64 {
    hash(language, statement.as_ref(), false)
}

/// Ids are merged between hosts and versions: these may never change.
#[test]
fn hashes_are_stable() {
    assert_eq!(hash_of(POSTGRESQL, "SELECT 1"), hash_of(OLD_STRINGS, "SELECT 1"));
    let hashes = [
        hash_of(POSTGRESQL, "SELECT abalance FROM pgbench_accounts WHERE aid = 1"),
        hash_of(MYSQL, "SELECT `id` FROM orders WHERE x = 'y'"),
        hash_of(Language::Redis, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
        hash_of(Language::Http, "GET /index/_doc/8371?pretty=true"),
        hash_name("COM_PING"),
    ];
    let expected = [
        10_488_701_877_793_753_742,
        14_484_851_196_457_639_435,
        1_896_088_342_267_262_211,
        11_281_257_249_245_876_710,
        2_119_864_709_083_121_723,
    ];
    assert_eq!(hashes, expected);
}

#[test]
fn text_is_bounded() {
    let long = "SELECT a_name_of_some_length, ".repeat(1000) + "b";
    let text = text(POSTGRESQL, long);
    assert!(text.len() <= MAX_TEXT && text.ends_with("..."));
}
