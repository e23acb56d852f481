//! Compressed packets: a header of seven bytes, then zlib or zstd data, or plain bytes where compression was not
//! worth it. Follows the protocol's "Compression" page. What comes out is the plain packets' bytes: one plain packet may
//! span several compressed ones, and one compressed packet may hold several plain ones.

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::FrameDecoder;

use super::wire::Packet;
use crate::protocol::{MAX_NEED, Step};

/// Bytes of a compressed packet's header: three of length, one of sequence, three of the length inflated.
const HEADER: usize = 7;

/// The most that one call adds.
const MOST: usize = 64 * 1024;

/// The most that is held of a zstd packet, packed or unpacked: servers fill packets of 16 KiB unless one value is larger.
const MOST_ZSTD: usize = 1024 * 1024;

/// So much at the end of a zstd packet is taken only when all of it is here: one byte for each call that hands out
/// what came out of it, [`MOST_ZSTD`] in all.
const TAIL: usize = MOST_ZSTD / MOST;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The least number of bytes of data that tell how they are packed.
const MAGIC: usize = 4;

/// A compressed packet of which a part was taken.
#[derive(Debug)]
pub(super) struct Opening {
    /// Bytes of it still to come.
    left: usize,
    method: Method,
}

#[derive(Debug)]
enum Method {
    /// Plain bytes.
    Stored,
    Zlib(Decompress),
    /// All the packet's data so far.
    ZstdPacked {
        data: Vec<u8>,
        inflated: usize,
    },
    /// What came out, and how much of it was handed on.
    ZstdUnpacked {
        plain: Vec<u8>,
        given: usize,
    },
    /// Nothing more comes out.
    Exhausted,
}

/// A compressed packet's header.
#[derive(Clone, Copy, Debug)]
struct Header {
    length: usize,
    sequence: u8,
    /// The data's length unpacked; 0 where it is not packed.
    inflated: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let packet = Packet::read(bytes)?;
        let inflated = bytes.get(4..HEADER)?;
        Some(Self {
            length: packet.length,
            sequence: packet.sequence,
            inflated: inflated
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
        })
    }

    /// How the packet's data is packed; `None` where it can't be read.
    fn method(self, data: &[u8]) -> Option<Method> {
        if self.inflated == 0 {
            return Some(Method::Stored);
        }
        if data.starts_with(&ZSTD_MAGIC) {
            let fits = self.length <= MOST_ZSTD && self.inflated <= MOST_ZSTD;
            return fits.then_some(Method::ZstdPacked {
                data: Vec::new(),
                inflated: self.inflated,
            });
        }
        is_zlib(data).then(|| Method::Zlib(Decompress::new(true)))
    }
}

/// RFC 1950 section 2.2: method 8, and a check on the first two bytes.
fn is_zlib(data: &[u8]) -> bool {
    matches!(data, &[first, second, ..] if first & 15 == 8 && u16::from_be_bytes([first, second]) % 31 == 0)
}

/// Unwraps the front of `bytes` as [`Decoder::open`](crate::protocol::Decoder::open) says.
pub(super) fn open(opening: &mut Option<Box<Opening>>, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
    if let Some(mut begun) = opening.take() {
        let step = begun.advance(bytes, plain);
        if begun.left > 0 {
            *opening = Some(begun);
        }
        return step;
    }
    let Some(header) = Header::read(bytes) else {
        return Step::Need(HEADER);
    };
    let data = bytes.get(HEADER..).unwrap_or_default();
    if header.inflated > 0 && data.len() < header.length.min(MAGIC) {
        return Step::Need(HEADER + header.length.min(MAGIC));
    }
    let Some(method) = header.method(data) else {
        return Step::Garbage;
    };
    let whole = HEADER + header.length;
    if matches!(method, Method::ZstdPacked { .. }) && bytes.len() < whole && whole <= MAX_NEED {
        return Step::Need(whole);
    }
    begin(
        Opening {
            left: header.length,
            method,
        },
        opening,
        bytes,
        plain,
    )
}

/// Takes a packet's header along with the first data that something comes out of, so that what comes out is as old as
/// the header.
fn begin(mut begun: Opening, opening: &mut Option<Box<Opening>>, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
    let before = plain.len();
    let mut taken = HEADER;
    while plain.len() == before && taken < bytes.len() && begun.left > 0 {
        match begun.advance(&bytes[taken..], plain) {
            Step::Take(more) => taken += more as usize,
            Step::Need(_) => break,
            step => return step,
        }
    }
    if begun.left > 0 {
        if plain.len() == before && bytes.len() < MAX_NEED {
            return Step::Need(bytes.len() + 1);
        }
        *opening = Some(Box::new(begun));
    }
    Step::Take(taken as u64)
}

/// What zlib keeps to inflate: its window of 32 KiB and its tables.
const INFLATE: usize = 44 << 10;

impl Opening {
    /// Bytes that it takes.
    pub(super) fn kept(&self) -> usize {
        let more = match &self.method {
            Method::Zlib(_) => INFLATE,
            Method::ZstdPacked { data, .. } => data.capacity(),
            Method::ZstdUnpacked { plain, .. } => plain.capacity(),
            Method::Stored | Method::Exhausted => 0,
        };
        size_of::<Self>() + more
    }

