//! `verdigris --help` and `--help-all`, made from the table.

use std::fmt::Write as _;

use crate::table::{self, Argument, Group, Row, Takes, Verdict};

const USAGE: &str = "\
verdigris serves Python web applications.

  verdigris app:app                         an application, on http://127.0.0.1:8000
  verdigris --http-socket :8000 -w app:app  the same, on port 8000 of every address
  verdigris uwsgi.ini                       what a configuration file says
";

const TOOLS: &str = "
Tools
  verdigris check FILE...                 is everything well? all problems at once
  verdigris explain FILE                  what each line does here, beside uWSGI or gunicorn
  verdigris config FILE --show            the values it comes to, and where each is from
  verdigris doctor [--gevent] app:app     will the app do? what blocks, what a fork would break
  verdigris options [NAME] [--planned]    the option table
  (each takes --json)
";

const END: &str = "\
`verdigris --help-all` shows every option. They work in files and environment variables too:
`http-socket = :8000`, `VERDIGRIS_HTTP_SOCKET=:8000`.
";

const END_OF_ALL: &str = "\
Options work on the command line, in ini files (`http-socket = :8000`) and in environment
variables (`VERDIGRIS_HTTP_SOCKET=:8000`). uWSGI's names, files and UWSGI_ variables work too;
options of uWSGI that are not shown here are accepted or refused with a word why.
";

/// The usual options, or all of them.
pub(crate) fn help(everything: bool) -> String {
    let mut text = USAGE.to_owned();
    for group in Group::ALL {
        let rows: Vec<&Row> = table::rows()
            .iter()
            .filter(|row| row.group == group && (row.common || (everything && acts(row))))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", group.title());
        for row in rows {
            line(&mut text, row);
        }
    }
    text.push_str(TOOLS);
    let end = if everything { END_OF_ALL } else { END };
    let _ = write!(text, "\n{end}");
    text
}

/// Options that do something here. What becomes of the others stands in the compatibility table.
fn acts(row: &Row) -> bool {
    matches!(
        row.verdict,
        Verdict::Same | Verdict::Changed(_) | Verdict::Ours
    )
}

const COLUMN: usize = 34;

fn line(text: &mut String, row: &Row) {
    let letter = row
        .short
        .map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    let left = format!("  {letter}--{}{}", row.name, placeholder(row));
    let mut right = row.help.to_owned();
    match row.verdict {
        Verdict::Planned(_) => right.push_str(" (not active yet)"),
        Verdict::Ignored(_) => right.push_str(" (not needed)"),
        _ if !row.default.is_empty() => {
            let _ = write!(right, " [{}]", row.default);
        }
        _ => {}
    }
    if left.len() < COLUMN {
        let _ = writeln!(text, "{left:COLUMN$}{right}");
    } else {
        let _ = writeln!(text, "{left}\n{:COLUMN$}{right}", "");
    }
}

/// What an option takes, for tables: `N`, `PATH`, or nothing for a flag.
pub(crate) fn takes(row: &Row) -> String {
    placeholder(row).trim().to_owned()
}

fn placeholder(row: &Row) -> String {
    let word = match row.takes {
        Takes::Flag => return String::new(),
        Takes::Integer(..) | Takes::Threads => "N",
        Takes::Size => "BYTES",
        Takes::Megabytes => "MB",
        Takes::Seconds => "SECONDS",
        Takes::Milliseconds => "MS",
        Takes::Text => "TEXT",
        Takes::Path => "PATH",
        Takes::Address => "ADDRESS",
        Takes::Mode | Takes::Umask => "MODE",
        Takes::Pair => "NAME=VALUE",
        Takes::Choice(_) => "WORD",
    };
    match row.argument() {
        Argument::Optional => format!("[={word}]"),
        _ => format!(" {word}"),
    }
}
