//! The network thread in supervision's words, and supervision's orders in the network thread's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use front::Concurrency;
use os::event::EventFd;
use supervise::{Attachment, Capacity, Network, Order, Report, Totals, WorkerId};

/// The network thread, as supervision talks to it.
#[derive(Debug)]
pub(crate) struct ServingThread {
    handle: front::Handle,
    reports: Receiver<front::Report>,
    bell: Arc<EventFd>,
    /// It has reported its end, so its silence from now on is no failure.
    ended: bool,
}

impl ServingThread {
    /// Starts the network thread.
    pub(crate) fn start(
        listeners: Vec<net::Listener>,
        settings: front::Settings,
    ) -> io::Result<Self> {
        let (channel, reports) = channel();
        let bell = Arc::new(EventFd::new()?);
        let to_us = front::Reports {
            channel,
            bell: bell.clone(),
        };
        let handle = front::start(listeners, settings, to_us)?;
        Ok(Self {
            handle,
            reports,
            bell,
            ended: false,
        })
    }
}

impl Network for ServingThread {
    fn order(&mut self, order: Order) {
        self.handle.order(match order {
            Order::Attach(attachment) => {
                let Attachment {
                    id,
                    outgoing,
                    incoming,
                    control,
                    capacity,
                } = *attachment;
                let concurrency = match capacity {
                    Capacity::Fixed(count) => Concurrency::Fixed(count),
                    Capacity::Loop(count) => Concurrency::Loop(count),
                    Capacity::Auto { most } => Concurrency::Auto { most },
                };
                front::Order::Attach {
                    id: to_front(id),
                    outgoing,
                    incoming,
                    control,
                    concurrency,
                }
            }
            Order::Forked { id, pid } => front::Order::Forked {
                id: to_front(id),
                pid,
            },
            Order::Gone { id, how } => front::Order::Gone {
                id: to_front(id),
                how,
            },
            Order::Retire(id) => front::Order::Retire { id: to_front(id) },
            Order::Drain => front::Order::Drain,
            Order::Stop => front::Order::Stop,
        });
    }

    fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn quiet(&mut self) {
        // It was readable, so this does not wait; and if it fails, the reports are read all the same.
        let _ = self.bell.wait_at_most(0);
    }

    fn report(&mut self) -> Option<Report> {
        let report = match self.reports.try_recv() {
            Ok(report) => report,
            Err(TryRecvError::Disconnected) if !std::mem::replace(&mut self.ended, true) => {
                return Some(Report::Failed("it ended unexpectedly".to_owned()));
            }
            Err(_) => return None,
        };
        self.ended |= matches!(report, front::Report::Drained(_) | front::Report::Failed(_));
        Some(match report {
            front::Report::Ready(id) => Report::Ready(from_front(id)),
            front::Report::Violation { id, why } => Report::Violation {
                id: from_front(id),
                why,
            },
            front::Report::Worn { id, requests } => Report::Worn {
                id: from_front(id),
                why: format!("it has served {requests} requests"),
            },
            front::Report::Delayed(delayed) => Report::Delayed(from_front_delayed(delayed)),
            front::Report::GivenUp { id, request, text } => Report::GivenUp {
                id: from_front(id),
                request,
                text,
            },
            front::Report::Stuck { id, others } => Report::Stuck {
                id: from_front(id),
                others,
            },
            front::Report::Hopeless(id) => Report::Hopeless(from_front(id)),
            front::Report::Blocked { id, time, requests } => Report::Blocked {
                id: from_front(id),
                time,
                requests,
            },
            front::Report::Unblocked { id, time } => Report::Unblocked {
                id: from_front(id),
                time,
            },
            front::Report::Drained(totals) => Report::Drained(Totals {
                finished: totals.drained,
                dropped: totals.dropped,
                killed: totals.killed,
            }),
            front::Report::Failed(why) => Report::Failed(why),
        })
    }
}

fn to_front(id: WorkerId) -> front::WorkerId {
    front::WorkerId {
        worker: id.worker,
        incarnation: id.incarnation,
    }
}

fn from_front(id: front::WorkerId) -> WorkerId {
    WorkerId {
        worker: id.worker,
        incarnation: id.incarnation,
    }
}

fn from_front_delayed(delayed: front::Delayed) -> supervise::Delayed {
    supervise::Delayed {
        id: from_front(delayed.id),
        thread: delayed.thread,
        request: delayed.request,
        client: delayed.client,
        age: delayed.age,
        end: delayed.end.map(|end| match end {
            front::ClientSaw::Timeout => supervise::ClientSaw::Timeout,
            front::ClientSaw::CutOff => supervise::ClientSaw::CutOff,
            front::ClientSaw::Nothing => supervise::ClientSaw::Nothing,
        }),
    }
}
