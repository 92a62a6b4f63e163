//! Reads YAML files as people write them for uWSGI: a mapping of sections, each a mapping of
//! options; a list gives an option several times.
//!
//! uWSGI reads YAML line by line (unless it was built with libyaml), so real files hold what strict
//! YAML refuses, like values that begin with `%` or `@`. This reader goes line by line as well, and
//! understands what such files use: comments, quotes, lists in both spellings, block texts.

use crate::document::Document;

/// One line without its indentation, comments not yet cut.
#[derive(Debug, Clone, Copy)]
struct Raw<'a> {
    number: u32,
    indent: usize,
    text: &'a str,
}

/// Takes a text apart in which the magic variables were already replaced.
pub(crate) fn parse(text: &str) -> Document {
    let lines: Vec<Raw<'_>> = (1..).zip(text.split('\n')).map(raw).collect();
    let mut reader = Reader {
        lines: &lines,
        next: 0,
        document: Document::default(),
        section: String::new(),
        indent: None,
    };
    while let Some(line) = reader.take() {
        reader.line(line);
    }
    reader.document
}

fn raw((number, line): (u32, &str)) -> Raw<'_> {
    let line = line.trim_end();
    let text = line.trim_start_matches([' ', '\t']);
    Raw {
        number,
        indent: line.len() - text.len(),
        text,
    }
}

#[derive(Debug)]
struct Reader<'a> {
    lines: &'a [Raw<'a>],
    next: usize,
    document: Document,
    section: String,
    /// How far the options of the section are indented; nothing before its first one.
    indent: Option<usize>,
}

