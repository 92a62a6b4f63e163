//! A worker as supervision sees it: a control socket whose end is the end of the process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use os::pass::message_pair;
use os::process::send_signal;
use os::signals::Signal;

use crate::examination::Examiner;
use crate::message;
use crate::mold::{Heard, Mold, receive};
use crate::talk::{Attachment, MoldId, WorkerId};

/// A worker's process, from the moment in which it is asked for.
#[derive(Debug)]
pub(crate) struct Worker {
    control: OwnedFd,
    /// Who was asked to fork it.
    pub(crate) mold: MoldId,
    /// Known once the mold has told it.
    pub(crate) pid: Option<u32>,
    /// Where it writes down where it is.
    pub(crate) examiner: Examiner,
    /// Whether the loop watches that.
    pub(crate) is_watched: bool,
    /// Where its own loop was last found blocked.
    pub(crate) blocked_at: Option<BlockedAt>,
}

/// A place that blocks a worker's loop.
#[derive(Debug)]
pub(crate) struct BlockedAt {
    /// The line.
    pub(crate) name: String,
    /// Whether the log has it.
    pub(crate) told: bool,
}

impl Worker {
    /// Makes a link and asks a mold to fork a worker for its other end.
    pub(crate) fn fork(
        number: MoldId,
        mold: &Mold,
        id: WorkerId,
    ) -> io::Result<(Self, Attachment)> {
        let (outgoing, incoming, parts) = link::create(mold.launch.geometry)?;
        let (control, theirs) = message_pair()?;
        let for_network = control.try_clone()?;
        let (examiner, for_stacks) = Examiner::new()?;
        let fds = [
            parts.memory.as_fd(),
            parts.wake_worker.as_fd(),
            parts.wake_server.as_fd(),
            theirs.as_fd(),
            for_stacks.as_fd(),
        ];
        mold.send(&message::fork(id), &fds)?;
        let attachment = Attachment {
            id,
            outgoing,
            incoming,
            control: for_network,
            capacity: mold.launch.capacity,
        };
        let worker = Self {
            control,
            mold: number,
            pid: None,
            examiner,
            is_watched: false,
            blocked_at: None,
        };
        Ok((worker, attachment))
    }

    /// What hangs up when the process ends.
    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// The next message it left, if there is one. Only to be asked when it has hung up: what a
    /// living worker sends is for the serving thread.
    pub(crate) fn last_words(&self, buffer: &mut [u8]) -> Heard {
        receive(self.control.as_fd(), buffer)
    }

    /// Kills it, if it is known which process it is.
    pub(crate) fn kill(&self) {
        if let Some(pid) = self.pid {
            let _ = send_signal(pid, Signal::Kill);
        }
    }
}
