//! What tells rows apart, by the attributes of OpenTelemetry's registry where it has one.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use crate::metrics::{PoolKey, PoolTotals, ServiceTotals, StatementKey, StatementTotals};
use crate::packet::Endpoint;
use crate::protocol::System;

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Attributes whose value is not known are left out.
fn known<const N: usize>(pairs: [(&str, &str); N]) -> impl Iterator<Item = KeyValue> {
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| text(key, value))
}

/// What was counted of all that have no row of their own.
pub(super) fn others() -> Vec<KeyValue> {
    vec![text("sockhound.row", "other")]
}

pub(super) fn service(server: &Endpoint, row: &ServiceTotals) -> Vec<KeyValue> {
    of_server(*server, row.system)
}

fn of_server(server: Endpoint, system: Option<System>) -> Vec<KeyValue> {
    vec![
        text("db.system.name", system.unwrap_or(System::Unknown).name()),
        text("server.address", &server.address.to_string()),
        number("server.port", i64::from(server.port)),
    ]
}

/// The name of a pool is what the conventions propose where nobody named it: server and namespace.
pub(super) fn pool(key: &PoolKey, row: &PoolTotals) -> Vec<KeyValue> {
    let name = match key.database.as_str() {
        "" => key.server.to_string(),
        database => format!("{}/{database}", key.server),
    };
    let told = [
        ("db.client.connection.pool.name", name.as_str()),
        ("db.namespace", &key.database),
        ("sockhound.client", &key.client),
        ("sockhound.unit", &key.unit),
        ("sockhound.container", &key.container),
        ("sockhound.application", &key.application),
        ("sockhound.user", &key.user),
    ];
    let mut attributes = of_server(key.server, row.system);
    attributes.extend(known(told));
    attributes
}

pub(super) fn statement(key: &StatementKey, row: &StatementTotals) -> Vec<KeyValue> {
    let told = [
        ("db.query.summary", row.summary.as_str()),
        ("sockhound.statement", &key.id),
        ("sockhound.verb", &key.verb),
    ];
    let mut attributes = of_server(key.server, row.system);
    attributes.extend(known(told));
    attributes
}
