//! `verdigris options`: the option table for people and tools.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::gather::listed;
use crate::nearest::nearest;
use crate::report::Problem;
use crate::table::{self, Group, Row, Verdict};

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Every option, by group.
    All,
    /// What is accepted and not active yet, by feature.
    Planned,
}

/// The list for a person.
pub fn list(selection: Selection) -> String {
    match selection {
        Selection::All => all(),
        Selection::Planned => planned(),
    }
}

/// The list for tools.
pub fn list_json(selection: Selection) -> String {
    let rows = table::rows().iter().filter(|row| match selection {
        Selection::All => true,
        Selection::Planned => matches!(row.verdict, Verdict::Planned(_)),
    });
    format!("{:#}\n", rows.map(row_json).collect::<Value>())
}

/// All there is to say about one option, or about every option whose name contains the word.
pub fn about(name: &str) -> Result<String, Problem> {
    let name = name.trim_start_matches('-');
    Ok(match found(name)?.as_slice() {
        [row] => card(row),
        rows => {
            let mut text = String::new();
            for row in rows {
                line(&mut text, row);
            }
            text
        }
    })
}

/// The same for tools.
pub fn about_json(name: &str) -> Result<String, Problem> {
    let rows = found(name.trim_start_matches('-'))?;
    Ok(format!(
        "{:#}\n",
        rows.into_iter().map(row_json).collect::<Value>()
    ))
}

fn found(name: &str) -> Result<Vec<&'static Row>, Problem> {
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    if let Some(row) = table::find(name).or_else(|| letter.and_then(table::find_short)) {
        return Ok(vec![row]);
    }
    let wanted = name.to_lowercase().replace('_', "-");
    let matching: Vec<&Row> = table::rows()
        .iter()
        .filter(|row| !wanted.is_empty() && row.names().any(|name| name.contains(&wanted)))
        .collect();
    if !matching.is_empty() {
        return Ok(matching);
    }
    let near = nearest(name, table::names(), 3);
    let hint = if near.is_empty() {
        "`verdigris options` lists every option".to_owned()
    } else {
        format!("did you mean {}?", listed(&near))
    };
    Err(Problem::new(format!("there is no option {name}")).hint(hint))
}

fn all() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(
            text,
            "{}{}",
            if text.is_empty() { "" } else { "\n" },
            group.title()
        );
        for row in table::rows().iter().filter(|row| row.group == group) {
            line(&mut text, row);
        }
    }
    text
}

fn line(text: &mut String, row: &Row) {
    let _ = writeln!(text, "  {:30} {:8} {}", row.name, word(row), row.help);
}

fn planned() -> String {
    let mut features: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in table::rows() {
        if let Verdict::Planned(feature) = row.verdict {
            features.entry(feature).or_default().push(row.name);
        }
    }
    let mut text = String::from("Accepted, and not active yet, by the feature they belong to:\n");
    for (feature, names) in features {
        let _ = writeln!(text, "\n{feature} ({})", names.len());
        wrapped(&mut text, &names);
    }
    text
}

/// Names side by side, up to the width of a terminal.
fn wrapped(text: &mut String, names: &[&str]) {
    let mut width = 0;
    for name in names {
        if width == 0 || width + name.len() + 2 > 96 {
            let _ = write!(text, "{}  {name}", if width == 0 { "" } else { ",\n" });
            width = name.len() + 2;
        } else {
            let _ = write!(text, ", {name}");
            width += name.len() + 2;
        }
    }
    text.push('\n');
}

fn word(row: &Row) -> &'static str {
    match row.verdict {
        Verdict::Same => "same",
        Verdict::Changed(_) => "changed",
        Verdict::Ignored(_) => "ignored",
        Verdict::Refused(_) => "refused",
        Verdict::Planned(_) => "planned",
        Verdict::Ours => "ours",
    }
}

fn reason(row: &Row) -> &'static str {
    match row.verdict {
        Verdict::Changed(text)
        | Verdict::Ignored(text)
        | Verdict::Refused(text)
        | Verdict::Planned(text) => text,
        Verdict::Same | Verdict::Ours => "",
    }
}

/// Everything about one option.
fn card(row: &Row) -> String {
    let mut text = format!("{} ({})\n\n  {}\n\n", row.name, row.group.title(), row.help);
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:15}{value}");
        }
    };
    fact("also called", &row.aliases.join(", "));
    fact(
        "letter",
        &row.short
            .map(|letter| format!("-{letter}"))
            .unwrap_or_default(),
    );
    fact("takes", &crate::help::takes(row));
    fact("default", row.default);
    if !row.example.is_empty() {
        fact("example", &format!("{} = {}", row.name, row.example));
    }
    fact(
        "beside uWSGI",
        &match row.verdict {
            Verdict::Same => "the same".to_owned(),
            Verdict::Ours => "Verdigris's own".to_owned(),
            Verdict::Changed(how) => format!("changed: {how}"),
            Verdict::Ignored(why) => format!("accepted and not needed: {why}"),
            Verdict::Planned(feature) => format!("accepted, not active yet ({feature})"),
            Verdict::Refused(instead) => format!("stops the start: {instead}"),
        },
    );
    text
}

fn row_json(row: &Row) -> Value {
    json!({
        "name": row.name,
        "aliases": row.aliases,
        "short": row.short,
        "group": row.group.title(),
        "help": row.help,
        "takes": crate::help::takes(row),
        "repeatable": row.many,
        "default": row.default,
        "example": row.example,
        "since": row.since,
        "verdict": word(row),
        "reason": reason(row),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_many_or_none() {
        assert!(about("--buffer-size").unwrap().starts_with("buffer-size ("));
        assert!(about("b").unwrap().starts_with("buffer-size ("));
        assert!(about("touch").unwrap().lines().count() > 3);
        let nothing = about("vaccum").unwrap_err();
        assert_eq!(nothing.hint.as_deref(), Some("did you mean `vacuum`?"));
    }

    #[test]
    fn every_planned_option_is_listed_under_its_feature() {
        let text = list(Selection::Planned);
        for row in table::rows() {
            if let Verdict::Planned(feature) = row.verdict {
                assert!(
                    text.contains(feature) && text.contains(row.name),
                    "{}",
                    row.name
                );
            }
        }
        let list: Vec<Value> = serde_json::from_str(&list_json(Selection::All)).unwrap();
        assert_eq!(list.len(), table::rows().len());
    }
}
