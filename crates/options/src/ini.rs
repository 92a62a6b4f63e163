//! Reads ini files the way uWSGI does: magic first, over the raw bytes; then lines; no quotes, no
//! escapes, no comments behind values.

use crate::document::Document;

/// Whether the content can be a text at all.
pub(crate) fn is_text(content: &[u8]) -> bool {
    !content.contains(&0)
}

/// Takes a text apart in which the magic variables were already replaced.
pub(crate) fn parse(text: &[u8]) -> Document {
    let mut ini = Document::default();
    let mut section = String::new();
    for (number, raw) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = trim(raw);
        let Some(first) = line.first() else {
            continue;
        };
        if matches!(first, b';' | b'#') {
            continue;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            ini.not_text(number);
            continue;
        };
        if *first == b'[' {
            section = section_name(line);
            ini.open(&section);
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        ini.push(number, &section, strip(key), strip(value));
    }
    ini
}

/// Everything between the first and the last character, whatever the last one is.
fn section_name(line: &str) -> String {
    let mut inside = line.chars();
    inside.next();
    inside.next_back();
    inside.as_str().to_owned()
}

const BLANKS: [char; 3] = [' ', '\t', '\r'];

fn strip(text: &str) -> &str {
    text.trim_matches(BLANKS)
}

fn trim(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = line {
        line = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;
    use crate::magic::Magic;

    fn keys(text: &str) -> Vec<(u32, String, String, String)> {
        let ini = Format::Ini.parse(text.as_bytes(), &Magic::none());
        ini.lines
            .into_iter()
            .map(|line| (line.number, line.section, line.key, line.value))
            .collect()
    }

    fn line(number: u32, section: &str, key: &str, value: &str) -> (u32, String, String, String) {
        (number, section.into(), key.into(), value.into())
    }

    #[test]
    fn lines_as_uwsgi_splits_them() {
        assert_eq!(
            keys("[uwsgi]\r\n\n; note\n # note\n master\nenv = A=b ; c\n\tx=  y \t\r\n[b]\nk ="),
            [
                line(5, "uwsgi", "master", ""),
                line(6, "uwsgi", "env", "A=b ; c"),
                line(7, "uwsgi", "x", "y"),
                line(9, "b", "k", ""),
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_the_section() {
        assert_eq!(
            keys("\u{feff}[uwsgi]\nmaster"),
            [line(2, "uwsgi", "master", "")]
        );
    }

    #[test]
    fn sections_are_cut_blindly() {
        assert_eq!(parse(b"[a]x\n[\n").sections, ["a]", ""]);
    }

    #[test]
    fn lines_that_are_not_text_are_reported_unless_they_are_comments() {
        let ini = parse(b"[uwsgi]\n# caf\xe9\nname = caf\xe9\n");
        assert_eq!(ini.not_text, [3]);
    }
}
