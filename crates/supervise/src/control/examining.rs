//! Looking at workers, and what the log says of what was seen.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use os::epoll::Interest;

use super::Control;
use crate::examination::{Cause, Examination, Finding};
use crate::stack::{culprit, trimmed};
use crate::talk::{Host, Level, Network, WorkerId};
use crate::token::Token;

/// What is said of a block that was over before it was looked at.
const UNSEEN: &str = "something that was over before it was seen";

impl<N: Network, H: Host> Control<N, H> {
    /// Begins to find out what a worker is doing.
    pub(super) fn examine(&mut self, id: WorkerId, examination: Examination) {
        let now = self.settings.started.elapsed();
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        // Watched from the first question on: most workers are never asked.
        if !worker.is_watched {
            let token = Token::Stack(id.incarnation).to_number();
            let pipe = worker.examiner.pipe();
            worker.is_watched = self.epoll.add(pipe, token, Interest::Readable).is_ok();
        }
        let found = worker.examiner.examine(now, worker.pid, examination);
        if let Some(finding) = found {
            self.tell(id, &finding);
        }
    }

    /// A worker has written something.
    pub(super) fn hear_stack(&mut self, incarnation: u64) {
        let mut ids = self.workers.keys();
        if let Some(id) = ids.find(|id| id.incarnation == incarnation).copied() {
            self.look_after(id);
        }
    }

    fn look_after(&mut self, id: WorkerId) {
        let now = self.settings.started.elapsed();
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        for finding in worker.examiner.hear(now, worker.pid) {
            self.tell(id, &finding);
        }
    }

    /// When [`Control::check_examinations`] is due.
    pub(super) fn examinations_due(&self) -> Option<Duration> {
        let workers = self.workers.values();
        workers
            .filter_map(|worker| worker.examiner.due())
            .chain(self.blocks.due())
            .min()
    }

    /// Does what time alone makes due.
    pub(super) fn check_examinations(&mut self) {
        let now = self.settings.started.elapsed();
        let late = |due: Option<Duration>| due.is_some_and(|due| due <= now);
        let ids: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, worker)| late(worker.examiner.due()))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.look_after(id);
        }
        if late(self.blocks.due()) {
            for summary in self.blocks.summaries(now) {
                self.host.say(Level::Warning, &summary);
            }
        }
    }

    /// A worker is about to be forgotten: what is known of it is told.
    pub(super) fn finish_examinations(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        if worker.is_watched {
            let _ = self.epoll.remove(worker.examiner.pipe().as_fd());
        }
        for finding in worker.examiner.give_up() {
            self.tell(id, &finding);
        }
    }

    /// A worker's loop turns again.
    pub(super) fn unblocked(&mut self, id: WorkerId, time: Duration) {
        let Some(place) = self
            .workers
            .get_mut(&id)
            .and_then(|worker| worker.blocked_at.take())
        else {
            return;
        };
        self.blocks.ended(&place.name, time);
        if place.told {
            let text = format!(
                "worker {} turns again, after {} ms at {}",
                id.worker,
                time.as_millis(),
                place.name
            );
            self.host.say(Level::Info, &text);
        }
    }

    /// Writes to the log what was found.
    fn tell(&mut self, id: WorkerId, finding: &Finding) {
        let ours = self.settings.launch.mold.script.parent();
        let ours = ours.unwrap_or(Path::new("/")).to_owned();
        let stack = finding.stack.as_deref();
        let place = stack
            .and_then(|stack| culprit(stack, &ours))
            .map(|frame| frame.to_string());
        let doing = finding.activity.as_ref();
        let doing = doing.map_or_else(String::new, |doing| format!(" ({doing})"));
        let headline = &finding.examination.headline;
        let mut text = match (finding.examination.cause, place) {
            (Cause::Delay, Some(place)) => format!("{headline}, at {place}{doing}"),
            (Cause::Delay, None) => format!("{headline}{doing}"),
            (Cause::Block { time }, place) => {
                let place = place.unwrap_or_else(|| UNSEEN.to_owned());
                if !self.note_block(id, &place, time) {
                    return;
                }
                let time = time.as_millis();
                format!("hub blocked {time} ms by {place}{doing}; {headline}")
            }
        };
        if let Some(stack) = stack {
            text.push('\n');
            text.push_str(&trimmed(stack, &ours));
        }
        self.host.say(finding.examination.level, &text);
    }

    /// Remembers where a loop is blocked; whether that is to be told.
    fn note_block(&mut self, id: WorkerId, place: &str, time: Duration) -> bool {
        let told = self
            .blocks
            .found(self.settings.started.elapsed(), place, time);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.blocked_at = Some(crate::worker::BlockedAt {
                name: place.to_owned(),
                told,
            });
        }
        told
    }
}
