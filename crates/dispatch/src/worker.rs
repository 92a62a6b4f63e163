//! One worker as dispatch sees it: its link, its slots, its pace.

use std::os::fd::OwnedFd;

use link::{FrameHead, Full, Incoming, Kind, Outgoing, SlotId};

use crate::exchanges::ExchangeId;
use crate::lateness::{Faith, Ping, Stage};
use crate::pace::Pace;

/// A worker that has requests and was not heard of for so long (microseconds) is not about to answer.
const QUIET: u64 = 300;

/// Which process of which worker; the number is stable, the incarnation grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerKey {
    /// 1..N.
    pub worker: u32,
    /// Unique over the server's life.
    pub incarnation: u64,
}

/// How many requests a worker runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Exactly this many.
    Fixed(usize),
    /// Exactly this many, each of which begins at once: a loop (greenlets) takes whatever it is given.
    Loop(usize),
    /// As many as it finds useful, up to this many: it starts threads while requests wait in its ring.
    Auto(usize),
}

impl Capacity {
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Fixed(most) | Self::Loop(most) | Self::Auto(most) => most,
        }
    }
}

/// What a slot holds.
#[derive(Debug)]
pub(crate) struct Held {
    /// None when the client is gone but the worker still works on it.
    pub(crate) exchange: Option<ExchangeId>,
    pub(crate) generation: u32,
    /// Whether a piece of the answer has come.
    pub(crate) begun: bool,
    /// Bytes of the body that the app wants and has not got.
    pub(crate) wanted: u64,
    /// Bytes of the answer that have left and that the worker has not been told of.
    pub(crate) freed: u64,
    /// When the worker was given it, in microseconds.
    pub(crate) given: u64,
    /// What has become of its time.
    pub(crate) stage: Stage,
}

/// Where the worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Forked, not ready.
    Booting,
    /// Serves.
    Ready,
    /// Gets nothing new.
    Retiring,
}

/// A worker and what it has been given.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) key: WorkerKey,
    pub(crate) outgoing: Outgoing,
    pub(crate) incoming: Option<Incoming>,
    pub(crate) control: OwnedFd,
    pub(crate) capacity: Capacity,
    pub(crate) life: Life,
    pub(crate) slots: Vec<Option<Held>>,
    free: Vec<u32>,
    next_generation: u32,
    /// Slots in the order they were given, oldest first; ended ones are skipped lazily. It is what
    /// take-back and re-dispatch walk.
    pub(crate) order: std::collections::VecDeque<SlotId>,
    pub(crate) outstanding: usize,
    pub(crate) pace: Pace,
    /// The last lazy nap brought nothing: sleep soundly until a frame comes.
    pub(crate) overslept: bool,
    /// `taken` at the last look (for nudging an automatic pool).
    pub(crate) taken_before: u64,
    /// Control frames that did not fit into the ring.
    pub(crate) late: Vec<FrameHead>,
    /// How many of its requests are beyond their time.
    pub(crate) overdue: usize,
    /// Whether it gives those up.
    pub(crate) faith: Faith,
    /// When anything was last heard of it, or it began to have requests.
    pub(crate) heard: u64,
    /// What it has been asked since.
    pub(crate) ping: Option<Ping>,
    /// It does not answer.
    pub(crate) blocked: bool,
}

impl Worker {
    pub(crate) fn new(
        key: WorkerKey,
        outgoing: Outgoing,
        incoming: Incoming,
        control: OwnedFd,
        capacity: Capacity,
    ) -> Self {
        let count = outgoing.slots();
        Self {
            key,
            outgoing,
            incoming: Some(incoming),
            control,
            capacity,
            life: Life::Booting,
            slots: (0..count).map(|_| None).collect(),
            free: (0..count).rev().collect(),
            next_generation: 1,
            order: std::collections::VecDeque::new(),
            outstanding: 0,
            pace: Pace::unknown(),
            overslept: false,
            taken_before: 0,
            late: Vec::new(),
            overdue: 0,
            faith: Faith::Whole,
            heard: 0,
            ping: None,
            blocked: false,
        }
    }

