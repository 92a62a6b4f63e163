//! HTTP/1.0 and HTTP/1.1: request heads in, bodies in chunks both ways, response heads out.
//!
//! The request side refuses every message that two servers could read differently (RFC 9112 §11.2,
//! request smuggling): what is not plainly right gets a 4xx or 5xx and the connection closes.

mod block;
mod chunked;
mod framing;
mod grammar;
mod host;
mod limits;
mod refusal;
mod request;
mod response;

pub use block::{
    BadResponse, BlockFacts, check_block, check_status, strip_content_length, strip_hop_by_hop,
};
pub use chunked::{Chunk, ChunkedDecoder, LAST_CHUNK, PREFIX_ROOM, chunk_prefix};
pub use framing::{BodyLength, Framing, TargetForm};
pub use limits::Limits;
pub use refusal::Refusal;
pub use request::{Progress, parse_request};
pub use response::{
    CONTINUE, Connection, ResponseFraming, ResponseHead, body_allowed, encode_head, reason_phrase,
    simple_answer,
};

pub(crate) use framing::{authority, parse_length};
pub(crate) use request::Reading;
pub(crate) use response::status_line;
