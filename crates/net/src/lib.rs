//! Net: listeners, connections, limits and timeouts.
//!
//! This room turns sockets into exchanges and answers into bytes on sockets. It is one loop without
//! threads: [`Connections::wait`] sleeps in epoll, accepts, reads and parses; the owner works through
//! the [`News`] and gives answers back. It knows nothing of apps, workers or files to be served.

mod accepting;
mod answering;
mod body;
mod connection;
mod connections;
mod ending;
mod exchange;
mod listener;
mod moments;
mod output;
mod reading;
mod sending;
mod settings;
mod slab;
mod spool;
mod streaming;
mod wheel;

pub use answering::{BadAnswer, Piece};
pub use connections::{Connections, FOREIGN, Id, News};
pub use exchange::Exchange;
pub use listener::*;
pub use settings::{Patience, Settings};
pub use streaming::BodyPiece;
