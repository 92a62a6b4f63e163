//! Both ends of a link in one process: order, wake-ups, room, take-back, and a worker that lies.
#![allow(clippy::unwrap_used, reason = "a test that fails shows where")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use link::{
    Arrival, FrameHead, Full, Geometry, Inbox, Incoming, Kind, Nap, NoRoom, Outbox, Outgoing,
    Parts, SlotId, Violation, attach, create,
};
use os::memory::Mapping;
use proptest::prelude::*;

const SMALL: Geometry = Geometry {
    slots: 8,
    to_worker: 4096,
    to_server: 4096,
};

fn slot(index: u32) -> SlotId {
    SlotId {
        index,
        generation: 1,
    }
}

fn pair() -> (Outgoing, Incoming, Inbox, Outbox, OwnedFd) {
    pair_of(SMALL)
}

fn pair_of(geometry: Geometry) -> (Outgoing, Incoming, Inbox, Outbox, OwnedFd) {
    let (
        outgoing,
        incoming,
        Parts {
            memory,
            wake_worker,
            wake_server,
        },
    ) = create(geometry).unwrap();
    let (inbox, outbox) = attach(memory.as_fd(), wake_worker, wake_server).unwrap();
    (outgoing, incoming, inbox, outbox, memory)
}

fn receive(incoming: &mut Incoming) -> Option<(FrameHead, Vec<u8>)> {
    let received = incoming.peek().unwrap()?;
    let (head, mark) = (received.frame.head, received.mark());
    let mut payload = Vec::new();
    received.frame.payload.copy_into(&mut payload);
    incoming.consume(mark);
    Some((head, payload))
}

fn arrive(inbox: &mut Inbox) -> Option<(FrameHead, Vec<u8>)> {
    let Arrival { head, payload, .. } = inbox.peek()?;
    let payload = payload.to_vec();
    let mark = inbox.peek()?.mark();
    inbox.consume(mark);
    Some((head, payload))
}

proptest! {
    /// Whatever the sizes, frames come out as they went in, across many wraps of the ring.
    #[test]
    fn frames_come_out_as_they_went_in(lengths in prop::collection::vec(0usize..1500, 1..200)) {
        let (mut outgoing, mut incoming, mut inbox, mut outbox, _memory) = pair();
        for (number, &length) in lengths.iter().enumerate() {
            let payload = vec![number as u8; length];
            let (first, second) = payload.split_at(length / 3);
            let there = FrameHead::new(Kind::Body, slot(3)).value(number as u64);
            prop_assert_eq!(outgoing.push(there, &[first, second]), Ok(()));
            let (head, came) = arrive(&mut inbox).unwrap();
            prop_assert_eq!((head, &came), (there, &payload));
            let back = FrameHead::new(Kind::Data, slot(3)).end();
            prop_assert_eq!(outbox.push(back, &[&came]), Ok(()));
            prop_assert_eq!(receive(&mut incoming), Some((back, payload)));
        }
        prop_assert!(arrive(&mut inbox).is_none() && receive(&mut incoming).is_none());
    }

    /// Whatever a worker writes into the block, the server's end answers with frames or a violation,
    /// never with a fault.
    #[test]
    fn a_lying_worker_is_noticed(at in 0usize..20_000, bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let (mut outgoing, mut incoming, _inbox, mut outbox, memory) = pair();
        outbox.push(FrameHead::new(Kind::Data, slot(1)), &[b"honest"]).unwrap();
        let length = os::memory::file_len(memory.as_fd()).unwrap() as usize;
        scribble(&memory, at.min(length - bytes.len()), &bytes);
        for _ in 0..2000 {
            match incoming.peek() {
                Ok(Some(received)) => {
                    let mut copy = Vec::new();
                    received.frame.payload.copy_into(&mut copy);
                    let mark = received.mark();
                    incoming.consume(mark);
                }
                Ok(None) | Err(_) => break,
            }
        }
        for _ in 0..200 {
            let _ = outgoing.push(FrameHead::new(Kind::Request, slot(2)), &[&[7; 100]]);
            let _ = outgoing.revoke(slot(2));
        }
    }
}

