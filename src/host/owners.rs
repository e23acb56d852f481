//! Who holds a socket: process, unit, container, pod.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;

use crate::clock::Timestamp;

use super::cgroup::Cgroups;
use super::identity::Identity;
use super::inventory::Missing;
use super::proc::{Procfs, StartTicks};
use super::socket::Socket;

/// Who holds a socket. Sockets of one holder share one `Owner`, also from one inventory to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The processes that hold it: more than one where a process forked while the connection was open. The one that started first
    /// comes first; empty where only the cgroup is known. This process itself counts only where nobody else holds it: it may have
    /// inherited a shell's descriptors.
    pub pids: Vec<u32>,
    /// The name of the first of them (`/proc/PID/comm`, at most 15 characters).
    pub command: Option<String>,
    /// When the first of them started, by the wall clock.
    pub start: Option<Timestamp>,
    /// What its cgroup says it belongs to.
    pub identity: Identity,
}

/// Finds the holders of sockets, and remembers them: a socket that was looked up costs one hash look-up from then on, and a
/// look at its descriptor now and then.
#[derive(Debug)]
pub struct Owners {
    procfs: Procfs,
    cgroups: Cgroups,
    processes: HashMap<u32, Process>,
    holdings: HashMap<u32, Holding>,
    interned: HashSet<Arc<Owner>>,
    /// Counts calls of [`Owners::resolve`].
    round: u32,
    /// Where an unfinished search goes on: the first pid not looked at.
    resume: Option<u32>,
    /// Processes that the last search could not look into.
    hidden: usize,
    most_links: usize,
    own_pid: u32,
}

#[derive(Debug)]
struct Process {
    start: StartTicks,
    command: Option<String>,
    started: Timestamp,
    identity: Identity,
}

/// What is known of one inode's holders.
#[derive(Debug)]
struct Holding {
    owner: Option<Arc<Owner>>,
    /// The number of the descriptor in its holders; forks keep it.
    descriptor: u32,
    /// The round in which to look again, and how many rounds to wait after that.
    look_again: u32,
    patience: u32,
    seen: u32,
}

/// The most descriptors looked at in one search, except that a process is always finished: about 0.1 s.
const MAX_LINKS: usize = 100_000;
/// The most processes told of one socket.
const MAX_PIDS: usize = 16;
const MAX_PATIENCE: u32 = 64;

/// Inodes whose holders are to be searched, each with its socket's cgroup.
type Wanted = HashMap<u32, Option<u64>>;
/// For each inode found, the pids and descriptors that hold it.
type Found = HashMap<u32, Vec<(u32, u32)>>;

impl Default for Owners {
    fn default() -> Self {
        Self::new()
    }
}

