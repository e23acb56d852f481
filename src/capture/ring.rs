//! One `TPACKET_V3` ring: memory shared with the kernel, into which it puts frames and their stamps
//! (`linux/if_packet.h`, `Documentation/networking/packet_mmap.rst`).
//!
//! The kernel fills a block, hands it over when it is full or its time is up, and gets it back when it has been walked.
//! All `unsafe` code of capturing is here: system calls that libraries have no safe form of, and the shared memory.
#![allow(
    unsafe_code,
    reason = "the ring is memory shared with the kernel; every block says why it is sound"
)]

mod header;

use std::mem::{offset_of, size_of};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt};

use super::filter::{Framing, Instruction, shard_program};
use crate::clock::Timestamp;
use header::{BLOCK_HEADER, BlockHeader, FrameHeader};
pub(super) use header::{Head, is_ethernet};

/// How a ring is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Bytes of a block; a multiple of the page size, larger than the largest frame.
    pub block_size: u32,
    /// How many blocks.
    pub blocks: u32,
    /// A block that holds something is handed over after this long, full or not.
    pub block_timeout: Duration,
    /// The group to share the interface's frames with.
    pub group: Option<Group>,
}

/// Rings, one a socket, among which an interface's frames are divided by their connection: both directions of it come to one ring, the
/// one whose place in the order of joining is [`shard_of`](super::share::shard_of) its ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// How many rings it is to have.
    pub of: u32,
    /// What the kernel calls it; `None` for the first of its rings.
    pub id: Option<u16>,
}

/// What failed, and how.
#[derive(Debug)]
pub(super) struct RingError {
    pub doing: &'static str,
    pub errno: Errno,
}

/// Frames of one interface, or of all.
pub(super) struct Ring {
    socket: OwnedFd,
    memory: Memory,
    /// The block being walked, or the next to be.
    block: u32,
    walk: Option<Walk>,
    framing: Framing,
    group: Option<u16>,
    counted: Counted,
}

/// What the kernel counted since the ring was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// Frames that passed the filter, those dropped among them.
    pub passed: u64,
    /// Frames dropped for want of room.
    pub dropped: u64,
}

/// How far a block has been walked.
struct Walk {
    /// Where the next frame's header is in the block.
    next: usize,
    left: u32,
}

impl Ring {
    /// Watches the interface of this index, all where it is 0, with the filter that `program` makes for its frames.
    pub(super) fn open(
        interface: u32,
        layout: Layout,
        program: impl FnOnce(Framing) -> Vec<Instruction>,
    ) -> Result<Self, RingError> {
        // Bound to no protocol the socket gets no frames: nothing unfiltered slips in.
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)
            .map_err(|errno| RingError::new("opening a packet socket", errno))?;
        bind(&socket, interface, 0)?;
        let hardware_type = hardware_type(&socket)?;
        let framing = match interface {
            0 => Framing::Any,
            _ if is_ethernet(hardware_type) => Framing::Ethernet,
            _ => Framing::Network,
        };
        attach(&socket, &program(framing))?;
        let memory = Memory::new(&socket, layout)?;
        let loopback = hardware_type == libc::ARPHRD_LOOPBACK;
        if loopback {
            // Kernels before 4.20 can't; what loopback sends is then passed over frame by frame.
            let _ = set(&socket, libc::PACKET_IGNORE_OUTGOING, &1_i32, "");
        }
        bind(&socket, interface, (libc::ETH_P_ALL as u16).to_be())?;
        let group = layout
            .group
            .map(|group| join(&socket, group, loopback))
            .transpose()?;
        Ok(Self {
            socket,
            memory,
            block: 0,
            walk: None,
            framing,
            group,
            counted: Counted::default(),
        })
    }

    /// Filters by another program from now on; what is in the ring already stays there.
    pub(super) fn filter(&self, program: impl FnOnce(Framing) -> Vec<Instruction>) -> Result<(), RingError> {
        attach(&self.socket, &program(self.framing))
    }

    /// What the kernel calls the group of rings that it belongs to.
    pub(super) fn group(&self) -> Option<u16> {
        self.group
    }

    /// The time of the next block's first frame, where the kernel has handed that block over.
    pub(super) fn ready(&self) -> Option<Timestamp> {
        let block = self.memory.block(self.block)?;
        let first = BlockHeader::of(block)?.first_frame();
        // The block's own stamp is when it was opened, which may be long before.
        Some(FrameHeader::of(block, first)?.head(first).time)
    }

    /// Begins to walk the next block, if it has been handed over.
    pub(super) fn begin(&mut self) {
        let header = self.memory.block(self.block).and_then(BlockHeader::of);
        self.walk = header.map(|header| Walk {
            next: header.first_frame(),
            left: header.frames(),
        });
    }

    /// The next frame of the block being walked. After its last, the block goes back to the kernel.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Head> {
        let walk = self.walk.as_mut()?;
        let header = self
            .memory
            .block(self.block)
            .filter(|_| walk.left > 0)
            .and_then(|block| FrameHeader::of(block, walk.next));
        let Some(header) = header else {
            self.give_back();
            return None;
        };
        let head = header.head(walk.next);
        walk.left -= 1;
        walk.next += header.to_next();
        Some(head)
    }

    /// The bytes of a frame from its link header on, and from its network header on.
    #[inline]
    pub(super) fn bytes(&self, head: Head) -> (&[u8], &[u8]) {
        let block = self.memory.block(self.block).unwrap_or_default();
        let frame = block
            .get(head.start..head.start + head.length)
            .unwrap_or_default();
        (frame, frame.get(head.network..).unwrap_or_default())
    }

    #[cold]
    fn give_back(&mut self) {
        self.walk = None;
        self.memory.give_back(self.block);
        self.block = (self.block + 1) % self.memory.blocks;
    }

    /// What the kernel counted since the ring was opened.
    pub(super) fn counted(&mut self) -> Counted {
        // The counters are cleared as they are read.
        if let Ok(counted) = statistics(&self.socket) {
            self.counted.passed += u64::from(counted.tp_packets);
            self.counted.dropped += u64::from(counted.tp_drops);
        }
        self.counted
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> u32 {
        self.memory.blocks
    }

    /// The share of its blocks that wait to be walked.
    pub(super) fn fullness(&self) -> f64 {
        let waiting = |index: &u32| self.memory.block(*index).is_some();
        let waiting = (0..self.memory.blocks).filter(waiting).count();
        waiting as f64 / f64::from(self.memory.blocks)
    }

    /// What happened to the socket since last asked (ENETDOWN: the interface went down or away).
    pub(super) fn take_error(&self) -> Option<Errno> {
        match getsockopt(&self.socket, sockopt::SocketError) {
            Ok(0) => None,
            Ok(error) => Some(Errno::from_raw(error)),
            Err(errno) => Some(errno),
        }
    }
}

