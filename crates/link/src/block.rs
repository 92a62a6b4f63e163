//! The block: where everything lies in the shared memory, and who writes what.
//!
//! ```text
//! page 0        header: geometry, positions, flags (each on a cache line of its own)
//! pages         slot table: 64 bytes a slot: 8 for its state, 4 for the thread that runs its request
//! pages         ring to the worker
//! pages         ring to the server
//! ```
//!
//! Positions count bytes since the beginning and never wrap (u64); a ring's index is the position
//! modulo its size, a power of two. Producer and consumer positions are written by one side only.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use os::event::EventFd;
use os::memory::{Mapping, PAGE, file_len, sealed_memfd};

/// Tells our blocks from anything else, and one layout from the next.
const MAGIC: u64 = 0x5645_5244_4c4e_0001;
/// How far apart slots lie: a cache line, so that neighbours do not disturb each other.
pub(crate) const SLOT_STRIDE: usize = 64;

/// How large the parts of a link are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How many requests can be in the worker's hands or ring at a time.
    pub slots: u32,
    /// Bytes of the ring to the worker: a power of two, at least a page.
    pub to_worker: u32,
    /// Bytes of the ring to the server: a power of two, at least a page.
    pub to_server: u32,
}

impl Geometry {
    fn slot_bytes(self) -> usize {
        (self.slots as usize * SLOT_STRIDE).next_multiple_of(PAGE)
    }

    fn total(self) -> usize {
        PAGE + self.slot_bytes() + self.to_worker as usize + self.to_server as usize
    }

    fn is_sound(self) -> bool {
        let ring = |size: u32| size.is_power_of_two() && (PAGE as u32..=1 << 30).contains(&size);
        (1..=1 << 20).contains(&self.slots) && ring(self.to_worker) && ring(self.to_server)
    }
}

/// How the server sleeps, which says when a worker has to wake it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Nap {
    /// Awake: it will look at the ring by itself before it sleeps.
    Awake = 0,
    /// Asleep, but it looks at the ring within a millisecond: wake it only when the worker has
    /// nothing left to do. This is what flushes the answers of one turn together.
    Lazy = 1,
    /// Asleep: wake it for every frame.
    Sound = 2,
}

/// The header's live part. One cache line for each writer, so that the two sides do not disturb each
/// other more than they must.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Header {
    magic: AtomicU64,
    slots: AtomicU32,
    to_worker: AtomicU32,
    to_server: AtomicU32,
    _pad0: [u8; 44],
    /// End of what the server has written to the worker. Server writes.
    pub(crate) to_worker_head: Line<AtomicU64>,
    /// End of what the worker has read. Worker writes.
    pub(crate) to_worker_tail: Line<AtomicU64>,
    /// End of what the worker has written to the server. Worker writes.
    pub(crate) to_server_head: Line<AtomicU64>,
    /// End of what the server has read. Server writes.
    pub(crate) to_server_tail: Line<AtomicU64>,
    /// 1: the worker sleeps and wants an event. Worker sets, server clears.
    pub(crate) worker_naps: Line<AtomicU32>,
    /// A [`Nap`]. Server sets, worker clears.
    pub(crate) server_naps: Line<AtomicU32>,
    /// 1: the worker waits for room in the ring to the server. Worker sets, server clears.
    pub(crate) worker_wants_room: Line<AtomicU32>,
    /// 1: the server waits for room in the ring to the worker. Server sets, worker clears.
    pub(crate) server_wants_room: Line<AtomicU32>,
    /// Requests taken since the start: the worker's pulse. Worker writes.
    pub(crate) taken: Line<AtomicU64>,
}

/// A value that has a cache line for itself.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Line<T>(pub(crate) T);

/// A slot's place in the table.
#[repr(C)]
#[derive(Debug)]
struct Entry {
    state: AtomicU64,
    runner: AtomicU32,
}

/// A mapped block: the header, the slots and the two rings.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) geometry: Geometry,
    control: Mapping,
    pub(crate) to_worker: Mapping,
    pub(crate) to_server: Mapping,
}

