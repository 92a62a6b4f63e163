//! `verdigris config FILE`: the values a configuration came to, and where each of them was written;
//! or everything that was written, the way `uwsgi --show-config` lists it.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::Loaded;
use crate::Origin;
use crate::entry::{Given, Values};
use crate::explain::counted;
use crate::report::readable;
use crate::table::{self, Group, Row, Verdict};

/// One value that counts.
#[derive(Debug)]
struct Shown {
    option: &'static str,
    value: String,
    place: String,
    word: &'static str,
}

impl Loaded {
    /// Every value that counts and where it was written; with `defaults` also what nobody wrote.
    pub fn values_text(&self, defaults: bool, colour: bool) -> String {
        let shown = self.shown(defaults);
        let left = |shown: &Shown| format!("{} = {}", shown.option, shown.value);
        let longest = shown.iter().map(|shown| left(shown).chars().count()).max();
        let column = longest.unwrap_or(0).min(48);
        let (dim, plain) = if colour {
            ("\x1b[2m", "\x1b[0m")
        } else {
            ("", "")
        };
        let mut text = String::new();
        for shown in &shown {
            let remark = match shown.word {
                "" => String::new(),
                word => format!(" ({word})"),
            };
            let place = &shown.place;
            let _ = writeln!(
                text,
                "{:column$}  {dim}# {place}{remark}{plain}",
                readable(&left(shown))
            );
        }
        text
    }

    /// The same for tools, with problems and notices.
    pub fn values_json(&self, defaults: bool) -> String {
        let values: Vec<_> = self
            .shown(defaults)
            .into_iter()
            .map(|shown| {
                json!({
                    "option": shown.option,
                    "value": shown.value,
                    "where": shown.place,
                    "remark": shown.word,
                })
            })
            .collect();
        let whole = json!({
            "files": self.config.files,
            "values": values,
            "problems": crate::problems_json(&self.problems),
            "notices": crate::notices_json(&self.notices),
        });
        format!("{whole:#}\n")
    }

    /// Everything that was written, in order, the way uWSGI shows it.
    pub fn as_uwsgi_shows_it(&self) -> String {
        let mut text = String::from("[uwsgi]\n");
        for entry in &self.config.entries {
            // A flag on the command line becomes true there; in a file its value stays empty.
            let typed = entry.origin == Origin::CommandLine && entry.value.is_empty();
            let value = if typed { "true" } else { &entry.value };
            let _ = writeln!(text, "{} = {value}", entry.key);
        }
        text
    }

    fn shown(&self, defaults: bool) -> Vec<Shown> {
        let values = Values::new(&self.config.entries);
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (index, given) in values.all().enumerate() {
            last.insert(given.row.name, index);
        }
        let counts = |index: usize, given: &Given<'_>| {
            given.row.group != Group::Language
                && (given.row.many || last.get(given.row.name) == Some(&index))
        };
        let mut shown: Vec<Shown> = values
            .all()
            .enumerate()
            .filter(|(index, given)| counts(*index, given))
            .map(|(_, given)| written(given))
            .collect();
        if defaults {
            let silent = |row: &&Row| {
                !row.default.is_empty() && !last.contains_key(row.name) && remark(row).is_empty()
            };
            shown.extend(table::rows().iter().filter(silent).map(|row| Shown {
                option: row.name,
                value: row.default.to_owned(),
                place: "default".to_owned(),
                word: "",
            }));
        }
        shown
    }
}

fn written(given: Given<'_>) -> Shown {
    let odd = given.row.check(&given.entry.value, given.entry.dialect);
    let value = match given.entry.value.as_str() {
        "" => "true".to_owned(),
        // What counts of a value that was read in uWSGI's generous way.
        value if matches!(odd, Ok(Some(_))) => counted(given).unwrap_or(value.to_owned()),
        value => value.to_owned(),
    };
    Shown {
        option: given.row.name,
        value,
        place: given.entry.origin.to_string(),
        word: remark(given.row),
    }
}

fn remark(row: &Row) -> &'static str {
    match row.verdict {
        Verdict::Planned(_) => "not active yet",
        Verdict::Ignored(_) => "not needed",
        Verdict::Refused(_) => "refused",
        Verdict::Same | Verdict::Changed(_) | Verdict::Ours => "",
    }
}