impl Counted {
    pub(super) const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.dropped += other.dropped;
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl RingError {
    pub(super) fn new(doing: &'static str, errno: Errno) -> Self {
        Self { doing, errno }
    }
}

/// The memory of a ring: blocks of one size, each of them the kernel's or ours.
struct Memory {
    start: NonNull<u8>,
    block_size: usize,
    blocks: u32,
}

// SAFETY: the mapping belongs to this value alone, is reached through it only, and is not bound to a thread.
unsafe impl Send for Memory {}

impl Memory {
    /// Sets the ring up and maps it.
    fn new(socket: &OwnedFd, layout: Layout) -> Result<Self, RingError> {
        const FRAME_SIZE: u32 = 2048;
        let request = libc::tpacket_req3 {
            tp_block_size: layout.block_size,
            tp_block_nr: layout.blocks,
            // Frames are packed whatever this says; the kernel only checks that it fits.
            tp_frame_size: FRAME_SIZE,
            tp_frame_nr: layout.block_size / FRAME_SIZE * layout.blocks,
            tp_retire_blk_tov: u32::try_from(layout.block_timeout.as_millis())
                .unwrap_or(u32::MAX)
                .max(1),
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        set(
            socket,
            libc::PACKET_VERSION,
            &version,
            "choosing the ring's version",
        )?;
        set(socket, libc::PACKET_RX_RING, &request, "setting up the ring")?;
        let length = NonZeroUsize::new(layout.block_size as usize * layout.blocks as usize);
        let length = length.ok_or(RingError::new("setting up the ring", Errno::EINVAL))?;
        // SAFETY: a new mapping at an address of the kernel's choice, of the length that the ring was just given.
        let start = unsafe {
            let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
            mmap(None, length, access, MapFlags::MAP_SHARED, socket, 0)
        };
        Ok(Self {
            start: start
                .map_err(|errno| RingError::new("mapping the ring", errno))?
                .cast(),
            block_size: layout.block_size as usize,
            blocks: layout.blocks,
        })
    }

    /// Says whose a block is.
    #[inline]
    fn status(&self, index: u32) -> &AtomicU32 {
        const STATUS: usize = BLOCK_HEADER + offset_of!(libc::tpacket_hdr_v1, block_status);
        let at = (index % self.blocks) as usize * self.block_size + STATUS;
        // SAFETY: `at` is inside the mapping, which lives as long as `self`; blocks begin at multiples of the page size, so the
        // word is aligned; both sides only ever access it atomically (the kernel with barriers of its own).
        unsafe { AtomicU32::from_ptr(self.start.add(at).cast().as_ptr()) }
    }

    /// A block, if it is ours.
    #[inline]
    fn block(&self, index: u32) -> Option<&[u8]> {
        // Acquire: what the kernel wrote before it handed the block over is seen.
        if self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let at = (index % self.blocks) as usize * self.block_size;
        // SAFETY: the block is inside the mapping, and the kernel does not write to a block of ours until `give_back`, which takes
        // `&mut self`, so no slice is alive then.
        Some(unsafe { std::slice::from_raw_parts(self.start.add(at).as_ptr(), self.block_size) })
    }

    /// Makes a block the kernel's again.
    fn give_back(&mut self, index: u32) {
        // Release: our reads of the block happen before the kernel's writes.
        self.status(index)
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped, and nothing borrows from it any more.
        let _ = unsafe { munmap(self.start.cast(), self.block_size * self.blocks as usize) };
    }
}

fn bind(socket: &OwnedFd, interface: u32, protocol: u16) -> Result<(), RingError> {
    // SAFETY: all zeroes are a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = interface.cast_signed();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: `address` is a `sockaddr_ll` of `length` bytes and outlives the call.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Errno::result(bound)
        .map(drop)
        .map_err(|errno| RingError::new("binding to the interface", errno))
}

/// `ARPHRD_*` of the interface that the socket is bound to; meaningless where it is bound to all.
fn hardware_type(socket: &OwnedFd) -> Result<u16, RingError> {
    // SAFETY: all zeroes are a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `address`, any of which are valid in it.
    let done = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut length) };
    Errno::result(done)
        .map(|_| address.sll_hatype)
        .map_err(|errno| RingError::new("asking for the link type", errno))
}

