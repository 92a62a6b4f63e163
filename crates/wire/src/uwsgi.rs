//! The uwsgi protocol, as nginx's `uwsgi_pass` speaks it: a packet of variables, then the body.
//!
//! Four bytes of header (modifier 1, size as little-endian 16 bits, modifier 2), then `size` bytes of
//! key and value, each with a 16-bit length before it. The answer is HTTP without framing: the end of
//! the connection ends it.

use crate::head::{Form, Head, Span, Version};
use crate::http1::{parse_length, status_line};

/// Bytes of the packet header.
const HEADER: usize = 4;

/// How far a reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The packet has not ended yet: call again with more bytes behind the same ones.
    Incomplete,
    /// The head is whole.
    Complete(Packet),
}

/// What follows from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Bytes of the input that were the packet.
    pub consumed: usize,
    /// Length of the body behind it; `None` if the web server did not say.
    pub content_length: Option<u64>,
}

/// Why a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UwsgiRefusal {
    /// The packet is for something that is not a Python application.
    #[error("modifier {0} is not served, only 0 (WSGI) and 30 (WSGI, path managed by the server)")]
    Modifier(u8),
    /// The packet is larger than `buffer-size`.
    #[error("invalid request block size: {size} (max {max}); buffer-size sets the maximum")]
    TooLarge {
        /// Size the packet announced.
        size: usize,
        /// Size we accept.
        max: usize,
    },
    /// There are no variables at all.
    #[error("the packet is empty")]
    Empty,
    /// A key or a value reaches beyond the end of the packet.
    #[error("the packet ends within a variable")]
    Torn,
    /// A variable has no name.
    #[error("a variable has no name")]
    EmptyKey,
    /// `CONTENT_LENGTH` is not a plain number.
    #[error("CONTENT_LENGTH is not a number")]
    ContentLength,
}

impl UwsgiRefusal {
    /// Status of the answer, which the web server in front shows or turns into its own page.
    pub fn status(self) -> u16 {
        match self {
            Self::Modifier(_) => 501,
            Self::TooLarge { .. } => 431,
            Self::Empty | Self::Torn | Self::EmptyKey | Self::ContentLength => 400,
        }
    }
}

/// Reads one packet from the front of `input`. `max` is the largest size served (`buffer-size`).
pub fn parse_packet(input: &[u8], max: usize, head: &mut Head) -> Result<Progress, UwsgiRefusal> {
    let Some(&modifier) = input.first() else {
        return Ok(Progress::Incomplete);
    };
    if !matches!(modifier, 0 | 30) {
        return Err(UwsgiRefusal::Modifier(modifier));
    }
    let Some(&[_, low, high, _]) = input.first_chunk::<HEADER>() else {
        return Ok(Progress::Incomplete);
    };
    let size = usize::from(u16::from_le_bytes([low, high]));
    if size > max {
        return Err(UwsgiRefusal::TooLarge { size, max });
    }
    if size == 0 {
        return Err(UwsgiRefusal::Empty);
    }
    let Some(block) = input.get(HEADER..HEADER + size) else {
        return Ok(Progress::Incomplete);
    };
    head.clear();
    head.form = Form::Cgi;
    head.block.extend_from_slice(block);
    let content_length = read_variables(head)?;
    if modifier == 30 {
        take_script_name_off_path(head);
    }
    Ok(Progress::Complete(Packet {
        consumed: HEADER + size,
        content_length,
    }))
}

/// Modifier 30: the server takes `SCRIPT_NAME` off the front of `PATH_INFO`.
fn take_script_name_off_path(head: &mut Head) {
    let prefix = head.find(b"SCRIPT_NAME").unwrap_or_default().len() as u32;
    let block = &head.block;
    let is_prefix = |path: Span| {
        let script = head
            .fields
            .iter()
            .rev()
            .find(|(name, _)| name.of(block) == b"SCRIPT_NAME");
        script.is_some_and(|(_, script)| path.of(block).starts_with(script.of(block)))
    };
    let paths = head.fields.iter().enumerate();
    let paths =
        paths.filter(|(_, (name, path))| name.of(block) == b"PATH_INFO" && is_prefix(*path));
    let paths: Vec<usize> = paths.map(|(index, _)| index).collect();
    for index in paths {
        let path = &mut head.fields[index].1;
        *path = Span {
            start: path.start + prefix,
            len: path.len - prefix,
        };
    }
}

/// Cuts the block of the head into variables. A variable given twice counts with its last value.
fn read_variables(head: &mut Head) -> Result<Option<u64>, UwsgiRefusal> {
    let mut length = Span::default();
    let mut protocol = Span::default();
    let mut at = 0;
    while at < head.block.len() {
        let name = read_string(&head.block, at)?;
        at = (name.start + name.len) as usize;
        let value = read_string(&head.block, at)?;
        at = (value.start + value.len) as usize;
        match name.of(&head.block) {
            b"" => return Err(UwsgiRefusal::EmptyKey),
            b"REQUEST_METHOD" => head.method = value,
            b"REQUEST_URI" => head.target = value,
            b"CONTENT_LENGTH" => length = value,
            b"SERVER_PROTOCOL" => protocol = value,
            _ => {}
        }
        head.fields.push((name, value));
    }
    if protocol.of(&head.block) == b"HTTP/1.0" {
        head.version = Version::Http10;
    }
    match length.of(&head.block) {
        b"" => Ok(None),
        digits => parse_length(digits)
            .map(Some)
            .ok_or(UwsgiRefusal::ContentLength),
    }
}