impl Block {
    fn map(memory: BorrowedFd<'_>, geometry: Geometry) -> io::Result<Self> {
        let rings = PAGE + geometry.slot_bytes();
        Ok(Self {
            geometry,
            control: Mapping::shared(memory, 0, rings)?,
            to_worker: Mapping::twice(memory, rings, geometry.to_worker as usize)?,
            to_server: Mapping::twice(
                memory,
                rings + geometry.to_worker as usize,
                geometry.to_server as usize,
            )?,
        })
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned, longer than a Header, lives as long as `self`, and a
        // Header is nothing but atomics (any bytes are valid, and racing writers are allowed).
        unsafe { &*self.control.start().cast::<Header>() }
    }

    /// The state word of a slot; `index` must be below `geometry.slots`.
    pub(crate) fn slot(&self, index: u32) -> &AtomicU64 {
        &self.entry(index).state
    }

    /// The kernel's number of the thread that runs a slot's request, 0 if it was never told. Worker
    /// writes. `index` must be below `geometry.slots`.
    pub(crate) fn runner(&self, index: u32) -> &AtomicU32 {
        &self.entry(index).runner
    }

    fn entry(&self, index: u32) -> &Entry {
        assert!(
            index < self.geometry.slots,
            "slot {index} is outside the table"
        );
        // SAFETY: the table has `slots` entries of SLOT_STRIDE bytes behind the header page
        // (checked above); each begins with an aligned Entry, which is nothing but atomics.
        unsafe {
            &*self
                .control
                .start()
                .add(PAGE + index as usize * SLOT_STRIDE)
                .cast::<Entry>()
        }
    }
}

/// The worker's share of a new link, to be sent to it.
#[derive(Debug)]
pub struct Parts {
    /// The shared memory.
    pub memory: OwnedFd,
    /// What wakes the worker.
    pub wake_worker: OwnedFd,
    /// What wakes the server.
    pub wake_server: OwnedFd,
}

/// Why a worker could not attach to what it was given.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The kernel refused a mapping.
    #[error("cannot map the link's memory: {0}")]
    Map(#[from] io::Error),
    /// The memory is not a link of this version.
    #[error(
        "the memory given to the worker is not a link of this version (is an old Verdigris installed beside the new one?)"
    )]
    Foreign,
}

/// Makes a link: the server's two halves, and what the worker gets.
pub fn create(geometry: Geometry) -> io::Result<(crate::Outgoing, crate::Incoming, Parts)> {
    if !geometry.is_sound() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a link's rings must be powers of two of at least a page",
        ));
    }
    let memory = sealed_memfd(c"verdigris-link", geometry.total())?;
    let block = std::sync::Arc::new(Block::map(memory.as_fd(), geometry)?);
    let header = block.header();
    header.slots.store(geometry.slots, Ordering::Relaxed);
    header
        .to_worker
        .store(geometry.to_worker, Ordering::Relaxed);
    header
        .to_server
        .store(geometry.to_server, Ordering::Relaxed);
    header.magic.store(MAGIC, Ordering::Release);
    let wake_worker = EventFd::new()?;
    let wake_server = EventFd::new()?;
    let parts = Parts {
        memory,
        wake_worker: wake_worker.as_fd().try_clone_to_owned()?,
        wake_server: wake_server.as_fd().try_clone_to_owned()?,
    };
    let wake_worker = std::sync::Arc::new(wake_worker);
    let outgoing = crate::Outgoing::new(block.clone(), wake_worker.clone());
    let incoming = crate::Incoming::new(block, wake_server, wake_worker);
    Ok((outgoing, incoming, parts))
}

/// Maps the block that a worker was given.
pub(crate) fn open(memory: BorrowedFd<'_>) -> Result<Block, AttachError> {
    if (file_len(memory)? as usize) < PAGE {
        return Err(AttachError::Foreign);
    }
    let first = Mapping::shared(memory, 0, PAGE)?;
    // SAFETY: a page-aligned, mapped page is longer than a Header, which is all atomics.
    let header = unsafe { &*first.start().cast::<Header>() };
    let geometry = Geometry {
        slots: header.slots.load(Ordering::Relaxed),
        to_worker: header.to_worker.load(Ordering::Relaxed),
        to_server: header.to_server.load(Ordering::Relaxed),
    };
    if header.magic.load(Ordering::Acquire) != MAGIC
        || !geometry.is_sound()
        || file_len(memory)? as usize != geometry.total()
    {
        return Err(AttachError::Foreign);
    }
    Ok(Block::map(memory, geometry)?)
}
