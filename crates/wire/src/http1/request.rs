//! The request head: request line and header fields, read line by line as the bytes come.
//!
//! Lines are judged one after the other, each when its line feed is there, and a head that trickles in
//! goes on where it stopped. So the verdict is the same under every split of the bytes, and the work
//! grows with the bytes, not with their square.

use super::framing::{self, Framing, TargetForm};
use super::grammar::{self, Line};
use super::{Limits, Refusal};
use crate::{Form, Head, Span, Version};

/// Longest method; the longest registered one has 17 letters.
const METHOD_BYTES: usize = 32;
/// Room on the request line beside the target: method, version, blanks, CRLF.
const LINE_ROOM: usize = 64;
/// Empty lines tolerated before a request (RFC 9112 §2.2): old clients end a body with one.
const EMPTY_LINES: u8 = 1;

/// How far a reading has come.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// The head has not ended yet: call again with more bytes behind the same ones.
    Incomplete,
    /// The head is whole; the facts say what follows it.
    Complete(Framing),
}

/// Where a head that trickles in is to be read on. Kept in the [`Head`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    stage: Stage,
    /// Bytes that were there at the last call.
    seen: usize,
    /// Where the head begins, behind empty lines.
    start: usize,
    /// Where the first unread line begins.
    line: usize,
    empty_lines: u8,
    /// Header lines read, those that were dropped included.
    lines: usize,
    target_form: TargetForm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    RequestLine,
    Fields,
    Finished,
}

/// Reads the head of one request from the front of `input`.
///
/// While the answer is [`Progress::Incomplete`], call again with the same bytes, grown, and the same
/// `head`; before a head that was left unfinished serves another connection, [`Head::clear`] it.
/// A head that was completed or refused needs no clearing.
pub fn parse_request(input: &[u8], limits: &Limits, head: &mut Head) -> Result<Progress, Refusal> {
    if head.reading.stage == Stage::Finished || input.len() < head.reading.seen {
        head.clear();
    }
    let outcome = read_on(input, limits, head);
    head.reading.seen = input.len();
    if !matches!(outcome, Ok(Progress::Incomplete)) {
        head.reading.stage = Stage::Finished;
    }
    outcome
}

fn read_on(input: &[u8], limits: &Limits, head: &mut Head) -> Result<Progress, Refusal> {
    if head.reading.stage == Stage::RequestLine {
        skip_empty_lines(input, &mut head.reading)?;
        check_method_start(input, head.reading.start)?;
    }
    let room = head.reading.start.saturating_add(limits.head_bytes);
    let window = &input[..input.len().min(room)];
    let fresh = window.get(head.reading.seen..).unwrap_or_default();
    if memchr::memchr(b'\n', fresh).is_none() {
        return unfinished(window, limits, head);
    }
    if head.reading.stage == Stage::RequestLine && !read_request_line(window, limits, head)? {
        return unfinished(window, limits, head);
    }
    let Some(end) = read_fields(window, limits, head)? else {
        return unfinished(window, limits, head);
    };
    head.block
        .extend_from_slice(&input[head.reading.start..end]);
    let target_form = head.reading.target_form;
    framing::judge(head, end, target_form).map(Progress::Complete)
}

/// Steps over the empty lines before the request line.
fn skip_empty_lines(input: &[u8], reading: &mut Reading) -> Result<(), Refusal> {
    while reading.empty_lines < EMPTY_LINES && input.get(reading.start) == Some(&b'\r') {
        match grammar::line_end(input, reading.start)? {
            Some(end) => reading.start = end,
            None => return Ok(()),
        }
        reading.empty_lines += 1;
    }
    reading.line = reading.start;
    Ok(())
}

/// Refuses at the first byte that cannot be a method: a TLS greeting or another protocol on this port
/// would otherwise wait for a line feed that never comes.
fn check_method_start(input: &[u8], start: usize) -> Result<(), Refusal> {
    let line = input.get(start..).unwrap_or_default();
    let method = line
        .iter()
        .take_while(|&&byte| grammar::is_token(byte))
        .count();
    if method > METHOD_BYTES {
        return Err(Refusal::new(501, "the method is too long"));
    }
    match line.get(method) {
        None | Some(b' ') if method > 0 || line.is_empty() => Ok(()),
        Some(b'\r') if method == 0 && line.len() == 1 => Ok(()),
        Some(0x16) if method == 0 => {
            Err(Refusal::bad("a TLS handshake came to a port without TLS"))
        }
        _ => Err(Refusal::bad(
            "the method has a character that is not allowed",
        )),
    }
}

/// The answer while the head has not ended: wait, or refuse because it is too large already.
fn unfinished(window: &[u8], limits: &Limits, head: &Head) -> Result<Progress, Refusal> {
    let length = window.len().saturating_sub(head.reading.start);
    let full = length >= limits.head_bytes;
    if head.reading.stage == Stage::RequestLine {
        if full || length > limits.target_bytes.saturating_add(LINE_ROOM) {
            return Err(Refusal::new(414, "the request target is too long"));
        }
    } else if full {
        return Err(Refusal::new(431, "the request head is too large"));
    }
    Ok(Progress::Incomplete)
}