/// The string whose two bytes of length stand at `at`.
fn read_string(block: &[u8], at: usize) -> Result<Span, UwsgiRefusal> {
    let rest = block.get(at..).unwrap_or_default();
    let length = rest.first_chunk::<2>().ok_or(UwsgiRefusal::Torn)?;
    let length = usize::from(u16::from_le_bytes(*length));
    if rest.len() - 2 < length {
        return Err(UwsgiRefusal::Torn);
    }
    Ok(Span::between(at + 2, at + 2 + length))
}

/// Appends the head of an answer: a status line in the version of the request, the application's
/// fields as they are, an empty line.
pub fn encode_head(out: &mut Vec<u8>, version: Version, status: u16, reason: &[u8], block: &[u8]) {
    out.reserve(block.len() + reason.len() + 32);
    status_line(out, version, status, reason);
    out.extend_from_slice(block);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(modifier: u8, variables: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in variables {
            for text in [name, value] {
                block.extend_from_slice(&(text.len() as u16).to_le_bytes());
                block.extend_from_slice(text.as_bytes());
            }
        }
        let mut bytes = vec![modifier, 0, 0, 0];
        bytes[1..3].copy_from_slice(&(block.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&block);
        bytes
    }

    #[test]
    fn a_packet_becomes_a_head() {
        let mut bytes = packet(
            0,
            &[
                ("REQUEST_METHOD", "POST"),
                ("REQUEST_URI", "/a?b"),
                ("CONTENT_LENGTH", "5"),
                ("SERVER_PROTOCOL", "HTTP/1.0"),
                ("X", "one"),
                ("X", "two"),
            ],
        );
        let consumed = bytes.len();
        bytes.extend_from_slice(b"hello");
        let mut head = Head::new();
        for end in 0..consumed {
            assert_eq!(
                parse_packet(&bytes[..end], 4096, &mut head),
                Ok(Progress::Incomplete)
            );
        }
        assert_eq!(
            parse_packet(&bytes, 4096, &mut head),
            Ok(Progress::Complete(Packet {
                consumed,
                content_length: Some(5),
            }))
        );
        assert_eq!((head.method(), head.target()), (&b"POST"[..], &b"/a?b"[..]));
        assert_eq!(head.find(b"X"), Some(&b"two"[..]));
        assert_eq!((head.form(), head.version()), (Form::Cgi, Version::Http10));
        assert_eq!(head.fields().len(), 6);
    }

    #[test]
    fn refusals() {
        let mut head = Head::new();
        let mut refused = |bytes: &[u8]| parse_packet(bytes, 4096, &mut head).unwrap_err();
        assert_eq!(refused(&[5]), UwsgiRefusal::Modifier(5));
        assert_eq!(
            refused(b"GET / HTTP/1.1\r\n\r\n"),
            UwsgiRefusal::Modifier(b'G')
        );
        assert_eq!(refused(&[0, 0, 0, 0]), UwsgiRefusal::Empty);
        assert_eq!(
            refused(&[0, 1, 16, 0]),
            UwsgiRefusal::TooLarge {
                size: 4097,
                max: 4096
            }
        );
        assert_eq!(refused(&[0, 1, 0, 0, 9]), UwsgiRefusal::Torn);
        assert_eq!(refused(&[0, 3, 0, 0, 1, 0, b'A']), UwsgiRefusal::Torn);
        assert_eq!(refused(&[0, 3, 0, 0, 255, 255, b'A']), UwsgiRefusal::Torn);
        assert_eq!(refused(&[0, 4, 0, 0, 0, 0, 0, 0]), UwsgiRefusal::EmptyKey);
        for bad in ["x", "-1", "1 ", "0x5", "99999999999999999999"] {
            let bytes = packet(0, &[("CONTENT_LENGTH", bad)]);
            assert_eq!(refused(&bytes), UwsgiRefusal::ContentLength, "{bad}");
        }
    }

    #[test]
    fn an_empty_length_is_no_length() {
        let mut head = Head::new();
        let bytes = packet(30, &[("CONTENT_LENGTH", "")]);
        let consumed = bytes.len();
        assert_eq!(
            parse_packet(&bytes, 4096, &mut head),
            Ok(Progress::Complete(Packet {
                consumed,
                content_length: None,
            }))
        );
        assert_eq!((head.method(), head.version()), (&b""[..], Version::Http11));
    }

    #[test]
    fn modifier_30_takes_the_script_name_off() {
        let path = |script, path| {
            let mut head = Head::new();
            let bytes = packet(30, &[("PATH_INFO", path), ("SCRIPT_NAME", script)]);
            parse_packet(&bytes, 4096, &mut head).unwrap();
            String::from_utf8_lossy(head.find(b"PATH_INFO").unwrap()).into_owned()
        };
        assert_eq!(path("/app", "/app/x"), "/x");
        assert_eq!(path("/app", "/other"), "/other");
        assert_eq!(path("", "/x"), "/x");
        assert_eq!(path("/app", "/app"), "");
    }

    #[test]
    fn the_answer_is_plain_http() {
        let mut out = Vec::new();
        encode_head(&mut out, Version::Http10, 204, b"", b"A: b\r\n");
        assert_eq!(out, b"HTTP/1.0 204 No Content\r\nA: b\r\n\r\n");
    }
}
