//! Timers of connections: coarse, and free of cost per request.
//!
//! A connection stands at most once in the wheel, at or before its deadline. A deadline that moves into
//! the future costs nothing: when the old moment comes, the connection is just put further on.

/// A tick is 2^18 microseconds (0.26 s).
const TICK_BITS: u32 = 18;
/// How many ticks the wheel spans (67 s); later deadlines stop by on the way.
const SPAN: u64 = 256;

/// Who is to be looked at: index and serial of a connection.
pub(crate) type Entry = (u32, u32);

/// The tick in which a moment (microseconds) lies.
pub(crate) fn tick_of(micros: u64) -> u64 {
    micros >> TICK_BITS
}

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    buckets: Vec<Vec<Entry>>,
    /// The first tick not yet looked at.
    next: u64,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            buckets: (0..SPAN).map(|_| Vec::new()).collect(),
            next: tick_of(now),
            len: 0,
        }
    }

    /// Puts an entry at `tick`, or as far on as the wheel goes; the tick it got.
    pub(crate) fn insert(&mut self, tick: u64, entry: Entry) -> u64 {
        let tick = tick.clamp(self.next, self.next + SPAN - 1);
        self.buckets[(tick % SPAN) as usize].push(entry);
        self.len += 1;
        tick
    }

    /// Moves everything that is due at `now` into `due`, each with its tick.
    pub(crate) fn advance(&mut self, now: u64, due: &mut Vec<(u64, Entry)>) {
        let now = tick_of(now);
        while self.next < now {
            if self.len == 0 {
                self.next = now;
                return;
            }
            let tick = self.next;
            let bucket = &mut self.buckets[(tick % SPAN) as usize];
            self.len -= bucket.len();
            due.extend(bucket.drain(..).map(|entry| (tick, entry)));
            self.next += 1;
        }
    }

    /// Milliseconds until something may be due; None: nothing is in the wheel.
    pub(crate) fn sleep(&self, now: u64) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        let ahead = (0..SPAN)
            .find(|ahead| !self.buckets[((self.next + ahead) % SPAN) as usize].is_empty())?;
        let due = (self.next + ahead + 1) << TICK_BITS;
        Some(due.saturating_sub(now) / 1000 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_when_due() {
        let second = 1_000_000;
        let mut wheel = Wheel::new(0);
        let mut due = Vec::new();
        assert_eq!(wheel.sleep(0), None);
        let at = wheel.insert(tick_of(2 * second), (7, 1));
        wheel.advance(second, &mut due);
        assert!(due.is_empty());
        let sleep = wheel.sleep(second).unwrap();
        assert!((900..1400).contains(&sleep), "{sleep}");
        wheel.advance(second + sleep * 1000, &mut due);
        assert_eq!(due, [(at, (7, 1))]);
        assert_eq!(wheel.sleep(3 * second), None);
    }

    #[test]
    fn far_deadlines_stop_by() {
        let mut wheel = Wheel::new(0);
        let tick = wheel.insert(1_000_000, (0, 0));
        assert_eq!(tick, SPAN - 1);
    }
}
