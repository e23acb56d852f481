//! What this process gives up once its sockets are open, so that hostile bytes on the wire find little to take.
//!
//! Each step stands alone: a kernel that lacks one, or a host that forbids it, loses that step only, and says so.
//! Capabilities and file rules are a thread's own, inherited by threads it starts: enter before any other thread runs.

mod calls;
mod files;
mod privileges;

use std::path::PathBuf;

pub use privileges::{Privilege, effective};

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// What the process still needs.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The user to become, by name; only where this process is root.
    pub user: Option<String>,
    /// What may be kept, where it is there to keep.
    pub keep: Vec<Privilege>,
    /// Whether owners and other namespaces are to be found in `/proc/PID`. The kernel's file rules forbid looking into processes outside of
    /// them, whatever the paths: with this they are left out, and said.
    pub look_into_processes: bool,
    /// Files and directories that are read, besides `/proc`, `/sys` and `/run`.
    pub read: Vec<PathBuf>,
    /// Directories that are written to.
    pub write: Vec<PathBuf>,
}

/// What was given up, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    /// The steps that hold.
    pub done: Vec<&'static str>,
    /// The steps that do not, with the reason.
    pub refused: Vec<(&'static str, String)>,
}

impl Entered {
    fn note<E: ToString>(&mut self, step: &'static str, outcome: Result<(), E>) {
        match outcome {
            Ok(()) => self.done.push(step),
            Err(error) => self.refused.push((step, error.to_string())),
        }
    }
}

/// Gives up all that `policy` does not name. Never fails as a whole: see [`Entered::refused`].
#[must_use]
pub fn enter(policy: &Policy) -> Entered {
    let mut entered = Entered::default();
    entered.note("one thread", alone());
    if let Some(user) = &policy.user {
        entered.note("user", privileges::become_user(user));
    }
    entered.note("capabilities", privileges::keep_only(&policy.keep));
    entered.note("no new privileges", prctl::set_no_new_privs());
    // Changing user or capabilities makes the kernel allow dumps again: after those.
    entered.note("not dumpable", prctl::set_dumpable(false));
    entered.note("no core files", setrlimit(Resource::RLIMIT_CORE, 0, 0));
    entered.note("file rules", files::restrict(policy));
    entered.note("system calls", calls::restrict());
    entered
}

/// Threads that run already would keep what they have.
fn alone() -> Result<(), String> {
    let threads = std::fs::read_dir("/proc/self/task")
        .map_err(|error| error.to_string())?
        .count();
    match threads {
        1 => Ok(()),
        more => Err(format!(
            "{} other threads run already and keep their capabilities",
            more - 1
        )),
    }
}
