//! The messages of the extended protocol, and which of them make one ask.

use super::flight::{Kind, Pending};
use super::names;
use super::wire::{self, HEADER, Header};
use crate::protocol::{MAX_NEED, Step};

/// A message of the extended protocol.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Parse { name: &'a [u8], text: &'a [u8] },
    Bind { portal: &'a [u8], statement: &'a [u8] },
    DescribeStatement(&'a [u8]),
    DescribePortal(&'a [u8]),
    Execute { portal: &'a [u8], limited: bool },
    CloseStatement(&'a [u8]),
    ClosePortal(&'a [u8]),
    Sync,
    Flush,
}

impl<'a> Part<'a> {
    pub(super) fn read(header: Header, bytes: &'a [u8]) -> Result<Self, Step> {
        match header.tag {
            b'S' => return Ok(Self::Sync),
            b'H' => return Ok(Self::Flush),
            b'B' => return Self::read_bind(header, bytes),
            _ => {}
        }
        let body = header.body(bytes)?;
        let (first, rest) = wire::string(body).ok_or(Step::Garbage)?;
        Ok(match (header.tag, first) {
            (b'P', name) => Self::Parse {
                name,
                text: wire::string(rest).map_or(rest, |(text, _)| text),
            },
            (b'E', portal) => Self::Execute {
                portal,
                limited: wire::number32(rest).ok_or(Step::Garbage)? != 0,
            },
            (b'D', [b'S', name @ ..]) => Self::DescribeStatement(name),
            (b'D', [b'P', name @ ..]) => Self::DescribePortal(name),
            (b'C', [b'S', name @ ..]) => Self::CloseStatement(name),
            (b'C', [b'P', name @ ..]) => Self::ClosePortal(name),
            _ => return Err(Step::Garbage),
        })
    }

    /// Only the names at a Bind's front matter: its values are skipped.
    fn read_bind(header: Header, bytes: &'a [u8]) -> Result<Self, Step> {
        let most = header.total.min(MAX_NEED);
        let here = &bytes[HEADER..most.min(bytes.len())];
        let names = wire::string(here).and_then(|(portal, rest)| Some((portal, wire::string(rest)?.0)));
        match names {
            Some((portal, statement)) => Ok(Self::Bind { portal, statement }),
            None if bytes.len() < most => Err(Step::Need(most.min((bytes.len() * 2).max(256)))),
            None => Err(Step::Garbage),
        }
    }

    /// Whether it goes on with the ask that was made last.
    pub(super) fn joins(&self, back: &Pending) -> bool {
        if back.synced || !matches!(back.kind, Kind::Prepare | Kind::Execute) {
            return false;
        }
        let is_about = |name: &[u8]| {
            back.statement
                .is_none_or(|statement| statement == names::statement(name))
        };
        match self {
            Self::Sync | Self::Flush => true,
            Self::CloseStatement(_) | Self::ClosePortal(_) => back.building || back.kind == Kind::Execute,
            Self::Parse { .. } => back.building && back.is_only_closing(),
            Self::Bind { statement, .. } => back.building && is_about(statement),
            Self::DescribeStatement(name) => back.building && is_about(name),
            Self::DescribePortal(_) | Self::Execute { .. } => back.building,
        }
    }
}
