//! Where the daemon serves.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the daemon serves: `127.0.0.1:9764`, `[::1]:9764` or `unix:/run/sockhound/http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Whether hosts other than this one can reach it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => {
                Err("the path of a Unix socket must be absolute, as unix:/run/sockhound/http".to_owned())
            }
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "an address and port is wanted, as 127.0.0.1:9764, or unix:/path".to_owned()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_print() {
        for (text, public) in [
            ("127.0.0.1:9764", false),
            ("[::1]:9764", false),
            ("[::ffff:127.0.0.1]:9764", false),
            ("0.0.0.0:9764", true),
            ("[2001:db8::1]:9764", true),
            ("unix:/run/sockhound/http", false),
        ] {
            let address: Listen = text.parse().unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.is_public()),
                (text, public)
            );
        }
        for bad in [
            "9764",
            ":9764",
            "localhost:9764",
            "unix:x",
            "unix:",
            "",
            "127.0.0.1:99999",
        ] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
