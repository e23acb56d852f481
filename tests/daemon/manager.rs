//! What systemd is told, by a manager of the test's own.

#![allow(unsafe_code, reason = "one thread of a process is stopped by ptrace(2)")]

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::*;

/// systemd's end of the line.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn at_path(directory: &Path) -> Self {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self::new(socket, path.display().to_string())
    }

    fn abstract_one() -> Self {
        let name = format!("sockhound-daemon-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self::new(UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}"))
    }

    fn new(socket: UnixDatagram, name: String) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { socket, name }
    }

    fn start(&self, port: u16, output: &Path, watchdog: Duration) -> Running {
        let mut command = command(port, output, &["--interval", "300ms"]);
        command.env("NOTIFY_SOCKET", &self.name);
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        Running(command.spawn().unwrap())
    }

    fn heard(&self) -> Option<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    /// All that comes up to a message that begins so.
    fn hear(&self, beginning: &str) -> Vec<String> {
        let mut all = Vec::new();
        until(
            || {
                all.extend(self.heard());
                all.last().is_some_and(|it| it.starts_with(beginning))
            },
            || format!("no {beginning}"),
        );
        all
    }

    /// How often the watchdog is fed in that time.
    fn fed(&self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut fed = 0;
        while Instant::now() < end {
            fed += usize::from(self.heard().as_deref() == Some("WATCHDOG=1"));
        }
        fed
    }
}

fn tell_all(manager: &Manager, directory: &Path, port: u16) {
    let output = directory.join("summaries");
    let mut daemon = manager.start(port, &output, Duration::from_secs(1));
    assert_eq!(manager.hear("READY=1"), ["READY=1"], "nothing before it");
    // Its ring is open: what comes now is counted.
    let mut client = Client::connect(port);
    client.increment(25);
    manager.hear("WATCHDOG=1");
    let status = manager.hear("STATUS=").pop().unwrap();
    assert!(status.starts_with("STATUS=watching lo: "), "{status}");
    daemon.tell(Signal::SIGHUP);
    let reloading = manager.hear("RELOADING=1").pop().unwrap();
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(micros.parse::<u64>().unwrap() > 0);
    manager.hear("READY=1");
    client.increment(5);
    daemon.tell(Signal::SIGTERM);
    manager.hear("STOPPING=1");
    assert_eq!(daemon.ended().0, Some(0));
    assert_eq!(requests(&lines(&output)), 30);
}

#[test]
fn systemd_is_told_of_every_step_by_path_and_by_abstract_name() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    for (name, manager) in [
        ("path", Manager::at_path(directory.path())),
        ("abstract", Manager::abstract_one()),
    ] {
        let folder = directory.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        tell_all(&manager, &folder, port);
    }
}

/// Stops one thread of a process, the others go on.
pub(super) struct Stopped(i32);

impl Stopped {
    pub(super) fn stop(thread: u32) -> Self {
        let thread = thread.cast_signed();
        // SAFETY: neither request reads or writes memory of this process.
        let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, thread, 0, 0) };
        assert_eq!(seized, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: as above.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, thread, 0, 0) }, 0);
        // SAFETY: no status is asked for.
        assert_eq!(
            unsafe { libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL) },
            thread
        );
        Self(thread)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // SAFETY: no memory is involved.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, 0, 0) };
    }
}

#[test]
fn the_watchdog_is_fed_by_the_capture_loop_alone() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_server, port)) = redis(directory.path()) else {
        return;
    };
    let manager = Manager::at_path(directory.path());
    let output = directory.path().join("summaries");
    let mut daemon = manager.start(port, &output, Duration::from_millis(400));
    manager.hear("WATCHDOG=1");
    {
        let _capture_loop = Stopped::stop(daemon.0.id());
        while manager.heard().is_some() {}
        assert_eq!(manager.fed(Duration::from_secs(2)), 0);
        let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.0.id())).unwrap();
        assert!(threads.count() > 2, "the others live");
    }
    manager.hear("WATCHDOG=1");
    daemon.tell(Signal::SIGTERM);
    assert_eq!(daemon.ended().0, Some(0));
}
