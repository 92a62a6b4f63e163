//! The letters of HTTP: which byte may stand where, and one header line cut into name and value.
//!
//! Request heads, trailers and the header block of a response are all made of the same lines, so the
//! line is read in one place, in one pass: the search for the end of a value and the search for bytes
//! that must not be in it are the same search.

use super::Refusal;
use crate::Span;

/// Byte may stand in a token (method, field name).
const TOKEN: u8 = 1;
/// The byte is an underscore: allowed in a token, but worth knowing.
const UNDERSCORE: u8 = 2;
/// Byte may stand in a request target.
const TARGET: u8 = 4;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        if letter.is_ascii_alphanumeric()
            || matches!(
                letter,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            table[byte] |= TOKEN;
        }
        if letter == b'_' {
            table[byte] |= TOKEN | UNDERSCORE;
        }
        // Raw bytes above ASCII are not in RFC 3986 but clients send them and no server splits on them.
        if letter > b' ' && letter != 0x7f && letter != b'#' {
            table[byte] |= TARGET;
        }
        byte += 1;
    }
    table
}

/// Whether `byte` may stand in a method or a field name.
pub(super) fn is_token(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Whether all of `word` is one token.
pub(super) fn is_token_word(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|&byte| is_token(byte))
}

/// Whether `byte` may stand in a request target.
pub(super) fn is_target(byte: u8) -> bool {
    CLASS[byte as usize] & TARGET != 0
}

/// Whether `byte` may stand in a field value: everything but control characters; a tab is fine.
pub(super) fn is_value(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// A header line, cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `Name: value`, its end being the offset behind CRLF.
    Field {
        name: Span,
        value: Span,
        underscore: bool,
        end: usize,
    },
    /// The empty line, with the offset behind it.
    Empty { end: usize },
    /// The line has not ended yet.
    Partial,
}

/// Reads the header line that starts at `start`. A line is judged only when its line feed is there, so
/// that the verdict does not depend on how the bytes were cut on their way.
pub(super) fn header_line(input: &[u8], start: usize) -> Result<Line, Refusal> {
    cut_line(input, start).or_else(|refusal| {
        let rest = input.get(start..).unwrap_or_default();
        match memchr::memchr(b'\n', rest) {
            Some(_) => Err(refusal),
            None => Ok(Line::Partial),
        }
    })
}

#[inline]
fn cut_line(input: &[u8], start: usize) -> Result<Line, Refusal> {
    let mut at = start;
    let mut seen = 0;
    let stop = loop {
        let Some(&byte) = input.get(at) else {
            return Ok(Line::Partial);
        };
        let class = CLASS[byte as usize];
        if class & TOKEN == 0 {
            break byte;
        }
        seen |= class;
        at += 1;
    };
    if stop != b':' || at == start {
        return line_without_name(input, start, at);
    }
    let name = Span::between(start, at);
    at += 1;
    while let Some(b' ' | b'\t') = input.get(at) {
        at += 1;
    }
    let value_start = at;
    at = value_end(input, at);
    let Some(end) = line_end(input, at)? else {
        return Ok(Line::Partial);
    };
    while at > value_start && matches!(input[at - 1], b' ' | b'\t') {
        at -= 1;
    }
    Ok(Line::Field {
        name,
        value: Span::between(value_start, at),
        underscore: seen & UNDERSCORE != 0,
        end,
    })
}

/// A line whose first word does not end in a colon: the empty line, or something we refuse.
#[cold]
fn line_without_name(input: &[u8], start: usize, at: usize) -> Result<Line, Refusal> {
    let first = at == start;
    Err(Refusal::bad(match input[at] {
        b'\r' if first => {
            return Ok(match line_end(input, at)? {
                Some(end) => Line::Empty { end },
                None => Line::Partial,
            });
        }
        b'\n' if first => "a line ends in a bare line feed",
        b' ' | b'\t' if first => "a header line is folded or starts with a blank",
        b' ' | b'\t' => "there is a blank between a header name and its colon",
        b':' => "a header has no name",
        b'\r' | b'\n' => "a header line has no colon",
        _ => "a header name has a character that is not allowed",
    }))
}

/// The offset behind CRLF at `at`; `None` if it is not here yet.
pub(super) fn line_end(input: &[u8], at: usize) -> Result<Option<usize>, Refusal> {
    match (input.get(at), input.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(at + 2)),
        (None, _) | (Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), _) => Err(Refusal::bad("a carriage return stands without a line feed")),
        (Some(b'\n'), _) => Err(Refusal::bad("a line ends in a bare line feed")),
        (Some(_), _) => Err(Refusal::bad("a header value has a control character")),
    }
}

/// The offset of the first byte from `at` on that may not stand in a field value.
///
/// Looks at eight bytes at a time: `(x - 0x20…) & !x & 0x80…` marks bytes below 0x20, and the same
/// with `x ^ 0x7f…` and 1 marks DEL. A borrow may mark a byte too many above the first true one, never
/// below, and tabs are marked too; so a mark only means: look at this byte.
#[inline]
fn value_end(input: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    loop {
        while let Some(eight) = input.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*eight);
            let low = word.wrapping_sub(ONES * 0x20) & !word;
            let delete = word ^ (ONES * 0x7f);
            let marks = (low | (delete.wrapping_sub(ONES) & !delete)) & HIGH;
            if marks != 0 {
                at += marks.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        while let Some(&byte) = input.get(at) {
            if !is_value(byte) {
                return at;
            }
            at += 1;
            if byte == b'\t' {
                break;
            }
        }
        if at >= input.len() {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_value_is_found_at_every_place() {
        for length in 0..40 {
            for bad in 0..=255_u8 {
                let mut text = vec![b'a'; length];
                text.push(bad);
                text.extend_from_slice(b"\tbc\x80\xff\r");
                let slow = text.iter().position(|&byte| !is_value(byte));
                assert_eq!(Some(value_end(&text, 0)), slow, "{length} {bad:#x}");
            }
        }
        assert_eq!(value_end(b"\t\t\t\t\t\t\t\t\t\t\t\t", 0), 12);
    }

    #[test]
    fn a_line_is_cut() {
        let text = b"Host: \t a b\t \r\nrest";
        let Ok(Line::Field {
            name,
            value,
            underscore,
            end,
        }) = header_line(text, 0)
        else {
            panic!("a good line was refused");
        };
        assert_eq!((name.of(text), value.of(text)), (&b"Host"[..], &b"a b"[..]));
        assert!(!underscore);
        assert_eq!(end, 15);
        assert_eq!(header_line(b"\r\n", 0), Ok(Line::Empty { end: 2 }));
    }

    #[test]
    fn only_a_whole_line_is_judged() {
        assert_eq!(header_line(b"a\x00b: c\r", 0), Ok(Line::Partial));
        assert!(header_line(b"a\x00b: c\r\n", 0).is_err());
        assert_eq!(header_line(b"\r", 0), Ok(Line::Partial));
    }
}
