//! Commands and replies that are told together.

use super::*;

/// How many asks and answers are told in one step by `side`, and what it takes.
fn told(redis: &mut Redis, side: Side, bytes: &[u8]) -> (usize, Step) {
    let mut told = Messages::new();
    let step = redis.decode(side, bytes, &mut told);
    let of = |message: &Message<'_>| match message {
        Message::Asks(asks) => asks.sizes.len(),
        Message::Answers(answers) => answers.sizes.len(),
        Message::Ask(_) | Message::Answer(_) => 1,
        _ => 0,
    };
    (told.as_slice().iter().map(of).sum(), step)
}

/// Where nothing is in a transaction, as is known after the first reply.
fn in_use() -> Redis {
    let mut redis = Redis::new();
    told(&mut redis, C, b"*1\r\n$4\r\nPING\r\n");
    told(&mut redis, S, b"+PONG\r\n");
    redis
}

#[test]
fn commands_that_begin_alike_are_told_together() {
    let mut redis = in_use();
    let gets = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$3\r\nabc\r\n";
    let other = b"*2\r\n$3\r\nget\r\n$1\r\na\r\n";
    let whole = gets.len() as u64;
    for cut in [
        &b""[..],
        other,
        b"*2\r\n$3\r\nGET\r\n$3\r\nab",
        b"*3\r\n$3\r\nGET\r\n$1\r\na\r\n$1\r\nb\r\n",
    ] {
        let bytes = [&gets[..], cut].concat();
        assert_eq!(told(&mut redis, C, &bytes), (2, Step::Take(whole)));
    }
    assert_eq!(
        told(&mut redis, S, b"$1\r\nv\r\n:12\r\n+OK\r\n$-1\r\n"),
        (4, Step::Take(22))
    );
    assert_eq!(told(&mut redis, S, b"+PONG\r\n$3\r\nab"), (1, Step::Take(7)));
    assert_eq!(
        told(&mut redis, S, b"$3\r\nabc\r\n-ERR no\r\n+OK\r\n"),
        (1, Step::Take(9))
    );
}

#[test]
fn no_more_replies_are_told_together_than_commands() {
    let mut redis = in_use();
    told(&mut redis, C, &b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n".repeat(3));
    told(&mut redis, C, b"*1\r\n$5\r\nMULTI\r\n");
    assert_eq!(told(&mut redis, S, &b"+OK\r\n".repeat(5)), (3, Step::Take(15)));
}

#[test]
fn commands_are_told_one_by_one_where_they_mean_more() {
    for commands in [
        &b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n"[..],
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n",
        b"PING\r\nPING\r\n",
    ] {
        let (asks, step) = told(&mut in_use(), C, commands);
        assert_eq!((asks, step), (1, Step::Take(commands.len() as u64 / 2)));
    }
    let mut silent = in_use();
    told(
        &mut silent,
        C,
        b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
    );
    let gets = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n".repeat(2);
    assert_eq!(told(&mut silent, C, &gets), (1, Step::Take(20)));
}
