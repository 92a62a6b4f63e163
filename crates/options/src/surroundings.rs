//! The world outside, as far as a configuration may look at it: files, the host's name, the user.
//! It is a trait, so that tests need no disk and the resolved result never depends on the machine
//! unless the text asks for it.

use std::io;
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Something else: a socket, a device.
    Other,
}

/// Who runs the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// User name, if the system knows one.
    pub user: Option<String>,
    /// Group name, if the system knows one.
    pub group: Option<String>,
}

/// Why a file cannot be read, in words.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// What a configuration may ask the machine for.
pub trait Surroundings {
    /// The whole content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Everything that comes on standard input.
    fn read_standard_input(&self) -> io::Result<Vec<u8>>;
    /// What stands at a path; `None` when nothing does.
    fn kind(&self, path: &Path) -> Option<Kind>;
    /// The names inside a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// The inode number of a file.
    fn inode(&self, path: &Path) -> Option<u64>;
    /// A path without dots and links on its way. If it ends in a link, or nothing stands there, it
    /// is left as it is: that is what uWSGI's magic variables are about.
    fn real_path(&self, path: &Path) -> PathBuf;
    /// What a shell command prints on its standard output. An error of the kind `TimedOut` tells
    /// that it was ended because it took too long.
    fn run(&self, command: &str) -> io::Result<Vec<u8>>;
    /// The directory the server was started in.
    fn working_directory(&self) -> PathBuf;
    /// The host's name.
    fn host_name(&self) -> String;
    /// How many processors may be used.
    fn processors(&self) -> usize;
    /// Who runs the server.
    fn person(&self) -> Person;
    /// The path of the running program.
    fn program(&self) -> PathBuf;
    /// Microseconds since 1970.
    fn now(&self) -> u64;
}
