//! The worker's end: a view that checks every length once and then hands out slices.

use super::{
    Body, Door, FIELD, FIXED, FLAG_CGI, FLAG_CHUNKED, FLAG_HTTP10, FLAG_HTTPS, Peer, UNKNOWN,
};
use crate::{Form, Span, Version};

/// Why bytes are not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPayload {
    /// The parts are longer than the whole, or shorter.
    #[error("the payload does not have the length its parts say")]
    Length,
    /// A span reaches out of the block.
    #[error("a span of the payload lies outside its block")]
    Span,
    /// An address or a port is not text.
    #[error("an address in the payload is not text")]
    Text,
    /// A number stands for nothing we know.
    #[error("the payload has an unknown kind of door, body or flag")]
    Kind,
}

/// A request, read in place.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    exchange: u64,
    flags: u8,
    method: &'a [u8],
    target: &'a [u8],
    table: &'a [u8],
    block: &'a [u8],
    peer: Peer<'a>,
    body: Body<'a>,
}

impl<'a> RequestView<'a> {
    /// Checks all lengths and spans; copies nothing.
    pub fn decode(payload: &'a [u8]) -> Result<Self, BadPayload> {
        let (fixed, rest) = payload
            .split_first_chunk::<FIXED>()
            .ok_or(BadPayload::Length)?;
        let mut rest = Parts { rest };
        let fields = number(fixed, 40)
            .checked_mul(FIELD)
            .ok_or(BadPayload::Length)?;
        let table = rest.take(fields)?;
        let block = rest.take(number(fixed, 16))?;
        let remote_addr = rest.take_text(number(fixed, 44))?;
        let server_name = rest.take_text(number(fixed, 48))?;
        let server_port = rest.take_text(number(fixed, 52))?;
        let here = rest.take(number(fixed, 20))?;
        let flags = fixed[58];
        if !rest.rest.is_empty() {
            return Err(BadPayload::Length);
        }
        let known = FLAG_CGI | FLAG_HTTP10 | FLAG_HTTPS | FLAG_CHUNKED;
        if flags & !known != 0 || fixed[61..] != [0; 3] {
            return Err(BadPayload::Kind);
        }
        let in_block = |span| slice(block, span).ok_or(BadPayload::Span);
        for field in table.chunks_exact(FIELD) {
            in_block(span(field, 0))?;
            in_block(span(field, 8))?;
        }
        Ok(Self {
            exchange: long(fixed, 0),
            flags,
            method: in_block(span(fixed, 24))?,
            target: in_block(span(fixed, 32))?,
            table,
            block,
            peer: Peer {
                remote_addr,
                remote_port: u16::from_le_bytes([fixed[56], fixed[57]]),
                server_name,
                server_port,
                scheme_https: flags & FLAG_HTTPS != 0,
                door: door(fixed[59])?,
            },
            body: body(fixed[60], long(fixed, 8), here)?,
        })
    }

    /// Number of the exchange.
    pub fn exchange(&self) -> u64 {
        self.exchange
    }

    /// Whether the fields are header fields or CGI variables.
    pub fn form(&self) -> Form {
        if self.flags & FLAG_CGI == 0 {
            Form::Http
        } else {
            Form::Cgi
        }
    }

    /// The version the client speaks.
    pub fn version(&self) -> Version {
        if self.flags & FLAG_HTTP10 == 0 {
            Version::Http11
        } else {
            Version::Http10
        }
    }

    /// The client sent the body in chunks.
    pub fn chunked(&self) -> bool {
        self.flags & FLAG_CHUNKED != 0
    }

    /// The method as it came.
    pub fn method(&self) -> &'a [u8] {
        self.method
    }

    /// The target as it came, not decoded.
    pub fn target(&self) -> &'a [u8] {
        self.target
    }

    /// The bytes of the head as they came.
    pub fn block(&self) -> &'a [u8] {
        self.block
    }

    /// Both ends of the connection.
    pub fn peer(&self) -> Peer<'a> {
        self.peer
    }

    /// The body.
    pub fn body(&self) -> Body<'a> {
        self.body
    }

    /// The fields in the order they came, as (name, value).
    pub fn fields(&self) -> ViewFields<'a> {
        ViewFields {
            table: self.table.chunks_exact(FIELD),
            block: self.block,
        }
    }
}

/// The fields of a [`RequestView`], as (name, value).
#[derive(Clone, Debug)]
pub struct ViewFields<'a> {
    table: std::slice::ChunksExact<'a, u8>,
    block: &'a [u8],
}

impl<'a> Iterator for ViewFields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.table.next()?;
        Some((span(field, 0).of(self.block), span(field, 8).of(self.block)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.table.size_hint()
    }
}

impl ExactSizeIterator for ViewFields<'_> {}

/// What is left of the payload.
struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BadPayload> {
        let (part, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(BadPayload::Length)?;
        self.rest = rest;
        Ok(part)
    }

    fn take_text(&mut self, length: usize) -> Result<&'a str, BadPayload> {
        std::str::from_utf8(self.take(length)?).map_err(|_| BadPayload::Text)
    }
}

fn door(number: u8) -> Result<Door, BadPayload> {
    match number {
        0 => Ok(Door::HttpSocket),
        1 => Ok(Door::Http),
        2 => Ok(Door::Uwsgi),
        _ => Err(BadPayload::Kind),
    }
}

fn body(kind: u8, length: u64, here: &[u8]) -> Result<Body<'_>, BadPayload> {
    match kind {
        1 => Ok(Body::Here(here)),
        _ if !here.is_empty() => Err(BadPayload::Length),
        0 => Ok(Body::None),
        2 => Ok(Body::Streams {
            length: (length != UNKNOWN).then_some(length),
        }),
        _ => Err(BadPayload::Kind),
    }
}

fn slice(block: &[u8], span: Span) -> Option<&[u8]> {
    let start = span.start as usize;
    block.get(start..start.checked_add(span.len as usize)?)
}

/// Reads a span. `bytes` is the fixed part or one entry of the table, so the offsets lie in it.
fn span(bytes: &[u8], at: usize) -> Span {
    Span {
        start: number(bytes, at) as u32,
        len: number(bytes, at + 4) as u32,
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

fn long(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at) as u64 | (number(bytes, at + 4) as u64) << 32
}
