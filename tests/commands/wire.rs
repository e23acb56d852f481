//! Traffic that means harm, or makes no sense. In every capture there is a connection that nothing is wrong with: it is told in
//! full whatever the others do.

use serde_json::Value;

use super::capture::{Capture, From, ipv4, tcp};
use super::run;

/// PostgreSQL's message of this kind.
fn pg(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// The start of a PostgreSQL session, the login done.
fn pg_login(capture: &mut Capture, client: u16) {
    let parameters = b"\0\x03\0\0user\0app\0\0";
    let mut startup = (parameters.len() as u32 + 4).to_be_bytes().to_vec();
    startup.extend_from_slice(parameters);
    capture.say(client, 5432, From::Client, &startup);
    let ready = [pg(b'R', &[0; 4]), pg(b'Z', b"I")].concat();
    capture.say(client, 5432, From::Server, &ready);
}

/// MySQL's packet.
fn my(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = (body.len() as u32).to_le_bytes().to_vec();
    packet[3] = sequence;
    packet.extend_from_slice(body);
    packet
}

#[test]
fn senseless_headers_are_counted_and_cost_nothing_else() {
    let mut capture = Capture::new();
    let mut senseless = 0;
    let mut add = |capture: &mut Capture, bytes: &[u8]| {
        capture.frame(bytes);
        capture.well();
        senseless += 1;
    };
    let good = tcp(1, 5432, From::Client, [1, 1], b"Q\0\0\0\x05\0");
    // Frames that end in a header, link to TCP.
    for length in 0..54 {
        add(&mut capture, &good[..length]);
    }
    // A hundred tags and then nothing; a tag that never ends.
    add(
        &mut capture,
        &[&good[..12], &[0x81, 0, 0, 1].repeat(100)].concat(),
    );
    // IPv4: no version, header shorter than one, longer than the packet; TCP: offset under 5 and beyond the packet.
    for (at, byte) in [(14, 0x05), (14, 0x44), (14, 0x4f), (46, 0x40), (46, 0xf0)] {
        let mut frame = good.clone();
        frame[at] = byte;
        add(&mut capture, &frame);
    }
    // A total length shorter than the header.
    let mut frame = good.clone();
    frame[16..18].copy_from_slice(&[0, 19]);
    add(&mut capture, &frame);
    // A later fragment, another protocol.
    let mut frame = good.clone();
    frame[20..22].copy_from_slice(&[0x00, 0x10]);
    add(&mut capture, &frame);
    add(&mut capture, &ipv4(From::Client, 17, b"\0\x35\x15\x38\0\x08\0\0"));
    // IPv6 whose extension headers lead nowhere, one of them longer than the packet.
    for next in [0, 43, 60, 135] {
        let mut frame = good[..12].to_vec();
        frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 64, next, 64]);
        frame.extend_from_slice(&[0xfd; 32]);
        frame.extend_from_slice(&[next, 0, 0, 0, 0, 0, 0, 0].repeat(7));
        frame.extend_from_slice(&[next, 255, 0, 0, 0, 0, 0, 0]);
        add(&mut capture, &frame);
    }
    let (summary, _) = capture.write().read(&[]);
    assert_eq!(summary["source"]["undecoded"], senseless, "{}", summary["source"]);
}

#[test]
fn requests_without_end_are_bounded() {
    const REQUESTS: usize = 20_000;
    let mut capture = Capture::new();
    pg_login(&mut capture, 1);
    capture.well();
    let query = pg(b'Q', b"SELECT 1 FROM t\0").repeat(1_000);
    let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(1_000);
    let http = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    for _ in 0..REQUESTS / 1_000 {
        capture.say_in(1, 5432, From::Client, &query, 60_000);
        capture.say_in(2, 6379, From::Client, &get, 60_000);
        capture.say_in(3, 8086, From::Client, &http, 60_000);
        capture.well();
    }
    let (summary, others) = capture.write().read(&[]);
    assert_eq!(summary["services"].as_array().unwrap().len(), 3, "{summary}");
    assert!(
        others.iter().all(|it| it["outcome"] != "ok"),
        "nothing was answered"
    );
}

