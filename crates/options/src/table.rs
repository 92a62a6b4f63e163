//! The option table: one row of data per option. Parsing, help, the reference pages and the
//! compatibility table all come from it, so an option is declared once.
//!
//! The rows live in one file per group; this file says what a row is and finds rows by name.

mod app;
mod emperor;
mod engines;
mod family;
mod hooks;
mod isolation;
mod language;
mod languages;
mod limits;
mod logging;
mod process;
mod router;
mod routing;
mod services;
mod sharing;
mod sockets;
mod static_files;
mod statistics;
mod stop;
mod tls;
mod workers;

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use crate::value::{self, Dialect, ValueError};
use family::Family;

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// True or false; no value means true.
    Flag,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number of bytes.
    Size,
    /// A number of mebibytes.
    Megabytes,
    /// A length of time; a plain number counts seconds.
    Seconds,
    /// A length of time; a plain number counts milliseconds.
    Milliseconds,
    /// A number of threads, or `auto`.
    Threads,
    /// Any text.
    Text,
    /// A path.
    Path,
    /// An address to listen on.
    Address,
    /// The mode of a file: three octal digits.
    Mode,
    /// A umask: octal digits.
    Umask,
    /// `NAME=value`.
    Pair,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// Whether the command line expects a value after an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// No value; `--option=false` is allowed.
    None,
    /// A value only if it is attached: `--option=value`.
    Optional,
    /// Always a value.
    Required,
}

/// How an option relates to the uWSGI option of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Does what it does in uWSGI.
    Same,
    /// Does something better or other; the text says what.
    Changed(&'static str),
    /// Accepted and without effect; the text says why that does no harm.
    Ignored(&'static str),
    /// Stops the start; the text says what to use instead.
    Refused(&'static str),
    /// Accepted, not active yet; the text names the feature it belongs to.
    Planned(&'static str),
    /// Verdigris's own.
    Ours,
}

/// The heading an option stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Where requests come in.
    Sockets,
    /// Encrypted connections.
    Tls,
    /// Which application is served.
    App,
    /// Who runs it.
    Workers,
    /// How a worker waits: gevent, asyncio, and their kin.
    Engines,
    /// What clients may do.
    Limits,
    /// Files served without the app.
    StaticFiles,
    /// Rules that answer or change requests.
    Routing,
    /// What is written down.
    Logging,
    /// Numbers, metrics, alarms.
    Statistics,
    /// The server as a process.
    Process,
    /// Stopping and replacing.
    Stop,
    /// Daemons, cron, timers, mules, spooler.
    Services,
    /// What the processes share.
    Sharing,
    /// Commands at certain moments.
    Hooks,
    /// Jails, namespaces, capabilities.
    Isolation,
    /// Many servers, clusters, subscriptions.
    Emperor,
    /// uWSGI's separate router processes.
    Router,
    /// uWSGI's plugins for other languages.
    Languages,
    /// The configuration language itself.
    Language,
}

impl Group {
    /// All groups in the order help and documents show them.
    pub const ALL: [Self; 20] = [
        Self::Sockets,
        Self::Tls,
        Self::App,
        Self::Workers,
        Self::Engines,
        Self::Limits,
        Self::StaticFiles,
        Self::Routing,
        Self::Logging,
        Self::Statistics,
        Self::Process,
        Self::Stop,
        Self::Services,
        Self::Sharing,
        Self::Hooks,
        Self::Isolation,
        Self::Emperor,
        Self::Router,
        Self::Languages,
        Self::Language,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sockets => "Sockets",
            Self::Tls => "TLS",
            Self::App => "Application",
            Self::Workers => "Workers",
            Self::Engines => "Engines",
            Self::Limits => "Limits and timeouts",
            Self::StaticFiles => "Static files",
            Self::Routing => "Routing rules",
            Self::Logging => "Logging",
            Self::Statistics => "Statistics and alarms",
            Self::Process => "Process",
            Self::Stop => "Stop and reload",
            Self::Services => "Services and tasks",
            Self::Sharing => "Cache, queue, locks",
            Self::Hooks => "Hooks",
            Self::Isolation => "Isolation",
            Self::Emperor => "Emperor and clusters",
            Self::Router => "Routers",
            Self::Languages => "Other languages",
            Self::Language => "Configuration",
        }
    }
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name documents use.
    pub name: &'static str,
    /// Other names for the same thing.
    pub aliases: &'static [&'static str],
    /// The letter for the command line.
    pub short: Option<char>,
    /// What it takes.
    pub takes: Takes,
    /// Whether the value may be left out.
    pub optional: bool,
    /// Whether it may be given several times, every one counting.
    pub many: bool,
    /// The heading it stands under.
    pub group: Group,
    /// One line that says what it does.
    pub help: &'static str,
    /// What applies when nobody says anything; empty when nothing does.
    pub default: &'static str,
    /// A value as one would write it; empty for flags.
    pub example: &'static str,
    /// The release that brought it.
    pub since: &'static str,
    /// How it relates to uWSGI.
    pub verdict: Verdict,
    /// Shown by the short help.
    pub common: bool,
}

