//! What every kind of configuration file comes down to: sections of `key = value` lines. There is
//! one reader per format; this file says what they hand over and which one reads which file.

use crate::bounds::{MOST_OPTIONS, MOST_REMARKS, MOST_SECTIONS, TooMuch};
use crate::file_name;
use crate::magic::{Eaten, Magic};
use crate::{ini, json, toml, xml, yaml};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Ini,
    Yaml,
    Json,
    Xml,
    Toml,
}

/// One option of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number in the file, from 1.
    pub(crate) number: u32,
    /// The section it stands in; empty before the first one.
    pub(crate) section: String,
    /// The name.
    pub(crate) key: String,
    /// The value, or nothing.
    pub(crate) value: String,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// Every `key = value` of every section, in order.
    pub(crate) lines: Vec<Line>,
    /// The sections in the order they first appear.
    pub(crate) sections: Vec<String>,
    /// Lines that are not text.
    pub(crate) not_text: Vec<u32>,
    /// Percent signs that swallowed something.
    pub(crate) eaten: Vec<Eaten>,
    /// What the format does not allow: the line and a sentence.
    pub(crate) broken: Vec<(u32, String)>,
    /// What the format allows and no option can be made of.
    pub(crate) passed_over: Vec<(u32, String)>,
    /// There were more options than anybody needs; the rest was left out.
    full: bool,
}

impl Format {
    /// The format a file's name tells, if it tells one.
    pub(crate) fn of(file: &str) -> Option<Self> {
        match file_name::extension(file) {
            "ini" => Some(Self::Ini),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" | "js" => Some(Self::Json),
            "xml" => Some(Self::Xml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// The format an option asks for when the file's name tells none.
    pub(crate) fn asked_by(option: &str) -> Self {
        match option {
            "yaml" => Self::Yaml,
            "json" => Self::Json,
            "xml" => Self::Xml,
            "toml" => Self::Toml,
            _ => Self::Ini,
        }
    }

    /// The format of something that has no name, seen from how it begins.
    pub(crate) fn of_nameless(content: &[u8]) -> Self {
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let meaning = text
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .find(|line| !line.is_empty() && !line.starts_with(b"#") && *line != b"---");
        match meaning {
            Some([b'{', ..]) => Self::Json,
            Some([b'<', ..]) => Self::Xml,
            Some(b"uwsgi:" | b"verdigris:") => Self::Yaml,
            _ => Self::Ini,
        }
    }

    /// The name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ini => "ini",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Toml => "TOML",
        }
    }

    /// Takes a file apart. Magic comes first in every format, over the raw bytes.
    pub(crate) fn parse(self, content: &[u8], magic: &Magic) -> Document {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let replaced = magic.replace(content);
        let mut document = match self {
            Self::Ini => ini::parse(&replaced.text),
            _ => match std::str::from_utf8(&replaced.text) {
                Ok(text) => self.parse_text(text),
                Err(error) => Document {
                    not_text: vec![line_at(&replaced.text, error.valid_up_to())],
                    ..Document::default()
                },
            },
        };
        document.eaten = replaced.eaten;
        if let Some(line) = replaced.too_long {
            document.broken = vec![(line, TooMuch::Bytes.to_string())];
        }
        document.renumber(&replaced.line_numbers);
        document
    }

    fn parse_text(self, text: &str) -> Document {
        match self {
            Self::Ini => ini::parse(text.as_bytes()),
            Self::Yaml => yaml::parse(text),
            Self::Json => json::parse(text),
            Self::Xml => xml::parse(text),
            Self::Toml => toml::parse(text),
        }
    }
}

impl Document {
    /// Adds an option.
    pub(crate) fn push(&mut self, number: u32, section: &str, key: &str, value: impl Into<String>) {
        if self.lines.len() >= MOST_OPTIONS {
            if !std::mem::replace(&mut self.full, true) {
                self.broken(number, TooMuch::Options.to_string());
            }
            return;
        }
        self.lines.push(Line {
            number,
            section: section.to_owned(),
            key: key.to_owned(),
            value: value.into(),
        });
    }

