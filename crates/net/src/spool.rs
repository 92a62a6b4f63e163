//! A request body in a temporary file (`post-buffering`): a slow upload costs neither a worker nor
//! memory, and the app is asked only when all of it is here.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file that is first written to its end, then read to its end.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    length: u64,
    read: u64,
}

impl Spool {
    /// An empty one. The file has no name, so nothing is left behind whatever happens.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            file: os::file::temporary(directory)?,
            length: 0,
            read: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Adds at most `room` bytes more to `to`; whether that was the rest.
    pub(crate) fn read(&mut self, room: usize, to: &mut Vec<u8>) -> io::Result<bool> {
        let left = usize::try_from(self.length - self.read).unwrap_or(usize::MAX);
        let (before, count) = (to.len(), room.min(left));
        to.resize(before + count, 0);
        self.file.read_exact_at(&mut to[before..], self.read)?;
        self.read += count as u64;
        Ok(self.read == self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut spool = Spool::new(&std::env::temp_dir()).unwrap();
        spool.write(b"hello ").unwrap();
        spool.write(b"world").unwrap();
        assert_eq!(spool.length(), 11);
        let mut piece = Vec::new();
        assert!(!spool.read(6, &mut piece).unwrap());
        assert_eq!(piece, b"hello ");
        piece.clear();
        assert!(spool.read(100, &mut piece).unwrap());
        assert_eq!(piece, b"world");
    }
}
