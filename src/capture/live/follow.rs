//! The rings of interfaces as they come and go, of one source or of several that divide the frames.

use super::{
    ANY, Choice, Group, Interface, InterfaceEvent, Layout, LiveError, LiveSource, MAX_RINGS, Ring, Watch,
    explain, filter, program,
};
use crate::capture::interfaces::{interfaces as list, name};

impl LiveSource {
    /// Watches interfaces that have come since, and lets go of those that are no more; to be called now and then. See
    /// [`LiveSource::take_events`] for the outcome.
    pub fn follow(&mut self) {
        Self::follow_together(&mut [self]);
    }

    /// The same for sources opened by [`LiveSource::open_several`], all of them in their order. The first tells of it for all.
    pub fn follow_together(sources: &mut [&mut Self]) {
        for source in sources.iter_mut() {
            source.forget_gone();
        }
        for source in sources.iter_mut().skip(1) {
            source.events.clear();
        }
        let Some(choice) = sources.first().map(|first| first.choice.clone()) else {
            return;
        };
        if choice == Choice::Any {
            return;
        }
        let Ok(all) = list() else { return };
        if let Some(first) = sources.first_mut() {
            first
                .refused
                .retain(|index| all.iter().any(|it| it.index == *index));
        }
        for interface in choice.among(all) {
            Self::follow_one(sources, interface);
        }
    }

    fn follow_one(sources: &mut [&mut Self], interface: Interface) {
        let Some(first) = sources.first() else { return };
        let same = |watch: &Watch| watch.index == interface.index && !watch.gone;
        if first.watches.iter().any(same) || first.refused.contains(&interface.index) {
            return;
        }
        let is_full = first.watches.len() >= MAX_RINGS;
        let event = Self::watch_newcomer(sources, interface, is_full);
        if let Some(first) = sources.first_mut() {
            first.events.extend(event);
        }
    }

    /// Nothing is told of one that is gone again already.
    fn watch_newcomer(
        sources: &mut [&mut Self],
        interface: Interface,
        is_full: bool,
    ) -> Option<InterfaceEvent> {
        let tried = if is_full {
            Err(format!(
                "{MAX_RINGS} interfaces are watched already; watch `{ANY}`"
            ))
        } else {
            Self::watch_together(sources, &interface).map_err(|error| error.to_string())
        };
        let Err(reason) = tried else {
            return Some(InterfaceEvent::Watched(interface.name));
        };
        name(interface.index)?;
        sources.first_mut()?.refused.insert(interface.index);
        Some(InterfaceEvent::Refused(interface.name, reason))
    }

    /// Opens a ring for each source, all of them or none. No frame is given to any before all have joined the group, as the kernel divides
    /// frames among those that have.
    pub(super) fn watch_together(sources: &mut [&mut Self], interface: &Interface) -> Result<(), LiveError> {
        let mut rings = Vec::new();
        let mut id = None;
        for source in sources.iter() {
            let ring = source.ring(interface, id)?;
            id = ring.group();
            rings.push(ring);
        }
        if rings.len() > 1 {
            for (source, ring) in sources.iter().zip(&rings) {
                let filtered = ring.filter(|framing| program(framing, &source.options.targets, source.share));
                filtered.map_err(|error| explain(&interface.name, &error))?;
            }
        }
        for (source, ring) in sources.iter_mut().zip(rings) {
            let watch = Watch {
                ring,
                index: interface.index,
                interface: source.names.add(&interface.name),
                down: false,
                gone: false,
            };
            source.watches.push(watch);
            source.changes += 1;
        }
        Ok(())
    }

    /// A ring of the group `id`, or of a new one; alone, where this source is.
    fn ring(&self, interface: &Interface, id: Option<u16>) -> Result<Ring, LiveError> {
        let layout = Layout {
            block_size: self.options.block_size,
            blocks: self.blocks(),
            block_timeout: self.options.block_timeout,
            group: (self.of > 1).then_some(Group { of: self.of, id }),
        };
        let opened = Ring::open(interface.index, layout, |framing| {
            if self.of > 1 {
                filter::nothing()
            } else {
                program(framing, &self.options.targets, self.share)
            }
        });
        opened.map_err(|error| explain(&interface.name, &error))
    }
}
