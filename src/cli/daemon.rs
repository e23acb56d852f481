//! `sockhound daemon`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::live;
use super::options::Options;
use super::plan;
use super::settings::{Mode, Settings};
use crate::clock::{Span, Timestamp};
use crate::daemon::journal::Priority;
use crate::daemon::lines::{Ending, Lines};
use crate::daemon::{
    Aggregator, Collector, Destination, Files, FrameSpool, Inventories, Journal, LineSpool, Outputs, Pusher,
    Reload, Signals, Spool, Watchman, Work,
};
use crate::host::sandbox::{self, Entered, Policy, Privilege};
use crate::host::{self, Notifier};
use crate::metrics::serve::{Listen, ListenError, Listener};
use crate::metrics::{self, Operations, Shared, otlp};
use crate::packet::Endpoint;
use crate::watch::ExchangeWriter;
use crate::watch::live::Live;

/// Watches until told to end, by what `flags`, the environment and the configuration file say.
pub fn run(flags: &Options) -> Result<(), Failure> {
    let settings = Settings::resolve(flags.clone(), Mode::Daemon)?;
    let collector = collector(&settings)?;
    let notifier = Notifier::from_environment()?;
    let sources = live::open(&settings)?;
    // Frames are gathered from here on, and counted from here on.
    let start = host::now();
    let outputs = open_outputs(&settings)?;
    let opened = Opened::open(&settings)?;
    let listener = settings.listen.as_ref().map(listen).transpose()?;
    let signals = Signals::listen()?;
    let config = flags.config.clone().or_else(config_of_environment);
    // No other thread runs yet: what is given up here, all threads have given up.
    let entered = sandbox::enter(&policy(&settings, config.as_deref()));
    let shared = Shared::default();
    let operations = shared.operations().clone();
    let journal = Journal::start_counting(operations.lost_messages.clone())?;
    tell(&entered, &journal);
    let (files, exchanges) = opened.start(&journal, &operations)?;
    expect(&shared, &settings, start);
    let aggregator = aggregator(&settings, listener, collector, (shared, &journal))?;
    let mut session = plan::session_with(plan::endless(&settings), exchanges);
    session.watch_from(start);
    let live = Live::start(sources, &mut session)?;
    let work = Work {
        session,
        files,
        inventories: Inventories::start(live::collector(&settings), operations.inventories)?,
        outputs: Outputs::start(outputs, &journal, &operations.summaries)?,
        aggregator,
        journal,
        signals,
        notifier,
        reloads: operations.reloads,
    };
    let mut read_again = || read_again(flags, &settings);
    let times = (start, Span::from(settings.interval));
    let watchman = Watchman::new(live, work, times, &mut read_again);
    watchman.watch().map_err(live::failure)
}

fn collector(settings: &Settings) -> Result<Option<Collector>, Failure> {
    let collector = settings.otlp.as_deref().map(Collector::at).transpose();
    collector.map_err(|bad| Failure::new(Exit::Config, bad))
}

/// Servers that are named with their address are in the metrics from the first moment, all zero.
fn expect(shared: &Shared, settings: &Settings, since: Timestamp) {
    for target in plan::targets(settings) {
        if let (Some(address), Some(system)) = (target.address, target.system) {
            shared.expect(Endpoint::new(address, target.port), system, since);
        }
    }
}

/// Adds summaries up where anybody wants to know: scrapers, a collector.
fn aggregator(
    settings: &Settings,
    listener: Option<Listener>,
    collector: Option<Collector>,
    (shared, journal): (Shared, &Journal),
) -> Result<Option<Aggregator>, Failure> {
    if listener.is_none() && collector.is_none() {
        return Ok(None);
    }
    if let Some(listener) = listener {
        serve(listener, settings, &shared, journal)?;
    }
    let pusher = collector
        .map(|collector| pusher(collector, &shared, journal))
        .transpose()?;
    Ok(Some(Aggregator::start(shared, pusher)?))
}

/// Pushes what summaries come to.
fn pusher(collector: Collector, shared: &Shared, journal: &Journal) -> std::io::Result<Pusher> {
    let drawn = shared.clone();
    let draw = move || drawn.read(|totals| otlp::encoded(totals, drawn.operations()));
    Pusher::start(
        collector,
        Box::new(draw),
        shared.operations().pushes.clone(),
        journal.clone(),
    )
}

