//! Asking the kernel by netlink (netlink(7)): one dump at a time.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
};
use nix::sys::time::TimeVal;

use crate::clock::Timestamp;

use super::bytes::{u16_at, u32_at};
use super::now;

/// More than any one answer: the kernel fills at most 32 KiB at a time (`netlink_dump` of `net/netlink/af_netlink.c`).
const BUFFER: usize = 64 * 1024;
const HEADER: usize = 16;

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_DUMP: u16 = 0x300;
/// The kernel answers at once; sandboxes that pretend may never answer.
const PATIENCE_SECONDS: i64 = 5;

/// A netlink socket of the `sock_diag` family.
pub(super) struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the network namespace of the calling thread, which it stays in.
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket::socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )?;
        socket::setsockopt(
            &socket,
            sockopt::ReceiveTimeout,
            &TimeVal::new(PATIENCE_SECONDS, 0),
        )?;
        let buffer = vec![0; BUFFER];
        Ok(Self {
            socket,
            buffer,
            sequence: 0,
        })
    }

    /// Sends a dump request of `kind` and hands every answer's payload to `each`, with the time at which the kernel wrote it: it
    /// writes the first batch while the request is sent, and each further one at the end of reading the one before.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        payload: &[u8],
        mut each: impl FnMut(Timestamp, &[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.send(kind, payload)?;
        let mut written = now();
        loop {
            let length = self.receive()?;
            let next_written = now();
            let batch = self.buffer.get(..length).unwrap_or_default();
            if read(batch, self.sequence, |answer| each(written, answer))? == Progress::Done {
                return Ok(());
            }
            written = next_written;
        }
    }

    fn send(&self, kind: u16, payload: &[u8]) -> io::Result<()> {
        let mut request = Vec::with_capacity(HEADER + payload.len());
        request.extend(((HEADER + payload.len()) as u32).to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
        request.extend(self.sequence.to_ne_bytes());
        request.extend(0u32.to_ne_bytes());
        request.extend(payload);
        let kernel = NetlinkAddr::new(0, 0);
        socket::sendto(self.socket.as_raw_fd(), &request, &kernel, MsgFlags::empty())?;
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        loop {
            match socket::recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Err(nix::errno::Errno::EINTR) => {}
                Ok(length) if length > self.buffer.len() => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "netlink answer cut"));
                }
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                other => return Ok(other?),
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// Walks the messages of one batch; those of an earlier dump are passed over. Ends early at whatever is cut.
fn read(mut batch: &[u8], sequence: u32, mut each: impl FnMut(&[u8])) -> io::Result<Progress> {
    while let Some((message, rest)) = split(batch) {
        batch = rest;
        if message.sequence != sequence {
            continue;
        }
        match message.kind {
            NLMSG_NOOP => {}
            NLMSG_ERROR | NLMSG_DONE => return outcome(message.payload),
            _ => each(message.payload),
        }
    }
    Ok(Progress::More)
}

/// Both end messages begin with a negative error number, or zero; a DONE may be empty.
fn outcome(payload: &[u8]) -> io::Result<Progress> {
    match u32_at(payload, 0).map_or(0, u32::cast_signed) {
        error if error < 0 => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        _ => Ok(Progress::Done),
    }
}

struct Message<'a> {
    kind: u16,
    sequence: u32,
    payload: &'a [u8],
}

fn split(batch: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = u32_at(batch, 0)? as usize;
    let message = Message {
        kind: u16_at(batch, 4)?,
        sequence: u32_at(batch, 8)?,
        payload: batch.get(HEADER..length)?,
    };
    Some((
        message,
        batch.get(length.next_multiple_of(4)..).unwrap_or_default(),
    ))
}

/// Walks netlink attributes: their kind (without the flag bits) and value.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const NESTED_AND_BYTE_ORDER: u16 = 0xc000;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & !NESTED_AND_BYTE_ORDER;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut message = ((HEADER + payload.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend([0, 0]);
        message.extend(sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(payload);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn answers(batch: &[u8]) -> (io::Result<Progress>, Vec<Vec<u8>>) {
        let mut answers = Vec::new();
        let progress = read(batch, 7, |answer| answers.push(answer.to_vec()));
        (progress, answers)
    }

    #[test]
    fn a_batch_is_walked_to_its_end_mark() {
        let batch = [
            message(20, 7, b"abcde"),
            message(20, 6, b"stale"),
            message(NLMSG_NOOP, 7, b""),
            message(20, 7, b"fg"),
            message(NLMSG_DONE, 7, &[0; 4]),
            message(20, 7, b"beyond"),
        ]
        .concat();
        let (progress, answers) = answers(&batch);
        assert_eq!(progress.ok(), Some(Progress::Done));
        assert_eq!(answers, [b"abcde".to_vec(), b"fg".to_vec()]);
    }

    #[test]
    fn errors_carry_their_number() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let refused = message(kind, 7, &(-libc::EPERM).to_ne_bytes());
            let error = answers(&refused).0.expect_err("an error number");
            assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        }
        let most_negative = message(NLMSG_ERROR, 7, &i32::MIN.to_ne_bytes());
        assert!(answers(&most_negative).0.is_err());
    }

    #[test]
    fn lying_lengths_end_the_walk() {
        for length in [0u32, 1, 15, 17, 4000, u32::MAX] {
            let mut lying = message(20, 7, b"");
            lying[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(answers(&lying).0.ok(), Some(Progress::More), "{length}");
            assert!(answers(&lying).1.is_empty());
        }
        for length in [0u16, 3, 9, u16::MAX] {
            let lying = [length.to_ne_bytes().as_slice(), &[2, 0, 0, 0, 0, 0]].concat();
            assert_eq!(attributes(&lying).count(), 0, "{length}");
        }
    }
}
