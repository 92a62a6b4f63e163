//! The header fields of a response, as a worker sends them: one block of `Name: value` lines.
//!
//! The worker runs the application's code, so nothing it sends is taken on trust: each line is checked
//! before a byte of it goes to a client. A block that passes cannot split a response.

use super::framing::parse_length;
use super::grammar::{self, Line};

/// What a good block says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockFacts {
    /// Value of `Content-Length`.
    pub content_length: Option<u64>,
    /// There is a `Date`.
    pub has_date: bool,
    /// There is a `Server`.
    pub has_server: bool,
    /// There is a `Transfer-Encoding`: the block must be cleaned before it is sent.
    pub has_transfer_encoding: bool,
    /// There is a field that belongs to one connection (RFC 9110 §7.6.1, PEP 3333 forbids them to
    /// applications): the block must be cleaned with [`strip_hop_by_hop`] before it is sent.
    pub hop_by_hop: bool,
    /// `Connection: close`: the application wants the connection to end.
    pub connection_close: bool,
}

/// Why a response head is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// The bytes behind this offset of the block are no header line.
    #[error("header line at byte {at}: {why}")]
    Line {
        /// Offset of the line in the block.
        at: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An empty line inside the block would end the head before its end.
    #[error("the header block has an empty line")]
    EmptyLine,
    /// The last line has no CRLF.
    #[error("the header block ends within a line")]
    Torn,
    /// `Content-Length` is not a plain number.
    #[error("Content-Length is not a number")]
    ContentLength,
    /// `Content-Length` stands there twice.
    #[error("more than one Content-Length")]
    ContentLengthTwice,
    /// The status is not between 200 and 999.
    #[error("status {0} is not a final status")]
    Status(u16),
    /// The reason has a control character.
    #[error("the reason phrase has a control character")]
    Reason,
}

/// Checks the status and the reason phrase of a response.
pub fn check_status(status: u16, reason: &[u8]) -> Result<(), BadResponse> {
    if !(200..=999).contains(&status) {
        return Err(BadResponse::Status(status));
    }
    if !reason.iter().all(|&byte| grammar::is_value(byte)) {
        return Err(BadResponse::Reason);
    }
    Ok(())
}

/// Checks a block of header lines in one pass and gathers what the encoder must know.
pub fn check_block(block: &[u8]) -> Result<BlockFacts, BadResponse> {
    let mut facts = BlockFacts::default();
    let mut at = 0;
    while at < block.len() {
        let line = grammar::header_line(block, at).map_err(|refusal| BadResponse::Line {
            at,
            why: refusal.why,
        })?;
        match line {
            Line::Field {
                name, value, end, ..
            } => {
                if matches!(name.len, 2 | 4 | 6..=8 | 10 | 14 | 16..=19) {
                    note(name.of(block), value.of(block), &mut facts)?;
                }
                at = end;
            }
            Line::Empty { .. } => return Err(BadResponse::EmptyLine),
            Line::Partial => return Err(BadResponse::Torn),
        }
    }
    Ok(facts)
}

fn note(name: &[u8], value: &[u8], facts: &mut BlockFacts) -> Result<(), BadResponse> {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    match name.len() {
        4 if is(b"date") => facts.has_date = true,
        6 if is(b"server") => facts.has_server = true,
        14 if is(b"content-length") => {
            let length = parse_length(value).ok_or(BadResponse::ContentLength)?;
            if facts.content_length.replace(length).is_some() {
                return Err(BadResponse::ContentLengthTwice);
            }
        }
        17 if is(b"transfer-encoding") => {
            facts.has_transfer_encoding = true;
            facts.hop_by_hop = true;
        }
        _ if is_hop_by_hop(name) => {
            facts.hop_by_hop = true;
            facts.connection_close |= is(b"connection") && names_close(value);
        }
        _ => {}
    }
    Ok(())
}