impl Owners {
    /// Reads `/proc`, and the cgroup file system where it is mounted.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Procfs::new("/proc"), MAX_LINKS)
    }

    fn of(procfs: Procfs, most_links: usize) -> Self {
        Self {
            cgroups: Cgroups::new(&procfs.mountinfo()),
            procfs,
            processes: HashMap::new(),
            holdings: HashMap::new(),
            interned: HashSet::new(),
            round: 0,
            resume: None,
            hidden: 0,
            most_links,
            own_pid: std::process::id(),
        }
    }

    /// Fills in [`Socket::owner`] of a whole inventory, and says what could not be found. Call it with all sockets of a moment: what is
    /// not among them is forgotten.
    pub fn resolve(&mut self, sockets: &mut [Socket]) -> Vec<Missing> {
        self.round = self.round.wrapping_add(1);
        self.cgroups.begin_round();
        self.forget_ended_processes();
        let wanted = self.wanted(sockets);
        let found = self.search(&wanted);
        for (&inode, &cgroup) in &wanted {
            let holders = found.get(&inode).map_or(&[][..], Vec::as_slice);
            self.remember(inode, cgroup, holders);
        }
        self.fill_in(sockets);
        self.forget_unseen();
        self.missing(sockets)
    }

    /// Whether cgroups of version 2 can be looked up at all.
    #[must_use]
    pub fn knows_cgroups(&self) -> bool {
        self.cgroups.is_mounted()
    }

    /// Processes that ended, or whose pid another one has, hold nothing any more.
    fn forget_ended_processes(&mut self) {
        let procfs = &self.procfs;
        self.processes
            .retain(|&pid, process| procfs.start(pid) == Some(process.start));
        let processes = &self.processes;
        self.holdings.retain(|_, holding| {
            let pids = holding.owner.iter().flat_map(|owner| &owner.pids);
            pids.into_iter().all(|pid| processes.contains_key(pid))
        });
    }

    fn wanted(&mut self, sockets: &[Socket]) -> Wanted {
        let mut wanted = Wanted::new();
        for socket in sockets {
            let Some(inode) = socket.inode else { continue };
            if !self.is_known(inode) {
                wanted.insert(inode, socket.cgroup);
            }
        }
        wanted
    }

    /// Whether what is remembered of an inode still holds, as far as it is time to look.
    fn is_known(&mut self, inode: u32) -> bool {
        let Some(holding) = self.holdings.get_mut(&inode) else {
            return false;
        };
        holding.seen = self.round;
        if holding.look_again > self.round {
            return true;
        }
        let pids = holding.owner.as_ref().map_or(&[][..], |owner| &owner.pids);
        let held = |pid: &u32| self.procfs.holds(*pid, holding.descriptor, inode);
        let holds = !pids.is_empty() && pids.iter().all(held);
        if holds {
            holding.wait_longer(self.round);
        }
        holds
    }

    /// Looks into the likely processes first, into all others only where that leaves some unfound, and into no more than the
    /// bound allows.
    fn search(&mut self, wanted: &Wanted) -> Found {
        let mut found = Found::new();
        if wanted.is_empty() {
            return found;
        }
        let likely = self.likely(wanted);
        let candidates = self.candidates(&likely);
        let (mut links, mut hidden) = (0, 0);
        for (count, &pid) in candidates.iter().enumerate() {
            // Without a cgroup to say where forks would be, they may be anywhere.
            if found.len() == wanted.len() && count >= likely.len() && !likely.is_empty() {
                break;
            }
            if links >= self.most_links {
                self.resume = Some(pid);
                return found;
            }
            match self.look_into(pid, wanted, &mut found) {
                Ok(looked_at) => links += looked_at,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => hidden += 1,
                // It ended meanwhile.
                Err(_) => {}
            }
        }
        (self.resume, self.hidden) = (None, hidden);
        found
    }

    fn look_into(&self, pid: u32, wanted: &Wanted, found: &mut Found) -> io::Result<usize> {
        self.procfs.sockets(pid, |descriptor, inode| {
            if wanted.contains_key(&inode) {
                found.entry(inode).or_default().push((pid, descriptor));
            }
        })
    }

    /// The processes in the sockets' cgroups, forks among them.
    fn likely(&mut self, wanted: &Wanted) -> BTreeSet<u32> {
        let cgroups: HashSet<u64> = wanted.values().copied().flatten().collect();
        let paths = cgroups.into_iter().filter_map(|id| self.cgroups.path(id));
        let paths: Vec<_> = paths.collect();
        paths.iter().flat_map(|path| self.cgroups.pids(path)).collect()
    }

    /// The likely ones, then all others; an unfinished search goes on where it stopped, and comes round to the first ones.
    fn candidates(&self, likely: &BTreeSet<u32>) -> Vec<u32> {
        let mut others = self.procfs.pids().unwrap_or_default();
        others.retain(|pid| !likely.contains(pid));
        let mut pids: Vec<u32> = likely.iter().copied().collect();
        pids.append(&mut others);
        let resume = self.resume.and_then(|pid| pids.iter().position(|&it| it == pid));
        pids.rotate_left(resume.unwrap_or(0));
        pids
    }

    fn remember(&mut self, inode: u32, cgroup: Option<u64>, holders: &[(u32, u32)]) {
        let owner = self.owner(cgroup, holders);
        let descriptor = holders.first().map_or(0, |&(_, descriptor)| descriptor);
        let round = self.round;
        let holding = self.holdings.entry(inode).or_insert_with(|| Holding {
            owner: None,
            descriptor,
            look_again: 0,
            patience: 0,
            seen: round,
        });
        // A process that has just accepted a connection may be about to hand it to a fork: look again soon.
        if holding.owner != owner {
            holding.patience = 0;
        }
        (holding.owner, holding.descriptor, holding.seen) = (owner, descriptor, round);
        holding.wait_longer(round);
    }

    fn owner(&mut self, cgroup: Option<u64>, holders: &[(u32, u32)]) -> Option<Arc<Owner>> {
        let pids = self.pids(holders);
        let first = pids.first().and_then(|pid| self.processes.get(pid));
        let mut owner = Owner {
            command: first.and_then(|process| process.command.clone()),
            start: first.map(|process| process.started),
            identity: first.map(|process| process.identity.clone()).unwrap_or_default(),
            pids,
        };
        // With socket activation a socket is in the cgroup of who made it; where the process says nothing, it is all there is.
        if owner.identity.is_empty() {
            owner.identity = self.identity(cgroup);
        }
        (owner != Owner::default()).then(|| self.intern(owner))
    }

    /// The holders that are still there, the one that started first in front.
    fn pids(&mut self, holders: &[(u32, u32)]) -> Vec<u32> {
        let mut pids: Vec<u32> = holders.iter().map(|&(pid, _)| pid).collect();
        pids.retain(|&pid| self.learn(pid));
        if pids.iter().any(|&pid| pid != self.own_pid) {
            pids.retain(|&pid| pid != self.own_pid);
        }
        pids.sort_unstable_by_key(|&pid| (self.processes.get(&pid).map(|it| it.start), pid));
        pids.dedup();
        pids.truncate(MAX_PIDS);
        pids
    }

    fn identity(&mut self, cgroup: Option<u64>) -> Identity {
        let path = cgroup.and_then(|id| self.cgroups.path(id));
        path.map(|path| Identity::of(&path)).unwrap_or_default()
    }

    /// Reads up on a process once; false where it has ended.
    fn learn(&mut self, pid: u32) -> bool {
        if self.processes.contains_key(&pid) {
            return true;
        }
        let Some(start) = self.procfs.start(pid) else {
            return false;
        };
        let process = Process {
            start,
            started: start.time(),
            command: self.procfs.command(pid),
            identity: self.procfs.identity(pid),
        };
        self.processes.insert(pid, process);
        true
    }

    fn intern(&mut self, owner: Owner) -> Arc<Owner> {
        if let Some(known) = self.interned.get(&owner) {
            return Arc::clone(known);
        }
        let owner = Arc::new(owner);
        self.interned.insert(Arc::clone(&owner));
        owner
    }

    /// A socket without an inode has no holder, but may have a cgroup.
    fn fill_in(&mut self, sockets: &mut [Socket]) {
        for socket in sockets {
            socket.owner = match socket.inode {
                Some(inode) => self
                    .holdings
                    .get(&inode)
                    .and_then(|holding| holding.owner.clone()),
                None => self.owner(socket.cgroup, &[]),
            };
        }
    }

    fn missing(&self, sockets: &[Socket]) -> Vec<Missing> {
        let nobody =
            |it: &&Socket| it.inode.is_some() && it.owner.as_ref().is_none_or(|it| it.pids.is_empty());
        let sockets = sockets.iter().filter(nobody).count();
        let processes = self.hidden;
        let hidden = (sockets > 0 && processes > 0).then_some(Missing::Owners { sockets, processes });
        let later = (sockets > 0 && self.resume.is_some()).then_some(Missing::OwnersLater(sockets));
        hidden.into_iter().chain(later).collect()
    }

    fn forget_unseen(&mut self) {
        let round = self.round;
        self.holdings.retain(|_, holding| holding.seen == round);
        self.interned.retain(|owner| Arc::strong_count(owner) > 1);
        let holders: HashSet<u32> = self
            .holdings
            .values()
            .filter_map(|it| it.owner.as_ref())
            .flat_map(|it| it.pids.clone())
            .collect();
        self.processes.retain(|pid, _| holders.contains(pid));
    }
}

impl Holding {
    fn wait_longer(&mut self, round: u32) {
        self.patience = (self.patience * 2).clamp(1, MAX_PATIENCE);
        self.look_again = round.wrapping_add(self.patience);
    }
}

#[cfg(test)]
mod tests;
