//! Files made byte by byte, of every kind that is read and several that can't be.

mod damaged;
mod pcap_files;
mod pcapng_files;
mod several;

use std::io::Write;

use tempfile::NamedTempFile;

use super::reader::Order;
use super::*;
use crate::packet::LinkType;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const ETHERNET: u32 = 1;

/// Bytes in one byte order.
#[derive(Clone)]
struct Bytes(Order, Vec<u8>);

impl Bytes {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.1.extend(match self.0 {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.1.extend(match self.0 {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        let (high, low) = ((value >> 32) as u32, value as u32);
        match self.0 {
            Order::Little => self.u32(low).u32(high),
            Order::Big => self.u32(high).u32(low),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.1.extend(bytes);
        self
    }

    fn option(&mut self, code: u16, value: &[u8]) -> &mut Self {
        self.u16(code).u16(value.len() as u16).bytes(value);
        let padded = self.1.len().next_multiple_of(4);
        self.1.resize(padded, 0);
        self
    }

    fn record(&mut self, seconds: u32, fraction: u32, frame: &[u8]) -> &mut Self {
        let length = frame.len() as u32;
        self.u32(seconds)
            .u32(fraction)
            .u32(length)
            .u32(length)
            .bytes(frame)
    }

    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inside = Self(self.0, Vec::new());
        body(&mut inside);
        let padded = inside.1.len().next_multiple_of(4);
        inside.1.resize(padded, 0);
        let length = padded as u32 + 12;
        self.u32(kind).u32(length).bytes(&inside.1).u32(length)
    }

    fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        })
    }

    fn interface(&mut self, link: u16, name: &str, resolution: u8, offset: i64) -> &mut Self {
        self.block(1, |b| {
            b.u16(link).u16(0).u32(262_144);
            if !name.is_empty() {
                b.option(2, name.as_bytes());
            }
            b.option(9, &[resolution]);
            let mut seconds = Self(b.0, Vec::new());
            seconds.u64(offset.cast_unsigned());
            b.option(14, &seconds.1).u32(0);
        })
    }

    fn enhanced(&mut self, interface: u32, ticks: u64, frame: &[u8], wire: u32) -> &mut Self {
        self.block(6, |b| {
            b.u32(interface).u32((ticks >> 32) as u32).u32(ticks as u32);
            b.u32(frame.len() as u32).u32(wire).bytes(frame);
        })
    }
}

fn pcap(order: Order, magic: u32, link: u32) -> Bytes {
    pcap_of_version(order, magic, (2, 4), link)
}

fn pcap_of_version(order: Order, magic: u32, (major, minor): (u16, u16), link: u32) -> Bytes {
    let mut file = Bytes(order, Vec::new());
    file.u32(magic)
        .u16(major)
        .u16(minor)
        .u32(0)
        .u32(0)
        .u32(262_144)
        .u32(link);
    file
}

fn pcapng(order: Order) -> Bytes {
    let mut file = Bytes(order, Vec::new());
    file.section();
    file
}

fn saved(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A frame, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    nanos: i64,
    bytes: Vec<u8>,
    wire: u32,
    link: LinkType,
    interface: String,
}

fn drain(source: &mut FileSource) -> Vec<Seen> {
    let mut all = Vec::new();
    while let Polled::Frame(frame) = source.poll().unwrap() {
        let interface = frame.interface;
        let mut seen = Seen {
            nanos: frame.time.nanos(),
            bytes: frame.bytes.to_vec(),
            wire: frame.wire_length,
            link: frame.link,
            interface: String::new(),
        };
        seen.interface
            .clone_from(&source.interfaces()[usize::from(interface)]);
        all.push(seen);
    }
    assert!(
        matches!(source.poll().unwrap(), Polled::End),
        "the end stays the end"
    );
    all
}

fn read(bytes: &[u8]) -> (Vec<Seen>, Vec<Problem>) {
    let file = saved(bytes);
    let mut source = FileSource::open(&[file.path().to_owned()]).unwrap();
    let seen = drain(&mut source);
    let problems = source.notes().into_iter().map(|note| note.problem).collect();
    (seen, problems)
}

fn frames(bytes: &[u8]) -> Vec<(i64, Vec<u8>, u32)> {
    let (seen, problems) = read(bytes);
    assert_eq!(problems, []);
    seen.into_iter().map(|it| (it.nanos, it.bytes, it.wire)).collect()
}

fn sample(count: u32) -> Vec<u8> {
    let mut file = pcap(Order::Little, NANOSECONDS, ETHERNET);
    for i in 0..count {
        file.record(1, i, &i.to_le_bytes().repeat(20));
    }
    file.1
}
