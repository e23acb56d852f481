//! The `sockhound` program.

fn main() {}
