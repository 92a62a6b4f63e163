//! Collects everything that was written, wherever it stands, into one ordered list: the
//! environment, the command line, and each file at its place. Includes, conditions and loops are
//! worked off here, because they decide what is in the list.

mod blocks;
pub(crate) mod files;
mod leftovers;
mod settings;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bounds::{Growth, TooMuch};
use crate::entry::Entry;
use crate::envdir::{self, Change};
use crate::environment;
use crate::logic::{self, Block};
use crate::magic::{Facts, FileNames};
use crate::origin::Origin;
use crate::own_option::OwnOption;
use crate::references::{self, TooDeep};
use crate::report::{Notice, Problem};
use crate::surroundings::{self, Surroundings};
use crate::table;
use crate::value::{self, Dialect};

pub(crate) use leftovers::{listed, words_in_references, written_without_sign};

/// The environment as text; names and values that are not UTF-8 are left out.
pub(crate) type Environment = [(String, String)];

/// Collects entries in order.
pub(crate) struct Gatherer<'a> {
    surroundings: &'a dyn Surroundings,
    /// The environment, with what `early-envdir` has added.
    environment: Vec<(String, String)>,
    /// What the directories of `envdir` change for the app.
    env_changes: Vec<Change>,
    facts: Facts,
    entries: Vec<Entry>,
    /// The block that is open, and where it was opened.
    block: Option<(Block, Origin)>,
    /// Where the block was opened in which the line stands that is being carried out.
    around: Option<Origin>,
    /// The entries that say `inherit`; their files are read after everything else.
    inherited: Vec<usize>,
    first_file: Option<FileNames>,
    last_file: Option<String>,
    files: Vec<PathBuf>,
    /// Files being read right now, outermost first.
    open_files: Vec<String>,
    /// A section or variable written for uWSGI was met.
    uwsgi: bool,
    /// Keys that `set` and `set-ph` brought, and own options; they are no slips.
    placeholders: HashSet<String>,
    /// The entries that `set-ph` brought; only they are no options in the eyes of `strict`.
    set_ph: HashSet<usize>,
    /// Options that `declare-option` made.
    own_options: Vec<OwnOption>,
    /// How many of them, and of `set`, are being replaced right now; they may name each other.
    own_depth: usize,
    /// What everything has grown to so far.
    growth: Growth,
    /// It has grown too far; that was said, and nothing more is taken in.
    full: bool,
    /// The exit code of an `exit` that was reached; nothing behind it counts.
    exit: Option<u8>,
    /// `strict` was on somewhere, so that unknown keys everywhere are problems.
    strict: bool,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

