//! What both sides agreed on at login, as far as it changes how bytes are read.

/// `CLIENT_CONNECT_WITH_DB`.
pub(super) const CONNECT_WITH_DB: u32 = 1 << 3;
/// `CLIENT_COMPRESS`.
pub(super) const COMPRESS: u32 = 1 << 5;
/// `CLIENT_PROTOCOL_41`.
pub(super) const PROTOCOL_41: u32 = 1 << 9;
/// `CLIENT_SSL`.
pub(super) const SSL: u32 = 1 << 11;
/// `CLIENT_SECURE_CONNECTION`: the authentication data has a length of one byte.
pub(super) const SECURE_CONNECTION: u32 = 1 << 15;
/// `CLIENT_PLUGIN_AUTH`.
pub(super) const PLUGIN_AUTH: u32 = 1 << 19;
/// `CLIENT_CONNECT_ATTRS`.
pub(super) const CONNECT_ATTRIBUTES: u32 = 1 << 20;
/// `CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA`.
pub(super) const LONG_AUTHENTICATION: u32 = 1 << 21;
/// `CLIENT_DEPRECATE_EOF`.
pub(super) const DEPRECATE_EOF: u32 = 1 << 24;
/// `CLIENT_ZSTD_COMPRESSION_ALGORITHM`.
pub(super) const ZSTD: u32 = 1 << 26;
/// `CLIENT_QUERY_ATTRIBUTES`.
pub(super) const QUERY_ATTRIBUTES: u32 = 1 << 27;

/// Which is known of a yes-or-no matter: the login may have gone by before the watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    Unknown,
    No,
    Yes,
}

impl From<bool> for Known {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// How this connection's bytes are to be read. The default is a connection joined late: nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Result sets have no EOF packet after their column definitions and end with an OK packet.
    pub(super) deprecate_eof: Known,
    /// `COM_QUERY` has a prefix of query attributes.
    pub(super) query_attributes: Known,
    /// Packets are wrapped in compressed ones, zlib or zstd (each packet shows which).
    pub(super) compressed: Known,
    /// The server is MariaDB.
    pub(super) mariadb: Known,
}

impl Agreed {
    /// Out of the server's capabilities, where its greeting was seen, and the client's: clients may ask for what the
    /// server can't do.
    pub(super) fn new(server: Option<u32>, client: u32, mariadb: Known) -> Self {
        let both = server.unwrap_or(u32::MAX) & client;
        let has = |flag| Known::from(both & flag != 0);
        let sure = |flag| match has(flag) {
            Known::Yes if server.is_none() => Known::Unknown,
            known => known,
        };
        Self {
            deprecate_eof: sure(DEPRECATE_EOF),
            query_attributes: sure(QUERY_ATTRIBUTES),
            compressed: has(COMPRESS | ZSTD),
            mariadb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_can_do_is_agreed() {
        let agreed = Agreed::new(Some(COMPRESS), COMPRESS | DEPRECATE_EOF, Known::No);
        assert_eq!(agreed.compressed, Known::Yes);
        assert_eq!(agreed.deprecate_eof, Known::No);
    }

    #[test]
    fn without_the_greeting_a_wish_is_not_believed() {
        let agreed = Agreed::new(None, DEPRECATE_EOF, Known::Unknown);
        assert_eq!(agreed.deprecate_eof, Known::Unknown);
        assert_eq!(agreed.query_attributes, Known::No);
    }
}
