//! Clients and workers for the dispatcher, in the test's hands.
#![allow(
    unreachable_pub,
    dead_code,
    reason = "each test program uses a part of it"
)]

use std::collections::HashMap;
use std::os::fd::AsFd;

use dispatch::{Capacity, Dispatcher, ExchangeId, Exchanges, Heard, Part, WorkerKey};
use link::{FrameHead, Geometry, Inbox, Kind, Outbox, SlotId, Violation, attach, create};

/// The other side of the dispatcher: remembers what became of each exchange.
#[derive(Default)]
pub struct Clients {
    pub answers: HashMap<u32, String>,
    pub assigned: HashMap<u32, u32>,
    pub left: Vec<u32>,
}

impl Exchanges for Clients {
    fn payload(&mut self, exchange: ExchangeId, out: &mut Vec<u8>) -> Option<bool> {
        out.extend_from_slice(&exchange.index.to_ne_bytes());
        (!self.left.contains(&exchange.index)).then_some(false)
    }

    fn assigned(&mut self, exchange: ExchangeId, worker: WorkerKey) {
        self.assigned.insert(exchange.index, worker.worker);
    }

    fn request_line(&mut self, exchange: ExchangeId) -> String {
        format!("GET /{}", exchange.index)
    }

    fn answer(&mut self, exchange: ExchangeId, part: Part<'_>) -> Result<(), Violation> {
        let text = match part {
            Part::Start {
                payload, end: true, ..
            } => {
                let mut bytes = Vec::new();
                payload.copy_into(&mut bytes);
                String::from_utf8(bytes).unwrap()
            }
            Part::WorkerGone { how } => format!("gone: {how}"),
            other => panic!("unexpected {other:?}"),
        };
        assert!(
            self.answers.insert(exchange.index, text).is_none(),
            "answered twice"
        );
        Ok(())
    }

    fn body_wanted(&mut self, _exchange: ExchangeId) {}
}

pub struct Hand {
    pub key: WorkerKey,
    pub inbox: Inbox,
    pub outbox: Outbox,
}

impl Hand {
    /// Takes the next request: its exchange's number and slot. None: nothing, or it was taken back.
    pub fn take(&mut self) -> Option<(u32, SlotId)> {
        loop {
            let arrival = self.inbox.peek()?;
            let (head, mark) = (arrival.head, arrival.mark());
            let payload = arrival.payload.to_vec();
            self.inbox.consume(mark);
            if head.kind == Kind::Request && self.inbox.take(head.slot) {
                return Some((u32::from_ne_bytes(payload.try_into().unwrap()), head.slot));
            }
        }
    }

    /// The next frame that is no request.
    pub fn hear(&mut self) -> Option<FrameHead> {
        loop {
            let arrival = self.inbox.peek()?;
            let (head, mark) = (arrival.head, arrival.mark());
            self.inbox.consume(mark);
            if head.kind != Kind::Request {
                return Some(head);
            }
        }
    }

    /// Answers a ping.
    pub fn pong(&mut self, value: u64) {
        let whole = SlotId {
            index: 0,
            generation: 0,
        };
        self.outbox
            .push(FrameHead::new(Kind::Pong, whole).value(value), &[])
            .unwrap();
    }

    pub fn answer(&mut self, slot: SlotId, micros: u64) {
        let text = format!("worker {}", self.key.worker);
        self.outbox
            .push(
                FrameHead::new(Kind::Start, slot).end().value(micros),
                &[text.as_bytes()],
            )
            .unwrap();
    }
}

pub fn worker(
    dispatcher: &mut Dispatcher,
    clients: &mut Clients,
    number: u32,
    capacity: Capacity,
) -> Hand {
    let key = WorkerKey {
        worker: number,
        incarnation: u64::from(number),
    };
    let (outgoing, incoming, parts) = create(Geometry {
        slots: 128,
        to_worker: 65536,
        to_server: 65536,
    })
    .unwrap();
    let (control, _) = os::pass::message_pair().unwrap();
    dispatcher.attach(key, outgoing, incoming, control, capacity);
    let (inbox, mut outbox) =
        attach(parts.memory.as_fd(), parts.wake_worker, parts.wake_server).unwrap();
    outbox
        .push(
            FrameHead::new(
                Kind::Ready,
                SlotId {
                    index: 0,
                    generation: 0,
                },
            ),
            &[],
        )
        .unwrap();
    assert_eq!(dispatcher.drain(clients), [(key, Heard::Ready)]);
    Hand { key, inbox, outbox }
}

pub fn submit(dispatcher: &mut Dispatcher, clients: &mut Clients, numbers: std::ops::Range<u32>) {
    for index in numbers {
        assert!(dispatcher.submit(exchange(index), clients), "it is taken");
    }
}

pub fn exchange(index: u32) -> ExchangeId {
    ExchangeId {
        index,
        generation: 1,
    }
}