    /// Notes a section. Whoever has thousands of them has a file of another kind.
    pub(crate) fn open(&mut self, section: &str) {
        let known = self.sections.iter().any(|known| known == section);
        if !known && self.sections.len() < MOST_SECTIONS {
            self.sections.push(section.to_owned());
        }
    }

    /// Notes what the format does not allow.
    pub(crate) fn broken(&mut self, line: u32, what: impl Into<String>) {
        if self.broken.len() < MOST_REMARKS {
            self.broken.push((line, what.into()));
        }
    }

    /// Notes what no option can be made of.
    pub(crate) fn pass_over(&mut self, line: u32, what: impl Into<String>) {
        if self.passed_over.len() < MOST_REMARKS {
            self.passed_over.push((line, what.into()));
        }
    }

    /// Notes a line that is not text.
    pub(crate) fn not_text(&mut self, line: u32) {
        if self.not_text.len() < MOST_REMARKS {
            self.not_text.push(line);
        }
    }

    /// Magic may have swallowed line ends: from lines of the replaced text to lines of the file.
    fn renumber(&mut self, numbers: &[u32]) {
        let file_line = |line: &mut u32| {
            let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
            *line = numbers.get(index).copied().unwrap_or(*line);
        };
        self.lines
            .iter_mut()
            .for_each(|line| file_line(&mut line.number));
        self.not_text.iter_mut().for_each(file_line);
        self.broken.iter_mut().for_each(|(line, _)| file_line(line));
        self.passed_over
            .iter_mut()
            .for_each(|(line, _)| file_line(line));
    }
}

/// The line (from 1) a byte stands on.
pub(crate) fn line_at(text: &[u8], offset: usize) -> u32 {
    let before = text.get(..offset).unwrap_or(text);
    let lines = before.split(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// Finds lines of many places of one text quickly.
#[derive(Debug)]
pub(crate) struct LineNumbers {
    ends: Vec<usize>,
}

impl LineNumbers {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            ends: text.match_indices('\n').map(|(index, _)| index).collect(),
        }
    }

    /// The line (from 1) a byte stands on.
    pub(crate) fn of(&self, offset: usize) -> u32 {
        let ends_before = self.ends.partition_point(|end| *end < offset);
        u32::try_from(ends_before)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        assert_eq!(Format::of("a/b.yml"), Some(Format::Yaml));
        assert_eq!(Format::of("a.js"), Some(Format::Json));
        assert_eq!(Format::of("a.INI"), None);
        assert_eq!(Format::asked_by("config"), Format::Ini);
    }

    #[test]
    fn lines_are_counted_alike() {
        let text = "a\nbc\n\nd";
        let numbers = LineNumbers::new(text);
        for offset in 0..text.len() {
            assert_eq!(numbers.of(offset), line_at(text.as_bytes(), offset));
        }
        assert_eq!(numbers.of(text.len() + 5), 4);
    }

    #[test]
    fn magic_works_in_every_format_and_keeps_the_line_numbers() {
        for (format, text) in [
            (Format::Ini, "[uwsgi]\n# a%\n\nkey = 5%%\n"),
            (Format::Yaml, "uwsgi:\n  # a%\n\n  key: 5%%\n"),
            (Format::Json, "{\"uwsgi\": %\n%\n\n{ \"key\": \"5%%\" }}"),
            (Format::Xml, "<uwsgi>\n<!-- %\n-->\n<key>5%%</key></uwsgi>"),
            (Format::Toml, "[uwsgi]\n# a%\n\nkey = '5%%'\n"),
        ] {
            let document = format.parse(text.as_bytes(), &Magic::none());
            assert_eq!(document.broken, [], "{format:?}");
            assert_eq!(document.lines.len(), 1, "{format:?}");
            let line = &document.lines[0];
            assert_eq!(
                (line.key.as_str(), line.value.as_str(), line.number),
                ("key", "5%", 4),
                "{format:?}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_have_a_line() {
        for format in [Format::Yaml, Format::Json, Format::Xml, Format::Toml] {
            assert_eq!(
                format.parse(b"a\n\xff", &Magic::none()).not_text,
                [2],
                "{format:?}"
            );
        }
    }
}