impl Row {
    const fn new(group: Group, name: &'static str, takes: Takes, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            short: None,
            takes,
            optional: false,
            many: false,
            group,
            help,
            default: "",
            example: "",
            since: "0.1.0",
            verdict: Verdict::Same,
            common: false,
        }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn short(self, letter: char) -> Self {
        Self {
            short: Some(letter),
            ..self
        }
    }

    const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    const fn common(self) -> Self {
        Self {
            common: true,
            ..self
        }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn changed(self, how: &'static str) -> Self {
        Self {
            verdict: Verdict::Changed(how),
            ..self
        }
    }

    const fn ignored(self, why: &'static str) -> Self {
        Self {
            verdict: Verdict::Ignored(why),
            ..self
        }
    }

    const fn refused(self, instead: &'static str) -> Self {
        Self {
            verdict: Verdict::Refused(instead),
            ..self
        }
    }

    const fn planned(self, feature: &'static str) -> Self {
        Self {
            verdict: Verdict::Planned(feature),
            ..self
        }
    }

    const fn ours(self) -> Self {
        Self {
            verdict: Verdict::Ours,
            ..self
        }
    }

    /// Whether the command line expects a value.
    pub fn argument(&self) -> Argument {
        match (self.takes, self.optional) {
            (Takes::Flag, _) => Argument::None,
            (_, true) => Argument::Optional,
            (_, false) => Argument::Required,
        }
    }

    /// All names, the main one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Checks a value against what the option takes. `Ok(Some(_))` is a value that was read in
    /// uWSGI's generous way.
    pub fn check(&self, text: &str, dialect: Dialect) -> Result<Option<ValueError>, ValueError> {
        if self.optional && text.is_empty() {
            return Ok(None);
        }
        let oddity = match self.takes {
            Takes::Flag => value::flag(Some(text), dialect)?.oddity,
            Takes::Integer(lowest, highest) => {
                value::integer(text, lowest, highest, dialect)?.oddity
            }
            Takes::Size => value::size(text, dialect)?.oddity,
            Takes::Megabytes => value::integer(text, 0, i64::from(u32::MAX), dialect)?.oddity,
            Takes::Seconds => value::duration(text, Duration::from_secs(1), dialect)?.oddity,
            Takes::Milliseconds => value::duration(text, Duration::from_millis(1), dialect)?.oddity,
            Takes::Threads if text == "auto" => None,
            Takes::Threads => value::integer(text, 1, 4096, dialect)?.oddity,
            Takes::Path if text.is_empty() => return Err(ValueError::Empty),
            Takes::Text | Takes::Path => None,
            Takes::Address => value::address(text, dialect)?.oddity,
            Takes::Mode => value::mode(Some(text)).map(|_| None)?,
            Takes::Umask => value::umask(text).map(|_| None)?,
            Takes::Pair => value::pair(text).map(|_| None)?,
            Takes::Choice(words) => value::choice(text, words).map(|_| None)?,
        };
        Ok(oddity)
    }
}

/// The rows of each file, and its families: options that share one verdict and one word about it.
const FILES: [(&[Row], &[Family]); 20] = [
    (sockets::ROWS, sockets::FAMILIES),
    (tls::ROWS, tls::FAMILIES),
    (app::ROWS, app::FAMILIES),
    (workers::ROWS, workers::FAMILIES),
    (engines::ROWS, engines::FAMILIES),
    (limits::ROWS, limits::FAMILIES),
    (static_files::ROWS, static_files::FAMILIES),
    (routing::ROWS, routing::FAMILIES),
    (logging::ROWS, logging::FAMILIES),
    (statistics::ROWS, statistics::FAMILIES),
    (process::ROWS, process::FAMILIES),
    (stop::ROWS, stop::FAMILIES),
    (services::ROWS, services::FAMILIES),
    (sharing::ROWS, sharing::FAMILIES),
    (hooks::ROWS, hooks::FAMILIES),
    (isolation::ROWS, isolation::FAMILIES),
    (emperor::ROWS, emperor::FAMILIES),
    (router::ROWS, router::FAMILIES),
    (languages::ROWS, languages::FAMILIES),
    (language::ROWS, language::FAMILIES),
];

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows = Vec::with_capacity(1400);
    for (single, families) in FILES {
        rows.extend_from_slice(single);
        rows.extend(families.iter().flat_map(Family::rows));
    }
    rows
});

