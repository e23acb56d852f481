//! The command itself, run as its user runs it: bad and hostile input of every kind ends with clear words and the right status,
//! and costs nothing else that is there.
//!
//! | input | tests |
//! |---|---|
//! | a file that is no capture, empty, a directory, missing, unreadable; standard input without anything | `files::what_is_no_capture_is_said_with_status_66` |
//! | a capture cut anywhere, within its headers and in mid-packet, plain or compressed | `files::a_cut_capture_is_read_up_to_the_cut` |
//! | a corrupt block, and records that claim more than there is | `files::a_damaged_capture_is_read_up_to_the_damage`, `files::huge_claims_cost_no_memory` |
//! | a bad file among good ones | `files::one_bad_file_is_named_before_anything_is_read` |
//! | no frames at all, no frames of a database | `files::nothing_to_see_is_said` |
//! | arguments | `arguments::what_cannot_be_understood_is_usage` |
//! | configuration: missing, unreadable, no TOML, unknown key, wrong value | `arguments::bad_configuration_names_file_line_and_key` |
//! | environment | `arguments::a_bad_variable_is_named` |
//! | a summary to `compare` and `merge` that is none, or of another version | `arguments::what_is_no_summary_is_said_with_status_66` |
//! | standard output closed, or its reader gone (EPIPE) | `output::a_reader_that_goes_is_no_failure` |
//! | no space for `-o`, `-w`, `--exchanges`; a folder that is not there; a directory | `output::what_cannot_be_written_is_said_with_status_1` |
//! | no terminal, and programs of that name on the path | `output::no_other_program_is_run` |
//! | no permission to capture | `live::not_permitted_names_the_command_that_grants_it` |
//! | an interface that does not exist, or is down | `live::nothing_to_watch_has_status_69` |
//! | `top` without a terminal | `live::top_wants_a_terminal` |
//! | frames of no sense at each layer: link, tags, IP, extension headers, fragments, TCP | `wire::senseless_headers_are_counted_and_cost_nothing_else` |
//! | unbounded requests on one connection | `wire::requests_without_end_are_bounded` |
//! | input that a careless scan takes quadratic time for | `wire::long_messages_in_small_pieces_take_linear_time` |
//! | counts from the packet: zero, huge, negative lengths; totals beyond their type | `wire::lengths_and_counts_that_lie_cost_nothing_else` |
//! | holes anywhere | `laws::` (its own test), `wire::a_hole_in_each_place_loses_only_its_own` |
//! | bytes that JSON, a terminal or HTML must not get as they are | `wire::no_byte_escapes_into_a_report` |
//! | protocols on each other's ports | `wire::a_port_alone_makes_no_protocol` |
//! | statement ids without end | `wire::prepared_statements_without_end_are_bounded` |
//! | more of everything than `--max-memory` allows | `memory::` |
//! | summaries themselves, on a terminal of the user's | `terminal::` |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on fails"
)]

mod arguments;
mod capture;
mod files;
mod live;
mod memory;
mod output;
mod terminal;
mod wire;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The command under test, with nothing of this shell's settings.
fn sockhound(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockhound"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SOCKHOUND_") {
            command.env_remove(name);
        }
    }
    command.env_remove("NO_COLOR").env_remove("COLUMNS");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a run came to.
#[derive(Debug)]
struct Run {
    status: Option<i32>,
    out: String,
    errors: String,
}

impl Run {
    /// Ends with `status` and says `words` on standard error, as one line under sockhound's name.
    #[track_caller]
    fn fails(&self, status: i32, words: &str) {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert!(self.errors.starts_with("sockhound: "), "{self:?}");
        assert!(self.errors.contains(words), "wanted {words:?}: {self:?}");
        assert!(!self.errors.contains("panicked"), "{self:?}");
    }

    /// Ends well; its standard output is this JSON.
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn finished(output: &Output) -> Run {
    Run {
        status: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn run(arguments: &[&str]) -> Run {
    finished(&sockhound(arguments).output().unwrap())
}

/// Whether this is root; says loudly which test is left out.
fn is_root(test: &str) -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("LEFT OUT: {test} needs root");
    }
    root
}