/// What gathering came to.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) entries: Vec<Entry>,
    pub(crate) files: Vec<PathBuf>,
    /// A section or variable written for uWSGI was met.
    pub(crate) uwsgi: bool,
    /// It grew too far and was cut off; what the rest says is of no interest.
    pub(crate) cut_off: bool,
    /// What the directories of `envdir` change for the app.
    pub(crate) env_changes: Vec<Change>,
    /// The exit code of an `exit` that was reached.
    pub(crate) exit: Option<u8>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<Notice>,
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(surroundings: &'a dyn Surroundings, environment: &Environment) -> Self {
        Self {
            surroundings,
            environment: environment.to_vec(),
            env_changes: Vec::new(),
            facts: Facts::new(surroundings),
            entries: Vec::new(),
            block: None,
            around: None,
            inherited: Vec::new(),
            first_file: None,
            last_file: None,
            files: Vec::new(),
            open_files: Vec::new(),
            uwsgi: false,
            placeholders: HashSet::new(),
            set_ph: HashSet::new(),
            own_options: Vec::new(),
            own_depth: 0,
            growth: Growth::default(),
            full: false,
            exit: None,
            strict: false,
            problems: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Adds the options of the environment.
    pub(crate) fn add_environment(&mut self) {
        for entry in environment::read(&self.environment) {
            self.uwsgi |= entry.dialect == Dialect::Uwsgi && table::find(&entry.key).is_some();
            self.add(entry);
        }
    }

    /// Whether there is room for more; the first time there is none is a problem.
    fn has_room(&mut self, outcome: Result<(), TooMuch>, origin: &Origin) -> bool {
        if let Err(what) = outcome
            && !std::mem::replace(&mut self.full, true)
        {
            self.problems.push(overgrown(what, origin));
        }
        !self.full
    }

    /// Adds one option; a block that is open decides whether and how often.
    pub(crate) fn add(&mut self, entry: Entry) {
        if self.full || self.exit.is_some() {
            return;
        }
        if logic::is_end(&entry.key) {
            self.block = None;
            self.entries.push(entry);
        } else if entry.key == "else" {
            self.turn_round(entry);
        } else if let Some((block, opened)) = self.block.take() {
            self.add_inside(&entry, block, opened);
        } else {
            self.act(&entry);
        }
    }

    /// Lists an option, and carries it out if it belongs to the language itself.
    fn act(&mut self, entry: &Entry) {
        let room = self.growth.option();
        if !self.has_room(room, &entry.origin) {
            return;
        }
        self.entries.push(entry.clone());
        if let Some(block) = Block::begin(&entry.key, &entry.value) {
            self.open_block(block, entry);
            return;
        }
        match table::find(&entry.key).map_or("", |row| row.name) {
            option @ ("ini" | "include" | "config" | "yaml" | "json" | "xml" | "toml") => {
                self.read_named(entry, option);
            }
            "envdir" => self.read_environment(entry),
            "paste" if entry.key.starts_with("ini-") => self.read_named(entry, "ini"),
            "inherit" => self.inherited.push(self.entries.len() - 1),
            "exit" => self.exit = Some(exit_code(&entry.value)),
            "declare-option" => self.declare(entry),
            "set" => self.set(entry, false),
            "set-ph" => self.set(entry, true),
            "strict" => {
                let read = value::flag(Some(&entry.value), Dialect::Uwsgi);
                self.strict |= read.is_ok_and(|read| read.value);
            }
            "" => self.act_for_own(entry),
            _ => {}
        }
    }

    /// A file's name with the variables of the environment. uWSGI reads files before it replaces
    /// `$(NAME)`, so such a name never worked there.
    fn with_variables(&self, name: &str) -> String {
        let mut with = |name: &str| variable(&self.environment, name);
        references::replace(name, '$', &mut with).unwrap_or_else(|TooDeep| name.to_owned())
    }

    /// `envdir` and `early-envdir`; only what the early one brings can be referred to, as in uWSGI.
    fn read_environment(&mut self, entry: &Entry) {
        let name = self.with_variables(&entry.value);
        let changes = match envdir::read(Path::new(&name), self.surroundings) {
            Ok(changes) => changes,
            Err(error) => {
                let why = surroundings::reason(&error);
                let what = format!("{}: cannot read the directory {name}: {why}", entry.key);
                let problem = Problem::new(what).hint(files::FILE_HINT);
                self.problems.push(problem.at(&entry.origin));
                return;
            }
        };
        if entry.key.starts_with("early-") {
            let set = changes.iter().cloned();
            self.environment
                .extend(set.filter_map(|(name, value)| Some((name, value?))));
        }
        self.env_changes.extend(changes);
    }

    /// Ends the collection: inherited files, then the references in all values, then a word about
    /// every key that is no option.
    pub(crate) fn finish(mut self) -> Gathered {
        self.close_open_block();
        // Inherited files may inherit in turn; the bound on files ends a circle of them.
        while !self.inherited.is_empty() {
            for entry in self.names_to_inherit() {
                self.read_named(&entry, "inherit");
                self.close_open_block();
            }
        }
        let written: Vec<String> = self
            .entries
            .iter()
            .map(|entry| entry.value.clone())
            .collect();
        let environment = std::mem::take(&mut self.environment);
        let outcome = references::replace_all(
            &mut self.entries,
            &|name| variable(&environment, name),
            self.surroundings,
            &mut self.growth,
        );
        if let Some((index, what)) = outcome.too_much {
            let origin = self.entries.get(index).map(|entry| entry.origin.clone());
            self.has_room(Err(what), &origin.unwrap_or(Origin::Default));
        }
        self.report_unresolved(&outcome.unresolved);
        self.report_unknown(&written);
        Gathered {
            entries: self.entries,
            files: self.files,
            uwsgi: self.uwsgi,
            cut_off: self.full,
            env_changes: self.env_changes,
            exit: self.exit,
            problems: self.problems,
            notices: self.notices,
        }
    }

    /// What waits to be inherited. It is read so late that references in the names work.
    fn names_to_inherit(&mut self) -> Vec<Entry> {
        let waiting = std::mem::take(&mut self.inherited);
        let mut names = waiting.iter().filter_map(|index| self.entries.get(*index));
        if !names.clone().any(|entry| entry.value.contains("%(")) {
            return names.cloned().collect();
        }
        let mut entries = self.entries.clone();
        let known = |name: &str| variable(&self.environment, name);
        let outcome = references::replace_in_names(&mut entries, &known, &mut self.growth);
        if let (Some((_, what)), Some(first)) = (outcome.too_much, names.next()) {
            let origin = first.origin.clone();
            self.has_room(Err(what), &origin);
        }
        let names = waiting.iter().filter_map(|index| entries.get(*index));
        names.cloned().collect()
    }

    /// Adds a problem found by the caller.
    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// The problem of a configuration that makes too much of itself.
fn overgrown(what: TooMuch, origin: &Origin) -> Problem {
    Problem::new(what.to_string()).hint(what.hint()).at(origin)
}

/// The code of `exit`, read as C reads numbers; nothing is 0.
fn exit_code(value: &str) -> u8 {
    let digits = value.trim_start().bytes().take_while(u8::is_ascii_digit);
    digits.fold(0, |code: u8, digit| {
        code.wrapping_mul(10).wrapping_add(digit - b'0')
    })
}

fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment
        .iter()
        .rev()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
}

fn first_value(entries: &[Entry], name: &str) -> Option<String> {
    entries
        .iter()
        .find(|entry| entry.key == name)
        .map(|entry| entry.value.clone())
}

/// Builds the origin of a line in a file.
fn in_file(path: &Arc<str>, line: u32) -> Origin {
    Origin::File {
        path: Arc::clone(path),
        line,
    }
}
