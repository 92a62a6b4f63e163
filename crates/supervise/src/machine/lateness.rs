//! The rows about workers that take too long: told of, looked at, replaced, killed.

use std::time::Duration;

use super::workers::name;
use super::{Action, Machine, Moment, Process};
use crate::examination::{Cause, Examination};
use crate::talk::{ClientSaw, Delayed, Level, WorkerId};

impl Machine {
    /// A request is late, or will be soon.
    pub(super) fn delayed(&mut self, delayed: &Delayed) {
        let Some(process) = self.process(delayed.id) else {
            return;
        };
        let headline = match delayed.end {
            None => slow(process, delayed),
            Some(end) => harakiri(process, delayed, end),
        };
        let level = match delayed.end {
            None => Level::Warning,
            Some(_) => Level::Error,
        };
        let Some(thread) = delayed.thread else {
            self.say(level, headline);
            return;
        };
        let examination = Examination {
            thread: Some(thread),
            level,
            headline,
            cause: Cause::Delay,
        };
        self.actions.push(Action::Examine(delayed.id, examination));
    }

    /// A worker has given up a late request, and says where it was.
    pub(super) fn given_up(&mut self, id: WorkerId, request: Option<&str>, text: &str) {
        let Some(process) = self.process(id) else {
            return;
        };
        let name = name(process);
        let request = request.unwrap_or("a request whose client is gone");
        self.say(
            Level::Warning,
            format!(
                "{name} gave up {request}, which was late\n{}",
                text.trim_end()
            ),
        );
    }

    /// A worker does not give up what is late: another takes its place.
    pub(super) fn stuck(&mut self, now: Moment, id: WorkerId, others: usize) {
        let Some(process) = self.process(id) else {
            return;
        };
        let rest = match others {
            0 => String::new(),
            1 => ", its other request may finish".to_owned(),
            _ => format!(", its {others} other requests may finish"),
        };
        let name = name(process);
        let text = format!(
            "{name} does not give up what is late: it gets nothing new{rest}, another takes its place"
        );
        self.say(Level::Warning, text);
        self.retire(now, id);
    }

    /// A worker has nothing left but what is late.
    pub(super) fn hopeless(&mut self, id: WorkerId) {
        let Some(process) = self.process(id) else {
            return;
        };
        let text = format!(
            "{} has nothing left but what is late and is killed",
            name(process)
        );
        self.say(Level::Warning, text);
        self.kill_worker(id);
    }

    /// A worker's loop does not turn.
    pub(super) fn blocked(&mut self, id: WorkerId, time: Duration, requests: usize) {
        let Some(process) = self.process(id) else {
            return;
        };
        let plural = if requests == 1 {
            "request waits"
        } else {
            "requests wait"
        };
        let examination = Examination {
            thread: None,
            level: Level::Warning,
            headline: format!("{requests} {plural} in {}", name(process)),
            cause: Cause::Block { time },
        };
        self.actions.push(Action::Examine(id, examination));
    }
}

fn slow(process: &Process, delayed: &Delayed) -> String {
    let name = name(process);
    let seconds = delayed.age.as_secs_f64();
    let request = delayed.request.as_deref().unwrap_or("an abandoned request");
    format!("{name} has had {request} for {seconds:.1} s, half of what it may take")
}

/// As near to uWSGI's words as they fit.
fn harakiri(process: &Process, delayed: &Delayed, end: ClientSaw) -> String {
    let worker = process.id.worker;
    let pid = process.pid.unwrap_or(0);
    let seconds = delayed.age.as_secs_f64();
    let Some(request) = &delayed.request else {
        return format!(
            "HARAKIRI ON WORKER {worker} (pid: {pid}): a request whose client is gone, running for {seconds:.1} s"
        );
    };
    let end = match end {
        ClientSaw::Timeout => ", answered 504",
        ClientSaw::CutOff => ", answer cut off",
        ClientSaw::Nothing => "",
    };
    let client = &delayed.client;
    format!(
        "HARAKIRI ON WORKER {worker} (pid: {pid}): {client} - {request}, running for {seconds:.1} s{end}"
    )
}
