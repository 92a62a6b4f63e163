//! What supervision wants of the program around it: the log, and word that it serves.

use observe::ServerLog;
use options::Config;
use os::background::Foreground;
use os::process::OpenFiles;
use supervise::{Fresh, Host, Level};

use crate::again::{self, Source};
use crate::exit_codes::Exit;
use crate::left_behind::LeftBehind;
use crate::log_file::LogFile;

/// The program, as supervision sees it.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    /// Where events go.
    pub(crate) log: ServerLog,
    /// The file behind the log, if it is one.
    pub(crate) log_file: Option<LogFile>,
    /// Who waits in the foreground until the app is loaded.
    pub(crate) foreground: Option<Foreground>,
    /// Where `safe-pidfile` is kept.
    pub(crate) left_behind: &'a mut LeftBehind,
    /// What was asked for.
    pub(crate) config: &'a Config,
    /// Where that came from.
    pub(crate) source: &'a Source,
    /// The limits of open files.
    pub(crate) open_files: OpenFiles,
}

impl Host for Program<'_> {
    fn say(&mut self, level: Level, text: &str) {
        let level = match level {
            Level::Info => observe::Level::Info,
            Level::Warning => observe::Level::Warning,
            Level::Error => observe::Level::Error,
        };
        match text.split_once('\n') {
            None => self.log.event(level, text, &[]),
            Some((first, rest)) => self.log.block(level, first, &[], rest.as_bytes()),
        }
    }

    fn serving(&mut self) {
        if let Err(problem) = self
            .left_behind
            .write_pid_files(self.config, |file| file.when_ready)
        {
            self.say(Level::Error, &problem.what);
        }
        if let Some(foreground) = self.foreground.take() {
            foreground.release(Exit::Success.number());
        }
    }

    fn write_pid_files(&mut self) {
        if let Err(problem) = self.left_behind.write_pid_files(self.config, |_| true) {
            self.say(Level::Error, &problem.what);
        }
    }

    fn read_again(&mut self) -> Result<Option<Fresh>, String> {
        again::read(self.source, self.config, self.open_files, &self.log)
    }

    fn reopen_logs(&mut self) {
        let Some(file) = &self.log_file else {
            self.say(
                Level::Info,
                "the log goes to standard error, so there is no file to open anew",
            );
            return;
        };
        let reopened = file.reopen();
        self.log.handle().reopen();
        match reopened {
            Ok(()) => self.say(Level::Info, "the log file was opened anew"),
            Err(error) => self.say(
                Level::Error,
                &format!("the log file could not be opened anew: {error}"),
            ),
        }
    }
}