    /// Whether it has a free thread (as far as is known).
    pub(crate) fn is_free(&self) -> bool {
        self.life == Life::Ready
            && !self.blocked
            && self.outstanding < self.capacity.most()
            && !self.free.is_empty()
    }

    /// Whether it may get one more ahead of time.
    pub(crate) fn takes_ahead(&self) -> bool {
        self.life == Life::Ready
            && !self.blocked
            && self.overdue == 0
            // A loop begins everything at once: nothing waits in its ring, its limit is the limit.
            && !matches!(self.capacity, Capacity::Loop(_))
            && self.outstanding < self.capacity.most() + self.pace.look_ahead()
            && !self.free.is_empty()
    }

    /// Whether it is awake and so fast that one more request is answered sooner than another worker
    /// would be awake.
    pub(crate) fn answers_soon(&self, now: u64) -> bool {
        self.outstanding > 0
            && !self.overslept
            && self.takes_ahead()
            && self.pace.answers_before_a_wake(self.outstanding)
            && now.saturating_sub(self.heard) < QUIET
    }

    /// Writes a request into the ring and holds its slot.
    pub(crate) fn give(
        &mut self,
        exchange: ExchangeId,
        payload: &[u8],
        streams: bool,
        now: u64,
    ) -> Result<(), Full> {
        let Some(&index) = self.free.last() else {
            return Err(Full);
        };
        let slot = SlotId {
            index,
            generation: self.next_generation,
        };
        let head = FrameHead::new(Kind::Request, slot);
        self.outgoing
            .push(if streams { head } else { head.end() }, &[payload])?;
        self.free.pop();
        self.next_generation = self.next_generation.wrapping_add(1).max(1);
        let held = Held {
            exchange: Some(exchange),
            generation: slot.generation,
            begun: false,
            wanted: 0,
            freed: 0,
            given: now,
            stage: Stage::Fresh,
        };
        self.slots[index as usize] = Some(held);
        self.order.push_back(slot);
        if self.outstanding == 0 {
            self.heard = now;
            self.overslept = false;
            self.ping = None;
        }
        self.outstanding += 1;
        // One endless request at the front must not keep the ended ones behind it for ever.
        if self.order.len() > 2 * self.outstanding + 64 {
            let slots = &self.slots;
            self.order.retain(|slot| {
                slots[slot.index as usize]
                    .as_ref()
                    .is_some_and(|held| held.generation == slot.generation)
            });
        }
        Ok(())
    }

    /// The holder of a slot, if it is that use of it.
    pub(crate) fn held(&mut self, slot: SlotId) -> Option<&mut Held> {
        self.slots
            .get_mut(slot.index as usize)?
            .as_mut()
            .filter(|held| held.generation == slot.generation)
    }

    /// Lets go of a slot.
    pub(crate) fn release(&mut self, slot: SlotId) -> Option<Held> {
        let held = self.slots.get_mut(slot.index as usize)?.take()?;
        self.free.push(slot.index);
        self.outstanding -= 1;
        if let Stage::Overdue { .. } = held.stage {
            self.overdue -= 1;
        }
        while let Some(&oldest) = self.order.front() {
            if self.held(oldest).is_some() {
                break;
            }
            self.order.pop_front();
        }
        Some(held)
    }

    /// Takes back the youngest request that has not been begun.
    pub(crate) fn take_back(&mut self) -> Option<ExchangeId> {
        while let Some(&slot) = self.order.back() {
            match self.held(slot).map(|held| held.begun) {
                None => {
                    self.order.pop_back();
                }
                Some(true) => return None,
                Some(false) if !self.outgoing.revoke(slot) => return None,
                Some(false) => {
                    self.order.pop_back();
                    return self.release(slot)?.exchange;
                }
            }
        }
        None
    }

    /// Sends a small frame, later if the ring is full.
    pub(crate) fn say(&mut self, head: FrameHead) {
        if !self.late.is_empty() || self.outgoing.push(head, &[]).is_err() {
            self.late.push(head);
        }
    }

    /// Tries again what did not fit.
    pub(crate) fn say_late(&mut self) {
        let late = std::mem::take(&mut self.late);
        for head in late {
            self.say(head);
        }
    }
}
