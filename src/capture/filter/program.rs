//! The filter program for a list of targets.

use std::net::IpAddr;

use super::assembler::{
    A_TO_X, ADD, ADD_X, AND, Assembler, EXCLUSIVE_OR_X, HARDWARE_TYPE, Instruction, JUMP_IF_EQUAL,
    JUMP_IF_SET, LOAD_BYTE_AT_X, LOAD_HALF, LOAD_HALF_AT_X, LOAD_IMMEDIATE, LOAD_MEMORY, LOAD_WORD,
    LOAD_WORD_AT_X, LOAD_X_IMMEDIATE, LOAD_X_MEMORY, Label, MULTIPLY, NETWORK_HEADER, PACKET_TYPE, PROTOCOL,
    RETURN, RETURN_A, SHIFT_LEFT, SHIFT_RIGHT, STORE, STORE_X, X_TO_A,
};
use super::{Framing, Target};
use crate::capture::share::{SHARD_MASK, SHARD_SHIFT, Share};

/// No program may be longer (`BPF_MAXINSNS`).
const MAX_LENGTH: usize = 4096;

/// As many tags and extension headers are looked behind.
const MAX_TAGS: usize = 4;
const MAX_EXTENSIONS: usize = 4;

/// A frame that is kept is kept whole.
const KEEP: u32 = u32::MAX;
const DROP: u32 = 0;

const TCP: u32 = 6;
const AUTHENTICATION: u32 = 51;
const FRAGMENT: u32 = 44;
const OUTGOING: u32 = 4;
const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;

/// Scratch memory: the next header's kind, this one's size, the addresses, a port, where X was.
const KIND: u32 = 0;
const SIZE: u32 = 1;
const SOURCE: u32 = 2;
const DESTINATION: u32 = 6;
const PORT: u32 = 10;
const PLACE: u32 = 11;

/// The program that keeps what concerns `targets`, all of TCP where there are none, and of that only the connections in `share`.
/// Fragments other than the first have no ports to tell that by. Too many targets for the kernel's
/// bound on programs (thousands of ports, hundreds of hosts) keep all of TCP as well: the flow table tells them apart again.
#[must_use]
pub fn program(framing: Framing, targets: &[Target], share: Share) -> Vec<Instruction> {
    let written = Writer::new(&Wanted::new(targets), share).write(framing);
    if written.len() <= MAX_LENGTH {
        return written;
    }
    Writer::new(&Wanted::new(&[]), share).write(framing)
}

/// The program by which the kernel tells which of `of` sockets a frame is for, as [`shard_of`](crate::capture::share::shard_of) does: 0
/// where there are no ports to be found. It finds them by the network header, as outgoing frames begin at the link header there and incoming
/// ones beyond it.
#[must_use]
pub fn shard_program(of: u32) -> Vec<Instruction> {
    let wanted = Wanted::new(&[]);
    let mut writer = Writer::new(&wanted, Share::ALL);
    writer.shards = Some(of);
    writer.write(Framing::Network)
}

/// The program that keeps nothing.
#[must_use]
pub fn nothing() -> Vec<Instruction> {
    let mut code = Assembler::default();
    code.op(RETURN, DROP);
    code.finish()
}

/// The targets by what has to be tested.
#[derive(Default)]
struct Wanted {
    everything: bool,
    /// Of any host.
    ports: Vec<u16>,
    /// Address words and ports of IPv4 hosts, then of IPv6 hosts.
    ipv4: Vec<(Vec<u32>, Option<u16>)>,
    ipv6: Vec<(Vec<u32>, Option<u16>)>,
}

impl Wanted {
    fn new(targets: &[Target]) -> Self {
        let mut wanted = Self::default();
        for target in targets {
            match (target.address.map(|address| address.to_canonical()), target.port) {
                (None, None) => wanted.everything = true,
                (None, Some(port)) => wanted.ports.push(port),
                (Some(IpAddr::V4(address)), port) => wanted.ipv4.push((vec![address.to_bits()], port)),
                (Some(IpAddr::V6(address)), port) => wanted.ipv6.push((words(address.octets()), port)),
            }
        }
        wanted.everything |= targets.is_empty();
        wanted.ports.sort_unstable();
        wanted.ports.dedup();
        wanted
    }
}

fn words(address: [u8; 16]) -> Vec<u32> {
    let (words, _) = address.as_chunks::<4>();
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

struct Writer<'a> {
    code: Assembler,
    wanted: &'a Wanted,
    share: Share,
    /// How many, where what is asked is which of them.
    shards: Option<u32>,
    network: Label,
    ipv4: Label,
    ipv6: Label,
    ports: Label,
    keep: Label,
    drop: Label,
}

