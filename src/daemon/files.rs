//! The files that grow with the traffic: exchanges and frames.

use std::time::{Duration, Instant};

use super::{FrameSpool, Spool};
use crate::capture::{Frame, Loss};

/// Those that were asked for.
#[derive(Default)]
pub struct Files {
    /// Every exchange, a line each; the session writes them.
    pub exchanges: Option<Spool>,
    /// The watched frames.
    pub frames: Option<FrameSpool>,
}

impl Files {
    /// Keeps a watched frame where frames are kept.
    #[inline]
    pub fn keep(&mut self, frame: &Frame<'_>) {
        if let Some(frames) = &mut self.frames {
            frames.keep(frame);
        }
    }

    /// Lets readers see what was kept so far.
    pub fn hand_over(&mut self) {
        if let Some(frames) = &mut self.frames {
            frames.hand_over();
        }
    }

    /// Opens them anew, for they may have been renamed.
    pub fn reopen(&mut self) {
        if let Some(exchanges) = &self.exchanges {
            exchanges.reopen();
        }
        if let Some(frames) = &mut self.frames {
            frames.reopen();
        }
    }

    /// What a summary must say of what was not written.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.spools().filter_map(Spool::note).collect()
    }

    /// Ends them; what is missing is written some time.
    pub fn finish(&mut self, loss: Loss) {
        if let Some(frames) = &mut self.frames {
            frames.finish(loss);
        }
    }

    /// Waits until all is written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        let end = Instant::now() + patience;
        for spool in self.spools() {
            spool.flush(end.saturating_duration_since(Instant::now()));
        }
    }

    fn spools(&self) -> impl Iterator<Item = &Spool> {
        let frames = self.frames.as_ref().map(FrameSpool::spool);
        self.exchanges.iter().chain(frames)
    }
}
