//! One inventory after the other, with all that this process may learn.

use std::time::{Duration, Instant};

use super::inventory::{Inventory, Missing, Query};
use super::owners::Owners;

/// Takes inventories of this and all other network namespaces, with owners. Keep one for the life of the program: what it remembers
/// makes the second inventory cheaper than the first.
#[derive(Debug)]
pub struct Collector {
    query: Query,
    owners: Owners,
    elsewhere: Option<Elsewhere>,
}

/// What asking other namespaces cost, each of which is a walk of the kernel's whole table.
#[derive(Debug)]
struct Elsewhere {
    namespaces: usize,
    asked: Instant,
    cost: Duration,
}

/// Other namespaces are asked again only when this many times the cost of asking has gone by: 2% of one core at most.
const REST: u32 = 50;

impl Collector {
    /// For the sockets that `query` asks for.
    #[must_use]
    pub fn new(query: Query) -> Self {
        Self {
            query,
            owners: Owners::new(),
            elsewhere: None,
        }
    }

    /// All sockets now. Never fails: what could not be learnt is in [`Inventory::missing`].
    pub fn collect(&mut self) -> Inventory {
        let is_due = self.elsewhere.as_ref().is_none_or(Elsewhere::is_due);
        self.take(is_due)
    }

    /// The same, other namespaces in any case: for who asks only a few times.
    pub fn collect_whole(&mut self) -> Inventory {
        self.take(true)
    }

    fn take(&mut self, elsewhere: bool) -> Inventory {
        let mut inventory = Inventory::take(&self.query);
        if elsewhere {
            self.add_elsewhere(&mut inventory);
        } else if let Some(latest) = &self.elsewhere {
            inventory.missing.push(Missing::Namespaces(latest.namespaces));
        }
        let missing = self.owners.resolve(&mut inventory.sockets);
        inventory.missing.extend(missing);
        inventory
    }

    /// On a host with very many sockets and containers some inventories lack those of the containers, and say so.
    fn add_elsewhere(&mut self, inventory: &mut Inventory) {
        let begun = Instant::now();
        let (namespaces, mut elsewhere) = Inventory::take_elsewhere(&self.query);
        let asked = Instant::now();
        self.elsewhere = Some(Elsewhere {
            namespaces,
            asked,
            cost: asked - begun,
        });
        let room = self.query.limit.saturating_sub(inventory.sockets.len());
        let beyond = elsewhere.sockets.len().saturating_sub(room);
        elsewhere.sockets.truncate(room);
        inventory.sockets.append(&mut elsewhere.sockets);
        inventory.missing.append(&mut elsewhere.missing);
        inventory
            .missing
            .extend((beyond > 0).then_some(Missing::BeyondLimit(beyond)));
        inventory.time = elsewhere.time;
    }
}

impl Elsewhere {
    fn is_due(&self) -> bool {
        self.namespaces == 0 || self.asked.elapsed() >= self.cost * REST
    }
}
