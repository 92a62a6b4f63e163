//! A mold as a process: how it is started, and the conversation with it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use os::pass::{message_pair, receive_with_fds, send_with_fds};
use os::process::{send_signal, spawn_in_session};
use os::signals::Signal;

use crate::launch::Launch;
use crate::message::{self, MAX_PACKET, Message};

/// How to start a mold.
#[derive(Clone, Debug)]
pub struct MoldCommand {
    /// The Python interpreter.
    pub interpreter: PathBuf,
    /// Options of the interpreter.
    pub options: Vec<OsString>,
    /// The file with which a mold begins.
    pub script: PathBuf,
    /// Environment variables that are meant for the server only.
    pub hidden: Vec<OsString>,
    /// The soft limit of open files of Python processes; None is the server's own.
    pub open_files: Option<u64>,
    /// What the mold is told to load, and how.
    pub settings: serde_json::Value,
}

/// A running mold.
#[derive(Debug)]
pub(crate) struct Mold {
    pid: u32,
    socket: OwnedFd,
    /// How its workers are to be.
    pub(crate) launch: Rc<Launch>,
}

impl Mold {
    /// Starts a mold and tells it to load.
    pub(crate) fn start(launch: Rc<Launch>) -> io::Result<Self> {
        let load = message::load(&launch.mold.settings);
        let (pid, socket) = spawn(&launch.mold, &load)?;
        Ok(Self {
            pid,
            socket,
            launch,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What becomes readable when it speaks, and when it ends.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a message. It never waits: a mold that reads nothing for so long is broken.
    pub(crate) fn send(&self, message: &str, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        send_with_fds(self.socket.as_fd(), message.as_bytes(), fds, false)
    }

    /// The next message, if there is one.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Heard {
        receive(self.socket.as_fd(), buffer)
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        // Its process id is ours until it is reaped, so this can hit nobody else.
        let _ = send_signal(self.pid, Signal::Kill);
    }
}

/// Starts the program of a mold and sends it the first message: its process id, and our end of its
/// control socket.
pub(crate) fn spawn(command: &MoldCommand, first: &str) -> io::Result<(u32, OwnedFd)> {
    if first.len() > MAX_PACKET {
        return Err(io::Error::other("the settings for the app are too long"));
    }
    let (socket, theirs) = message_pair()?;
    let mut program = Command::new(&command.interpreter);
    program.args(&command.options).arg(&command.script);
    program.env("VERDIGRIS_CONTROL", theirs.as_raw_fd().to_string());
    for name in &command.hidden {
        program.env_remove(name);
    }
    // It waits there until the program reads it.
    send_with_fds(socket.as_fd(), first.as_bytes(), &[], false)?;
    let pid = spawn_in_session(&mut program, theirs.as_fd(), command.open_files)?;
    Ok((pid, socket))
}

/// What came out of a control socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Message(Message),
    /// Nothing more for now.
    Nothing,
    /// Nothing more ever: the other end is closed.
    End,
}

/// The next message on a control socket that makes sense. Descriptors that come with it are closed.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Heard {
    loop {
        match receive_with_fds(socket, buffer, false) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Nothing,
            Ok((0, _)) | Err(_) => return Heard::End,
            Ok((length, _)) => {
                if let Some(message) = message::read(&buffer[..length]) {
                    return Heard::Message(message);
                }
            }
        }
    }
}
