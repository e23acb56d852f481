//! Cheap load on a Redis server for `tests/soak`, with the standard library alone: `rustc -O load.rs`.
//!
//! `load churn ADDRESS RATE`: so many connections a second, each with two commands, one in four ended by a reset.
//! `load idle ADDRESS COUNT`: so many connections that are kept, half of them after a command, and never used again.
//! Either works until its standard input ends and then prints `connections=N commands=N failed=N`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: u32 = 4;
/// A machine that is this far behind its rate forgets the rest.
const FORGIVEN: Duration = Duration::from_secs(1);

static ENDED: AtomicBool = AtomicBool::new(false);
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static COMMANDS: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, address, number] = arguments.as_slice() else {
        panic!("load churn|idle ADDRESS NUMBER");
    };
    let number: u32 = number.parse().expect("a number");
    std::thread::scope(|scope| {
        match mode.as_str() {
            "churn" => (0..THREADS).for_each(|_| drop(scope.spawn(|| churn(address, number)))),
            _ => drop(scope.spawn(|| idle(address, number))),
        }
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ENDED.store(true, Ordering::Relaxed);
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "connections={} commands={} failed={}",
        count(&CONNECTIONS),
        count(&COMMANDS),
        count(&FAILED)
    );
}

fn churn(address: &str, rate: u32) {
    let pause = Duration::from_secs(u64::from(THREADS)) / rate.max(1);
    let mut due = Instant::now();
    let mut number = 0_u32;
    while !ENDED.load(Ordering::Relaxed) {
        number += 1;
        counted(once(address, number % 4 == 0));
        due += pause;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(early) => std::thread::sleep(early),
            None if now - due > FORGIVEN => due = now,
            None => {}
        }
    }
}

fn once(address: &str, reset: bool) -> std::io::Result<()> {
    let mut stream = connect(address)?;
    ask(&mut stream, b"*2\r\n$4\r\nINCR\r\n$5\r\nchurn\r\n")?;
    ask(&mut stream, b"*2\r\n$3\r\nGET\r\n$5\r\nnever\r\n")?;
    if reset {
        linger_for_nothing(&stream);
    }
    Ok(())
}

fn idle(address: &str, count: u32) {
    let mut kept = Vec::new();
    for number in 0..count {
        let opened = connect(address).and_then(|mut stream| {
            if number % 2 == 0 {
                ask(&mut stream, b"*2\r\n$3\r\nGET\r\n$5\r\nnever\r\n")?;
            }
            kept.push(stream);
            Ok(())
        });
        counted(opened);
        std::thread::sleep(Duration::from_millis(1));
    }
    while !ENDED.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// Sends one command, and takes a reply that comes in one piece.
fn ask(stream: &mut TcpStream, command: &[u8]) -> std::io::Result<()> {
    stream.write_all(command)?;
    COMMANDS.fetch_add(1, Ordering::Relaxed);
    let mut reply = [0; 64];
    let mut length = 0;
    while !reply[..length].ends_with(b"\r\n") {
        let more = stream.read(&mut reply[length..])?;
        if more == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        length += more;
    }
    Ok(())
}

fn counted(done: std::io::Result<()>) {
    if let Err(error) = done {
        eprintln!("load: {error}");
        FAILED.fetch_add(1, Ordering::Relaxed);
    }
}

unsafe extern "C" {
    fn setsockopt(socket: i32, level: i32, option: i32, value: *const [i32; 2], length: u32) -> i32;
}

/// Closing then resets (`SO_LINGER` with no time, socket(7)).
fn linger_for_nothing(stream: &TcpStream) {
    const SOL_SOCKET: i32 = 1;
    const SO_LINGER: i32 = 13;
    let linger = [1, 0];
    // SAFETY: the socket is open, and the value is read during the call only and of the length said.
    let set = unsafe { setsockopt(stream.as_raw_fd(), SOL_SOCKET, SO_LINGER, &raw const linger, 8) };
    assert_eq!(set, 0, "SO_LINGER");
}
