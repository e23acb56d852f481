//! What the tests of whole behaviour share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub mod replay;
