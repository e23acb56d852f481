//! Any bytes as a frame of any link type.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockhound::packet::{LinkType, parse};
use sockhound_fuzz::Input;

const LINKS: [LinkType; 5] = [
    LinkType::Ethernet,
    LinkType::RawIp,
    LinkType::Loopback,
    LinkType::LinuxCooked,
    LinkType::LinuxCooked2,
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let link = LINKS[usize::from(input.byte()) % LINKS.len()];
    let cut = u32::from(input.byte()) * u32::from(input.byte());
    let frame = input.0;
    let wire_length = frame.len() as u32 + cut;
    if let Ok(segment) = parse(link, frame, wire_length) {
        assert!(segment.payload.len() <= frame.len());
    }
});
