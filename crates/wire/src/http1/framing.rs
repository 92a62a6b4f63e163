//! The meaning of a request head: where the body ends, whether the connection stays, what was asked.
//!
//! This is where smuggling is stopped. Wherever RFC 9112 lets a server choose between mending a message
//! and refusing it, we refuse: another server in front of us may have mended it differently.

use super::Refusal;
use super::host::is_authority;
use crate::{Head, Span, Version};

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No body.
    None,
    /// `Content-Length` said so (it may have said 0).
    Fixed(u64),
    /// It comes in chunks and says itself when it ends.
    Chunked,
}

/// The form of the request target, RFC 9112 §3.2. The fourth one, `host:port` for CONNECT, is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `*`, for OPTIONS
    Asterisk,
}

/// What follows from a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Bytes of the input that were the head, empty lines before it included.
    pub consumed: usize,
    /// What follows behind the head.
    pub body: BodyLength,
    /// The connection may serve another request after this one.
    pub keep_alive: bool,
    /// An HTTP/1.0 client asked for it, so the answer must say `Connection: keep-alive`.
    pub keep_alive_asked: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// The client offers another protocol (`Connection: upgrade` and an `Upgrade` field).
    pub upgrade: bool,
    /// The form of the target.
    pub target_form: TargetForm,
}

/// What the fields say, gathered in one pass.
#[derive(Default)]
struct Gathered {
    host: Option<(usize, Span)>,
    content_length: Option<u64>,
    chunked: Option<()>,
    close: bool,
    keep_alive: bool,
    upgrade_option: bool,
    upgrade_field: bool,
    expect_continue: bool,
}

/// Judges a whole head whose block is filled. `consumed` goes into the answer as it is.
pub(super) fn judge(
    head: &mut Head,
    consumed: usize,
    target_form: TargetForm,
) -> Result<Framing, Refusal> {
    let gathered = gather(head)?;
    settle_host(head, &gathered, target_form)?;
    let modern = head.version == Version::Http11;
    let body = match (gathered.chunked, gathered.content_length) {
        (Some(()), Some(_)) => {
            return Err(Refusal::bad("both Content-Length and Transfer-Encoding"));
        }
        (Some(()), None) if !modern => {
            return Err(Refusal::bad("Transfer-Encoding in an HTTP/1.0 request"));
        }
        (Some(()), None) => BodyLength::Chunked,
        (None, Some(length)) => BodyLength::Fixed(length),
        (None, None) => BodyLength::None,
    };
    let keep_alive = !gathered.close && (modern || gathered.keep_alive);
    Ok(Framing {
        consumed,
        body,
        keep_alive,
        keep_alive_asked: keep_alive && !modern,
        expect_continue: gathered.expect_continue
            && !matches!(body, BodyLength::None | BodyLength::Fixed(0)),
        upgrade: modern && gathered.upgrade_option && gathered.upgrade_field,
        target_form,
    })
}

fn gather(head: &Head) -> Result<Gathered, Refusal> {
    let mut facts = Gathered::default();
    for (index, (name, value)) in head.fields.iter().enumerate() {
        // The length tells nearly all other fields apart without looking at a letter.
        if matches!(name.len, 4 | 6 | 7 | 10 | 14 | 17) {
            facts.note(index, name.of(&head.block), *value, head)?;
        }
    }
    Ok(facts)
}

impl Gathered {
    /// Takes note of one field if it is one that matters here.
    fn note(&mut self, index: usize, name: &[u8], span: Span, head: &Head) -> Result<(), Refusal> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let value = span.of(&head.block);
        match name.len() {
            4 if is(b"host") => once(&mut self.host, (index, span), "more than one Host"),
            6 if is(b"expect") => {
                self.expect_continue = expectation(value, head.version)?;
                Ok(())
            }
            7 if is(b"upgrade") => {
                self.upgrade_field = true;
                Ok(())
            }
            10 if is(b"connection") => {
                self.connection_options(value);
                Ok(())
            }
            14 if is(b"content-length") => {
                let length = content_length(value)?;
                once(
                    &mut self.content_length,
                    length,
                    "more than one Content-Length",
                )
            }
            17 if is(b"transfer-encoding") => {
                check_coding(value)?;
                once(&mut self.chunked, (), "more than one Transfer-Encoding")
            }
            _ => Ok(()),
        }
    }

    fn connection_options(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.upgrade_option = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                _ => {}
            }
        }
    }
}

/// Fills a place that may be filled once only.
fn once<T>(place: &mut Option<T>, value: T, why: &'static str) -> Result<(), Refusal> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::bad(why)),
    }
}

/// `Content-Length`: digits and nothing else, not more than a signed 64-bit number.
fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    parse_length(value).ok_or(Refusal::bad("Content-Length is not a number we can use"))
}

/// A plain decimal number up to `i64::MAX`. No sign, no blanks, no list, no separators.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    let mut number = 0_u64;
    for byte in value {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number
            .checked_mul(10)?
            .checked_add(u64::from(byte - b'0'))?;
    }
    i64::try_from(number).is_ok().then_some(number)
}

/// Only `chunked`, alone, is a coding that every server reads in the same way.
fn check_coding(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    if !codings.clone().all(super::grammar::is_token_word) {
        return Err(Refusal::bad("Transfer-Encoding is malformed"));
    }
    // Before the last place `chunked` may not stand, whatever the last one is.
    codings.next_back();
    if codings.any(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(Refusal::bad(
            "chunked must be the last transfer coding and stand once",
        ));
    }
    Err(Refusal::new(
        501,
        "no transfer coding but chunked is understood",
    ))
}

/// HTTP/1.0 clients do not know expectations, theirs are ignored (RFC 9110 §10.1.1).
fn expectation(value: &[u8], version: Version) -> Result<bool, Refusal> {
    match version {
        Version::Http10 => Ok(false),
        Version::Http11 if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Version::Http11 => Err(Refusal::new(417, "the expectation is not known")),
    }
}

/// The authority of an `http://` or `https://` URI, as offsets into it.
pub(crate) fn authority(target: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let given = target.get(..scheme.len())?;
        given.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    })?;
    let length = target[start..]
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(target.len() - start);
    Some(start..start + length)
}

/// Checks `Host`. An absolute target overrules it (RFC 9112 §3.2.2): then the field's value becomes the
/// authority of the target, so that nobody behind us can see the other one.
fn settle_host(head: &mut Head, facts: &Gathered, form: TargetForm) -> Result<(), Refusal> {
    match facts.host {
        None if head.version == Version::Http11 => return Err(Refusal::bad("no Host")),
        // An empty Host is what a client without an authority must send (RFC 9112 §3.2).
        Some((_, value)) if !value.is_empty() && !is_authority(value.of(&head.block)) => {
            return Err(Refusal::bad("Host is not a valid host"));
        }
        _ => {}
    }
    if form != TargetForm::Absolute {
        return Ok(());
    }
    let Some(range) = authority(head.target()) else {
        return Err(Refusal::bad(
            "the request target is neither a path nor an http URI",
        ));
    };
    if !is_authority(&head.target()[range.clone()]) {
        return Err(Refusal::bad("the host in the request target is not valid"));
    }
    let offset = head.target.start as usize;
    let winner = Span::between(offset + range.start, offset + range.end);
    if let Some((index, _)) = facts.host {
        head.fields[index].1 = winner;
    } else {
        let name = Span::between(head.block.len(), head.block.len() + 4);
        head.block.extend_from_slice(b"Host");
        head.fields.push((name, winner));
    }
    Ok(())
}
