//! Reads XML files: `<uwsgi>` with one element per option, as the root or inside it. An element
//! without content is a flag. Of several `<uwsgi>` elements the first one counts, or the one whose
//! `id` was asked for.

mod entities;

use quick_xml::Reader as Source;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::document::{Document, LineNumbers};
use entities::Entities;

/// The element of an app below a path. In uWSGI's list it also leaves an option of this name, without a value.
const APP: &str = "app";

/// Whether this is what an `<app mountpoint="…">` leaves in the list.
pub(crate) fn is_trace_of_app(key: &str, value: &str) -> bool {
    key == APP && value.is_empty()
}

/// Takes a text apart in which the magic variables were already replaced.
pub(crate) fn parse(text: &str) -> Document {
    let mut source = Source::from_str(text);
    let mut reader = Reader {
        document: Document::default(),
        open: Vec::new(),
        entities: Entities::default(),
    };
    let lines = LineNumbers::new(text);
    loop {
        let begin = usize::try_from(source.buffer_position()).unwrap_or(usize::MAX);
        match source.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => reader.event(&event, lines.of(begin)),
            Err(error) => {
                let at = usize::try_from(source.error_position()).unwrap_or(usize::MAX);
                reader.document.broken(lines.of(at), error.to_string());
                break;
            }
        }
    }
    reader.finish(lines.of(text.len()))
}

/// An element that is open.
#[derive(Debug)]
struct Element {
    name: String,
    line: u32,
    /// Names of the section it opens: its own, and its `id`.
    sections: Vec<String>,
    /// Its attribute `mountpoint`.
    mountpoint: Option<String>,
    text: String,
    has_children: bool,
    /// An element inside it has named the app.
    mounts: bool,
}

#[derive(Debug)]
struct Reader {
    document: Document,
    open: Vec<Element>,
    entities: Entities,
}

