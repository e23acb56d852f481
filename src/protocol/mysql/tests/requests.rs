//! What clients send: logins and commands.

use super::{CLIENT, SERVER, greeting, logged_in, ok, packet, response};
use crate::protocol::mysql::tests::drive::Drive;

#[test]
fn a_login_tells_user_database_and_application_and_no_secret() {
    let mut drive = Drive::new();
    drive
        .server(&greeting(b"8.0.36", SERVER))
        .client(&response(CLIENT));
    drive.server(&ok(2, 2));
    let told = [
        "Login(Begun)",
        "System(Mysql)",
        "session joe shop orders",
        "Transaction(None)",
        "Login(Done)",
    ];
    assert_eq!(drive.log, told);
}

#[test]
fn mariadb_is_told_by_the_version() {
    for version in [&b"5.5.5-10.11.6-MariaDB-log"[..], b"11.4.2-MariaDB"] {
        let mut drive = Drive::new();
        drive.server(&greeting(version, SERVER));
        assert_eq!(drive.log, ["Login(Begun)", "System(Mariadb)"]);
    }
}

#[test]
fn a_library_is_the_application_where_no_program_is_named() {
    let mut sent = response(CLIENT);
    let at = memchr::memmem::find(&sent, b"program_name").unwrap();
    sent[at] = b'P';
    let mut drive = Drive::new();
    drive.server(&greeting(b"8.0.36", SERVER)).client(&sent);
    assert_eq!(drive.log[2], "session joe shop libmysql");
}

#[test]
fn refusals_instead_of_the_greeting_are_failed_logins() {
    let mut drive = Drive::new();
    drive.server(&packet(0, b"\xff\x10\x04Too many connections"));
    assert_eq!(drive.log, ["Login(Begun)", "Login(Failed(\"1040\"))"]);
}

#[test]
fn rounds_of_authentication_are_no_exchanges() {
    let mut drive = Drive::new();
    drive
        .server(&greeting(b"8.0.36", SERVER))
        .client(&response(CLIENT));
    drive.server(&packet(2, b"\xfecaching_sha2_password\0salt salt salt salt\0"));
    drive.client(&packet(3, b"scramble of thirty-two bytes...."));
    drive.server(&packet(4, &[1, 4]));
    drive.client(&packet(5, &[2]));
    drive.server(&packet(6, b"\x01-----BEGIN PUBLIC KEY-----"));
    drive.client(&packet(7, &[0; 256]));
    drive.server(&packet(8, &[1, 3])).server(&ok(9, 2));
    assert_eq!(drive.log[3..], ["Transaction(None)", "Login(Done)"]);
}

#[test]
fn the_old_authentication_switch_is_a_round() {
    let mut drive = Drive::new();
    drive
        .server(&greeting(b"5.6.1", SERVER))
        .client(&response(CLIENT));
    drive.server(&packet(2, &[0xfe])).client(&packet(3, b"oldscramb"));
    drive.server(&packet(4, b"\xff\x15\x04#28000Access denied"));
    assert_eq!(drive.log.last().unwrap(), "Login(Failed(\"1045\"))");
}

#[test]
fn tls_begins_after_the_request_for_it_on_both_sides() {
    let mut drive = Drive::new();
    drive.server(&greeting(b"8.0.36", SERVER | 1 << 11));
    let mut request = [0; 32];
    request[..4].copy_from_slice(&(CLIENT | 1 << 11).to_le_bytes());
    let mut sent = packet(1, &request);
    sent.extend_from_slice(&[0x16, 3, 1, 2, 0, 1]);
    drive.client(&sent).server(&[0x16, 3, 3, 0, 0x7a, 2]);
    assert_eq!(
        drive.log[2..],
        ["Client opaque tls=true", "Server opaque tls=true"]
    );
}

#[test]
fn a_capability_that_one_side_lacks_is_not_agreed_on() {
    let mut drive = logged_in(SERVER & !(1 << 24), CLIENT | 1 << 24);
    drive.client(&packet(0, b"\x03select 1"));
    drive.server(&packet(1, &[1])).server(&packet(2, b"\x03def"));
    drive
        .server(&packet(3, &[0xfe, 0, 0, 2, 0]))
        .server(&packet(4, b"\x011"));
    drive.server(&packet(5, &[0xfe, 0, 0, 2, 0]));
    assert_eq!(drive.log.last().unwrap(), "answer 0 ok rows=1");
}

#[test]
fn query_attributes_are_stripped() {
    let mut drive = logged_in(SERVER | 1 << 27, CLIENT | 1 << 27);
    drive.client(&packet(
        0,
        b"\x03\x01\x01\x00\x01\xfe\x00\x05trace\x03abcselect 1",
    ));
    assert_eq!(drive.log.last().unwrap(), "ask 0 query select 1");
    drive.client(&packet(0, b"\x03\x00\x01select 2"));
    assert_eq!(drive.log.last().unwrap(), "ask 1 query select 2");
}

#[test]
fn long_text_is_cut_and_the_rest_skipped() {
    let mut text = vec![b'x'; 100_000];
    text[..8].copy_from_slice(b"\x03select ");
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(0, &text)).client(&packet(0, b"\x0e"));
    assert!(drive.log[5].ends_with("xxx.."));
    assert_eq!(drive.log[5].len(), "ask 0 query ".len() + 16 * 1024 - 5 + 2);
    assert_eq!(drive.log[6], "ask 1 ping COM_PING");
}

