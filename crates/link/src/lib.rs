//! The link: one shared-memory block between the server and one worker.
//!
//! It holds a slot table and a ring in each direction; an eventfd each way wakes the other side when
//! it sleeps. The server's end ([`Outgoing`], [`Incoming`]) treats everything that a worker writes as
//! hostile: lengths, positions and states are checked on private copies, and nonsense is a
//! [`Violation`], never a fault. The worker's end ([`Inbox`], [`Outbox`]) trusts the server.
//!
//! The layout of the block is in [`block`], the frames are in [`frame`], the life of a slot is in
//! [`slot`]. This room knows neither tokio nor Python nor HTTP.
#![expect(
    unsafe_code,
    reason = "the rings read and write shared memory; each block has its SAFETY line"
)]

mod block;
mod frame;
mod inbox;
mod incoming;
mod outbox;
mod outgoing;
mod ring;
mod slot;

pub use block::{AttachError, Geometry, Nap, Parts, create};
pub use frame::{END, Frame, FrameHead, Kind, LAST_CALL};
pub use inbox::{Arrival, Inbox, attach};
pub use incoming::{Incoming, Received, Violation};
pub use outbox::{NoRoom, Outbox};
pub use outgoing::{Full, Outgoing};
pub use slot::SlotId;
