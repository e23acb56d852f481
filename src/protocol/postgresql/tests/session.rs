//! Logins, encryption, replication, and what the server says by itself.

use super::messages::{bare, complete, error, joined, message, query, ready, startup};
use super::player::{Player, lines, session};
use crate::protocol::{Decoder, Language, Message, Messages, Side, Text};

const VERSION_3: u32 = 3 << 16;

#[test]
fn encryption_is_granted_refused_or_not_understood() {
    let ask = |code: u32| [8_u32.to_be_bytes(), code.to_be_bytes()].concat();
    for (code, answer, asides) in [
        (80_877_103, b'S', &["opaque true"][..]),
        (80_877_104, b'G', &["opaque false"]),
        (80_877_104, b'N', &[]),
    ] {
        let mut player = Player::default();
        player.client(&ask(code)).server(&[answer]);
        assert_eq!(player.seen.asides, asides);
    }
    let mut player = Player::default();
    player
        .client(&ask(80_877_103))
        .server(b"N")
        .client(&startup(VERSION_3, &["user", "u"]));
    assert_eq!(player.seen.asides, ["Login(Begun)", "session user=u database=u"]);
    let mut player = Player::default();
    player
        .client(&ask(80_877_103))
        .server(&error(b'E', "FATAL", "0A000"));
    assert_eq!(player.seen.asides, ["Login(Failed(\"0A000\"))"]);
}

#[test]
fn direct_tls_is_opaque_from_its_first_byte() {
    let mut player = Player::default();
    player.client(b"\x16\x03\x01\x02\0\x01");
    assert_eq!(player.seen.asides, ["opaque true"]);
}

#[test]
fn protocol_3_2_is_negotiated() {
    let mut player = Player::default();
    player.client(&startup(
        VERSION_3 + 2,
        &["user", "u", "database", "d", "application_name", "a"],
    ));
    player.server(&message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]));
    player.server(&joined(&[
        message(b'R', &[0; 4]),
        message(b'K', &[7; 36]),
        ready(b'I'),
    ]));
    let told = [
        "Login(Begun)",
        "session user=u database=d application=a",
        "Transaction(None)",
        "Login(Done)",
    ];
    assert_eq!(player.seen.asides, told);
}

#[test]
fn a_cancel_request_may_have_a_long_key() {
    for key in [4_usize, 32, 256] {
        let body = [80_877_102_u32.to_be_bytes().to_vec(), vec![0; 4], vec![7; key]].concat();
        let mut player = Player::default();
        player.client(&[(body.len() as u32 + 4).to_be_bytes().to_vec(), body].concat());
        assert_eq!(player.seen.asides, ["Goodbye"]);
    }
}

#[test]
fn sasl_rounds_say_nothing() {
    let mut player = Player::default();
    player.client(&startup(VERSION_3, &["user", "u"]));
    player.server(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
    player.client(&message(b'p', b"SCRAM-SHA-256\0\0\0\0\x08n,,n=,r="));
    player.server(&message(b'R', b"\0\0\0\x0br=nonce"));
    player.client(&message(b'p', &vec![b'x'; 100_000]));
    player.server(&joined(&[
        message(b'R', b"\0\0\0\x0cv=x"),
        message(b'R', &[0; 4]),
        ready(b'I'),
    ]));
    assert_eq!(player.seen.asides.len(), 4);
    assert!(player.seen.exchanges.is_empty());
}

#[test]
fn what_the_server_says_by_itself_is_no_reply() {
    let by_itself = joined(&[
        message(b'A', b"\0\0\0\x01news\0hi\0"),
        message(b'S', b"application_name\0app\0"),
    ]);
    let mut player = session();
    player.server(&joined(&[by_itself.clone(), error(b'N', "WARNING", "01000")]));
    player.client(&query("A")).server(&by_itself);
    player.server(&joined(&[
        complete("SELECT 1"),
        by_itself.clone(),
        ready(b'I'),
        by_itself.clone(),
    ]));
    assert_eq!(lines(&player), ["query [A] ok 1"]);
    assert_eq!(player.seen.unmatched, 0);
    let reply = player.seen.exchanges[0].reply.expect("a reply");
    let length = joined(&[complete("SELECT 1"), by_itself, ready(b'I')]).len() as u64;
    assert_eq!(reply.1 - reply.0 + 1, length);
    player.server(&error(b'E', "FATAL", "57P05"));
    assert_eq!((player.seen.unmatched, player.seen.exchanges.len()), (0, 1));
}

#[test]
fn a_notice_of_what_is_running_is_the_first_of_its_reply() {
    let mut player = session();
    player.client(&query("A")).server(&error(b'N', "NOTICE", "00000"));
    player.server(&joined(&[complete("DO"), ready(b'I')]));
    let length = joined(&[error(b'N', "NOTICE", "00000"), complete("DO"), ready(b'I')]).len() as u64;
    assert_eq!(
        player.seen.exchanges[0]
            .reply
            .map(|(first, last)| last - first + 1),
        Some(length)
    );
}

#[test]
fn replication_that_ends_goes_back_to_queries() {
    let mut player = session();
    player
        .client(&query("START_REPLICATION 0/0"))
        .server(&message(b'W', &[0, 0, 0]));
    player
        .server(&message(b'd', b"w...."))
        .client(&message(b'd', b"r...."))
        .server(&message(b'd', b"k...."));
    player.client(&bare(b"c")).server(&bare(b"c"));
    player.server(&joined(&[complete("START_STREAMING"), ready(b'I')]));
    player
        .client(&query("A"))
        .server(&joined(&[complete("SELECT 1"), ready(b'I')]));
    assert_eq!(
        lines(&player),
        ["query [START_REPLICATION 0/0] ok waiting", "query [A] ok 1"]
    );
    assert_eq!(player.seen.asides[0], "Pinned(true)");
    assert_eq!(player.seen.unmatched, 0);
}

#[test]
fn standard_strings_are_followed() {
    let mut player = session();
    for (value, standard) in [("off", false), ("on", true)] {
        player.server(&message(
            b'S',
            &[b"standard_conforming_strings\0", value.as_bytes(), b"\0"].concat(),
        ));
        let query = query("A");
        let mut told = Messages::new();
        player.decoder.decode(Side::Client, &query, &mut told);
        let Some(Message::Ask(ask)) = told.as_slice().first() else {
            panic!("an ask")
        };
        let Text::Raw { language, .. } = ask.text else {
            panic!("a text")
        };
        assert_eq!(
            language,
            Language::Postgresql {
                standard_strings: standard
            }
        );
    }
}
