//! Connections joined in their middle, and holes.

use super::{CLIENT, SERVER, eof, greeting, logged_in, ok, packet, response, result_set};
use crate::protocol::Side;
use crate::protocol::mysql::recognise;
use crate::protocol::mysql::tests::drive::Drive;

fn last(drive: &Drive) -> &str {
    drive.log.last().map_or("", String::as_str)
}

fn query() -> Vec<u8> {
    packet(0, b"\x03select 1")
}

#[test]
fn the_first_result_set_tells_whether_eofs_are_in_use() {
    for eofs in [true, false] {
        let mut drive = Drive::joined_late();
        for rows in [&[][..], &[&b"\x011"[..]]] {
            drive.client(&query()).server(&result_set(eofs, 1, rows, 2));
        }
        assert_eq!(drive.exchanges.len(), 2);
        assert_eq!(last(&drive), "answer 1 ok rows=1");
    }
}

#[test]
fn a_preparation_ends_at_the_next_command_where_no_login_was_seen() {
    let prepared = packet(1, &[0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let mut drive = Drive::joined_late();
    drive.client(&packet(0, b"\x16insert into t values (?)"));
    drive.server(&[prepared.clone(), packet(2, b"\x03def")].concat());
    assert!(drive.exchanges.is_empty(), "an EOF may follow");
    drive.client(&packet(0, b"\x17\x09\0\0\0\0\x01\0\0\0"));
    assert_eq!(drive.exchanges[0].reply, Some((1, 1)));
    drive.server(&ok(1, 2));
    assert_eq!(last(&drive), "answer 1 ok rows=0");
    drive.client(&packet(0, b"\x16insert into t values (?)"));
    drive.server(&[prepared, packet(2, b"\x03def")].concat());
    assert_eq!(drive.exchanges.len(), 3, "now it is known");
}

#[test]
fn a_preparation_ends_at_its_eof_where_no_login_was_seen() {
    let mut drive = Drive::joined_late();
    drive.client(&packet(0, b"\x16insert into t values (?)"));
    drive
        .server(&packet(1, &[0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]))
        .server(&packet(2, b"\x03def"));
    drive.server(&eof(3, 2));
    assert_eq!(drive.exchanges[0].reply, Some((1, 3)));
}

#[test]
fn a_preparation_ends_with_the_connection() {
    let mut drive = Drive::joined_late();
    drive.client(&packet(0, b"\x16insert into t values (?)"));
    drive
        .server(&packet(1, &[0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]))
        .server(&packet(2, b"\x03def"));
    assert_eq!(drive.finish().exchanges[0].reply, Some((1, 2)));
}

#[test]
fn query_attributes_are_guessed() {
    let mut drive = Drive::joined_late();
    drive.client(&packet(0, b"\x03\0\x01select 1"));
    assert_eq!(drive.log, ["ask 0 query select 1"]);
}

#[test]
fn the_rest_of_a_reply_is_skipped_silently() {
    let mut drive = Drive::joined_late();
    drive.server(b"the rest of some row, then rows\x02\0\0\x07\x011\x02\0\0\x08\x012");
    drive.server(&eof(9, 2)).client(&query()).server(&ok(1, 2));
    assert_eq!(
        drive.log,
        ["ask 0 query select 1", "Transaction(None)", "answer 0 ok rows=0"]
    );
}

#[test]
fn a_reply_whose_request_was_not_seen_is_unmatched() {
    let mut drive = Drive::joined_late();
    drive.server(&result_set(true, 1, &[b"\x011"], 2));
    assert_eq!(drive.log, ["Unmatched"]);
}

#[test]
fn rows_after_a_hole_answer_no_later_command() {
    let mut drive = logged_in(SERVER, CLIENT);
    drive
        .client(&query())
        .server(&result_set(true, 1, &[b"\x011"], 2)[..20]);
    drive.lose(Side::Client);
    drive.client(&packet(0, b"\x03select 2"));
    let mut rows = packet(7, b"\x012");
    rows.extend(eof(8, 2));
    drive
        .server(&result_set(true, 1, &[b"\x011"], 2)[20..])
        .server(&rows);
    drive.server(&packet(1, &[0, 5, 0, 2, 0, 0, 0]));
    assert_eq!(last(&drive), "answer 1 ok rows=5");
    assert_eq!(drive.exchanges.len(), 1);
}

#[test]
fn a_login_is_seen_though_its_connection_was_not() {
    let mut drive = Drive::joined_late();
    drive
        .server(&greeting(b"8.0.36", SERVER))
        .client(&response(CLIENT))
        .server(&ok(2, 2));
    assert_eq!(last(&drive), "Login(Done)");
    let mut drive = Drive::joined_late();
    drive.client(&response(CLIENT));
    drive.client(&query()).server(&result_set(true, 1, &[], 2));
    assert_eq!(drive.log[0], "session joe shop orders");
}

#[test]
fn a_login_goes_on_after_a_hole() {
    let mut drive = Drive::new();
    drive.lose(Side::Server);
    drive.client(&response(CLIENT)).server(&ok(2, 2));
    assert_eq!(
        drive.log,
        ["session joe shop orders", "Transaction(None)", "Login(Done)"]
    );
    let mut drive = Drive::new();
    drive.server(&greeting(b"8.0.36", SERVER));
    drive.lose(Side::Client);
    drive.server(&ok(2, 2)).client(&query()).server(&ok(1, 2));
    assert_eq!(drive.log[2..4], ["Transaction(None)", "Login(Done)"]);
    assert_eq!(last(&drive), "answer 0 ok rows=0");
    let mut drive = Drive::new();
    drive.lose(Side::Server);
    drive.client(&query()).server(&ok(1, 2));
    assert_eq!(last(&drive), "answer 0 ok rows=0");
}

#[test]
fn only_what_looks_like_a_packet_is_a_boundary() {
    let at = |side, bytes: &[u8]| {
        let mut drive = Drive::joined_late();
        drive.feed(side, bytes);
        !drive.is_lost(side)
    };
    assert!(at(Side::Client, &query()));
    assert!(at(
        Side::Client,
        &[packet(0, b"\x19\x01\0\0\0"), query()].concat()
    ));
    assert!(at(Side::Client, b"\xff\xff\0\0\x03insert into t values ("));
    assert!(!at(Side::Client, b"select 1"));
    assert!(!at(Side::Client, &packet(3, b"\x03select 1")));
    assert!(!at(Side::Client, &packet(0, b"\x0eping")));
    assert!(!at(Side::Client, &[query(), vec![1, 2]].concat()));
    assert!(at(Side::Server, &ok(1, 2)));
    assert!(at(Side::Server, &result_set(true, 3, &[b"\x011"], 2)[..50]));
    assert!(!at(Side::Server, &ok(1, 2)[..9]));
    assert!(!at(Side::Server, b"\x02\0\0\x07\x011\x02\0\0\x08\x012"));
    assert!(!at(Side::Server, b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn the_protocol_is_recognised_on_any_port() {
    assert!(recognise(Side::Server, &greeting(b"8.0.36", SERVER)));
    assert!(recognise(
        Side::Server,
        &greeting(b"5.5.5-10.11.6-MariaDB", SERVER)
    ));
    assert!(recognise(
        Side::Server,
        &packet(0, b"\xff\x10\x04Too many connections")
    ));
    assert!(recognise(Side::Client, &response(CLIENT)));
    assert!(recognise(Side::Client, &query()));
    assert!(recognise(Side::Client, &packet(0, b"\x0e")));
    for other in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"*1\r\n$4\r\nPING\r\n",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"Q\0\0\0\x0dselect 1\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
        b"\x0a\0\0\0",
    ] {
        assert!(!recognise(Side::Client, other), "{other:?}");
        assert!(!recognise(Side::Server, other), "{other:?}");
    }
}
