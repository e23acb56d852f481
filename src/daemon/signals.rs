//! What the operator asks for by signals (signal(7)).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// Signals that came and are not yet obeyed.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    end: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    now: Arc<AtomicBool>,
}

impl Signals {
    /// From now on signals only say so here. A second SIGTERM or SIGINT ends the process at once.
    pub fn listen() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_default(signal, Arc::clone(&signals.end))?;
            flag::register(signal, Arc::clone(&signals.end))?;
        }
        flag::register(SIGHUP, Arc::clone(&signals.reload))?;
        flag::register(SIGUSR1, Arc::clone(&signals.now))?;
        Ok(signals)
    }

    /// SIGTERM or SIGINT: time to end.
    #[must_use]
    pub fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// SIGHUP, since last asked: output and configuration anew.
    #[must_use]
    pub fn reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// SIGUSR1, since last asked: a summary now.
    #[must_use]
    pub fn summary_now(&self) -> bool {
        self.now.swap(false, Ordering::Relaxed)
    }
}
