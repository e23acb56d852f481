//! A stream of bytes in chunks, the next of which are read (and decompressed) while one is being looked at.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Room before a chunk's bytes, for the beginning of a record that goes on in it: longer than any usual frame.
pub(super) const HEADROOM: usize = 1 << 17;

/// Chunks read ahead of the one being looked at.
const AHEAD: usize = 2;

type Input = Box<dyn Read + Send>;

/// Bytes of the stream, after [`HEADROOM`] bytes of room; none at its end.
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// How many bytes of the stream it is.
    pub(super) fn length(&self) -> usize {
        self.bytes.len().saturating_sub(HEADROOM)
    }
}

/// Gives the chunks of a stream. What is longer than one chunk is read by a thread of its own.
pub(super) struct Feed {
    chunk: usize,
    state: State,
}

enum State {
    /// Read here, so many bytes as yet.
    Direct(Input, usize),
    Ahead(Ahead),
    /// The stream has ended or failed.
    Over,
}

/// A reading thread's two ends: room goes in, chunks come out.
struct Ahead {
    rooms: Sender<Vec<u8>>,
    chunks: Receiver<io::Result<Chunk>>,
}

impl Feed {
    pub(super) fn new(input: Input, chunk: usize) -> Self {
        Self {
            chunk,
            state: State::Direct(input, 0),
        }
    }

    /// The next chunk. `spare` is room that is no longer needed.
    pub(super) fn next(&mut self, spare: Vec<u8>) -> io::Result<Chunk> {
        let room = self.room(spare);
        match std::mem::replace(&mut self.state, State::Over) {
            State::Direct(input, so_far) if so_far < self.chunk => self.read_here(input, so_far, room),
            State::Direct(input, _) => {
                self.state = Ahead::start(input, self.chunk);
                self.next(room)
            }
            State::Ahead(ahead) => self.read_ahead(ahead, room),
            State::Over => Ok(END),
        }
    }

    fn room(&self, mut spare: Vec<u8>) -> Vec<u8> {
        let size = HEADROOM + self.chunk;
        if spare.capacity() != size {
            return vec![0; size];
        }
        spare.resize(size, 0);
        spare
    }

    fn read_here(&mut self, mut input: Input, so_far: usize, room: Vec<u8>) -> io::Result<Chunk> {
        let chunk = read(&mut input, room)?;
        if chunk.length() > 0 {
            self.state = State::Direct(input, so_far + chunk.length());
        }
        Ok(chunk)
    }

    fn read_ahead(&mut self, ahead: Ahead, room: Vec<u8>) -> io::Result<Chunk> {
        // A thread that has ended takes no more room; what it had read is still to come.
        let _ = ahead.rooms.send(room);
        let Ok(chunk) = ahead.chunks.recv() else {
            return Ok(END);
        };
        self.state = State::Ahead(ahead);
        chunk
    }
}

const END: Chunk = Chunk { bytes: Vec::new() };

impl Ahead {
    /// Starts to read ahead; where there can be no thread, reading goes on here.
    fn start(input: Input, chunk: usize) -> State {
        let (rooms, rooms_out) = channel();
        let (chunks_in, chunks) = channel();
        let (input_in, input_out) = channel();
        let reading = move || {
            for input in input_out {
                read_all(input, &rooms_out, &chunks_in);
            }
        };
        if thread::Builder::new().spawn(reading).is_err() {
            return State::Direct(input, 0);
        }
        for _ in 0..AHEAD {
            let _ = rooms.send(vec![0; HEADROOM + chunk]);
        }
        let _ = input_in.send(input);
        State::Ahead(Self { rooms, chunks })
    }
}

/// Reads until the stream or the interest in it ends.
fn read_all(mut input: Input, rooms: &Receiver<Vec<u8>>, chunks: &Sender<io::Result<Chunk>>) {
    for room in rooms {
        let chunk = read(&mut input, room);
        let last = chunk.as_ref().map_or(0, Chunk::length) == 0;
        if chunks.send(chunk).is_err() || last {
            return;
        }
    }
}

fn read(input: &mut Input, mut room: Vec<u8>) -> io::Result<Chunk> {
    loop {
        match input.read(room.get_mut(HEADROOM..).unwrap_or_default()) {
            Ok(length) => {
                room.truncate(HEADROOM + length);
                return Ok(Chunk { bytes: room });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up in pieces of 100 bytes, and fails in the end.
    struct Counting(u8);

    impl Read for Counting {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            if self.0 == 200 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            bytes[..100].fill(self.0);
            self.0 += 1;
            Ok(100)
        }
    }

    #[test]
    fn reads_ahead_everything_before_a_failure_and_then_ends() {
        let mut feed = Feed::new(Box::new(Counting(0)), 250);
        let mut spare = Vec::new();
        for expected in 0..200 {
            let chunk = feed.next(spare).unwrap();
            assert_eq!(chunk.bytes[HEADROOM..], [expected; 100]);
            assert_eq!(matches!(feed.state, State::Ahead(_)), expected >= 3);
            spare = chunk.bytes;
        }
        assert_eq!(feed.next(spare).err().unwrap().kind(), io::ErrorKind::InvalidData);
        assert_eq!(feed.next(Vec::new()).unwrap().length(), 0);
        assert_eq!(feed.next(Vec::new()).unwrap().length(), 0);
    }

    #[test]
    fn a_short_stream_needs_no_thread() {
        let mut feed = Feed::new(Box::new(io::Cursor::new(vec![7; 99])), 250);
        assert_eq!(feed.next(Vec::new()).unwrap().length(), 99);
        assert!(matches!(feed.state, State::Direct(..)));
        assert_eq!(feed.next(Vec::new()).unwrap().length(), 0);
    }
}
