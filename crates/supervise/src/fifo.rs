//! Named pipes that take one-letter commands from anybody who may write into them, as uWSGI's
//! `master-fifo`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a letter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Load the app anew.
    Reload,
    /// Replace the workers.
    Workers,
    /// Replace the workers one by one.
    Chain,
    /// Stop when everything running is finished.
    Stop,
    /// Stop now.
    StopNow,
    /// Open the log files anew.
    ReopenLogs,
    /// Say who runs.
    ShowState,
    /// Write the pid files anew.
    WritePidFiles,
}

impl Command {
    fn from_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b'r' | b'R' => Self::Reload,
            b'w' | b'W' => Self::Workers,
            b'c' => Self::Chain,
            b'q' => Self::Stop,
            b'Q' => Self::StopNow,
            b'l' => Self::ReopenLogs,
            b's' => Self::ShowState,
            b'P' => Self::WritePidFiles,
            _ => return None,
        })
    }
}

/// A pipe that is listened to.
#[derive(Debug)]
pub(crate) struct Fifo {
    file: File,
    path: PathBuf,
}

impl Fifo {
    /// Makes the pipe, or takes the one that is there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match os::file::make_fifo(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        // For writing too, so that it does not end when the last writer leaves.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(os::file::NONBLOCKING)
            .open(path)?;
        if !file.metadata()?.file_type().is_fifo() {
            return Err(io::Error::other("it is there, and it is not a named pipe"));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// What was asked for since the last time; letters without a meaning come as they are.
    pub(crate) fn read(&mut self) -> Vec<Result<Command, char>> {
        let mut letters = [0; 64];
        let count = self.file.read(&mut letters).unwrap_or(0);
        letters[..count]
            .iter()
            .filter(|letter| !letter.is_ascii_whitespace())
            .map(|letter| Command::from_letter(*letter).ok_or(char::from(*letter)))
            .collect()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn letters_are_commands() {
        let path = std::env::temp_dir().join(format!("fifo-{}", std::process::id()));
        let mut fifo = Fifo::open(&path).expect("a pipe");
        assert!(fifo.read().is_empty());
        let mut writer = OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("a writer");
        writer.write_all(b"rz\ncQ").expect("written");
        drop(writer);
        assert_eq!(
            fifo.read(),
            [
                Ok(Command::Reload),
                Err('z'),
                Ok(Command::Chain),
                Ok(Command::StopNow)
            ]
        );
        drop(fifo);
        assert!(!path.exists());
        std::fs::write(&path, "").expect("a file");
        assert!(Fifo::open(&path).is_err());
        std::fs::remove_file(&path).expect("no file");
    }
}