fn attach(socket: &OwnedFd, program: &[Instruction]) -> Result<(), RingError> {
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    load(socket, level, option, program, "attaching the filter")
}

fn load(
    socket: &OwnedFd,
    level: libc::c_int,
    option: libc::c_int,
    program: &[Instruction],
    doing: &'static str,
) -> Result<(), RingError> {
    let mut filter: Vec<_> = program
        .iter()
        .map(|it| libc::sock_filter {
            code: it.code,
            jt: it.jump_true,
            jf: it.jump_false,
            k: it.operand,
        })
        .collect();
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // `filter` outlives the call, in which the kernel copies it.
    set_at(socket, level, option, &program, doing)
}

/// Joins a group of rings, a new one where it has no name yet; returns its name. The group divides frames by a program, as the kernel's own
/// hash of a flow is known to it alone.
fn join(socket: &OwnedFd, group: Group, loopback: bool) -> Result<u16, RingError> {
    const DOING: &str = "joining the group of rings";
    let mut kind = libc::PACKET_FANOUT_CBPF;
    if loopback {
        kind |= libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    }
    if group.id.is_none() {
        // Another process's group of the same name would share its frames with this one.
        kind |= libc::PACKET_FANOUT_FLAG_UNIQUEID;
    }
    let value = u32::from(group.id.unwrap_or(0)) | kind << 16;
    set(socket, libc::PACKET_FANOUT, &value, DOING)?;
    let program = shard_program(group.of);
    load(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_FANOUT_DATA,
        &program,
        DOING,
    )?;
    let known = group_of(socket);
    known.map_err(|errno| RingError::new(DOING, errno))
}

/// The name of the group that a socket belongs to.
fn group_of(socket: &OwnedFd) -> Result<u16, Errno> {
    let mut group = 0_u32;
    let mut length = size_of::<u32>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `group`, any of which are valid in it.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            (&raw mut group).cast(),
            &raw mut length,
        )
    };
    Errno::result(done).map(|_| group as u16)
}

fn set<T>(socket: &OwnedFd, option: libc::c_int, value: &T, doing: &'static str) -> Result<(), RingError> {
    set_at(socket, libc::SOL_PACKET, option, value, doing)
}

fn set_at<T>(
    socket: &OwnedFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
    doing: &'static str,
) -> Result<(), RingError> {
    // SAFETY: `value` is as long as said and outlives the call; the kernel only reads it.
    let done = unsafe {
        let length = size_of::<T>() as libc::socklen_t;
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const *value).cast(),
            length,
        )
    };
    Errno::result(done)
        .map(drop)
        .map_err(|errno| RingError::new(doing, errno))
}

fn statistics(socket: &OwnedFd) -> Result<libc::tpacket_stats_v3, Errno> {
    let mut counted = libc::tpacket_stats_v3 {
        tp_packets: 0,
        tp_drops: 0,
        tp_freeze_q_cnt: 0,
    };
    let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `counted`, any of which are valid in it.
    let done = unsafe {
        let option = libc::PACKET_STATISTICS;
        let value = (&raw mut counted).cast();
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            value,
            &raw mut length,
        )
    };
    Errno::result(done).map(|_| counted)
}
