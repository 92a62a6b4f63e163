//! Processes: starting a program in a session of its own, hearing how children end, ending them.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::call::{check, retry};
use crate::signals::{Signal, name, reset_for_new_program};

/// Starts a program in a session of its own, so that the terminal's Ctrl-C reaches only us, with
/// nothing on its standard input, every signal as by default, and `inherit` open in it under the
/// same number. `open_files` is its soft limit of open files, if it shall have another than ours.
/// The kernel kills it when this thread ends. Gives its process id.
pub fn spawn_in_session(
    command: &mut Command,
    inherit: BorrowedFd<'_>,
    open_files: Option<u64>,
) -> io::Result<u32> {
    let kept = inherit.as_raw_fd();
    let parent = std::process::id() as libc::pid_t;
    let hard = open_files_limit()?.rlim_max;
    let limit = open_files.map(|soft| libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    });
    command.stdin(Stdio::null());
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: setsid, prctl,
    // getppid, fcntl, setrlimit, signal and pthread_sigmask are, and nothing here allocates.
    unsafe {
        command.pre_exec(move || {
            check(libc::setsid())?;
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            if libc::getppid() != parent {
                // We died before the kernel was told to tell the child.
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            check(libc::fcntl(kept, libc::F_SETFD, 0))?;
            if let Some(limit) = &limit {
                check(libc::setrlimit(
                    libc::RLIMIT_NOFILE,
                    std::ptr::from_ref(limit),
                ))?;
            }
            reset_for_new_program()
        });
    }
    // The child is reaped with all others by `reap`; the handle is not needed for that.
    command.spawn().map(|child| child.id())
}

/// Has the kernel send this process a signal when its parent dies, in place of an earlier wish.
pub fn die_with_parent(signal: i32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal, 0, 0, 0) }).map(|_| ())
}

/// The kernel's number of the calling thread. A process that this one forks later must not ask.
pub fn thread_number() -> u32 {
    thread_local! {
        // SAFETY: no memory is involved.
        static NUMBER: u32 = unsafe { libc::gettid() } as u32;
    }
    NUMBER.with(|number| *number)
}

/// Makes orphaned descendants our children, so that none is lost when the process between us ends.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(|_| ())
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    /// Reads the status that `waitpid` gives.
    pub fn from_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Code(libc::WEXITSTATUS(status))
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(number) => match name(*number) {
                Some(name) => write!(formatter, "killed by signal {number} ({name})"),
                None => write!(formatter, "killed by signal {number}"),
            },
        }
    }
}

/// Collects one child that has ended, ours or adopted: who, and how. None when there is none now.
pub fn reap() -> io::Result<Option<(u32, Ending)>> {
    let mut status = 0;
    // SAFETY: the status is a live local.
    match retry(|| check(unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) })) {
        Ok(0) => Ok(None),
        Ok(pid) => Ok(Some((pid as u32, Ending::from_status(status)))),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The living children of this process, ours or adopted. Those that have ended are reaped, not listed.
pub fn children() -> io::Result<Vec<u32>> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let number = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid): Option<u32> = number else {
            continue;
        };
        // A process may be gone by now.
        let Ok(line) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if parent_and_life(&line) == Some((own, true)) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The parent in a line of `/proc/PID/stat`, and whether the process lives. The second field is a name in
/// parentheses, and may hold any byte.
fn parent_and_life(line: &str) -> Option<(u32, bool)> {
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((parent, !matches!(state, "Z" | "X")))
}

/// Sends a signal to a process. That it is gone already is no error.
pub fn send_signal(pid: u32, signal: Signal) -> io::Result<()> {
    let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1) else {
        // 0 is our own group, negative numbers are other groups, and nobody wants to kill init.
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    // SAFETY: no memory is involved.
    match check(unsafe { libc::kill(pid, signal.number()) }) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Sends a signal to one thread of a process. A thread that is not one of that process is an error.
pub fn send_signal_to_thread(pid: u32, thread: u32, signal: Signal) -> io::Result<()> {
    let number = |id: u32| libc::pid_t::try_from(id).ok().filter(|id| *id > 1);
    let (Some(pid), Some(thread)) = (number(pid), number(thread)) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    // SAFETY: no memory is involved.
    match unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal.number()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Takes over a descriptor that the program was started with (a socket of systemd's, `fd://3`).
///
/// What we open ourselves is closed on exec, and a descriptor that survived our own exec is not. So
/// that mark tells what nobody in this program owns yet, and is set here: a second call for the
/// same number, or one for a descriptor of ours, is refused.
pub fn take_inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 3 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "0, 1 and 2 are the standard streams",
        ));
    }
    // SAFETY: fcntl on flags only; a number that is not open is an error.
    let flags = check(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: as above.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, was inherited, and nobody took it before (see above).
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Keeps every inherited descriptor that nobody took from reaching the programs that we start.
pub fn seal_inherited() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<RawFd>().ok())
        else {
            continue;
        };
        if number > 2 {
            // SAFETY: fcntl on flags only; the directory's own descriptor may be gone by now, which
            // is an error that changes nothing.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// The limit of open files, before and after it was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// What we were started with.
    pub before: u64,
    /// What it is now.
    pub now: u64,
}

