//! The demo's application: a shop whose pages ask the database three things, over a pool of connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pgwire::error::PgWireResult;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::Client;

/// How many visitors ask for pages at once.
const VISITORS: usize = 6;
/// How long a visitor looks at a page.
const LOOKS: Duration = Duration::from_millis(60);

/// What the shop tells the database when it connects.
const STARTUP: [(&str, &str); 4] = [
    ("client_encoding", "UTF8"),
    ("user", "shop"),
    ("database", "shop"),
    ("application_name", "shop-web"),
];

/// What the shop has done so far.
#[derive(Debug, Default)]
pub struct Served {
    pages: AtomicU64,
    nanos: AtomicU64,
}

impl Served {
    /// Pages served.
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// What a page took, on average; zero before the first.
    pub fn mean(&self) -> Duration {
        let nanos = self.nanos.load(Ordering::Relaxed);
        Duration::from_nanos(nanos.checked_div(self.pages()).unwrap_or(0))
    }

    fn add(&self, took: Duration) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Opens a pool of `connections` and serves pages from it until `until`.
pub async fn open(
    database: SocketAddr,
    connections: usize,
    until: Instant,
    served: Arc<Served>,
) -> PgWireResult<()> {
    let mut pool = Vec::with_capacity(connections);
    for _ in 0..connections {
        pool.push(connect(database).await?);
    }
    let pool = Arc::new(Mutex::new(pool));
    let visitors = (0..VISITORS).map(|visitor| visit(visitor, Arc::clone(&pool), until, Arc::clone(&served)));
    futures::future::try_join_all(visitors).await?;
    Ok(())
}

async fn connect(database: SocketAddr) -> PgWireResult<Client> {
    let mut client = Client::connect(database, &STARTUP).await?;
    client.query("SELECT 1").await?;
    Ok(client)
}

/// One visitor: takes the connection that was given back last, as pools do, and gives it back after the page.
async fn visit(
    visitor: usize,
    pool: Arc<Mutex<Vec<Client>>>,
    until: Instant,
    served: Arc<Served>,
) -> PgWireResult<()> {
    let mut item = visitor;
    while Instant::now() < until {
        tokio::time::sleep(LOOKS).await;
        let borrowed = pool.lock().await.pop();
        let Some(mut client) = borrowed else { continue };
        let asked = Instant::now();
        item += VISITORS;
        for statement in page(visitor, item) {
            client.query(&statement).await?;
        }
        served.add(asked.elapsed());
        pool.lock().await.push(client);
    }
    Ok(())
}

/// What a page asks for.
fn page(visitor: usize, item: usize) -> [String; 3] {
    [
        format!("SELECT id, stock FROM items WHERE id = {item}"),
        format!("SELECT id, total FROM carts WHERE visitor = {visitor}"),
        format!("UPDATE carts SET seen = {item} WHERE visitor = {visitor}"),
    ]
}
