use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::several::gzip;
use super::*;

fn refusal(bytes: &[u8]) -> String {
    let file = saved(bytes);
    let error = FileSource::open(&[file.path().to_owned()]).err().unwrap();
    error
        .to_string()
        .replace(&file.path().display().to_string(), "FILE")
}

#[test]
fn a_file_cut_anywhere_is_read_up_to_there_and_said_so() {
    let mut old = pcap(Order::Little, NANOSECONDS, ETHERNET);
    old.record(1, 0, b"one");
    let mut new = pcapng(Order::Little);
    new.interface(1, "eth0", 9, 0).enhanced(0, 1, b"one", 3);
    for (mut file, whole) in [(old.clone(), old.1.len()), (new.clone(), new.1.len())] {
        match file.1[0] {
            0x0a => file.enhanced(0, 2, b"second", 6),
            _ => file.record(1, 1, b"second"),
        };
        for length in whole + 1..file.1.len() {
            let (seen, problems) = read(&file.1[..length]);
            assert_eq!(seen.len(), 1);
            assert_eq!(problems, [Problem::Cut { offset: whole as u64 }]);
        }
    }
}

#[test]
fn a_length_that_cannot_be_ends_the_file_with_a_note() {
    let mut old = pcap(Order::Little, NANOSECONDS, ETHERNET);
    old.record(1, 0, b"one")
        .u32(1)
        .u32(1)
        .u32(u32::MAX)
        .u32(u32::MAX)
        .bytes(&[0; 64]);
    let (seen, problems) = read(&old.1);
    assert_eq!(seen.len(), 1);
    assert!(matches!(problems[..], [Problem::Corrupt { offset: 43, .. }]));

    let with = |damage: fn(&mut Bytes) -> &mut Bytes| {
        let mut new = pcapng(Order::Little);
        new.interface(1, "eth0", 9, 0).enhanced(0, 1, b"one", 3);
        let whole = new.1.len() as u64;
        damage(&mut new);
        let (seen, problems) = read(&new.1);
        assert_eq!(seen.len(), 1);
        assert!(
            matches!(problems[..], [Problem::Corrupt { offset, .. }] if offset == whole),
            "{problems:?}"
        );
    };
    with(|new| new.u32(6).u32(0).u32(0).u32(0));
    with(|new| new.u32(6).u32(33).bytes(&[0; 40]));
    with(|new| new.u32(6).u32(u32::MAX - 3).bytes(&[0; 40]));
    with(|new| new.u32(6).u32(16).u32(0).u32(16));
    with(|new| new.u32(6).u32(16).u32(0).u32(20));
    with(|new| new.enhanced(3, 1, b"no such interface", 17));
    with(|new| {
        new.block(6, |b| {
            b.u32(0).u32(0).u32(0).u32(5).u32(5).bytes(b"abcd");
        })
    });
    with(|new| {
        new.block(0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d).u16(2).u16(0).u64(u64::MAX);
        })
    });
    with(|new| {
        new.block(0x0a0d_0d0a, |b| {
            b.u32(0).u16(1).u16(0).u64(u64::MAX);
        })
    });
}

#[test]
fn unknown_link_types_are_counted_and_named() {
    let mut old = pcap(Order::Little, NANOSECONDS, 127);
    old.record(1, 0, b"one").record(1, 0, b"two");
    let file = saved(&old.1);
    let mut source = FileSource::open(&[file.path().to_owned()]).unwrap();
    assert_eq!(drain(&mut source), []);
    let note = source.notes()[0].to_string();
    assert!(
        note.contains("2 frames of link type 127 (802.11, radiotap)"),
        "{note}"
    );

    let mut new = pcapng(Order::Little);
    new.interface(127, "wlan0", 9, 0).interface(1, "eth0", 9, 0);
    new.enhanced(0, 1, b"x", 1).enhanced(1, 2, b"y", 1);
    let (seen, problems) = read(&new.1);
    assert_eq!(seen.len(), 1);
    let (number, frames) = (127, 1);
    assert_eq!(problems, [Problem::UnknownLink { number, frames }]);
}

#[test]
fn what_is_no_capture_is_refused_with_what_it_is() {
    assert!(refusal(b"").starts_with("FILE: the file is empty"));
    assert!(refusal(&pcap(Order::Big, NANOSECONDS, 1).1[..23]).contains("ends within the capture's header"));
    assert!(refusal(b"12:00:01.1 IP 10.0.0.1.5 > 10.0.0.2.6: tcp").contains("but text"));
    assert!(refusal(b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\0\0\0\0\0\0\0\0\0\0\0\0").contains("`xz -d FILE`"));
    assert!(refusal(&[0x80; 40]).contains("80 80 80 80 80 80 80 80"));
    assert!(refusal(&[1, 2]).contains("01 02"));
    assert!(refusal(&gzip(b"hello, this is no capture at all")).contains("but text"));
    let missing = FileSource::open(&["/no/such/file".into()]).err().unwrap();
    assert!(missing.to_string().starts_with("/no/such/file: No such file"));
    let directory = FileSource::open(&["/".into()]).err().unwrap();
    assert!(directory.to_string().contains("directory"), "{directory}");
}

#[test]
fn compressed_files_cut_or_damaged_give_what_they_can() {
    let plain = sample(30_000);
    let zstd = compress_to_vec(&plain[..], CompressionLevel::Fastest);
    for packed in [gzip(&plain), zstd] {
        let (seen, problems) = read(&packed[..packed.len() / 2]);
        assert!(seen.len() > 1000, "{}", seen.len());
        assert!(matches!(problems[..], [Problem::Cut { .. }]), "{problems:?}");
        assert_eq!(seen[1000].bytes, 1000_u32.to_le_bytes().repeat(20));
    }
    let mut packed = gzip(&plain);
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let (seen, problems) = read(&packed);
    assert!(!seen.is_empty());
    assert!(matches!(problems[..], [Problem::Corrupt { .. }]), "{problems:?}");
}

proptest! {
    /// Damage anywhere neither panics nor gives a frame that is not in the file.
    #[test]
    fn no_damage_panics(
        kind in 0..4_u8,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut new = pcapng(Order::Big);
        new.interface(1, "eth0", 9, 0).enhanced(0, 1, b"one", 3).block(5, |b| { b.u32(0).u64(0).option(5, &[0; 8]); });
        let mut bytes = match kind {
            0 => sample(5),
            1 => new.1,
            2 => gzip(&new.1),
            _ => compress_to_vec(&new.1[..], CompressionLevel::Fastest),
        };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let file = saved(&bytes);
        if let Ok(mut source) = FileSource::open(&[file.path().to_owned()]) {
            drain(&mut source);
            prop_assert!(source.notes().len() <= 3);
        }
    }

    #[test]
    fn no_bytes_panic(start in 0..3_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let start = [sample(0), pcapng(Order::Little).1, vec![]][start].clone();
        let file = saved(&[start, bytes].concat());
        if let Ok(mut source) = FileSource::open(&[file.path().to_owned()]) {
            drain(&mut source);
        }
    }
}
