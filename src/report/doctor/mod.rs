//! What this host permits, what will be missed, and the one command that mends each: what `sockhound doctor` prints.

mod checks;
mod text;

use schemars::JsonSchema;
use serde::Serialize;

use crate::host::permits::Permits;

pub use checks::checks;
pub use text::draw;

/// What was found out.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What files tell.
    pub permits: Permits,
    /// The path of this program.
    pub program: String,
    /// Whether capturing was tried and worked, or why not.
    pub capture: Capture,
    /// Why sockets have no details, in words and as the number of the error.
    pub sockets: Option<String>,
    /// Connections to databases that the kernel knows of.
    pub connections: usize,
    /// Those of them that never leave another network namespace.
    pub private_connections: usize,
    /// Other network namespaces.
    pub namespaces: usize,
    /// A process in one of them.
    pub namespace_pid: Option<u32>,
    /// The interfaces.
    pub interfaces: Vec<InterfaceLine>,
}

/// How capturing went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// It works.
    Works,
    /// `CAP_NET_RAW` is missing.
    NotPermitted,
    /// Something else, in words.
    Fails(String),
}

/// The doctor's report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// Which version of this model it is: `sockhound.doctor.v1`.
    pub schema: &'static str,
    /// This host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The version of sockhound that wrote it.
    pub version: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// The user it runs as.
    pub uid: u32,
    /// The capabilities of use that it has, as `setcap` names them.
    pub capabilities: Vec<&'static str>,
    /// What kind of container this is; absent on a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// One for each interface.
    pub interfaces: Vec<InterfaceLine>,
    /// What was checked, the worst first.
    pub checks: Vec<Check>,
}

/// An interface, and what of databases crosses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InterfaceLine {
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether it would be watched.
    pub watched: bool,
    /// Connections to databases that the kernel routes over it now.
    pub connections: usize,
    /// Whether it merges segments by itself; absent where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merges_segments: Option<bool>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    /// A stable name.
    pub code: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What will be missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// sockhound can't do its main job.
    Blocked,
    /// Something will be missed.
    Limited,
    /// All is well.
    Ok,
}

impl Diagnosis {
    /// What follows from the facts.
    #[must_use]
    pub fn new(facts: Facts, host: Option<String>) -> Self {
        let mut checks = checks(&facts);
        checks.sort_by_key(|check| check.verdict);
        Self {
            schema: "sockhound.doctor.v1",
            host,
            version: env!("CARGO_PKG_VERSION"),
            kernel: facts.permits.kernel,
            uid: facts.permits.uid,
            capabilities: facts.permits.privileges.iter().map(|it| it.name()).collect(),
            container: facts.permits.container,
            interfaces: facts.interfaces,
            checks,
        }
    }
}

#[cfg(test)]
mod tests;
