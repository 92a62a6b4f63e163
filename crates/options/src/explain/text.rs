//! An explanation for a person.

use std::fmt::Write as _;

use super::{Explanation, Kind, Line, Reading, Remark, Word};
use crate::report::{self, readable};

impl Word {
    /// The word itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Default => "default",
            Self::Changed => "changed",
            Self::Ours => "ours",
            Self::Language => "language",
            Self::Placeholder => "placeholder",
            Self::Ignored => "ignored",
            Self::Planned => "planned",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Elsewhere => "elsewhere",
            Self::Template => "template",
            Self::Section => "section",
        }
    }

    /// Green is well, yellow wants a look, red stops or does nothing.
    fn paint(self) -> &'static str {
        match self {
            Self::Same | Self::Default | Self::Ours => "\x1b[32m",
            Self::Changed => "\x1b[36m",
            Self::Planned => "\x1b[33m",
            Self::Refused | Self::Unknown => "\x1b[1;31m",
            _ => "\x1b[2m",
        }
    }
}

impl Kind {
    /// The word in front of a remark.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Risk => "risk",
            Self::Note => "note",
        }
    }

    fn paint(self) -> &'static str {
        match self {
            Self::Trap | Self::Risk => "\x1b[1;33m",
            Self::Note => "\x1b[2m",
        }
    }
}

struct Page {
    text: String,
    colour: bool,
}

/// The whole explanation.
pub(super) fn render(explanation: &Explanation, colour: bool) -> String {
    let mut page = Page {
        text: format!("{} ({})\n\n", explanation.file, explanation.kind),
        colour,
    };
    for line in &explanation.lines {
        page.line(line);
    }
    page.heading("Worth knowing", !explanation.advice.is_empty());
    for remark in &explanation.advice {
        page.remark("  ", remark);
    }
    page.heading(
        "This keeps the server from starting",
        !explanation.problems.is_empty(),
    );
    page.text
        .push_str(&report::render_problems(&explanation.problems, colour));
    page.heading("The same for Verdigris, as short as it gets", true);
    page.text.push_str(&explanation.native);
    let counts: Vec<String> = explanation
        .counts()
        .iter()
        .map(|(word, count)| format!("{count} {}", word.name()))
        .collect();
    if !counts.is_empty() {
        let _ = writeln!(page.text, "\n{}", counts.join(", "));
    }
    page.text
}

impl Page {
    fn painted(&self, paint: &str, text: &str) -> String {
        if self.colour {
            format!("{paint}{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn heading(&mut self, title: &str, wanted: bool) {
        if wanted {
            let title = self.painted("\x1b[1m", title);
            let _ = writeln!(self.text, "\n{title}\n");
        }
    }

    fn line(&mut self, line: &Line) {
        let paint = if line.readings.is_empty() {
            "\x1b[2m"
        } else {
            "\x1b[1m"
        };
        let text = self.painted(paint, &readable(&line.text));
        let numbered = format!("{:>4}  {text}", line.number);
        let _ = writeln!(self.text, "{}", numbered.trim_end());
        let several = line.readings.len() > 1;
        for reading in &line.readings {
            self.reading(reading, several);
        }
        for remark in &line.remarks {
            self.remark("      ", remark);
        }
    }

    fn reading(&mut self, reading: &Reading, several: bool) {
        let word = self.painted(reading.word.paint(), reading.word.name());
        let name = if several {
            format!("{}: ", reading.option)
        } else {
            String::new()
        };
        let _ = writeln!(
            self.text,
            "      {word}: {name}{}",
            readable(&reading.sentence)
        );
        for remark in &reading.remarks {
            self.remark("      ", remark);
        }
    }

    fn remark(&mut self, indent: &str, remark: &Remark) {
        let word = self.painted(remark.kind.paint(), remark.kind.name());
        let _ = writeln!(self.text, "{indent}{word}: {}", readable(&remark.text));
    }
}
