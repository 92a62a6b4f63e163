//! Workers, limits, timeouts, stopping: the numbers.

use std::time::Duration;

use super::reader::Reader;
use crate::config::{App, Limits, Stop, Threads, Timeouts, Workers};
use crate::entry::Given;
use crate::report::{Notice, Problem};
use crate::value::{self, Dialect};

const DEFAULT_HEAD_BYTES: u64 = 64 << 10;
const LARGEST_HEAD_BYTES: u64 = 16 << 20;
const DEFAULT_FIELDS: u32 = 128;
const DEFAULT_RESPONSE_BUFFER: u64 = 1 << 20;
const DEFAULT_WAITING_REQUESTS: u32 = 65_536;
const DEFAULT_MAX_THREADS: u32 = 40;
const DEFAULT_IDLE: Duration = Duration::from_secs(75);

pub(super) fn workers(reader: &mut Reader<'_>, app: &App) -> Workers {
    Workers {
        processes: reader.count("processes").unwrap_or(1),
        threads: threads(reader, app),
    }
}

/// A uWSGI configuration that is silent means one thread: its app may not be ready for more. Neither are
/// apps that requests name: two of them can have modules of the same names only if they take turns.
fn threads(reader: &mut Reader<'_>, app: &App) -> Threads {
    let most = reader.count("max-threads").unwrap_or(DEFAULT_MAX_THREADS);
    let given = reader.values().last("threads");
    match given {
        Some(given) if given.entry.value == "auto" => Threads::Auto { most },
        Some(_) => Threads::Count(reader.count("threads").unwrap_or(1).max(1)),
        None if reader.uwsgi || app.dynamic => Threads::Count(1),
        None => Threads::Auto { most },
    }
}

pub(super) fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        head_bytes: head_bytes(reader),
        fields: reader.count("max-vars").unwrap_or(DEFAULT_FIELDS) as usize,
        underscores: reader.is_on("underscores-in-headers"),
        body_bytes: reader.size_unless_zero("limit-post"),
        post_buffering: reader.size_unless_zero("post-buffering"),
        response_buffer: reader
            .size("response-buffer")
            .unwrap_or(DEFAULT_RESPONSE_BUFFER) as usize,
        connections: reader.count("max-connections"),
        waiting_requests: reader
            .count("request-queue")
            .unwrap_or(DEFAULT_WAITING_REQUESTS),
    }
}

fn head_bytes(reader: &mut Reader<'_>) -> usize {
    let bytes = reader
        .size_unless_zero("buffer-size")
        .unwrap_or(DEFAULT_HEAD_BYTES);
    let fit = bytes.clamp(1024, LARGEST_HEAD_BYTES);
    if fit != bytes {
        let mut notice = Notice::warning(format!("buffer-size: {bytes} is taken as {fit}"));
        notice.origin = reader.origin("buffer-size").cloned();
        reader.notice(notice);
    }
    fit as usize
}

pub(super) fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    let socket = positive(reader, "socket-timeout").unwrap_or(Duration::from_secs(30));
    let http = positive(reader, "http-timeout").unwrap_or(Duration::from_secs(60));
    Timeouts {
        head: positive(reader, "http-headers-timeout").unwrap_or(Duration::from_secs(30)),
        socket,
        http,
        send: positive(reader, "so-send-timeout"),
        idle: idle(reader),
        waiting_request: match reader.duration("request-queue-timeout") {
            None => Some(Duration::from_secs(60)),
            some => some.filter(|wait| !wait.is_zero()),
        },
    }
}

/// A timeout of nothing would close every connection: it is taken for the default.
fn positive(reader: &mut Reader<'_>, option: &'static str) -> Option<Duration> {
    reader.duration(option).filter(|time| !time.is_zero())
}

/// `http-keepalive` is a switch and a number of seconds in one: uWSGI takes 1 for "on".
fn idle(reader: &mut Reader<'_>) -> Option<Duration> {
    let Some(given) = reader.values().last("http-keepalive") else {
        return Some(DEFAULT_IDLE);
    };
    let text = given.entry.value.as_str();
    match value::flag(Some(text), Dialect::Native) {
        Ok(read) => read.value.then_some(DEFAULT_IDLE),
        Err(_) => keepalive_seconds(reader, given, text),
    }
}

fn keepalive_seconds(reader: &mut Reader<'_>, given: Given<'_>, text: &str) -> Option<Duration> {
    match value::duration(text, Duration::from_secs(1), given.entry.dialect) {
        Ok(read) => Some(read.value).filter(|time| !time.is_zero()),
        Err(error) => {
            reader.wrong(given, &error);
            None
        }
    }
}

pub(super) fn stop(reader: &mut Reader<'_>) -> Stop {
    let mercy = reader.duration("worker-reload-mercy");
    let whole = reader.duration("reload-mercy");
    if reader.flag("die-on-term") == Some(false) {
        let text = "die-on-term: SIGTERM stops the server gracefully in any case";
        let mut notice = Notice::warning(text);
        notice.origin = reader.origin("die-on-term").cloned();
        reader.notice(notice);
    }
    let drain_timeout = reader.duration("drain-timeout").or(mercy).or(whole);
    Stop {
        drain_timeout: drain_timeout.unwrap_or(Duration::from_secs(60)),
        drain_delay: delay(reader),
    }
}

fn delay(reader: &mut Reader<'_>) -> Duration {
    let delay = reader.duration("drain-delay").unwrap_or_default();
    if delay > Duration::from_secs(3600) {
        let mut problem =
            Problem::new("drain-delay: more than an hour keeps the server from ever stopping")
                .hint("write `drain-delay = 5`");
        problem.origin = reader.origin("drain-delay").cloned();
        reader.problem(problem);
    }
    delay
}