proptest! {
    /// Small and large frames, some of them left waiting: the reader gets all of them in order, and a
    /// frame that found no room finds it when the ring is empty.
    #[test]
    fn nothing_is_lost_where_the_rest_of_a_ring_is_left_out(
        frames in prop::collection::vec((0usize..200_000, 0usize..3), 1..300)
    ) {
        let geometry = Geometry { to_worker: 1 << 18, to_server: 1 << 18, ..SMALL };
        let (_outgoing, mut incoming, _inbox, mut outbox, _memory) = pair_of(geometry);
        let mut waiting = std::collections::VecDeque::new();
        for (number, (length, reads)) in frames.into_iter().enumerate() {
            let (length, payload) = if number % 4 > 0 { (length / 100, 1) } else { (length, 2) };
            let payload = vec![payload; length];
            let head = FrameHead::new(Kind::Data, slot(1)).value(number as u64);
            if outbox.push(head, &[&payload]).is_err() {
                while let Some(frame) = receive(&mut incoming) {
                    prop_assert_eq!(Some(frame), waiting.pop_front());
                }
                prop_assert_eq!(outbox.push(head, &[&payload]), Ok(()));
            }
            waiting.push_back((head, payload));
            for _ in 0..reads {
                prop_assert_eq!(receive(&mut incoming), waiting.pop_front());
            }
        }
        while let Some(frame) = receive(&mut incoming) {
            prop_assert_eq!(Some(frame), waiting.pop_front());
        }
        prop_assert!(waiting.is_empty());
    }
}

/// A large ring is there for large frames; small ones must not take all its pages.
#[test]
fn small_frames_stay_at_the_beginning_of_a_large_ring() {
    let geometry = Geometry {
        to_worker: 4 << 20,
        to_server: 4 << 20,
        ..SMALL
    };
    let (mut outgoing, mut incoming, mut inbox, mut outbox, memory) = pair_of(geometry);
    for _ in 0..50_000 {
        let frame = FrameHead::new(Kind::Body, slot(0));
        outgoing.push(frame, &[&[1; 300]]).unwrap();
        arrive(&mut inbox).unwrap();
        let frame = FrameHead::new(Kind::Data, slot(0));
        outbox.push(frame, &[&[2; 300]]).unwrap();
        receive(&mut incoming).unwrap();
    }
    let file = std::fs::File::from(memory);
    let taken = std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512;
    assert!(taken < 256 * 1024, "{taken} bytes are taken");
}

/// Writes into the block as a worker gone mad would: through its own mapping.
fn scribble(memory: &OwnedFd, at: usize, bytes: &[u8]) {
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, at as u64).unwrap();
}

#[test]
fn a_full_ring_says_so_and_room_is_announced() {
    let (mut outgoing, mut incoming, mut inbox, mut outbox, _memory) = pair();
    let piece = [0u8; 1000];
    let frame = FrameHead::new(Kind::Body, slot(0));
    while outgoing.push(frame, &[&piece]).is_ok() {}
    assert_eq!(outgoing.push(frame, &[&piece]), Err(Full));
    arrive(&mut inbox).unwrap();
    assert_eq!(outgoing.push(frame, &[&piece]), Ok(()));
    // The server asked for room, so making some rang its bell.
    assert!(readable(incoming.bell().as_raw_fd()));

    let frame = FrameHead::new(Kind::Data, slot(0));
    while outbox.push(frame, &[&piece]).is_ok() {}
    assert_eq!(outbox.push(frame, &[&piece]), Err(NoRoom));
    receive(&mut incoming).unwrap();
    incoming.give_room();
    assert!(
        inbox.bell().wait_at_most(1000).unwrap(),
        "the worker was told of the room"
    );
    assert_eq!(outbox.push(frame, &[&piece]), Ok(()));
}

fn readable(fd: i32) -> bool {
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    assert!(link.to_string_lossy().contains("eventfd"));
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let count = info
        .lines()
        .find_map(|line| line.strip_prefix("eventfd-count:"))
        .unwrap();
    u64::from_str_radix(count.trim(), 16).unwrap() > 0
}

#[test]
fn what_the_worker_has_not_begun_can_be_taken_back() {
    let (mut outgoing, _incoming, mut inbox, _outbox, _memory) = pair();
    for index in 0..2 {
        outgoing
            .push(
                FrameHead::new(Kind::Request, slot(index)).end(),
                &[b"request"],
            )
            .unwrap();
    }
    assert!(outgoing.is_queued(slot(1)) && outgoing.revoke(slot(1)));
    let (first, _) = arrive(&mut inbox).unwrap();
    assert!(inbox.take(first.slot));
    assert!(!outgoing.revoke(first.slot), "too late");
    let (second, _) = arrive(&mut inbox).unwrap();
    assert!(!inbox.take(second.slot), "the server has it again");
    assert_eq!(outgoing.taken(), 1);
}

