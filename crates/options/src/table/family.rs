//! Options that need no row of their own: they share a verdict and one word about it. Parsing still
//! has to know each name and whether a value follows it.

use super::{Group, Row, Takes, Verdict};

/// A few names with one verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    group: Group,
    help: &'static str,
    verdict: Verdict,
    flags: &'static [&'static str],
    values: &'static [&'static str],
    optional: &'static [&'static str],
}

impl Family {
    /// Names that take a value, all of them given the same verdict.
    pub(super) const fn new(
        group: Group,
        help: &'static str,
        verdict: Verdict,
        values: &'static [&'static str],
    ) -> Self {
        Self {
            group,
            help,
            verdict,
            flags: &[],
            values,
            optional: &[],
        }
    }

    /// Names that take no value.
    pub(super) const fn flags(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    /// Names whose value may be left out.
    pub(super) const fn optional(self, optional: &'static [&'static str]) -> Self {
        Self { optional, ..self }
    }

    /// One row for each name.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        let row = move |family: Self, name, takes| Row {
            verdict: family.verdict,
            ..Row::new(family.group, name, takes, family.help)
        };
        let family = *self;
        let flags = self
            .flags
            .iter()
            .map(move |name| row(family, name, Takes::Flag));
        let values = self
            .values
            .iter()
            .map(move |name| row(family, name, Takes::Text).many().example("value"));
        let optional = self.optional.iter().map(move |name| {
            row(family, name, Takes::Text)
                .many()
                .optional()
                .example("value")
        });
        flags.chain(values).chain(optional)
    }
}
