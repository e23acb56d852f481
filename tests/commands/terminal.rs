//! What a person sees, on a terminal made by script(1).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::capture::Capture;
use super::{is_root, sockhound};

/// Runs sockhound on a terminal of 80 columns and 24 rows, its output to be read as it comes.
fn on_terminal(arguments: &[&str], variable: Option<(&str, &str)>) -> Child {
    let command = sockhound(arguments);
    let parts = std::iter::once(command.get_program()).chain(command.get_args());
    let parts: Vec<&str> = parts.map(|part| part.to_str().unwrap()).collect();
    let line = format!("stty rows 24 cols 80; exec '{}'", parts.join("' '"));
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]);
    for (name, _) in command.get_envs() {
        script.env_remove(name);
    }
    script.env("TERM", "xterm-256color").envs(variable);
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Its whole output and its status.
fn ended(child: Child) -> (String, Option<i32>) {
    let output = child.wait_with_output().unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        output.status.code(),
    )
}

#[test]
fn a_terminal_gets_text_in_colour_and_a_pipe_json() {
    let mut capture = Capture::new();
    (0..10).for_each(|_| capture.well());
    let file = capture.write();
    let (text, status) = ended(on_terminal(&["read", file.path()], None));
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("\u{1b}[1m") && text.contains("SERVICES"),
        "{text:?}"
    );
    for line in text.lines() {
        let mut plain = Vec::new();
        anstream::StripStream::new(&mut plain)
            .write_all(line.as_bytes())
            .unwrap();
        let columns = String::from_utf8_lossy(&plain).trim_end().chars().count();
        assert!(columns <= 80, "{columns}: {line:?}");
    }
    let (plain, _) = ended(on_terminal(&["read", file.path()], Some(("NO_COLOR", "1"))));
    assert!(
        plain.contains("SERVICES") && !plain.contains('\u{1b}'),
        "{plain:?}"
    );
    let piped = super::run(&["read", file.path()]);
    assert_eq!(piped.out.lines().count(), 1);
    assert_eq!(piped.json()["schema"], "sockhound.summary.v1");
}

#[test]
fn long_work_shows_how_far_it_is() {
    if !is_root("watching") {
        return;
    }
    let (text, status) = ended(on_terminal(&["capture", "-i", "lo", "-d", "2s"], None));
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("watching [") && text.contains("Ctrl-C ends early"),
        "{text:?}"
    );
}

/// A Redis that answers everything with OK, on a thread that ends with its clients.
fn ok_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while client.read(&mut buffer).is_ok_and(|read| read > 0) {
                    if client.write_all(b"+OK\r\n").is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

/// What a terminal of 24 rows and 80 columns shows after `output`: as much of ECMA-48 as is used here.
fn shown(output: &str) -> String {
    let mut rows = vec![vec![' '; 80]; 24];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut rest = output.chars();
    while let Some(character) = rest.next() {
        if character == '\u{1b}' {
            let mut sequence = String::new();
            for character in rest.by_ref().skip(1) {
                sequence.push(character);
                if character.is_ascii_alphabetic() {
                    break;
                }
            }
            match sequence.chars().last() {
                Some('H') => (row, column) = position(&sequence),
                Some('J') => rows.iter_mut().for_each(|row| row.fill(' ')),
                _ => {}
            }
        } else if character >= ' ' {
            if let Some(cell) = rows.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = character;
            }
            column += 1;
        }
    }
    rows.iter()
        .map(|row| row.iter().collect::<String>() + "\n")
        .collect()
}

/// `2;13H`, counted from 0.
fn position(sequence: &str) -> (usize, usize) {
    let mut numbers = sequence
        .trim_end_matches('H')
        .split(';')
        .map(|number| number.parse().unwrap_or(1_usize) - 1);
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Reads what comes from a child on a thread, to be looked at as it grows.
struct Screen {
    child: Child,
    seen: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Screen {
    fn new(mut child: Child) -> Self {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let mut out = child.stdout.take().unwrap();
        let shared = std::sync::Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                shared.lock().unwrap().push_str(&text);
            }
        });
        Self { child, seen }
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// What stands on the terminal now.
    fn shown(&self) -> String {
        shown(&self.text())
    }

    #[track_caller]
    fn until(&self, words: &str, mut meanwhile: impl FnMut()) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.shown().contains(words) {
            assert!(Instant::now() < patience, "no {words:?} in\n{}", self.shown());
            meanwhile();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(keys.as_bytes())
            .unwrap();
    }

    fn status(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn top_shows_what_goes_on_and_gives_the_terminal_back() {
    if !is_root("watching") {
        return;
    }
    let port = ok_server();
    let mut clients: Vec<TcpStream> = (0..3)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    let mut ask = || {
        for client in &mut clients {
            client
                .write_all(b"*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n")
                .unwrap();
            let mut reply = [0; 5];
            client.read_exact(&mut reply).unwrap();
        }
    };
    let target = format!("redis://127.0.0.1:{port}");
    let mut screen = Screen::new(on_terminal(&["top", "-i", "lo", "-t", &target], None));
    screen.until("WHAT IS WRONG", || {});
    screen.until(&format!("127.0.0.1:{port} redis"), &mut ask);
    screen.until("INCR", &mut ask);
    screen.press("?");
    screen.until("choose a panel", || {});
    screen.press("?5/incr\r");
    screen.until("filter: incr", &mut ask);
    screen.press(" ");
    screen.until("PAUSED", || {});
    screen.press("q");
    assert_eq!(screen.status(), Some(0), "{:?}", screen.text());
    let text = screen.text();
    assert!(
        text.contains("\u{1b}[?1049h") && text.contains("\u{1b}[?1049l"),
        "{text:?}"
    );
    assert!(text.trim_end().ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{text:?}");
}

#[test]
fn top_gives_the_terminal_back_when_told_to_end() {
    if !is_root("watching") {
        return;
    }
    let mut screen = Screen::new(on_terminal(&["top", "-i", "lo"], None));
    screen.until("No database traffic seen", || {});
    // The shell that script started became sockhound.
    let script = screen.child.id();
    let children = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
    let sockhound: i32 = children.trim().parse().unwrap();
    kill(Pid::from_raw(sockhound), Signal::SIGTERM).unwrap();
    assert_eq!(screen.status(), Some(0), "{:?}", screen.text());
    assert!(screen.text().contains("\u{1b}[?1049l"), "{:?}", screen.text());
}
