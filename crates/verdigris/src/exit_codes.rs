//! The exit codes of the server and its sub-commands, all of them.

use std::process::ExitCode;

/// What the exit code says. `docs/operations/stop.md` and `doctor.md` explain them to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It stopped as asked, or did what was asked.
    Success,
    /// It could not start: the configuration, a socket, Python, a permission.
    CannotStart,
    /// `doctor` has found a problem.
    ProblemsFound,
    /// `doctor` could not look at the app: the configuration, Python.
    NotExamined,
    /// The app could not be loaded, or no worker ever lived to serve it. uWSGI's number for it.
    AppFailed,
    /// The server itself broke.
    Broken,
    /// The configuration names this one (`exit = 3`).
    AsConfigured(u8),
}

impl Exit {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::CannotStart | Self::ProblemsFound => 1,
            Self::NotExamined => 2,
            Self::AppFailed => 22,
            Self::Broken => 70,
            Self::AsConfigured(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
