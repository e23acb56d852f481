//! User and capabilities (capabilities(7)).

use std::collections::HashSet;

use caps::{CapSet, Capability};
use nix::unistd::{self, User};

/// A capability that sockhound has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// `CAP_NET_RAW`: capture, and open further interfaces that come up.
    Capture,
    /// `CAP_SYS_PTRACE`: name the processes of other users.
    LookIntoProcesses,
    /// `CAP_SYS_ADMIN`: enter other network namespaces.
    EnterNamespaces,
}

impl Privilege {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Capture, Self::LookIntoProcesses, Self::EnterNamespaces];

    /// The name, as `setcap` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "cap_net_raw",
            Self::LookIntoProcesses => "cap_sys_ptrace",
            Self::EnterNamespaces => "cap_sys_admin",
        }
    }

    const fn capability(self) -> Capability {
        match self {
            Self::Capture => Capability::CAP_NET_RAW,
            Self::LookIntoProcesses => Capability::CAP_SYS_PTRACE,
            Self::EnterNamespaces => Capability::CAP_SYS_ADMIN,
        }
    }
}

/// What this thread may do now.
#[must_use]
pub fn effective() -> Vec<Privilege> {
    let has = |it: &Privilege| caps::has_cap(None, CapSet::Effective, it.capability()).unwrap_or(false);
    Privilege::ALL.into_iter().filter(has).collect()
}

/// Becomes the user with that name and its own group, and keeps the permitted capabilities for [`keep_only`].
pub(super) fn become_user(name: &str) -> Result<(), String> {
    let user = User::from_name(name).map_err(|error| error.to_string())?;
    let user = user.ok_or_else(|| format!("there is no user {name}"))?;
    let switch = || -> nix::Result<()> {
        nix::sys::prctl::set_keepcaps(true)?;
        unistd::setgroups(&[user.gid])?;
        unistd::setresgid(user.gid, user.gid, user.gid)?;
        unistd::setresuid(user.uid, user.uid, user.uid)
    };
    switch().map_err(|error| format!("{name}: {}", error.desc()))
}

/// Drops every capability but these, from all sets; those not held are not gained.
pub(super) fn keep_only(privileges: &[Privilege]) -> Result<(), String> {
    let wanted: HashSet<Capability> = privileges.iter().map(|it| it.capability()).collect();
    let held = caps::read(None, CapSet::Permitted).map_err(|error| error.to_string())?;
    let kept: HashSet<Capability> = wanted.intersection(&held).copied().collect();
    forget_bounding(&kept);
    let drop = || {
        // A kernel before 4.3 has no ambient set to clear.
        let _ = caps::clear(None, CapSet::Ambient);
        // Effective may never exceed permitted: down with it first, and up to what is kept after.
        caps::clear(None, CapSet::Effective)?;
        caps::clear(None, CapSet::Inheritable)?;
        caps::set(None, CapSet::Permitted, &kept)?;
        caps::set(None, CapSet::Effective, &kept)
    };
    drop().map_err(|error| error.to_string())
}

/// What is not in the bounding set can't come back by running a program. Takes `CAP_SETPCAP`; without it
/// `no_new_privs` does as much.
fn forget_bounding(kept: &HashSet<Capability>) {
    for capability in caps::all().difference(kept) {
        let _ = caps::drop(None, CapSet::Bounding, *capability);
    }
}
