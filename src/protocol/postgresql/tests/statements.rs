//! Which text a prepared statement or portal runs.

use super::messages::{about, bare, bind, complete, error, execute, joined, parse, query, ready, row, sync};
use super::player::{lines, session};
use crate::protocol::Side;

#[test]
fn the_unnamed_statement_is_overwritten_and_a_portal_keeps_what_it_was_bound_to() {
    let mut player = session();
    let limited = [parse("", "A"), bind("C_1", ""), execute("C_1", 2), sync()];
    player.client(&joined(&limited));
    player.server(&joined(&[
        bare(b"12"),
        row(None),
        row(None),
        bare(b"s"),
        ready(b'T'),
    ]));
    player.client(&joined(&[parse("", "B"), bind("", ""), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"12"), complete("SELECT 0"), ready(b'T')]));
    player.client(&joined(&[execute("C_1", 2), sync()]));
    player.server(&joined(&[row(None), complete("SELECT 1"), ready(b'T')]));
    player.client(&joined(&[bind("", ""), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"2"), complete("SELECT 0"), ready(b'T')]));
    let told = [
        "execute [A] ok 2",
        "execute [B] ok 0",
        "execute [A] ok 1",
        "execute [B] ok 0",
    ];
    assert_eq!(lines(&player), told);
}

#[test]
fn the_unnamed_portal_runs_in_pieces_too() {
    let mut player = session();
    player.client(&joined(&[parse("", "A"), bind("", ""), execute("", 1), sync()]));
    player.server(&joined(&[bare(b"12"), row(None), bare(b"s"), ready(b'T')]));
    player.client(&joined(&[execute("", 1), sync()]));
    player.server(&joined(&[row(None), bare(b"s"), ready(b'T')]));
    assert_eq!(lines(&player), ["execute [A] ok 1", "execute [A] ok 1"]);
}

#[test]
fn a_named_statement_keeps_its_text_when_parsing_it_again_is_refused() {
    let mut player = session();
    let prepare = |text: &str| joined(&[parse("S", text), sync()]);
    let run = joined(&[bind("", "S"), execute("", 0), sync()]);
    let done = joined(&[bare(b"2"), complete("SELECT 0"), ready(b'I')]);
    player
        .client(&prepare("A"))
        .server(&joined(&[bare(b"1"), ready(b'I')]));
    player
        .client(&prepare("B"))
        .server(&joined(&[error(b'E', "ERROR", "42P05"), ready(b'I')]));
    player.client(&run).server(&done);
    assert_eq!(
        lines(&player)[1..],
        ["prepare [B] error 42P05", "execute [A] ok 0"]
    );
}

#[test]
fn a_statement_that_was_not_seen_prepared_is_unknown() {
    let mut player = session();
    let run = joined(&[bind("", "S"), execute("", 0), sync()]);
    let done = joined(&[bare(b"2"), complete("SELECT 0"), ready(b'I')]);
    player.client(&run).server(&done);
    // The name exists with another text: what was just parsed is not its text.
    player.client(&joined(&[parse("S", "B"), sync()]));
    player.server(&joined(&[error(b'E', "ERROR", "42P05"), ready(b'I')]));
    player.client(&run).server(&done);
    assert_eq!(
        lines(&player),
        ["execute [?] ok 0", "prepare [B] error 42P05", "execute [?] ok 0"]
    );
}

#[test]
fn a_parse_that_failed_leaves_the_name_free() {
    let mut player = session();
    player.client(&joined(&[parse("S", "bad"), sync()]));
    player.server(&joined(&[error(b'E', "ERROR", "42601"), ready(b'I')]));
    player.client(&joined(&[
        parse("S", "good"),
        bind("", "S"),
        execute("", 0),
        sync(),
    ]));
    player.server(&joined(&[bare(b"12"), complete("SELECT 0"), ready(b'I')]));
    player.client(&joined(&[bind("", "S"), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"2"), complete("SELECT 0"), ready(b'I')]));
    assert_eq!(
        lines(&player)[1..],
        ["execute [good] ok 0", "execute [good] ok 0"]
    );
}

#[test]
fn statements_go_by_close_deallocate_and_discard() {
    let run = joined(&[bind("", "S"), execute("", 0), sync()]);
    let done = joined(&[bare(b"2"), complete("SELECT 0"), ready(b'I')]);
    for (gone, confirmed) in [
        (joined(&[about(b'C', "S", "S"), sync()]), bare(b"3")),
        (query("DEALLOCATE \"S\""), complete("DEALLOCATE")),
        (query("DEALLOCATE ALL"), complete("DEALLOCATE ALL")),
        (
            query("ROLLBACK; DISCARD ALL"),
            joined(&[complete("ROLLBACK"), complete("DISCARD ALL")]),
        ),
        (
            joined(&[parse("", "DISCARD ALL"), bind("", ""), execute("", 0), sync()]),
            complete("DISCARD ALL"),
        ),
    ] {
        let mut player = session();
        player
            .client(&joined(&[parse("S", "A"), sync()]))
            .server(&joined(&[bare(b"1"), ready(b'I')]));
        player.client(&run).server(&done);
        player.client(&gone).server(&joined(&[confirmed, ready(b'I')]));
        player.client(&run).server(&done);
        let lines = lines(&player);
        assert_eq!((&*lines[1], &*lines[3]), ("execute [A] ok 0", "execute [?] ok 0"));
        player
            .client(&joined(&[parse("S", "C"), sync()]))
            .server(&joined(&[bare(b"1"), ready(b'I')]));
        player.client(&run).server(&done);
        assert_eq!(self::lines(&player)[5], "execute [C] ok 0");
    }
}

#[test]
fn deallocate_that_failed_changes_nothing() {
    let mut player = session();
    player
        .client(&joined(&[parse("S", "A"), sync()]))
        .server(&joined(&[bare(b"1"), ready(b'E')]));
    player
        .client(&query("DEALLOCATE \"S\""))
        .server(&joined(&[error(b'E', "ERROR", "25P02"), ready(b'E')]));
    player.client(&joined(&[bind("", "S"), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"2"), complete("SELECT 0"), ready(b'I')]));
    assert_eq!(lines(&player)[2], "execute [A] ok 0");
}

#[test]
fn a_loss_makes_statements_unknown() {
    let mut player = session();
    player
        .client(&joined(&[parse("S", "A"), sync()]))
        .server(&joined(&[bare(b"1"), ready(b'I')]));
    player.lose(Side::Server, 10);
    player
        .client(&joined(&[parse("S", "B"), sync()]))
        .server(&joined(&[bare(b"1"), ready(b'I')]));
    player.client(&joined(&[bind("", "S"), execute("", 0), sync()]));
    player.server(&joined(&[bare(b"2"), complete("SELECT 1"), ready(b'I')]));
    assert_eq!(lines(&player)[2], "execute [B] ok 1");
}
