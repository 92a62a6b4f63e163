//! How long requests may wait for a worker. Once a second, and only while some wait, their ages are
//! looked at: requests that were put back because their worker died keep the age that they have.

use dispatch::Dispatcher;
use net::Connections;

use crate::glue::{exchange_id, net_id};

const PERIOD: u64 = 1_000_000;

/// The limit, and when to look next (monotonic microseconds).
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Option<u64>,
    next: u64,
}

impl Patience {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self { limit, next: 0 }
    }

    /// How long the thread may sleep, in milliseconds; None when nobody's time can run out.
    pub(crate) fn sleep(&self, dispatcher: &Dispatcher, now: u64) -> Option<i32> {
        let waits = self.limit.is_some() && dispatcher.waiting() > 0;
        waits.then(|| {
            let left = self.next.saturating_sub(now).div_ceil(1000);
            i32::try_from(left).unwrap_or(i32::MAX)
        })
    }

    /// Turns away who has waited too long, if it is time to look.
    pub(crate) fn look(&mut self, dispatcher: &mut Dispatcher, connections: &mut Connections) {
        let now = connections.now();
        let Some(limit) = self.limit.filter(|_| now >= self.next) else {
            return;
        };
        self.next = now + PERIOD;
        let late: Vec<_> = dispatcher
            .waiting_exchanges()
            .filter(|exchange| {
                let since = connections.submitted_at(net_id(*exchange));
                since.is_some_and(|since| now.saturating_sub(since) >= limit)
            })
            .map(net_id)
            .collect();
        for &id in &late {
            dispatcher.cancel(exchange_id(id), false);
            connections.note(id, "no worker was free for it in time");
            connections.fail(id, 503, "the server is too busy");
        }
    }
}