/// Reads the request line; `false` if it has not ended.
fn read_request_line(window: &[u8], limits: &Limits, head: &mut Head) -> Result<bool, Refusal> {
    let start = head.reading.start;
    let Some(line) = window.get(start..) else {
        return Ok(false);
    };
    let Some(feed) = memchr::memchr(b'\n', line) else {
        return Ok(false);
    };
    if feed > limits.target_bytes.saturating_add(LINE_ROOM) {
        return Err(Refusal::new(414, "the request target is too long"));
    }
    let Some(line) = line[..feed].strip_suffix(b"\r") else {
        return Err(Refusal::bad("a line ends in a bare line feed"));
    };
    cut_request_line(line, limits, head)?;
    head.reading.line = start + feed + 1;
    head.reading.stage = Stage::Fields;
    Ok(true)
}

/// Cuts `METHOD SP target SP HTTP/1.1`.
fn cut_request_line(line: &[u8], limits: &Limits, head: &mut Head) -> Result<(), Refusal> {
    let method_end = line
        .iter()
        .position(|&byte| !grammar::is_token(byte))
        .unwrap_or(line.len());
    if line.get(method_end) != Some(&b' ') || method_end == 0 {
        return Err(Refusal::bad(
            "the request line is not method, target, version",
        ));
    }
    let rest = &line[method_end + 1..];
    let target_len = rest
        .iter()
        .position(|&byte| !grammar::is_target(byte))
        .unwrap_or(rest.len());
    let (target, rest) = rest.split_at(target_len);
    match rest.first() {
        Some(b' ') if !target.is_empty() => {}
        Some(b'#') => return Err(Refusal::bad("the request target has a fragment")),
        None | Some(b' ') => {
            return Err(Refusal::bad(
                "the request line is not method, target, version",
            ));
        }
        Some(_) => return Err(Refusal::bad("the request target has a control character")),
    }
    if target.len() > limits.target_bytes {
        return Err(Refusal::new(414, "the request target is too long"));
    }
    head.version = version(&rest[1..])?;
    head.reading.target_form = target_form(&line[..method_end], target)?;
    head.form = Form::Http;
    head.method = Span::between(0, method_end);
    head.target = Span::between(method_end + 1, method_end + 1 + target_len);
    Ok(())
}

fn version(word: &[u8]) -> Result<Version, Refusal> {
    let [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] = word else {
        return Err(Refusal::bad("the request line has no valid HTTP version"));
    };
    match (major, minor) {
        (b'1', b'0') => Ok(Version::Http10),
        (b'1', b'1'..=b'9') => Ok(Version::Http11),
        (b'0'..=b'9', b'0'..=b'9') => Err(Refusal::new(
            505,
            "only HTTP/1.0 and HTTP/1.1 are spoken here",
        )),
        _ => Err(Refusal::bad("the request line has no valid HTTP version")),
    }
}

/// Which of the four forms of RFC 9112 §3.2 the target has.
fn target_form(method: &[u8], target: &[u8]) -> Result<TargetForm, Refusal> {
    if method == b"CONNECT" {
        return Err(Refusal::new(501, "CONNECT is not served"));
    }
    match target {
        [b'/', ..] => Ok(TargetForm::Origin),
        b"*" if method == b"OPTIONS" => Ok(TargetForm::Asterisk),
        b"*" => Err(Refusal::bad("only OPTIONS may ask for *")),
        _ if framing::authority(target).is_some() => Ok(TargetForm::Absolute),
        _ => Err(Refusal::bad(
            "the request target is neither a path nor an http URI",
        )),
    }
}

/// Reads header lines; the offset behind the head once the empty line was found.
fn read_fields(window: &[u8], limits: &Limits, head: &mut Head) -> Result<Option<usize>, Refusal> {
    let start = head.reading.start as u32;
    loop {
        match grammar::header_line(window, head.reading.line)? {
            Line::Partial => return Ok(None),
            Line::Empty { end } => return Ok(Some(end)),
            Line::Field {
                name,
                value,
                underscore,
                end,
            } => {
                if head.reading.lines >= limits.fields {
                    return Err(Refusal::new(431, "the request has too many header fields"));
                }
                head.reading.lines += 1;
                head.reading.line = end;
                if underscore && !(limits.underscores && is_plain(name.of(window))) {
                    continue;
                }
                let moved = |span: Span| Span {
                    start: span.start - start,
                    ..span
                };
                head.fields.push((moved(name), moved(value)));
            }
        }
    }
}

/// Whether a name with underscores stays harmless where `-` and `_` are the same: it must not pass for
/// one of the fields that the framing or the gateway rests on.
fn is_plain(name: &[u8]) -> bool {
    ![
        &b"content_length"[..],
        b"content_type",
        b"transfer_encoding",
    ]
    .iter()
    .any(|special| {
        special.len() == name.len()
            && special
                .iter()
                .zip(name)
                .all(|(a, b)| *a == b.to_ascii_lowercase() || (*a == b'_' && *b == b'-'))
    })
}
