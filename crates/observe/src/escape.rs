//! Foreign bytes made safe for a log: nobody outside can forge a line, hide one, or reach the
//! reader's terminal.
//!
//! What may stay is printable text in UTF-8. Everything else becomes `\xhh`, one per byte: control
//! characters (so no line ends and no escape sequences), bytes that are not UTF-8, and the few
//! Unicode characters that break lines or turn the writing direction around. A backslash becomes
//! two, so that the original bytes can always be read back.

/// How strict to be, by the place where the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inside a line.
    Line,
    /// Inside a line, between double quotes that the text must not close.
    Quotes,
    /// A block of several lines, such as a traceback: line ends, tabs and backslashes stay.
    Block,
}

/// Appends `text` as `place` allows.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "an early exit would keep the compiler from testing many bytes at once"
)]
pub(crate) fn push_escaped(out: &mut Vec<u8>, text: &[u8], place: Place) {
    let plain = text.iter().fold(true, |plain, &byte| {
        plain & (0x20..0x7f).contains(&byte) & (byte != b'\\')
    });
    if plain && (place != Place::Quotes || !text.contains(&b'"')) {
        out.extend_from_slice(text);
    } else {
        push_slowly(out, text, place);
    }
}

fn push_slowly(out: &mut Vec<u8>, text: &[u8], place: Place) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(out, character, place);
        }
        push_bytes(out, chunk.invalid());
    }
}

fn push_character(out: &mut Vec<u8>, character: char, place: Place) {
    let mut buffer = [0_u8; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    match (character, place) {
        ('\\', Place::Line | Place::Quotes) => out.extend_from_slice(b"\\\\"),
        ('"', Place::Quotes) => out.extend_from_slice(b"\\\""),
        ('\n' | '\t', Place::Block) => out.extend_from_slice(bytes),
        _ if is_dangerous(character) => push_bytes(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
}

/// Controls (C0, DEL, C1), line and paragraph separators, and the characters that reorder text.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        let digits = [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]];
        out.extend_from_slice(b"\\x");
        out.extend_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8], place: Place) -> String {
        let mut out = Vec::new();
        push_escaped(&mut out, text, place);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn printable_text_stays() {
        assert_eq!(escaped(b"/a?b=c%0a", Place::Line), "/a?b=c%0a");
        assert_eq!(
            escaped("/grüße/日本".as_bytes(), Place::Line),
            "/grüße/日本"
        );
        assert_eq!(escaped(b"", Place::Line), "");
    }

    #[test]
    fn every_control_byte_is_escaped() {
        for byte in (0..0x20).chain([0x7f]) {
            assert_eq!(
                escaped(&[b'a', byte, b'b'], Place::Line),
                format!("a\\x{byte:02x}b")
            );
        }
    }

    #[test]
    fn a_forged_line_stays_on_its_line() {
        let forged = escaped(b"/x\r\n127.0.0.1 GET /admin 200", Place::Line);
        assert_eq!(forged, "/x\\x0d\\x0a127.0.0.1 GET /admin 200");
        assert_eq!(escaped(b"\x1b[2J", Place::Line), "\\x1b[2J");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_escaped_one_by_one() {
        assert_eq!(
            escaped(b"a\xff\xc3(\xe2\x82", Place::Line),
            "a\\xff\\xc3(\\xe2\\x82"
        );
    }

    #[test]
    fn unicode_that_breaks_or_turns_lines_is_escaped() {
        assert_eq!(escaped("\u{85}".as_bytes(), Place::Line), "\\xc2\\x85");
        assert_eq!(
            escaped("\u{2028}".as_bytes(), Place::Line),
            "\\xe2\\x80\\xa8"
        );
        assert_eq!(
            escaped("\u{202e}".as_bytes(), Place::Line),
            "\\xe2\\x80\\xae"
        );
    }

    #[test]
    fn backslash_and_quotes_depend_on_the_place() {
        let text = br#"a\x0a"b"#;
        assert_eq!(escaped(text, Place::Line), r#"a\\x0a"b"#);
        assert_eq!(escaped(text, Place::Quotes), r#"a\\x0a\"b"#);
        assert_eq!(escaped(text, Place::Block), r#"a\x0a"b"#);
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(escaped(b"a\n\tb\x07", Place::Block), "a\n\tb\\x07");
    }
}
