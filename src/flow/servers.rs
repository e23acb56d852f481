//! Which endpoints are database servers.

use std::net::IpAddr;

use crate::packet::Endpoint;

/// What a server looks like: a port, on one host or on any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The host; `None` stands for every host.
    pub address: Option<IpAddr>,
    /// The TCP port.
    pub port: u16,
}

impl Pattern {
    fn matches(&self, endpoint: Endpoint) -> bool {
        self.port == endpoint.port && self.address.is_none_or(|address| address == endpoint.address)
    }
}

/// The watched servers, looked up for every packet: a port that no pattern has costs one bit test.
#[derive(Clone, Debug)]
pub struct Servers {
    patterns: Vec<Pattern>,
    ports: Box<[u64; 1024]>,
}

impl Servers {
    /// Servers that match any of `patterns`; where several match, one with an address wins, then the first.
    #[must_use]
    pub fn new(patterns: Vec<Pattern>) -> Self {
        let mut ports = Box::new([0_u64; 1024]);
        for pattern in &patterns {
            ports[usize::from(pattern.port >> 6)] |= 1 << (pattern.port & 63);
        }
        Self { patterns, ports }
    }

    /// Whether any pattern has this port.
    #[inline]
    #[must_use]
    pub fn has_port(&self, port: u16) -> bool {
        self.ports[usize::from(port >> 6)] >> (port & 63) & 1 == 1
    }

    /// The index of the pattern that `endpoint` matches.
    #[must_use]
    pub fn find(&self, endpoint: Endpoint) -> Option<u16> {
        if !self.has_port(endpoint.port) {
            return None;
        }
        let exact = self
            .patterns
            .iter()
            .position(|p| p.address.is_some() && p.matches(endpoint));
        let found = exact.or_else(|| self.patterns.iter().position(|p| p.matches(endpoint)));
        found.and_then(|index| u16::try_from(index).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_pattern_with_an_address() {
        let host: IpAddr = "10.0.0.5".parse().unwrap();
        let servers = Servers::new(vec![
            Pattern {
                address: None,
                port: 5432,
            },
            Pattern {
                address: Some(host),
                port: 5432,
            },
        ]);
        assert_eq!(servers.find(Endpoint::new(host, 5432)), Some(1));
        assert_eq!(
            servers.find(Endpoint::new("10.0.0.6".parse().unwrap(), 5432)),
            Some(0)
        );
        assert_eq!(servers.find(Endpoint::new(host, 5433)), None);
    }
}