/// Whether a field is between two neighbours only.
fn is_hop_by_hop(name: &[u8]) -> bool {
    let known: &[&[u8]] = match name.len() {
        2 => &[b"te"],
        7 => &[b"trailer", b"upgrade"],
        8 => &[b"trailers"],
        10 => &[b"connection", b"keep-alive"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        18 => &[b"proxy-authenticate"],
        19 => &[b"proxy-authorization"],
        _ => &[],
    };
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn names_close(value: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// Copies a checked block without the fields that belong to one connection.
pub fn strip_hop_by_hop(block: &[u8], out: &mut Vec<u8>) {
    strip(block, out, is_hop_by_hop);
}

/// Copies a checked block without `Content-Length`, which an answer of status 204 must not have
/// (RFC 9110 §8.6).
pub fn strip_content_length(block: &[u8], out: &mut Vec<u8>) {
    strip(block, out, |name| {
        name.eq_ignore_ascii_case(b"content-length")
    });
}

fn strip(block: &[u8], out: &mut Vec<u8>, unwanted: impl Fn(&[u8]) -> bool) {
    let mut at = 0;
    while let Ok(Line::Field { name, end, .. }) = grammar::header_line(block, at) {
        if !unwanted(name.of(block)) {
            out.extend_from_slice(&block[at..end]);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_good_block() {
        let facts = check_block(
            b"Content-Type: text/html\r\nContent-Length: 12\r\ndate: now\r\nServer:x\r\n",
        );
        assert_eq!(
            facts,
            Ok(BlockFacts {
                content_length: Some(12),
                has_date: true,
                has_server: true,
                ..BlockFacts::default()
            })
        );
        assert_eq!(check_block(b""), Ok(BlockFacts::default()));
    }

    #[test]
    fn a_block_cannot_split_a_response() {
        for bad in [
            &b"A: b\r\n\r\n<html>"[..],
            b"\r\n",
            b"A: b\n",
            b"A: b\nC: d\r\n",
            b"A: b\rC: d\r\n",
            b"A: b",
            b"A: b\r",
            b"A: \0\r\n",
            b"A: \x7f\r\n",
            b"A : b\r\n",
            b" A: b\r\n",
            b"A: b\r\n c\r\n",
            b": b\r\n",
            b"A\r\n",
            b"A\xe9: b\r\n",
            b"A(: b\r\n",
        ] {
            assert!(check_block(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_length_must_be_one_plain_number() {
        for bad in [
            "",
            "-1",
            "+1",
            "1,1",
            "1 1",
            "0x1",
            "1_0",
            "99999999999999999999",
            "9223372036854775808",
        ] {
            let block = format!("Content-Length: {bad}\r\n");
            assert_eq!(
                check_block(block.as_bytes()),
                Err(BadResponse::ContentLength),
                "{bad}"
            );
        }
        assert_eq!(
            check_block(b"Content-Length: 1\r\ncontent-length: 1\r\n"),
            Err(BadResponse::ContentLengthTwice)
        );
    }

    #[test]
    fn hop_by_hop_fields_are_named_and_taken_out() {
        let block = b"A: b\r\nConnection: x, Close\r\nKeep-Alive: 5\r\nTE: x\r\nTransfer-Encoding: chunked\r\nC: d\r\n";
        let facts = check_block(block).unwrap();
        assert!(facts.hop_by_hop && facts.connection_close && facts.has_transfer_encoding);
        let mut clean = Vec::new();
        strip_hop_by_hop(block, &mut clean);
        assert_eq!(clean, b"A: b\r\nC: d\r\n");
        for name in [
            "Upgrade",
            "Trailer",
            "Trailers",
            "Proxy-Connection",
            "Proxy-Authenticate",
            "Proxy-Authorization",
        ] {
            let block = format!("{name}: x\r\n");
            assert!(check_block(block.as_bytes()).unwrap().hop_by_hop, "{name}");
        }
    }

    #[test]
    fn the_status_line_is_checked_too() {
        assert_eq!(check_status(200, b"OK"), Ok(()));
        assert_eq!(check_status(404, b""), Ok(()));
        assert_eq!(
            check_status(101, b"Switching Protocols"),
            Err(BadResponse::Status(101))
        );
        assert_eq!(check_status(1000, b""), Err(BadResponse::Status(1000)));
        assert_eq!(check_status(200, b"OK\r\nA: b"), Err(BadResponse::Reason));
    }
}
