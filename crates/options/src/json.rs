//! Reads JSON files: an object of sections, each an object of options. An array gives an option
//! several times, `true` is 1, `false` is 0, and a name may appear more than once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::document::{Document, LineNumbers};

/// Takes a text apart in which the magic variables were already replaced.
pub(crate) fn parse(text: &str) -> Document {
    let mut reader = Reader {
        text,
        lines: LineNumbers::new(text),
        document: Document::default(),
    };
    if let Some(Members(members)) = reader.take(text) {
        for (name, value) in members {
            reader.top(&name, value.get());
        }
    }
    reader.document
}

struct Reader<'a> {
    text: &'a str,
    lines: LineNumbers,
    document: Document,
}

impl<'a> Reader<'a> {
    /// The line a part of the text begins on.
    fn line(&self, part: &str) -> u32 {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.lines.of(offset)
    }

    /// A part of the text as a value; what is wrong with it is noted.
    fn take<T: Deserialize<'a>>(&mut self, part: &'a str) -> Option<T> {
        match serde_json::from_str(part) {
            Ok(value) => Some(value),
            Err(error) => {
                let within = u32::try_from(error.line()).unwrap_or(u32::MAX);
                let line = self.line(part).saturating_add(within.max(1) - 1);
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                self.document.broken(line, what);
                None
            }
        }
    }

    fn top(&mut self, name: &str, value: &'a str) {
        if !value.starts_with('{') {
            return self.option("", name, value);
        }
        self.document.open(name);
        if let Some(Members(members)) = self.take(value) {
            for (key, value) in members {
                self.option(name, &key, value.get());
            }
        }
    }

    fn option(&mut self, section: &str, key: &str, value: &'a str) {
        if value.starts_with('[') {
            if let Some(Items(items)) = self.take(value) {
                for item in items {
                    self.single(section, key, item.get());
                }
            }
        } else {
            self.single(section, key, value);
        }
    }

    fn single(&mut self, section: &str, key: &str, value: &'a str) {
        let line = self.line(value);
        let text = match value.as_bytes().first() {
            Some(b'"') => match self.take::<String>(value) {
                Some(text) => text,
                None => return,
            },
            Some(b't') => "1".to_owned(),
            Some(b'f') => "0".to_owned(),
            Some(b'n') => String::new(),
            Some(b'{' | b'[') => {
                let what = format!("`{key}` holds parts of its own; options have none");
                return self.document.pass_over(line, what);
            }
            _ => value.to_owned(),
        };
        self.document.push(line, section, key, text);
    }
}

/// The members of an object in order, names that repeat included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The items of an array.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of sections, like {\"uwsgi\": {…}}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Items<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<(u32, String, String)> {
        let document = parse(text);
        assert_eq!(document.broken, []);
        let line = |line: crate::document::Line| (line.number, line.key, line.value);
        document.lines.into_iter().map(line).collect()
    }

    fn line(number: u32, key: &str, value: &str) -> (u32, String, String) {
        (number, key.into(), value.into())
    }

    #[test]
    fn values_of_every_kind() {
        let text = "{\"uwsgi\": {\n \"master\": true,\n \"lazy\": false, \"processes\": 4,\n\n \"env\": [\"A=1\",\n  \"B=\\u00e9\"],\n \"x\": null, \"env\": \"C\"\n}}";
        assert_eq!(
            options(text),
            [
                line(2, "master", "1"),
                line(3, "lazy", "0"),
                line(3, "processes", "4"),
                line(5, "env", "A=1"),
                line(6, "env", "B=é"),
                line(7, "x", ""),
                line(7, "env", "C"),
            ]
        );
    }

    #[test]
    fn mistakes_have_lines() {
        for (text, line) in [
            ("", 1),
            ("[]", 1),
            ("{\"uwsgi\": {\n\"a\": 1,\n}}", 3),
            ("{\n\"a\" 1}", 2),
            ("{\"uwsgi\": {\n\"a\": \"\\ud800\"}}", 2),
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
        let document = parse("{\"uwsgi\": {\"a\": {\"b\": 1}, \"c\": [[1], 2]}, \"d\": 1}");
        assert_eq!(document.passed_over.len(), 2);
        assert_eq!(document.lines.len(), 2);
        assert_eq!(document.sections, ["uwsgi"]);
    }
}
