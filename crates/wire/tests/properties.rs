//! Generated messages: what was put in comes out, under any split.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::laws::{self, decode_chunks};
use support::{Connection, transcript};
use wire::http1::{
    BodyLength, ChunkedDecoder, LAST_CHUNK, Limits, PREFIX_ROOM, Progress, check_block,
    chunk_prefix, parse_request,
};
use wire::payload::{Body, Door, Peer};
use wire::{Head, cgi, date, uwsgi};

/// A header field as a test would write it.
type Field = (String, String);

fn field() -> impl Strategy<Value = Field> {
    // `x-` keeps generated names from being one that decides about framing.
    (
        "x-[a-zA-Z0-9!#$%&'*+.^`|~-]{0,20}",
        "([!-~]([ -~]{0,40}[!-~])?)?",
    )
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    vec(field(), 0..12)
}

fn target() -> impl Strategy<Value = String> {
    "/[a-zA-Z0-9/%._~-]{0,40}(\\?[a-zA-Z0-9=&%+?/]{0,40})?"
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..300)
}

fn cut_points() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..8)
}

fn places(cuts: &[prop::sample::Index], length: usize) -> Vec<usize> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
    places.sort_unstable();
    places
}

fn field_lines(fields: &[Field], colon: &str) -> String {
    let lines = fields
        .iter()
        .map(|(name, value)| [name, colon, value, "\r\n"].concat());
    lines.collect::<Vec<_>>().concat()
}

fn head_text(method: &str, target: &str, fields: &[Field]) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n") + &field_lines(fields, ":")
}

