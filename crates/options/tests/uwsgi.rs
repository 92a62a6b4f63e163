//! The table against the list of all options of uWSGI 2.0 and its master branch
//! (`uwsgi-options.tsv`: name, and whether it takes a value).

use options::table::{self, Argument, Takes, Verdict};

const LIST: &str = include_str!("uwsgi-options.tsv");

fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIST.lines()
        .map(|line| line.split_once('\t').expect("name, tab, argument"))
}

#[test]
fn every_option_of_uwsgi_has_a_row_and_takes_what_it_takes_there() {
    // uWSGI declares these without a value and then reads one; a flag may always have one.
    let otherwise = [
        "so-send-timeout",
        "so-write-timeout",
        "socket-send-timeout",
        "socket-write-timeout",
        "need-app",
    ];
    let mut wrong = Vec::new();
    for (name, argument) in list() {
        let Some(row) = table::find(name) else {
            wrong.push(format!("{name}: no row"));
            continue;
        };
        if row.verdict == Verdict::Ours && row.name == name && !matches!(name, "help" | "version") {
            wrong.push(format!("{name}: is uWSGI's, not ours"));
        }
        let same = matches!(
            (argument, row.argument()),
            ("flag", Argument::None)
                | ("value", Argument::Required)
                | ("optional", Argument::Optional)
        );
        if !same && !otherwise.contains(&name) {
            wrong.push(format!(
                "{name}: {argument} there, {:?} here",
                row.argument()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(list().count() > 1300);
}

#[test]
fn names_uwsgi_does_not_have_are_ours_or_aliases() {
    let known: std::collections::HashSet<&str> = list().map(|(name, _)| name).collect();
    let own = ["bind", "max-fields", "end", "worker-class"];
    for row in table::rows()
        .iter()
        .filter(|row| row.verdict != Verdict::Ours)
    {
        for name in row.names().filter(|name| !own.contains(name)) {
            assert!(known.contains(name), "{name}: uWSGI has no such option");
        }
    }
}

#[test]
fn flags_have_no_values_to_check() {
    for row in table::rows().iter().filter(|row| row.takes == Takes::Flag) {
        assert!(
            row.default.is_empty() || matches!(row.default, "true" | "false"),
            "{}",
            row.name
        );
    }
}