fn open_outputs(settings: &Settings) -> Result<Vec<(Lines, Destination)>, Failure> {
    let outputs = settings.outputs.iter().cloned();
    outputs.map(|output| open(output, Ending::Line)).collect()
}

fn open(destination: Destination, ending: Ending) -> Result<(Lines, Destination), Failure> {
    match Lines::open_as(&destination, ending) {
        Ok(lines) => Ok((lines, destination)),
        Err(error) => {
            let path = destination.path().unwrap_or(Path::new("-"));
            Err(Failure::output(path, error))
        }
    }
}

/// The files that grow with the traffic, open before anything is given up.
struct Opened {
    exchanges: Option<(Lines, Destination)>,
    frames: Option<(Lines, Destination)>,
}

impl Opened {
    /// Exchanges go on at the end of their file. Frames begin a new one, as they do in `capture`.
    fn open(settings: &Settings) -> Result<Self, Failure> {
        if let Some(path) = &settings.write {
            File::create(path).map_err(|error| Failure::output(path, error))?;
        }
        let open = |path: &PathBuf, ending| open(Destination::from(path.clone()), ending);
        let exchanges = settings.exchanges.as_ref().map(|path| open(path, Ending::Line));
        let frames = settings.write.as_ref().map(|path| open(path, Ending::Any));
        Ok(Self {
            exchanges: exchanges.transpose()?,
            frames: frames.transpose()?,
        })
    }

    /// Starts the threads that write them.
    fn start(
        self,
        journal: &Journal,
        operations: &Operations,
    ) -> std::io::Result<(Files, Option<ExchangeWriter>)> {
        let spool = |what, opened: Option<(Lines, Destination)>, ending| {
            let start = |(lines, destination)| Spool::start(what, lines, (destination, ending), journal);
            opened.map(start).transpose()
        };
        let lost = operations.lost_exchanges.clone();
        let exchanges = spool(("exchanges", lost), self.exchanges, Ending::Line)?;
        let lost = operations.lost_frames.clone();
        let frames = spool(("frames", lost), self.frames, Ending::Any)?;
        let writer = exchanges.clone().map(LineSpool::new);
        let files = Files {
            exchanges,
            frames: frames.map(FrameSpool::new).transpose()?,
        };
        Ok((files, writer.map(|lines| ExchangeWriter::new(Box::new(lines)))))
    }
}

fn config_of_environment() -> Option<PathBuf> {
    std::env::var_os("SOCKHOUND_CONFIG").map(PathBuf::from)
}

