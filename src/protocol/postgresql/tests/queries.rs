//! Simple queries and COPY.

use super::messages::{
    bare, bind, complete, error, execute, joined, message, parse, query, ready, row, sync,
};
use super::player::{lines, session};

#[test]
fn several_statements_in_one_query_are_one_exchange() {
    let mut player = session();
    player.client(&query("A;B;;C"));
    player.server(&joined(&[
        complete("INSERT 0 2"),
        message(b'T', b"\0\0"),
        row(None),
    ]));
    player.server(&joined(&[
        complete("SELECT 1"),
        bare(b"I"),
        complete("UPDATE 4"),
        ready(b'I'),
    ]));
    assert_eq!(lines(&player), ["query [A;B;;C] ok 7"]);
}

#[test]
fn a_statement_that_fails_after_one_that_did_not_fails_the_query() {
    let mut player = session();
    player.client(&query("A;B"));
    player.server(&joined(&[
        complete("INSERT 0 2"),
        error(b'E', "ERROR", "22012"),
        ready(b'I'),
    ]));
    assert_eq!(lines(&player), ["query [A;B] error 22012 2"]);
}

#[test]
fn nulls_binary_values_and_empty_rows_are_rows() {
    let mut player = session();
    player.client(&query("A"));
    player.server(&joined(&[
        row(None),
        row(Some(b"")),
        row(Some(b"\0\xff\0C")),
        message(b'D', &[0, 0]),
    ]));
    player.server(&joined(&[complete("SELECT"), ready(b'I')]));
    assert_eq!(lines(&player), ["query [A] ok 4"]);
}

#[test]
fn copy_in_passes_over_the_sync_that_came_with_execute() {
    let mut player = session();
    player.client(&joined(&[
        parse("", "COPY t FROM STDIN"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]));
    player.server(&joined(&[bare(b"12"), message(b'G', &[0, 0, 0])]));
    player.client(&joined(&[
        message(b'd', b"1\n"),
        sync(),
        message(b'H', b""),
        message(b'd', b"2\n"),
    ]));
    player.client(&joined(&[bare(b"c"), sync()]));
    player.client(&query("B"));
    player.server(&joined(&[
        complete("COPY 2"),
        ready(b'I'),
        complete("SELECT 1"),
        ready(b'I'),
    ]));
    assert_eq!(
        lines(&player),
        ["execute [COPY t FROM STDIN] ok 2", "query [B] ok 1"]
    );
}

#[test]
fn copy_fail_is_an_error_of_the_copy() {
    let mut player = session();
    player
        .client(&query("COPY t FROM STDIN"))
        .server(&message(b'G', &[0, 0, 0]));
    player
        .client(&message(b'f', b"no\0"))
        .server(&joined(&[error(b'E', "ERROR", "57014"), ready(b'I')]));
    assert_eq!(lines(&player), ["query [COPY t FROM STDIN] error 57014"]);
}

#[test]
fn copy_out_is_skipped_in_bulk() {
    let mut player = session();
    player
        .client(&query("COPY t TO STDOUT"))
        .server(&message(b'H', &[0, 0, 0]));
    for _ in 0..1000 {
        player.server(&message(b'd', &vec![b'x'; 5000]));
    }
    player.server(&joined(&[bare(b"c"), complete("COPY 1000"), ready(b'I')]));
    assert_eq!(lines(&player), ["query [COPY t TO STDOUT] ok 1000"]);
}
