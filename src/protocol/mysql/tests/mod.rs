//! Whole conversations: recorded ones, and hand-made ones for what no server at hand sends.

mod drive;
mod recorded;
