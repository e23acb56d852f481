//! The listening socket, opened while the process may still do so.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::sys::stat::{Mode, umask};
use tokio::net;

use super::Listen;

/// Owner and group may connect to a Unix socket, nobody else.
const KEPT_FROM: Mode = Mode::from_bits_truncate(0o117);

/// Why an address can't be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error("cannot listen on {0}: the address is in use")]
    InUse(Listen),
    /// The path is a file or folder.
    #[error("cannot listen on {0}: there is something there that is no socket")]
    NoSocket(Listen),
    /// Whatever the kernel says.
    #[error("cannot listen on {0}: {1}")]
    System(Listen, io::Error),
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Listens on `address`. A Unix socket that a process left behind is replaced; one that somebody serves is not.
    pub fn open(address: &Listen) -> Result<Self, ListenError> {
        match address {
            Listen::Tcp(socket) => TcpListener::bind(socket).map(Self::Tcp),
            Listen::Unix(path) => {
                clear(path, address)?;
                bind(path).map(Self::Unix)
            }
        }
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address.clone()),
            _ => ListenError::System(address.clone(), error),
        })
    }

    /// For the runtime that is entered now.
    pub(super) fn into_tokio(self) -> io::Result<Accepting> {
        match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                net::TcpListener::from_std(listener).map(Accepting::Tcp)
            }
            Self::Unix(listener) => {
                listener.set_nonblocking(true)?;
                net::UnixListener::from_std(listener).map(Accepting::Unix)
            }
        }
    }
}

/// The same in a runtime.
pub(super) enum Accepting {
    Tcp(net::TcpListener),
    Unix(net::UnixListener),
}

/// Removes a socket that nobody serves any more.
fn clear(path: &Path, address: &Listen) -> Result<(), ListenError> {
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !there.file_type().is_socket() {
        return Err(ListenError::NoSocket(address.clone()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| ListenError::System(address.clone(), error))
        }
        _ => Err(ListenError::InUse(address.clone())),
    }
}

/// Its permissions hold from its first moment.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let before = umask(KEPT_FROM);
    let bound = UnixListener::bind(path);
    umask(before);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_socket_left_behind_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http");
        let address = Listen::Unix(path.clone());
        drop(Listener::open(&address).unwrap());
        assert!(path.exists(), "left behind");
        let _serving = Listener::open(&address).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(matches!(Listener::open(&address), Err(ListenError::InUse(_))));
    }

    #[test]
    fn files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        fs::write(&path, "data").unwrap();
        let error = Listener::open(&Listen::Unix(path.clone())).unwrap_err();
        assert!(error.to_string().ends_with("is no socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"data");
        let error = Listener::open(&Listen::Unix(folder.path().join("no/such"))).unwrap_err();
        assert!(matches!(error, ListenError::System(..)), "{error}");
    }

    #[test]
    fn an_address_in_use_is_said() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Listen::Tcp(other.local_addr().unwrap());
        let error = Listener::open(&address).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {address}: the address is in use")
        );
    }
}
