//! The demo's database: PostgreSQL's protocol over loopback, and a price for every open connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream;
use pgwire::api::auth::StartupHandler;
use pgwire::api::auth::noop::NoopStartupHandler;
use pgwire::api::query::SimpleQueryHandler;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireServerHandlers, Type};
use pgwire::error::PgWireResult;
use pgwire::tokio::process_socket;
use tokio::net::TcpListener;

/// What a session keeps. Every statement walks the memory of all sessions, as PostgreSQL before version 14 walked its list of
/// them to take a snapshot: the price of a connection is paid by every other one.
const SESSION_WORDS: usize = 16 * 1024;

/// Serves connections for ever.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let database = Arc::new(Database {
        sessions: Arc::default(),
    });
    loop {
        let (socket, client) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let database = Arc::clone(&database);
        tokio::spawn(async move {
            let _session = database.sessions.open(client);
            process_socket(socket, None, Arc::clone(&database)).await
        });
    }
}

struct Database {
    sessions: Arc<Sessions>,
}

#[derive(Default)]
struct Sessions {
    open: Mutex<Vec<Session>>,
}

struct Session {
    client: SocketAddr,
    memory: Vec<u64>,
}

/// Closes its session when it goes.
struct Guard {
    sessions: Arc<Sessions>,
    client: SocketAddr,
}

impl Sessions {
    fn open(self: &Arc<Self>, client: SocketAddr) -> Guard {
        let memory = (0..SESSION_WORDS as u64).collect();
        self.lock().push(Session { client, memory });
        Guard {
            sessions: Arc::clone(self),
            client,
        }
    }

    /// Looks at every open session.
    fn snapshot(&self) -> u64 {
        let sums = self
            .lock()
            .iter()
            .map(|session| session.memory.iter().sum::<u64>())
            .collect::<Vec<_>>();
        sums.into_iter().fold(0, u64::wrapping_add)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.sessions
            .lock()
            .retain(|session| session.client != self.client);
    }
}

impl NoopStartupHandler for Database {}

#[async_trait]
impl SimpleQueryHandler for Database {
    async fn do_query<C>(&self, _client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
    {
        let seen = std::hint::black_box(self.sessions.snapshot());
        if !query.starts_with("SELECT") {
            return Ok(vec![Response::Execution(Tag::new("UPDATE").with_rows(1))]);
        }
        let column = |name: &str| FieldInfo::new(name.into(), None, None, Type::INT8, FieldFormat::Text);
        let columns = Arc::new(vec![column("id"), column("stock")]);
        let mut encoder = DataRowEncoder::new(Arc::clone(&columns));
        encoder.encode_field(&1_i64)?;
        encoder.encode_field(&((seen % 100).cast_signed()))?;
        let rows = stream::iter([Ok(encoder.take_row())]);
        Ok(vec![Response::Query(QueryResponse::new(columns, rows))])
    }
}

impl PgWireServerHandlers for Database {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(Database {
            sessions: Arc::clone(&self.sessions),
        })
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(Database {
            sessions: Arc::clone(&self.sessions),
        })
    }
}