impl<'a> Writer<'a> {
    fn new(wanted: &'a Wanted, share: Share) -> Self {
        let mut code = Assembler::default();
        let [network, ipv4, ipv6, ports, keep, drop] = std::array::from_fn(|_| code.label());
        Self {
            code,
            wanted,
            share,
            shards: None,
            network,
            ipv4,
            ipv6,
            ports,
            keep,
            drop,
        }
    }

    fn write(mut self, framing: Framing) -> Vec<Instruction> {
        match framing {
            Framing::Ethernet => self.ethernet(),
            Framing::Network if self.shards.is_some() => self.network_of_any_device(),
            Framing::Network => self.network(),
            Framing::Any => self.any(),
        }
        self.ipv4();
        self.ipv6();
        self.ports();
        self.code.place(self.drop);
        self.code.op(RETURN, DROP);
        self.code.place(self.keep);
        self.code.op(RETURN, if self.shards.is_some() { 0 } else { KEEP });
        self.code.finish()
    }

    /// Loopback's outgoing copies go; then by hardware type.
    fn any(&mut self) {
        let ethernet = self.code.label();
        self.code.op(LOAD_WORD, HARDWARE_TYPE);
        self.code.jump_if(JUMP_IF_EQUAL, ETHERNET, ethernet);
        self.code.jump_unless(JUMP_IF_EQUAL, LOOPBACK, self.network);
        self.code.op(LOAD_WORD, PACKET_TYPE);
        self.code.jump_if(JUMP_IF_EQUAL, OUTGOING, self.drop);
        self.code.place(ethernet);
        self.ethernet();
        self.network();
    }

    /// X to the IP header, past tags; on to the IP version that the ethertype says.
    fn ethernet(&mut self) {
        self.code.op(LOAD_X_IMMEDIATE, 14);
        self.code.op(LOAD_HALF, 12);
        for _ in 0..MAX_TAGS {
            self.code.jump_if(JUMP_IF_EQUAL, 0x0800, self.ipv4);
            self.code.jump_if(JUMP_IF_EQUAL, 0x86dd, self.ipv6);
            self.drop_unless_tag();
            self.code.op(LOAD_HALF_AT_X, 2);
            self.code.op(STORE, KIND);
            self.advance(4);
            self.code.op(LOAD_MEMORY, KIND);
        }
        self.code.jump_if(JUMP_IF_EQUAL, 0x0800, self.ipv4);
        self.code.jump_if(JUMP_IF_EQUAL, 0x86dd, self.ipv6);
        self.drop_unless_tag();
        self.code.jump(self.keep);
    }

    fn advance(&mut self, bytes: u32) {
        self.code.op(X_TO_A, 0);
        self.code.op(ADD, bytes);
        self.code.op(A_TO_X, 0);
    }

    fn drop_unless_tag(&mut self) {
        self.code.test(JUMP_IF_EQUAL, 0x8100, 3, 0);
        self.code.test(JUMP_IF_EQUAL, 0x88a8, 2, 0);
        self.code.jump_unless(JUMP_IF_EQUAL, 0x9100, self.drop);
    }

    /// X to the network header; on to the IP version that its first bits say.
    fn network(&mut self) {
        self.code.place(self.network);
        self.code.op(LOAD_X_IMMEDIATE, NETWORK_HEADER);
        self.network_at_x();
    }

    fn network_at_x(&mut self) {
        self.code.op(LOAD_BYTE_AT_X, 0);
        self.code.op(SHIFT_RIGHT, 4);
        self.code.jump_if(JUMP_IF_EQUAL, 4, self.ipv4);
        self.code.jump_unless(JUMP_IF_EQUAL, 6, self.drop);
        self.code.jump(self.ipv6);
    }

    /// X to the IP header; on to the version that the ethertype says. Where that is a tag's, the network header is behind the tags or at
    /// the first of them, depending on who put it there, and only the bytes tell.
    fn network_of_any_device(&mut self) {
        self.code.op(LOAD_X_IMMEDIATE, NETWORK_HEADER);
        self.code.op(LOAD_HALF, PROTOCOL);
        self.code.jump_if(JUMP_IF_EQUAL, 0x0800, self.ipv4);
        self.code.jump_if(JUMP_IF_EQUAL, 0x86dd, self.ipv6);
        let ip = self.code.label();
        for _ in 0..MAX_TAGS {
            let [no_ipv4, tag] = std::array::from_fn(|_| self.code.label());
            self.code.op(LOAD_BYTE_AT_X, 0);
            self.code.op(SHIFT_RIGHT, 4);
            self.code.jump_unless(JUMP_IF_EQUAL, 4, no_ipv4);
            self.code.op(LOAD_BYTE_AT_X, 9);
            self.code.jump_if(JUMP_IF_EQUAL, TCP, self.ipv4);
            self.code.place(no_ipv4);
            self.code.op(LOAD_HALF_AT_X, 2);
            for ethertype in [0x0800, 0x86dd, 0x8100, 0x88a8, 0x9100] {
                self.code.jump_if(JUMP_IF_EQUAL, ethertype, tag);
            }
            self.code.jump(ip);
            self.code.place(tag);
            self.advance(4);
        }
        self.code.place(ip);
        self.network_at_x();
    }

