//! Both ends of the link and all that they concern, as one state under one lock.
//!
//! [`Inlet::pump`] reads the frames that have come and puts each where it belongs: requests into the
//! queue of those read ahead, pieces of bodies and news of room into their slots. It never waits and
//! never touches Python, so an event loop may call it as well as a thread that sleeps on the bell.

use std::collections::VecDeque;

use link::{FrameHead, Inbox, Kind, LAST_CALL, NoRoom, Outbox, SlotId};
use os::clock::monotonic_micros;
use os::process::thread_number;

use crate::parking::Parking;
use crate::pool::Pool;
use crate::slots::{BodyState, Reader, Slots};

/// Buffers kept for the next requests, and the size above which a buffer is not worth keeping.
const KEPT_BUFFERS: usize = 80;
const KEPT_BUFFER_SIZE: usize = 16 * 1024;

/// How long an answer may lie in the ring while a greenlet keeps the loop from sleeping, in microseconds.
const LONGEST_SILENCE: u64 = 1_000;
/// The value of a Cancel frame that tells of a deadline.
const PAST_DEADLINE: u64 = 1;

/// A request: its name and its payload (layout: `wire::payload`).
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) slot: SlotId,
    pub(crate) payload: Vec<u8>,
}

/// The state under the lock.
#[derive(Debug)]
pub(crate) struct Inlet {
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) slots: Slots,
    pub(crate) pool: Pool,
    /// Greenlets that wait, where the engine has such.
    pub(crate) parking: Parking,
    /// Requests whose time is over, for an engine that can break them off.
    pub(crate) overdue: Vec<SlotId>,
    /// Requests that were read from the ring before a thread had time for them. They are not begun:
    /// the server may still take them back.
    ahead: VecDeque<Job>,
    buffers: Vec<Vec<u8>>,
    /// The server wants this worker to leave when it has nothing left.
    pub(crate) draining: bool,
    /// The server stops: the time of the requests runs, though more may come.
    pub(crate) last_call: bool,
    /// The server is gone.
    pub(crate) gone: bool,
    /// Somebody has sent a file's descriptor and not yet the frame that belongs to it.
    pub(crate) file_turn: Option<SlotId>,
    unanswered_ping: Option<u64>,
    /// It is the hub that reads frames now.
    pub(crate) turning: bool,
    /// Answers that were given up when the ring was full: the server has still to be told.
    given_up: Vec<SlotId>,
    response_buffer: u64,
    /// Since when (microseconds) there are answers that the server was not woken for.
    unannounced_since: Option<u64>,
}

impl Inlet {
    pub(crate) fn new(inbox: Inbox, outbox: Outbox, pool: Pool, response_buffer: u64) -> Self {
        Self {
            slots: Slots::new(inbox.slots()),
            inbox,
            outbox,
            pool,
            parking: Parking::default(),
            overdue: Vec::new(),
            ahead: VecDeque::new(),
            buffers: Vec::new(),
            draining: false,
            last_call: false,
            gone: false,
            file_turn: None,
            unanswered_ping: None,
            turning: false,
            given_up: Vec::new(),
            response_buffer,
            unannounced_since: None,
        }
    }

    /// Reads every frame that has come.
    pub(crate) fn pump(&mut self) {
        self.pump_for(None);
    }

    /// The same; pieces of the body that `reader` waits for go straight to it.
    pub(crate) fn pump_for(&mut self, mut reader: Option<&mut Reader<'_, '_>>) {
        while let Some(arrival) = self.inbox.peek() {
            let (head, mark) = (arrival.head, arrival.mark());
            match head.kind {
                Kind::Request => {
                    let mut payload = self.buffers.pop().unwrap_or_default();
                    payload.extend_from_slice(arrival.payload);
                    self.ahead.push_back(Job {
                        slot: head.slot,
                        payload,
                    });
                }
                Kind::Body => {
                    if let Some(slot) = self.slots.find(head.slot) {
                        slot.body.arrived(
                            arrival.payload,
                            reader
                                .as_deref_mut()
                                .filter(|reader| reader.slot == head.slot),
                        );
                        if head.is_end() {
                            slot.body.finished(head.value == 1);
                        }
                    }
                }
                Kind::Room => {
                    if let Some(slot) = self.slots.find(head.slot) {
                        slot.window = slot.window.saturating_add(head.value);
                    }
                }
                Kind::Cancel => {
                    if let Some(slot) = self.slots.find(head.slot) {
                        slot.cancelled = true;
                        if head.value == PAST_DEADLINE && self.pool.has_hub() {
                            self.overdue.push(head.slot);
                        }
                    }
                }
                Kind::Drain if head.value == LAST_CALL => self.last_call = true,
                Kind::Drain => self.draining = true,
                Kind::Ping => self.unanswered_ping = Some(head.value),
                // Nothing is said this way yet; and the rest never goes to a worker.
                _ => {}
            }
            self.inbox.consume(mark);
            self.pool.news_for(head.slot);
            self.parking.news_for(head.slot);
        }
        if self.owes_pong() || !self.given_up.is_empty() {
            self.say_what_is_owed();
        }
    }

