//! What servers send.

use super::{CLIENT, SERVER, eof, logged_in, ok, packet, result_set};
use crate::protocol::mysql::tests::drive::Drive;

const DEPRECATE_EOF: u32 = 1 << 24;

fn with_eof() -> Drive {
    logged_in(SERVER & !DEPRECATE_EOF, CLIENT)
}

fn without_eof() -> Drive {
    logged_in(SERVER | DEPRECATE_EOF, CLIENT | DEPRECATE_EOF)
}

fn last(drive: &Drive) -> &str {
    drive.log.last().map_or("", String::as_str)
}

fn query() -> Vec<u8> {
    packet(0, b"\x03select 1")
}

#[test]
fn a_result_set_in_one_piece_is_one_answer() {
    for (mut drive, eofs) in [(with_eof(), true), (without_eof(), false)] {
        drive
            .client(&query())
            .server(&result_set(eofs, 2, &[b"\x011\x012", b"\x013\xfb"], 2));
        assert_eq!(
            drive.log[5..],
            ["ask 0 query select 1", "Transaction(None)", "answer 0 ok rows=2"]
        );
        assert_eq!(drive.exchanges[0].reply, Some((4, 4)));
    }
}

/// A first value of 16 MiB or more makes a row begin with 0xfe; the row's packets are full.
#[test]
fn a_row_that_begins_like_an_eof_is_a_row() {
    for (mut drive, eofs) in [(with_eof(), true), (without_eof(), false)] {
        let mut row = vec![b'x'; 0xff_ffff];
        row[..9].copy_from_slice(&[0xfe, 0, 0, 0, 1, 0, 0, 0, 0]);
        let mut head = result_set(eofs, 1, &[], 2);
        let tail = head.split_off(head.len() - if eofs { 9 } else { 11 });
        drive.client(&query()).server(&head);
        drive.server(&packet(4, &row)).server(&packet(5, &[0xfe; 10]));
        drive.server(&tail);
        assert_eq!(last(&drive), "answer 0 ok rows=1");
    }
}

/// Without EOF packets the OK that ends the rows may be longer than an EOF: session state follows.
#[test]
fn a_long_ok_ends_the_rows() {
    let mut drive = without_eof();
    let mut sent = result_set(false, 1, &[b"\x011"], 2);
    sent.truncate(sent.len() - 11);
    sent.extend(packet(4, b"\xfe\0\0\x02\x40\0\0\0\x0c\x01\x0a\x05shop2 and more"));
    drive.client(&query()).server(&sent);
    assert_eq!(last(&drive), "answer 0 ok rows=1");
}

#[test]
fn an_error_ends_a_result_set() {
    for (mut drive, eofs) in [(with_eof(), true), (without_eof(), false)] {
        let mut sent = result_set(eofs, 1, &[b"\x011"], 2);
        sent.truncate(sent.len() - if eofs { 9 } else { 11 });
        sent.extend(packet(9, b"\xff\x25\x05#70100Query execution was interrupted"));
        drive.client(&query()).server(&sent);
        assert_eq!(drive.log[6..], ["Transaction(Unknown)", "answer 0 1317 rows=1"]);
    }
}

#[test]
fn results_follow_as_long_as_the_status_says_so() {
    for (mut drive, eofs) in [(with_eof(), true), (without_eof(), false)] {
        let mut sent = result_set(eofs, 1, &[b"\x011", b"\x012"], 10);
        sent.extend(packet(5, &[0, 3, 0, 10, 0, 0, 0]));
        sent.extend(result_set(eofs, 1, &[], 3));
        drive.client(&query()).server(&sent);
        assert_eq!(drive.log[6..], ["Transaction(Open)", "answer 0 ok rows=5"]);
    }
}

