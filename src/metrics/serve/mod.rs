//! `/metrics`, `/healthz` and `/summary` over HTTP/1, on a thread of its own.
//!
//! ```text
//! address      where: a TCP address or a Unix socket
//! listener     opened before privileges go
//! accept       which format a client asks for
//! site         what each path answers
//! connections  how many may be open, and for how long
//! ```
//!
//! One connection is one request. Whatever clients do costs this thread alone: [`connections::MOST`] connections are open at most, each for
//! [`connections::LONGEST`] at most, and a body is drawn once a second at most, however many ask for it.

mod accept;
mod address;
mod connections;
mod listener;
mod site;

pub use address::Listen;
pub use connections::{LONGEST, MOST};
pub use listener::{ListenError, Listener};

use std::io;
use std::sync::Arc;

use super::Shared;
use site::Site;

/// Serves on `listener` what `shared` holds, as long as the process runs.
pub fn start(listener: Listener, shared: Shared) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let site = Arc::new(Site::new(shared));
    let listener = runtime.block_on(async { listener.into_tokio() })?;
    std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(connections::serve(listener, site)))?;
    Ok(())
}
