//! Conversations recorded from InfluxDB 1.6 and Python's http.server with curl (`fixtures/`), and bytes made by hand.

use proptest::prelude::*;

use super::*;
use crate::protocol::turns::replay::{Heard, Replay, Script, assert_cutting_changes_nothing, script, whole};

const C: Side = Side::Client;
const S: Side = Side::Server;

macro_rules! fixture {
    ($name:literal) => {
        script(include_str!(concat!("fixtures/", $name, ".txt")))
    };
}

fn hear(text: &str) -> Heard {
    whole(&mut Http::new(), &script(text))
}

fn assert_lines(heard: &Heard, expected: &[&str]) {
    assert_eq!(heard.lines(), expected);
}

/// Scripts for every way that a body ends.
const BY_HAND: [&str; 9] = [
    PIPELINED, TRAILERS, CLOSED, INTERIM, UPGRADE, FOLDED, EARLY, LONG_POLL, CODINGS,
];

const PIPELINED: &str = "C GET /a HTTP/1.1\\r\\n\\r\\nHEAD /b HTTP/1.1\\r\\n\\r\\nGET /c HTTP/1.1\\r\\n\\r\\n\n\
    S HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhiHTTP/1.1 200 OK\\r\\nContent-Length: 900\\r\\n\\r\\nHTTP/1.1 304 Not Modified\\r\\nContent-Length: 5\\r\\n\\r\\n\n";

const TRAILERS: &str = "C POST /a HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5;x=y\\r\\nhello\\r\\n0\\r\\nDigest: z\\r\\n\\r\\n\n\
    S HTTP/1.1 200 OK\\r\\nTransfer-Encoding: gzip, chunked\\r\\nContent-Length: 3\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\nMore: 1\\r\\n\\r\\n\n\
    C GET /b HTTP/1.1\\n\\n\nS HTTP/1.1 200 OK\\nContent-Length: 1\\n\\nx\n";

const CLOSED: &str =
    "C GET /a HTTP/1.0\\r\\n\\r\\n\nS HTTP/1.0 200 OK\\r\\n\\r\\nHTTP/1.1 404 in a body\\r\\n\nS and more\n";

const INTERIM: &str = "C PUT /a HTTP/1.1\\r\\nExpect: 100-continue\\r\\nContent-Length: 4\\r\\n\\r\\n\n\
    S HTTP/1.1 100 Continue\\r\\n\\r\\n\nC body\nS HTTP/1.1 103 Early Hints\\r\\nLink: x\\r\\n\\r\\nHTTP/1.1 201 Created\\r\\nContent-Length: 0\\r\\n\\r\\n\n";

const UPGRADE: &str = "C GET /ws HTTP/1.1\\r\\nUpgrade: websocket\\r\\n\\r\\n\nS HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n\\x81\\x05hello\nC \\x81\\x85abcd\n";

const FOLDED: &str = "C \\r\\nPOST /a HTTP/1.1\\r\\nCONTENT-length:\\r\\n 3\\r\\nX-Y: a\\r\\n\\tb\\r\\n\\r\\nabcGET /b HTTP/1.1\\r\\n\\r\\n\n\
    S HTTP/1.1 500 Oops\\r\\ncontent-LENGTH: 0\\r\\n\\r\\nHTTP/1.1 429 Slow\\r\\nContent-Length:0\\r\\n\\r\\n\n";

const EARLY: &str = "C POST /a HTTP/1.1\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nS HTTP/1.1 413 Too Large\\r\\nContent-Length: 0\\r\\n\\r\\n\nC defghij\n\
    C POST /b HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1\\r\\na\\r\\n\nS HTTP/1.1 401 No\\r\\nContent-Length: 0\\r\\n\\r\\n\nC 0\\r\\n\\r\\nGET /c HTTP/1.1\\r\\n\\r\\n\n\
    S HTTP/1.1 204 No Content\\r\\n\\r\\n\n";

const LONG_POLL: &str = "C GET /db/_changes?feed=continuous HTTP/1.1\\r\\n\\r\\n\nS HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\nS 1\\r\\n\\n\\r\\n\n\
    S 3\\r\\n{}\\n\\r\\n\nS 0\\r\\n\\r\\n\nC GET /ping HTTP/1.1\\r\\n\\r\\n\nS HTTP/1.1 204 No Content\\r\\n\\r\\n\n";