#[test]
fn long_messages_in_small_pieces_take_linear_time() {
    const LONG: usize = 100_000;
    let long = vec![b'x'; LONG];
    let mut capture = Capture::new();
    pg_login(&mut capture, 1);
    let mut request = Vec::new();
    request.extend_from_slice(&(LONG as u32 + 5).to_be_bytes());
    let query = [b"Q".as_slice(), &request, &long, b"\0"].concat();
    let redis = [b"*2\r\n$3\r\nGET\r\n$100000\r\n".as_slice(), &long, b"\r\n"].concat();
    let http = [b"GET /".as_slice(), &long, b" HTTP/1.1\r\nA: ", &long].concat();
    let inline = [b"GET ".as_slice(), &long].concat();
    for (client, port, bytes) in [
        (1, 5432, &query),
        (2, 6379, &redis),
        (3, 8086, &http),
        (4, 6379, &inline),
        (5, 3306, &long),
    ] {
        capture.say_in(client, port, From::Client, bytes, 3);
        capture.well();
    }
    let (summary, _) = capture.write().read(&[]);
    assert!(summary["source"]["packets"].as_u64().unwrap() > 150_000);
}

/// Connections on which both sides say what can't be.
struct Lies {
    capture: Capture,
    client: u16,
}

impl Lies {
    /// Asks, replies and asks again on a connection of its own.
    fn tell(&mut self, port: u16, ask: &[u8], reply: &[u8]) {
        self.client += 1;
        let (capture, client) = (&mut self.capture, self.client);
        match port {
            5432 => pg_login(capture, client),
            3306 => my_login(capture, client),
            _ => {}
        }
        capture.say(client, port, From::Client, ask);
        capture.well();
        capture.say(client, port, From::Server, reply);
        capture.say(client, port, From::Client, ask);
        capture.well();
    }
}

#[test]
fn lengths_and_counts_that_lie_cost_nothing_else() {
    let mut lies = Lies {
        capture: Capture::new(),
        client: 100,
    };
    lies_of_postgresql(&mut lies);
    lies_of_mysql(&mut lies);
    lies_of_redis(&mut lies);
    lies_of_http(&mut lies);
    let (summary, others) = lies.capture.write().read(&[]);
    assert!(!others.is_empty());
    for service in summary["services"].as_array().unwrap() {
        let max = &service["duration"]["max_seconds"];
        assert!(max.is_null() || max.as_f64().unwrap() < 1.0, "{service}");
    }
}

/// PostgreSQL: lengths of a message under 4, negative, huge; rows of no columns, of 65,535, of negative length.
fn lies_of_postgresql(lies: &mut Lies) {
    for length in [0_u32, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let mut lie = vec![b'Q'];
        lie.extend_from_slice(&length.to_be_bytes());
        lie.extend_from_slice(b"SELECT 1\0");
        lies.tell(5432, &lie, &lie);
        lie[0] = b'D';
        lies.tell(5432, &pg(b'Q', b"SELECT a\0"), &lie);
    }
    for row in [
        &b"\0\0"[..],
        b"\xff\xff",
        b"\0\x01\xff\xff\xff\xfe",
        b"\0\x01\x7f\xff\xff\xff",
        b"",
    ] {
        let reply = [
            pg(b'T', row),
            pg(b'D', row),
            pg(b'C', b"SELECT 99999999999999999999\0"),
            pg(b'Z', b"I"),
        ];
        lies.tell(5432, &pg(b'Q', b"SELECT b\0"), &reply.concat());
    }
    for bind in [
        &b"\0\0\xff\xff"[..],
        b"\0\0\0\0\xff\xff",
        b"\0\0\0\x01\0\0\0\x01\xff\xff\xff\xf0",
        b"",
        b"\0",
    ] {
        let ask = [pg(b'B', bind), pg(b'E', b"\0\0\0\0\0"), pg(b'S', b"")].concat();
        lies.tell(5432, &ask, &pg(b'Z', b"I"));
    }
}

