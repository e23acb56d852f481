//! The law: no byte of a literal survives, wherever the statement is cut.

use super::*;
use proptest::prelude::*;

/// A literal made around letters and digits that occur nowhere else, in every syntax of a dialect.
fn literal(language: Language) -> BoxedStrategy<String> {
    let any = prop_oneof![
        "'(Q|Z|7|''| |,|\\(|\\)|--|/\\*|\\*/|\\$\\$|\"|`|#|;)*'",
        "[xXbBnN]'(7|Z)*'",
        "[7]{1,9}(\\.[7]{0,3})?([eE][+-]?[7]{1,2})?",
        "0x[7Z]{1,8}",
        "\\.[7]{1,4}",
    ];
    let own = match language {
        Language::Mysql => prop_oneof![
            "'(Q|Z|7|''|\\\\'|\\\\\\\\|\\\\Z|\")*'",
            "\"(Q|Z|7|\"\"|\\\\\"|\\\\\\\\|'|\\$\\$)*\"",
            "_utf8(mb4)?'(Q|Z|7)*'",
        ]
        .boxed(),
        Language::Postgresql {
            standard_strings: false,
        } => "[eE]?'(Q|Z|7|''|\\\\'|\\\\\\\\|\\\\Z|\")*'".boxed(),
        _ => prop_oneof![
            "'(Q|Z|7|''|\\\\\\\\|\\\\Z|\")*'",
            "[eE]'(Q|Z|7|''|\\\\'|\\\\\\\\|\\\\Z|\")*'",
            "[uU]&'(Q|Z|7|''|\\\\0071)*'",
            "\\$\\$(Q|Z|7|'|\\$Z)*\\$\\$",
            "\\$t\\$(Q|Z|7|'|\\$\\$|\\$Z)*\\$t\\$",
            "\\$[7]{1,3}",
            "7_777",
        ]
        .boxed(),
    };
    prop_oneof![any, own].boxed()
}

/// What stands between literals.
fn between() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(" , ".to_owned()),
        Just(",".to_owned()),
        Just(" AND a = ".to_owned()),
        Just(" IN (".to_owned()),
        Just(") OR b < ".to_owned()),
        Just(" VALUES (".to_owned()),
        Just("), (".to_owned()),
        Just(" /* it's */ ".to_owned()),
        Just(" -- it's\n".to_owned()),
        Just(" + ".to_owned()),
        Just("; SELECT ".to_owned()),
        Just(" || f(c, ".to_owned()),
    ]
}

fn statement(language: Language) -> impl Strategy<Value = String> {
    let parts = proptest::collection::vec((between(), literal(language)), 0..8);
    parts.prop_map(|parts| {
        let mut text = "SELECT x WHERE ".to_owned();
        for (between, literal) in parts {
            text.push_str(&between);
            text.push_str(&literal);
        }
        text
    })
}

fn language() -> impl Strategy<Value = Language> {
    prop_oneof![Just(POSTGRESQL), Just(OLD_STRINGS), Just(MYSQL)]
}

fn sealed(text: &str) -> bool {
    !text.contains(['Q', 'Z', '7'])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_byte_of_a_literal_survives(
        (language, statement) in language().prop_flat_map(|it| (Just(it), statement(it))),
    ) {
        for cut in 0..=statement.len() {
            let part = &statement.as_bytes()[..cut];
            prop_assert!(sealed(&text(language, part)), "{:?}", statement.get(..cut));
            prop_assert!(sealed(&text_of_cut(language, part)), "{:?}", statement.get(..cut));
        }
    }

    #[test]
    fn reading_again_changes_nothing(
        (language, statement) in language().prop_flat_map(|it| (Just(it), statement(it))),
    ) {
        let once = text(language, &statement);
        prop_assert_eq!(&text(language, &once), &once);
        prop_assert_eq!(hash_of(language, &statement), hash_of(language, &once));
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut: bool) {
        for language in [POSTGRESQL, OLD_STRINGS, MYSQL, Language::Redis, Language::Http] {
            let mut text = String::new();
            normalise(language, &bytes, cut, &mut text);
            prop_assert!(text.len() <= MAX_TEXT);
            let _ = (hash(language, &bytes, cut), summary(language, &text));
        }
    }

    #[test]
    fn no_key_survives(key in "[QZ7]{1,20}", command in "GET|MSET|AUTH|CONFIG|XX", cut in 0_usize..80) {
        let bytes = format!("*3\r\n${}\r\n{command}\r\n${n}\r\n{key}\r\n${n}\r\n{key}\r\n", command.len(), n = key.len());
        let part = &bytes.as_bytes()[..cut.min(bytes.len())];
        prop_assert!(sealed(&text(Language::Redis, part).replace("UNKNOWN", "")));
        let request = format!("GET /a/b7{key}/{key}7?{key}7={key}");
        prop_assert!(sealed(&text(Language::Http, request)));
    }
}