impl<'a> Reader<'a> {
    /// The next line, whatever it holds.
    fn any(&mut self) -> Option<Raw<'a>> {
        let line = self.lines.get(self.next).copied();
        self.next += usize::from(line.is_some());
        line
    }

    /// The next line that says something.
    fn peek(&mut self) -> Option<Raw<'a>> {
        while self
            .lines
            .get(self.next)
            .is_some_and(|line| is_silent(line.text))
        {
            self.next += 1;
        }
        self.lines.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Raw<'a>> {
        self.peek();
        self.any()
    }

    fn broken(&mut self, line: Raw<'_>, what: impl Into<String>) {
        self.document.broken(line.number, what);
    }

    fn line(&mut self, line: Raw<'a>) {
        if line.indent == 0 && matches!(line.text, "---" | "...") {
            return;
        }
        let Some((key, value)) = split(line.text) else {
            return self.no_key(line);
        };
        if key == "<<" {
            return self.broken(line, "merging (`<<`) is not understood");
        }
        let deeper = self.peek().is_some_and(|next| next.indent > line.indent);
        let is_top = line.indent == 0;
        if is_top && without_comment(value).is_empty() && (deeper || !self.continues_list(line)) {
            self.section = key;
            self.indent = None;
            let section = self.section.clone();
            self.document.open(&section);
            return;
        }
        if is_top {
            self.section.clear();
            self.indent = Some(0);
        }
        let indent = *self.indent.get_or_insert(line.indent);
        if line.indent > indent {
            let what = format!("`{key}` stands inside another option; options have no parts");
            self.document.pass_over(line.number, what);
            return;
        }
        self.option(line, &key, value);
    }

    fn no_key(&mut self, line: Raw<'_>) {
        if line.text.starts_with('-') {
            let what = "this list item belongs to no option".to_owned();
            self.document.pass_over(line.number, what);
        } else {
            self.broken(line, format!("`{}` has no `: ` behind a name", line.text));
        }
    }

    /// Whether the next line is a list item of the key on this line.
    fn continues_list(&mut self, line: Raw<'_>) -> bool {
        self.peek()
            .is_some_and(|next| next.indent >= line.indent && is_item(next.text))
    }

    fn push(&mut self, line: Raw<'_>, key: &str, value: String) {
        let section = self.section.clone();
        self.document.push(line.number, &section, key, value);
    }

    fn option(&mut self, line: Raw<'a>, key: &str, value: &'a str) {
        let plain = without_comment(value);
        match plain.as_bytes().first() {
            None if self.continues_list(line) => self.items(line, key),
            None => self.push(line, key, String::new()),
            Some(b'[') => self.flow_list(line, key, plain),
            Some(b'|' | b'>') if is_block_mark(plain) => {
                let text = self.block(line, plain.starts_with('|'));
                self.push(line, key, text);
            }
            Some(b'"' | b'\'') => match unquote(value) {
                Some(text) => self.push(line, key, text),
                None => self.broken(line, format!("{key}: the quotes are not closed")),
            },
            Some(_) => {
                let mut text = plain.to_owned();
                self.continuation(line, &mut text);
                self.push(line, key, text);
            }
        }
    }

    /// `- item` lines, at the key's own depth or deeper.
    fn items(&mut self, line: Raw<'_>, key: &str) {
        while self.continues_list(line) {
            let Some(item) = self.any() else { break };
            let text = item.text.trim_start_matches('-').trim_start();
            match scalar(text) {
                Some(value) => self.push(item, key, value),
                None => self.broken(item, format!("{key}: the quotes are not closed")),
            }
        }
    }

    /// `[a, b]`, which may go on over several lines.
    fn flow_list(&mut self, line: Raw<'_>, key: &str, start: &str) {
        let mut text = start.to_owned();
        while !text.ends_with(']') {
            let Some(next) = self.take() else {
                return self.broken(line, format!("{key}: the `[` is not closed"));
            };
            text.push(' ');
            text.push_str(without_comment(next.text));
        }
        for item in flow_items(text.trim_start_matches('[').trim_end_matches(']')) {
            match scalar(item) {
                Some(value) => self.push(line, key, value),
                None => self.broken(line, format!("{key}: the quotes are not closed")),
            }
        }
    }

    /// A text behind `|` (lines stay lines) or `>` (lines are joined).
    fn block(&mut self, line: Raw<'_>, keep_lines: bool) -> String {
        let mut lines: Vec<&str> = Vec::new();
        while let Some(next) = self.lines.get(self.next) {
            if !next.text.is_empty() && next.indent <= line.indent {
                break;
            }
            lines.push(next.text);
            self.next += 1;
        }
        let text = lines.join(if keep_lines { "\n" } else { " " });
        text.trim_end().to_owned()
    }

    /// A plain value may go on over deeper lines.
    fn continuation(&mut self, line: Raw<'_>, text: &mut String) {
        while let Some(next) = self.peek() {
            if next.indent <= line.indent || split(next.text).is_some() || is_item(next.text) {
                return;
            }
            text.push(' ');
            text.push_str(without_comment(next.text));
            self.next += 1;
        }
    }
}

fn is_silent(text: &str) -> bool {
    text.is_empty() || text.starts_with('#')
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn is_block_mark(text: &str) -> bool {
    text[1..]
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte))
}

/// Name and value of `name: value`; names may stand in quotes.
fn split(text: &str) -> Option<(String, &str)> {
    if is_item(text) || text.starts_with(['[', '{']) {
        return None;
    }
    if let Some(quote) = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))
    {
        let end = text[1..].find(quote)? + 1;
        let rest = text[end + 1..].trim_start().strip_prefix(':')?;
        return Some((text[1..end].to_owned(), rest.trim_start()));
    }
    let at = text.match_indices(':').map(|(at, _)| at).find(|at| {
        let behind = text[at + 1..].chars().next();
        behind.is_none_or(|next| matches!(next, ' ' | '\t'))
    })?;
    let key = text[..at].trim_end();
    (!key.is_empty()).then(|| (key.to_owned(), text[at + 1..].trim_start()))
}

