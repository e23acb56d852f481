//! The extended protocol: what is one exchange, in pipelines and after errors.

use super::messages::{
    about, bare, bind, complete, error, execute, joined, message, parse, ready, row, sync,
};
use super::player::{lines, session};

#[test]
fn the_last_execute_ends_with_ready_for_query_and_the_others_with_their_own() {
    let mut player = session();
    let batch = [
        parse("", "A"),
        bind("", ""),
        execute("", 0),
        parse("", "B"),
        bind("", ""),
        execute("", 0),
        sync(),
    ];
    player.client(&joined(&batch));
    player.server(&joined(&[bare(b"12n"), complete("INSERT 0 1")]));
    assert_eq!(lines(&player), ["execute [A] ok 1"]);
    player.server(&joined(&[bare(b"12"), row(None), complete("SELECT 1")]));
    assert_eq!(player.seen.exchanges.len(), 1);
    player.server(&ready(b'I'));
    assert_eq!(lines(&player), ["execute [A] ok 1", "execute [B] ok 1"]);
    let [a, b] = &player.seen.exchanges[..] else {
        panic!("two")
    };
    assert_eq!(b.request.0, a.request.1 + 1);
    assert_eq!(b.request.1 - b.request.0 + 1, joined(&batch[3..]).len() as u64);
    assert_eq!(b.reply.map(|reply| reply.0), a.reply.map(|reply| reply.1 + 1));
}

#[test]
fn many_syncs_in_flight_are_answered_in_order() {
    let mut player = session();
    for text in ["A", "B", "C"] {
        player.client(&joined(&[parse("", text), bind("", ""), execute("", 0), sync()]));
    }
    for state in [b'T', b'T', b'I'] {
        player.server(&joined(&[bare(b"12"), complete("UPDATE 2"), ready(state)]));
    }
    assert_eq!(
        lines(&player),
        ["execute [A] ok 2", "execute [B] ok 2", "execute [C] ok 2"]
    );
}

#[test]
fn after_an_error_all_up_to_sync_fails_alike() {
    let mut player = session();
    let one = |text: &str| joined(&[parse("", text), bind("", ""), execute("", 0)]);
    player.client(&joined(&[
        one("A"),
        one("B"),
        one("C"),
        one("D"),
        sync(),
        one("E"),
        sync(),
    ]));
    player.server(&joined(&[
        bare(b"12"),
        complete("SELECT 0"),
        bare(b"1"),
        error(b'E', "ERROR", "22012"),
    ]));
    assert_eq!(lines(&player), ["execute [A] ok 0", "execute [B] error 22012"]);
    player.server(&ready(b'E'));
    player.server(&joined(&[bare(b"12"), complete("SELECT 1"), ready(b'I')]));
    let all = lines(&player);
    assert_eq!(
        all[2..],
        [
            "execute [C] error 22012",
            "execute [D] error 22012",
            "execute [E] ok 1"
        ]
    );
}

#[test]
fn a_thousand_skipped_at_once() {
    let mut player = session();
    for number in 0..1000 {
        player.client(&joined(&[
            parse("", &format!("Q{number}")),
            bind("", ""),
            execute("", 0),
        ]));
    }
    player
        .client(&sync())
        .server(&joined(&[error(b'E', "ERROR", "57014"), ready(b'I')]));
    assert_eq!(player.seen.exchanges.len(), 1000);
    assert!(player.seen.exchanges.iter().all(|it| it.outcome == "error 57014"));
}

#[test]
fn an_error_may_overtake_its_sync() {
    let mut player = session();
    player.client(&joined(&[parse("", "A"), bind("", "")]));
    player.server(&error(b'E', "ERROR", "42601"));
    player.client(&joined(&[execute("", 0), sync()]));
    player.server(&ready(b'I'));
    assert_eq!(lines(&player), ["execute [A] error 42601"]);
    player.client(&joined(&[parse("", "B"), bind("", ""), execute("", 0)]));
    player.server(&error(b'E', "ERROR", "42601"));
    player.client(&joined(&[parse("", "C"), bind("", ""), execute("", 0), sync()]));
    player.server(&ready(b'I'));
    assert_eq!(
        lines(&player)[1..],
        ["execute [B] error 42601", "execute [C] error 42601"]
    );
}