#[test]
fn an_open_transaction_is_told_until_an_error_hides_it() {
    let mut drive = with_eof();
    drive.client(&query()).server(&ok(1, 3));
    drive
        .client(&query())
        .server(&packet(1, b"\xff\x26\x04#23000Duplicate"));
    drive.client(&query()).server(&ok(1, 2));
    let states: Vec<&String> = drive
        .log
        .iter()
        .filter(|line| line.starts_with("Transaction"))
        .collect();
    let told = [
        "Transaction(None)",
        "Transaction(Open)",
        "Transaction(Unknown)",
        "Transaction(None)",
    ];
    assert_eq!(states, told.iter().collect::<Vec<_>>());
}

#[test]
fn progress_is_no_reply() {
    let mut drive = with_eof();
    let progress = packet(1, b"\xff\xff\xff\x01\x01\x02\x10\x27\x00\x0acopy to tmp table");
    drive
        .client(&query())
        .server(&progress)
        .server(&progress)
        .server(&ok(3, 2));
    assert_eq!(drive.log[6..], ["Transaction(None)", "answer 0 ok rows=0"]);
    assert_eq!(drive.exchanges[0].reply, Some((6, 6)));
}

#[test]
fn a_local_file_goes_the_other_way_round() {
    let mut drive = with_eof();
    drive.client(&query()).server(&packet(1, b"\xfbdata.csv"));
    let mut file = packet(2, b"\x03looks like a query\n");
    file.extend(packet(3, &vec![b'x'; 0xff_ffff]));
    file.extend(packet(4, b""));
    file.extend(packet(5, b"1,2\n"));
    file.extend(packet(6, b""));
    drive
        .client(&file)
        .server(&packet(7, &[0, 2, 0, 2, 0, 0, 0]))
        .client(&query());
    assert_eq!(
        drive.log[6..],
        ["Transaction(None)", "answer 0 ok rows=2", "ask 1 query select 1"]
    );
    assert_eq!(
        (drive.exchanges[0].request, drive.exchanges[0].reply),
        ((3, 3), Some((4, 6)))
    );
}

#[test]
fn a_preparation_ends_with_its_last_definition_or_eof() {
    let prepared =
        |parameters: u8, columns: u8| packet(1, &[0, 9, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0]);
    for (mut drive, eofs) in [(with_eof(), true), (without_eof(), false)] {
        for (id, (parameters, columns)) in [(0, 0), (2, 0), (0, 1), (1, 2)].into_iter().enumerate() {
            drive
                .client(&packet(0, b"\x16select ?"))
                .server(&prepared(parameters, columns));
            for count in [parameters, columns].into_iter().filter(|&count| count > 0) {
                drive.server(&packet(2, b"\x03def").repeat(usize::from(count)));
                if eofs {
                    drive.server(&eof(3, 2));
                }
            }
            assert_eq!(last(&drive), format!("answer {id} ok"));
        }
        assert!(
            drive
                .log
                .iter()
                .any(|line| line == "Prepared { id: 0, handle: 9 }")
        );
    }
}

/// With `CLIENT_OPTIONAL_RESULTSET_METADATA` a server may leave definitions out.
#[test]
fn definitions_may_be_left_out() {
    let mut drive = without_eof();
    drive.client(&packet(0, b"\x16select ?"));
    drive.server(&packet(1, &[0, 9, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0]));
    assert_eq!(last(&drive), "answer 0 ok");
    drive
        .client(&query())
        .server(&packet(1, &[0, 3]))
        .server(&packet(2, b"\x011\x012\x013"));
    drive.server(&packet(3, &[0xfe, 0, 0, 2, 0, 0, 0]));
    assert_eq!(last(&drive), "answer 1 ok rows=1");
    let mut drive = with_eof();
    drive
        .client(&query())
        .server(&packet(1, &[3, 0]))
        .server(&eof(2, 2))
        .server(&eof(3, 2));
    assert_eq!(last(&drive), "answer 0 ok rows=0");
}

