//! The server's end: a few copies and no allocation once the buffer has its size.

use super::{
    Body, Door, FIELD, FIXED, FLAG_CGI, FLAG_CHUNKED, FLAG_HTTP10, FLAG_HTTPS, Peer, UNKNOWN,
};
use crate::{Form, Head, Span, Version};

/// Appends the payload of a request to `out`. `chunked` says that the client sent the body in chunks,
/// so that its length, even if known by now, was never announced.
pub fn encode_request(
    out: &mut Vec<u8>,
    exchange: u64,
    head: &Head,
    peer: &Peer<'_>,
    body: Body<'_>,
    chunked: bool,
) {
    let here = match body {
        Body::Here(bytes) => bytes,
        Body::None | Body::Streams { .. } => &[],
    };
    let strings = [peer.remote_addr, peer.server_name, peer.server_port];
    let strings_length: usize = strings.iter().map(|text| text.len()).sum();
    out.reserve(FIXED + head.fields.len() * FIELD + head.block.len() + strings_length + here.len());
    out.extend_from_slice(&fixed_part(exchange, head, peer, body, here.len(), chunked));
    for (name, value) in &head.fields {
        let mut entry = [0; FIELD];
        put_span(&mut entry[..8], *name);
        put_span(&mut entry[8..], *value);
        out.extend_from_slice(&entry);
    }
    out.extend_from_slice(&head.block);
    for text in strings {
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(here);
}

fn fixed_part(
    exchange: u64,
    head: &Head,
    peer: &Peer<'_>,
    body: Body<'_>,
    here: usize,
    chunked: bool,
) -> [u8; FIXED] {
    let mut fixed = [0; FIXED];
    let (kind, length) = match body {
        Body::None => (0, UNKNOWN),
        Body::Here(_) => (1, UNKNOWN),
        Body::Streams { length } => (2, length.unwrap_or(UNKNOWN)),
    };
    fixed[..8].copy_from_slice(&exchange.to_le_bytes());
    fixed[8..16].copy_from_slice(&length.to_le_bytes());
    put(&mut fixed[16..20], head.block.len());
    put(&mut fixed[20..24], here);
    put_span(&mut fixed[24..32], head.method);
    put_span(&mut fixed[32..40], head.target);
    put(&mut fixed[40..44], head.fields.len());
    put(&mut fixed[44..48], peer.remote_addr.len());
    put(&mut fixed[48..52], peer.server_name.len());
    put(&mut fixed[52..56], peer.server_port.len());
    fixed[56..58].copy_from_slice(&peer.remote_port.to_le_bytes());
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    fixed[58] = flag(head.form == Form::Cgi, FLAG_CGI)
        | flag(head.version == Version::Http10, FLAG_HTTP10)
        | flag(peer.scheme_https, FLAG_HTTPS)
        | flag(chunked, FLAG_CHUNKED);
    fixed[59] = match peer.door {
        Door::HttpSocket => 0,
        Door::Http => 1,
        Door::Uwsgi => 2,
    };
    fixed[60] = kind;
    fixed
}

fn put(place: &mut [u8], number: usize) {
    place.copy_from_slice(&(number as u32).to_le_bytes());
}

fn put_span(place: &mut [u8], span: Span) {
    place[..4].copy_from_slice(&span.start.to_le_bytes());
    place[4..].copy_from_slice(&span.len.to_le_bytes());
}
