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
        None => main_page(None),
    }
}

fn pages(directory: &Path) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    main_page(Some(&directory.join("sockhound.1")))?;
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

/// The page of `sockhound` itself, with what the definitions do not tell.
fn main_page(file: Option<&Path>) -> Result<(), Failure> {
    output::write(file, |mut out| {
        clap_mangen::Man::new(Arguments::command()).render(&mut out)?;
        out.write_all(MORE.as_bytes())
    })
}

const MORE: &str = r".SH ENVIRONMENT
.TP
\fBSOCKHOUND_\fIOPTION\fR
Any option of sockhound\-capture(1), such as \fBSOCKHOUND_IDLE_AFTER=90s\fR; several interfaces or targets are separated by commas.
.TP
\fBSOCKHOUND_CONFIG\fR
A configuration file to read.
.TP
\fBNO_COLOR\fR
Where it is set, nothing is coloured.
.SH FILES
.TP
\fI/etc/sockhound/sockhound.toml\fR
The configuration of the service \fBsockhound.service\fR.
.TP
\fI/var/log/sockhound/summaries.ndjson\fR
The service's summaries, one a line.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Failed while running.
.TP
.B 64
Wrong usage.
.TP
.B 66
An input file cannot be read.
.TP
.B 69
There is nothing to watch.
.TP
.B 77
Not permitted; the message has the command that permits it.
.TP
.B 78
The configuration is wrong; the message has file, line and key.
.SH SEE ALSO
.BR ss (8),
.BR tcpdump (8),
.BR systemd.service (5),
/usr/share/doc/sockhound/
";

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;

    #[test]
    fn writes_a_page_for_each_command() {
        let directory = tempfile::tempdir().unwrap();
        pages(directory.path()).unwrap();
        let page = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(page("sockhound.1").contains(".TH sockhound 1"));
        let (input, nothing, denied) = (Exit::Input, Exit::Nothing, Exit::NotPermitted);
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            input,
            nothing,
            denied,
            Exit::Config,
        ] {
            assert!(
                page("sockhound.1").contains(&format!(".B {}\n", exit as u8)),
                "{exit:?}"
            );
        }
        assert!(page("sockhound-capture.1").contains("idle\\-after"));
    }
}