/// `data` as chunks that end at `cuts`.
fn in_chunks(data: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = 0;
    for cut in cuts.iter().copied().chain([data.len()]) {
        if cut > last {
            out.extend_from_slice(chunk_prefix(cut - last, &mut [0; PREFIX_ROOM]));
            out.extend_from_slice(&data[last..cut]);
            out.extend_from_slice(b"\r\n");
            last = cut;
        }
    }
    out.extend_from_slice(LAST_CHUNK);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_good_head_is_read_as_it_was_written(
        method in "[A-Z]{1,10}", target in target(), fields in fields(), behind in body(),
    ) {
        prop_assume!(method != "CONNECT");
        let text = head_text(&method, &target, &fields) + "\r\n";
        let input = [text.as_bytes(), &behind].concat();
        let mut head = Head::new();
        let progress = parse_request(&input, &Limits::default(), &mut head);
        let Ok(Progress::Complete(framing)) = progress else {
            return Err(TestCaseError::fail(format!("{progress:?}")));
        };
        prop_assert_eq!(framing.consumed, text.len());
        prop_assert_eq!(framing.body, BodyLength::None);
        prop_assert_eq!(head.method(), method.as_bytes());
        prop_assert_eq!(head.target(), target.as_bytes());
        let found: Vec<_> = head.fields().skip(1).collect();
        let given: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        prop_assert_eq!(found, given);
        prop_assert_eq!(head.block(), text.as_bytes());
    }

    #[test]
    fn a_stream_of_requests_is_the_same_under_any_split(
        requests in vec((target(), fields(), body(), 0..3_u8, cut_points()), 1..4), cuts in cut_points(),
    ) {
        let mut stream = Vec::new();
        for (target, fields, body, kind, chunks) in &requests {
            let head = head_text("POST", target, fields);
            stream.extend_from_slice(head.as_bytes());
            match kind {
                0 => stream.extend_from_slice(b"\r\n"),
                1 => {
                    stream.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                    stream.extend_from_slice(body);
                }
                _ => {
                    stream.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    stream.extend_from_slice(&in_chunks(body, &places(chunks, body.len())));
                }
            }
        }
        let whole = transcript(&stream, []);
        prop_assert_eq!(whole.refusal, None);
        prop_assert_eq!(whole.requests, requests.len());
        for (_, _, body, kind, _) in &requests {
            let body = if *kind == 0 { "" } else { &body.escape_ascii().to_string() };
            let line = format!("body \"{body}\"\n");
            prop_assert!(whole.text.contains(&line));
        }
        let cut = transcript(&stream, places(&cuts, stream.len()));
        prop_assert_eq!(whole.text, cut.text);
    }

    #[test]
    fn a_prefix_of_a_good_request_waits(target in target(), fields in fields()) {
        let text = head_text("GET", &target, &fields) + "\r\n";
        for end in 0..text.len() {
            let mut connection = Connection::default();
            connection.push(&text.as_bytes()[..end]);
            prop_assert_eq!(&connection.text, "");
        }
    }

    #[test]
    fn chunks_come_back_as_the_body(data in body(), chunks in cut_points(), cuts in cut_points()) {
        let mut stream = in_chunks(&data, &places(&chunks, data.len()));
        let length = stream.len();
        stream.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let decoded = decode_chunks(&stream, &places(&cuts, stream.len()));
        prop_assert_eq!(decoded, Ok((data, length, true)));
    }

    #[test]
    fn any_bytes_keep_the_laws(bytes in body(), seed in any::<u64>()) {
        laws::http1(&bytes, seed);
        laws::chunked(&bytes, seed);
        laws::uwsgi_packet(&bytes, seed);
        laws::response_block(&bytes);
        laws::payload(&bytes);
    }

    #[test]
    fn a_packet_is_read_as_it_was_written(
        variables in vec((vec(any::<u8>(), 1..30), vec(any::<u8>(), 0..60)), 1..20), behind in body(),
    ) {
        let mut block = Vec::new();
        for (name, value) in &variables {
            for text in [name, value] {
                block.extend_from_slice(&(text.len() as u16).to_le_bytes());
                block.extend_from_slice(text);
            }
        }
        let size = (block.len() as u16).to_le_bytes();
        let input = [&[0, size[0], size[1], 0], block.as_slice(), &behind].concat();
        let mut head = Head::new();
        let progress = uwsgi::parse_packet(&input, 4096, &mut head);
        let Ok(uwsgi::Progress::Complete(packet)) = progress else {
            return Err(TestCaseError::fail(format!("{progress:?}")));
        };
        prop_assert_eq!(packet.consumed, 4 + block.len());
        let found: Vec<_> = head.fields().collect();
        let given: Vec<_> = variables.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        prop_assert_eq!(found, given);
    }

    #[test]
    fn a_good_block_passes_and_one_bad_byte_does_not(
        fields in vec(field(), 1..12), place in any::<prop::sample::Index>(), bad in "[\\x00-\\x08\\n-\\x1f\\x7f]",
    ) {
        let block = field_lines(&fields, ": ");
        prop_assert!(check_block(block.as_bytes()).is_ok());
        let at = place.index(block.len());
        let mut broken = block.clone();
        broken.insert_str(at, &bad);
        prop_assert!(check_block(broken.as_bytes()).is_err(), "{:?}", broken);
    }

    #[test]
    fn a_head_crosses_the_link(
        target in target(), fields in fields(), here in body(), length in any::<Option<u32>>(),
        texts in ("[a-z0-9:.]{0,40}", "[a-z0-9.-]{0,40}", "[0-9]{0,5}"), port in any::<u16>(), https in any::<bool>(),
    ) {
        let text = head_text("GET", &target, &fields) + "\r\n";
        let mut head = Head::new();
        prop_assert!(parse_request(text.as_bytes(), &Limits::default(), &mut head).is_ok());
        let peer = Peer {
            remote_addr: &texts.0, remote_port: port, server_name: &texts.1, server_port: &texts.2,
            scheme_https: https, door: Door::Http,
        };
        laws::head_crosses(&head, &peer, Body::None);
        laws::head_crosses(&head, &peer, Body::Here(&here));
        laws::head_crosses(&head, &peer, Body::Streams { length: length.map(u64::from) });
    }

    #[test]
    fn an_escaped_path_decodes_to_itself(path in body()) {
        let escaped = path.iter().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let mut decoded = Vec::new();
        cgi::percent_decode(escaped.as_bytes(), &mut decoded);
        prop_assert_eq!(decoded, path);
    }

    #[test]
    fn a_variable_name_has_no_hyphen_and_no_small_letter(name in "[a-zA-Z0-9-]{1,30}") {
        let mut variable = Vec::new();
        cgi::variable_name(name.as_bytes(), &mut variable);
        prop_assert!(variable.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'));
    }

    #[test]
    fn every_date_has_its_form(seconds in any::<u64>()) {
        let date = date::imf_fixdate(seconds);
        prop_assert!(date.ends_with(b" GMT"));
        prop_assert!(date.iter().all(|byte| byte.is_ascii_alphanumeric() || b" ,:".contains(byte)));
    }
}

#[test]
fn a_decoder_that_is_done_takes_no_more() {
    let mut decoder = ChunkedDecoder::new();
    let end = decoder.decode(b"0\r\n\r\nGET").unwrap();
    assert_eq!((end.consumed, end.data, end.done), (5, &b""[..], true));
    let after = decoder.decode(b"GET").unwrap();
    assert_eq!((after.consumed, after.done), (0, true));
}
