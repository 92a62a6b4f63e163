//! The operating system, with a safe face: one small function per call into libc.
//!
//! This is the home of `unsafe`: every block says why it is sound, and no other room needs to call
//! libc. It knows nothing of requests, workers or options. What is Linux-only lives here and in
//! `link`: memfd, eventfd, epoll, descriptors passed over sockets, signals, children, privileges.
#![expect(
    unsafe_code,
    reason = "the one room that calls libc; each block has its SAFETY line"
)]

pub mod background;
mod call;
pub mod clock;
pub mod epoll;
pub mod event;
pub mod file;
pub mod handlers;
pub mod memory;
pub mod pass;
pub mod process;
pub mod shared;
pub mod signals;
pub mod socket;
pub mod task;
pub mod title;
pub mod users;

pub use call::retry;
pub use shared::SharedBytes;