const CODINGS: &str = "C POST /_bulk HTTP/1.1\\r\\nTransfer-Encoding: identity\\r\\nContent-Length: 1\\r\\n\\r\\nx\n\
    S HTTP/1.1 200 OK\\r\\nContent-Type: application/vnd.elasticsearch+json;compatible-with=8\\r\\nContent-Length: 37\\r\\n\\r\\n{\"took\":3,\"errors\":true,\"items\":[{}]}\n\
    C GET /gz HTTP/1.1\\r\\n\\r\\n\nS HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked, gzip\\r\\n\\r\\nuntil the end\n";

#[test]
fn influxdb_session() {
    let heard = whole(&mut Http::new(), &fixture!("influxdb"));
    assert_eq!(
        heard
            .exchanges
            .values()
            .map(|told| format!("{} {}", told.ask, told.outcome))
            .collect::<Vec<_>>(),
        [
            "ping GET /ping Ok",
            "command POST /query Ok",
            "command POST /write?db=metrics Ok",
            "command GET /query?db=metrics&q=SELECT+%2a+FROM+cpu Ok",
            "command GET /query?db=nope&q=SELECT+%2a+FROM+cpu Error(\"200\")",
            "command GET /query?db=metrics Error(\"400\")",
            "ping HEAD /ping Ok",
            "command POST /write?db=metrics Ok",
            "command GET /query?db=metrics&chunked=true&chunk_size=1&q=SELECT+%2a+FROM+cpu Ok",
            "command GET /query?db=metrics&q=SHOW+DATABASES Ok",
            "command POST /write?db=metrics Ok",
        ]
    );
    assert_eq!(
        heard.said,
        [
            "session user=- database=- application=curl/7.88",
            "session user=- database=metrics application=-"
        ]
    );
    assert!(heard.exchanges.values().all(|told| told.ended));
    let requests: Vec<_> = heard.exchanges.values().map(|told| told.request).collect();
    assert!(
        requests.windows(2).all(|pair| pair[0].1 == pair[1].0),
        "every byte belongs to one request"
    );
    let interim = heard.exchanges[&10].reply.unwrap().0 - heard.exchanges[&9].reply.unwrap().1;
    assert_eq!(interim, 25, "100 Continue is no reply");
}

#[test]
fn files() {
    let file = whole(&mut Http::new(), &fixture!("file"));
    assert_lines(&file, &["command GET /f.txt [0..84] -> Ok [0..487]"]);
    let head = whole(&mut Http::new(), &fixture!("head"));
    assert_lines(&head, &["command HEAD /f.txt [0..85] -> Ok [0..187]"]);
    let missing = whole(&mut Http::new(), &fixture!("missing"));
    assert_lines(
        &missing,
        &["command GET /none [0..83] -> Error(\"404\") [0..520]"],
    );
}

#[test]
fn bodies_end_where_they_end() {
    assert_lines(
        &hear(PIPELINED),
        &[
            "command GET /a [0..19] -> Ok [0..40]",
            "command HEAD /b [19..39] -> Ok [40..80]",
            "command GET /c [39..58] -> Ok [80..128]",
        ],
    );
    assert_lines(
        &hear(TRAILERS),
        &[
            "command POST /a [0..78] -> Ok [0..94]",
            "command GET /b [78..95] -> Ok [94..130]",
        ],
    );
    assert_lines(&hear(CLOSED), &["command GET /a [0..19] -> Ok [0..51]"]);
    assert_lines(
        &hear(CODINGS),
        &[
            "command POST /_bulk [0..73] -> Error(\"200\") [0..144]",
            "command GET /gz [73..93] -> Ok [144..210]",
        ],
    );
}

#[test]
fn interim_responses_are_no_replies() {
    assert_lines(&hear(INTERIM), &["command PUT /a [0..64] -> Ok [62..105]"]);
}

#[test]
fn folded_fields_and_empty_lines() {
    assert_lines(
        &hear(FOLDED),
        &[
            "command POST /a [2..58] -> Error(\"500\") [0..40]",
            "command GET /b [58..77] -> Error(\"429\") [40..79]",
        ],
    );
}

