//! Connections: how many may be open, and for how long.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::listener::Accepting;
use super::site::Site;

/// Connections that are open at most. Another one takes the place of the oldest that has not asked yet.
pub const MOST: usize = 64;
/// A request's head must be here after this.
const HEAD: Duration = Duration::from_secs(5);
/// The answer must be taken after this.
pub const LONGEST: Duration = Duration::from_secs(20);
/// Bytes of a request's head at most, and of what is read ahead.
const BUFFER: usize = 16 << 10;
const HEADERS: usize = 64;
/// Where no connection can be had (too many files open), it is tried again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves for ever.
pub(super) async fn serve(listener: Accepting, site: Arc<Site>) {
    let mut open = Open::default();
    loop {
        let admitted = match &listener {
            Accepting::Tcp(tcp) => tcp.accept().await.map(|(stream, _)| open.admit(stream, &site)),
            Accepting::Unix(unix) => unix.accept().await.map(|(stream, _)| open.admit(stream, &site)),
        };
        if admitted.is_err() {
            sleep(PAUSE).await;
        }
    }
}

/// Connections, the oldest first.
#[derive(Default)]
struct Open(VecDeque<Client>);

struct Client {
    task: AbortHandle,
    /// Its request is here.
    has_asked: Arc<AtomicBool>,
}

impl Open {
    fn admit(&mut self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, site: &Arc<Site>) {
        self.0.retain(|client| !client.task.is_finished());
        if self.0.len() >= MOST {
            self.cut();
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let connection = connection(stream, Arc::clone(site), Arc::clone(&has_asked));
        self.0.push_back(Client {
            task: tokio::spawn(connection).abort_handle(),
            has_asked,
        });
    }

    /// Ends the oldest that has not asked yet, else the oldest.
    fn cut(&mut self) {
        let silent = |client: &Client| !client.has_asked.load(Ordering::Relaxed);
        let place = self.0.iter().position(silent).unwrap_or(0);
        if let Some(client) = self.0.remove(place) {
            client.task.abort();
        }
    }
}

/// One request. Whatever goes wrong ends the connection; hyper has said 400 or 431 where it could.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    site: Arc<Site>,
    has_asked: Arc<AtomicBool>,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        let answer = site.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    let _ = timeout(LONGEST, serving).await;
}
