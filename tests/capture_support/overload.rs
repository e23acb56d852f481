//! A watch that reads too slowly for a while, on a ring that is too small.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sockhound::capture::live::{LiveOptions, LiveSource};
use sockhound::capture::share::Share;
use sockhound::capture::{Polled, Source};
use sockhound::daemon::Overload;
use sockhound::profile::{Config, Listing, Profile};
use sockhound::protocol::System;
use sockhound::protocol::catalog::Target;
use sockhound::watch::live::Live;
use sockhound::watch::{Plan, Provenance, Recorder, Session};

use super::capture_support::{PORT, in_namespace, options};

const CLIENTS: usize = 32;

/// Answers every line of every connection with one of Redis' replies, until all are gone.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming().take(CLIENTS) {
        let stream = stream.unwrap();
        thread::spawn(move || {
            let mut replies = stream.try_clone().unwrap();
            for _ in BufReader::new(stream).lines().map_while(Result::ok) {
                if replies.write_all(b"+PONG\r\n").is_err() {
                    return;
                }
            }
        });
    }
}

fn ask(over: &AtomicBool, ports: &Mutex<Vec<u16>>) {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", PORT)).unwrap());
    let port = stream.get_ref().local_addr().unwrap().port();
    ports.lock().unwrap().push(port);
    while !over.load(Ordering::Relaxed) {
        stream.get_mut().write_all(b"GET key\r\n").unwrap();
        stream.read_line(&mut String::new()).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
}

/// The watch, and how much time it loses with each few frames.
struct Watch {
    live: Live,
    session: Session,
    overload: Overload,
    said: Vec<String>,
    slow: bool,
}

impl Watch {
    fn new() -> Self {
        let plan = Plan {
            targets: vec![Target {
                system: Some(System::Redis),
                address: None,
                port: PORT,
                presumed: false,
            }],
            targets_written: Vec::new(),
            profile: Config::default(),
            max_connections: 1_000,
            max_buffered: 1 << 20,
            max_connection_bytes: usize::MAX,
            max_text_bytes: usize::MAX,
            max_statements: 100,
            show_literals: false,
            connections: Listing::None,
        };
        let ring = LiveOptions {
            block_size: 1 << 17,
            blocks: Some(2),
            ..options(&["lo"])
        };
        let recorder = Recorder::new(Profile::new(plan.profile), None);
        Self {
            live: Live::One(Box::new(LiveSource::open(&ring).unwrap())),
            session: Session::new(plan, recorder),
            overload: Overload::with_patience(Duration::from_secs(1)),
            said: Vec::new(),
            slow: true,
        }
    }

    /// Watches until that holds.
    fn until(&mut self, what: &str, mut is: impl FnMut(&mut Self) -> bool) {
        let patience = Instant::now() + Duration::from_secs(40);
        while !is(self) {
            assert!(Instant::now() < patience, "not {what}: {:?}", self.said);
            self.watch();
        }
    }

    fn watch(&mut self) {
        for _ in 0..40 {
            let Live::One(source) = &mut self.live else {
                unreachable!("it was opened alone");
            };
            match source.poll().unwrap() {
                Polled::Frame(frame) => drop(self.session.frame(&frame)),
                Polled::Idle(now) => {
                    self.session.advance(now);
                    break;
                }
                Polled::End => unreachable!("a live source has no end"),
            }
        }
        if self.slow {
            thread::sleep(Duration::from_millis(10));
        }
        if let Some(change) = self.overload.look(&mut self.live, &mut self.session) {
            assert!(change.refused.is_none(), "{:?}", change.refused);
            self.said.push(change.words);
        }
    }

    fn lost(&mut self) -> u64 {
        self.live.dropped()
    }
}

#[test]
fn a_watch_that_loses_frames_narrows_itself_until_it_loses_none_and_widens_again() {
    in_namespace(|| {
        let listener = TcpListener::bind(("127.0.0.1", PORT)).unwrap();
        thread::spawn(move || serve(&listener));
        let (over, ports) = (
            Arc::new(AtomicBool::new(false)),
            Arc::<Mutex<Vec<u16>>>::default(),
        );
        let mut watch = Watch::new();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (over, ports) = (Arc::clone(&over), Arc::clone(&ports));
                thread::spawn(move || ask(&over, &ports))
            })
            .collect();
        watch.until("narrowed", |watch| watch.session.share() < Share::ALL);
        assert!(
            watch.said[0].contains("frames lost in the last"),
            "{:?}",
            watch.said
        );

        let (mut since, mut lost, mut share) = (Instant::now(), watch.lost(), Share::ALL);
        watch.until("calm", |watch| {
            if (watch.lost(), watch.session.share()) != (lost, share) {
                (since, lost, share) = (Instant::now(), watch.lost(), watch.session.share());
                let provenance = Provenance::default();
                let now = watch.session.summary(&provenance).end;
                watch.session.turn(now, &provenance);
            }
            since.elapsed() > Duration::from_secs(2)
        });
        let calm = watch.session.summary(&Provenance::default());
        let exchanges = calm.services.first().map(|it| it.exchanges).unwrap_or_default();
        let share = watch.session.share();
        let is_asked = ports.lock().unwrap().iter().any(|&port| share.holds(port, PORT));
        assert_eq!(exchanges.replies > 0, is_asked, "{exchanges:?}");
        // At most what was under way as the last frame was lost; of some of it no reply came to be seen.
        assert!(exchanges.doubtful <= 2 * CLIENTS as u64, "{exchanges:?}");
        assert!(exchanges.unanswered <= exchanges.doubtful, "{exchanges:?}");
        assert_eq!(calm.hoarded.len(), 0);

        watch.slow = false;
        over.store(true, Ordering::Relaxed);
        watch.until("wide again", |watch| watch.session.share() == Share::ALL);
        assert_eq!(
            watch.said.last().unwrap(),
            "overload is over: watching every connection from now on"
        );
        for client in clients {
            client.join().unwrap();
        }
    });
}
