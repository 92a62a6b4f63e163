//! Greenlets that wait in the middle of a request: who waits for what, and whose wait may be over.
//!
//! A greenlet is known by a ticket here, so that nothing of Python lies under the link's lock. A wait
//! may end in other ways as well (the greenlet is killed); then its ticket is forgotten, so that
//! nobody switches into a greenlet that waits for something else by then.

use std::collections::{BTreeSet, HashMap, VecDeque};

use link::SlotId;

use crate::pool::Purpose;

/// Names one wait of one greenlet; later ones are larger.
pub(crate) type Ticket = u64;

/// All waits of greenlets.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    /// Those that wait for a frame of a request.
    news: HashMap<(u32, u32), Vec<Ticket>>,
    /// Those that wait for room in the ring to the server, oldest first.
    room: BTreeSet<Ticket>,
    /// Those that should look again, in this order.
    ready: VecDeque<Ticket>,
    last: Ticket,
}

impl Parking {
    /// A name for a wait that begins.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        self.last
    }

    /// The wait goes on until there is news of this kind.
    pub(crate) fn park(&mut self, purpose: Purpose, ticket: Ticket) {
        match purpose {
            Purpose::News(slot) => self.news.entry(key(slot)).or_default().push(ticket),
            Purpose::Room => {
                self.room.insert(ticket);
            }
            // Greenlets are begun with their request; none waits for one.
            Purpose::Request => self.ready.push_back(ticket),
        }
    }

    /// A frame for this request has come.
    pub(crate) fn news_for(&mut self, slot: SlotId) {
        if self.news.is_empty() {
            return;
        }
        if let Some(tickets) = self.news.remove(&key(slot)) {
            self.ready.extend(tickets);
        }
    }

    /// There may be room in the ring.
    pub(crate) fn news_of_room(&mut self) {
        self.ready.extend(std::mem::take(&mut self.room));
    }

    /// Everybody is to look again.
    pub(crate) fn news_for_all(&mut self) {
        self.ready
            .extend(std::mem::take(&mut self.news).into_values().flatten());
        self.news_of_room();
    }

    /// Whether somebody should look again.
    pub(crate) fn has_news(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next that should look again.
    pub(crate) fn next_ready(&mut self) -> Option<Ticket> {
        self.ready.pop_front()
    }

    /// The wait is over, however it ended.
    pub(crate) fn forget(&mut self, purpose: Purpose, ticket: Ticket) {
        self.ready.retain(|&other| other != ticket);
        match purpose {
            Purpose::News(slot) => {
                if let Some(tickets) = self.news.get_mut(&key(slot)) {
                    tickets.retain(|&other| other != ticket);
                    if tickets.is_empty() {
                        self.news.remove(&key(slot));
                    }
                }
            }
            Purpose::Room => {
                self.room.remove(&ticket);
            }
            Purpose::Request => {}
        }
    }
}

fn key(slot: SlotId) -> (u32, u32) {
    (slot.index, slot.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SlotId = SlotId {
        index: 1,
        generation: 7,
    };
    const OTHER: SlotId = SlotId {
        index: 1,
        generation: 8,
    };

    #[test]
    fn news_wake_those_that_wait_for_them() {
        let mut parking = Parking::default();
        let (reader, writer, third) = (parking.ticket(), parking.ticket(), parking.ticket());
        parking.park(Purpose::News(ONE), reader);
        parking.park(Purpose::Room, writer);
        parking.park(Purpose::News(OTHER), third);
        assert!(!parking.has_news());
        parking.news_for(ONE);
        assert_eq!(parking.next_ready(), Some(reader));
        assert_eq!(parking.next_ready(), None);
        parking.news_of_room();
        assert_eq!(parking.next_ready(), Some(writer));
        parking.news_for_all();
        assert_eq!(parking.next_ready(), Some(third));
    }

    #[test]
    fn who_was_killed_is_not_woken() {
        let mut parking = Parking::default();
        let (one, two) = (parking.ticket(), parking.ticket());
        parking.park(Purpose::News(ONE), one);
        parking.park(Purpose::News(ONE), two);
        parking.forget(Purpose::News(ONE), one);
        parking.news_for(ONE);
        assert_eq!(parking.next_ready(), Some(two));
        parking.park(Purpose::Room, two);
        parking.news_of_room();
        parking.forget(Purpose::Room, two);
        assert_eq!(parking.next_ready(), None);
    }

    #[test]
    fn the_one_that_has_waited_longest_gets_room_first() {
        let mut parking = Parking::default();
        let (one, two) = (parking.ticket(), parking.ticket());
        parking.park(Purpose::Room, two);
        parking.park(Purpose::Room, one);
        parking.news_of_room();
        assert_eq!(parking.next_ready(), Some(one));
        assert_eq!(parking.next_ready(), Some(two));
    }
}
