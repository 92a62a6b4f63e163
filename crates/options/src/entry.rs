//! One option as somebody wrote it, and the ordered list of all of them.

use crate::origin::Origin;
use crate::table::{self, Argument, Row};
use crate::value::Dialect;

/// One `key = value` with the place it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as it was written.
    pub key: String,
    /// The value; references are replaced in place once everything was read.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
    /// How its value is read.
    pub dialect: Dialect,
}

/// An entry whose key is an option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The option.
    pub(crate) row: &'static Row,
    /// The name it was called by.
    pub(crate) name: &'static str,
    /// The entry itself.
    pub(crate) entry: &'a Entry,
}

impl Given<'_> {
    /// The option with another value, spelled for the place it was written in.
    pub(crate) fn spelled(&self, value: &str) -> String {
        match &self.entry.origin {
            Origin::CommandLine if self.row.argument() == Argument::Required => {
                format!("--{} {value}", self.name)
            }
            Origin::CommandLine => format!("--{}={value}", self.name),
            Origin::Environment(variable) => format!("{variable}={value}"),
            Origin::File { .. } | Origin::Default => format!("{} = {value}", self.name),
        }
    }
}

/// All entries whose keys are options, in order.
#[derive(Debug, Default)]
pub(crate) struct Values<'a> {
    given: Vec<Given<'a>>,
}

impl<'a> Values<'a> {
    /// Sorts out the entries that are options; the others are placeholders or slips.
    pub(crate) fn new(entries: &'a [Entry]) -> Self {
        let given = entries
            .iter()
            .filter_map(|entry| {
                let row = table::find(&entry.key)?;
                let name = row.names().find(|name| *name == entry.key)?;
                Some(Given { row, name, entry })
            })
            .collect();
        Self { given }
    }

    /// Everything that was given, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Given<'a>> {
        self.given.iter().copied()
    }

    /// What was given for an option (by its main name), in order.
    pub(crate) fn of(&self, option: &'static str) -> impl Iterator<Item = Given<'a>> {
        debug_assert!(
            table::find(option).is_some_and(|row| row.name == option),
            "no row {option}"
        );
        self.all().filter(move |given| given.row.name == option)
    }

    /// The last value given for an option: for a scalar it is the one that counts.
    pub(crate) fn last(&self, option: &'static str) -> Option<Given<'a>> {
        self.of(option).last()
    }
}
