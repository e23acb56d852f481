//! Processes as procfs shows them (proc(5)).

use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::time::{ClockId, clock_gettime};

use crate::clock::{Span, Timestamp};

use super::identity::Identity;
use super::now;

/// `USER_HZ`: the unit of `starttime`, the same on every architecture that runs this.
const TICK: Span = Span::from_millis(10);

/// A mounted procfs.
#[derive(Clone, Debug)]
pub(super) struct Procfs {
    root: PathBuf,
    /// The number of the kernel's one mount of sockets.
    socket_mount: Option<u32>,
}

/// Tells one process from another that later has the same pid: ticks from boot to its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StartTicks(u64);

impl Procfs {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            socket_mount: socket_mount(),
        }
    }

    /// The pids there are, in the order of the directory.
    pub(super) fn pids(&self) -> io::Result<Vec<u32>> {
        let names = fs::read_dir(&self.root)?.filter_map(Result::ok);
        Ok(names
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect())
    }

    /// When the process started; `None` where there is no such process.
    pub(super) fn start(&self, pid: u32) -> Option<StartTicks> {
        let stat = fs::read(self.path(pid, "stat")).ok()?;
        // The second field is the name in parentheses, in which anything may be, parentheses too.
        let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
        let fields = std::str::from_utf8(stat.get(after_name..)?).ok()?;
        let starttime = fields.split_ascii_whitespace().nth(19)?;
        Some(StartTicks(starttime.parse().ok()?))
    }

    /// The name of the program, as `ps -o comm` prints it. Never its arguments: those may hold passwords.
    pub(super) fn command(&self, pid: u32) -> Option<String> {
        let comm = fs::read(self.path(pid, "comm")).ok()?;
        let name = String::from_utf8_lossy(&comm);
        Some(name.trim_end_matches('\n').replace(char::is_control, "?"))
    }

    /// What the process's cgroups say of it: version 2's, else systemd's own hierarchy's, else any that says something.
    pub(super) fn identity(&self, pid: u32) -> Identity {
        let lines = fs::read_to_string(self.path(pid, "cgroup")).unwrap_or_default();
        identity(&lines)
    }

    /// Hands descriptor and inode of every socket that the process holds to `each`; says how many descriptors it looked at.
    pub(super) fn sockets(&self, pid: u32, each: impl FnMut(u32, u32)) -> io::Result<usize> {
        match fs::read_dir(self.path(pid, "fd")) {
            Ok(entries) => Ok(walk(entries, socket_inode, each)),
            // Reading that directory of another user takes CAP_DAC_READ_SEARCH on top of CAP_SYS_PTRACE; this one does not.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let entries = fs::read_dir(self.path(pid, "fdinfo"))?;
                Ok(walk(entries, |file| self.inode_in_info(file), each))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the process holds this socket at this descriptor.
    pub(super) fn holds(&self, pid: u32, descriptor: u32, inode: u32) -> bool {
        let link = self.path(pid, &format!("fd/{descriptor}"));
        let in_info = || self.inode_in_info(&self.path(pid, &format!("fdinfo/{descriptor}")));
        socket_inode(&link).or_else(in_info) == Some(inode)
    }

    /// The inode of a socket in the text of `/proc/PID/fdinfo/N`, which has it since Linux 5.14; that it is a socket is told by its
    /// mount.
    fn inode_in_info(&self, file: &Path) -> Option<u32> {
        let info = fs::read_to_string(file).ok()?;
        let is_socket = self.socket_mount.is_some() && field(&info, "mnt_id") == self.socket_mount;
        field(&info, "ino").filter(|_| is_socket)
    }

    pub(super) fn path(&self, pid: u32, file: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(file)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn mountinfo(&self) -> String {
        fs::read_to_string(self.root.join("self/mountinfo")).unwrap_or_default()
    }
}

impl StartTicks {
    /// By the wall clock, to 10 ms.
    pub(super) fn time(self) -> Timestamp {
        let ticks = i64::try_from(self.0).unwrap_or(i64::MAX);
        let since_boot = Span::from_nanos(ticks.saturating_mul(TICK.nanos()));
        boot_time() + since_boot
    }
}

fn boot_time() -> Timestamp {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Span::ZERO, |it| {
        Span::from_secs(it.tv_sec()) + Span::from_nanos(it.tv_nsec())
    });
    now() - up
}

/// The mount that a socket of our own is on.
fn socket_mount() -> Option<u32> {
    let socket = UnixDatagram::unbound().ok()?;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", socket.as_raw_fd())).ok()?;
    field(&info, "mnt_id")
}

/// A line of `/proc/PID/fdinfo/N` is a name, a colon, blanks and a number.
fn field(info: &str, name: &str) -> Option<u32> {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().parse().ok()
}

fn walk(entries: fs::ReadDir, inode: impl Fn(&Path) -> Option<u32>, mut each: impl FnMut(u32, u32)) -> usize {
    let mut looked_at = 0;
    for entry in entries.map_while(Result::ok) {
        looked_at += 1;
        let descriptor = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let (Some(descriptor), Some(inode)) = (descriptor, inode(&entry.path())) {
            each(descriptor, inode);
        }
    }
    looked_at
}

/// The inode in a link like `socket:[27901]`.
fn socket_inode(link: &Path) -> Option<u32> {
    let target = fs::read_link(link).ok()?;
    let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// Lines are `0::PATH` (version 2), `1:name=systemd:PATH`, `4:memory:PATH`.
fn identity(lines: &str) -> Identity {
    let hierarchies = || {
        lines
            .lines()
            .filter_map(|line| line.split_once(':')?.1.split_once(':'))
    };
    let of = |wanted: &str| hierarchies().find(|(name, _)| *name == wanted);
    let by_preference = of("").into_iter().chain(of("name=systemd")).chain(hierarchies());
    by_preference
        .map(|(_, path)| Identity::of(path))
        .find(|identity| !identity.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let root = tempfile::tempdir().expect("a directory");
        let process = root.path().join("42");
        fs::create_dir(&process).expect("made");
        let stat = "42 (a) 1 (x\n) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 8642 1000 2000";
        fs::write(process.join("stat"), stat).expect("written");
        fs::write(process.join("comm"), b"a\x1b[31m\xff\n").expect("written");
        let procfs = Procfs::new(root.path());
        assert_eq!(procfs.start(42), Some(StartTicks(8642)));
        assert_eq!(procfs.start(43), None);
        assert_eq!(procfs.command(42).as_deref(), Some("a?[31m\u{fffd}"));
        assert_eq!(procfs.pids().expect("listed"), [42]);
        for cut in 0..66 {
            fs::write(process.join("stat"), &stat[..cut]).expect("written");
            assert!(procfs.start(42).is_none_or(|it| it.0 < 8642), "cut at {cut}");
        }
    }

    #[test]
    fn this_process_started_just_now() {
        let procfs = Procfs::new("/proc");
        let start = procfs.start(std::process::id()).expect("here").time();
        let age = now() - start;
        assert!(
            age >= Span::from_millis(-20) && age < Span::from_secs(600),
            "{age:?}"
        );
    }

    #[test]
    fn version_2_is_asked_first_and_version_1_too() {
        let unit = |lines| identity(lines).unit;
        let hybrid = "4:memory:/agent\n1:name=systemd:/system.slice/b.service\n0::/system.slice/a.service\n";
        assert_eq!(unit(hybrid).as_deref(), Some("a.service"));
        let version_1 = "4:memory:/x.service\n1:name=systemd:/system.slice/b.service\n0::/\n";
        assert_eq!(unit(version_1).as_deref(), Some("b.service"));
        let id = "a".repeat(64);
        let bare = format!("5:pids:/docker/{id}\n4:memory:/\n");
        assert_eq!(identity(&bare).container.map(|it| it.id), Some(id));
        assert!(identity("0::/\n").is_empty() && identity("").is_empty() && identity("garbage").is_empty());
    }

    #[test]
    fn a_socket_is_told_by_its_mount_where_links_are_hidden() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let descriptor = listener.as_raw_fd().cast_unsigned();
        let procfs = Procfs::new("/proc");
        let own = std::process::id();
        let link = socket_inode(&procfs.path(own, &format!("fd/{descriptor}")));
        let info = procfs.inode_in_info(&procfs.path(own, &format!("fdinfo/{descriptor}")));
        assert!(link.is_some());
        assert_eq!(info, link);
        let file = tempfile::tempfile().expect("a file");
        let descriptor = file.as_raw_fd();
        assert_eq!(
            procfs.inode_in_info(&procfs.path(own, &format!("fdinfo/{descriptor}"))),
            None
        );
        assert_eq!(field("pos:\t0\nino:\t4711\n", "ino"), Some(4711));
        assert_eq!(field("inotify ino:7\n", "ino"), None);
    }

    #[test]
    fn own_sockets_are_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&listener).cast_unsigned();
        let procfs = Procfs::new("/proc");
        let mut inode = None;
        let own = std::process::id();
        let looked_at = procfs
            .sockets(own, |fd, it| {
                if fd == descriptor {
                    inode = Some(it);
                }
            })
            .expect("read");
        assert!(looked_at > 3);
        let inode = inode.expect("found");
        assert!(procfs.holds(own, descriptor, inode) && !procfs.holds(own, descriptor, inode + 1));
    }
}
