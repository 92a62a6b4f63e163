//! The doctor's report for people: a line for each finding, under headings, and a verdict.

use std::fmt::Write as _;

use serde_json::Value;

/// Columns of the word before a finding.
const COLUMN: usize = 9;

/// The report as Python has written it. What is missing in it is left out.
pub(super) struct Report<'a>(&'a Value);

impl<'a> Report<'a> {
    pub(super) fn new(found: &'a Value) -> Self {
        Self(found)
    }

    /// How many problems there are.
    pub(super) fn problems(&self) -> u64 {
        self.0.get("problems").and_then(Value::as_u64).unwrap_or(0)
    }

    /// The whole report.
    pub(super) fn text(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut text = format!(
            "verdigris doctor: {} under {}\n",
            word(self.0, "app"),
            word(self.0, "engine")
        );
        for section in list(self.0, "sections") {
            let _ = writeln!(text, "\n{}", paint.bold(word(section, "title")));
            for finding in list(section, "findings") {
                write_finding(&mut text, finding, &paint);
            }
        }
        let _ = writeln!(text, "\n{}", self.verdict(&paint));
        text
    }

    fn verdict(&self, paint: &Paint) -> String {
        let engine = word(self.0, "engine");
        match self.problems() {
            0 => format!(
                "{}: nothing speaks against {engine}",
                paint.level("ok", "verdict")
            ),
            1 => format!("{}: 1 problem", paint.level("problem", "verdict")),
            many => format!("{}: {many} problems", paint.level("problem", "verdict")),
        }
    }
}

fn write_finding(text: &mut String, finding: &Value, paint: &Paint) {
    let level = word(finding, "level");
    let blanks = " ".repeat(COLUMN.saturating_sub(level.len()));
    let indented = |many_lines: &str| many_lines.replace('\n', &format!("\n{:1$}", "", COLUMN + 2));
    let _ = writeln!(
        text,
        "  {}{blanks}{}",
        paint.level(level, level),
        indented(word(finding, "text"))
    );
    let hint = word(finding, "hint");
    if !hint.is_empty() {
        let _ = writeln!(
            text,
            "  {:COLUMN$}{}: {}",
            "",
            paint.hint("hint"),
            indented(hint)
        );
    }
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
}

/// Colours, or none.
struct Paint(bool);

impl Paint {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn hint(&self, text: &str) -> String {
        self.paint("1;36", text)
    }

    /// In the colour of a level.
    fn level(&self, level: &str, text: &str) -> String {
        let code = match level {
            "ok" => "32",
            "problem" => "1;31",
            _ => "33",
        };
        self.paint(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report() {
        let found = json!({
            "app": "web:app", "engine": "gevent", "problems": 1,
            "sections": [
                {"title": "Python", "findings": [{"level": "ok", "text": "3.11", "hint": ""}]},
                {"title": "Patching", "findings": [
                    {"level": "problem", "text": "ssl came early\nby x", "hint": "do not"},
                ]},
            ],
        });
        let report = Report::new(&found);
        assert_eq!(
            report.text(false),
            "verdigris doctor: web:app under gevent\n\
             \nPython\n  ok       3.11\n\
             \nPatching\n  problem  ssl came early\n           by x\n           hint: do not\n\
             \nverdict: 1 problem\n"
        );
        assert!(report.text(true).contains("\x1b[1;31mproblem\x1b[0m  ssl"));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert_eq!(
            Report::new(&json!({})).text(false),
            "verdigris doctor:  under \n\nverdict: nothing speaks against \n"
        );
    }
}
