//! What is worth knowing about a configuration as a whole: what it does not say, what only together
//! means something, and what uWSGI would do differently because of that.

use super::{Kind, Line, Remark, Word};
use crate::Loaded;
use crate::address::Address;
use crate::entry::{Given, Values};
use crate::value::{self, Dialect};

/// Everything there is to say beside the lines.
pub(super) fn advice(lines: &[Line], loaded: &Loaded) -> Vec<Remark> {
    let mut advisor = Advisor {
        lines,
        loaded,
        values: Values::new(&loaded.config.entries),
        advice: Vec::new(),
    };
    if !loaded.config.from_uwsgi_config {
        let text = "nothing in this file is written for uWSGI, so Verdigris's own defaults apply";
        advisor.say(Kind::Note, text);
        return advisor.advice;
    }
    advisor.stopping();
    advisor.watching();
    advisor.loading();
    advisor.deadlines();
    advisor.concurrency();
    advisor.heads();
    advisor.accounts();
    advisor.sockets();
    advisor.log_files();
    advisor.other_files();
    advisor.advice
}

struct Advisor<'a> {
    lines: &'a [Line],
    loaded: &'a Loaded,
    values: Values<'a>,
    advice: Vec<Remark>,
}

/// Options that switch `master` on in uWSGI, by their main names or beginnings of them.
const NEEDS_MASTER: [&str; 16] = [
    "attach-daemon",
    "cheap",
    "cron",
    "enable-metrics",
    "evil-reload-",
    "idle",
    "logger",
    "master-fifo",
    "mule",
    "py-autoreload",
    "req-logger",
    "smart-attach-daemon",
    "spooler",
    "stats",
    "touch-",
    "unique-cron",
];

impl<'a> Advisor<'a> {
    fn say(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        self.advice.push(Remark { kind, text });
    }

