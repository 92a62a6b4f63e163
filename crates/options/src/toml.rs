//! Reads TOML files: the table `[verdigris]` or `[uwsgi]`, and any other one as a section. An array
//! gives an option several times. uWSGI has no TOML; this is for people who prefer it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{Document, LineNumbers};

/// Takes a text apart in which the magic variables were already replaced.
pub(crate) fn parse(text: &str) -> Document {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        lines: LineNumbers::new(text),
        document: Document::default(),
    };
    for error in errors {
        let line = reader.lines.of(error.span().map_or(0, |span| span.start));
        let what = error.message().replace('\n', ", ");
        reader.document.broken(line, what);
    }
    // What is left of a broken file would only bring messages about what it lacks.
    if reader.document.broken.is_empty() {
        reader.table(table.get_ref());
    }
    reader.document
}

struct Reader<'a> {
    text: &'a str,
    lines: LineNumbers,
    document: Document,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(section) => {
                    self.document.open(name);
                    for (key, value) in section {
                        self.option(name, key.get_ref().as_ref(), value);
                    }
                }
                _ => self.option("", name, value),
            }
        }
        // The table may be sorted by name; the file's order decides which value is the last one.
        self.document.lines.sort_by_key(|line| line.number);
    }

    fn option(&mut self, section: &str, key: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Array(items) => {
                for item in items {
                    self.single(section, key, item);
                }
            }
            _ => self.single(section, key, value),
        }
    }

    fn single(&mut self, section: &str, key: &str, value: &Spanned<DeValue<'_>>) {
        let line = self.lines.of(value.span().start);
        let written = self.text.get(value.span()).unwrap_or_default();
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) | DeValue::Float(_) => written.replace('_', ""),
            DeValue::Boolean(_) | DeValue::Datetime(_) => written.to_owned(),
            DeValue::Array(_) | DeValue::Table(_) => {
                let what = format!("`{key}` holds parts of its own; options have none");
                return self.document.pass_over(line, what);
            }
        };
        self.document.push(line, section, key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind() {
        let document = parse(
            "[verdigris]\nmaster = true # c\nmodule = 'app'\nbuffer-size = 32_768\nenv = [\n \"A=1\",\n 'B=2']\n[other]\nx = 1.5\n",
        );
        assert_eq!(document.broken, []);
        assert_eq!(document.sections.len(), 2);
        let lines: Vec<_> = document
            .lines
            .iter()
            .map(|line| (line.number, line.key.as_str(), line.value.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (2, "master", "true"),
                (3, "module", "app"),
                (4, "buffer-size", "32768"),
                (6, "env", "A=1"),
                (7, "env", "B=2"),
                (9, "x", "1.5"),
            ]
        );
    }

    #[test]
    fn mistakes_have_lines() {
        for (text, line) in [
            ("[uwsgi]\na = ", 2),
            ("[uwsgi]\n\na = 1\na = 2\n", 4),
            ("[", 1),
        ] {
            assert_eq!(
                parse(text).broken.first().map(|(line, _)| *line),
                Some(line),
                "{text}"
            );
        }
    }

    #[test]
    fn parts_of_options_are_passed_over() {
        let document = parse("[uwsgi]\na = { b = 1 }\nc = [[1]]\n");
        assert_eq!(document.passed_over.len(), 2);
        assert!(document.lines.is_empty());
    }
}