    fn ipv4(&mut self) {
        let [fragment, transport] = std::array::from_fn(|_| self.code.label());
        self.code.place(self.ipv4);
        self.addresses(1, 12, &self.wanted.ipv4);
        self.code.op(LOAD_BYTE_AT_X, 9);
        self.code.op(STORE, KIND);
        self.code.op(LOAD_HALF_AT_X, 6);
        self.code.jump_if(JUMP_IF_SET, 0x1fff, fragment);
        self.code.op(LOAD_BYTE_AT_X, 0);
        self.code.op(AND, 0x0f);
        self.code.op(SHIFT_LEFT, 2);
        self.code.op(ADD_X, 0);
        self.code.op(A_TO_X, 0);
        self.code.op(LOAD_MEMORY, KIND);
        self.code.jump_if(JUMP_IF_EQUAL, TCP, transport);
        self.code.jump_unless(JUMP_IF_EQUAL, AUTHENTICATION, self.drop);
        self.authentication_size();
        self.next_header();
        self.code.jump_unless(JUMP_IF_EQUAL, TCP, self.drop);
        self.code.place(transport);
        self.hosts(&self.wanted.ipv4);
        self.code.place(fragment);
        self.code.op(LOAD_MEMORY, KIND);
        self.fragment(&self.wanted.ipv4);
    }

    fn ipv6(&mut self) {
        let [fragment, transport] = std::array::from_fn(|_| self.code.label());
        self.code.place(self.ipv6);
        self.addresses(4, 8, &self.wanted.ipv6);
        self.code.op(LOAD_BYTE_AT_X, 6);
        self.code.op(STORE, KIND);
        self.advance(40);
        self.code.op(LOAD_MEMORY, KIND);
        for _ in 0..MAX_EXTENSIONS {
            self.code.jump_if(JUMP_IF_EQUAL, TCP, transport);
            self.extension(fragment);
        }
        self.code.jump_unless(JUMP_IF_EQUAL, TCP, self.keep);
        self.code.place(transport);
        self.hosts(&self.wanted.ipv6);
        self.code.place(fragment);
        self.code.op(LOAD_BYTE_AT_X, 0);
        self.fragment(&self.wanted.ipv6);
    }

    /// Keeps the addresses of the IP header at X, of so many words, the first at `offset`, where they are asked for.
    fn addresses(&mut self, words: u32, offset: u32, hosts: &[(Vec<u32>, Option<u16>)]) {
        if hosts.is_empty() {
            return;
        }
        for word in 0..words {
            self.code.op(LOAD_WORD_AT_X, offset + word * 4);
            self.code.op(STORE, SOURCE + word);
            self.code.op(LOAD_WORD_AT_X, offset + (words + word) * 4);
            self.code.op(STORE, DESTINATION + word);
        }
    }

    /// X past the extension header that it is at, A from its kind to the next one's. Drops what is none.
    fn extension(&mut self, fragment: Label) {
        let [options, authentication, sized] = std::array::from_fn(|_| self.code.label());
        for kind in [0, 43, 60] {
            self.code.jump_if(JUMP_IF_EQUAL, kind, options);
        }
        self.code.jump_if(JUMP_IF_EQUAL, AUTHENTICATION, authentication);
        self.code.jump_unless(JUMP_IF_EQUAL, FRAGMENT, self.drop);
        self.code.op(LOAD_HALF_AT_X, 2);
        self.code.jump_if(JUMP_IF_SET, 0xfff8, fragment);
        self.code.op(LOAD_IMMEDIATE, 8);
        self.code.op(STORE, SIZE);
        self.code.jump(sized);
        self.code.place(options);
        self.code.op(LOAD_BYTE_AT_X, 1);
        self.code.op(ADD, 1);
        self.code.op(SHIFT_LEFT, 3);
        self.code.op(STORE, SIZE);
        self.code.jump(sized);
        self.code.place(authentication);
        self.authentication_size();
        self.code.place(sized);
        self.next_header();
    }

