//! Classic BPF instructions (`linux/filter.h`, `linux/bpf_common.h`) with labels.

/// One instruction, laid out as the kernel's `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip where a test holds.
    pub jump_true: u8,
    /// Instructions to skip where it does not.
    pub jump_false: u8,
    /// Operand.
    pub operand: u32,
}

pub(super) const LOAD_WORD: u16 = 0x20;
pub(super) const LOAD_HALF: u16 = 0x28;
/// At X plus the operand.
pub(super) const LOAD_WORD_AT_X: u16 = 0x40;
pub(super) const LOAD_HALF_AT_X: u16 = 0x48;
pub(super) const LOAD_BYTE_AT_X: u16 = 0x50;
pub(super) const LOAD_IMMEDIATE: u16 = 0x00;
pub(super) const LOAD_MEMORY: u16 = 0x60;
pub(super) const LOAD_X_IMMEDIATE: u16 = 0x01;
pub(super) const LOAD_X_MEMORY: u16 = 0x61;
pub(super) const STORE: u16 = 0x02;
pub(super) const STORE_X: u16 = 0x03;
pub(super) const ADD: u16 = 0x04;
pub(super) const ADD_X: u16 = 0x0c;
pub(super) const MULTIPLY: u16 = 0x24;
pub(super) const AND: u16 = 0x54;
pub(super) const EXCLUSIVE_OR_X: u16 = 0xac;
pub(super) const SHIFT_LEFT: u16 = 0x64;
pub(super) const SHIFT_RIGHT: u16 = 0x74;
pub(super) const JUMP: u16 = 0x05;
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
pub(super) const JUMP_IF_SET: u16 = 0x45;
pub(super) const RETURN: u16 = 0x06;
pub(super) const RETURN_A: u16 = 0x16;
pub(super) const A_TO_X: u16 = 0x07;
pub(super) const X_TO_A: u16 = 0x87;

/// Offsets from here are facts about the packet rather than its bytes.
pub(super) const ANCILLARY: u32 = (-0x1000_i32).cast_unsigned();
/// The ethertype.
pub(super) const PROTOCOL: u32 = ANCILLARY;
pub(super) const PACKET_TYPE: u32 = ANCILLARY + 4;
pub(super) const HARDWARE_TYPE: u32 = ANCILLARY + 28;
/// Offsets from here are from the network header.
pub(super) const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();

/// A place to jump to, further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Writes a program. Tests only skip what is next to them, 8 bits being all they have; a jump to a label has 32.
#[derive(Default)]
pub(super) struct Assembler {
    code: Vec<Instruction>,
    /// Where each label is.
    places: Vec<usize>,
    /// Which jumps go to which label.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    pub(super) fn label(&mut self) -> Label {
        self.places.push(0);
        Label(self.places.len() - 1)
    }

    pub(super) fn place(&mut self, label: Label) {
        if let Some(place) = self.places.get_mut(label.0) {
            *place = self.code.len();
        }
    }

    pub(super) fn op(&mut self, code: u16, operand: u32) {
        self.test(code, operand, 0, 0);
    }

    pub(super) fn test(&mut self, code: u16, operand: u32, jump_true: u8, jump_false: u8) {
        self.code.push(Instruction {
            code,
            jump_true,
            jump_false,
            operand,
        });
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.op(JUMP, 0);
    }

    pub(super) fn jump_if(&mut self, test: u16, operand: u32, label: Label) {
        self.test(test, operand, 0, 1);
        self.jump(label);
    }

    pub(super) fn jump_unless(&mut self, test: u16, operand: u32, label: Label) {
        self.test(test, operand, 1, 0);
        self.jump(label);
    }

    pub(super) fn finish(mut self) -> Vec<Instruction> {
        for (at, Label(label)) in self.jumps {
            let place = self.places.get(label).copied().unwrap_or_default();
            if let Some(jump) = self.code.get_mut(at) {
                jump.operand = place.saturating_sub(at + 1) as u32;
            }
        }
        self.code
    }
}
