//! Captures made by hand: pcap files of Ethernet frames, with one connection in them that nothing is wrong with.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where every database of these captures is.
pub const SERVER: [u8; 4] = [10, 0, 0, 5];
/// The client's port of the connection that nothing is wrong with.
const WELL: u16 = 50_000;

/// A capture in the making.
pub struct Capture {
    frames: Vec<Vec<u8>>,
    next: std::collections::HashMap<(u16, u16, bool), u32>,
    well: usize,
}

/// A side of a connection.
#[derive(Clone, Copy, PartialEq)]
pub enum From {
    Client,
    Server,
}

impl From {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Capture {
    pub fn new() -> Self {
        Self {
            frames: Vec::new(),
            next: std::collections::HashMap::new(),
            well: 0,
        }
    }

    /// Adds any bytes as a frame.
    pub fn frame(&mut self, bytes: &[u8]) {
        self.frames.push(bytes.to_vec());
    }

    /// Adds what `from` says on the connection of `client`'s port to the server's `port`, in segments of at most 1,400 bytes.
    pub fn say(&mut self, client: u16, port: u16, from: From, bytes: &[u8]) {
        self.say_in(client, port, from, bytes, 1_400);
    }

    /// The same in segments of `size`.
    pub fn say_in(&mut self, client: u16, port: u16, from: From, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            let sequence = self.sequence(client, port, from, piece.len());
            let seen = self.sequence(client, port, from.other(), 0);
            self.frames.push(tcp(client, port, from, [sequence, seen], piece));
        }
    }

    /// As if so many bytes had been said and not been captured.
    pub fn lose(&mut self, client: u16, port: u16, from: From, bytes: usize) {
        self.sequence(client, port, from, bytes);
    }

    fn sequence(&mut self, client: u16, port: u16, from: From, length: usize) -> u32 {
        let next = self.next.entry((client, port, from == From::Client)).or_insert(1);
        let sequence = *next;
        *next = sequence.wrapping_add(length as u32);
        sequence
    }

    /// One more exchange on the connection that nothing is wrong with: Redis' INCR.
    pub fn well(&mut self) {
        self.well += 1;
        self.say(WELL, 6379, From::Client, b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n");
        self.say(WELL, 6379, From::Server, b":1\r\n");
    }

    /// Writes it to a folder of its own.
    pub fn write(&self) -> Written {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.pcap");
        std::fs::write(&path, self.bytes()).unwrap();
        Written {
            path,
            folder,
            well: self.well,
        }
    }

    /// The file's bytes: pcap with microseconds, Ethernet.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
        file.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend_from_slice(&262_144_u32.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        for (index, frame) in self.frames.iter().enumerate() {
            let micros = 1_700_000_000_000_000 + index as u64 * 10;
            for field in [
                (micros / 1_000_000) as u32,
                (micros % 1_000_000) as u32,
                frame.len() as u32,
                frame.len() as u32,
            ] {
                file.extend_from_slice(&field.to_le_bytes());
            }
            file.extend_from_slice(frame);
        }
        file
    }
}

/// A capture on disk.
pub struct Written {
    pub path: PathBuf,
    pub folder: TempDir,
    well: usize,
}

impl Written {
    pub fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn beside(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Reads it within limits of memory and time; the connection that nothing is wrong with must be told in full. Returns the summary and the other exchanges.
    #[track_caller]
    pub fn read(&self, more: &[&str]) -> (serde_json::Value, Vec<serde_json::Value>) {
        let exchanges = self.beside("exchanges");
        let mut arguments = vec!["read", "-f", "json", "--exchanges", &exchanges, self.path()];
        arguments.extend_from_slice(more);
        let summary = super::files::within_limits(&arguments).json();
        (summary, self.others(Path::new(&exchanges)))
    }

    #[track_caller]
    fn others(&self, exchanges: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(exchanges).unwrap();
        let all: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        let (well, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|it| it["client"] == format!("10.0.0.9:{WELL}"));
        assert_eq!(
            well.len(),
            self.well,
            "of the connection that nothing is wrong with"
        );
        for exchange in &well {
            assert_eq!(exchange["outcome"], "ok", "{exchange}");
            assert!(exchange.get("doubt").is_none(), "{exchange}");
            assert!(
                exchange["statement"].as_str().unwrap().contains("INCR"),
                "{exchange}"
            );
        }
        others
    }
}

/// An Ethernet frame with one segment, between 10.0.0.9 and [`SERVER`]; `numbers` are its sequence and what it acknowledges.
pub fn tcp(client: u16, port: u16, from: From, numbers: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    let ports = match from {
        From::Client => [client, port],
        From::Server => [port, client],
    };
    for port in ports {
        segment.extend_from_slice(&port.to_be_bytes());
    }
    for number in numbers {
        segment.extend_from_slice(&number.to_be_bytes());
    }
    segment.extend_from_slice(&[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    ipv4(from, 6, &segment)
}

/// An Ethernet frame with an IPv4 packet.
pub fn ipv4(from: From, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
    let client = [10, 0, 0, 9];
    let addresses = match from {
        From::Client => [client, SERVER],
        From::Server => [SERVER, client],
    };
    frame.extend_from_slice(&addresses.concat());
    frame.extend_from_slice(payload);
    frame
}
