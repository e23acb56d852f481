//! Real bytes: the recorded captures of `tests/captures`.

use std::collections::HashMap;
use std::path::Path;

use sockhound::capture::file::FileSource;
use sockhound::capture::{Polled, Source};
use sockhound::clock::Timestamp;
use sockhound::packet::{self, Endpoint, LinkType, Segment};
use sockhound::protocol::Side;

/// A frame that owns its bytes.
pub struct Frame {
    pub link: LinkType,
    pub bytes: Vec<u8>,
    pub wire_length: u32,
    pub time: Timestamp,
}

/// All frames of a capture.
pub fn frames(name: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/captures/{name}.pcap.gz"));
    let mut source = FileSource::open(&[path]).unwrap();
    let mut frames = Vec::new();
    while let Polled::Frame(frame) = source.poll().unwrap() {
        frames.push(Frame {
            link: frame.link,
            bytes: frame.bytes.to_vec(),
            wire_length: frame.wire_length,
            time: frame.time,
        });
    }
    frames
}

/// In-order bytes of one side of a connection.
pub struct Chunk {
    /// A number from 0 for each connection of the capture.
    pub connection: usize,
    pub side: Side,
    pub time: Timestamp,
    pub bytes: Vec<u8>,
}

/// A capture as its decoders are given it: what came again or out of order left out.
pub fn chunks(name: &str, port: u16) -> Vec<Chunk> {
    let mut streams = Streams::default();
    let mut chunks = Vec::new();
    for frame in frames(name) {
        let segment = packet::parse(frame.link, &frame.bytes, frame.wire_length);
        chunks.extend(
            segment
                .ok()
                .and_then(|segment| streams.next(&segment, port, frame.time)),
        );
    }
    chunks
}

#[derive(Default)]
struct Streams {
    connections: HashMap<Endpoint, usize>,
    next: HashMap<(usize, usize), u32>,
}

impl Streams {
    fn next(&mut self, segment: &Segment<'_>, port: u16, time: Timestamp) -> Option<Chunk> {
        let from_client = segment.destination.port == port;
        let (side, client) = if from_client {
            (Side::Client, segment.source)
        } else {
            (Side::Server, segment.destination)
        };
        let new = self.connections.len();
        let connection = *self.connections.entry(client).or_insert(new);
        let expected = self
            .next
            .entry((connection, side.index()))
            .or_insert(segment.sequence);
        if segment.payload.is_empty() || segment.sequence.wrapping_sub(*expected) > 1 {
            return None;
        }
        *expected = segment.sequence.wrapping_add(segment.payload_length);
        Some(Chunk {
            connection,
            side,
            time,
            bytes: segment.payload.to_vec(),
        })
    }
}
