//! Keeps frames as pcapng (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>), nanoseconds and interfaces' names
//! included, so that reading them back is as watching them was.

use std::io::{self, BufWriter, Write};

use super::{Frame, Loss};
use crate::clock::Timestamp;
use crate::packet::LinkType;

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;
const DROPPED: u16 = 5;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

/// Writes a pcapng file.
pub struct Writer<W: Write> {
    output: BufWriter<W>,
    /// What the file's interfaces stand for: [`Frame::interface`] and the link type of its frames.
    interfaces: Vec<(u16, LinkType)>,
    /// The file's interface of the latest frame.
    latest: u32,
    end: Timestamp,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// The output does not take it.
    pub fn new(output: W) -> io::Result<Self> {
        let mut output = BufWriter::with_capacity(BUFFER, output);
        let mut body = Vec::new();
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend(u64::MAX.to_le_bytes());
        option(
            &mut body,
            APPLICATION,
            concat!("sockhound ", env!("CARGO_PKG_VERSION")).as_bytes(),
        );
        block(&mut output, SECTION, &mut body)?;
        Ok(Self {
            output,
            interfaces: Vec::new(),
            latest: 0,
            end: Timestamp::default(),
        })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// The output does not take it; the file may then end within this frame.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let interface = self.interface(frame)?;
        let nanos = frame.time.nanos().max(0).cast_unsigned();
        let kept = frame.bytes.len() as u32;
        let padding = [0; 3]
            .get(..frame.bytes.len().wrapping_neg() % 4)
            .unwrap_or_default();
        let length = 32 + kept + padding.len() as u32;
        let mut header = [0; 28];
        let fields = [
            ENHANCED_PACKET,
            length,
            interface,
            (nanos >> 32) as u32,
            nanos as u32,
            kept,
            frame.wire_length,
        ];
        for (place, field) in header.as_chunks_mut::<4>().0.iter_mut().zip(fields) {
            *place = field.to_le_bytes();
        }
        self.end = self.end.max(frame.time);
        self.output.write_all(&header)?;
        self.output.write_all(frame.bytes)?;
        self.output.write_all(padding)?;
        self.output.write_all(&length.to_le_bytes())
    }

    /// Hands on what has been gathered, so that the file holds every frame so far.
    ///
    /// # Errors
    /// The output does not take it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Ends the file with what was lost, and gives the output back.
    ///
    /// # Errors
    /// The output does not take it.
    pub fn finish(mut self, loss: Loss) -> io::Result<W> {
        if !self.interfaces.is_empty() {
            let mut body = 0_u32.to_le_bytes().to_vec();
            let nanos = self.end.nanos().max(0).cast_unsigned();
            body.extend(((nanos >> 32) as u32).to_le_bytes());
            body.extend((nanos as u32).to_le_bytes());
            option(&mut body, DROPPED, &loss.dropped.to_le_bytes());
            block(&mut self.output, STATISTICS, &mut body)?;
        }
        self.output.into_inner().map_err(io::IntoInnerError::into_error)
    }

    /// The file's number for where a frame is from, which it is told at the first one.
    #[inline]
    fn interface(&mut self, frame: &Frame<'_>) -> io::Result<u32> {
        let wanted = (frame.interface, frame.link);
        if self.interfaces.get(self.latest as usize) != Some(&wanted) {
            self.latest = match self.interfaces.iter().position(|known| *known == wanted) {
                Some(known) => known as u32,
                None => self.describe(frame)?,
            };
        }
        Ok(self.latest)
    }

    #[cold]
    fn describe(&mut self, frame: &Frame<'_>) -> io::Result<u32> {
        let mut body = Vec::new();
        body.extend(frame.link.number().to_le_bytes());
        body.extend([0; 6]);
        option(&mut body, NAME, frame.interface_name().as_bytes());
        option(&mut body, RESOLUTION, &[NANOSECONDS]);
        block(&mut self.output, INTERFACE, &mut body)?;
        self.interfaces.push((frame.interface, frame.link));
        Ok(self.interfaces.len() as u32 - 1)
    }
}

impl Writer<Vec<u8>> {
    /// Takes what was written since this was last called: whole blocks.
    ///
    /// # Errors
    /// None: memory takes all.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        self.output.flush()?;
        Ok(std::mem::take(self.output.get_mut()))
    }
}

/// Adds an option, padded; of a value too long for one, its beginning.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..4096).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Writes a block that ends with options.
fn block(output: &mut impl Write, kind: u32, body: &mut Vec<u8>) -> io::Result<()> {
    option(body, 0, &[]);
    let length = (body.len() as u32 + 12).to_le_bytes();
    output.write_all(&kind.to_le_bytes())?;
    output.write_all(&length)?;
    output.write_all(body)?;
    output.write_all(&length)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::file::FileSource;
    use crate::capture::{Polled, Source};

    const LINKS: [LinkType; 5] = [
        LinkType::Ethernet,
        LinkType::RawIp,
        LinkType::Loopback,
        LinkType::LinuxCooked,
        LinkType::LinuxCooked2,
    ];

    type Kept = (Vec<u8>, u32, i64, LinkType, String);

    fn read_back(path: &Path) -> (Vec<Kept>, Loss) {
        let mut source = FileSource::open(&[path.to_owned()]).unwrap();
        let mut all = Vec::new();
        while let Polled::Frame(frame) = source.poll().unwrap() {
            let (bytes, time) = (frame.bytes.to_vec(), frame.time.nanos());
            let (wire, link, interface) = (frame.wire_length, frame.link, frame.interface);
            all.push((
                bytes,
                wire,
                time,
                link,
                source.interfaces()[usize::from(interface)].clone(),
            ));
        }
        assert_eq!(source.notes(), []);
        (all, source.loss())
    }

    fn any_frame() -> impl Strategy<Value = (Vec<u8>, u32, i64, usize, u16)> {
        let bytes = prop::collection::vec(any::<u8>(), 0..70);
        (bytes, 0..2000_u32, 0..i64::MAX, 0..LINKS.len(), 0..3_u16)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(frames in prop::collection::vec(any_frame(), 0..20), dropped in any::<u64>()) {
            let names = ["lo", "eth0", "veth with a name"].map(str::to_owned);
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
            let mut expected = Vec::new();
            for (bytes, more, nanos, link, interface) in &frames {
                let frame = Frame {
                    bytes,
                    wire_length: bytes.len() as u32 + more,
                    time: Timestamp::from_nanos(*nanos),
                    link: LINKS[*link],
                    interface: *interface,
                    interfaces: &names,
                };
                writer.write(&frame).unwrap();
                let name = names[usize::from(*interface)].clone();
                expected.push((bytes.clone(), frame.wire_length, *nanos, frame.link, name));
            }
            writer.finish(Loss { dropped }).unwrap();
            let (read, loss) = read_back(file.path());
            prop_assert_eq!(read, expected);
            prop_assert_eq!(loss.dropped, if frames.is_empty() { 0 } else { dropped });
        }
    }

    #[test]
    fn a_flushed_file_is_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Writer::new(file.reopen().unwrap()).unwrap();
        for written in 1..=3 {
            let frame = Frame {
                bytes: b"frame",
                wire_length: 5,
                time: Timestamp::from_nanos(5),
                link: LinkType::Ethernet,
                interface: 0,
                interfaces: &["eth0".to_owned()],
            };
            writer.write(&frame).unwrap();
            writer.flush().unwrap();
            assert_eq!(read_back(file.path()).0.len(), written);
        }
    }

    #[test]
    fn a_full_disk_is_said() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut writer = Writer::new(full).unwrap();
        assert_eq!(writer.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
