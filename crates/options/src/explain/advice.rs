//! What is worth knowing about a configuration as a whole: what it does not say, and what uWSGI
//! would do differently because of that.

use super::{Kind, Line, Remark};
use crate::Loaded;
use crate::table;

/// Everything there is to say beside the lines.
pub(super) fn advice(lines: &[Line], loaded: &Loaded) -> Vec<Remark> {
    let mut advice = Vec::new();
    let mut say = |kind, text: &str| {
        advice.push(Remark {
            kind,
            text: text.to_owned(),
        });
    };
    let config = &loaded.config;
    let given = |option: &str| {
        let same = |key: &str| table::find(key).is_some_and(|row| row.name == option);
        config.entries.iter().any(|entry| same(&entry.key))
    };
    if !config.from_uwsgi_config {
        say(
            Kind::Note,
            "nothing in this file is written for uWSGI, so Verdigris's own defaults apply",
        );
        return advice;
    }
    let stops = given("die-on-term")
        || config
            .entries
            .iter()
            .any(|entry| entry.value.contains("gracefully_kill_them_all"));
    if !stops {
        say(
            Kind::Trap,
            "SIGTERM: uWSGI reloads brutally on it with this file, because `die-on-term` is missing; here it stops gracefully. To reload, send SIGHUP",
        );
    }
    if !given("need-app") {
        say(
            Kind::Note,
            "need-app: uWSGI keeps running and answers 500 when the app cannot be loaded; here the start ends with exit code 22",
        );
    }
    if !given("harakiri") {
        say(
            Kind::Risk,
            "no request has a deadline; one that hangs holds its worker for ever (`harakiri = 60`)",
        );
    }
    if !given("threads") && !given("gevent") && !given("asyncio") {
        say(
            Kind::Note,
            "threads: a uWSGI configuration without the option means one thread per worker; `threads = auto` lets the pool grow by need",
        );
    }
    if !given("buffer-size") {
        say(
            Kind::Note,
            "buffer-size: uWSGI refuses request heads beyond 4096 bytes; here 64 KiB are the default",
        );
    }
    let root = !given("uid")
        && config
            .sockets
            .list
            .iter()
            .any(|socket| matches!(socket.address, crate::Address::Tcp { port: 1..=1023, .. }));
    if root {
        say(
            Kind::Risk,
            "a port below 1024 needs root, and no `uid` is given: the app runs as root",
        );
    }
    let other: Vec<String> = config
        .files
        .iter()
        .skip(1)
        .map(|file| file.display().to_string())
        .collect();
    if !other.is_empty() {
        let text = format!(
            "this file also reads {}; explain them on their own",
            other.join(", ")
        );
        say(Kind::Note, &text);
    }
    let templates = lines.iter().any(|line| {
        line.readings
            .iter()
            .any(|reading| reading.word == super::Word::Template)
    });
    if templates {
        say(
            Kind::Note,
            "this is a template; only the file that is made from it tells the whole story",
        );
    }
    advice
}
