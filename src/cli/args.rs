//! What may be typed: the commands and their arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use super::options::Options;
use super::target::TargetSpec;
use super::values::{Format, duration};

/// Watch the traffic between applications and their databases
///
/// sockhound says how long requests to databases take, which connections are hoarded, and what to do about it. It
/// reads packets, live or from capture files; neither application nor database is touched.
#[derive(Debug, Parser)]
#[command(
    name = "sockhound",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(
    max_term_width = 100,
    after_help = "Try `sockhound demo` first; it needs no database and no root."
)]
pub struct Arguments {
    /// Colour the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch live for a while, then print one summary (Ctrl-C ends early and still prints it)
    Capture(Options),
    /// Print the same summary from capture files
    Read(ReadArguments),
    /// Watch for ever and print one summary line every interval
    Daemon(Options),
    /// List the kernel's connections to databases now, without capturing
    Sockets(SocketsArguments),
    /// Watch live on the terminal
    Top(Options),
    /// Show what changed between two summaries
    Compare(CompareArguments),
    /// Make one summary of many
    Merge(MergeArguments),
    /// See it all work on this machine, with no database and no root
    Demo(DemoArguments),
    /// Say what this host permits, and what mends the rest
    Doctor(DoctorArguments),
    /// Print the JSON Schema of summaries or exchanges
    Schema(SchemaArguments),
    /// Print the completions of a shell
    Completions(CompletionsArguments),
    /// Print the manual page, or write one page for each command
    Man(ManArguments),
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it hold for all output from here on.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Arguments of `read`.
#[derive(Args, Debug)]
pub struct ReadArguments {
    /// pcap or pcapng files, plain or compressed by gzip or zstd; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What to look for and how to print it.
    #[command(flatten)]
    pub options: Options,
}

/// Arguments of `sockets`.
#[derive(Args, Clone, Debug)]
pub struct SocketsArguments {
    /// Only connections to this database; repeatable [default: the well-known ports of every supported protocol]
    #[arg(short, long)]
    pub target: Vec<TargetSpec>,
    /// Only connections on which no data went for this long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub idle_after: Option<Duration>,
    /// Sort by this
    #[arg(long, value_name = "COLUMN", default_value = "idle")]
    pub sort: SocketsOrder,
    /// Print it as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<TextOrJson>,
    /// Write to FILE [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What `sockets` sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SocketsOrder {
    /// Longest idle first
    Idle,
    /// Oldest first
    Age,
    /// By the server's address
    Server,
    /// By the client's address
    Client,
    /// By process, unit or container
    Owner,
    /// By state
    State,
}

/// How a command that draws no page prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people at a terminal
    Text,
    /// For programs
    Json,
}

impl TextOrJson {
    /// What was asked for, or text on a terminal and JSON elsewhere.
    #[must_use]
    pub fn or_default(asked: Option<Self>, to_file: bool) -> Self {
        asked.unwrap_or_else(|| match super::settings::default_format(to_file) {
            Format::Text => Self::Text,
            Format::Json | Format::Html => Self::Json,
        })
    }
}

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArguments {
    /// The summary before the change (JSON, or NDJSON lines that are merged first); `-` is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub before: PathBuf,
    /// The summary after the change
    #[arg(value_hint = ValueHint::FilePath)]
    pub after: PathBuf,
    /// Print it as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<TextOrJson>,
    /// Write to FILE [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `merge`.
#[derive(Args, Debug)]
pub struct MergeArguments {
    /// Summaries (JSON, or NDJSON with one a line); `-` is standard input
    #[arg(required = true, value_name = "SUMMARY", value_hint = ValueHint::FilePath)]
    pub summaries: Vec<PathBuf>,
    /// Print it as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<Format>,
    /// Write to FILE [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArguments {
    /// Use the recorded capture even where raw sockets are allowed
    #[arg(long)]
    pub recorded: bool,
    /// Record what is watched to this folder, as the recordings that sockhound ships were made
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
    /// Print it as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<TextOrJson>,
}

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArguments {
    /// Ask about this interface, or `any`; repeatable [default: every interface that is up]
    #[arg(short, long, value_name = "NAME")]
    pub interface: Vec<String>,
    /// Print it as this [default: text on a terminal, json elsewhere]
    #[arg(short, long)]
    pub format: Option<TextOrJson>,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArguments {
    /// Of what
    #[arg(value_name = "MODEL", default_value = "summary")]
    pub model: Model,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// The summary of `capture`, `read`, `daemon` and `merge`
    Summary,
    /// A line of `--exchanges`
    Exchange,
    /// What `compare` finds
    Comparison,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArguments {
    /// Write one page for each command into this directory
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn read_takes_files_and_options_in_any_order() {
        let arguments = Arguments::try_parse_from([
            "sockhound",
            "read",
            "--show-literals",
            "a.pcap",
            "-t",
            "6432",
            "-",
        ]);
        let Command::Read(read) = arguments.unwrap().command else {
            panic!("not read")
        };
        assert_eq!(read.files.len(), 2);
        assert_eq!(read.options.show_literals, Some(true));
        assert_eq!(read.options.target.unwrap().len(), 1);
    }
}
