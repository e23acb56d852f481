//! One test a trap, with recorded or hand-made bytes.

mod extended;
mod hostile;
mod messages;
mod player;
mod queries;
mod recorded;
mod session;
mod statements;
