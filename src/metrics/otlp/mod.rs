//! The daemon's totals as an OpenTelemetry request: cumulative sums with their start, gauges, exponential histograms.
//!
//! ```text
//! mod          the request: who measures, and all metrics
//!   instruments  what is measured: name, unit, where it is in the totals
//!   points       data points out of rows
//!   attributes   what tells rows apart
//! ```
//!
//! Names follow OpenTelemetry's conventions for databases where these have one for what the wire tells (`db.client.*`); the others are those
//! of `/metrics` with dots.

mod attributes;
mod instruments;
mod points;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use crate::metrics::{Operations, Totals};
use attributes::text;
use points::{Drawing, Rows};

/// The version of the conventions that names and attributes follow.
const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.36.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// All there is to tell; `None` before the first interval has ended.
#[must_use]
pub fn request(totals: &Totals, operations: &Operations) -> Option<ExportMetricsServiceRequest> {
    let resource = ResourceMetrics {
        resource: Some(resource(totals)),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(scope()),
            metrics: metrics(totals, operations)?,
            schema_url: CONVENTIONS.to_owned(),
        }],
        schema_url: CONVENTIONS.to_owned(),
    };
    Some(ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    })
}

/// The same as it goes over the wire.
#[must_use]
pub fn encoded(totals: &Totals, operations: &Operations) -> Option<Vec<u8>> {
    request(totals, operations).map(|request| request.encode_to_vec())
}

fn resource(totals: &Totals) -> Resource {
    let host = totals.host().map(|host| text("host.name", host));
    let own = [
        text("service.name", "sockhound"),
        text("service.version", VERSION),
    ];
    Resource {
        attributes: own.into_iter().chain(host).collect(),
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "sockhound".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    }
}

fn metrics(totals: &Totals, operations: &Operations) -> Option<Vec<Metric>> {
    let mut drawing = Drawing::new(totals.start()?, totals.end()?);
    let services = Rows::of(&totals.services, drawing.start(), attributes::service);
    let pools = Rows::of(&totals.pools, drawing.start(), attributes::pool);
    let statements = Rows::of(&totals.statements, drawing.start(), attributes::statement);
    drawing.draw(instruments::STATEMENTS, &statements);
    drawing.draw(instruments::POOLS, &pools);
    drawing.draw(instruments::SERVICES, &services);
    drawing.draw(
        instruments::FINDINGS,
        &Rows::one(&totals.findings, drawing.start()),
    );
    drawing.draw(instruments::SOURCE, &Rows::one(&totals.source, drawing.start()));
    drawing.draw(instruments::TOTALS, &Rows::one(totals, drawing.start()));
    drawing.draw(instruments::OPERATIONS, &Rows::one(operations, drawing.start()));
    Some(drawing.done())
}

#[cfg(test)]
mod tests;