#[test]
fn answers_may_come_before_the_request_is_all_sent() {
    assert_lines(
        &hear(EARLY),
        &[
            "command POST /a [0..50] -> Error(\"413\") [0..45]",
            "command POST /b [50..104] -> Error(\"401\") [45..83]",
            "command GET /c [109..128] -> Ok [83..110]",
        ],
    );
}

#[test]
fn long_polls_wait() {
    assert_lines(
        &hear(LONG_POLL),
        &[
            "command waiting GET /db/_changes?feed=continuous [0..45] -> Ok [0..66]",
            "ping GET /ping [45..67] -> Ok [66..93]",
        ],
    );
}

#[test]
fn other_protocols_are_opaque_after_a_switch() {
    let play = |decoder: &mut Http, text: &str| {
        let mut replay = Replay::new(decoder);
        for (side, run) in script(text) {
            replay.bytes(side, &run);
        }
        replay.end()
    };
    let (heard, opaque) = play(&mut Http::new(), UPGRADE);
    assert_lines(&heard, &["command GET /ws [0..40] -> Ok [0..36]"]);
    assert_eq!(opaque, [Some(false), Some(false)]);
    let connect = "C CONNECT h:9200 HTTP/1.1\\r\\n\\r\\n\nS HTTP/1.1 200 Connection established\\r\\n\\r\\n\nC \\x16\\x03\\x01\\x00\\xc4\\x01\\x00\\x00\\xc0\\x03\\x03\n";
    let (heard, opaque) = play(&mut Http::new(), connect);
    assert_lines(&heard, &["command CONNECT h:9200 [0..27] -> Ok [0..39]"]);
    assert_eq!(opaque, [Some(true), None]);
    assert_eq!(
        play(&mut Http::new(), "C PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\n").1,
        [Some(false), None]
    );
    assert_eq!(
        play(&mut Http::new(), "C \\x16\\x03\\x01\\x02\\x00\\x01\n").1,
        [Some(true), None]
    );
    let refused =
        "C CONNECT h:1 HTTP/1.1\\r\\n\\r\\n\nS HTTP/1.1 407 No\\r\\nContent-Length: 2\\r\\n\\r\\nno\n";
    assert_lines(
        &play(&mut Http::new(), refused).0,
        &["command CONNECT h:1 [0..24] -> Error(\"407\") [0..40]"],
    );
}

#[test]
fn clickhouse_tells_user_database_and_error() {
    let heard = hear(
        "C POST /?database=logs HTTP/1.1\\r\\nX-ClickHouse-User: reader\\r\\nUser-Agent: clickhouse-go/2.3.4 (x)\\r\\nAuthorization: Basic c2VjcmV0OnB3\\r\\nContent-Length: 0\\r\\n\\r\\n\n\
         S HTTP/1.1 200 OK\\r\\nX-ClickHouse-Exception-Code: 62\\r\\nContent-Length: 0\\r\\n\\r\\n\n",
    );
    assert_eq!(
        heard.said,
        ["session user=reader database=logs application=clickhouse-go/2.3"]
    );
    assert_eq!(heard.exchanges[&0].outcome, "Error(\"62\")");
    assert!(!format!("{heard:?}").contains("c2VjcmV0"));
}

#[test]
fn long_targets_are_cut_and_long_fields_skipped() {
    let long = "x".repeat(20_000);
    let text = format!(
        "C GET /{long} HTTP/1.1\\r\\nCookie: {long}\\r\\nContent-Length: 3\\r\\n\\r\\nabc\nS HTTP/1.1 200 OK\\r\\nX: {long}\\r\\nContent-Length: 0\\r\\n\\r\\n\n"
    );
    let heard = hear(&text);
    let told = &heard.exchanges[&0];
    assert_eq!(
        (told.ask.len(), told.request, told.ended),
        (8 + 8192 + 3, (0, 40_050), true)
    );
    for cuts in [&[1][..], &[1448], &[8191, 2], &[8192], &[8193]] {
        assert_cutting_changes_nothing(Http::new, &script(&text), cuts);
    }
}