    fn last(&self, option: &'static str) -> Option<Given<'a>> {
        self.values.last(option)
    }

    fn given(&self, option: &'static str) -> bool {
        self.last(option).is_some()
    }

    /// Whether a flag is there and not switched off.
    fn is_on(&self, option: &'static str) -> bool {
        self.last(option).is_some_and(|given| {
            value::flag(Some(&given.entry.value), Dialect::Uwsgi).is_ok_and(|read| read.value)
        })
    }

    fn number(&self, option: &'static str) -> Option<i64> {
        let given = self.last(option)?;
        value::integer(&given.entry.value, 0, i64::MAX, Dialect::Uwsgi)
            .ok()
            .map(|read| read.value)
    }

    fn stopping(&mut self) {
        let hooked = self
            .values
            .all()
            .any(|given| given.entry.value.contains("gracefully_kill_them_all"));
        if !self.is_on("die-on-term") && !hooked {
            self.say(
                Kind::Trap,
                "SIGTERM: uWSGI reloads brutally on it with this file, because `die-on-term` is missing; here it stops gracefully. To reload, send SIGHUP",
            );
        }
    }

    fn watching(&mut self) {
        let implied = self.values.all().any(|given| {
            let beginning = |wanted: &&str| given.row.name.starts_with(*wanted);
            NEEDS_MASTER.iter().any(beginning)
        });
        if !self.is_on("master") && !implied {
            self.say(
                Kind::Note,
                "master: without it nobody watches the workers in uWSGI, and one that dies or reaches `max-requests` is not replaced; here workers are always watched",
            );
        }
    }

    fn loading(&mut self) {
        // Whoever switches it off gets that here as well.
        if !self.given("need-app") {
            self.say(
                Kind::Note,
                "need-app: uWSGI keeps running and answers 500 when the app cannot be loaded; here the start ends with exit code 22",
            );
        }
        let workers = self.number("processes").unwrap_or(1);
        if (self.is_on("lazy-apps") || self.is_on("lazy")) && workers > 1 {
            let text = format!(
                "lazy-apps: each of the {workers} workers imports the app on its own, so it takes {workers} times the memory and a restarted worker has to import it again; without the option it is imported once and shared"
            );
            self.say(Kind::Note, text);
        }
    }

    fn deadlines(&mut self) {
        if self.number("harakiri").unwrap_or(0) == 0 {
            self.say(
                Kind::Risk,
                "no request has a deadline; one that hangs holds its worker for ever (`harakiri = 60`)",
            );
        }
    }

    fn concurrency(&mut self) {
        if !self.given("threads") && !self.given("gevent") && !self.given("asyncio") {
            self.say(
                Kind::Note,
                "threads: a uWSGI configuration without the option means one thread per worker; `threads = auto` lets the pool grow by need",
            );
        }
        let workers = self.number("processes").unwrap_or(1);
        match self.number("cheaper") {
            Some(least) if least > 0 && least >= workers => {
                let text = format!(
                    "cheaper: the least number of workers ({least}) is not below `processes` ({workers}); uWSGI does not start with that"
                );
                self.say(Kind::Trap, text);
            }
            _ => {}
        }
    }

    fn heads(&mut self) {
        if !self.given("buffer-size") {
            self.say(
                Kind::Note,
                "buffer-size: uWSGI refuses request heads beyond 4096 bytes; here 64 KiB are the default",
            );
        }
    }

    fn accounts(&mut self) {
        let low = |address: &Address| matches!(address, Address::Tcp { port: 1..=1023, .. });
        let sockets = &self.loaded.config.sockets.list;
        let low = sockets.iter().any(|socket| low(&socket.address));
        if !self.given("uid") && low {
            self.say(
                Kind::Risk,
                "a port below 1024 needs root, and no `uid` is given: the app runs as root",
            );
        }
        if self.given("uid") && !self.given("gid") {
            self.say(
                Kind::Note,
                "gid: with `uid` alone uWSGI keeps the group it was started with, usually root's; here the user's own group is taken",
            );
        }
    }

    fn sockets(&mut self) {
        let sockets = &self.loaded.config.sockets.list;
        if sockets.is_empty() {
            return;
        }
        let unix = sockets
            .iter()
            .any(|socket| matches!(socket.address, Address::Unix(_)));
        let http = sockets.iter().any(|socket| socket.option == "http");
        for option in ["chmod-socket", "chown-socket"] {
            if self.given(option) && !unix {
                let text = format!("{option}: without effect, because no unix socket is opened");
                self.say(Kind::Note, text);
            }
        }
        let closed = matches!(self.loaded.config.sockets.mode, Some(mode) if mode & 0o006 != 0o006);
        if unix && closed && !self.given("chown-socket") {
            self.say(
                Kind::Note,
                "chmod-socket: only the owner and group of the server may connect; if nginx runs as somebody else, name its group: `chown-socket = www-data:nginx`",
            );
        }
        let timeout = self.given("http-timeout") || self.given("http-keepalive");
        let speaks_http = http || sockets.iter().any(|socket| socket.option != "socket");
        if timeout && !speaks_http {
            self.say(
                Kind::Note,
                "the `http-…` options have no effect: no socket of this file speaks HTTP",
            );
        }
    }

    fn log_files(&mut self) {
        let mut files = ["daemonize", "daemonize2", "logto", "logto2"].into_iter();
        let file = files.find_map(|option| self.last(option));
        let rotated = [
            "log-maxsize",
            "log-reopen",
            "touch-logreopen",
            "touch-logrotate",
        ]
        .into_iter()
        .any(|option| self.given(option));
        if let Some(file) = file.filter(|_| !rotated) {
            let text = format!(
                "{}: nothing in this file keeps the log from growing without end; let logrotate do it and send USR2 behind it, or log to standard error",
                file.name
            );
            self.say(Kind::Risk, text);
        }
    }

    fn other_files(&mut self) {
        let files = self.loaded.config.files.iter().skip(1);
        let other: Vec<String> = files.map(|file| file.display().to_string()).collect();
        if !other.is_empty() {
            let text = format!(
                "this file also reads {}; explain them on their own",
                other.join(", ")
            );
            self.say(Kind::Note, text);
        }
        let readings = self.lines.iter().flat_map(|line| &line.readings);
        if readings
            .into_iter()
            .any(|reading| reading.word == Word::Template)
        {
            self.say(
                Kind::Note,
                "this is a template; only the file that is made from it tells the whole story",
            );
        }
    }
}
