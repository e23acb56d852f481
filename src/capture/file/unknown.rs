//! Files that are no captures: what they are, and what to do with them.

/// Says what a file that begins with `start` is.
pub(super) fn describe(start: &[u8]) -> String {
    let known = KNOWN.iter().find(|(magic, _)| start.starts_with(magic));
    if let Some((_, what)) = known {
        return (*what).to_owned();
    }
    if start
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return "text; make a capture with `tcpdump -w FILE`, or convert a hex dump with `text2pcap`"
            .to_owned();
    }
    let bytes: Vec<_> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("something that begins with bytes {}", bytes.join(" "))
}

const KNOWN: [(&[u8], &str); 9] = [
    (
        b"\xfd7zXZ\0",
        "xz-compressed data; decompress it first: `xz -d FILE`",
    ),
    (
        b"BZh",
        "bzip2-compressed data; decompress it first: `bzip2 -d FILE`",
    ),
    (
        b"\x04\x22\x4d\x18",
        "lz4-compressed data; decompress it first: `lz4 -d FILE`",
    ),
    (b"PK\x03\x04", "a zip archive; unpack it first: `unzip FILE`"),
    (
        b"snoop\0\0\0",
        "a Solaris snoop capture; convert it: `editcap -F pcapng FILE NEW`",
    ),
    (b"\x7fELF", "a program"),
    (
        b"XCP\0",
        "a NetXRay capture; convert it: `editcap -F pcapng FILE NEW`",
    ),
    (
        b"GMBU",
        "a Network Monitor capture; convert it: `editcap -F pcapng FILE NEW`",
    ),
    (
        b"{",
        "JSON; `sockhound merge` and `sockhound compare` read summaries, `read` reads captures",
    ),
];
