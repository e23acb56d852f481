//! [`Endpoint`] and [`System`] in JSON.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::packet::Endpoint;
use crate::protocol::System;

/// `address:port`, the port after the last colon; unlike in print, IPv6 has no brackets (`docs/decisions/0030`).
impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", self.address, self.port))
    }
}

/// Takes IPv6 in brackets as well.
impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        endpoint(&text).ok_or_else(|| D::Error::custom(format_args!("`{text}` is no address:port")))
    }
}

fn endpoint(text: &str) -> Option<Endpoint> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.into());
    }
    let (address, port) = text.rsplit_once(':')?;
    Some(Endpoint::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?))
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An address and a TCP port: what stands after the last colon.",
            "examples": ["10.0.0.5:5432", "::1:5432"]
        })
    }
}

/// Every system that has a name in JSON.
const SYSTEMS: [System; 11] = [
    System::Postgresql,
    System::Mysql,
    System::Mariadb,
    System::Redis,
    System::Http,
    System::Mongodb,
    System::Memcached,
    System::Cassandra,
    System::Mssql,
    System::Oracle,
    System::Unknown,
];

/// Stops the build where a system has no place in [`SYSTEMS`].
const _: fn(System) -> usize = |system| match system {
    System::Postgresql => 0,
    System::Mysql => 1,
    System::Mariadb => 2,
    System::Redis => 3,
    System::Http => 4,
    System::Mongodb => 5,
    System::Memcached => 6,
    System::Cassandra => 7,
    System::Mssql => 8,
    System::Oracle => 9,
    System::Unknown => 10,
};

impl Serialize for System {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A name of a later version reads as [`System::Unknown`].
impl<'de> Deserialize<'de> for System {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Ok(SYSTEMS
            .into_iter()
            .find(|system| system.name() == name)
            .unwrap_or(Self::Unknown))
    }
}

impl JsonSchema for System {
    fn schema_name() -> Cow<'static, str> {
        "System".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The database system spoken, named as OpenTelemetry's db.system.name does; \
                            \"unknown\" for TLS and protocols that are not recognised.",
            "examples": SYSTEMS.map(System::name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_as_they_are_written() {
        for text in ["\"10.0.0.5:5432\"", "\"::1:5432\"", "\"2001:db8::5:65535\""] {
            let endpoint: Endpoint = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&endpoint).unwrap(), text);
        }
    }

    #[test]
    fn endpoints_in_brackets_are_read_too() {
        let endpoint: Endpoint = serde_json::from_str("\"[::1]:51122\"").unwrap();
        assert_eq!(endpoint.to_string(), "[::1]:51122");
        assert_eq!(serde_json::to_string(&endpoint).unwrap(), "\"::1:51122\"");
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "localhost:5432",
            "10.0.0.5",
            "::1:65536",
            "::1:",
            ":5432",
            "fe80::1%eth0:5432",
        ] {
            assert!(
                serde_json::from_str::<Endpoint>(&format!("\"{text}\"")).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn systems_read_as_they_print() {
        for system in SYSTEMS {
            let json = serde_json::to_string(&system).unwrap();
            assert_eq!(serde_json::from_str::<System>(&json).unwrap(), system);
        }
        assert_eq!(
            serde_json::from_str::<System>("\"later\"").unwrap(),
            System::Unknown
        );
    }
}
