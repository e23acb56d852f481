//! One inventory after the other, with all that this process may learn.

use super::inventory::{Inventory, Query};
use super::owners::Owners;

/// Takes inventories of this and all other network namespaces, with owners. Keep one for the life of the program: what it remembers
/// makes the second inventory cheaper than the first.
#[derive(Debug)]
pub struct Collector {
    query: Query,
    owners: Owners,
}

impl Collector {
    /// For the sockets that `query` asks for.
    #[must_use]
    pub fn new(query: Query) -> Self {
        Self {
            query,
            owners: Owners::new(),
        }
    }

    /// All sockets now. Never fails: what could not be learnt is in [`Inventory::missing`].
    pub fn collect(&mut self) -> Inventory {
        let mut inventory = Inventory::take_everywhere(&self.query);
        let missing = self.owners.resolve(&mut inventory.sockets);
        inventory.missing.extend(missing);
        inventory
    }
}