fn listen(address: &Listen) -> Result<Listener, Failure> {
    Listener::open(address).map_err(|error| {
        let exit = match &error {
            ListenError::InUse(_) => Exit::Failed,
            ListenError::System(_, cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            ListenError::System(..) | ListenError::NoSocket(_) => Exit::Config,
        };
        Failure::new(exit, error)
    })
}

/// Begins to serve what `shared` will hold.
fn serve(listener: Listener, settings: &Settings, shared: &Shared, journal: &Journal) -> std::io::Result<()> {
    if let Some(address) = &settings.listen {
        let line = format!("serving /metrics, /healthz and /summary on {address}");
        journal.say(Priority::Info, line);
        if address.is_public() {
            let line = format!("{address} can be reached from other hosts, by anyone and in clear text");
            journal.say(Priority::Warning, line);
        }
    }
    metrics::serve::start(listener, shared.clone())
}

/// What it keeps: capturing, and of finding owners what it was given.
fn policy(settings: &Settings, config: Option<&Path>) -> Policy {
    let look_into_processes = sandbox::effective().contains(&Privilege::LookIntoProcesses);
    let directory = |file: &Path| {
        let parent = file.parent().filter(|it| !it.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    };
    let outputs = settings.outputs.iter().filter_map(Destination::path);
    let files = [&settings.exchanges, &settings.write];
    let files = files.into_iter().flatten().map(PathBuf::as_path);
    Policy {
        user: None,
        keep: Privilege::ALL.to_vec(),
        look_into_processes,
        read: config.map(directory).into_iter().collect(),
        write: outputs
            .chain(files)
            .filter(|it| *it != Path::new("-"))
            .map(directory)
            .collect(),
    }
}

fn tell(entered: &Entered, journal: &Journal) {
    for (step, why) in &entered.refused {
        let line = format!("running without one restriction: {step}: {why}");
        journal.say(Priority::Info, line);
    }
}

/// Reads the configuration again. What needs new rings or files takes a restart.
fn read_again(flags: &Options, before: &Settings) -> Result<Reload, String> {
    let read = Settings::resolve(flags.clone(), Mode::Daemon);
    let settings = read.map_err(|failure| failure.to_string())?;
    collector(&settings).map_err(|failure| failure.to_string())?;
    let plan = plan::endless(&settings);
    Ok(Reload {
        interval: settings.interval.into(),
        profile: plan.profile,
        connections: plan.connections,
        outputs: settings.outputs.clone(),
        ignored: ignored(before, &settings),
    })
}

/// What is other now and takes a restart. Every setting is here: one that is new must be said to be either.
fn ignored(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let Settings {
        interfaces,
        targets,
        exchanges,
        write,
        max_connections,
        max_statements,
        max_memory,
        listen,
        otlp,
        show_literals,
        // What a reload changes.
        interval: _,
        idle_after: _,
        transaction_idle_after: _,
        headroom: _,
        outputs: _,
        connections: _,
        // What a daemon has no use for.
        duration: _,
        format: _,
    } = before;
    let other = [
        ("interface", *interfaces != after.interfaces),
        ("target", *targets != after.targets),
        ("exchanges", *exchanges != after.exchanges),
        ("write", *write != after.write),
        ("max-connections", *max_connections != after.max_connections),
        ("max-statements", *max_statements != after.max_statements),
        ("max-memory", *max_memory != after.max_memory),
        ("listen", *listen != after.listen),
        ("otlp", *otlp != after.otlp),
        ("show-literals", *show_literals != after.show_literals),
    ];
    let other = other.into_iter().filter(|(_, other)| *other);
    other.map(|(option, _)| option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_behind_tls_is_refused() {
        let mut settings = Settings::defaults(Mode::Daemon).unwrap();
        assert!(collector(&settings).unwrap().is_none());
        settings.otlp = Some("http://127.0.0.1:4318".to_owned());
        assert!(collector(&settings).unwrap().is_some());
        settings.otlp = Some("https://collector:4318".to_owned());
        assert_eq!(collector(&settings).unwrap_err().exit(), Exit::Config);
    }

    #[test]
    fn the_files_of_a_daemon_stay_open_to_it() {
        let mut settings = Settings::defaults(Mode::Daemon).unwrap();
        let file = Destination::File("/var/log/sockhound/summaries".into());
        settings.outputs = vec![Destination::Stdout, file];
        let policy = policy(&settings, Some(Path::new("sockhound.toml")));
        assert_eq!(policy.write, [PathBuf::from("/var/log/sockhound")]);
        assert_eq!(policy.read, [PathBuf::from(".")]);
    }

    /// Another value of every option, and whether a daemon takes it over without a restart.
    const OTHERS: [(&str, &str, bool); 18] = [
        ("interface", "eth7", false),
        ("target", ":7777", false),
        ("duration", "7s", true),
        ("interval", "7s", true),
        ("idle-after", "7s", true),
        ("transaction-idle-after", "7s", true),
        ("headroom", "77%", true),
        ("format", "html", true),
        ("output", "elsewhere", true),
        ("exchanges", "elsewhere", false),
        ("write", "elsewhere", false),
        ("connections", "all", true),
        ("max-connections", "77", false),
        ("max-statements", "77", false),
        ("max-memory", "77MiB", false),
        ("listen", "127.0.0.1:7777", false),
        ("otlp", "http://127.0.0.1:7777", false),
        ("show-literals", "true", false),
    ];

    #[test]
    fn what_takes_a_restart_is_said_of_every_option() {
        assert_eq!(OTHERS.map(|(option, ..)| option), super::super::options::KEYS);
        let before = Settings::defaults(Mode::Daemon).unwrap();
        assert_eq!(ignored(&before, &before), Vec::<&str>::new());
        for (option, value, taken_over) in OTHERS {
            let mut options = Options::default();
            options.set(option, &[value.to_owned()]).unwrap();
            let after = Settings::new(options, Mode::Daemon).unwrap();
            assert_ne!(before, after, "{option}");
            let expected = if taken_over { vec![] } else { vec![option] };
            assert_eq!(ignored(&before, &after), expected, "{option}");
        }
    }
}
