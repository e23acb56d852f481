//! Which databases to watch: `postgresql://10.0.0.5:6432`, `redis://cache:6379`, `:6432`, `6432`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs};
use std::str::FromStr;

use crate::packet::Endpoint;
use crate::protocol::System;
use crate::protocol::catalog::{self, CATALOG};

/// A database to watch, as written; a name is not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    system: Option<System>,
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Address(IpAddr),
    Name(String),
}

/// A database to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it speaks; `None` where that is to be recognised from the first bytes.
    pub system: Option<System>,
    /// Its addresses; empty for every host.
    pub addresses: Vec<IpAddr>,
    /// Its port; `None` for the well-known ports of `system`, or of every system where that is `None` too.
    pub port: Option<u16>,
    written: TargetSpec,
}

/// Why a target can't be watched.
#[derive(Debug, thiserror::Error)]
#[error("target {target}: the name {name} can't be resolved: {error}")]
pub struct Unresolved {
    target: TargetSpec,
    name: String,
    error: std::io::Error,
}

impl TargetSpec {
    /// Looks the name up, if it is one.
    pub fn resolve(self) -> Result<Target, Unresolved> {
        let addresses = match &self.host {
            Host::Any => Vec::new(),
            Host::Address(address) => vec![address.to_canonical()],
            Host::Name(name) => match addresses_of(name) {
                Ok(addresses) => addresses,
                Err(error) => {
                    return Err(Unresolved {
                        name: name.clone(),
                        target: self,
                        error,
                    });
                }
            },
        };
        Ok(Target {
            system: self.system,
            addresses,
            port: self.port,
            written: self,
        })
    }
}

fn addresses_of(name: &str) -> std::io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = (name, 0)
        .to_socket_addrs()?
        .map(|socket| socket.ip().to_canonical())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

impl Target {
    /// What it stands for: one for each of its addresses and ports.
    #[must_use]
    pub fn watched(&self) -> Vec<catalog::Target> {
        let well_known = || catalog::well_known_ports(self.system);
        let ports = self.port.map_or_else(well_known, |port| vec![port]);
        let somewhere = self.addresses.iter().copied().map(Some);
        let addresses: Vec<_> = if self.addresses.is_empty() {
            vec![None]
        } else {
            somewhere.collect()
        };
        let mut watched = Vec::new();
        for port in ports {
            let at = |&address| catalog::Target::new(self.system, address, port);
            watched.extend(addresses.iter().map(at));
        }
        watched
    }

    /// Whether the server at `endpoint` is meant, `well_known` telling the ports of this target's system.
    #[must_use]
    pub fn matches(&self, endpoint: Endpoint, well_known: &[u16]) -> bool {
        let port = self.port.map_or_else(
            || well_known.contains(&endpoint.port),
            |port| port == endpoint.port,
        );
        port && (self.addresses.is_empty() || self.addresses.contains(&endpoint.address))
    }
}

impl FromStr for TargetSpec {
    type Err = String;

    /// User, password and path of a URL are left out and never shown again.
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let system = scheme.map(system).transpose()?;
        let (host, port) = host_and_port(authority(rest))?;
        match system {
            None if host == Host::Any && port.is_none() => {
                Err("a target is wanted, as postgresql://10.0.0.5:5432, :6432 or 6432".to_owned())
            }
            Some(System::Unknown) if port.is_none() => Err("a port is wanted, as tls://:5433".to_owned()),
            _ => Ok(Self { system, host, port }),
        }
    }
}

fn system(scheme: &str) -> Result<System, String> {
    // Drivers write `postgresql+psycopg://` and `jdbc:mysql://`.
    let name = scheme
        .strip_prefix("jdbc:")
        .unwrap_or(scheme)
        .split('+')
        .next()
        .unwrap_or_default();
    catalog::system_of_scheme(name).ok_or_else(|| {
        let schemes = CATALOG.iter().flat_map(|row| row.schemes.iter().copied());
        let nearest = super::config::nearest(name, schemes);
        let hint = nearest
            .map(|name| format!(", did you mean {name}://?"))
            .unwrap_or_default();
        format!("{name}:// is no system that sockhound knows{hint}")
    })
}

fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn host_and_port(text: &str) -> Result<(Host, Option<u16>), String> {
    if let Some(inside) = text.strip_prefix('[') {
        let (address, rest) = inside
            .split_once(']')
            .ok_or("the bracket of the IPv6 address is not closed")?;
        let address = address
            .parse()
            .map_err(|_| format!("[{address}] is no IPv6 address"))?;
        let port = rest.strip_prefix(':').map(port).transpose()?;
        return if rest.is_empty() || port.is_some() {
            Ok((Host::Address(IpAddr::V6(address)), port))
        } else {
            Err(format!("{rest} follows the IPv6 address where a :port is wanted"))
        };
    }
    if text.matches(':').count() > 1 {
        return without_brackets(text);
    }
    match text.split_once(':') {
        Some((name, number)) => Ok((host(name)?, Some(port(number)?))),
        None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((Host::Any, Some(port(text)?)))
        }
        None => Ok((host(text)?, None)),
    }
}

