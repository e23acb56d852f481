//! Arguments, configuration, environment, and summaries that are none.

use super::{finished, run, sockhound};

#[test]
fn what_cannot_be_understood_is_usage() {
    for (arguments, words) in [
        (&["read"][..], "required"),
        (&["raed", "x"], "raed"),
        (&["capture", "--durration", "1s"], "--duration"),
        (&["capture", "--duration", "soon"], "soon"),
        (&["capture", "--duration", "-5s"], "-5"),
        (
            &["capture", "-t", "postgrsql://x:1"],
            "did you mean postgresql://?",
        ),
        (&["capture", "-t", "10.0.0.5:99999"], "99999"),
        (&["capture", "--headroom", "lots"], "lots"),
        (&["capture", "--max-memory", "1 potato"], "potato"),
        (&["capture", "-f", "yaml"], "yaml"),
        (&["compare", "one"], "required"),
        (&["schema", "everything"], "everything"),
        (&["completions", "cmd.exe"], "cmd.exe"),
    ] {
        run(arguments).fails(64, words);
    }
    let help = run(&[]);
    assert_eq!(help.status, Some(64), "{help:?}");
    assert!(help.errors.contains("Usage"), "{help:?}");
    for fine in [&["--help"][..], &["--version"], &["read", "--help"]] {
        assert_eq!(run(fine).status, Some(0), "{fine:?}");
    }
}

#[test]
fn bad_configuration_names_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sockhound.toml");
    let path = path.to_str().unwrap();
    for (text, words) in [
        ("idle-after = \"60s\"\ntargit = [\"6432\"]\n", "line 2: "),
        ("targit = []\n", "target"),
        ("\n\nduration = \"soon\"\n", "line 3: duration"),
        ("duration = [1, 2]\n", "line 1: duration"),
        ("target = \"10.0.0.5:0\"\n", "line 1: target"),
        ("duration = \n", "line 1"),
        ("= [ \u{0}", "line 1"),
    ] {
        std::fs::write(path, text).unwrap();
        let failed = run(&["capture", "--config", path]);
        failed.fails(78, words);
        failed.fails(78, path);
    }
    std::fs::write(path, b"\xff\xfe\0").unwrap();
    run(&["capture", "--config", path]).fails(78, path);
    run(&["capture", "--config", "/no/such/file.toml"]).fails(78, "/no/such/file.toml");
    run(&["capture", "--config", "/"]).fails(78, "directory");
    run(&["capture", "-t", "redis://no.such.host.invalid:1"]).fails(78, "no.such.host.invalid");
}

#[test]
fn a_bad_variable_is_named() {
    let with =
        |name: &str, value: &str| finished(&sockhound(&["capture"]).env(name, value).output().unwrap());
    with("SOCKHOUND_DURATION", "soon").fails(78, "SOCKHOUND_DURATION");
    with("SOCKHOUND_TARGET", "ftp://x").fails(78, "SOCKHOUND_TARGET");
    with("SOCKHOUND_CONFIG", "/no/such/file.toml").fails(78, "/no/such/file.toml");
}

#[test]
fn what_is_no_summary_is_said_with_status_66() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, text) in [
        ("empty", ""),
        ("text", "hello\n"),
        ("other", "{\"schema\":\"sockhound.summary.v9\"}\n"),
        ("array", "[]\n"),
        ("deep", &"[".repeat(100_000)),
    ] {
        std::fs::write(path(name), text).unwrap();
        run(&["merge", &path(name)]).fails(66, &path(name));
        run(&["compare", &path(name), &path(name)]).fails(66, &path(name));
    }
    run(&["merge", &path("missing")]).fails(66, "missing");
}
