//! What reaches the control thread: signals, ends of processes, words of molds and workers, of the serving
//! thread, and commands in named pipes. Each becomes an event for the machine.

use std::io;

use os::process::reap;
use os::signals::Signal;

use super::Control;
use crate::fifo::{Command, Fifo};
use crate::machine::Event;
use crate::message::Message;
use crate::mold::Heard;
use crate::talk::{Host, Level, MoldId, Network, WorkerId};
use crate::touch::Effect;

impl<N: Network, H: Host> Control<N, H> {
    pub(super) fn hear_fifo(&mut self, index: usize) {
        let commands = self.fifos.get_mut(index).map(Fifo::read);
        for command in commands.unwrap_or_default() {
            match command {
                Ok(Command::Reload) => self.events.push_back(Event::ReloadRequested),
                Ok(Command::Workers) => self.ask_for(Effect::Workers),
                Ok(Command::Chain) => self.ask_for(Effect::Chain),
                Ok(Command::Stop) => self.events.push_back(Event::Terminated),
                Ok(Command::StopNow) => self.events.push_back(Event::Killed),
                Ok(Command::ReopenLogs) => self.host.reopen_logs(),
                Ok(Command::ShowState) => self.show_state(),
                Ok(Command::WritePidFiles) => self.host.write_pid_files(),
                Err(letter) => {
                    let text = format!("master-fifo: the command {letter:?} is not known here");
                    self.host.say(Level::Warning, &text);
                }
            }
        }
    }

    fn ask_for(&mut self, effect: Effect) {
        self.events.push_back(effect.event());
    }

    pub(super) fn hear_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.read()? {
            match signal {
                Signal::Terminate => self.events.push_back(Event::Terminated),
                Signal::Interrupt => self.events.push_back(Event::Interrupted),
                Signal::Quit => self.events.push_back(Event::Killed),
                Signal::Hangup => self.events.push_back(Event::ReloadRequested),
                Signal::User1 => self.show_state(),
                Signal::User2 => self.host.reopen_logs(),
                Signal::Child => self.reap_all()?,
                Signal::Kill | Signal::Pipe | Signal::Stack | Signal::Orphaned => {}
            }
        }
        Ok(())
    }

    fn show_state(&mut self) {
        let lines = self.machine.describe();
        let text = if lines.is_empty() {
            "no worker runs".to_owned()
        } else {
            lines.join("\n")
        };
        self.host.say(Level::Info, &text);
    }

    /// Collects every child that has ended. Adopted ones that nobody knows are only buried.
    fn reap_all(&mut self) -> io::Result<()> {
        while let Some((pid, ending)) = reap()? {
            let mold = self
                .molds
                .iter()
                .find(|(_, mold)| mold.pid() == pid)
                .map(|(id, _)| *id);
            if let Some(id) = mold {
                // What it said last is still in the socket.
                self.hear_mold(id);
                if let Some(mold) = self.molds.remove(&id) {
                    let _ = self.epoll.remove(mold.socket());
                }
                self.events.push_back(Event::MoldDied(id, ending));
                self.give_up_unborn(id);
            } else if let Some(id) = self.worker_with_pid(pid) {
                self.hear_last_words(id);
                self.events.push_back(Event::Exited(id, ending));
            }
        }
        Ok(())
    }

    /// A mold has died: if it had forked a worker, nobody will tell us which process that is. The server
    /// lets go of it, and the worker, should there be one, leaves when it sees that.
    fn give_up_unborn(&mut self, mold: MoldId) {
        let unborn = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.mold == mold && worker.pid.is_none());
        let why = "its mold died before it could tell of it";
        self.events
            .extend(unborn.map(|(id, _)| Event::ForkFailed(*id, why.to_owned())));
    }

    fn worker_with_pid(&self, pid: u32) -> Option<WorkerId> {
        self.workers
            .iter()
            .find(|(_, worker)| worker.pid == Some(pid))
            .map(|(id, _)| *id)
    }

    pub(super) fn hear_mold(&mut self, id: MoldId) {
        loop {
            let Some(mold) = self.molds.get(&id) else {
                return;
            };
            let message = match mold.receive(&mut self.buffer) {
                Heard::Message(message) => message,
                Heard::Nothing => return,
                Heard::End => {
                    // It has ended, or it can no longer be talked to, which comes to the same.
                    let _ = self.epoll.remove(mold.socket());
                    mold.kill();
                    return;
                }
            };
            match message {
                Message::Loaded(loaded) => self.events.push_back(Event::MoldLoaded(id, loaded)),
                Message::Failed(failure) => self.events.push_back(Event::MoldFailed(id, failure)),
                Message::Forked { id, pid } => {
                    if let Some(worker) = self.workers.get_mut(&id) {
                        worker.pid = Some(pid);
                    }
                    self.events.push_back(Event::Forked(id, pid));
                }
                Message::Exited { id, ending } => {
                    self.hear_last_words(id);
                    self.events.push_back(Event::Exited(id, ending));
                }
                Message::Leaving { id } => self.events.push_back(Event::Leaving(id)),
                Message::Worn { id, why } => self.events.push_back(Event::Worn(id, why)),
                Message::CodeChanged(file) => {
                    self.host.say(Level::Info, &format!("{file} has changed"));
                    self.events.push_back(Event::ReloadRequested);
                }
                Message::Warning(text) => self.host.say(Level::Warning, &text),
                // Only `diagnose` asks for one.
                Message::Diagnosed(_) => {}
            }
        }
    }

    pub(super) fn hung_up(&mut self, incarnation: u64) {
        let id = self
            .workers
            .keys()
            .find(|id| id.incarnation == incarnation)
            .copied();
        if let Some(id) = id {
            self.hear_last_words(id);
            self.events.push_back(Event::HungUp(id));
        }
    }

    /// What a worker said before it ended: why it could not load the app.
    fn hear_last_words(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        while let Heard::Message(message) = worker.last_words(&mut self.buffer) {
            if let Message::Failed(failure) = message {
                self.events.push_back(Event::WorkerFailed(id, failure));
            }
        }
    }

    pub(super) fn hear_network(&mut self) {
        self.network.quiet();
        while let Some(report) = self.network.report() {
            self.events.push_back(Event::Network(report));
        }
    }
}