#[test]
fn an_error_at_commit_makes_the_exchange_fail() {
    let mut player = session();
    player.client(&joined(&[parse("", "A"), bind("", ""), execute("", 0), sync()]));
    player.server(&joined(&[
        bare(b"12"),
        complete("INSERT 0 1"),
        error(b'E', "ERROR", "23503"),
        ready(b'I'),
    ]));
    assert!(
        player.seen.exchanges[0].outcome == "error 23503",
        "{:?}",
        player.seen
    );
}

#[test]
fn closing_belongs_to_what_it_comes_with() {
    let mut player = session();
    // JDBC: an old portal or statement is closed on the way to the next; others close after Execute.
    player.client(&joined(&[
        about(b'C', "S", "S_1"),
        parse("", "A"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]));
    player.server(&joined(&[bare(b"312"), complete("SELECT 1"), ready(b'I')]));
    player.client(&joined(&[
        parse("", "B"),
        bind("", ""),
        execute("", 0),
        about(b'C', "P", ""),
        sync(),
    ]));
    player.server(&joined(&[
        bare(b"12"),
        complete("SELECT 1"),
        bare(b"3"),
        ready(b'I'),
    ]));
    player.client(&joined(&[about(b'C', "S", "S_2"), sync()]));
    player.server(&joined(&[bare(b"3"), ready(b'I')]));
    assert_eq!(
        lines(&player),
        ["execute [A] ok 1", "execute [B] ok 1", "command [CLOSE] ok"]
    );
    let [a, b, c] = &player.seen.exchanges[..] else {
        panic!("three")
    };
    assert_eq!((a.request.1 + 1, b.request.1 + 1), (b.request.0, c.request.0));
    assert_eq!(a.reply.map(|reply| reply.1 + 1), b.reply.map(|reply| reply.0));
    assert_eq!(b.reply.map(|reply| reply.1 + 1), c.reply.map(|reply| reply.0));
}

#[test]
fn closing_between_two_executes_starts_no_reply() {
    let mut player = session();
    let first = [
        parse("", "A"),
        bind("p", ""),
        execute("p", 0),
        about(b'C', "P", "p"),
    ];
    player.client(&joined(&[
        joined(&first),
        parse("", "B"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]));
    player.server(&joined(&[bare(b"12"), complete("SELECT 1"), bare(b"3")]));
    let before = player.seen.exchanges[0].reply.expect("a reply").1;
    player.server(&joined(&[bare(b"12"), complete("SELECT 1"), ready(b'I')]));
    assert_eq!(lines(&player), ["execute [A] ok 1", "execute [B] ok 1"]);
    assert_eq!(player.seen.exchanges[1].reply.expect("a reply").0, before + 1 + 5);
}

#[test]
fn several_statements_may_be_prepared_in_one_batch() {
    let mut player = session();
    let describe = |name: &str| about(b'D', "S", name);
    player.client(&joined(&[
        parse("S1", "A"),
        describe("S1"),
        parse("S2", "B"),
        describe("S2"),
        sync(),
    ]));
    let described = joined(&[bare(b"1"), message(b't', &[0, 0]), bare(b"n")]);
    player.server(&joined(&[described.clone(), described, ready(b'I')]));
    assert_eq!(lines(&player), ["prepare [A] ok", "prepare [B] ok"]);
}

#[test]
fn a_sync_alone_is_a_ping_and_one_that_ends_a_batch_is_nothing() {
    let mut player = session();
    player.client(&sync()).server(&ready(b'I'));
    player.client(&joined(&[
        parse("", "A"),
        bind("", ""),
        execute("", 0),
        message(b'H', b""),
    ]));
    player.server(&joined(&[bare(b"12"), complete("SELECT 1")]));
    player.client(&sync()).server(&ready(b'I'));
    assert_eq!(lines(&player), ["ping [SYNC] ok", "execute [A] ok 1"]);
    assert_eq!(player.seen.unmatched, 0);
}