static BY_NAME: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (index, row) in ROWS.iter().enumerate() {
        for name in row.names() {
            map.insert(name, index);
        }
    }
    map
});

/// Every row, group by group.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row with exactly this name or alias.
pub fn find(name: &str) -> Option<&'static Row> {
    BY_NAME.get(name).map(|&index| &ROWS[index])
}

/// The row with this letter.
pub fn find_short(letter: char) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.short == Some(letter))
}

/// Every name and alias.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(Row::names)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_letters_are_unique() {
        let mut seen = HashSet::new();
        for name in names() {
            assert!(seen.insert(name), "{name} is declared twice");
            let fits = name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
            });
            assert!(fits && !name.starts_with('-'), "{name}");
        }
        let mut letters = HashSet::new();
        for letter in rows().iter().filter_map(|row| row.short) {
            assert!(letters.insert(letter), "-{letter} is declared twice");
        }
    }

    #[test]
    fn help_fits_one_line_and_is_no_sentence() {
        for row in rows() {
            assert!(
                !row.help.is_empty() && row.help.chars().count() <= 79,
                "{}: help",
                row.name
            );
            assert!(
                !row.help.ends_with('.'),
                "{}: help ends with a full stop",
                row.name
            );
        }
    }

    #[test]
    fn every_value_has_an_example_that_parses() {
        for row in rows() {
            if row.takes == Takes::Flag {
                assert!(
                    row.example.is_empty(),
                    "{}: a flag needs no example",
                    row.name
                );
                continue;
            }
            if row.name != "endif" {
                assert!(!row.example.is_empty(), "{}: example is missing", row.name);
            }
            assert_eq!(
                row.check(row.example, Dialect::Native),
                Ok(None),
                "{}: {}",
                row.name,
                row.example
            );
        }
    }

    #[test]
    fn verdicts_say_why() {
        for row in rows() {
            if let Verdict::Changed(text)
            | Verdict::Ignored(text)
            | Verdict::Refused(text)
            | Verdict::Planned(text) = row.verdict
            {
                assert!(
                    text.len() > 2 && !text.ends_with('.'),
                    "{}: {text}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn rows_stand_under_the_heading_of_their_file() {
        let mut headings: Vec<Group> = rows().iter().map(|row| row.group).collect();
        headings.dedup();
        assert_eq!(headings, Group::ALL);
    }
}
