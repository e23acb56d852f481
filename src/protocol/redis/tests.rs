//! Conversations recorded from redis-server 7.0.15 (`fixtures/`), and bytes made by hand for what it does not say.

use super::*;
use crate::protocol::turns::replay::{Heard, Replay, Script, assert_cutting_changes_nothing, script, whole};

mod pipelines;
mod streams;

const C: Side = Side::Client;
const S: Side = Side::Server;

macro_rules! fixture {
    ($name:literal) => {
        script(include_str!(concat!("fixtures/", $name, ".txt")))
    };
}

fn fixtures() -> Vec<Script> {
    vec![
        fixture!("auth"),
        fixture!("benchmark"),
        fixture!("blocking"),
        fixture!("inline"),
        fixture!("monitor"),
        fixture!("multi"),
        fixture!("pubsub2"),
        fixture!("pubsub3"),
        fixture!("replica"),
        fixture!("reply"),
        fixture!("tracking"),
        fixture!("types2"),
        fixture!("types3"),
    ]
}

fn hear(text: &str) -> Heard {
    whole(&mut Redis::new(), &script(text))
}

/// Name, reply's fate and size of each exchange: `SET Ok 5`.
fn brief(heard: &Heard) -> Vec<String> {
    let name = |ask: &str| {
        let words: Vec<&str> = ask.split("\\r\\n").collect();
        let (verb, rest) = words[0].split_once(' ').unwrap();
        let waiting = if rest.starts_with("waiting") {
            "waiting "
        } else {
            ""
        };
        let name = words
            .get(2)
            .map_or(rest.trim_start_matches("waiting "), |name| *name);
        format!("{verb} {waiting}{name}")
    };
    let fate = |told: &crate::protocol::turns::replay::Told| match told.reply {
        Some((start, end)) => format!(
            "{} {}{}",
            told.outcome,
            end - start,
            if told.ended { "" } else { " open" }
        ),
        None if told.no_reply => "none".to_owned(),
        None => "?".to_owned(),
    };
    heard
        .exchanges
        .values()
        .map(|told| format!("{} {}", name(&told.ask), fate(told)))
        .collect()
}

fn assert_brief(heard: &Heard, expected: &[&str]) {
    assert_eq!(brief(heard), expected);
}

#[test]
fn one_command_one_exchange() {
    let heard = hear("C *2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n\nS $2\\r\\nvv\\r\\n\n");
    assert_eq!(
        heard.lines(),
        ["command *2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n [0..20] -> Ok [0..8]"]
    );
    assert_eq!(heard.said, ["Transaction(None) at Server 8"]);
}

#[test]
fn pipelines_answer_in_order() {
    let heard = whole(&mut Redis::new(), &fixture!("benchmark"));
    assert_eq!(heard.exchanges.len(), 64);
    let mut at = 0;
    for told in heard.exchanges.values() {
        assert_eq!(
            (told.request, told.outcome.as_str(), told.ended),
            ((at, told.request.1), "Ok", true)
        );
        at = told.request.1;
    }
}

