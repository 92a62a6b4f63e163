//! The reference page: every option that does something, group by group.

use std::fmt::Write as _;

use options::table::{self, Group, Row, Takes, Verdict};

const INTRODUCTION: &str = "\
# Options

<!-- Written by `cargo xtask generate` from crates/options/src/table; do not edit. -->

Every option can be given in four places:

| where | how |
|---|---|
| command line | `--http-socket :8000`, or `-s app.sock` where there is a letter |
| ini file | `http-socket = :8000` under `[verdigris]` or `[uwsgi]` |
| environment | `VERDIGRIS_HTTP_SOCKET=:8000` (or `UWSGI_HTTP_SOCKET`) |
| bare argument | `verdigris app:app`, `verdigris app.py`, `verdigris app.ini` |

What comes later counts; options marked *repeatable* add up. The environment comes first, then the
command line from left to right with a file's content at the place of `--ini FILE`, then files named
as bare arguments.

Sizes take `k`, `m`, `g`; times take `ms`, `s`, `m`, `h`, `d`; a plain number counts bytes or seconds
unless the option says otherwise. How each option relates to uWSGI stands in
[compatibility](compatibility.md).
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for group in Group::ALL {
        let rows: Vec<&Row> = table::rows()
            .iter()
            .filter(|row| row.group == group && acts(row))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n## {}", group.title());
        for row in rows {
            option(&mut text, row);
        }
    }
    text
}

/// Options that do something; the others stand in the compatibility table only.
fn acts(row: &Row) -> bool {
    matches!(
        row.verdict,
        Verdict::Same | Verdict::Changed(_) | Verdict::Ours
    )
}

fn option(text: &mut String, row: &Row) {
    let mut names: Vec<String> = row.names().map(|name| format!("`{name}`")).collect();
    if let Some(letter) = row.short {
        names.push(format!("`-{letter}`"));
    }
    let _ = writeln!(text, "\n### {}\n", names.join(", "));
    let _ = writeln!(text, "{}{}.", row.help[..1].to_uppercase(), &row.help[1..]);
    let mut facts = vec![takes(row)];
    if row.many {
        facts.push("repeatable".to_owned());
    }
    if !row.default.is_empty() {
        facts.push(format!("default: {}", row.default));
    }
    let _ = writeln!(text, "\n*{}*", facts.join("; "));
    if !row.example.is_empty() {
        let _ = writeln!(text, "\n```ini\n{} = {}\n```", row.name, row.example);
    }
    if let Verdict::Changed(how) = row.verdict {
        let _ = writeln!(text, "\nOther than in uWSGI: {how}.");
    }
}

fn takes(row: &Row) -> String {
    let what = match row.takes {
        Takes::Flag => "true or false".to_owned(),
        Takes::Integer(lowest, i64::MAX) => format!("number from {lowest}"),
        Takes::Integer(lowest, highest) => format!("number, {lowest} to {highest}"),
        Takes::Size => "size in bytes".to_owned(),
        Takes::Megabytes => "size in MiB".to_owned(),
        Takes::Seconds => "time in seconds".to_owned(),
        Takes::Milliseconds => "time in milliseconds".to_owned(),
        Takes::Threads => "number or `auto`".to_owned(),
        Takes::Text => "text".to_owned(),
        Takes::Path => "path".to_owned(),
        Takes::Address => "address".to_owned(),
        Takes::Mode | Takes::Umask => "octal mode".to_owned(),
        Takes::Pair => "NAME=value".to_owned(),
        Takes::Choice(words) => words.join(" or "),
    };
    if row.optional {
        format!("{what}; may be left out")
    } else {
        what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_option_that_acts() {
        let page = page();
        for row in table::rows().iter().filter(|row| acts(row)) {
            assert!(
                page.contains(&format!("### `{}`", row.name)),
                "{}",
                row.name
            );
        }
        assert!(!page.contains("`thunder-lock`"));
    }
}
