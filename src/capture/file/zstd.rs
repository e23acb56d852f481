//! Zstandard streams (RFC 8878): frames, one after another, some of them to be skipped.

use std::error::Error;
use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompresses a stream. Ends where the stream ends after a frame.
pub(super) struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

const FRAME: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Whether a file that begins so is compressed by zstd.
pub(super) fn recognises(start: &[u8]) -> bool {
    start == FRAME || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Begins the next frame that holds something; false at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.input).take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(as_io(&error)),
            }
        }
        Ok(false)
    }

    fn decode_some(&mut self) -> io::Result<()> {
        self.decoder
            .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
            .map(|_| ())
            .map_err(|error| as_io(&error))
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                self.in_frame = self.begin()?;
                if !self.in_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decode_some()?;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(bytes);
            }
            self.in_frame = false;
        }
    }
}

/// An input that ends early stays so; anything else is damage.
fn as_io(error: &FrameDecoderError) -> io::Error {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io::Error::new(io.kind(), error.to_string());
        }
        source = error.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