/// A plain value ends where a comment begins: at a `#` behind a blank. Quoted values keep theirs.
fn without_comment(text: &str) -> &str {
    if text.starts_with(['"', '\'']) {
        return text;
    }
    let comment = text.match_indices('#').map(|(at, _)| at).find(|at| {
        text[..*at]
            .chars()
            .next_back()
            .is_none_or(|before| matches!(before, ' ' | '\t'))
    });
    text[..comment.unwrap_or(text.len())].trim_end()
}

/// A plain or quoted value; nothing when its quotes are not closed.
fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    if text.starts_with(['"', '\'']) {
        unquote(text)
    } else {
        Some(without_comment(text).to_owned())
    }
}

/// The inside of quotes; what stands behind them is a comment.
fn unquote(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let quote = characters.next()?;
    let mut inside = String::new();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\'', '\'') if characters.as_str().starts_with('\'') => {
                characters.next();
                inside.push('\'');
            }
            (character, quote) if character == quote => return Some(inside),
            ('\\', '"') => inside.push(match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'e' => '\x1b',
                '0' => '\0',
                other => other,
            }),
            (other, _) => inside.push(other),
        }
    }
    None
}

/// The items of a flow list; commas in quotes do not part them.
fn flow_items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            ('"' | '\'', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            (',', None) => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text[start..].trim());
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<(u32, String, String, String)> {
        let document = parse(text);
        assert_eq!(document.broken, []);
        let line = |line: crate::document::Line| (line.number, line.section, line.key, line.value);
        document.lines.into_iter().map(line).collect()
    }

    fn line(number: u32, key: &str, value: &str) -> (u32, String, String, String) {
        (number, "uwsgi".into(), key.into(), value.into())
    }

    #[test]
    fn options_as_people_write_them() {
        let text = "# first\n---\nuwsgi:\n  master: true   # yes\n\n  'processes' : 4\r\n  env: \"A=b # c\" # d\n\
                    \x20 colon: a:b\n  url: 127.0.0.1:80\n  reference: %(base)/x\n  empty:\n  quote: 'it''s'\n...\n";
        assert_eq!(
            options(text),
            [
                line(4, "master", "true"),
                line(6, "processes", "4"),
                line(7, "env", "A=b # c"),
                line(8, "colon", "a:b"),
                line(9, "url", "127.0.0.1:80"),
                line(10, "reference", "%(base)/x"),
                line(11, "empty", ""),
                line(12, "quote", "it's"),
            ]
        );
    }

    #[test]
    fn lists_repeat_an_option() {
        let text = "uwsgi:\n    env:\n    - A=1\n    - 'B=2'\n    pp:\n      - x # c\n    flow: [a, \"b,c\",\n      d]\n    end: 1\n";
        assert_eq!(
            options(text),
            [
                line(3, "env", "A=1"),
                line(4, "env", "B=2"),
                line(6, "pp", "x"),
                line(7, "flow", "a"),
                line(7, "flow", "b,c"),
                line(7, "flow", "d"),
                line(9, "end", "1"),
            ]
        );
    }

    #[test]
    fn long_texts() {
        let text =
            "uwsgi:\n  a: |\n    one\n    two\n  b: >-\n    one\n    two\n\n  c: one\n    two\n";
        assert_eq!(
            options(text),
            [
                line(2, "a", "one\ntwo"),
                line(5, "b", "one two"),
                line(9, "c", "one two")
            ]
        );
    }

    #[test]
    fn sections() {
        let document = parse("a:\n  x: 1\nuwsgi:\n\ty: 2\ntop: 3\n");
        assert_eq!(document.sections, ["a", "uwsgi"]);
        let places: Vec<_> = document
            .lines
            .iter()
            .map(|line| line.section.as_str())
            .collect();
        assert_eq!(places, ["a", "uwsgi", ""]);
    }

    #[test]
    fn what_is_no_option_is_said() {
        let document = parse("uwsgi:\n  a: 1\n    deep: 2\n  word\n  q: \"x\n  l: [a\n");
        assert_eq!(document.passed_over.len(), 1);
        let lines: Vec<u32> = document.broken.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 6]);
    }
}
