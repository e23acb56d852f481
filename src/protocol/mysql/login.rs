//! The login's packets: the server's greeting and the client's answer to it. Follows the protocol's "Connection
//! Phase" pages, and MariaDB's for its extended capabilities. Authentication data is stepped over, never kept.

use super::capabilities::{
    CONNECT_ATTRIBUTES, CONNECT_WITH_DB, LONG_AUTHENTICATION, PLUGIN_AUTH, PROTOCOL_41, SECURE_CONNECTION,
    SSL,
};
use super::wire::Fields;
use crate::protocol::Session;

/// The longest version that is believed.
const LONGEST_VERSION: usize = 128;

/// The length of an `SSLRequest`: the fixed fields of a [`Response`] and no more.
const SSL_REQUEST: usize = 32;

/// Protocol 10's greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// What the server can do.
    pub(super) capabilities: u32,
    /// Whether its version names MariaDB.
    pub(super) mariadb: bool,
}

impl Greeting {
    /// Reads the payload; `None` where it is no greeting.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        if fields.byte()? != 10 {
            return None;
        }
        let version = fields.until_zero();
        if !is_version(version) {
            return None;
        }
        let _thread_and_salt = fields.bytes(4 + 8)?;
        if fields.byte()? != 0 {
            return None;
        }
        let low = u32::from(fields.u16()?);
        fields.skip(1 + 2);
        let high = u32::from(fields.u16().unwrap_or(0));
        Some(Self {
            capabilities: low | high << 16,
            mariadb: memchr::memmem::find(version, b"MariaDB").is_some(),
        })
    }
}

/// `8.0.36`, `5.5.5-10.11.6-MariaDB-log` and their kin: printable, and a digit first.
fn is_version(version: &[u8]) -> bool {
    version.first().is_some_and(u8::is_ascii_digit)
        && version.len() <= LONGEST_VERSION
        && version
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// The client's answer to the greeting, or what it sends before TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response<'a> {
    /// TLS begins right after this packet.
    Tls,
    /// Who logs in to what.
    Login {
        /// What the client wants of what the server can do.
        capabilities: u32,
        /// User, database and application.
        session: Session<'a>,
    },
}

impl<'a> Response<'a> {
    /// Reads as much of the payload as is here; `length` is all of it.
    pub(super) fn read(payload: &'a [u8], length: usize) -> Option<Self> {
        let low = u32::from(Fields(payload).u16()?);
        if low & PROTOCOL_41 == 0 {
            return Some(Self::read_old(payload, low, length));
        }
        let mut fields = Fields(payload);
        let capabilities = fields.u32()?;
        if capabilities & SSL != 0 && length == SSL_REQUEST {
            return Some(Self::Tls);
        }
        fields.bytes(SSL_REQUEST - 4)?;
        let session = read_session(fields, capabilities).unwrap_or_default();
        Some(Self::Login {
            capabilities,
            session,
        })
    }

    /// `HandshakeResponse320`, before MySQL 4.1.
    fn read_old(payload: &'a [u8], capabilities: u32, length: usize) -> Self {
        let mut fields = Fields(payload);
        fields.skip(2 + 3);
        if capabilities & SSL != 0 && length <= 5 {
            return Self::Tls;
        }
        let user = said(fields.until_zero());
        let _authentication = fields.until_zero();
        let database = said(fields.until_zero()).filter(|_| capabilities & CONNECT_WITH_DB != 0);
        Self::Login {
            capabilities,
            session: Session {
                user,
                database,
                application: None,
            },
        }
    }

    /// Whether the payload can be nothing else: for logins joined in the middle.
    pub(super) fn is_plausible(payload: &[u8]) -> bool {
        let mut fields = Fields(payload);
        let capabilities = fields.u32().unwrap_or(0);
        let _most_bytes_and_charset = fields.bytes(4 + 1);
        let filler = fields.bytes(19).unwrap_or(&[1]);
        capabilities & PROTOCOL_41 != 0 && filler.iter().all(|&byte| byte == 0)
    }
}

/// What follows the fixed fields of `HandshakeResponse41`. `None` where the authentication data runs past the end.
fn read_session(mut fields: Fields<'_>, capabilities: u32) -> Option<Session<'_>> {
    let has = |flag| capabilities & flag != 0;
    let mut session = Session {
        user: said(fields.until_zero()),
        ..Session::default()
    };
    skip_authentication(&mut fields, capabilities)?;
    if has(CONNECT_WITH_DB) {
        session.database = said(fields.until_zero());
    }
    if has(PLUGIN_AUTH) {
        fields.until_zero();
    }
    if has(CONNECT_ATTRIBUTES) {
        session.application = application(&mut fields);
    }
    Some(session)
}

fn skip_authentication(fields: &mut Fields<'_>, capabilities: u32) -> Option<()> {
    if capabilities & LONG_AUTHENTICATION != 0 {
        fields.length_encoded_bytes()?;
    } else if capabilities & SECURE_CONNECTION != 0 {
        let length = usize::from(fields.byte()?);
        fields.bytes(length)?;
    } else {
        fields.until_zero();
    }
    Some(())
}

/// `program_name` of the connection attributes, or else the client library's `_client_name`.
fn application<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(fields.length_encoded()?).ok()?;
    let mut attributes = Fields(fields.0.get(..length).unwrap_or(fields.0));
    let mut library = None;
    while let Some(name) = attributes.length_encoded_bytes() {
        let Some(value) = attributes.length_encoded_bytes() else {
            break;
        };
        match name {
            b"program_name" if !value.is_empty() => return Some(value),
            b"_client_name" => library = said(value),
            _ => {}
        }
    }
    library
}

/// User and database of a `COM_CHANGE_USER`, from its payload after the command byte.
pub(super) fn changed_user(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Fields(payload);
    let user = fields.until_zero();
    skip_authentication(&mut fields, SECURE_CONNECTION)?;
    Some((user, fields.until_zero()))
}

/// An empty name says nothing.
fn said(name: &[u8]) -> Option<&[u8]> {
    Some(name).filter(|name| !name.is_empty())
}
