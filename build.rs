//! What keeps the release binary small.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

const SCHEMAS: &str = "docs/schema";
const SCRIPT: &str = "packaging/no-unwinding.ld";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={SCHEMAS}");
    println!("cargo::rerun-if-changed={SCRIPT}");
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ENV", "gnu") && !is_static() && is_default_linker() {
        leave_out_unwinding_tables();
    }
    compress_schemas(&PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()))
}

/// In the release binary a panic says where it was and aborts: nothing unwinds. Cargo has no such setting of one profile.
fn leave_out_unwinding_tables() {
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg-bins=-T");
    println!(
        "cargo::rustc-link-arg-bins={}",
        Path::new(&folder).join(SCRIPT).display()
    );
}

/// `docs/schema/*.json` as `*.json.gz`: they are long, and repeat themselves.
fn compress_schemas(out: &Path) -> io::Result<()> {
    for entry in fs::read_dir(SCHEMAS)? {
        let entry = entry?;
        let name = format!("{}.gz", entry.file_name().display());
        let mut encoder = GzEncoder::new(File::create(out.join(name))?, Compression::best());
        encoder.write_all(&fs::read(entry.path())?)?;
        encoder.finish()?;
    }
    Ok(())
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|it| it == value)
}

/// A static program brings an unwinder along that needs its own tables when a backtrace is asked for.
fn is_static() -> bool {
    env::var("CARGO_CFG_TARGET_FEATURE")
        .is_ok_and(|features| features.split(',').any(|it| it == "crt-static"))
}

/// GNU's linker and LLVM's take the script; gold and mold, which must be asked for, do not.
fn is_default_linker() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    !flags.contains("-fuse-ld=gold") && !flags.contains("-fuse-ld=mold")
}
