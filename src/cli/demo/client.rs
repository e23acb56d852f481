//! The shop's side of PostgreSQL's protocol: one statement after another, no passwords, no TLS.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::response::ErrorResponse;
use pgwire::messages::simplequery::Query;
use pgwire::messages::startup::Startup;
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is logged in and idle.
pub struct Client {
    socket: TcpStream,
    context: DecodeContext,
    unread: BytesMut,
}

impl Client {
    /// Connects and logs in with these parameters.
    pub async fn connect(database: SocketAddr, parameters: &[(&str, &str)]) -> PgWireResult<Self> {
        let socket = TcpStream::connect(database).await?;
        socket.set_nodelay(true)?;
        let mut client = Self {
            socket,
            context: DecodeContext::new(ProtocolVersion::PROTOCOL3_0),
            unread: BytesMut::new(),
        };
        let mut startup = Startup::default();
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        startup.parameters.extend(parameters.iter().map(owned));
        client.ask(PgWireFrontendMessage::Startup(startup)).await?;
        Ok(client)
    }

    /// Sends a statement and reads its reply to the end.
    pub async fn query(&mut self, statement: &str) -> PgWireResult<()> {
        let query = Query::new(statement.to_owned());
        self.ask(PgWireFrontendMessage::Query(query)).await
    }

    async fn ask(&mut self, request: PgWireFrontendMessage) -> PgWireResult<()> {
        let mut bytes = BytesMut::new();
        request.encode(&mut bytes)?;
        self.socket.write_all(&bytes).await?;
        loop {
            match self.next().await? {
                PgWireBackendMessage::ReadyForQuery(_) => return Ok(()),
                PgWireBackendMessage::ErrorResponse(error) => return Err(failed(error)),
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> PgWireResult<PgWireBackendMessage> {
        loop {
            if let Some(message) = PgWireBackendMessage::decode(&mut self.unread, &self.context)? {
                return Ok(message);
            }
            if self.socket.read_buf(&mut self.unread).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

fn failed(error: ErrorResponse) -> PgWireError {
    PgWireError::UserError(Box::new(error.into()))
}
