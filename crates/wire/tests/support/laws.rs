//! What must hold for every codec and any bytes at all. The fuzz targets and the tests that mutate the
//! corpus call the same laws.

use wire::http1::{
    BadResponse, ChunkedDecoder, Limits, Progress, Refusal, check_block, parse_request,
    strip_hop_by_hop,
};
use wire::payload::{Body, RequestView, encode_request};
use wire::uwsgi::{self, parse_packet};
use wire::{Head, cgi};

use super::{BUFFER_SIZE, transcript};

/// Cuts for `length` bytes drawn from a seed: none, one, every byte, or a few.
pub(crate) fn cuts(length: usize, seed: u64) -> Vec<usize> {
    let mut random = Random(seed | 1);
    match seed % 4 {
        0 => vec![random.below(length + 1)],
        1 => (0..length).collect(),
        _ => {
            let mut cuts: Vec<_> = (0..3).map(|_| random.below(length + 1)).collect();
            cuts.sort_unstable();
            cuts
        }
    }
}

/// A seed made from the bytes themselves, so that a finding is found again (FNV-1a).
pub(crate) fn seed_from(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A connection understands the same whatever the pieces, and what it accepts httparse reads alike.
/// Returns how many requests it understood.
pub(crate) fn http1(input: &[u8], seed: u64) -> usize {
    let whole = transcript(input, []);
    let cut = transcript(input, cuts(input.len(), seed));
    assert_eq!(whole.text, cut.text);
    match whole.refusal {
        Some(refusal) => assert!(matches!(refusal.status, 400 | 414 | 417 | 431 | 501 | 505)),
        None => assert_eq!(whole.waiting(), cut.waiting()),
    }
    let mut head = Head::new();
    if let Ok(Progress::Complete(framing)) = parse_request(input, &Limits::default(), &mut head) {
        agrees_with_httparse(&input[..framing.consumed], &head);
        let parts = cgi::split_target(head.target());
        let mut path = Vec::new();
        cgi::percent_decode(parts.path, &mut path);
        assert!(path.len() <= parts.path.len() && !path.is_empty());
    }
    whole.requests
}

/// httparse is looser than we are, so it must accept what we accept, and see the same fields.
fn agrees_with_httparse(input: &[u8], head: &Head) {
    let mut room = [httparse::EMPTY_HEADER; 256];
    let mut request = httparse::Request::new(&mut room);
    let status = match request.parse(input) {
        Ok(status) => status,
        // It knows no minor version above 1, and keeps to URI letters in targets.
        Err(httparse::Error::Version | httparse::Error::Token) => return,
        Err(error) => panic!("httparse refuses what we accept: {error}"),
    };
    assert_eq!(status, httparse::Status::Complete(input.len()));
    assert_eq!(request.method.unwrap().as_bytes(), head.method());
    assert_eq!(request.path.unwrap().as_bytes(), head.target());
    let absolute = !head.target().starts_with(b"/") && head.target() != b"*";
    let theirs: Vec<_> = request
        .headers
        .iter()
        .filter(|header| !header.name.contains('_'))
        .map(|header| (header.name.as_bytes(), header.value))
        .filter(|(name, _)| !(absolute && name.eq_ignore_ascii_case(b"host")))
        .collect();
    let ours: Vec<_> = head
        .fields()
        .filter(|(name, _)| !(absolute && name.eq_ignore_ascii_case(b"host")))
        .collect();
    assert_eq!(ours, theirs);
}

/// All data of a body and the bytes behind it, or why it is refused.
type Decoded = Result<(Vec<u8>, usize, bool), Refusal>;

/// Decodes a body in pieces that end at `cuts`.
pub(crate) fn decode_chunks(input: &[u8], cuts: &[usize]) -> Decoded {
    let mut decoder = ChunkedDecoder::new();
    let mut data = Vec::new();
    let mut used = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        while used < end && !decoder.is_done() {
            let chunk = decoder.decode(&input[used..end])?;
            assert!(chunk.consumed > 0 && chunk.consumed >= chunk.data.len());
            data.extend_from_slice(chunk.data);
            used += chunk.consumed;
            assert_eq!(chunk.done, decoder.is_done());
        }
    }
    Ok((data, used, decoder.is_done()))
}

/// A body is the same whatever the pieces.
pub(crate) fn chunked(input: &[u8], seed: u64) {
    let whole = decode_chunks(input, &[]);
    assert_eq!(whole, decode_chunks(input, &cuts(input.len(), seed)));
    if let Ok((data, used, _)) = whole {
        assert!(data.len() <= used && used <= input.len());
    }
}

/// A packet is not understood before it is whole, and then never otherwise.
pub(crate) fn uwsgi_packet(input: &[u8], seed: u64) {
    let mut head = Head::new();
    let whole = parse_packet(input, BUFFER_SIZE, &mut head);
    let mut early_head = Head::new();
    for end in cuts(input.len(), seed) {
        let early = parse_packet(&input[..end], BUFFER_SIZE, &mut early_head);
        assert!(early == whole || early == Ok(uwsgi::Progress::Incomplete));
    }
    if let Ok(uwsgi::Progress::Complete(packet)) = whole {
        let sum: usize = head
            .fields()
            .map(|(name, value)| 4 + name.len() + value.len())
            .sum();
        assert_eq!(packet.consumed, 4 + sum);
        assert!(head.fields().all(|(name, _)| !name.is_empty()));
    }
}

/// A header block that passes holds header lines only, whoever reads it.
pub(crate) fn response_block(block: &[u8]) {
    let facts = match check_block(block) {
        Ok(facts) => facts,
        Err(BadResponse::Line { at, .. }) => return assert!(at < block.len()),
        Err(_) => return,
    };
    let mut rest = block;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let line = &rest[..end];
        let colon = line.iter().position(|&byte| byte == b':').unwrap();
        assert!(colon > 0 && line[..colon].iter().all(u8::is_ascii_graphic));
        assert!(
            !line
                .iter()
                .any(|byte| matches!(byte, b'\r' | b'\n' | 0 | 0x7f))
        );
        rest = &rest[end + 2..];
    }
    let mut clean = Vec::new();
    strip_hop_by_hop(block, &mut clean);
    let cleaned = check_block(&clean).unwrap();
    assert!(!cleaned.hop_by_hop && !cleaned.has_transfer_encoding);
    assert_eq!(facts.content_length, cleaned.content_length);
    assert_eq!(facts.hop_by_hop, clean.len() != block.len());
}

/// Any bytes are a payload or are refused; a payload survives being read and written again.
pub(crate) fn payload(bytes: &[u8]) {
    let Ok(view) = RequestView::decode(bytes) else {
        return;
    };
    assert!(view.block().len() <= bytes.len());
    assert!(view.fields().count() * 16 <= bytes.len());
    if let Body::Here(body) = view.body() {
        assert!(bytes.ends_with(body));
    }
    assert!(view.peer().server_name.len() <= bytes.len());
}

/// A head that was understood crosses the link unchanged.
pub(crate) fn head_crosses(head: &Head, peer: &wire::payload::Peer<'_>, body: Body<'_>) {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, 7, head, peer, body, false);
    let view = RequestView::decode(&bytes).unwrap();
    assert_eq!(view.method(), head.method());
    assert_eq!(view.target(), head.target());
    assert!(view.fields().eq(head.fields()));
    assert_eq!((view.form(), view.version()), (head.form(), head.version()));
    assert_eq!((view.peer(), view.body()), (*peer, body));
}

/// A small generator of numbers (xorshift*), the same on every run.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }
}
