//! The options that `capture`, `read`, `daemon` and `top` share, as one layer may give them: the command line, the
//! environment or the configuration file.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are the help text, which is no Markdown"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::target::TargetSpec;
use super::values::{Format, ListConnections, Listen, Percentage, Size, duration, otlp_url, positive};

/// What one layer says; `None` leaves it to the layer below.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Read more options from FILE (TOML, the same names as here). Flags win over SOCKHOUND_* environment
    /// variables (SOCKHOUND_IDLE_AFTER=90s), these over the file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Watch this interface, or `any`; repeatable [default: every interface that is up]
    #[arg(short, long, value_name = "NAME")]
    pub interface: Option<Vec<String>>,
    /// Watch this database: postgresql://10.0.0.5:6432, mysql://:3307, redis://cache, :6432; repeatable
    /// [default: the well-known ports of every supported protocol]
    #[arg(short, long)]
    pub target: Option<Vec<TargetSpec>>,
    /// Watch for this long (`capture`, `top`) [default: 10s; `top` without end]
    #[arg(short, long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Write one summary every so often (`daemon`) [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// No useful work for this long makes a connection a candidate for hoarding [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub idle_after: Option<Duration>,
    /// Flag an open transaction that is silent for this long [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub transaction_idle_after: Option<Duration>,
    /// Spare connections that a pool may keep above its peak demand, at least 1 [default: 10%]
    #[arg(long, value_name = "PERCENT")]
    pub headroom: Option<Percentage>,
    /// Print the summary as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<Format>,
    /// Write the summary to FILE (`-` is standard output); repeatable, to write it to each [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<Vec<PathBuf>>,
    /// Write every request and its reply to FILE, one JSON object a line (`-` is standard output)
    #[arg(long, value_name = "FILE")]
    pub exchanges: Option<PathBuf>,
    /// Keep the watched frames in FILE as pcapng
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Which connections the summary lists [default: all; flagged for daemon]
    #[arg(long, value_name = "WHICH")]
    pub connections: Option<ListConnections>,
    /// Remember at most this many connections; the least valuable go first and are counted [default: 1000000]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    pub max_connections: Option<u64>,
    /// Remember at most this many statements; the least valuable go first and are counted [default: 10000]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    pub max_statements: Option<u64>,
    /// Use at most this much memory for connections, statements and bytes in flight [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<Size>,
    /// Serve /metrics, /healthz and /summary here (`daemon`): 127.0.0.1:9764 or unix:/run/sockhound/http
    /// [default: off]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Listen>,
    /// Push metrics by OTLP to this URL (`daemon`) [default: off]
    #[arg(long, value_name = "URL", value_parser = otlp_url)]
    pub otlp: Option<String>,
    /// Show statement text as it was on the wire, secrets and all [default: every literal becomes ?]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub show_literals: Option<bool>,
}

/// The name of every option that the environment and the file may give.
pub(super) const KEYS: [&str; 18] = [
    "interface",
    "target",
    "duration",
    "interval",
    "idle-after",
    "transaction-idle-after",
    "headroom",
    "format",
    "output",
    "exchanges",
    "write",
    "connections",
    "max-connections",
    "max-statements",
    "max-memory",
    "listen",
    "otlp",
    "show-literals",
];

impl Options {
    /// Sets the option called `key` from its value's text; a list has several.
    pub(super) fn set(&mut self, key: &str, values: &[String]) -> Result<(), String> {
        match key {
            "interface" => self.interface = Some(values.to_vec()),
            "target" => self.target = Some(each(values)?),
            "duration" => self.duration = Some(duration(one(values)?)?),
            "interval" => self.interval = Some(duration(one(values)?)?),
            "idle-after" => self.idle_after = Some(duration(one(values)?)?),
            "transaction-idle-after" => self.transaction_idle_after = Some(duration(one(values)?)?),
            "headroom" => self.headroom = Some(one(values)?.parse()?),
            "format" => self.format = Some(named(one(values)?)?),
            "output" => self.output = Some(some(values)?.iter().map(PathBuf::from).collect()),
            "exchanges" => self.exchanges = Some(one(values)?.into()),
            "write" => self.write = Some(one(values)?.into()),
            "connections" => self.connections = Some(named(one(values)?)?),
            "max-connections" => self.max_connections = Some(positive(one(values)?)?),
            "max-statements" => self.max_statements = Some(positive(one(values)?)?),
            "max-memory" => self.max_memory = Some(one(values)?.parse()?),
            "listen" => self.listen = Some(one(values)?.parse()?),
            "otlp" => self.otlp = Some(otlp_url(one(values)?)?),
            "show-literals" => self.show_literals = Some(yes_or_no(one(values)?)?),
            _ => return Err("there is no such option".to_owned()),
        }
        Ok(())
    }

    /// What this layer says, and where it is silent, what `below` says.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            config: self.config.or(below.config),
            interface: self.interface.or(below.interface),
            target: self.target.or(below.target),
            duration: self.duration.or(below.duration),
            interval: self.interval.or(below.interval),
            idle_after: self.idle_after.or(below.idle_after),
            transaction_idle_after: self.transaction_idle_after.or(below.transaction_idle_after),
            headroom: self.headroom.or(below.headroom),
            format: self.format.or(below.format),
            output: self.output.or(below.output),
            exchanges: self.exchanges.or(below.exchanges),
            write: self.write.or(below.write),
            connections: self.connections.or(below.connections),
            max_connections: self.max_connections.or(below.max_connections),
            max_statements: self.max_statements.or(below.max_statements),
            max_memory: self.max_memory.or(below.max_memory),
            listen: self.listen.or(below.listen),
            otlp: self.otlp.or(below.otlp),
            show_literals: self.show_literals.or(below.show_literals),
        }
    }
}

fn one(values: &[String]) -> Result<&str, String> {
    match values {
        [value] => Ok(value),
        _ => Err("one value is wanted, not a list".to_owned()),
    }
}

fn some(values: &[String]) -> Result<&[String], String> {
    match values {
        [] => Err("one value or more is wanted".to_owned()),
        _ => Ok(values),
    }
}

fn each(values: &[String]) -> Result<Vec<TargetSpec>, String> {
    values.iter().map(|value| value.parse()).collect()
}

fn named<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let names = T::value_variants().iter().filter_map(T::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
        format!("one of {} is wanted", names.join(", "))
    })
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("true or false is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_can_be_set_by_the_other_layers() {
        let command = Options::augment_args(clap::Command::new("x"));
        let flags: Vec<_> = command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .collect();
        assert_eq!(flags[0], "config", "the only one that is not");
        assert_eq!(flags[1..], KEYS);
        for key in KEYS {
            let error = Options::default().set(key, &["\u{0}".to_owned()]).err();
            assert_ne!(error.as_deref(), Some("there is no such option"), "{key}");
        }
    }

    #[test]
    fn the_upper_layer_wins() {
        let mut upper = Options::default();
        let mut lower = Options::default();
        upper.set("idle-after", &["5s".to_owned()]).unwrap();
        lower.set("idle-after", &["9s".to_owned()]).unwrap();
        lower.set("format", &["json".to_owned()]).unwrap();
        let both = upper.over(lower);
        assert_eq!(both.idle_after, Some(Duration::from_secs(5)));
        assert_eq!(both.format, Some(Format::Json));
    }
}
