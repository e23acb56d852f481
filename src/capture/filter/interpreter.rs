//! Runs filter programs as the kernel does, for tests.

use super::assembler::{ANCILLARY, HARDWARE_TYPE, Instruction, NETWORK_HEADER, PACKET_TYPE, PROTOCOL};

/// A frame and what the kernel knows of it.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "they are the kernel's names")]
pub(super) struct Packet {
    pub bytes: Vec<u8>,
    /// Where the network header is.
    pub network: usize,
    pub hardware_type: u32,
    pub packet_type: u32,
    pub protocol: u32,
}

impl Packet {
    pub(super) fn ethernet(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            network: 14,
            hardware_type: 1,
            packet_type: 0,
            protocol: 0,
        }
    }

    /// `size` bytes at `offset`; `None` ends the program, which drops the frame.
    fn load(&self, offset: u32, size: usize) -> Option<u32> {
        let at = match offset {
            PROTOCOL.. if offset == PROTOCOL => return Some(self.protocol),
            PACKET_TYPE => return Some(self.packet_type),
            HARDWARE_TYPE => return Some(self.hardware_type),
            ANCILLARY.. => panic!("not a fact that is known here"),
            NETWORK_HEADER.. => self.network + (offset - NETWORK_HEADER) as usize,
            _ => offset as usize,
        };
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

/// Whether `program` keeps `packet`. Panics where the kernel would not load it.
pub(super) fn keeps(program: &[Instruction], packet: &Packet) -> bool {
    verify(program);
    run(program, packet).is_some_and(|kept| kept != 0)
}

/// What `program` returns for `packet`; 0 where it ends for want of bytes.
pub(super) fn returned(program: &[Instruction], packet: &Packet) -> u32 {
    verify(program);
    run(program, packet).unwrap_or(0)
}

/// What the kernel asks of a program before it takes it.
fn verify(program: &[Instruction]) {
    assert!(program.len() <= 4096, "{} instructions", program.len());
    assert_eq!(program.last().unwrap().code & 7, 6, "ends without a return");
    for (at, it) in program.iter().enumerate() {
        let furthest = match it.code {
            0x05 => it.operand as usize,
            code if code & 7 == 5 => usize::from(it.jump_true.max(it.jump_false)),
            _ => 0,
        };
        assert!(
            at + 1 + furthest < program.len() || it.code & 7 == 6,
            "{at}: {it:?}"
        );
    }
    verify_memory(program);
}

/// No path may read scratch memory that it has not written.
fn verify_memory(program: &[Instruction]) {
    let mut valid = vec![u16::MAX; program.len() + 256];
    let mut written = 0_u16;
    for (at, it) in program.iter().enumerate() {
        written &= valid[at];
        let slot = 1_u16.checked_shl(it.operand).unwrap_or(0);
        match it.code {
            0x02 | 0x03 => written |= slot,
            0x60 | 0x61 => assert_ne!(written & slot, 0, "{at}: {it:?}"),
            0x05 => {
                valid[at + 1 + it.operand as usize] &= written;
                written = u16::MAX;
            }
            code if code & 7 == 5 => {
                valid[at + 1 + usize::from(it.jump_true)] &= written;
                valid[at + 1 + usize::from(it.jump_false)] &= written;
                written = u16::MAX;
            }
            _ => {}
        }
    }
}

fn run(program: &[Instruction], packet: &Packet) -> Option<u32> {
    let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; 16], 0);
    loop {
        let it = program[at];
        let k = it.operand;
        at += 1;
        match it.code {
            0x20 => a = packet.load(k, 4)?,
            0x28 => a = packet.load(k, 2)?,
            0x30 => a = packet.load(k, 1)?,
            0x40 => a = packet.load(x.wrapping_add(k), 4)?,
            0x48 => a = packet.load(x.wrapping_add(k), 2)?,
            0x50 => a = packet.load(x.wrapping_add(k), 1)?,
            0x00 => a = k,
            0x60 => a = memory[k as usize],
            0x01 => x = k,
            0xb1 => x = (packet.load(k, 1)? & 0x0f) * 4,
            0x61 => x = memory[k as usize],
            0x02 => memory[k as usize] = a,
            0x03 => memory[k as usize] = x,
            0x04 => a = a.wrapping_add(k),
            0x0c => a = a.wrapping_add(x),
            0x24 => a = a.wrapping_mul(k),
            0x54 => a &= k,
            0xac => a ^= x,
            0x64 => a <<= k,
            0x74 => a >>= k,
            0x07 => x = a,
            0x87 => a = x,
            0x05 => at += k as usize,
            0x15 => at += it.skip(a == k),
            0x25 => at += it.skip(a > k),
            0x35 => at += it.skip(a >= k),
            0x45 => at += it.skip(a & k != 0),
            0x06 => return Some(k),
            0x16 => return Some(a),
            code => panic!("an instruction that is not known here: {code:#x}"),
        }
    }
}

impl Instruction {
    fn skip(self, holds: bool) -> usize {
        usize::from(if holds { self.jump_true } else { self.jump_false })
    }
}