    /// Takes as much of the packet's data as gives no more than may be added.
    fn advance(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Step {
        let data = bytes.get(..self.left).unwrap_or(bytes);
        if data.is_empty() {
            return Step::Need(1);
        }
        let step = match &mut self.method {
            Method::Exhausted => Step::Take(data.len() as u64),
            Method::Stored => stored(data, plain),
            Method::Zlib(_) => self.zlib(data, plain),
            Method::ZstdPacked { .. } => self.gather(data, plain),
            Method::ZstdUnpacked { .. } => self.hand_on(plain),
        };
        if let Step::Take(taken) = step {
            self.left -= taken as usize;
        }
        step
    }

    /// Inflates. The last byte is held back until all that came before it has come out, for bytes must be taken
    /// whenever something comes out; at most about 40 KiB can be left inside, less than one call hands on.
    fn zlib(&mut self, data: &[u8], plain: &mut Vec<u8>) -> Step {
        let Method::Zlib(stream) = &mut self.method else {
            return Step::Garbage;
        };
        let mut room = MOST;
        let last = data.len() - 1;
        let mut taken = 0;
        for input in [&data[..last], &data[last..]] {
            match inflate(stream, input, plain, &mut room) {
                Some((_, Status::StreamEnd)) => {
                    self.method = Method::Exhausted;
                    return Step::Take(data.len() as u64);
                }
                Some((used, _)) => taken += used,
                None => return Step::Garbage,
            }
            if room == 0 {
                break;
            }
        }
        match taken {
            0 => Step::Garbage,
            taken => Step::Take(taken as u64),
        }
    }

    /// Gathers zstd data until all is here, which takes its last bytes in one piece.
    fn gather(&mut self, data: &[u8], plain: &mut Vec<u8>) -> Step {
        let Method::ZstdPacked {
            data: packed,
            inflated,
        } = &mut self.method
        else {
            return Step::Garbage;
        };
        if self.left > TAIL {
            let taken = data.len().min(self.left - TAIL);
            packed.extend_from_slice(&data[..taken]);
            return Step::Take(taken as u64);
        }
        if data.len() < self.left {
            return Step::Need(self.left);
        }
        packed.extend_from_slice(data);
        let Some(unpacked) = unpack(packed, *inflated) else {
            return Step::Garbage;
        };
        self.method = Method::ZstdUnpacked {
            plain: unpacked,
            given: 0,
        };
        self.hand_on(plain)
    }

    /// Hands on a part for one byte taken, and the last part for all that are left.
    fn hand_on(&mut self, plain: &mut Vec<u8>) -> Step {
        let Method::ZstdUnpacked {
            plain: unpacked,
            given,
        } = &mut self.method
        else {
            return Step::Garbage;
        };
        let rest = unpacked.get(*given..).unwrap_or_default();
        let part = rest.get(..MOST).filter(|_| self.left > 1).unwrap_or(rest);
        plain.extend_from_slice(part);
        *given += part.len();
        let all = *given == unpacked.len();
        Step::Take(if all { self.left as u64 } else { 1 })
    }
}

fn stored(data: &[u8], plain: &mut Vec<u8>) -> Step {
    let part = data.get(..MOST).unwrap_or(data);
    plain.extend_from_slice(part);
    Step::Take(part.len() as u64)
}

/// Inflates `input` until it is used up and all has come out of it, or there is no more `room`; says how much was
/// used. `None`: no zlib data.
fn inflate(
    stream: &mut Decompress,
    input: &[u8],
    plain: &mut Vec<u8>,
    room: &mut usize,
) -> Option<(usize, Status)> {
    let mut used = 0;
    loop {
        let start = plain.len();
        let piece = (*room).min(16 * 1024);
        plain.resize(start + piece, 0);
        let (read, wrote) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(&input[used..], &mut plain[start..], FlushDecompress::None);
        let (read, wrote) = (stream.total_in() - read, (stream.total_out() - wrote) as usize);
        plain.truncate(start + wrote);
        *room -= wrote;
        used += read as usize;
        let status = status.ok()?;
        if status == Status::StreamEnd || *room == 0 || (read == 0 && wrote == 0) {
            return Some((used, status));
        }
    }
}

fn unpack(data: &[u8], inflated: usize) -> Option<Vec<u8>> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(2 * MOST_ZSTD as u64);
    let mut plain = vec![0; inflated];
    let length = decoder.decode_all(data, &mut plain).ok()?;
    plain.truncate(length);
    Some(plain)
}

/// A compressed packet's beginning, for looking where one begins.
pub(super) struct Peeked {
    pub(super) sequence: u8,
    /// How many bytes it holds unpacked.
    pub(super) length: usize,
    /// The first of these.
    pub(super) plain: Vec<u8>,
}

/// Looks into the compressed packet at the front of `bytes`; `None` where there is none.
pub(super) fn peek(bytes: &[u8]) -> Option<Peeked> {
    const ENOUGH: usize = 64;
    let header = Header::read(bytes)?;
    let data = bytes.get(HEADER..)?;
    let data = data.get(..header.length).unwrap_or(data);
    let mut plain = Vec::new();
    let length = match header.method(data)? {
        Method::Zlib(mut stream) => {
            inflate(&mut stream, data, &mut plain, &mut ENOUGH.clone())?;
            header.inflated
        }
        Method::ZstdPacked { .. } => {
            plain = unpack(data, header.inflated)?;
            header.inflated
        }
        _ => {
            plain.extend_from_slice(data.get(..ENOUGH).unwrap_or(data));
            header.length
        }
    };
    Some(Peeked {
        sequence: header.sequence,
        length,
        plain,
    })
}
