//! `sockhound daemon`.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::live;
use super::options::Options;
use super::plan;
use super::settings::{Mode, Settings};
use crate::clock::Span;
use crate::daemon::journal::Priority;
use crate::daemon::lines::Lines;
use crate::daemon::{Inventories, Journal, Output, Reload, Signals, Watchman, Work};
use crate::host::sandbox::{self, Entered, Policy, Privilege};
use crate::host::{self, Notifier};

/// Watches until told to end, by what `flags`, the environment and the configuration file say.
pub fn run(flags: &Options) -> Result<(), Failure> {
    let settings = Settings::resolve(flags.clone(), Mode::Daemon)?;
    refuse_unavailable(&settings)?;
    let notifier = Notifier::from_environment()?;
    let session = plan::session_of(plan::endless(&settings), &settings)?;
    let source = live::open(&settings)?;
    let lines = open_output(settings.output.as_ref())?;
    let signals = Signals::listen()?;
    let config = flags.config.clone().or_else(config_of_environment);
    // No other thread runs yet: what is given up here, all threads have given up.
    let entered = sandbox::enter(&policy(&settings, config.as_deref()));
    let journal = Journal::start()?;
    tell(&entered, &journal);
    let work = Work {
        session,
        inventories: Inventories::start(live::collector(&settings))?,
        output: Output::start(lines, settings.output.clone(), &journal)?,
        aggregator: None,
        journal,
        signals,
        notifier,
    };
    let mut read_again = || read_again(flags, &settings);
    let times = (host::now(), Span::from(settings.interval));
    let watchman = Watchman::new(source, work, times, &mut read_again);
    watchman.watch().map_err(live::failure)
}

/// Clear words rather than options that do nothing.
fn refuse_unavailable(settings: &Settings) -> Result<(), Failure> {
    let asked = [
        ("listen", settings.listen.is_some()),
        ("otlp", settings.otlp.is_some()),
        ("write (of daemon; capture has it)", settings.write.is_some()),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        Some((option, _)) => Err(Failure::message(
            Exit::Config,
            format_args!("{option} is not available in this build"),
        )),
        None => Ok(()),
    }
}

fn open_output(path: Option<&PathBuf>) -> Result<Lines, Failure> {
    let named = path.map_or(Path::new("-"), PathBuf::as_path);
    Lines::open(path).map_err(|error| Failure::output(named, error))
}

fn config_of_environment() -> Option<PathBuf> {
    std::env::var_os("SOCKHOUND_CONFIG").map(PathBuf::from)
}

/// What it keeps: capturing, and of finding owners what it was given.
fn policy(settings: &Settings, config: Option<&Path>) -> Policy {
    let look_into_processes = sandbox::effective().contains(&Privilege::LookIntoProcesses);
    let directory = |file: &Path| {
        let parent = file.parent().filter(|it| !it.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    };
    let output = settings.output.as_deref().filter(|it| *it != Path::new("-"));
    Policy {
        user: None,
        keep: Privilege::ALL.to_vec(),
        look_into_processes,
        read: config.map(directory).into_iter().collect(),
        write: output.map(directory).into_iter().collect(),
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
    refuse_unavailable(&settings).map_err(|failure| failure.to_string())?;
    let plan = plan::endless(&settings);
    Ok(Reload {
        interval: settings.interval.into(),
        profile: plan.profile,
        connections: plan.connections,
        output: settings.output.clone(),
        ignored: ignored(before, &settings),
    })
}

fn ignored(before: &Settings, after: &Settings) -> Vec<&'static str> {
    let other = [
        ("interface", before.interfaces != after.interfaces),
        ("target", before.targets != after.targets),
        ("exchanges", before.exchanges != after.exchanges),
        ("show-literals", before.show_literals != after.show_literals),
        ("max-connections", before.max_connections != after.max_connections),
    ];
    let other = other.into_iter().filter(|(_, other)| *other);
    other.map(|(option, _)| option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_refused() {
        let mut settings = Settings::defaults(Mode::Daemon).unwrap();
        assert!(refuse_unavailable(&settings).is_ok());
        settings.otlp = Some("http://127.0.0.1:4318".to_owned());
        let failure = refuse_unavailable(&settings).unwrap_err();
        assert_eq!(failure.exit(), Exit::Config);
        assert_eq!(failure.to_string(), "otlp is not available in this build");
    }

    #[test]
    fn the_files_of_a_daemon_stay_open_to_it() {
        let mut settings = Settings::defaults(Mode::Daemon).unwrap();
        settings.output = Some("/var/log/sockhound/summaries".into());
        let policy = policy(&settings, Some(Path::new("sockhound.toml")));
        assert_eq!(policy.write, [PathBuf::from("/var/log/sockhound")]);
        assert_eq!(policy.read, [PathBuf::from(".")]);
    }
}
