//! Telling systemd how the service does (`sd_notify(3)`), over the socket that `NOTIFY_SOCKET` names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A line to systemd. Where the service was started by something else, telling does nothing.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Opens the line while the environment is at hand and the socket reachable: before privileges are dropped.
    ///
    /// # Errors
    /// Where `NOTIFY_SOCKET` is set to what is no socket address.
    pub fn from_environment() -> io::Result<Self> {
        let variable = std::env::var_os;
        let socket = variable("NOTIFY_SOCKET").map(|name| open(&name)).transpose()?;
        let watchdog = watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
        Ok(Self { socket, watchdog })
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// How often systemd wants to hear [`Notifier::alive`]: half of the time after which it restarts the service.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The service watches.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The capture loop goes round.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, line: &str) {
        let line = line.replace('\n', " ");
        self.tell(&format!("STATUS={line}"));
    }

    /// The configuration is being read again; [`Notifier::ready`] ends it. `Type=notify-reload` wants the time as well.
    pub fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
    }

    /// The service drains.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A manager that reads too slowly never stalls the service: what does not fit is lost.
    fn tell(&self, message: &str) {
        if let Some((socket, manager)) = &self.socket {
            let _ = socket.send_to_addr(message.as_bytes(), manager);
        }
    }
}

/// A path, or with a leading `@` a name in the abstract namespace.
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "NOTIFY_SOCKET is neither a path nor @name",
            ));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}

/// `sd_watchdog_enabled(3)`: the time counts only where the pid is ours or not said.
fn watchdog(micros: Option<OsString>, pid: Option<OsString>) -> Option<Duration> {
    let number = |value: OsString| value.to_str()?.parse::<u64>().ok();
    let is_ours = pid.is_none_or(|pid| number(pid) == Some(u64::from(std::process::id())));
    let micros = micros.and_then(number).filter(|&micros| is_ours && micros > 1)?;
    Some(Duration::from_micros(micros) / 2)
}

fn monotonic_micros() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |it| it.tv_sec() * 1_000_000 + it.tv_nsec() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(name: &OsStr) -> Notifier {
        let socket = Some(open(name).expect("an address"));
        Notifier {
            socket,
            watchdog: None,
        }
    }

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn every_message_reaches_a_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("bound");
        let notifier = connected(path.as_os_str());
        notifier.ready();
        notifier.alive();
        notifier.status("412 connections\nREADY=0");
        notifier.stopping();
        assert_eq!(heard(&manager), "READY=1");
        assert_eq!(heard(&manager), "WATCHDOG=1");
        assert_eq!(heard(&manager), "STATUS=412 connections READY=0");
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn reloading_tells_the_monotonic_time_to_an_abstract_socket() {
        let name = format!("sockhound-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("an address");
        let manager = UnixDatagram::bind_addr(&address).expect("bound");
        let before = monotonic_micros();
        connected(OsStr::new(&format!("@{name}"))).reloading();
        let message = heard(&manager);
        let micros = message
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .expect("both");
        assert!((before..=monotonic_micros()).contains(&micros.parse().expect("a number")));
    }

    #[test]
    fn a_manager_that_does_not_read_never_stalls() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).expect("bound");
        let notifier = connected(path.as_os_str());
        (0..10_000).for_each(|_| notifier.alive());
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let notifier = Notifier {
            socket: None,
            watchdog: None,
        };
        notifier.ready();
        assert!(!notifier.is_connected());
        assert!(open(OsStr::new("relative/path")).is_err());
        assert!(open(OsStr::new("")).is_err());
    }

    #[test]
    fn the_watchdog_wants_half_the_time_of_its_own_process() {
        let own = std::process::id().to_string();
        let of = |micros: &str, pid: Option<&str>| watchdog(Some(micros.into()), pid.map(Into::into));
        assert_eq!(of("10000000", None), Some(Duration::from_secs(5)));
        assert_eq!(of("10000000", Some(&own)), Some(Duration::from_secs(5)));
        assert_eq!(of("10000000", Some("1")), None);
        assert_eq!(of("soon", None), None);
        assert_eq!(of("0", None), None);
        assert_eq!(watchdog(None, None), None);
    }
}