#[test]
fn a_lazy_server_is_woken_only_by_an_idle_worker() {
    let (_outgoing, mut incoming, _inbox, mut outbox, _memory) = pair();
    assert!(incoming.prepare_nap(Nap::Lazy));
    outbox
        .push(FrameHead::new(Kind::Data, slot(0)), &[b"x"])
        .unwrap();
    outbox.announce(false);
    assert!(!readable(incoming.bell().as_raw_fd()));
    outbox.announce(true);
    assert!(readable(incoming.bell().as_raw_fd()));
    assert!(
        !incoming.prepare_nap(Nap::Sound),
        "a frame has come: no sleep"
    );
    receive(&mut incoming).unwrap();
    assert!(incoming.prepare_nap(Nap::Sound));
}

#[test]
fn a_worker_that_only_skips_is_noticed() {
    let skip = FrameHead::new(Kind::Skip, slot(0));
    let (_outgoing, mut incoming, _inbox, mut outbox, _memory) = pair();
    outbox.push(skip, &[]).unwrap();
    assert_eq!(incoming.peek().unwrap_err(), Violation::Frame);
    let (_outgoing, mut incoming, _inbox, mut outbox, _memory) = pair();
    outbox.push(skip, &[]).unwrap();
    outbox.push(skip, &[]).unwrap();
    outbox
        .push(FrameHead::new(Kind::Data, slot(0)), &[b"late"])
        .unwrap();
    assert_eq!(incoming.peek().unwrap_err(), Violation::Frame);
}

#[test]
fn positions_that_cannot_be_are_violations() {
    let (_outgoing, mut incoming, _inbox, _outbox, memory) = pair();
    // The worker's position is the third line behind the first: see block.rs.
    scribble(&memory, 64 + 2 * 64, &u64::MAX.to_ne_bytes());
    assert_eq!(incoming.peek().err(), Some(Violation::Position));
    scribble(&memory, 64 + 2 * 64, &8u64.to_ne_bytes());
    let (_outgoing, mut incoming, _inbox, _outbox, memory) = pair();
    scribble(&memory, 64 + 2 * 64, &8u64.to_ne_bytes());
    assert_eq!(incoming.peek().err(), Some(Violation::Position));
}

#[test]
fn two_threads_lose_nothing_and_no_wake_up() {
    const COUNT: u64 = 100_000;
    let (mut outgoing, mut incoming, mut inbox, mut outbox, _memory) = pair();
    let echoed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut pending = None;
            while echoed.load(Ordering::Relaxed) < COUNT {
                if let Some((head, payload)) = pending.take().or_else(|| arrive(&mut inbox)) {
                    let back = FrameHead::new(Kind::Data, head.slot).value(head.value);
                    if outbox.push(back, &[&payload]).is_ok() {
                        echoed.fetch_add(1, Ordering::Relaxed);
                        outbox.announce(inbox.is_empty());
                        continue;
                    }
                    pending = Some((head, payload));
                }
                outbox.announce(true);
                if pending.is_some() || inbox.prepare_nap() {
                    assert!(
                        inbox.bell().wait_at_most(5000).unwrap(),
                        "a wake-up was lost (worker)"
                    );
                    inbox.awake();
                }
            }
            outbox.announce(true);
        });
        let bell = os::event::EventFd::from_fd(incoming.bell().try_clone_to_owned().unwrap());
        let (mut sent, mut got) = (0, 0);
        while got < COUNT {
            while sent < COUNT && sent - got < 40 {
                let frame = FrameHead::new(Kind::Body, slot((sent % 8) as u32)).value(sent);
                if outgoing.push(frame, &[&sent.to_ne_bytes()]).is_err() {
                    break;
                }
                sent += 1;
            }
            outgoing.wake();
            while let Some((head, payload)) = receive(&mut incoming) {
                assert_eq!(
                    (head.value, &payload[..]),
                    (got, &got.to_ne_bytes()[..]),
                    "in order, each once"
                );
                got += 1;
            }
            incoming.give_room();
            if got < sent && incoming.prepare_nap(Nap::Sound) {
                assert!(
                    bell.wait_at_most(5000).unwrap(),
                    "a wake-up was lost (server)"
                );
                incoming.awake();
            }
        }
    });
}

#[test]
fn foreign_memory_is_refused() {
    let memory = os::memory::sealed_memfd(c"not-a-link", 8192).unwrap();
    let (_, _, parts) = create(SMALL).unwrap();
    let error = attach(memory.as_fd(), parts.wake_worker, parts.wake_server).unwrap_err();
    assert!(error.to_string().contains("not a link"), "{error}");
    assert!(Mapping::shared(memory.as_fd(), 0, 4096).is_ok());
}
