//! Redis and HTTP.

use super::*;

fn resp(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

#[test]
fn redis_keeps_the_command_and_the_number_of_keys() {
    for (words, expected) in [
        (&["GET", "user:1"][..], "GET ?"),
        (&["get", "user:1"], "GET ?"),
        (&["SET", "k", "secret", "EX", "10"], "SET ?"),
        (&["MGET", "a", "b", "c"], "MGET ? (3)"),
        (&["MSET", "a", "1", "b", "2"], "MSET ? (2)"),
        (&["DEL", "a"], "DEL ?"),
        (&["RENAME", "a", "b"], "RENAME ? (2)"),
        (&["BLPOP", "a", "b", "0"], "BLPOP ? (2)"),
        (&["EVALSHA", "0123abcd", "2", "a", "b", "x", "y"], "EVALSHA ? (2)"),
        (&["EVAL", "return 1", "0"], "EVAL"),
        (&["ZUNIONSTORE", "d", "2", "a", "b"], "ZUNIONSTORE ? (3)"),
        (&["BITOP", "AND", "d", "a"], "BITOP ? (2)"),
        (
            &["XREAD", "COUNT", "2", "STREAMS", "a", "b", "0", "0"],
            "XREAD ? (2)",
        ),
        (&["PING"], "PING"),
        (&["AUTH", "user", "hunter2"], "AUTH"),
        (&["HELLO", "3", "AUTH", "user", "hunter2"], "HELLO"),
        (&["CONFIG", "SET", "requirepass", "hunter2"], "CONFIG SET"),
        (&["client", "setname", "hunter2"], "CLIENT SETNAME"),
        (&["CLIENT", "hunter2"], "CLIENT"),
        (&["OBJECT", "ENCODING", "k"], "OBJECT ENCODING ?"),
        (&["XGROUP", "CREATE", "k", "g", "$"], "XGROUP CREATE ?"),
        (&["ACL", "SETUSER", "u", ">hunter2"], "ACL SETUSER"),
        (&["JSON.GET", "k", "$.a"], "JSON.GET ?"),
        (&["hunter2", "x"], "(unknown command)"),
    ] {
        assert_eq!(text(Language::Redis, resp(words)), expected);
    }
}

#[test]
fn redis_batches_make_few_fingerprints() {
    let of = |keys: usize| {
        let mut words = vec!["MGET"];
        words.resize(keys + 1, "k");
        text(Language::Redis, resp(&words))
    };
    assert_eq!(of(9), "MGET ? (9)");
    assert_eq!(of(10), "MGET ? (10-99)");
    assert_eq!(of(99), of(10));
    assert_eq!(of(100), "MGET ? (100-999)");
    assert_eq!(of(5000), "MGET ? (1000+)");
}

#[test]
fn redis_reads_inline_and_cut_commands() {
    assert_eq!(text(Language::Redis, "  get  user:1 \r\n"), "GET ?");
    assert_eq!(text(Language::Redis, "PING\r\n"), "PING");
    assert_eq!(
        text_of_cut(Language::Redis, "*4\r\n$4\r\nMGET\r\n$100\r\nabc"),
        "MGET ? (3)"
    );
    assert_eq!(
        text_of_cut(Language::Redis, "*4\r\n$4\r\nMG"),
        "(unknown command)"
    );
    for hostile in [
        "",
        "*",
        "*1",
        "*1\r\n",
        "*-1\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$99999999999999999999\r\nGET\r\n",
        "$3\r\nGET\r\n",
        "*99999999999999999999\r\n$3\r\nGET\r\n",
        "\r\n",
    ] {
        let text = text(Language::Redis, hostile);
        assert!(
            matches!(text.as_str(), "(unknown command)" | "GET"),
            "{hostile:?}: {text}"
        );
    }
    assert_eq!(summary(Language::Redis, "MGET ? (3)"), "MGET");
    assert_eq!(summary(Language::Redis, "OBJECT ENCODING ?"), "OBJECT ENCODING");
}

#[test]
fn http_keeps_words() {
    for (request, expected) in [
        ("GET /", "GET /"),
        ("GET /index/_doc/8371", "GET /index/_doc/?"),
        ("GET /index/_doc/alice", "GET /index/_doc/?"),
        (
            "POST /orders-archive/_search?pretty&size=10",
            "POST /orders-archive/_search??&size=?",
        ),
        ("GET /query?db=metrics&q=SELECT+secret", "GET /query?db=?&q=?"),
        (
            "POST /api/v2/write?org=me&bucket=b&precision=ns",
            "POST /api/v2/write?org=?&bucket=?&precision=?",
        ),
        ("GET /LATEST/search?q=x", "GET /LATEST/search?q=?"),
        ("GET /db/6ba7b810-9dad-11d1-80b4-00c04fd430c8", "GET /db/?"),
        ("GET /db/deadbeef", "GET /db/?"),
        ("GET /db/W0tpsmIBdwcYyG", "GET /db/?"),
        ("GET /db/aGVsbG8gd29ybGQ=", "GET /db/?"),
        ("GET /db/org.couchdb.user:alice", "GET /db/?"),
        ("GET /db/a%20b", "GET /db/?"),
        ("GET /db/qwrtpsdfgh", "GET /db/?"),
        (
            "GET /db/_design/orders/_view/by_day?startkey=%22a%22",
            "GET /db/_design/orders/_view/by_day?startkey=?",
        ),
        ("GET /logs-2024.01.01/_search", "GET /?/_search"),
        ("GET http://user:hunter2@host:9200/a/_count", "GET /a/_count"),
        ("GET /a#secret", "GET /a"),
        ("GET /a?hunter2", "GET /a??"),
        ("GET /a?x1y2=secret", "GET /a??=?"),
        ("OPTIONS *", "OPTIONS ?"),
        ("CONNECT host:1", "CONNECT ?"),
        ("hunter2 /a", "(unknown request)"),
        ("", "(unknown request)"),
        ("GET", "GET ?"),
    ] {
        assert_eq!(text(Language::Http, request), expected, "{request}");
    }
    assert_eq!(text_of_cut(Language::Http, "GET /index/secr"), "GET /index/?");
    assert_eq!(
        text_of_cut(Language::Http, "GET /index/_search?ab"),
        "GET /index/_search??"
    );
    assert_eq!(
        summary(Language::Http, "GET /index/_doc/??pretty=?"),
        "GET /index/_doc/?"
    );
    assert_eq!(summary(Language::Http, "GET /query?db=?"), "GET /query");
}
