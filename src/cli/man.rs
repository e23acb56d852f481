//! `sockhound man`: the manual pages.

use std::path::Path;

use clap::CommandFactory;

use super::args::{Arguments, ManArguments};
use super::exit::Failure;
use super::output;

/// Prints the manual page, or writes `sockhound.1` and one page for each command into a directory.
pub fn run(arguments: &ManArguments) -> Result<(), Failure> {
    match &arguments.directory {
        Some(directory) => pages(directory),
        None => page(Arguments::command(), None),
    }
}

fn pages(directory: &Path) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    page(command.clone(), Some(&directory.join("sockhound.1")))?;
    for sub in command.get_subcommands() {
        let name = format!("sockhound-{}", sub.get_name());
        let file = directory.join(format!("{name}.1"));
        page(sub.clone().name(name), Some(&file))?;
    }
    Ok(())
}

fn page(command: clap::Command, file: Option<&Path>) -> Result<(), Failure> {
    output::write(file, |mut out| clap_mangen::Man::new(command).render(&mut out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_page_for_each_command() {
        let directory = tempfile::tempdir().unwrap();
        pages(directory.path()).unwrap();
        let page = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(page("sockhound.1").contains(".TH sockhound 1"));
        assert!(page("sockhound-capture.1").contains("idle\\-after"));
    }
}
