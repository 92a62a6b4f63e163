//! What waits to be sent on a connection: bytes and files, in order.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use os::SharedBytes;
use os::socket::send;

/// One thing to send.
#[derive(Debug)]
enum Piece {
    Bytes {
        bytes: Vec<u8>,
        sent: usize,
    },
    File {
        file: OwnedFd,
        offset: u64,
        left: u64,
    },
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Piece>,
    /// Bytes in memory that are not sent.
    waiting: usize,
}

/// At most so much of a file goes out before other connections have their turn.
const FILE_STEP: usize = 1 << 20;

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes in memory that wait (files do not count: they take none).
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) fn append(&mut self, parts: &[SharedBytes<'_>]) {
        let total: usize = parts.iter().map(SharedBytes::len).sum();
        if total == 0 {
            return;
        }
        if !matches!(self.pieces.back(), Some(Piece::Bytes { .. })) {
            self.pieces.push_back(Piece::Bytes {
                bytes: Vec::with_capacity(total),
                sent: 0,
            });
        }
        if let Some(Piece::Bytes { bytes, .. }) = self.pieces.back_mut() {
            for part in parts {
                part.copy_into(bytes);
            }
        }
        self.waiting += total;
    }

    pub(crate) fn append_file(&mut self, file: OwnedFd, offset: u64, left: u64) {
        if left > 0 {
            self.pieces.push_back(Piece::File { file, offset, left });
        }
    }

    /// Sends new parts behind what waits, without copying what fits into the socket at once. The rest
    /// waits. At most six parts.
    pub(crate) fn send_behind(
        &mut self,
        socket: BorrowedFd<'_>,
        parts: &[SharedBytes<'_>],
    ) -> io::Result<()> {
        match self.pieces.front() {
            None => {}
            Some(Piece::Bytes { .. }) if self.pieces.len() == 1 => {}
            Some(_) => {
                self.append(parts);
                return self.flush(socket);
            }
        }
        let mut all = [SharedBytes::from(&b""[..]); 8];
        let old = match self.pieces.front() {
            Some(Piece::Bytes { bytes, sent }) => SharedBytes::from(&bytes[*sent..]),
            _ => SharedBytes::from(&b""[..]),
        };
        let before = old.len();
        all[0] = old;
        let count = parts.len().min(7);
        all[1..=count].copy_from_slice(&parts[..count]);
        let all = if before == 0 {
            &all[1..=count]
        } else {
            &all[..=count]
        };
        let mut went = match send(socket, all, false) {
            Ok(went) => went,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        let old_went = went.min(before);
        self.drop_bytes(old_went);
        went -= old_went;
        for part in parts {
            let skipped = went.min(part.len());
            went -= skipped;
            if skipped < part.len() {
                self.append(&[part.skip(skipped)]);
            }
        }
        Ok(())
    }

    /// Takes sent bytes off the front piece.
    fn drop_bytes(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.waiting -= count;
        if let Some(Piece::Bytes { bytes, sent }) = self.pieces.front_mut() {
            *sent += count;
            if *sent == bytes.len() {
                self.pieces.pop_front();
            } else if *sent > 1 << 16 && *sent * 2 > bytes.len() {
                bytes.drain(..*sent);
                *sent = 0;
            }
        }
    }

    /// Sends as much as the socket takes.
    pub(crate) fn flush(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        loop {
            let more = self.pieces.len() > 1;
            let Some(piece) = self.pieces.front_mut() else {
                return Ok(());
            };
            let outcome = match piece {
                Piece::Bytes { bytes, sent } => {
                    send(socket, &[SharedBytes::from(&bytes[*sent..])], more)
                }
                Piece::File { file, offset, left } => {
                    let step = usize::try_from(*left).unwrap_or(FILE_STEP).min(FILE_STEP);
                    os::file::sendfile(socket, file.as_fd(), *offset, step)
                }
            };
            let went = match outcome {
                Ok(went) => went,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            match self.pieces.front_mut() {
                Some(Piece::File { offset, left, .. }) => {
                    if went == 0 {
                        // The file has become shorter than it was announced: the answer is broken.
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    *offset += went as u64;
                    *left -= went as u64;
                    if *left == 0 {
                        self.pieces.pop_front();
                    }
                }
                _ => self.drop_bytes(went),
            }
        }
    }
}
