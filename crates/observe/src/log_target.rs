//! Where log lines end up: standard error, a file, or an open descriptor such as a pipe.
//!
//! Only the log thread comes here, and it may block here as long as it likes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Where the lines go.
#[derive(Debug)]
pub enum Target {
    /// Standard error, as it is when the writer starts.
    Stderr,
    /// A file that is made if need be, written at its end, and opened anew on request.
    File(PathBuf),
    /// Something that is open already.
    Open(File),
}

/// An open target.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    /// The path to open again.
    path: Option<PathBuf>,
    /// How much goes out in one write.
    largest_write: usize,
}

/// How much of a batch was written, and what ended it early.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) bytes: usize,
    pub(crate) error: Option<io::Error>,
}

/// Up to here (`PIPE_BUF` on Linux) the kernel does not mix a write to a pipe with those of others.
const WHOLE_ON_PIPES: usize = 4_096;

/// How long a descriptor that is full and does not block is left alone.
const FULL_PAUSE: Duration = Duration::from_millis(5);

impl Output {
    /// Opens a target.
    pub(crate) fn open(target: Target) -> io::Result<Output> {
        match target {
            // A descriptor of our own: standard error's lock must never be held while we block.
            Target::Stderr => Ok(Output::on(
                io::stderr().as_fd().try_clone_to_owned()?.into(),
                None,
            )),
            Target::File(path) => Ok(Output::on(open_file(&path)?, Some(path))),
            Target::Open(file) => Ok(Output::on(file, None)),
        }
    }

    fn on(file: File, path: Option<PathBuf>) -> Output {
        let pipe = file
            .metadata()
            .is_ok_and(|facts| facts.file_type().is_fifo());
        Output {
            file,
            path,
            largest_write: if pipe { WHOLE_ON_PIPES } else { usize::MAX },
        }
    }

    /// Opens the file of the same name again, for it may have been moved away. If that fails, the
    /// file open until now stays.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        let Some(path) = self.path.take() else {
            return Ok(());
        };
        let opened = open_file(&path);
        match opened {
            Ok(file) => *self = Output::on(file, Some(path)),
            Err(error) => {
                self.path = Some(path);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes all of `lines`, or as much as goes. Other processes write to the same pipes and
    /// files (the app's own output), so every write ends where a line ends.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Written {
        let mut bytes = 0;
        while bytes < lines.len() {
            let piece = whole_lines(&lines[bytes..], self.largest_write);
            match self.file.write(piece) {
                Ok(0) => {
                    return Written {
                        bytes,
                        error: Some(ErrorKind::WriteZero.into()),
                    };
                }
                Ok(count) => bytes += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody made the descriptor non-blocking, for all who share it. There is no
                // waiting for it without the operating system's room, and no hurry either.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PAUSE),
                Err(error) => {
                    return Written {
                        bytes,
                        error: Some(error),
                    };
                }
            }
        }
        Written { bytes, error: None }
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// As many whole lines from the front as fit into `most` bytes; a longer line comes alone.
fn whole_lines(lines: &[u8], most: usize) -> &[u8] {
    if lines.len() <= most {
        return lines;
    }
    let end = lines[..most]
        .iter()
        .rposition(|&byte| byte == b'\n')
        .or_else(|| {
            let beyond = lines[most..].iter().position(|&byte| byte == b'\n');
            beyond.map(|offset| most + offset)
        });
    &lines[..end.map_or(lines.len(), |end| end + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_end_where_lines_end() {
        assert_eq!(whole_lines(b"aa\nbb\ncc\n", 100), b"aa\nbb\ncc\n");
        assert_eq!(whole_lines(b"aa\nbb\ncc\n", 9), b"aa\nbb\ncc\n");
        assert_eq!(whole_lines(b"aa\nbb\ncc\n", 8), b"aa\nbb\n");
        assert_eq!(whole_lines(b"aa\nbb\ncc\n", 3), b"aa\n");
        assert_eq!(whole_lines(b"aaaaaa\nbb\n", 3), b"aaaaaa\n");
        assert_eq!(whole_lines(b"aaaaaaa", 3), b"aaaaaaa");
    }

    #[test]
    fn only_pipes_are_written_in_pieces() {
        let (_reader, writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(writer));
        let of_pipe = Output::open(Target::Open(pipe)).unwrap();
        assert_eq!(of_pipe.largest_write, WHOLE_ON_PIPES);
        let other = OpenOptions::new().write(true).open("/dev/null").unwrap();
        let of_other = Output::open(Target::Open(other)).unwrap();
        assert_eq!(of_other.largest_write, usize::MAX);
    }

    #[test]
    fn a_full_disk_is_an_answer() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut output = Output::open(Target::Open(full)).unwrap();
        let written = output.write(b"line\n");
        assert_eq!(written.bytes, 0);
        assert_eq!(written.error.unwrap().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn a_pipe_that_nobody_can_read_is_an_answer() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let mut output = Output::open(Target::Open(file)).unwrap();
        assert_eq!(
            output.write(b"line\n").error.unwrap().kind(),
            ErrorKind::BrokenPipe
        );
    }
}
