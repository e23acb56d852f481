//! Compares what is drawn with files in `src/report/golden`; with `SOCKHOUND_BLESS=1` it writes them instead, to
//! be looked at before they are committed.

use std::path::Path;

/// Fails where `drawn` is not what the file called `name` holds.
pub fn check(name: &str, drawn: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/report/golden")
        .join(name);
    if std::env::var_os("SOCKHOUND_BLESS").is_some() {
        std::fs::write(&path, drawn).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawn == expected,
        "{name} looks different now:\n{drawn}\nSOCKHOUND_BLESS=1 accepts it"
    );
}