#[test]
fn a_cursor_is_opened_without_rows_and_fetched_from() {
    for (mut drive, end) in [
        (with_eof(), &[0xfe, 0, 0, 0x42, 0][..]),
        (without_eof(), &[0xfe, 0, 0, 0x42, 0, 0, 0]),
    ] {
        drive.client(&packet(0, b"\x17\x01\0\0\0\x01\x01\0\0\0"));
        drive
            .server(&packet(1, &[1]))
            .server(&packet(2, b"\x03def"))
            .server(&packet(3, end));
        assert_eq!(last(&drive), "answer 0 ok rows=0");
        drive.client(&packet(0, b"\x1c\x01\0\0\0\x02\0\0\0"));
        drive
            .server(&packet(1, &[0, 0, 1]))
            .server(&packet(2, &[0, 0, 2]))
            .server(&packet(3, end));
        assert_eq!(last(&drive), "answer 1 ok rows=2");
    }
}

#[test]
fn statistics_are_one_packet_of_text() {
    let mut drive = with_eof();
    drive
        .client(&packet(0, b"\x09"))
        .server(&packet(1, b"Uptime: 17  Threads: 1"));
    assert_eq!(last(&drive), "answer 0 ok");
}

#[test]
fn a_field_list_ends_with_eof() {
    let mut drive = with_eof();
    drive.client(&packet(0, b"\x04t\0%"));
    drive
        .server(&packet(1, b"\x03def"))
        .server(&packet(2, b"\x03def"))
        .server(&eof(3, 2));
    assert_eq!(last(&drive), "answer 0 ok");
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let mut drive = with_eof();
    drive.client(&[query(), packet(0, b"\x0e"), query()].concat());
    drive.server(&[ok(1, 2), ok(1, 2), packet(1, b"\xff\x28\x04#42000no")].concat());
    let answers: Vec<&String> = drive
        .log
        .iter()
        .filter(|line| line.starts_with("answer"))
        .collect();
    assert_eq!(answers, ["answer 0 ok rows=0", "answer 1 ok", "answer 2 1064"]);
}

#[test]
fn sequences_wrap() {
    let mut drive = with_eof();
    drive
        .client(&query())
        .server(&packet(1, &[1]))
        .server(&packet(2, b"\x03def"))
        .server(&eof(3, 2));
    for sequence in (4..=255).chain(0..=255) {
        drive.server(&packet(sequence, b"\x011"));
    }
    drive.server(&eof(0, 2)).client(&query()).server(&ok(1, 2));
    assert_eq!(drive.exchanges[0].rows, Some(508));
    assert_eq!(last(&drive), "answer 1 ok rows=0");
}

#[test]
fn a_reply_to_nothing_is_unmatched_once() {
    let mut drive = with_eof();
    drive
        .server(&result_set(true, 2, &[b"\x011\x012"], 2))
        .server(&ok(1, 2));
    drive.client(&query()).server(&ok(1, 2));
    let told = [
        "Unmatched",
        "Unmatched",
        "ask 0 query select 1",
        "Transaction(None)",
        "answer 0 ok rows=0",
    ];
    assert_eq!(drive.log[5..], told);
}

/// MySQL 8 says why it hangs up on an idle client.
#[test]
fn a_farewell_is_no_reply() {
    let mut drive = with_eof();
    drive.server(&packet(
        0,
        b"\xff\xbf\x0f#HY000The client was disconnected by the server because of inactivity",
    ));
    assert_eq!(drive.log.len(), 5);
}

#[test]
fn absurd_counts_are_garbage_and_never_looped_over() {
    let mut drive = with_eof();
    drive
        .client(&query())
        .server(&packet(1, &[0xfe, 255, 255, 255, 255, 255, 255, 255, 127]));
    drive.client(&query()).server(&packet(1, &[0xfd, 0, 0, 9]));
    assert_eq!(last(&drive), "Server garbage");
    let mut drive = with_eof();
    drive.client(&packet(0, b"\x16select ?"));
    drive.server(&packet(1, &[0, 9, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0]));
    assert_eq!(drive.finish().log.last().unwrap(), "open 0");
}
