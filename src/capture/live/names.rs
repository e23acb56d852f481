//! What the interfaces of frames are called.

use std::collections::HashMap;

use super::ANY;
use crate::capture::interfaces;

/// The interfaces' names, by the index that frames carry.
#[derive(Default)]
pub(super) struct Names {
    all: Vec<String>,
    /// By the kernel's number, for a ring on all interfaces.
    known: HashMap<u32, u16>,
    latest: Option<(u32, u16)>,
}

impl Names {
    /// No more names are told apart; frames of later interfaces are said to be of the last.
    const MAX: usize = 4096;

    pub(super) fn add(&mut self, name: &str) -> u16 {
        let at = self.all.iter().position(|it| it == name).unwrap_or_else(|| {
            if self.all.len() < Self::MAX {
                self.all.push(name.to_owned());
            }
            self.all.len() - 1
        });
        at as u16
    }

    pub(super) fn as_slice(&self) -> &[String] {
        &self.all
    }

    pub(super) fn name(&self, index: u16) -> String {
        self.all.get(usize::from(index)).cloned().unwrap_or_default()
    }

    /// Of the kernel's number.
    #[inline]
    pub(super) fn of(&mut self, number: u32) -> u16 {
        match self.latest {
            Some((latest, index)) if latest == number => index,
            _ => self.look_up(number),
        }
    }

    fn look_up(&mut self, number: u32) -> u16 {
        let index = match self.known.get(&number) {
            Some(index) => *index,
            None => self.add(&interfaces::name(number).unwrap_or_else(|| ANY.to_owned())),
        };
        if self.known.len() < Self::MAX {
            self.known.insert(number, index);
        }
        self.latest = Some((number, index));
        index
    }
}
