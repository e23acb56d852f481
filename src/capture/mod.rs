//! Where frames come from: the kernel's ring or a capture file. Live and file differ only here.

pub mod file;
pub mod filter;
pub mod interfaces;
pub mod live;
mod ring;
pub mod share;
pub mod write;

use crate::clock::Timestamp;
use crate::packet::LinkType;

/// One captured frame, lent until the next poll.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What was kept of the frame, from the link header on.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire; more than `bytes.len()` where the capture cut it.
    pub wire_length: u32,
    /// When the frame was seen: the kernel's or the file's stamp.
    pub time: Timestamp,
    /// How `bytes` begins.
    pub link: LinkType,
    /// Index into `interfaces`.
    pub interface: u16,
    /// The names of the source's interfaces known so far, as [`Source::interfaces`].
    pub interfaces: &'a [String],
}

impl<'a> Frame<'a> {
    /// The name of the interface that saw the frame; empty where it has none.
    #[must_use]
    pub fn interface_name(&self) -> &'a str {
        self.interfaces
            .get(usize::from(self.interface))
            .map_or("", String::as_str)
    }
}

/// What a source has for now.
#[derive(Debug)]
pub enum Polled<'a> {
    /// The next frame.
    Frame(Frame<'a>),
    /// Nothing new up to this time; live sources only.
    Idle(Timestamp),
    /// Nothing more will come.
    End,
}

/// What a source lost or could not read, counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Frames that the kernel or the interface dropped.
    pub dropped: u64,
}

/// A stream of frames in time order.
pub trait Source {
    /// Why reading stopped.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Lends the next frame, or says that there is none.
    fn poll(&mut self) -> Result<Polled<'_>, Self::Error>;

    /// What was lost so far.
    fn loss(&mut self) -> Loss;

    /// The names that [`Frame::interface`] counts.
    fn interfaces(&self) -> &[String];
}

#[cfg(test)]
mod tests {
    fn can_move_to_a_shard<T: Send>() {}

    #[test]
    fn sources_belong_to_any_thread() {
        can_move_to_a_shard::<super::file::FileSource>();
        can_move_to_a_shard::<super::live::LiveSource>();
    }
}
