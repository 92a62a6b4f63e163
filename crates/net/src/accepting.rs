//! New connections: taken from the listeners a bounded number at a time, and the pause when no more can
//! be taken.

use std::io;
use std::os::fd::AsFd;

use os::epoll::Interest;

use crate::connection::{Connection, Phase};
use crate::connections::{Connections, LISTENERS};

/// Connections accepted of one listener before others have their turn.
const ACCEPTS: usize = 64;
/// How long accepting pauses when descriptors have run out.
const PAUSE: u64 = 200_000;

impl Connections {
    pub(crate) fn accept_from(&mut self, on: bool) -> io::Result<()> {
        if self.accepting == on {
            return Ok(());
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            if on {
                self.epoll.add(
                    listener.fd.as_fd(),
                    LISTENERS | index as u64,
                    Interest::Readable,
                )?;
            } else {
                self.epoll.remove(listener.fd.as_fd())?;
            }
        }
        self.accepting = on;
        Ok(())
    }

    /// Accepts what waits at a listener, a bounded number; whether more may be waiting.
    pub(crate) fn accept(&mut self, index: usize) -> bool {
        for _ in 0..ACCEPTS {
            let Some(listener) = self.listeners.get(index) else {
                return false;
            };
            if self.table.len() >= self.settings.most_connections {
                self.pause("no more connections are allowed".to_owned());
                return false;
            }
            match os::socket::accept(listener.fd.as_fd()) {
                Ok((fd, peer)) => {
                    let peer = peer.map_or((String::new(), 0), |peer| {
                        (peer.ip().to_string(), peer.port())
                    });
                    let patience = self.settings.patience(self.door(index));
                    self.begin(Connection::new(fd, index, peer, patience));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The client was gone before it was accepted: the next one.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                // Out of descriptors or memory: try again in a moment; others wait in the backlog.
                Err(error) => {
                    self.pause(error.to_string());
                    return false;
                }
            }
        }
        true
    }

    /// Accepts nothing for a moment; clients wait in the backlog meanwhile.
    pub(crate) fn pause(&mut self, why: String) {
        if self.accept_from(false).is_ok() {
            self.paused_until = Some(self.now + PAUSE);
            self.news.not_accepting = Some(why);
        }
    }

    pub(crate) fn begin(&mut self, connection: Connection) {
        let (place, serial) = self.table.insert(connection);
        if place as usize >= self.generations.len() {
            self.generations.resize(place as usize + 1, 0);
        }
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.serial = serial;
        // Most clients send at once; those that do and are answered at once never enter the epoll set.
        self.read(place);
        if let Some(connection) = self.table.get_same(place, serial) {
            if connection.phase == Phase::Head {
                self.register(place);
                self.be_patient(place, |patience| patience.head);
            } else if !connection.registered {
                self.glance_later(place);
            }
        }
    }
}
