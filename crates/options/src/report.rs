//! What is said back to the person who wrote the configuration: problems, which stop the start,
//! and notices, which do not.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::origin::Origin;

/// Something that keeps the server from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in one sentence without a full stop.
    pub what: String,
    /// Where it was written; `None` when something is missing everywhere.
    pub origin: Option<Origin>,
    /// What to type instead.
    pub hint: Option<String>,
}

/// How loudly a notice is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know; nothing is wrong.
    Info,
    /// The server does something else than the text may make one believe.
    Warning,
}

/// Something the person should know although the server starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How loudly it is said.
    pub level: Level,
    /// One sentence without a full stop.
    pub text: String,
    /// Where the cause was written.
    pub origin: Option<Origin>,
    /// What to type to make the notice go away.
    pub hint: Option<String>,
    /// It only says what the option table says about the option (or that there is none), so that
    /// tools that show the table's word need not repeat it.
    pub from_table: bool,
}

impl Problem {
    /// A problem with no place and no hint yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            origin: None,
            hint: None,
        }
    }

    /// The same problem, pointing at where it was written.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// The same problem, with what to type instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Notice {
    /// A warning with no place and no hint yet.
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            text: text.into(),
            origin: None,
            hint: None,
            from_table: false,
        }
    }

    /// A piece of information with no place and no hint yet.
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            level: Level::Info,
            ..Self::warning(text)
        }
    }

    /// The same notice, pointing at where its cause was written.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// The same notice, with what to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same notice, marked as the table's word.
    #[must_use]
    pub(crate) fn said_by_table(mut self) -> Self {
        self.from_table = true;
        self
    }

    /// The notice as one line of text: place, sentence, hint.
    pub fn line(&self) -> String {
        let mut line = String::new();
        if let Some(origin) = &self.origin {
            let _ = write!(line, "{origin}: ");
        }
        line.push_str(&readable(&self.text));
        if let Some(hint) = &self.hint {
            let _ = write!(line, " (hint: {})", readable(hint));
        }
        line
    }
}

/// Where something stands among everything that was read, for sorting: what was typed first, then
/// file by file and line by line, and what is missing everywhere last.
pub(crate) fn place(origin: Option<&Origin>, files: &[PathBuf]) -> (usize, u32) {
    match origin {
        Some(Origin::File { path, line }) => {
            let read = files
                .iter()
                .position(|file| file.as_os_str() == path.as_ref());
            (1 + read.unwrap_or(files.len()), *line)
        }
        Some(_) => (0, 0),
        None => (usize::MAX, 0),
    }
}

/// What of one line is shown to a person.
const LONGEST_LINE: usize = 1000;

/// Problems or notices shown to a person at once.
const MOST_SHOWN: usize = 100;

/// A text as a terminal may show it: nothing that would steer the terminal, and of lines longer
/// than anybody reads the beginning.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    let long = |line: &str| line.len() > LONGEST_LINE;
    if !text.contains(steers) && !text.split('\n').any(long) {
        return Cow::Borrowed(text);
    }
    let lines = text.split('\n').map(|line| {
        let beginning = beginning(line);
        let mut shown = String::new();
        for character in beginning.chars() {
            if steers(character) {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        if beginning.len() < line.len() {
            let _ = write!(shown, "… ({} bytes)", line.len());
        }
        shown
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

fn beginning(line: &str) -> &str {
    let mut ends = (0..=line.len().min(LONGEST_LINE)).rev();
    &line[..ends.find(|end| line.is_char_boundary(*end)).unwrap_or(0)]
}

/// The line that stands for everything that is not shown.
fn and_more(count: usize, of_what: &str) -> String {
    match count.saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        more => format!("… and {more} more {of_what}; `verdigris check --json` has them all\n"),
    }
}

/// Renders problems for a person: each with its place, then its hint. `colour` paints the words
/// `error` and `hint`; whether that is wanted is the caller's decision.
pub fn render_problems(problems: &[Problem], colour: bool) -> String {
    let (red, cyan, plain) = if colour {
        ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut text = String::new();
    for (index, problem) in problems.iter().take(MOST_SHOWN).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let _ = write!(text, "{red}error{plain}: ");
        if let Some(origin) = &problem.origin {
            let _ = write!(text, "{origin}: ");
        }
        text.push_str(&readable(&problem.what));
        text.push('\n');
        if let Some(hint) = &problem.hint {
            let _ = writeln!(text, "\n{cyan}hint{plain}: {}", readable(hint));
        }
    }
    text + &and_more(problems.len(), "problems")
}

/// Problems for tools.
pub fn problems_json(problems: &[Problem]) -> serde_json::Value {
    let one = |problem: &Problem| {
        serde_json::json!({
            "what": problem.what,
            "where": problem.origin.as_ref().map(ToString::to_string),
            "hint": problem.hint,
        })
    };
    problems.iter().map(one).collect()
}

/// Notices for tools.
pub fn notices_json(notices: &[Notice]) -> serde_json::Value {
    let one = |notice: &Notice| {
        serde_json::json!({
            "level": if notice.level == Level::Warning { "warning" } else { "note" },
            "what": notice.text,
            "where": notice.origin.as_ref().map(ToString::to_string),
            "hint": notice.hint,
        })
    };
    notices.iter().map(one).collect()
}

/// Renders notices for a person, one line each.
pub fn render_notices(notices: &[Notice], colour: bool) -> String {
    let (yellow, plain) = if colour {
        ("\x1b[1;33m", "\x1b[0m")
    } else {
        ("", "")
    };
    let mut text = String::new();
    for notice in notices.iter().take(MOST_SHOWN) {
        let (paint, word) = match notice.level {
            Level::Warning => (yellow, "warning"),
            Level::Info => ("", "note"),
        };
        let end = if paint.is_empty() { "" } else { plain };
        let _ = writeln!(text, "{paint}{word}{end}: {}", notice.line());
    }
    text + &and_more(notices.len(), "remarks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_place_sentence_hint() {
        let problem = Problem::new("`4x` is not a whole number")
            .at(&Origin::File {
                path: "a.ini".into(),
                line: 3,
            })
            .hint("write `processes = 4`");
        assert_eq!(
            render_problems(&[problem], false),
            "error: a.ini:3: `4x` is not a whole number\n\nhint: write `processes = 4`\n"
        );
    }

    #[test]
    fn nothing_steers_the_terminal_or_fills_it() {
        assert_eq!(readable("a\tb\nc"), "a\tb\nc");
        assert_eq!(readable("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        let long = "ä".repeat(LONGEST_LINE);
        assert_eq!(
            readable(&long),
            format!("{}… ({} bytes)", "ä".repeat(LONGEST_LINE / 2), long.len())
        );
        let many = vec![Problem::new("x"); MOST_SHOWN + 2];
        let text = render_problems(&many, false);
        assert!(
            text.ends_with("… and 2 more problems; `verdigris check --json` has them all\n"),
            "{text}"
        );
    }

    #[test]
    fn colour_is_the_callers_choice() {
        let text = render_problems(&[Problem::new("x")], true);
        assert!(text.starts_with("\x1b[1;31merror\x1b[0m: x"), "{text:?}");
        assert!(!render_notices(&[Notice::warning("x")], false).contains('\x1b'));
    }
}
