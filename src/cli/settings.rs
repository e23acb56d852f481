//! What a watching command is to do: flags over environment over file over defaults.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use super::config;
use super::exit::{Exit, Failure};
use super::options::Options;
use super::target::{Target, TargetSpec};
use super::values::{Format, ListConnections, Listen, Percentage, Size};
use crate::clock::Span;
use crate::daemon::Destination;

/// Everything that a watching command needs to know, with nothing left to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Interfaces to watch; empty for every one that is up.
    pub interfaces: Vec<String>,
    /// Databases to watch; empty for the well-known ports of every supported protocol.
    pub targets: Vec<Target>,
    /// How long `capture` watches.
    pub duration: Duration,
    /// How often `daemon` writes a summary.
    pub interval: Duration,
    /// No useful work for this long makes a connection a candidate for hoarding.
    pub idle_after: Span,
    /// An open transaction silent for this long is flagged.
    pub transaction_idle_after: Span,
    /// Spare connections above a pool's peak demand, as a share of it; at least one connection.
    pub headroom: Percentage,
    /// How the summary is printed; `None` is text on a terminal and JSON elsewhere.
    pub format: Option<Format>,
    /// Where the summary goes: one at least, each once.
    pub outputs: Vec<Destination>,
    /// Where every exchange goes; `-` is standard output.
    pub exchanges: Option<PathBuf>,
    /// Where the watched frames go.
    pub write: Option<PathBuf>,
    /// Which connections the summary lists.
    pub connections: ListConnections,
    /// The most connections remembered.
    pub max_connections: u64,
    /// The most statements remembered.
    pub max_statements: u64,
    /// The most memory for connections, statements and bytes in flight.
    pub max_memory: Size,
    /// Where the daemon serves metrics.
    pub listen: Option<Listen>,
    /// Where the daemon pushes metrics.
    pub otlp: Option<String>,
    /// Whether statements are shown with their literals.
    pub show_literals: bool,
}

/// Which command asks; some defaults depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `capture`.
    Capture,
    /// `read`.
    Read,
    /// `daemon`.
    Daemon,
    /// `top`.
    Top,
}

impl Settings {
    /// From the command line's options, the environment, the configuration file that either names, and defaults.
    /// Names of targets are looked up here.
    pub fn resolve(flags: Options, mode: Mode) -> Result<Self, Failure> {
        let environment = config::environment(std::env::vars_os(), warn)?;
        let upper = flags.over(environment);
        let below = upper
            .config
            .as_deref()
            .map(config::file)
            .transpose()?
            .unwrap_or_default();
        Self::new(upper.over(below), mode)
    }

    /// All the defaults.
    pub fn defaults(mode: Mode) -> Result<Self, Failure> {
        Self::new(Options::default(), mode)
    }

    pub(super) fn new(given: Options, mode: Mode) -> Result<Self, Failure> {
        let seconds = |given: Option<Duration>, default| given.unwrap_or(Duration::from_secs(default));
        Ok(Self {
            interfaces: given.interface.unwrap_or_default(),
            targets: resolved(given.target.unwrap_or_default())?,
            duration: seconds(given.duration, 10),
            interval: seconds(given.interval, 10),
            idle_after: seconds(given.idle_after, 60).into(),
            transaction_idle_after: seconds(given.transaction_idle_after, 10).into(),
            headroom: given.headroom.unwrap_or(Percentage::from_share(0.1)),
            format: given.format,
            outputs: destinations(given.output.unwrap_or_default()),
            exchanges: given.exchanges,
            write: given.write,
            connections: given.connections.unwrap_or_else(|| default_connections(mode)),
            max_connections: given.max_connections.unwrap_or(1_000_000),
            max_statements: given.max_statements.unwrap_or(10_000),
            max_memory: given.max_memory.unwrap_or(Size::from_mebibytes(256)),
            listen: given.listen,
            otlp: given.otlp,
            show_literals: given.show_literals.unwrap_or(false),
        })
    }
}

/// Each once; standard output where none is given.
fn destinations(paths: Vec<PathBuf>) -> Vec<Destination> {
    let mut each = Vec::new();
    for destination in paths.into_iter().map(Destination::from) {
        if !each.contains(&destination) {
            each.push(destination);
        }
    }
    if each.is_empty() {
        each.push(Destination::Stdout);
    }
    each
}

/// Text for people, JSON for files and programs.
pub(super) fn default_format(to_file: bool) -> Format {
    if !to_file && std::io::stdout().is_terminal() {
        Format::Text
    } else {
        Format::Json
    }
}

const fn default_connections(mode: Mode) -> ListConnections {
    match mode {
        Mode::Capture | Mode::Read | Mode::Top => ListConnections::All,
        Mode::Daemon => ListConnections::Flagged,
    }
}

/// Looks the targets' names up.
pub(super) fn resolved(specs: Vec<TargetSpec>) -> Result<Vec<Target>, Failure> {
    let resolved: Result<Vec<Target>, _> = specs.into_iter().map(TargetSpec::resolve).collect();
    resolved.map_err(|error| Failure::new(Exit::Config, error).advice("give its address instead"))
}

fn warn(warning: &str) {
    use std::io::Write;
    // A warning that can't be said must not stop the watch.
    let _ = writeln!(anstream::stderr(), "sockhound: {warning}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = Settings::defaults(Mode::Capture).unwrap();
        assert_eq!(settings.duration, Duration::from_secs(10));
        assert_eq!(settings.idle_after, Span::from_secs(60));
        assert_eq!(settings.transaction_idle_after, Span::from_secs(10));
        assert!((settings.headroom.share() - 0.1).abs() < f64::EPSILON);
        assert_eq!(settings.connections, ListConnections::All);
        assert_eq!(
            Settings::defaults(Mode::Daemon).unwrap().connections,
            ListConnections::Flagged
        );
    }

    #[test]
    fn a_summary_goes_to_each_output_once() {
        let outputs = |given: &[&str]| {
            let options = Options {
                output: (!given.is_empty()).then(|| given.iter().map(PathBuf::from).collect()),
                ..Options::default()
            };
            Settings::new(options, Mode::Daemon).unwrap().outputs
        };
        let file = Destination::File("a".into());
        assert_eq!(outputs(&[]), [Destination::Stdout]);
        assert_eq!(
            outputs(&["-", "a", "-", "a"]),
            [Destination::Stdout, file.clone()]
        );
        assert_eq!(outputs(&["a"]), [file]);
    }

    #[test]
    fn a_target_that_nobody_knows_is_bad_configuration() {
        let mut options = Options::default();
        options
            .set("target", &["redis://no.such.host.invalid:1".to_owned()])
            .unwrap();
        let failure = Settings::new(options, Mode::Read).unwrap_err();
        assert_eq!(failure.exit(), Exit::Config);
        assert!(
            failure.to_string().contains("give its address instead"),
            "{failure}"
        );
    }
}
