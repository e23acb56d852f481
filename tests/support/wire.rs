//! A second link between the two hosts, through a wire that loses and delays on purpose; and more addresses.

use super::lab::{Lab, ip, succeed};

/// What passes as it would on a real wire: one packet a frame, its checksum complete.
const PLAIN: [&str; 10] = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"];

impl Lab {
    /// Joins `eth1` of both hosts, 10.9.1.1 and 10.9.1.2, by a wire with these `rules` (`wire.py` says what they mean).
    pub fn add_wire(&mut self, rules: &[&str]) {
        let (app, db, wire) = (self.app(), self.db(), self.wire_name());
        ip(&format!("netns add {wire}"));
        self.wire = Some(wire.clone());
        for (host, address, port) in [(&app, "10.9.1.1/24", "near"), (&db, "10.9.1.2/24", "far")] {
            ip(&format!(
                "-n {host} link add eth1 type veth peer name {port} netns {wire}"
            ));
            ip(&format!("-n {host} address add {address} dev eth1"));
            for (namespace, name) in [(host, "eth1"), (&wire, port)] {
                ip(&format!("-n {namespace} link set {name} up"));
                succeed(
                    &[
                        &["ip", "netns", "exec", namespace, "ethtool", "-K", name],
                        &PLAIN[..],
                    ]
                    .concat(),
                );
            }
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/wire.py");
        let line = [&["/usr/bin/python3", script, "near", "far"], rules].concat();
        self.start_in(&wire, &line, "wire.log");
    }

    /// Gives the database's host more addresses: 10.9.0.x on `eth0`, 10.9.1.x on `eth1`.
    pub fn add_addresses<'a>(&self, addresses: impl Iterator<Item = &'a str>) {
        let known = ["10.9.0.2", "10.9.1.2"];
        for address in addresses.filter(|address| !known.contains(address)) {
            let link = if address.starts_with("10.9.1.") {
                "eth1"
            } else {
                "eth0"
            };
            ip(&format!("-n {} address add {address}/24 dev {link}", self.db()));
        }
    }

    /// How many connections may wait to be accepted, at servers of the database's host that start from now on.
    pub fn set_longest_queue(&self, length: u32) {
        let setting = format!("net.core.somaxconn={length}");
        let done = Self::command(&self.db(), &["sysctl", "-q", "-w", &setting])
            .status()
            .unwrap();
        assert!(done.success(), "{setting}");
    }

    fn wire_name(&self) -> String {
        self.app().replace('a', "w")
    }
}
