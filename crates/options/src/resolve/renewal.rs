//! When what runs is replaced: files to watch, and how long a worker lasts.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use crate::config::{ExceptionRule, Renewal};

const MEBIBYTE: u64 = 1 << 20;
const LEAST_LIFETIME: Duration = Duration::from_secs(10);

pub(super) fn renewal(reader: &mut Reader<'_>) -> Renewal {
    Renewal {
        touch_reload: paths(reader, "touch-reload"),
        touch_workers_reload: paths(reader, "touch-workers-reload"),
        touch_chain_reload: paths(reader, "touch-chain-reload"),
        fifos: paths(reader, "master-fifo"),
        code_changes: seconds(reader, "py-autoreload"),
        exit_on_reload: reader.is_on("exit-on-reload"),
        requests: number(reader, "max-requests"),
        requests_delta: number(reader, "max-requests-delta").unwrap_or(0),
        lifetime: time(reader, "max-worker-lifetime"),
        lifetime_delta: time(reader, "max-worker-lifetime-delta").unwrap_or_default(),
        least_lifetime: reader
            .duration("min-worker-lifetime")
            .unwrap_or(LEAST_LIFETIME),
        resident: mebibytes(reader, "reload-on-rss"),
        address_space: mebibytes(reader, "reload-on-as"),
        resident_at_most: mebibytes(reader, "evil-reload-on-rss"),
        address_space_at_most: mebibytes(reader, "evil-reload-on-as"),
        exceptions: exceptions(reader),
    }
}

fn paths(reader: &mut Reader<'_>, option: &'static str) -> Vec<PathBuf> {
    reader
        .texts(option)
        .into_iter()
        .map(PathBuf::from)
        .collect()
}

/// A whole number, where 0 is the same as nothing.
fn number(reader: &mut Reader<'_>, option: &'static str) -> Option<u64> {
    let number = reader.integer(option)?;
    u64::try_from(number).ok().filter(|number| *number > 0)
}

fn seconds(reader: &mut Reader<'_>, option: &'static str) -> Option<Duration> {
    number(reader, option).map(Duration::from_secs)
}

fn time(reader: &mut Reader<'_>, option: &'static str) -> Option<Duration> {
    reader.duration(option).filter(|time| !time.is_zero())
}

/// A number of MiB in bytes, where 0 is the same as nothing.
pub(super) fn mebibytes(reader: &mut Reader<'_>, option: &'static str) -> Option<u64> {
    number(reader, option).map(|count| count.saturating_mul(MEBIBYTE))
}

/// Makes a rule of a text.
type Rule = fn(String) -> ExceptionRule;

fn exceptions(reader: &mut Reader<'_>) -> Vec<ExceptionRule> {
    let mut rules = Vec::new();
    if reader.is_on("reload-on-exception") {
        rules.push(ExceptionRule::Any);
    }
    let kinds: [(_, Rule); 3] = [
        ("reload-on-exception-type", ExceptionRule::Type),
        ("reload-on-exception-value", ExceptionRule::Value),
        ("reload-on-exception-repr", ExceptionRule::Repr),
    ];
    for (option, rule) in kinds {
        rules.extend(reader.texts(option).into_iter().map(rule));
    }
    rules
}
