//! Unix sockets: the file is made, given a mode and an owner, and removed when it is still ours.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use os::socket::{UnixName, connect_unix, listen_unix};

use super::{ListenSettings, Trouble, holder};

/// The file of a unix socket that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let facts = fs::symlink_metadata(path)?;
        Ok(Self {
            path: std::path::absolute(path)?,
            device: facts.dev(),
            inode: facts.ino(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, unless it is gone or another server has put its own there meanwhile.
    pub fn remove(&self) -> io::Result<()> {
        match Self::at(&self.path) {
            Ok(now) if now == *self => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn open(
    path: &Path,
    settings: &ListenSettings,
    backlog: i32,
) -> Result<(OwnedFd, SocketFile), Trouble> {
    remove_stale(path)?;
    let fd = listen_unix(UnixName::Path(path), backlog).map_err(|error| of_file(error, path))?;
    let file = SocketFile::at(path).map_err(Trouble::Other)?;
    if let Err(trouble) = dress(path, settings) {
        let _ = file.remove();
        return Err(trouble);
    }
    Ok((fd, file))
}

pub(super) fn open_abstract(name: &[u8], backlog: i32) -> Result<OwnedFd, Trouble> {
    listen_unix(UnixName::Abstract(name), backlog).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Trouble::SocketInUse { holder: None },
        _ => Trouble::Other(error),
    })
}

/// Makes way for the new socket: a socket that nobody answers on is what a killed server left.
fn remove_stale(path: &Path) -> Result<(), Trouble> {
    match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(facts) if !facts.file_type().is_socket() => {
            return Err(Trouble::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match connect_unix(UnixName::Path(path)) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| of_file(error, path))
        }
        // It has gone by itself.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // No permission to ask, or its queue is full: somebody may well be there.
        Ok(_) | Err(_) => Err(Trouble::SocketInUse {
            holder: holder::of_path(path),
        }),
    }
}

fn dress(path: &Path, settings: &ListenSettings) -> Result<(), Trouble> {
    let failed = |what| move |source| Trouble::Attributes { what, source };
    if let Some(mode) = settings.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(failed("the mode (chmod-socket)"))?;
    }
    if let Some((user, group)) = settings.owner {
        os::users::change_owner(path, user, group).map_err(failed("the owner (chown-socket)"))?;
    }
    Ok(())
}

fn of_file(error: io::Error, path: &Path) -> Trouble {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::NoDirectory(parent.to_owned()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Trouble::NotWritable(parent.to_owned())
        }
        _ => Trouble::Other(error),
    }
}
