//! The compatibility table: every option of uWSGI and what Verdigris does with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use options::table::{self, Group, Row, Verdict};

use crate::generate::cell;

const INTRODUCTION: &str = "\
# Compatibility with uWSGI

<!-- Written by `cargo xtask generate` from crates/options/src/table; do not edit. -->

Verdigris reads uWSGI's configuration files, `UWSGI_` variables and command line. This page says for
every option what becomes of it. Nothing is ignored without a word: the server names ignored and
planned options when it starts.

| verdict | means |
|---|---|
| same | does what it does in uWSGI |
| changed | does something better or other; the text says what |
| ignored | accepted, without effect, and why that does no harm |
| planned | accepted, not active yet; the text names the feature |
| refused | stops the start; the text says what to use instead |
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    count(&mut text);
    for group in Group::ALL {
        let rows: Vec<&Row> = table::rows()
            .iter()
            .filter(|row| row.group == group && row.verdict != Verdict::Ours)
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(
            text,
            "\n## {}\n\n| option | verdict | |\n|---|---|---|",
            group.title()
        );
        for (names, word, why) in together(&rows) {
            let _ = writeln!(text, "| {names} | {word} | {} |", cell(&why));
        }
    }
    text
}

fn count(text: &mut String) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table::rows()
        .iter()
        .filter(|row| row.verdict != Verdict::Ours)
    {
        *counts.entry(verdict(row).0).or_default() += row.names().count();
    }
    let words: Vec<String> = ["same", "changed", "ignored", "planned", "refused"]
        .iter()
        .map(|word| format!("{} {word}", counts.get(word).unwrap_or(&0)))
        .collect();
    let all: usize = counts.values().sum();
    let _ = writeln!(text, "\n{all} names: {}.", words.join(", "));
}

/// Rows in order; neighbours with the same verdict and the same reason share a line.
fn together(rows: &[&Row]) -> Vec<(String, &'static str, String)> {
    let mut lines: Vec<(String, &'static str, String)> = Vec::new();
    for row in rows {
        let names: Vec<String> = row.names().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        let (word, why) = verdict(row);
        let alike = matches!(
            row.verdict,
            Verdict::Planned(_) | Verdict::Ignored(_) | Verdict::Refused(_)
        );
        match lines.last_mut() {
            Some(last) if alike && last.1 == word && last.2 == why => {
                last.0.push_str(", ");
                last.0.push_str(&names);
            }
            _ => lines.push((names, word, why)),
        }
    }
    lines
}

fn verdict(row: &Row) -> (&'static str, String) {
    match row.verdict {
        Verdict::Same => ("same", row.help.to_owned()),
        Verdict::Changed(how) => ("changed", format!("{}; {how}", row.help)),
        Verdict::Ignored(why) => ("ignored", why.to_owned()),
        Verdict::Planned(feature) => ("planned", feature.to_owned()),
        Verdict::Refused(instead) => ("refused", instead.to_owned()),
        Verdict::Ours => ("ours", row.help.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_uwsgi_is_on_the_page() {
        let page = page();
        for row in table::rows()
            .iter()
            .filter(|row| row.verdict != Verdict::Ours)
        {
            for name in row.names() {
                assert!(page.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}