/// Raises the limit of open files to `want`, or as far as the system lets us. With None the limit
/// is raised to what the system allows. Nothing is allocated by this number.
pub fn raise_open_files(want: Option<u64>) -> io::Result<OpenFiles> {
    let limit = open_files_limit()?;
    let before = limit.rlim_cur;
    if let Some(want) = want.filter(|want| *want > limit.rlim_max) {
        // Only root may go beyond the hard limit; others keep it.
        if set_open_files_limit(&libc::rlimit {
            rlim_cur: want,
            rlim_max: want,
        })
        .is_ok()
        {
            return Ok(OpenFiles { before, now: want });
        }
    }
    let now = want
        .unwrap_or(limit.rlim_max)
        .min(limit.rlim_max)
        .max(before);
    set_open_files_limit(&libc::rlimit {
        rlim_cur: now,
        ..limit
    })?;
    Ok(OpenFiles { before, now })
}

fn open_files_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the struct is a live local.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok(limit)
}

fn set_open_files_limit(limit: &libc::rlimit) -> io::Result<()> {
    // SAFETY: the struct lives across the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, std::ptr::from_ref(limit)) }).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    #[test]
    fn endings_read_like_sentences() {
        assert_eq!(
            Ending::from_status(9).to_string(),
            "killed by signal 9 (SIGKILL)"
        );
        assert_eq!(Ending::from_status(22 << 8).to_string(), "exit code 22");
        assert_eq!(Ending::from_status(0), Ending::Code(0));
    }

    #[test]
    fn children_are_those_that_live() {
        assert_eq!(parent_and_life("12 (a) S) S 7 12"), Some((7, true)));
        assert_eq!(parent_and_life("12 (a b) Z 7 12"), Some((7, false)));
        assert_eq!(parent_and_life("12 (a"), None);
        let mut child = Command::new("/bin/cat")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        assert!(children().unwrap().contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!children().unwrap().contains(&child.id()));
    }

    #[test]
    fn a_program_starts_alone_and_gets_the_one_descriptor() {
        let (ours, theirs) = crate::pass::message_pair().unwrap();
        let (mut output, input) = io::pipe().unwrap();
        let number = theirs.as_raw_fd();
        let _blocked = crate::signals::SignalFd::block(&[Signal::User1, Signal::Hangup]).unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg("ulimit -Sn; ls /proc/$$/fd; exec cat /proc/self/status")
            .stdout(input);
        let pid = spawn_in_session(&mut command, theirs.as_fd(), Some(77)).unwrap();
        drop((command, theirs));
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        let status = retry(|| {
            let mut status = 0;
            // SAFETY: waits for our own child.
            check(unsafe { libc::waitpid(pid as i32, &raw mut status, 0) }).map(|_| status)
        });
        assert_eq!(Ending::from_status(status.unwrap()), Ending::Code(0));
        assert!(said.contains("SigBlk:\t0000000000000000"), "{said}");
        assert!(said.starts_with("77\n"), "{said}");
        let ignored = said
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:\t"))
            .unwrap();
        // 32 and 33 are the C library's own; it lets nobody change them.
        assert_eq!(
            u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff,
            0,
            "{said}"
        );
        let open: Vec<&str> = said
            .lines()
            .filter(|line| line.parse::<i32>().is_ok())
            .collect();
        assert!(open.contains(&number.to_string().as_str()), "{said}");
        assert!(
            !open.contains(&ours.as_raw_fd().to_string().as_str()),
            "{said}"
        );
        // Its end was the last one: nothing else holds the socket open.
        assert_eq!(
            crate::pass::receive_with_fds(ours.as_fd(), &mut [0; 8], false)
                .unwrap()
                .0,
            0
        );
    }

    #[test]
    fn our_own_descriptors_cannot_be_taken() {
        let (one, _other) = crate::pass::message_pair().unwrap();
        assert!(take_inherited(one.as_raw_fd()).is_err());
        assert!(take_inherited(1).is_err());
        crate::file::set_inheritable(one.as_fd(), true).unwrap();
        let number = std::os::fd::IntoRawFd::into_raw_fd(one);
        let taken = take_inherited(number).unwrap();
        assert!(take_inherited(number).is_err());
        drop(taken);
    }

    #[test]
    fn signals_to_groups_and_init_are_refused() {
        assert!(send_signal(0, Signal::Kill).is_err());
        assert!(send_signal(1, Signal::Kill).is_err());
        assert!(send_signal(u32::MAX, Signal::Kill).is_err());
    }
}
