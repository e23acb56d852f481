//! Whole scenes: what a profile makes of scripted connections.

mod bounds;
mod counting;
mod grouping;
mod hoarding;
mod random;

use super::Picture;
use crate::summary::{Connection, Owner, Reason};

pub fn flagged(picture: &Picture) -> Vec<(u16, Vec<Reason>)> {
    let mut flagged: Vec<_> = picture
        .hoarded
        .iter()
        .map(|one| (one.client.port - 40_000, one.reasons.clone()))
        .collect();
    flagged.sort();
    flagged
}

pub fn connection(picture: &Picture, id: u16) -> &Connection {
    let all = picture.connections.as_ref().unwrap();
    all.iter().find(|one| one.client.port == 40_000 + id).unwrap()
}

pub fn owner(pid: u32, unit: Option<&str>) -> Owner {
    Owner {
        pid: Some(pid),
        command: Some("web".to_owned()),
        unit: unit.map(str::to_owned),
        ..Owner::default()
    }
}