#[test]
fn logins_are_no_exchanges_and_secrets_stay_inside() {
    let heard = whole(&mut Redis::new(), &fixture!("auth"));
    assert_brief(
        &heard,
        &[
            "command GET Error(\"NOAUTH\") 34",
            "command ACL SETUSER Ok 5",
            "command CONFIG SET Ok 5",
            "command GET Ok 7",
        ],
    );
    let login: Vec<_> = heard
        .said
        .iter()
        .map(|said| said.split(" at ").next().unwrap())
        .collect();
    assert_eq!(
        login,
        [
            "Transaction(None)",
            "Login(Begun)",
            "Login(Failed(\"WRONGPASS\"))",
            "Login(Begun)",
            "Login(Failed(\"WRONGPASS\"))",
            "Login(Begun)",
            "Login(Done)",
            "session user=bob database=- application=site",
            "Login(Begun)",
            "Login(Done)",
            "session user=default database=- application=-"
        ]
    );
    let all = format!("{heard:?}");
    for secret in ["hunter2", "builder", "s3cret", "wrong", "nope"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn secrets_stay_inside_where_commands_are_queued_or_silent() {
    let secret = "C *1\\r\\n$5\\r\\nMULTI\\r\\n*2\\r\\n$4\\r\\nauth\\r\\n$2\\r\\npw\\r\\n*5\\r\\n$5\\r\\nHELLO\\r\\n$1\\r\\n3\\r\\n$4\\r\\nAUTH\\r\\n$1\\r\\nu\\r\\n$2\\r\\npw\\r\\n*1\\r\\n$4\\r\\nEXEC\\r\\n\n\
        C *3\\r\\n$6\\r\\nCLIENT\\r\\n$5\\r\\nREPLY\\r\\n$4\\r\\nSKIP\\r\\nAUTH u pw\\r\\n\n\
        C MIGRATE h 1 k 0 9 AUTH pw\\r\\nSENTINEL SET m auth-pass pw\\r\\n\n";
    let heard = hear(secret);
    assert!(!format!("{heard:?}").contains("pw"));
    assert!(
        brief(&heard)[5].starts_with("command AUTH none"),
        "{:?}",
        brief(&heard)
    );
}

#[test]
fn transactions_queue_and_end() {
    let heard = whole(&mut Redis::new(), &fixture!("multi"));
    assert_brief(
        &heard,
        &[
            "command MULTI Ok 5",
            "command SET Ok 9",
            "command BLPOP Ok 9",
            "command EXEC Ok 14",
            "command MULTI Ok 5",
            "command INCR Ok 9",
            "command NOSUCH Error(\"ERR\") 59",
            "command EXEC Error(\"EXECABORT\") 62",
            "command MULTI Ok 5",
            "command GET Ok 9",
            "command DISCARD Ok 5",
            "command WATCH Ok 5",
            "command MULTI Ok 5",
            "command MULTI Error(\"ERR\") 36",
            "command LPUSH Ok 9",
            "command EXEC Ok 72",
            "command EXEC Error(\"ERR\") 25",
            "command QUIT Ok 5",
        ],
    );
    let replies: Vec<_> = heard.exchanges.values().filter_map(|told| told.reply).collect();
    assert!(
        replies.windows(2).all(|pair| pair[0].1 == pair[1].0),
        "every byte belongs to one reply"
    );
    let states: Vec<_> = heard
        .said
        .iter()
        .map(|said| said.split(" at ").next().unwrap())
        .collect();
    assert_eq!(
        states,
        [
            "Transaction(Open)",
            "Transaction(None)",
            "Transaction(Open)",
            "Transaction(Failed)",
            "Transaction(None)",
            "Transaction(Open)",
            "Transaction(None)",
            "Transaction(Open)",
            "Transaction(Failed)",
            "Transaction(None)",
            "Goodbye"
        ]
    );
}

#[test]
fn subscriptions_confirm_once_a_channel() {
    let heard = whole(&mut Redis::new(), &fixture!("pubsub2"));
    assert_brief(
        &heard,
        &[
            "command SUBSCRIBE Ok 67",
            "ping PING Ok 20",
            "command PSUBSCRIBE Ok 33",
            "command GET Error(\"ERR\") 116",
            "command UNSUBSCRIBE Ok 73",
            "command PUNSUBSCRIBE Ok 35",
            "command UNSUBSCRIBE Ok 31",
            "command SSUBSCRIBE Ok 33",
            "command SUNSUBSCRIBE Ok 35",
            "command GET Ok 7",
            "command SUBSCRIBE Ok 30",
            "reset RESET Ok 8",
            "command GET Ok 7",
        ],
    );
    let pins = heard.said.iter().filter(|said| said.starts_with("Pinned"));
    let pins: Vec<_> = pins.map(|said| said.split(" at ").next().unwrap()).collect();
    assert_eq!(
        pins,
        [
            "Pinned(true)",
            "Pinned(false)",
            "Pinned(true)",
            "Pinned(false)",
            "Pinned(true)",
            "Pinned(false)"
        ]
    );
    assert!(!heard.said.iter().any(|said| said.starts_with("Unmatched")));
}

#[test]
fn pushes_confirm_and_carry_messages() {
    let heard = whole(&mut Redis::new(), &fixture!("pubsub3"));
    assert_brief(
        &heard,
        &[
            "command HELLO Ok 146",
            "command SUBSCRIBE Ok 67",
            "command GET Ok 7",
            "command LRANGE Ok 18",
            "command UNSUBSCRIBE Ok 73",
            "command GET Ok 7",
        ],
    );
}

#[test]
fn invalidations_and_big_values() {
    let heard = whole(&mut Redis::new(), &fixture!("tracking"));
    assert_brief(
        &heard,
        &[
            "command HELLO Ok 146",
            "command CLIENT Ok 5",
            "command GET Ok 7",
            "command GET Ok 7",
            "command SET Ok 5",
            "command GET Ok 5009",
        ],
    );
    let set = &heard.exchanges[&4];
    assert_eq!(set.ask, "command *3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nbig\\r\\n...");
    assert_eq!(set.request.1 - set.request.0, 4 + 9 + 9 + 7 + 5002);
}

#[test]
fn monitor_lines_are_no_replies() {
    let heard = whole(&mut Redis::new(), &fixture!("monitor"));
    assert_brief(
        &heard,
        &["command MONITOR Ok 5", "reset RESET Ok 8", "ping PING Ok 7"],
    );
    assert_eq!(
        heard.said[1..],
        ["Pinned(true) at Server 5", "Pinned(false) at Server 117"]
    );
}

/// What is only begun must change nothing yet.
#[test]
fn a_monitor_line_in_pieces_pins_all_the_same() {
    let line = b"+1339518083.107412 [0 127.0.0.1:60866] \"keys\"\r\n";
    for cut in 1..line.len() {
        let mut redis = Redis::new();
        let mut told = Messages::new();
        let step = redis.decode(Side::Server, &line[..cut], &mut told);
        if matches!(step, Step::Need(_)) {
            let mut told = Messages::new();
            redis.decode(Side::Server, line, &mut told);
            assert_eq!(told.as_slice(), [Message::Pinned(true)], "{cut}");
        } else {
            assert_eq!(told.as_slice(), [Message::Pinned(true)], "{cut}");
        }
    }
}

#[test]
fn silence_is_no_missing_reply() {
    let heard = whole(&mut Redis::new(), &fixture!("reply"));
    assert_brief(
        &heard,
        &[
            "ping PING Ok 7",
            "command CLIENT none",
            "command SET none",
            "command GET none",
            "command CLIENT Ok 5",
            "command CLIENT none",
            "command SET none",
            "command GET Ok 7",
            "command CLIENT none",
            "command CLIENT Ok 5",
            "command GET Ok 7",
            "command CLIENT none",
            "command CLIENT none",
            "ping PING none",
            "reset RESET Ok 8",
            "ping PING Ok 7",
        ],
    );
}

#[test]
fn every_type_of_resp3_is_one_reply() {
    let heard = whole(&mut Redis::new(), &fixture!("types3"));
    let sizes: Vec<_> = brief(&heard)
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        sizes,
        [
            "146", "18", "8", "8", "40", "3", "16", "16", "28", "46", "47", "36", "4", "4", "59", "9", "6",
            "147", "18", "5", "5", "31"
        ]
    );
    let errors: Vec<_> = brief(&heard)
        .into_iter()
        .filter(|line| line.contains("Error"))
        .collect();
    assert_eq!(
        errors,
        [
            "command NOSUCH Error(\"ERR\") 59",
            "command EVAL Error(\"ERR\") 9",
            "command SELECT Error(\"ERR\") 31"
        ]
    );
    assert_eq!(
        heard
            .said
            .iter()
            .filter(|said| said.starts_with("session"))
            .collect::<Vec<_>>(),
        [
            "session user=- database=- application=app1",
            "session user=- database=- application=other",
            "session user=- database=3 application=-"
        ]
    );
}

#[test]
fn inline_commands_and_empty_ones() {
    let heard = whole(&mut Redis::new(), &fixture!("inline"));
    let asks: Vec<_> = heard.exchanges.values().map(|told| told.ask.as_str()).collect();
    assert_eq!(
        asks[..4],
        [
            "ping PING",
            "command SET k \\\"a b\\\"",
            "command get k",
            "command mget k \\'x y\\'"
        ]
    );
    assert_eq!(heard.exchanges.len(), 8);
    assert!(heard.exchanges.values().all(|told| told.ended));
    assert_eq!(
        heard.exchanges[&1].request,
        (8, 20),
        "the empty line before it is not its first byte"
    );
}

#[test]
fn blocking_commands_wait() {
    let heard = whole(&mut Redis::new(), &fixture!("blocking"));
    let waiting: Vec<_> = brief(&heard)
        .into_iter()
        .map(|line| line.contains("waiting"))
        .collect();
    assert_eq!(
        waiting,
        [true, true, false, true, false, true, false, true, false]
    );
}

#[test]
fn replication_is_at_work_for_ever() {
    let heard = whole(&mut Redis::new(), &fixture!("replica"));
    assert_brief(
        &heard,
        &[
            "ping PING Ok 7",
            "command REPLCONF Ok 5",
            "command REPLCONF Ok 5",
            "command PSYNC Ok 56",
        ],
    );
    assert_eq!(heard.said[1..], ["Pinned(true) at Server 73"]);
    let late = hear("C *3\\r\\n$8\\r\\nREPLCONF\\r\\n$3\\r\\nACK\\r\\n$1\\r\\n1\\r\\nanything\nS at all\n");
    assert_eq!((late.exchanges.len(), late.said.len()), (0, 1));
    let sync = hear("C SYNC\\r\\n\nS \\n\\n$EOF:39099a85\\r\\nREDIS0010\\xfa\n");
    assert_brief(&sync, &["command SYNC Ok 1"]);
}

#[test]
fn commands_of_any_size_are_not_kept() {
    let mut decoder = Redis::new();
    let mut replay = Replay::new(&mut decoder);
    replay.bytes(
        C,
        b"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$3\r\nabc\r\n$1\r\nb\r\n$1000000\r\nvalue",
    );
    replay.gap(C, 999_990);
    replay.bytes(C, b"value\r\n");
    replay.bytes(S, b"+OK\r\n");
    let heard = replay.end().0;
    let told = &heard.exchanges[&0];
    assert!(told.ask.ends_with("$1\\r\\nb\\r\\n..."), "{}", told.ask);
    assert_eq!((told.request, told.reply), ((0, 1_000_049), Some((0, 5))));
}

#[test]
fn the_last_of_many_elements_ends_a_command() {
    let mut command = b"*10001\r\n$5\r\nRPUSH\r\n".to_vec();
    for _ in 0..10_000 {
        command.extend_from_slice(b"$10\r\n0123456789\r\n");
    }
    let size = command.len() as u64;
    let then = b"*1\r\n$4\r\nPING\r\n".to_vec();
    let script = vec![
        (C, [command, then].concat()),
        (S, b":10000\r\n+PONG\r\n".to_vec()),
    ];
    let heard = whole(&mut Redis::new(), &script);
    assert_eq!(
        (heard.exchanges[&0].request, heard.exchanges[&1].request.0),
        ((0, size), size)
    );
    assert_cutting_changes_nothing(Redis::new, &script, &[1000, 17, 4096]);
}

#[test]
fn errors_keep_their_prefix() {
    for (reply, code) in [
        ("-WRONGTYPE Operation against\\r\\n", "WRONGTYPE"),
        ("-MOVED 3999 127.0.0.1:6381\\r\\n", "MOVED"),
        ("-ASK 3999 127.0.0.1:6381\\r\\n", "ASK"),
        ("!21\\r\\nSYNTAX invalid syntax\\r\\n", "SYNTAX"),
        ("-secret key was here\\r\\n", "ERR"),
        ("-\\r\\n", "ERR"),
        ("-LOADING\\r\\n", "LOADING"),
        ("!0\\r\\n\\r\\n", "ERR"),
    ] {
        let heard = hear(&format!("C GET k\\r\\n\nS {reply}\n"));
        assert_eq!(heard.exchanges[&0].outcome, format!("Error({code:?})"));
        assert!(heard.exchanges[&0].ended);
    }
}

#[test]
fn a_failed_subscription_is_one_reply() {
    let heard = hear("C SUBSCRIBE a b\\r\\nPING\\r\\n\nS -NOPERM this user\\r\\n+PONG\\r\\n\n");
    assert_brief(
        &heard,
        &["command SUBSCRIBE a b Error(\"NOPERM\") 19", "ping PING Ok 7"],
    );
}

#[test]
fn unsubscribing_from_an_unknown_number_ends_with_the_next_reply() {
    let mut decoder = Redis::new();
    let mut replay = Replay::new(&mut decoder);
    replay.joined_late();
    replay.bytes(S, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    replay.bytes(C, b"*1\r\n$11\r\nUNSUBSCRIBE\r\n*1\r\n$5\r\nRESET\r\n");
    replay.bytes(
        S,
        b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n",
    );
    replay.bytes(S, b"+RESET\r\n");
    let heard = replay.end().0;
    assert_brief(&heard, &["command UNSUBSCRIBE Ok 66", "reset RESET Ok 8"]);
    assert!(!heard.said.iter().any(|said| said.starts_with("Unmatched")));
}

#[test]
fn tls_is_told_apart() {
    let mut told = Messages::new();
    assert_eq!(
        Redis::new().decode(C, &[22, 3, 1, 2, 0, 1], &mut told),
        Step::Opaque { tls: true }
    );
    let mut late = Redis::new();
    late.lost(C);
    let record = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
    assert_eq!(late.resync(C, &record), Resync::At(0));
    assert_eq!(
        late.decode(C, &record, &mut Messages::new()),
        Step::Opaque { tls: true }
    );
    assert_eq!(
        Redis::new().decode(C, b"\x00\x01\x02", &mut Messages::new()),
        Step::Garbage
    );
}

#[test]
fn auth_on_a_connection_at_work_is_an_exchange() {
    let mut redis = Redis::new();
    let mut asks = |side, bytes: &'static [u8]| {
        let mut told = Messages::new();
        let step = redis.decode(side, bytes, &mut told);
        assert_eq!(step, Step::Take(bytes.len() as u64));
        told.as_slice()
            .iter()
            .any(|message| matches!(message, Message::Ask(_)))
    };
    let auth = b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n";
    assert!(!asks(Side::Client, auth));
    asks(Side::Server, b"+OK\r\n");
    asks(Side::Client, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    asks(Side::Server, b"+v\r\n");
    assert!(asks(Side::Client, auth));
}

/// A decoder that knows of no transaction.
fn at_work() -> Redis {
    let mut decoder = Redis::new();
    for (side, bytes) in [(C, &b"PING\r\n"[..]), (S, b"+PONG\r\n")] {
        decoder.decode(side, bytes, &mut Messages::new());
    }
    decoder
}

/// What usual commands and replies mean is what they mean in general, and leaves the decoder the same.
#[test]
fn usual_is_as_in_general() {
    let set = "*3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\na\\r\\n$2\\r\\n11\\r\\n";
    let get = "*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\na\\r\\n";
    let unescaped = |text: &str| text.replace("\\r\\n", "\r\n").into_bytes();
    let requests = [
        set.to_owned(),
        get.repeat(3),
        set.repeat(2),
        "PING\\r\\n".to_owned(),
    ];
    let replies = [
        "+OK\\r\\n",
        "$-1\\r\\n$2\\r\\n11\\r\\n$2\\r\\n11\\r\\n",
        ":1\\r\\n+OK\\r\\n",
        "+PONG\\r\\n",
    ];
    let (mut one, mut other) = (at_work(), at_work());
    let mut take = |side: Side, bytes: &[u8], usual: bool| {
        let mut told = Messages::new();
        if usual {
            one.usual(side, bytes).unwrap().tell(&mut told);
        } else {
            assert_eq!(
                other.decode(side, bytes, &mut told),
                Step::Take(bytes.len() as u64)
            );
        }
        format!("{:?}", told.as_slice())
    };
    for (request, reply) in requests.iter().zip(replies) {
        for (side, bytes) in [(C, unescaped(request)), (S, unescaped(reply))] {
            assert_eq!(take(side, &bytes, true), take(side, &bytes, false));
        }
    }
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

/// What is cut, mixed, an error, or more than was asked is not.
#[test]
fn unusual_is_left_as_it_is() {
    let mut decoder = at_work();
    let get = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    for length in 0..get.len() {
        assert!(decoder.usual(C, &get[..length]).is_none());
    }
    assert!(decoder.usual(C, b"*1\r\n$5\r\nMULTI\r\n").is_none());
    assert!(
        decoder
            .usual(C, &[&get[..], b"*1\r\n$4\r\nPING\r\n"].concat())
            .is_none()
    );
    assert!(decoder.usual(S, b"$1\r\na\r\n").is_none());
    assert!(decoder.usual(C, get).is_some());
    for reply in [
        &b"-ERR no\r\n"[..],
        b"*0\r\n",
        b"$1\r\na",
        b"$1\r\na\r\n$1\r\na\r\n",
    ] {
        assert!(decoder.usual(S, reply).is_none());
    }
    assert!(decoder.usual(S, b"$1\r\na\r\n").is_some());
}