    /// Sends the small frames that nobody waits for, as far as there is room.
    fn say_what_is_owed(&mut self) {
        if let Some(value) = self.unanswered_ping.filter(|_| self.owes_pong()) {
            let pong = FrameHead::new(
                Kind::Pong,
                SlotId {
                    index: 0,
                    generation: 0,
                },
            )
            .value(value);
            if self.outbox.push(pong, &[]).is_ok() {
                self.unanswered_ping = None;
            }
        }
        while let Some(&slot) = self.given_up.last() {
            if self
                .outbox
                .push(FrameHead::new(Kind::Error, slot).end(), &[])
                .is_err()
            {
                return;
            }
            self.given_up.pop();
            self.ended(slot);
        }
        self.outbox.announce(true);
    }

    /// Whether a ping is to be answered now. Where there is a hub it asks whether that turns, so that
    /// only a turn of it is an answer.
    fn owes_pong(&self) -> bool {
        self.unanswered_ping.is_some() && (self.turning || !self.pool.has_hub())
    }

    /// Ends an answer that nobody will complete.
    pub(crate) fn give_up(&mut self, slot: SlotId) {
        self.given_up.push(slot);
        self.say_what_is_owed();
    }

    /// Whether a request waits that nobody has begun (and the server has perhaps taken back).
    pub(crate) fn has_requests(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Whether an idle thread should go for a request that waits.
    pub(crate) fn is_worth_beginning(&mut self, now: u64) -> bool {
        if self.ahead.is_empty() {
            return false;
        }
        self.pool.look(now);
        self.pool.may_begin(now)
    }

    /// Whether there is nothing to do: the moment at which answers must not wait any longer.
    pub(crate) fn is_idle(&self) -> bool {
        self.ahead.is_empty() && self.inbox.is_empty()
    }

    /// Whether the hub has something to do that it may not know of.
    pub(crate) fn has_work_for_hub(&self) -> bool {
        !self.ahead.is_empty() || self.parking.has_news() || !self.overdue.is_empty()
    }

    /// Whether nothing is left of what was begun, and nothing more will come.
    pub(crate) fn is_finished(&self) -> bool {
        self.gone || self.draining && self.ahead.is_empty() && self.pool.is_resting()
    }

    /// Begins the next request that the server has not taken back.
    pub(crate) fn begin_next(&mut self, now: u64) -> Option<Job> {
        if self.ahead.is_empty() {
            self.pump();
        }
        while let Some(job) = self.ahead.pop_front() {
            if self.inbox.take(job.slot) {
                self.inbox.runs_on(job.slot, thread_number());
                self.slots.open(job.slot, self.response_buffer, now);
                self.pool.began(now);
                return Some(job);
            }
            self.keep(job.payload);
        }
        None
    }

    /// The answer's last frame was sent: the slot is the server's again.
    pub(crate) fn ended(&mut self, slot: SlotId) {
        if self.slots.close(slot) {
            let slots = &self.slots;
            self.pool.ended(|| slots.last_begun());
        }
        if self.draining && self.pool.has_hub() && self.pool.is_resting() {
            // The hub is to see that it was the last one. (An eventfd of our own: there is no error.)
            let _ = self.inbox.bell().raise();
        }
        if self.pool.has_hub() {
            self.announce_soon();
        } else {
            let idle = self.is_idle();
            self.outbox.announce(idle);
        }
    }

    /// Many greenlets may come to their end before the loop sleeps: the server is woken for all of them
    /// together, by [`Inlet::announce_now`] or when the first has waited long enough.
    fn announce_soon(&mut self) {
        let now = monotonic_micros();
        let since = *self.unannounced_since.get_or_insert(now);
        if now.saturating_sub(since) >= LONGEST_SILENCE {
            self.announce_now();
        }
    }

    /// Before an event loop sleeps: wakes the server if there are answers that it may not know of.
    pub(crate) fn announce_now(&mut self) {
        if self.unannounced_since.take().is_some() {
            self.outbox.announce(true);
        }
    }

    /// Takes a buffer back for the next request.
    pub(crate) fn keep(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BUFFER_SIZE && self.buffers.len() < KEPT_BUFFERS {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// Gives a reader what there is of its body, and asks the server for more; None: nothing can come
    /// any more, the request is over or cancelled.
    pub(crate) fn read_body(
        &mut self,
        reader: &mut Reader<'_, '_>,
    ) -> Result<Option<BodyState>, NoRoom> {
        self.pump_for(Some(reader));
        let id = reader.slot;
        let Some(slot) = self.slots.find(id) else {
            return Ok(None);
        };
        slot.body.read_into(reader);
        let state = slot.body.state();
        if state == BodyState::More && slot.cancelled {
            return Ok(None);
        }
        if let Some(bytes) = slot.body.ask(reader.wanted()) {
            if let Err(no_room) = self
                .outbox
                .push(FrameHead::new(Kind::Want, id).value(bytes), &[])
            {
                slot.body.unask(bytes);
                return Err(no_room);
            }
            self.outbox.announce(true);
        }
        Ok(Some(state))
    }
}
