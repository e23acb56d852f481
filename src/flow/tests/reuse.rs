//! One pair of ports, one connection after the other: each counts once, whatever the old one's last segments say. The sequences are
//! Linux', seen between hosts that opened thousands of connections a second from a few ports.

use super::*;

const RESET: u8 = 0x04;
const SYN_ACK: u8 = 0x12;
/// Where the second connection's numbers begin: so far on as Linux' clock of numbers (64 ns) is after 5 ms.
const NEXT: u32 = 100 + 78_125;

/// A connection that was opened, asked and answered.
fn first() -> Bench {
    let mut bench = Bench::new();
    bench.connect();
    bench.client(100, b"ask");
    bench.send(Side::Server, ACK, 500, 103, b"told");
    bench.log.lines.clear();
    bench
}

/// Both say that they are done.
fn finish(bench: &mut Bench) {
    bench.send(Side::Client, FIN, 103, 504, b"");
    bench.send(Side::Server, FIN, 504, 104, b"");
    bench.send(Side::Client, ACK, 104, 505, b"");
    bench.log.lines.clear();
}

fn syn(bench: &mut Bench) {
    bench.send(Side::Client, SYN, NEXT - 1, 0, b"");
}

/// The rest of the second connection's handshake, and its first bytes.
fn goes_on(bench: &mut Bench) {
    bench.send(Side::Server, SYN_ACK, 8999, NEXT, b"");
    bench.send(Side::Client, ACK, NEXT, 9000, b"");
    bench.client(NEXT, b"more");
}

fn opened(bench: &Bench) -> usize {
    let lines = bench.log.lines.iter();
    lines.filter(|line| line.ends_with("opened syn")).count()
}

/// What was said last: that the handshake is complete, and the bytes.
fn ends_well(bench: &Bench) {
    let [.., connected, bytes] = &bench.log.lines[..] else {
        panic!("too little")
    };
    assert!(connected.starts_with("Connected"), "{:?}", bench.log.lines);
    assert_eq!(bytes, "Client more");
}

#[test]
fn ports_used_again_at_once_after_both_fins() {
    let mut bench = first();
    finish(&mut bench);
    syn(&mut bench);
    goes_on(&mut bench);
    assert_eq!(opened(&bench), 1);
    ends_well(&bench);
}

#[test]
fn ports_used_again_at_once_after_a_reset() {
    let mut bench = first();
    bench.send(Side::Client, RST, 103, 504, b"");
    syn(&mut bench);
    // The server had not yet heard of the reset.
    syn(&mut bench);
    goes_on(&mut bench);
    assert_eq!(opened(&bench), 1);
    assert_eq!(bench.log.lines[0], "0 closed Reset(Client)");
    assert!(bench.log.lines.contains(&"Retransmitted(Client)".to_owned()));
    ends_well(&bench);
}

#[test]
fn an_end_that_went_by_unseen() {
    let mut bench = first();
    syn(&mut bench);
    goes_on(&mut bench);
    assert_eq!(bench.log.lines[0], "0 closed Replaced");
    assert_eq!(opened(&bench), 1);
    ends_well(&bench);
}

/// RFC 5961 section 4: a server that still knows the old connection challenges the SYN, the client resets what it does not know,
/// and its SYN comes again.
#[test]
fn a_server_that_still_knows_the_old_one() {
    for seen in [true, false] {
        let mut bench = first();
        if seen {
            finish(&mut bench);
        }
        syn(&mut bench);
        bench.send(Side::Server, ACK, 505, 104, b"");
        bench.send(Side::Client, RESET, 104, 0, b"");
        syn(&mut bench);
        goes_on(&mut bench);
        assert_eq!(opened(&bench), 1, "{:?}", bench.log.lines);
        ends_well(&bench);
    }
}

#[test]
fn last_words_of_the_old_one_after_the_new_syn() {
    let mut bench = first();
    bench.send(Side::Client, FIN, 103, 504, b"");
    syn(&mut bench);
    bench.send(Side::Server, ACK, 504, 104, b"late");
    bench.send(Side::Server, FIN, 508, 104, b"");
    bench.send(Side::Server, RESET, 509, 0, b"");
    goes_on(&mut bench);
    assert_eq!(opened(&bench), 1);
    assert!(!bench.log.lines.contains(&"Server late".to_owned()));
    ends_well(&bench);
}

#[test]
fn an_answer_to_the_syn_is_its_own() {
    let mut refused = first();
    finish(&mut refused);
    syn(&mut refused);
    refused.send(Side::Server, RST, 0, NEXT, b"");
    assert_eq!(refused.said().last().unwrap(), "0 closed Reset(Server)");

    let mut given_up = first();
    finish(&mut given_up);
    syn(&mut given_up);
    given_up.send(Side::Server, SYN_ACK, 8999, NEXT, b"");
    given_up.send(Side::Client, RESET, NEXT, 0, b"");
    assert_eq!(given_up.said().last().unwrap(), "0 closed Reset(Client)");
}

/// The SYN alone was seen of its handshake: what follows still counts.
#[test]
fn a_handshake_of_which_the_rest_is_lost() {
    let mut bench = first();
    finish(&mut bench);
    syn(&mut bench);
    bench.send(Side::Server, ACK, 9000, NEXT + 3, b"told");
    assert_eq!(bench.said().last().unwrap(), "Server told");
}
