//! What the architecture promises of the sources: imports point one way, and `unsafe` stays in its two places.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::path::{Path, PathBuf};

/// From the top down; a layer may import itself and what stands below it.
const LAYERS: [&str; 14] = [
    "cli", "daemon", "report", "metrics", "watch", "findings", "profile", "summary", "exchange", "protocol",
    "flow", "capture", "packet", "clock",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source with its path below `src`.
fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

fn layer(name: &str) -> Option<usize> {
    let first = name.split(['/', '.', ':']).next()?;
    LAYERS.iter().position(|layer| *layer == first)
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (name, source) in all() {
        let Some(own) = layer(&name) else { continue };
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let source = code.collect::<Vec<_>>().join("\n");
        let tests = source.find("#[cfg(test)]").unwrap_or(source.len());
        for (_, rest) in source[..tests]
            .match_indices("crate::")
            .map(|(at, word)| source.split_at(at + word.len()))
        {
            if let Some(imported) = layer(rest).filter(|imported| *imported < own) {
                wrong.push(format!("{name} imports {}", LAYERS[imported]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_stays_where_the_kernel_is() {
    let uses = |source: &str| {
        source
            .lines()
            .any(|line| line.trim_start().starts_with("unsafe ") || line.contains(" unsafe {"))
    };
    for (name, source) in all() {
        let allowed = name.starts_with("capture/ring") || name.starts_with("host/");
        assert!(allowed || !uses(&source), "{name} is unsafe");
        if uses(&source) {
            assert!(
                source.contains("SAFETY:"),
                "{name} does not say why its unsafe is sound"
            );
        }
    }
}