/// MySQL: no columns, 2^64-1 of them, length-encoded lengths beyond the packet, statements of 65,535 parameters.
fn lies_of_mysql(lies: &mut Lies) {
    for reply in [
        my(1, &[0]),
        my(1, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff"),
        my(1, b"\xfd\xff\xff\xff"),
        [my(1, &[1]), my(2, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f")].concat(),
        my(1, b"\0\x01\0\0\0\xff\xff\xff\xff\0\0\0"),
        b"\xff\xff\xff\x01".to_vec(),
        my(1, b""),
    ] {
        lies.tell(3306, &my(0, b"\x03SELECT c"), &reply);
        lies.tell(3306, &my(0, b"\x16SELECT ?"), &reply);
        lies.tell(3306, &my(0, b"\x17\x01\0\0\0\0\xff\xff\xff\xff"), &reply);
    }
}

/// Redis: aggregates and strings of lengths that can't be, nested without end.
fn lies_of_redis(lies: &mut Lies) {
    for lie in [
        &b"*2147483647\r\n"[..],
        b"*-5\r\n",
        b"$-7\r\n",
        b"$99999999999999999999\r\n",
        b"$9223372036854775807\r\nx",
        b"%9223372036854775807\r\n",
        b"*0\r\n",
        b":\r\n",
        b"$\r\n",
    ] {
        lies.tell(6379, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", lie);
        lies.tell(6379, lie, b"+OK\r\n");
    }
    let nested = b"*1\r\n".repeat(100_000);
    lies.tell(6379, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", &nested);
}

/// HTTP: lengths that are negative, beyond 64 bits, twice and different; chunks without end.
fn lies_of_http(lies: &mut Lies) {
    for head in [
        "Content-Length: -5",
        "Content-Length: 18446744073709551616",
        "Content-Length: 9223372036854775807",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: chunked",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nfffffffffffffffff\r\nx");
        lies.tell(
            8086,
            b"GET /query?q=1 HTTP/1.1\r\nHost: x\r\n\r\n",
            reply.as_bytes(),
        );
        let ask = format!("POST /write HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n-1\r\n");
        lies.tell(8086, ask.as_bytes(), b"HTTP/1.1 999 ?\r\n\r\n");
    }
}

/// A MySQL session, the login done: protocol 10, no capabilities but those of 4.1.
fn my_login(capture: &mut Capture, client: u16) {
    let mut greeting = b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0\x00\xa2\x21\x02\0\x08\0\x15".to_vec();
    greeting.extend_from_slice(&[0; 10]);
    greeting.extend_from_slice(b"abcdefghijkl\0mysql_native_password\0");
    capture.say(client, 3306, From::Server, &my(0, &greeting));
    let mut response = b"\x00\xa2\x08\0\0\0\0\x01\x21".to_vec();
    response.extend_from_slice(&[0; 23]);
    response.extend_from_slice(b"app\0\0mysql_native_password\0");
    capture.say(client, 3306, From::Client, &my(1, &response));
    capture.say(client, 3306, From::Server, &my(2, b"\0\0\0\x02\0\0\0"));
}

#[test]
fn a_hole_in_each_place_loses_only_its_own() {
    let query = pg(b'Q', b"SELECT 1 FROM t\0");
    let reply = [pg(b'C', b"SELECT 1\0"), pg(b'Z', b"I")].concat();
    let mut capture = Capture::new();
    for (index, lost) in (0..query.len()).enumerate() {
        let client = 1_000 + index as u16;
        pg_login(&mut capture, client);
        capture.say(client, 5432, From::Client, &query[..lost]);
        capture.lose(client, 5432, From::Client, query.len() - lost);
        capture.say(client, 5432, From::Server, &reply);
        capture.well();
        for _ in 0..3 {
            capture.say(client, 5432, From::Client, &query);
            capture.say(client, 5432, From::Server, &reply);
        }
    }
    let (_, others) = capture.write().read(&[]);
    for client in 0..query.len() {
        let name = format!("10.0.0.9:{}", 1_000 + client);
        let of: Vec<&Value> = others.iter().filter(|it| it["client"] == name).collect();
        let sure = of.iter().filter(|it| it.get("doubt").is_none()).count();
        assert!((2..=3).contains(&sure), "{name}: {of:?}");
        assert!(
            of.iter()
                .all(|it| it.get("doubt").is_none() || it.get("latency_seconds").is_none()),
            "{of:?}"
        );
    }
}

#[test]
fn no_byte_escapes_into_a_report() {
    let nasty = b"SELECT \"\x1b]0;owned\x07\x1b[31m\", '\xff\xfe', a\x00b, \"</script><script>alert(1)\xe2\x80\xae\" FROM `t\r\n`";
    let mut capture = Capture::new();
    let startup =
        b"\0\x03\0\0user\0a\"\x1b[2J\xff</td>\0database\0<b>\\\n\0application_name\0\x1b]0;x\x07\xc3\0\0";
    let mut first = (startup.len() as u32 + 4).to_be_bytes().to_vec();
    first.extend_from_slice(startup);
    capture.say(1, 5432, From::Client, &first);
    capture.say(
        1,
        5432,
        From::Server,
        &[pg(b'R', &[0; 4]), pg(b'Z', b"I")].concat(),
    );
    for tag in [b'Q', b'P'] {
        let body = [nasty.as_slice(), b"\0\0\0"].concat();
        capture.say(1, 5432, From::Client, &pg(tag, &body));
        capture.say(
            1,
            5432,
            From::Server,
            &[pg(b'E', b"C\x1b[1m\"\\\xff\0M<i>\0\0"), pg(b'Z', b"I")].concat(),
        );
    }
    capture.say(2, 6379, From::Client, b"*2\r\n$6\r\n\x1b[31m\"\r\n$1\r\nk\r\n");
    capture.say(2, 6379, From::Server, b"-\x1b[31m\"ERR <b>\xff\r\n");
    capture.say(
        3,
        8086,
        From::Client,
        b"GET /\x1b[2J\"</b>\xff?q=\x07 HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    capture.say(
        3,
        8086,
        From::Server,
        b"HTTP/1.1 200 \x1b[2J\r\nContent-Length: 0\r\n\r\n",
    );
    capture.well();
    let file = capture.write();
    for more in [&[][..], &["--show-literals"]] {
        let (summary, others) = file.read(more);
        assert!(others.len() >= 3, "{others:?}");
        assert!(summary["statements"].as_array().unwrap().len() >= 3);
        for format in ["text", "html"] {
            let mut arguments = vec!["--color", "never", "read", "-f", format, file.path()];
            arguments.extend_from_slice(more);
            let out = run(&arguments).out;
            let steering = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!out.contains(steering), "{format}: {out:?}");
            assert!(
                format != "html" || !out.contains("<script>alert") && !out.contains("</td>\\"),
                "{out}"
            );
        }
    }
}

#[test]
fn a_port_alone_makes_no_protocol() {
    let samples: [(&str, u16, &[u8], &[u8]); 4] = [
        (
            "postgresql",
            5432,
            &pg(b'Q', b"SELECT 1 FROM t\0"),
            &[pg(b'C', b"SELECT 1\0"), pg(b'Z', b"I")].concat(),
        ),
        (
            "mysql",
            3306,
            &my(0, b"\x03SELECT 1 FROM t"),
            &my(1, b"\0\0\0\x02\0\0\0"),
        ),
        ("redis", 6379, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", b"$1\r\nv\r\n"),
        (
            "http",
            8086,
            b"GET /query HTTP/1.1\r\nHost: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        ),
    ];
    for (spoken, home, ask, reply) in samples {
        for (_, port, ..) in samples.iter().filter(|it| it.1 != home) {
            let mut capture = Capture::new();
            for _ in 0..5 {
                capture.say(1, *port, From::Client, ask);
                capture.say(1, *port, From::Server, reply);
            }
            let (summary, others) = capture.write().read(&[]);
            let system = &summary["services"][0]["system"];
            assert!(
                system == spoken || system == "unknown",
                "{spoken} at {port} is {system}"
            );
            for exchange in others {
                assert!(
                    exchange["system"] == *spoken
                        || exchange["opaque"] == true
                        || exchange.get("doubt").is_some(),
                    "{spoken} at {port}: {exchange}"
                );
            }
        }
    }
}

#[test]
fn prepared_statements_without_end_are_bounded() {
    const NAMES: u32 = 20_000;
    let mut capture = Capture::new();
    capture.well();
    pg_login(&mut capture, 1);
    my_login(&mut capture, 2);
    for number in 0..NAMES {
        let parse = format!("s{number}\0SELECT c{number} FROM t\0\0\0");
        let bind = format!("\0s{number}\0\0\0\0\0\0\0");
        let ask = [
            pg(b'P', parse.as_bytes()),
            pg(b'B', bind.as_bytes()),
            pg(b'E', b"\0\0\0\0\0"),
            pg(b'S', b""),
        ];
        capture.say_in(1, 5432, From::Client, &ask.concat(), 60_000);
        let reply = [
            pg(b'1', b""),
            pg(b'2', b""),
            pg(b'C', b"SELECT 1\0"),
            pg(b'Z', b"I"),
        ];
        capture.say_in(1, 5432, From::Server, &reply.concat(), 60_000);
        let text = format!("\x16SELECT d{number} FROM t");
        capture.say_in(2, 3306, From::Client, &my(0, text.as_bytes()), 60_000);
        let mut prepared = vec![0];
        prepared.extend_from_slice(&number.to_le_bytes());
        prepared.extend_from_slice(&[0; 7]);
        capture.say_in(2, 3306, From::Server, &my(1, &prepared), 60_000);
    }
    let (summary, others) = capture.write().read(&["--max-statements", "100"]);
    let told = summary["statements"].as_array().unwrap().len();
    assert!(told <= 101, "{told}");
    assert!(summary["source"]["evicted_statements"].as_u64().unwrap() > u64::from(NAMES));
    let executed: Vec<&Value> = others.iter().filter(|it| it["verb"] == "execute").collect();
    assert_eq!(executed.len(), NAMES as usize);
    // Whatever is known of a statement is its own: never another's text.
    for (number, exchange) in executed.iter().enumerate() {
        let text = exchange["statement"].as_str();
        let own = format!("SELECT c{number} FROM t");
        let told = |text: &str| text == own || text == "(other statements)";
        assert!(text.is_none_or(told), "{exchange}");
    }
}
