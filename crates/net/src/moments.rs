//! Moments at which a connection is looked at: when its client's patience ends, and when epoll does not
//! know it yet.

use crate::connections::Connections;
use crate::settings::Patience;
use crate::wheel::tick_of;

/// How often a connection that epoll does not know yet is looked at.
const GLANCE: u64 = 300_000;

impl Connections {
    pub(crate) fn sleep_time(&self, owner: Option<i32>) -> i32 {
        let mut timeout = owner.map(|limit| limit.max(0) as u64);
        let mut at_most = |limit: u64| timeout = Some(timeout.map_or(limit, |old| old.min(limit)));
        if let Some(sleep) = self.wheel.sleep(self.now) {
            at_most(sleep);
        }
        if let Some(until) = self.paused_until {
            at_most(until.saturating_sub(self.now) / 1000 + 1);
        }
        timeout.map_or(-1, |limit| limit.min(60_000) as i32)
    }

    /// From now on the client may take as long as its door's patience says.
    pub(crate) fn be_patient(&mut self, place: u32, which: fn(&Patience) -> u64) {
        let Some(patience) = self
            .table
            .get(place)
            .map(|connection| which(&connection.patience))
        else {
            return;
        };
        self.set_deadline(place, Some(patience));
    }

    /// Sets (or takes away) the moment when patience ends.
    pub(crate) fn set_deadline(&mut self, place: u32, patience: Option<u64>) {
        let now = self.now;
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.deadline = patience.map(|micros| now + micros);
        if let Some(deadline) = connection.deadline {
            self.stand_in_wheel(place, deadline);
        }
    }

    /// A connection outside the epoll set would not notice its client's end: look at it in a moment.
    pub(crate) fn glance_later(&mut self, place: u32) {
        self.stand_in_wheel(place, self.now + GLANCE);
    }

    fn stand_in_wheel(&mut self, place: u32, moment: u64) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let tick = tick_of(moment);
        if connection.wheel_tick.is_none_or(|stands| stands > tick) {
            connection.wheel_tick = Some(self.wheel.insert(tick, (place, connection.serial)));
        }
    }

    /// Looks at the connections whose moment has come.
    pub(crate) fn sweep(&mut self) {
        if self.paused_until.is_some_and(|until| until <= self.now) {
            self.paused_until = None;
            if !self.draining
                && let Err(error) = self.accept_from(true)
            {
                self.pause(error.to_string());
            }
        }
        let mut due = std::mem::take(&mut self.due);
        self.wheel.advance(self.now, &mut due);
        for (tick, (place, serial)) in due.drain(..) {
            let now = self.now;
            let Some(connection) = self.table.get_same(place, serial) else {
                continue;
            };
            if connection.wheel_tick != Some(tick) {
                continue;
            }
            connection.wheel_tick = None;
            let deadline = connection.deadline;
            if !connection.registered {
                self.register(place);
            }
            match deadline {
                Some(deadline) if deadline <= now => self.timed_out(place),
                Some(deadline) => self.stand_in_wheel(place, deadline),
                None => {}
            }
        }
        self.due = due;
    }
}