#[test]
fn holes_in_bodies_cost_nothing() {
    let mut decoder = Http::new();
    let mut replay = Replay::new(&mut decoder);
    replay.bytes(C, b"POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc");
    replay.gap(C, 99_997);
    replay.bytes(
        S,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n",
    );
    replay.gap(S, 0x1_0000);
    replay.bytes(S, b"\r\n0\r\n\r\n");
    assert_lines(&replay.end().0, &["command POST /a [0..100044] -> Ok [0..65597]"]);
}

#[test]
fn a_lost_head_is_never_guessed() {
    let mut decoder = Http::new();
    let mut replay = Replay::new(&mut decoder);
    replay.bytes(C, b"GET /a HTTP/1.1\r\n\r\n");
    replay.gap(S, 50);
    replay.bytes(S, b"the middle of a body\r\nHTTP/1.1 200 in a body\r\n");
    replay.bytes(C, b"GET /b HTTP/1.1\r\n\r\n");
    replay.bytes(S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    replay.joined_late();
    replay.bytes(
        S,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n",
    );
    let heard = replay.end().0;
    assert_lines(
        &heard,
        &[
            "command GET /a [0..19] -> ?",
            "command GET /b [19..38] -> Ok [96..134]",
        ],
    );
    assert_eq!(heard.said, ["Unmatched at Server 134"]);
}

#[test]
fn other_protocols_are_not_taken_for_this_one() {
    for (side, yes) in [
        (C, &b"GET / HTTP/1.1\r\n"[..]),
        (C, b"COPY /db/doc HTTP/1.1\r\nHost: x\r\n"),
        (C, b"POST /_bulk?refresh=tr"),
        (S, b"HTTP/1.1 200 OK\r\n"),
    ] {
        assert!(recognise(side, yes), "{}", yes.escape_ascii());
    }
    for (side, no) in [
        (C, &b"*1\r\n$4\r\nPING\r\n"[..]),
        (C, b"GET key\r\n"),
        (C, b"get key\r\n"),
        (C, b"GET "),
        (C, b"OPTIONS sip:x SIP/2.0\r\n"),
        (C, b"PRI * HTTP/2.0\r\n\r\n"),
        (C, b"EHLO host\r\n"),
        (C, b"GET /\x00\x01"),
        (S, b"HTTP/1.1 20"),
        (S, b"RTSP/1.0 200 OK\r\n"),
        (S, b"+OK\r\n"),
    ] {
        assert!(!recognise(side, no), "{}", no.escape_ascii());
    }
}

#[test]
fn garbage_is_told() {
    for (side, bytes) in [
        (C, &b"\x00\x01\x02\x03"[..]),
        (C, b"GET key\r\n"),
        (C, b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        (C, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        (S, b"220 ready\r\n"),
        (S, b"HTTP/1.1 99 No\r\n"),
    ] {
        let step = Http::new().decode(side, bytes, &mut Messages::new());
        assert_eq!(step, Step::Garbage, "{}", bytes.escape_ascii());
    }
}

fn scripts() -> Vec<Script> {
    let recorded = [
        fixture!("influxdb"),
        fixture!("file"),
        fixture!("head"),
        fixture!("missing"),
    ];
    recorded
        .into_iter()
        .chain(BY_HAND.iter().map(|text| script(text)))
        .collect()
}

#[test]
fn every_conversation_may_be_cut_anywhere() {
    for script in scripts() {
        for cuts in [&[1][..], &[2], &[3, 7], &[1, 100], &[64], &[500, 3]] {
            assert_cutting_changes_nothing(Http::new, &script, cuts);
        }
    }
}

proptest! {
    #[test]
    fn cutting_changes_nothing(which in 0..13usize, cuts in prop::collection::vec(1usize..300, 1..6)) {
        assert_cutting_changes_nothing(Http::new, &scripts()[which], &cuts);
    }

    #[test]
    fn any_bytes_and_gaps_are_survived(
        runs in prop::collection::vec((0..13usize, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..10),
        noise in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut decoder = Http::new();
        let mut replay = Replay::new(&mut decoder);
        for (which, run, from, gap) in runs {
            let script = &scripts()[which];
            let (side, bytes) = run.get(script);
            replay.bytes(*side, &bytes[from.index(bytes.len())..]);
            if gap {
                replay.gap(*side, 7);
                replay.bytes(side.other(), &noise);
            }
        }
        replay.finished(C);
        replay.finished(S);
        replay.end();
    }
}
