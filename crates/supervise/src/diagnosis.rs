//! `verdigris doctor`'s part: one mold that looks at the app instead of serving it, and nothing left of
//! it afterwards.
//!
//! An app's import may start processes, and may hang. So whatever comes of it is a child of ours, Ctrl-C is
//! heard, and all of them are ended at the end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use os::epoll::{Epoll, Interest};
use os::process::{Ending, adopt_orphans, children, reap, send_signal};
use os::signals::{Signal, SignalFd};

use crate::failure::LoadFailure;
use crate::message::{self, MAX_PACKET, Message};
use crate::mold::{Heard, MoldCommand, receive, spawn};

/// What is heard meanwhile.
const SIGNALS: [Signal; 5] = [
    Signal::Child,
    Signal::Hangup,
    Signal::Interrupt,
    Signal::Quit,
    Signal::Terminate,
];
/// How long exit handlers and threads of the app may take when all is said; longer than Python gives them.
const FAREWELL: Duration = Duration::from_secs(7);
/// How long the last ones may take to die of SIGKILL.
const LAST_ONES: Duration = Duration::from_secs(2);
const TURN: i32 = 50;

/// What came of it.
#[derive(Debug)]
pub enum Diagnosis {
    /// The report, as Python has written it.
    Report(serde_json::Value),
    /// The app cannot be loaded.
    NoApp(LoadFailure),
    /// Python ended without a word.
    Ended(Ending),
    /// The person has had enough.
    Interrupted,
}

/// Has the app examined. To be called by a program that has no other children and no threads yet.
pub fn diagnose(command: &MoldCommand) -> io::Result<Diagnosis> {
    adopt_orphans()?;
    let signals = SignalFd::block(&SIGNALS)?;
    let (pid, socket) = spawn(command, &message::diagnose(&command.settings))?;
    let mut patient = Patient {
        pid,
        socket,
        signals,
        ending: None,
    };
    let diagnosis = patient.listen();
    if diagnosis.is_ok() {
        patient.wait_for_end()?;
    }
    bury_everybody()?;
    diagnosis
}

/// The mold under examination.
struct Patient {
    pid: u32,
    socket: OwnedFd,
    signals: SignalFd,
    ending: Option<Ending>,
}

impl Patient {
    /// Waits for what it has to say.
    fn listen(&mut self) -> io::Result<Diagnosis> {
        let mut epoll = Epoll::new(2)?;
        epoll.add(self.socket.as_fd(), 0, Interest::Readable)?;
        epoll.add(self.signals.as_fd(), 1, Interest::Readable)?;
        let mut buffer = vec![0; MAX_PACKET];
        let mut silent = false;
        loop {
            epoll.wait(-1)?;
            let interrupted = self.hear_signals()?;
            match receive(self.socket.as_fd(), &mut buffer) {
                Heard::Message(Message::Diagnosed(report)) => return Ok(Diagnosis::Report(report)),
                Heard::Message(Message::Failed(failure)) => return Ok(Diagnosis::NoApp(failure)),
                Heard::Message(_) => continue,
                // It would be readable for ever.
                Heard::End if !silent => {
                    silent = true;
                    epoll.remove(self.socket.as_fd())?;
                }
                Heard::Nothing | Heard::End => {}
            }
            if interrupted {
                send_signal(self.pid, Signal::Terminate)?;
                return Ok(Diagnosis::Interrupted);
            }
            // A process that the import has forked may hold the other end: its end alone says nothing.
            if let Some(ending) = self.ending {
                return Ok(Diagnosis::Ended(ending));
            }
        }
    }

    /// Whether one of the signals was not only about a child.
    fn hear_signals(&mut self) -> io::Result<bool> {
        let mut interrupted = false;
        while let Some(signal) = self.signals.read()? {
            interrupted |= signal != Signal::Child;
        }
        while let Some((pid, ending)) = reap()? {
            if pid == self.pid {
                self.ending = Some(ending);
            }
        }
        Ok(interrupted)
    }

    /// Lets the app's exit handlers run.
    fn wait_for_end(&mut self) -> io::Result<()> {
        let until = Instant::now() + FAREWELL;
        let mut epoll = Epoll::new(1)?;
        epoll.add(self.signals.as_fd(), 0, Interest::Readable)?;
        while self.ending.is_none() && Instant::now() < until {
            if self.hear_signals()? {
                break;
            }
            if self.ending.is_none() {
                epoll.wait(TURN)?;
            }
        }
        Ok(())
    }
}

/// Kills what is left of all that the import has started, however deep.
fn bury_everybody() -> io::Result<()> {
    let until = Instant::now() + LAST_ONES;
    while Instant::now() < until {
        while reap()?.is_some() {}
        let left = children()?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            send_signal(pid, Signal::Kill)?;
        }
        Epoll::new(1)?.wait(1)?;
    }
    Ok(())
}
