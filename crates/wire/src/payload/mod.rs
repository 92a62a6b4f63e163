//! A request as it crosses the link: written by the server, read by the worker.
//!
//! One run of bytes, numbers little-endian, nothing aligned:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | number of the exchange |
//! | 8 | 8 | length of a body that streams; all ones if nobody said |
//! | 16 | 4 | length of the block |
//! | 20 | 4 | length of the body that travels here |
//! | 24 | 8 | method: start and length in the block |
//! | 32 | 8 | target: start and length in the block |
//! | 40 | 4 | number of fields |
//! | 44 | 4 | length of the client's address |
//! | 48 | 4 | length of the server's name |
//! | 52 | 4 | length of the server's port |
//! | 56 | 2 | the client's port; 0 if it has none |
//! | 58 | 1 | flags: 1 CGI form, 2 HTTP/1.0, 4 https, 8 the client sent the body in chunks |
//! | 59 | 1 | door: 0 http-socket, 1 http, 2 uwsgi |
//! | 60 | 1 | body: 0 none, 1 here, 2 streams |
//! | 61 | 3 | zero |
//! | 64 | 16 each | fields: start and length of the name, start and length of the value |
//! | | | block, client's address, server's name, server's port, body |

mod encode;
mod view;

pub use encode::encode_request;
pub use view::{BadPayload, RequestView, ViewFields};

/// Bytes before the fields.
const FIXED: usize = 64;
/// Bytes of one field in the table.
const FIELD: usize = 16;
/// Stands for a length nobody announced.
const UNKNOWN: u64 = u64::MAX;

const FLAG_CGI: u8 = 1;
const FLAG_HTTP10: u8 = 2;
const FLAG_HTTPS: u8 = 4;
const FLAG_CHUNKED: u8 = 8;

/// Which kind of socket a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `http-socket`
    HttpSocket,
    /// `http`
    Http,
    /// `socket`, `uwsgi-socket`
    Uwsgi,
}

/// Both ends of the connection a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Address of the client; empty if it has none (unix socket).
    pub remote_addr: &'a str,
    /// Port of the client, 0 if it has none.
    pub remote_port: u16,
    /// Name of the server, for `SERVER_NAME`.
    pub server_name: &'a str,
    /// Port of the server in digits, for `SERVER_PORT`.
    pub server_port: &'a str,
    /// The client came over TLS.
    pub scheme_https: bool,
    /// The kind of socket.
    pub door: Door,
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// The whole of it travels with the head.
    Here(&'a [u8]),
    /// It comes in frames of its own.
    Streams {
        /// Its length, if the client said.
        length: Option<u64>,
    },
}

#[cfg(test)]
mod tests;
