//! The pushing thread against collectors that do well, answer nonsense, are slow, busy or not there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::metrics::operations::Counter;

/// Takes each request on a connection of its own: its body is told, and it is answered by what `answer` makes of its number.
fn collector(answer: impl Fn(usize) -> Vec<u8> + Send + 'static) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            tell.send(body(&stream)).unwrap();
            let _ = stream.write_all(&answer(number));
        }
    });
    (port, told)
}

fn body(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(said) = line.strip_prefix("content-length: ") {
            length = said.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn status(line: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// Pushes the number of the try as one byte.
fn pusher(port: u16) -> (Pusher, Pushes) {
    let collector = Collector::at(&format!("http://127.0.0.1:{port}")).unwrap();
    let mut tries = 0;
    let draw = Box::new(move || {
        tries += 1;
        Some(vec![tries])
    });
    let counts = Pushes::default();
    let journal = Journal::start().unwrap();
    let pusher = Pusher::start(collector, draw, counts.clone(), journal).unwrap();
    (pusher, counts)
}

/// Taken, postponed, refused, and tried again.
fn told_of(counts: &Pushes) -> [u64; 4] {
    let Pushes {
        taken,
        postponed,
        refused,
        retried,
        ..
    } = counts;
    [taken, postponed, refused, retried].map(Counter::total)
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn each_newer_one_is_pushed() {
    let (port, told) = collector(|_| status("200 OK"));
    let (pusher, counts) = pusher(port);
    for number in 1..=3 {
        pusher.newer();
        assert_eq!(told.recv_timeout(SOON).unwrap(), [number]);
        pusher.flush(SOON);
    }
    assert_eq!(told_of(&counts), [3, 0, 0, 0]);
}

#[test]
fn a_busy_collector_is_tried_again_when_it_says() {
    let (port, told) = collector(|number| match number {
        0 => status("503 Service Unavailable\r\nRetry-After: 1"),
        1 => b"nonsense".to_vec(),
        _ => status("200 OK"),
    });
    let (pusher, counts) = pusher(port);
    let begun = Instant::now();
    pusher.newer();
    assert_eq!(told.recv_timeout(SOON).unwrap(), [1]);
    // Goes with what waits.
    pusher.newer();
    assert_eq!(told.recv_timeout(SOON).unwrap(), [2]);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(told.recv_timeout(SOON).unwrap(), [3]);
    pusher.flush(SOON);
    assert_eq!(told_of(&counts), [1, 2, 0, 2]);
    assert!(told.try_recv().is_err(), "and then no more");
}

#[test]
fn what_is_refused_waits_for_what_is_newer() {
    let (port, told) = collector(|number| match number {
        0 => status("400 Bad Request"),
        _ => status("200 OK"),
    });
    let (pusher, counts) = pusher(port);
    pusher.newer();
    assert_eq!(told.recv_timeout(SOON).unwrap(), [1]);
    pusher.flush(SOON);
    pusher.newer();
    assert_eq!(told.recv_timeout(SOON).unwrap(), [2]);
    pusher.flush(SOON);
    assert_eq!(told_of(&counts), [1, 0, 1, 0]);
}

#[test]
fn one_that_is_not_there_is_found_when_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (pusher, counts) = pusher(port);
    pusher.newer();
    pusher.flush(SOON);
    assert_eq!(told_of(&counts), [0, 1, 0, 0]);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(body(&stream), [2]);
    stream.write_all(&status("200 OK")).unwrap();
    pusher.flush(SOON);
    assert_eq!(told_of(&counts), [1, 1, 0, 1]);
}

#[test]
fn one_that_says_nothing_stops_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (pusher, _) = pusher(listener.local_addr().unwrap().port());
    let begun = Instant::now();
    (0..10).for_each(|_| pusher.newer());
    pusher.flush(Duration::from_millis(50));
    drop(pusher);
    assert!(begun.elapsed() < Duration::from_secs(5));
}