/// Commands of 16 MiB and more come in several packets, and their reply goes on with the sequence.
#[test]
fn commands_of_16_mib_are_one_request() {
    let mut text = vec![b'x'; 0xff_ffff];
    text[..8].copy_from_slice(b"\x03select ");
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(0, &text)).client(&packet(1, b"rest of it"));
    drive.server(&ok(2, 2));
    let exchange = &drive.exchanges[0];
    assert_eq!((exchange.request, exchange.reply), ((3, 4), Some((5, 5))));
}

#[test]
fn commands_without_a_reply_are_no_exchanges() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive
        .client(&packet(0, b"\x18\x01\0\0\0\0\0long data"))
        .client(&packet(0, b"\x19\x01\0\0\0"));
    drive
        .client(&packet(0, b"\x0e"))
        .server(&ok(1, 2))
        .client(&packet(0, b"\x01"));
    let told = [
        "Closed(1)",
        "ask 0 ping COM_PING",
        "Transaction(None)",
        "answer 0 ok",
        "Goodbye",
    ];
    assert_eq!(drive.finish().log[5..], told);
}

/// MariaDB's -1 stands for the statement prepared last, even before that is answered.
#[test]
fn statement_minus_one_is_the_last_one_prepared() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(0, b"\x17\xff\xff\xff\xff\0\x01\0\0\0"));
    assert_eq!(drive.log[5], format!("ask 0 execute #{}", u64::MAX), "none was");
    drive
        .client(&packet(0, b"\x16select ?"))
        .client(&packet(0, b"\xfa\xff\xff\xff\xff\0\0"));
    let told = [
        "ask 1 prepare select ?",
        "Prepared { id: 1, handle: 4294967295 }",
        "ask 2 execute #4294967295",
    ];
    assert_eq!(drive.log[6..], told);
}

#[test]
fn the_last_one_prepared_is_unknown_after_a_hole() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(0, b"\x16select ?"));
    drive.lose(crate::protocol::Side::Client);
    drive.client(&packet(0, b"\x17\xff\xff\xff\xff\0\x01\0\0\0"));
    let last = drive.log.last().unwrap();
    assert_eq!(*last, format!("ask 1 execute #{}", u64::MAX));
}

#[test]
fn the_database_changes_once_the_server_agrees() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive
        .client(&packet(0, b"\x02other"))
        .server(&packet(1, b"\xff\x19\x04#42000no"));
    assert!(!drive.log.iter().any(|line| line.contains("other")));
    drive.client(&packet(0, b"\x02other")).server(&ok(1, 2));
    assert_eq!(drive.log.last().unwrap(), "session - other -");
    drive.client(&packet(0, b"\x03use `third`")).server(&ok(1, 2));
    assert_eq!(drive.log.last().unwrap(), "session - third -");
}

#[test]
fn rounds_of_a_changed_user_belong_to_its_exchange() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(0, b"\x11ann\0\x03abcstock\0\x21\0native\0"));
    drive
        .server(&packet(1, b"\xfenative\0salt\0"))
        .client(&packet(2, b"scramble"));
    drive.server(&ok(3, 2)).client(&packet(0, b"\x0e"));
    let told = [
        "ask 0 reset COM_CHANGE_USER",
        "ClosedAll",
        "Transaction(None)",
        "answer 0 ok",
        "session ann stock -",
        "ask 1 ping COM_PING",
    ];
    assert_eq!(drive.log[5..], told);
    assert_eq!(drive.exchanges[0].reply, Some((4, 6)));
}

/// An OK packet cut after two bytes looks like a column count, but its length does not.
#[test]
fn a_changed_users_ok_may_come_in_pieces() {
    let whole = packet(1, &[0, 9, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5]);
    for cut in 1..whole.len() {
        let mut drive = logged_in(SERVER, CLIENT);
        drive.client(&packet(0, b"\x11ann\0\x03abcstock\0\x21\0native\0"));
        drive.server(&whole[..cut]).server(&whole[cut..]);
        assert_eq!(drive.log.last().unwrap(), "session ann stock -", "cut at {cut}");
    }
}

#[test]
fn replication_is_skipped_for_ever() {
    for dump in [
        b"\x12\x04\0\0\0\0\0\x01\0\0\0bin.000001",
        b"\x1e\0\0\x01\0\0\0\0\0\0\0bin.000001",
    ] {
        let mut drive = logged_in(SERVER, CLIENT);
        drive
            .client(&packet(0, b"\x15\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"))
            .server(&ok(1, 2));
        drive.client(&packet(0, dump));
        drive
            .server(&packet(1, b"\0an event"))
            .server(b"and whatever")
            .client(b"acknowledged");
        let told = [
            "ask 0 command COM_REGISTER_SLAVE",
            "Pinned(true)",
            "Transaction(None)",
            "answer 0 ok",
            "Pinned(true)",
        ];
        assert_eq!(drive.finish().log[5..], told);
    }
}

#[test]
fn what_is_no_command_is_garbage() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive.client(&packet(7, b"\x03select 1"));
    assert_eq!(drive.log.last().unwrap(), "Client garbage");
    let mut drive = Drive::new();
    drive.client(b"GET / HTTP/1.1\r\n");
    assert_eq!(drive.log, ["Client garbage"]);
}

/// What a connection at rest costs.
#[test]
fn a_decoder_is_small() {
    assert!(size_of::<crate::protocol::mysql::Mysql>() <= 80);
}
