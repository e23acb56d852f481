//! Other network namespaces of this host, containers' most of all, and their sockets.
//!
//! Found through the processes that are in them and the names that `ip netns` keeps. Entered (`CAP_SYS_ADMIN`) by a thread of
//! its own where that is permitted, so that nothing else of this process ever leaves its namespace; else looked at through
//! `/proc/PID/net`, which anybody may.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::inventory::{Bounded, Missing, Query, reason};
use super::proc::Procfs;
use super::proc_net;
use super::sock_diag;
use super::socket::{Namespace, Socket};

/// The most namespaces looked into, each of which costs a walk of the kernel's table.
const MAX_NAMESPACES: usize = 256;
/// Where `ip netns` and docker keep namespaces by name.
const NAMED: [&str; 2] = ["/run/netns", "/run/docker/netns"];

/// A network namespace other than this process's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherNamespace {
    /// Its inode number. Where that is hidden (another user's process, and no `CAP_SYS_PTRACE`) the number of the namespace's
    /// `net/tcp` file, which tells namespaces apart as well.
    pub id: u64,
    /// The lowest pid in it; none where no process is.
    pub pid: Option<u32>,
    /// Its name, as `ip netns` prints it.
    pub name: Option<String>,
    /// What is opened to enter it.
    path: PathBuf,
}

/// All other network namespaces that can be seen from here, in the order of their ids.
#[must_use]
pub fn others() -> Vec<OtherNamespace> {
    let procfs = Procfs::new("/proc");
    let mut found = HashMap::new();
    for pid in procfs.pids().unwrap_or_default() {
        in_process(&procfs, pid, &mut found);
    }
    for directory in NAMED {
        in_directory(Path::new(directory), &mut found);
    }
    let own = [
        own_id(&procfs),
        fs::metadata("/proc/thread-self/net/tcp").ok().map(|it| it.ino()),
    ];
    let mut others: Vec<_> = found
        .into_values()
        .filter(|it| !own.contains(&Some(it.id)))
        .collect();
    others.sort_unstable();
    others
}

fn own_id(procfs: &Procfs) -> Option<u64> {
    namespace_id(&procfs.root().join("thread-self/ns/net"))
}

/// The number in a link like `net:[4026531840]`.
fn namespace_id(link: &Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    target
        .to_str()?
        .strip_prefix("net:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

fn in_process(procfs: &Procfs, pid: u32, found: &mut HashMap<u64, OtherNamespace>) {
    let path = procfs.path(pid, "ns/net");
    let hidden = || {
        fs::metadata(procfs.path(pid, "net/tcp"))
            .ok()
            .map(|file| file.ino())
    };
    let Some(id) = namespace_id(&path).or_else(hidden) else {
        return;
    };
    let it = found.entry(id).or_insert(OtherNamespace {
        id,
        pid: None,
        name: None,
        path,
    });
    it.pid = Some(it.pid.map_or(pid, |lowest| lowest.min(pid)));
}

fn in_directory(directory: &Path, found: &mut HashMap<u64, OtherNamespace>) {
    for entry in fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        // A name whose namespace is not mounted is a plain file.
        let Some(id) = File::open(&path).ok().and_then(|file| mounted_id(&file)) else {
            continue;
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let it = found.entry(id).or_insert(OtherNamespace {
            id,
            pid: None,
            name: None,
            path,
        });
        it.name = Some(name);
    }
}

fn mounted_id(file: &File) -> Option<u64> {
    let is_namespace = fstatfs(file.as_fd()).is_ok_and(|it| it.filesystem_type() == NSFS_MAGIC);
    is_namespace
        .then(|| file.metadata().ok().map(|it| it.ino()))
        .flatten()
}

/// Adds the sockets of `namespaces` that match, and says what could not be learnt of them.
pub(super) fn add_sockets(namespaces: &[OtherNamespace], query: &Query, kept: &mut Bounded) -> Vec<Missing> {
    let (looked_at, beyond) = namespaces.split_at(namespaces.len().min(MAX_NAMESPACES));
    let mut losses = Losses {
        unseen: beyond.len(),
        ..Losses::default()
    };
    let entered = thread::scope(|scope| {
        let visit = thread::Builder::new()
            .name("namespaces".into())
            .spawn_scoped(scope, || looked_at.iter().map(|it| enter(it, query)).collect());
        visit.ok().and_then(|thread| thread.join().ok())
    });
    let entered: Vec<io::Result<Vec<Socket>>> = entered.unwrap_or_default();
    for (namespace, sockets) in looked_at.iter().zip(entered) {
        match sockets.or_else(|error| losses.look_from_outside(namespace, query, &error)) {
            Ok(sockets) => sockets.into_iter().for_each(|socket| kept.push(socket)),
            // No process is in it, or the last has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => losses.unseen += 1,
        }
    }
    losses.missing()
}

/// Moves the calling thread into the namespace and lists its sockets. The thread stays there.
fn enter(namespace: &OtherNamespace, query: &Query) -> io::Result<Vec<Socket>> {
    let file = File::open(&namespace.path)?;
    setns(file, CloneFlags::CLONE_NEWNET)?;
    let mut sockets = Vec::new();
    let mut bounded = Bounded::new(query.limit, &mut sockets);
    sock_diag::dump(&query.ports, Namespace::Other(namespace.id), |socket| {
        bounded.push(socket);
    })?;
    Ok(sockets)
}

fn look_from_outside(namespace: &OtherNamespace, query: &Query) -> io::Result<Vec<Socket>> {
    // With nobody in it there is hardly a socket to be missed.
    let pid = namespace.pid.ok_or(io::ErrorKind::NotFound)?;
    let net = Procfs::new("/proc").path(pid, "net");
    let mut sockets = Vec::new();
    let mut bounded = Bounded::new(query.limit, &mut sockets);
    proc_net::dump(&net, &query.ports, Namespace::Other(namespace.id), |socket| {
        bounded.push(socket);
    })?;
    Ok(sockets)
}

#[derive(Debug, Default)]
struct Losses {
    listed: usize,
    why: String,
    unseen: usize,
}

impl Losses {
    fn look_from_outside(
        &mut self,
        namespace: &OtherNamespace,
        query: &Query,
        why: &io::Error,
    ) -> io::Result<Vec<Socket>> {
        let sockets = look_from_outside(namespace, query)?;
        self.listed += 1;
        self.why = reason(why);
        Ok(sockets)
    }

    fn missing(self) -> Vec<Missing> {
        let Self {
            listed: namespaces,
            why,
            unseen,
        } = self;
        let details = (namespaces > 0).then_some(Missing::NamespaceDetails { namespaces, why });
        let unseen = (unseen > 0).then_some(Missing::Namespaces(unseen));
        details.into_iter().chain(unseen).collect()
    }
}
