//! What is done about requests that take too long and workers that do not turn: the client is
//! answered here; control hears of it, finds out what the worker is doing, and replaces it.

use std::time::Duration;

use dispatch::{Delay, Late, WorkerKey};

use crate::control::{ClientSaw, Delayed, Report};
use crate::glue::{Glue, net_id};
use crate::network::{Network, worker_id};

impl Network {
    /// Deals with all that is late by now.
    pub(crate) fn look_for_late(&mut self) {
        for (key, late) in self
            .dispatcher
            .look_for_late(&mut Glue(&mut self.connections))
        {
            let report = self.report_of(key, late);
            self.inbox.reports.send(report);
        }
    }

    fn report_of(&mut self, key: WorkerKey, late: Late) -> Report {
        let id = worker_id(key);
        let now = self.connections.now();
        let time = |since: u64| Duration::from_micros(now.saturating_sub(since));
        match late {
            Late::Slow(delay) => Report::Delayed(self.describe(key, delay)),
            Late::Overdue(delay) => {
                let mut delayed = self.describe(key, delay);
                delayed.end = Some(self.answer_late(delay));
                Report::Delayed(delayed)
            }
            Late::GivenUp { request, text } => Report::GivenUp { id, request, text },
            Late::Stuck { others } => Report::Stuck { id, others },
            Late::Hopeless => Report::Hopeless(id),
            Late::Blocked { since, requests } => Report::Blocked {
                id,
                time: time(since),
                requests,
            },
            Late::Unblocked { since } => Report::Unblocked {
                id,
                time: time(since),
            },
        }
    }

    fn describe(&mut self, key: WorkerKey, delay: Delay) -> Delayed {
        let id = delay.exchange.map(net_id);
        let request = id.and_then(|id| self.connections.request_line(id));
        let exchange = id.and_then(|id| self.connections.running(id));
        Delayed {
            id: worker_id(key),
            thread: delay.thread.filter(|_| !self.turns_loops),
            request,
            client: exchange.map_or_else(String::new, |exchange| exchange.remote_address.clone()),
            age: Duration::from_micros(delay.age),
            end: None,
        }
    }

    /// Tells the client of a request whose time is over.
    fn answer_late(&mut self, delay: Delay) -> ClientSaw {
        let Some(id) = delay.exchange.map(net_id) else {
            return ClientSaw::Nothing;
        };
        let Some(exchange) = self.connections.running(id) else {
            return ClientSaw::Nothing;
        };
        let saw = if exchange.status == 0 {
            ClientSaw::Timeout
        } else {
            ClientSaw::CutOff
        };
        self.connections
            .fail(id, 504, "the app did not answer in time");
        saw
    }
}
