//! Replies to what was not seen asked.

use super::Mysql;
use super::reply::{Reply, failure};
use super::wire::{HEADER, Packet};
use crate::protocol::{Message, Messages, Step};

impl Mysql {
    /// The server speaks though nothing we know of was asked.
    pub(super) fn stray(&mut self, bytes: &[u8], told: &mut Messages<'_>) -> Step {
        let Some(packet) = Packet::read(bytes) else {
            return Step::Need(HEADER);
        };
        if !packet.holds(3) {
            return Step::Need(packet.size().min(HEADER + 3));
        }
        match self.reply {
            Reply::Stray { sequence } if !begins_another(&packet, sequence) => self.rest_of_stray(bytes, 0),
            _ => self.stray_begins(bytes, &packet, told),
        }
    }

    /// An ERR packet with sequence 0 answers nothing: the server says why it is about to hang up.
    fn stray_begins(&mut self, bytes: &[u8], packet: &Packet<'_>, told: &mut Messages<'_>) -> Step {
        if packet.first() == Some(0xff) && (packet.sequence == 0 || failure(packet).is_aside()) {
            return Step::Take(packet.size() as u64);
        }
        if packet.sequence == 1 || !self.unsure {
            told.push(Message::Unmatched);
        }
        let sequence = packet.sequence;
        self.reply = Reply::Stray { sequence };
        self.rest_of_stray(bytes, packet.size())
    }

    /// Steps over packets up to the one that begins another reply.
    fn rest_of_stray(&mut self, bytes: &[u8], mut taken: usize) -> Step {
        while let Some(packet) = bytes.get(taken..).and_then(Packet::read) {
            let Reply::Stray { sequence } = self.reply else {
                break;
            };
            if begins_another(&packet, sequence) {
                break;
            }
            self.reply = Reply::Stray {
                sequence: packet.sequence,
            };
            taken += packet.size();
        }
        Step::Take(taken as u64)
    }
}

/// Whether a packet after one of this sequence begins another reply rather than going on.
fn begins_another(packet: &Packet<'_>, sequence: u8) -> bool {
    packet.sequence == 1 && sequence != 0
}
