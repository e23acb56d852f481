//! The configuration file and the environment, each as one layer of [`Options`].

use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::exit::{Exit, Failure};
use super::options::{KEYS, Options};

/// Reads the TOML file at `path`; what it does not know it refuses, with line, key and the nearest name.
pub(super) fn file(path: &Path) -> Result<Options, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::message(
            Exit::Config,
            format_args!("cannot read the configuration {}: {error}", path.display()),
        )
    })?;
    parse(&text).map_err(|bad| {
        let Bad { line, what } = bad;
        Failure::message(
            Exit::Config,
            format_args!("{} line {line}: {what}", path.display()),
        )
    })
}

/// What is wrong in which line.
#[derive(Debug, PartialEq, Eq)]
struct Bad {
    line: usize,
    what: String,
}

fn parse(text: &str) -> Result<Options, Bad> {
    let bad_at = |offset: usize, what: String| Bad {
        line: line_of(text, offset),
        what,
    };
    let table = DeTable::parse(text).map_err(|error| {
        bad_at(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    })?;
    let mut options = Options::default();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        if !KEYS.contains(&name) {
            return Err(bad_at(key.span().start, unknown(name)));
        }
        texts(value)
            .and_then(|texts| options.set(name, &texts))
            .map_err(|what| bad_at(value.span().start, format!("{name}: {what}")))?;
    }
    Ok(options)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

fn unknown(key: &str) -> String {
    match nearest(key, KEYS.into_iter()) {
        Some(name) => format!("unknown key {key}, did you mean {name}?"),
        None => format!("unknown key {key}; the keys are {}", KEYS.join(", ")),
    }
}

fn texts(value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(text).collect(),
        _ => Ok(vec![text(value)?]),
    }
}

fn text(value: &Spanned<DeValue<'_>>) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(yes) => Ok(yes.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err("a string, a number, true or false, or a list of them is wanted".to_owned())
        }
    }
}

/// The name most like `word`, if one is like it at all.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    names
        .map(|name| (strsim::jaro_winkler(&word, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

const PREFIX: &str = "SOCKHOUND_";

/// Takes the options among the environment's `variables`; lists are separated by commas. Of variables that only look
/// like an option, `warn` is told.
pub(super) fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
    mut warn: impl FnMut(&str),
) -> Result<Options, Failure> {
    let mut options = Options::default();
    for (variable, value) in variables {
        let (Some(variable), Some(value)) = (variable.to_str(), value.to_str()) else {
            continue;
        };
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let key = name.to_ascii_lowercase().replace('_', "-");
        match key.as_str() {
            "config" => options.config = Some(value.into()),
            key if KEYS.contains(&key) => options.set(key, &split(key, value)).map_err(|what| {
                Failure::message(
                    Exit::Config,
                    format_args!("environment variable {variable}: {what}"),
                )
            })?,
            key => {
                if let Some(near) = nearest(key, KEYS.into_iter()) {
                    let meant = near.to_ascii_uppercase().replace('-', "_");
                    warn(&format!(
                        "{variable} means nothing, did you mean {PREFIX}{meant}?"
                    ));
                }
            }
        }
    }
    Ok(options)
}

fn split(key: &str, value: &str) -> Vec<String> {
    match key {
        "interface" | "target" | "output" => value.split(',').map(|item| item.trim().to_owned()).collect(),
        _ => vec![value.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    #[test]
    fn reads_every_kind_of_value() {
        let options = parse(
            "# comment\ntarget = [\":6432\", \"redis://\"]\ninterface = 'eth0'\nidle-after = \"90s\"\nmax-statements = 5_000\nshow-literals = true\n",
        )
        .unwrap();
        assert_eq!(options.target.unwrap().len(), 2);
        assert_eq!(options.interface.unwrap(), ["eth0"]);
        assert_eq!(options.idle_after, Some(Duration::from_secs(90)));
        assert_eq!(options.max_statements, Some(5000));
        assert_eq!(options.show_literals, Some(true));
    }

    #[test]
    fn says_line_key_and_nearest_name() {
        for (text, line, says) in [
            (
                "idle-afer = '1s'",
                1,
                "unknown key idle-afer, did you mean idle-after?",
            ),
            ("\nidle_after = '1s'", 2, "did you mean idle-after?"),
            (
                "\n\nxyz = 1",
                3,
                "unknown key xyz; the keys are interface, target",
            ),
            (
                "format = 'text'\nheadroom = 'much'",
                2,
                "headroom: a percentage is wanted",
            ),
            ("idle-after = 60", 1, "idle-after: it has no unit: write 60s"),
            ("format = ['text', 'json']", 1, "format: one value is wanted"),
            ("output = []", 1, "output: one value or more is wanted"),
            ("format = 'xml'", 1, "format: one of text, json, html is wanted"),
            ("[daemon]\ninterval = '1s'", 1, "unknown key daemon"),
            ("format = \n", 1, "string values must be quoted"),
        ] {
            let bad = parse(text).unwrap_err();
            assert_eq!(bad.line, line, "{text}");
            assert!(bad.what.contains(says), "{text}: {}", bad.what);
        }
    }

    #[test]
    fn the_installed_file_shows_every_option_with_a_value_that_holds() {
        let installed = include_str!("../../systemd/sockhound.toml");
        parse(installed).unwrap();
        let options = installed.lines().filter_map(|line| {
            let line = line.strip_prefix('#').unwrap_or(line);
            let (key, _) = line.split_once(" = ")?;
            KEYS.contains(&key).then_some((key, line))
        });
        let (mut shown, lines): (Vec<_>, Vec<_>) = options.unzip();
        parse(&lines.join("\n")).unwrap();
        let mut all = KEYS.to_vec();
        shown.sort_unstable();
        all.sort_unstable();
        assert_eq!(shown, all);
    }

    #[test]
    fn the_environment_is_a_layer() {
        let variables = [
            ("SOCKHOUND_TARGET", ":1, :2"),
            ("SOCKHOUND_IDLE_AFTER", "2m"),
            ("SOCKHOUND_OUTPUT", "-,/var/log/a"),
            ("SOCKHOUND_IDEL_AFTER", "2m"),
            ("SOCKHOUND_WHATEVER", "x"),
            ("HOME", "/"),
        ];
        let mut warnings = Vec::new();
        let variables = variables
            .iter()
            .map(|(k, v)| (OsString::from(k), OsString::from(v)));
        let options = environment(variables, |warning| warnings.push(warning.to_owned())).unwrap();
        assert_eq!(options.target.unwrap().len(), 2);
        assert_eq!(options.idle_after, Some(Duration::from_mins(2)));
        assert_eq!(options.output.unwrap(), ["-", "/var/log/a"].map(PathBuf::from));
        assert_eq!(
            warnings,
            ["SOCKHOUND_IDEL_AFTER means nothing, did you mean SOCKHOUND_IDLE_AFTER?"]
        );
    }

    #[test]
    fn a_bad_variable_is_named() {
        let variables = [("SOCKHOUND_INTERVAL".into(), "often".into())];
        let failure = environment(variables.into_iter(), |_| {}).unwrap_err();
        assert_eq!(failure.exit(), Exit::Config);
        assert!(
            failure
                .to_string()
                .starts_with("environment variable SOCKHOUND_INTERVAL: "),
            "{failure}"
        );
    }
}
