//! The corpus, mutated at random but the same way on every run, against the laws of the codecs.
//!
//! A small stand-in for the fuzz targets, for every test run.

mod support;

use std::cell::Cell;

use support::corpus;
use support::laws::{self, Random};

/// Mutations of each kind of message.
const ROUNDS: usize = 50_000;
/// Longer messages make the rounds slow and teach nothing more.
const LONGEST: usize = 1500;

/// Bytes that mean something to one of the codecs.
const TELLING: &[u8] = b"\r\n\t :;,/#?%0159aAfFgxX_+-.\"()\0\x0b\x7f\x80\xff*HTPchunked";

fn messages(folders: &[&str], ending: &str) -> Vec<Vec<u8>> {
    let messages: Vec<_> = folders
        .iter()
        .flat_map(|folder| corpus(folder, ending))
        .map(|(_, bytes)| bytes)
        .filter(|bytes| bytes.len() <= LONGEST)
        .collect();
    assert!(!messages.is_empty());
    messages
}

/// A message changed in one to three places.
fn mutated(messages: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = messages[random.below(messages.len())].clone();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        let telling = TELLING[random.below(TELLING.len())];
        match random.below(7) {
            0 => bytes.insert(at, telling),
            1 if at < bytes.len() => bytes[at] = telling,
            2 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            3 if at < bytes.len() => {
                bytes.remove(at);
            }
            4 => bytes.truncate(at),
            5 => {
                let end = at + random.below(bytes.len() - at + 1);
                let piece = bytes[at..end].to_vec();
                let place = random.below(bytes.len() + 1);
                bytes.splice(place..place, piece);
            }
            _ => {
                let other = &messages[random.below(messages.len())];
                bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
        }
    }
    bytes
}

fn rounds(folders: &[&str], ending: &str, law: impl Fn(&[u8], u64)) {
    let messages = messages(folders, ending);
    let mut random = Random(0x7665_7264_6967_7269);
    for _ in 0..ROUNDS {
        let bytes = mutated(&messages, &mut random);
        law(&bytes, random.next());
    }
}

#[test]
fn good_http1() {
    let understood = Cell::new(0);
    rounds(&["http1/good"], "http", |bytes, seed| {
        understood.set(understood.get() + laws::http1(bytes, seed));
    });
    // Were nearly everything refused at its first byte, the laws would say little.
    assert!(understood.get() > ROUNDS / 4, "{understood:?}");
}

#[test]
fn bad_http1() {
    let understood = Cell::new(0);
    rounds(&["http1/bad"], "http", |bytes, seed| {
        understood.set(understood.get() + laws::http1(bytes, seed));
    });
    assert!(understood.get() > ROUNDS / 100, "{understood:?}");
}

#[test]
fn chunked() {
    rounds(&["http1/good", "http1/bad"], "http", |bytes, seed| {
        let body = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        laws::chunked(&bytes[body.map_or(0, |end| end + 4)..], seed);
    });
}

#[test]
fn uwsgi_packets() {
    rounds(&["uwsgi/good", "uwsgi/bad"], "uwsgi", laws::uwsgi_packet);
}

#[test]
fn response_blocks() {
    rounds(&["http1/good", "http1/bad"], "http", |bytes, _| {
        let start = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = &bytes[start..];
        let end = rest.windows(4).position(|end| end == b"\r\n\r\n");
        laws::response_block(&rest[..end.map_or(rest.len(), |end| end + 2)]);
        laws::response_block(rest);
    });
}

#[test]
fn payloads() {
    let messages: Vec<_> = messages(&["http1/good"], "http")
        .iter()
        .filter_map(|message| {
            let mut head = wire::Head::new();
            let limits = wire::http1::Limits::default();
            wire::http1::parse_request(message, &limits, &mut head).ok()?;
            let mut bytes = Vec::new();
            let body = wire::payload::Body::Here(b"hello");
            wire::payload::encode_request(&mut bytes, 1, &head, &PEER, body, false);
            laws::head_crosses(&head, &PEER, body);
            Some(bytes)
        })
        .collect();
    let mut random = Random(0x7061_796c_6f61_6421);
    for _ in 0..ROUNDS {
        laws::payload(&mutated(&messages, &mut random));
    }
}

const PEER: wire::payload::Peer<'static> = wire::payload::Peer {
    remote_addr: "192.0.2.1",
    remote_port: 40_000,
    server_name: "example.com",
    server_port: "80",
    scheme_https: false,
    door: wire::payload::Door::HttpSocket,
};