    fn authentication_size(&mut self) {
        self.code.op(LOAD_BYTE_AT_X, 1);
        self.code.op(ADD, 2);
        self.code.op(SHIFT_LEFT, 2);
        self.code.op(STORE, SIZE);
    }

    fn next_header(&mut self) {
        self.code.op(LOAD_BYTE_AT_X, 0);
        self.code.op(STORE, KIND);
        self.code.op(LOAD_MEMORY, SIZE);
        self.code.op(ADD_X, 0);
        self.code.op(A_TO_X, 0);
        self.code.op(LOAD_MEMORY, KIND);
    }

    /// Drops what is not in the share; X is at the TCP header, and stays there.
    fn share(&mut self) {
        if self.share.is_all() {
            return;
        }
        self.product();
        self.code.op(SHIFT_RIGHT, self.share.shift());
        self.code.jump_unless(JUMP_IF_EQUAL, 0, self.drop);
    }

    /// A to the product that tells shares and shards; X is at the TCP header, and stays there.
    fn product(&mut self) {
        self.code.op(LOAD_HALF_AT_X, 0);
        self.code.op(STORE, PORT);
        self.code.op(LOAD_HALF_AT_X, 2);
        self.code.op(STORE_X, PLACE);
        self.code.op(LOAD_X_MEMORY, PORT);
        self.code.op(EXCLUSIVE_OR_X, 0);
        self.code.op(LOAD_X_MEMORY, PLACE);
        self.code.op(MULTIPLY, Share::factor());
    }

    /// Keeps what goes to or comes from one of `hosts` (and its port); X is at the TCP header. On to the ports.
    fn hosts(&mut self, hosts: &[(Vec<u32>, Option<u16>)]) {
        self.share();
        for (address, port) in hosts {
            for (slot, offset) in [(SOURCE, 0), (DESTINATION, 2)] {
                self.host(address, slot, port.map(|port| (port, offset)));
            }
        }
        self.code.jump(self.ports);
    }

    /// Returns where the address in scratch memory from `slot` on, and the port at an offset from X, are these.
    fn host(&mut self, address: &[u32], slot: u32, port: Option<(u16, u32)>) {
        let port_length = if port.is_some() { 2 } else { 0 };
        let mut after = (address.len() * 2 + port_length + 1) as u8;
        for (slot, word) in (slot..).zip(address) {
            after -= 2;
            self.code.op(LOAD_MEMORY, slot);
            self.code.test(JUMP_IF_EQUAL, *word, 0, after);
        }
        if let Some((port, offset)) = port {
            self.code.op(LOAD_HALF_AT_X, offset);
            self.code.test(JUMP_IF_EQUAL, u32::from(port), 0, 1);
        }
        self.code.op(RETURN, KEEP);
    }

    /// A fragment other than the first, whose protocol is in A: kept where it may concern a target.
    fn fragment(&mut self, hosts: &[(Vec<u32>, Option<u16>)]) {
        self.code.jump_unless(JUMP_IF_EQUAL, TCP, self.drop);
        if self.wanted.everything || !self.wanted.ports.is_empty() {
            self.code.jump(self.keep);
            return;
        }
        for (address, _) in hosts {
            self.host(address, SOURCE, None);
            self.host(address, DESTINATION, None);
        }
        self.code.jump(self.drop);
    }

    /// Keeps what goes to or comes from one of the ports; X is at the TCP header.
    fn ports(&mut self) {
        self.code.place(self.ports);
        if let Some(shards) = self.shards {
            return self.shard(shards);
        }
        if self.wanted.everything {
            self.code.jump(self.keep);
            return;
        }
        for offset in [0, 2] {
            self.code.op(LOAD_HALF_AT_X, offset);
            for some in self.wanted.ports.chunks(200) {
                for (left, port) in (0..some.len() as u8).rev().zip(some) {
                    // To the return after the group's last test, which skips it where none holds.
                    let skip = u8::from(left == 0);
                    self.code.test(JUMP_IF_EQUAL, u32::from(*port), left, skip);
                }
                self.code.op(RETURN, KEEP);
            }
        }
        self.code.jump(self.drop);
    }

    /// Returns the shard, out of so many; X is at the TCP header.
    fn shard(&mut self, of: u32) {
        self.product();
        self.code.op(SHIFT_RIGHT, SHARD_SHIFT);
        self.code.op(AND, SHARD_MASK);
        self.code.op(MULTIPLY, of);
        self.code.op(SHIFT_RIGHT, 16);
        self.code.op(RETURN_A, 0);
    }
}