/// `address:port` of IPv6 as JSON has it, where that is all it can be.
fn without_brackets(text: &str) -> Result<(Host, Option<u16>), String> {
    let whole = text.parse::<Ipv6Addr>().is_ok();
    let split = text
        .rsplit_once(':')
        .and_then(|(address, number)| Some((address.parse::<Ipv6Addr>().ok()?, port(number).ok()?)));
    match split {
        Some((address, port)) if !whole => Ok((Host::Address(IpAddr::V6(address)), Some(port))),
        Some((address, port)) => Err(format!(
            "an IPv6 address goes in brackets: [{address}]:{port} or [{text}]"
        )),
        None => Err(format!("an IPv6 address goes in brackets: [{text}]")),
    }
}

fn host(text: &str) -> Result<Host, String> {
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(address));
    }
    let plausible = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') || b >= 0x80;
    if text.bytes().all(plausible) {
        Ok(Host::Name(text.to_owned()))
    } else {
        Err(format!("{text} is no host name"))
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text} is no port (1 to 65535)")),
        Ok(port) => Ok(port),
    }
}

impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(system) = self.system {
            write!(f, "{}://", catalog::scheme_of_system(system))?;
        }
        match &self.host {
            Host::Any => {}
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Host::Address(address) => address.fmt(f)?,
            Host::Name(name) => f.write_str(name)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse::<TargetSpec>().unwrap().resolve().unwrap()
    }

    #[test]
    fn prints_what_was_meant() {
        for (written, meant) in [
            ("postgresql://10.0.0.5:6432", "postgresql://10.0.0.5:6432"),
            ("mysql://:3307", "mysql://:3307"),
            ("http://", "http://"),
            ("6432", ":6432"),
            (":6432", ":6432"),
            ("*:6432", ":6432"),
            ("10.0.0.5", "10.0.0.5"),
            ("[::1]:5432", "[::1]:5432"),
            ("valkey://[2001:db8::1]", "redis://[2001:db8::1]"),
            ("sqlserver://db", "mssql://db"),
            ("redis://::1:51122", "redis://[::1]:51122"),
            ("2001:db8:0:0:0:0:0:1:80", "[2001:db8::1]:80"),
        ] {
            assert_eq!(
                written.parse::<TargetSpec>().unwrap().to_string(),
                meant,
                "{written}"
            );
        }
    }

    #[test]
    fn a_password_is_never_kept() {
        let target = target("postgresql+psycopg://app:s3cr%40t@10.0.0.5:5432/shop?sslmode=require");
        assert_eq!(target.to_string(), "postgresql://10.0.0.5:5432");
        assert!(!format!("{target:?}").contains("s3cr"));
    }

    #[test]
    fn matches_address_and_port() {
        let at = |text: &str| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap());
        assert!(target(":6432").matches(at("10.0.0.5:6432"), &[]));
        assert!(target("10.0.0.5").matches(at("10.0.0.5:5432"), &[5432]));
        assert!(!target("10.0.0.5").matches(at("10.0.0.5:80"), &[5432]));
        assert!(!target("10.0.0.5:5432").matches(at("10.0.0.6:5432"), &[]));
        assert!(target("[::ffff:10.0.0.5]:5432").matches(at("10.0.0.5:5432"), &[]));
    }

    #[test]
    fn names_are_looked_up() {
        assert!(
            target("redis://localhost:6379")
                .addresses
                .iter()
                .all(IpAddr::is_loopback)
        );
        let error = "redis://no.such.host.invalid:1"
            .parse::<TargetSpec>()
            .unwrap()
            .resolve()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("target redis://no.such.host.invalid:1: the name"),
            "{error}"
        );
    }

    #[test]
    fn says_what_is_wrong() {
        for (bad, says) in [
            ("", "a target is wanted"),
            (":", "is no port"),
            ("tls://", "a port is wanted"),
            ("postgrsql://x:1", "did you mean postgresql://?"),
            ("ftp://x", "is no system"),
            ("::1", "in brackets: [::1]"),
            ("::1:5432", "in brackets: [::1]:5432 or [::1:5432]"),
            ("[::1", "not closed"),
            ("[::1]x", "a :port is wanted"),
            ("host:70000", "70000 is no port"),
            ("a b:1", "a b is no host name"),
        ] {
            let error = bad.parse::<TargetSpec>().unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}
