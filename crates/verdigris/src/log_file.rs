//! The log file as standard output and standard error of all our processes.
//!
//! Python's own words, and those of programs that the app starts, go to the standard streams. So a
//! log file takes their place, and everything is in one place and in order.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use options::config::Logging;
use options::{Config, Problem};

/// A log file in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    path: PathBuf,
}

impl LogFile {
    /// Opens the file and points the standard streams at it. `option` asked for it.
    pub(crate) fn take_over(path: &Path, option: &str, config: &Config) -> Result<Self, Problem> {
        let opened = open(path, &config.logging).and_then(|file| point_streams_at(&file));
        opened.map_err(|error| {
            Problem::new(format!("cannot write the log {}: {error}", path.display()))
                .at(config.origin(option))
                .hint("name a file in a directory that exists and that this user may write to")
        })?;
        // Opened anew later, when a relative path could mean something else.
        Ok(Self {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Points the standard streams at the file that has this name now. Python processes that are
    /// started from now on write there.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        point_streams_at(
            &OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.path)?,
        )
    }
}

fn open(path: &Path, logging: &Logging) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    if let Some(mode) = logging.file_mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    if logging.truncate {
        file.set_len(0)?;
    }
    Ok(file)
}

fn point_streams_at(file: &File) -> io::Result<()> {
    os::background::redirect_output(file.as_fd())
}
