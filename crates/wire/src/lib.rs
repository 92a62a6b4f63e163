//! Codecs without I/O: bytes in, facts out, and back.
//!
//! Every protocol of the server's doors becomes one [`Head`] here: one block of bytes as it came, and
//! spans that say where the method, the target and the fields lie in it. Nothing in this crate reads
//! a socket, knows a clock or knows Python. Every codec is bounded, takes any split of its bytes, and
//! refuses what it does not understand with a reason.

pub mod answer;
pub mod cgi;
pub mod date;
mod head;
pub mod http1;
pub mod payload;
pub mod uwsgi;

pub use head::{Fields, Form, Head, Span, Version};
