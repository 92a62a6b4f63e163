//! Signals as things to read: blocked in every thread, taken one by one from a descriptor.
//!
//! A handler that interrupts a thread anywhere can do almost nothing safely. So the server blocks
//! what it wants to know of before it starts any thread, and its control thread reads a signalfd.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::call::{check, check_len};

/// A signal that the server sends or listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The terminal is gone, or: reload.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-\, or: stop at once.
    Quit,
    /// Stop, please.
    Terminate,
    /// End, without being asked.
    Kill,
    /// For the program's own use.
    User1,
    /// For the program's own use.
    User2,
    /// A child has ended.
    Child,
    /// Writing to a pipe that nobody reads.
    Pipe,
    /// To a worker: write down where you are. A real-time signal that apps hardly ever use.
    Stack,
    /// To a worker, from the kernel: the mold that forked you is dead. As above.
    Orphaned,
}

impl Signal {
    /// The kernel's number of it.
    pub fn number(self) -> i32 {
        match self {
            Self::Hangup => libc::SIGHUP,
            Self::Interrupt => libc::SIGINT,
            Self::Quit => libc::SIGQUIT,
            Self::Terminate => libc::SIGTERM,
            Self::Kill => libc::SIGKILL,
            Self::User1 => libc::SIGUSR1,
            Self::User2 => libc::SIGUSR2,
            Self::Child => libc::SIGCHLD,
            Self::Pipe => libc::SIGPIPE,
            Self::Stack => libc::SIGRTMAX() - 2,
            Self::Orphaned => libc::SIGRTMAX() - 3,
        }
    }

    fn from_number(number: i32) -> Option<Self> {
        [
            Self::Hangup,
            Self::Interrupt,
            Self::Quit,
            Self::Terminate,
            Self::Kill,
            Self::User1,
            Self::User2,
            Self::Child,
            Self::Pipe,
        ]
        .into_iter()
        .find(|signal| signal.number() == number)
    }
}

/// What a signal's number is called, such as `SIGKILL`; None for the nameless ones.
pub fn name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// A descriptor from which blocked signals are read.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Blocks the signals in this thread, and so in all threads that it starts from now on, and
    /// opens a descriptor that tells of them. To be called before the first thread is started.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        let mut set = empty_set();
        for signal in signals {
            // SAFETY: the set is initialised; the number is valid.
            unsafe { libc::sigaddset(&raw mut set, signal.number()) };
        }
        set_mask(libc::SIG_BLOCK, &set)?;
        // SAFETY: the set is initialised; -1 asks for a new descriptor.
        let fd = check(unsafe {
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        })?;
        // SAFETY: fresh and ours.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal that has come; None when there is none now.
    pub fn read(&self) -> io::Result<Option<Signal>> {
        // SAFETY: an all-zero signalfd_siginfo is valid (it is all integers).
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the struct is writable for its size.
        match check_len(unsafe { libc::read(self.0.as_raw_fd(), (&raw mut info).cast(), size) }) {
            Ok(_) => Ok(Signal::from_number(info.ssi_signo as i32)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets writes to closed pipes fail with an error instead of ending the process.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Gives a new program the signals as they are by default: nothing blocked, nothing ignored. It is
/// called between fork and exec, where only async-signal-safe calls are allowed; these are.
pub(crate) fn reset_for_new_program() -> io::Result<()> {
    // 64 is the last real-time signal of Linux. Those that cannot be set (KILL, STOP, and the two
    // that the C library keeps for itself) fail, which changes nothing.
    for number in 1..=64 {
        // SAFETY: the default disposition installs no handler.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    set_mask(libc::SIG_SETMASK, &empty_set())
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: an all-zero set is valid, and sigemptyset makes it the empty one.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

fn set_mask(how: libc::c_int, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set lives across the call; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(how, std::ptr::from_ref(set), std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_signal_is_read() {
        // The mask is this thread's alone, and the signal is sent to this thread alone.
        let signals = SignalFd::block(&[Signal::User2]).unwrap();
        assert_eq!(signals.read().unwrap(), None);
        // SAFETY: the thread exists; the signal is blocked, so that nothing is interrupted.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
        assert_eq!(signals.read().unwrap(), Some(Signal::User2));
        assert_eq!(signals.read().unwrap(), None);
    }

    #[test]
    fn names_are_those_of_the_manual() {
        assert_eq!(name(9), Some("SIGKILL"));
        assert_eq!(name(64), None);
    }
}