impl Reader {
    fn event(&mut self, event: &Event<'_>, line: u32) {
        match event {
            Event::Start(start) => self.start(start, line),
            Event::Empty(start) => {
                self.start(start, line);
                self.end();
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(text),
            Event::CData(text) => self.text(text),
            Event::GeneralRef(name) => self.reference(name, line),
            Event::DocType(text) => self.entities.declare(text),
            _ => {}
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, line: u32) {
        let attribute = |wanted: &str| {
            let found = start.try_get_attribute(wanted).ok().flatten()?;
            let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some(value.into_owned())
        };
        let name = start.name().as_ref().to_owned();
        let mut sections = Vec::new();
        if self.section().is_none() && matches!(name.as_str(), "uwsgi" | "verdigris") {
            let first = !self.document.sections.contains(&name);
            sections.extend(first.then(|| name.clone()));
            sections.extend(attribute("id"));
            for section in &sections {
                self.document.open(section);
            }
        }
        let mountpoint = attribute("mountpoint");
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        self.open.push(Element {
            name,
            line,
            sections,
            mountpoint,
            text: String::new(),
            has_children: false,
            mounts: false,
        });
    }

    /// How deep the open section stands.
    fn section(&self) -> Option<usize> {
        self.open
            .iter()
            .position(|element| matches!(element.name.as_str(), "uwsgi" | "verdigris"))
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    /// `&amp;` and its kin.
    fn reference(&mut self, name: &str, line: u32) {
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => character(name),
        };
        if let Some(character) = character {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let found = self.entities.value(name);
        match (found, self.open.last_mut()) {
            (Ok(value), Some(element)) => element.text.push_str(value),
            (Ok(_), None) => {}
            (Err(what), _) => self.document.broken(line, what),
        }
    }

    fn end(&mut self) {
        let depth = self.open.len();
        let Some(section) = self.section() else {
            self.open.pop();
            return;
        };
        let Some(element) = self.open.pop() else {
            return;
        };
        if depth == section + 2 && element.name == APP && element.mountpoint.is_some() {
            self.app(section, &element);
        } else if depth == section + 2 {
            // What is left of an element with elements inside is its own text, as in uWSGI.
            let value = match element.text.trim() {
                "" if !element.has_children => "1",
                text => text,
            };
            self.option(section, element.line, &element.name, value);
        } else if let Some(mountpoint) = self.mountpoint(section, &element) {
            let value = format!("{mountpoint}={}", element.text.trim());
            self.option(section, element.line, "mount", &value);
            if let Some(app) = self.open.last_mut() {
                app.mounts = true;
            }
        } else if depth == section + 3 {
            let what = format!(
                "`{}` stands inside another option; options have no parts",
                element.name
            );
            self.document.pass_over(element.line, what);
        }
    }

    /// `<app mountpoint="/x">app.py</app>`, or the end of one whose `<script>` has said it.
    fn app(&mut self, section: usize, app: &Element) {
        let name = app.text.trim();
        let unsaid = app.mountpoint.as_ref().filter(|_| !app.mounts);
        match unsaid {
            Some(_) if name.is_empty() => {
                let what = "`<app>` names no app; write `<script>app.py</script>` inside it";
                self.document.pass_over(app.line, what);
            }
            Some(mountpoint) => {
                let value = format!("{mountpoint}={name}");
                self.option(section, app.line, "mount", &value);
            }
            None => {}
        }
        self.option(section, app.line, APP, "");
    }

    /// `<app mountpoint="/x"><script>app.py</script></app>` is `mount = /x=app.py`.
    fn mountpoint(&self, section: usize, element: &Element) -> Option<String> {
        let inside = self.open.get(section + 1..)?;
        let app = inside
            .first()
            .filter(|app| app.name == APP && inside.len() == 1)?;
        let names = element.name == "script" && !element.text.trim().is_empty();
        app.mountpoint.clone().filter(|_| names)
    }

    fn option(&mut self, section: usize, line: u32, key: &str, value: &str) {
        let sections = self
            .open
            .get(section)
            .map(|element| element.sections.clone());
        for name in sections.unwrap_or_default() {
            self.document.push(line, &name, key, value);
        }
    }

    fn finish(mut self, last_line: u32) -> Document {
        if let Some(element) = self
            .open
            .first()
            .filter(|_| self.document.broken.is_empty())
        {
            let what = format!("`<{}>` (line {}) is not closed", element.name, element.line);
            self.document.broken(last_line, what);
        }
        self.document
    }
}

/// `#65` or `#x41`.
fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let number = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str, section: &str) -> Vec<(u32, String, String)> {
        let document = parse(text);
        assert_eq!(document.broken, []);
        let lines = document
            .lines
            .into_iter()
            .filter(|line| line.section == section);
        lines
            .map(|line| (line.number, line.key, line.value))
            .collect()
    }

    fn line(number: u32, key: &str, value: &str) -> (u32, String, String) {
        (number, key.into(), value.into())
    }

    #[test]
    fn elements_are_options() {
        let text = "<?xml version=\"1.0\"?>\n<!-- c -->\n<uwsgi>\n <master/>\n <env>A=&amp;&#65;</env>\n\
                    <empty></empty><socket> :1 </socket>\n<app mountpoint=\"/x\">\n<script>a.py</script></app></uwsgi>\n";
        assert_eq!(
            options(text, "uwsgi"),
            [
                line(4, "master", "1"),
                line(5, "env", "A=&A"),
                line(6, "empty", "1"),
                line(6, "socket", ":1"),
                line(8, "mount", "/x=a.py"),
                line(7, "app", ""),
            ]
        );
    }

    #[test]
    fn the_first_element_counts_or_the_one_with_the_id() {
        let text = "<r><uwsgi id=\"one\"><threads>2</threads></uwsgi><uwsgi id=\"two\"><threads>3</threads></uwsgi></r>";
        assert_eq!(options(text, "uwsgi"), [line(1, "threads", "2")]);
        assert_eq!(options(text, "one"), [line(1, "threads", "2")]);
        assert_eq!(options(text, "two"), [line(1, "threads", "3")]);
    }

    #[test]
    fn mistakes_have_lines() {
        for (text, line) in [
            ("<uwsgi>\n<a></b></uwsgi>", 2),
            ("<uwsgi>\n", 2),
            ("<uwsgi>\n<a>&nope;</a></uwsgi>", 2),
        ] {
            assert_eq!(
                parse(text).broken.first().map(|(line, _)| *line),
                Some(line),
                "{text}"
            );
        }
    }

    #[test]
    fn other_elements_are_passed_over() {
        let document = parse("<uwsgi><a><b>1</b></a><app mountpoint=\"/\"><x>1</x></app></uwsgi>");
        assert_eq!(document.passed_over.len(), 3);
        assert_eq!(document.lines.len(), 2);
    }

    #[test]
    fn apps_below_a_path() {
        let text = "<uwsgi><app mountpoint=\"/a\"> one </app>\n<app mountpoint=\"/b\"><script>two</script></app></uwsgi>";
        assert_eq!(
            options(text, "uwsgi"),
            [
                line(1, "mount", "/a=one"),
                line(1, "app", ""),
                line(2, "mount", "/b=two"),
                line(2, "app", ""),
            ]
        );
    }

    /// uWSGI passes over it as well.
    #[test]
    fn an_app_without_a_name_is_no_mount() {
        let document = parse("<uwsgi><app mountpoint=\"/a\"><script/></app></uwsgi>");
        assert!(document.lines.iter().all(|line| line.key == "app"));
        let mut said = document.passed_over.iter();
        assert!(said.any(|(_, what)| what.contains("names no app")));
    }

    #[test]
    fn entities_stand_for_their_texts() {
        let text =
            "<!DOCTYPE uwsgi [ <!ENTITY base '/srv'> ]>\n<uwsgi><chdir>&base;/x</chdir></uwsgi>";
        assert_eq!(options(text, "uwsgi"), [line(2, "chdir", "/srv/x")]);
    }
}
