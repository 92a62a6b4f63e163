//! Why a socket could not be opened, and what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::holder::{self, Holder};

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {shown}: {trouble}")]
pub struct BindError {
    /// The address, as the user knows it.
    pub shown: String,
    /// The option that asked for it.
    pub option: String,
    /// What was in the way.
    pub trouble: Trouble,
}

impl BindError {
    /// What to type to get around it; None when nobody can know.
    pub fn hint(&self) -> Option<String> {
        self.trouble.hint(&self.option)
    }
}

/// What was in the way.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Somebody else listens there.
    #[error("the port is taken{}", by(holder.as_ref()))]
    Taken {
        /// Who, if we may see it.
        holder: Option<Holder>,
        /// The port.
        port: u16,
    },
    /// Ports below 1024 are for root.
    #[error("ports below 1024 are for root only (permission denied)")]
    Privileged {
        /// The port.
        port: u16,
    },
    /// No network interface has this address.
    #[error("this machine does not have the address {0}")]
    NotOurAddress(SocketAddr),
    /// The host name means nothing here.
    #[error("the host name `{host}` is not known: {reason}")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Somebody listens on the unix socket.
    #[error("another process listens on this socket{}", by(holder.as_ref()))]
    SocketInUse {
        /// Who, if we may see it.
        holder: Option<Holder>,
    },
    /// There is something, and it is not a socket.
    #[error("{path} exists and is not a socket, so it is left alone", path = .0.display())]
    NotASocket(PathBuf),
    /// The directory of the socket is not there.
    #[error("the directory {path} does not exist", path = .0.display())]
    NoDirectory(PathBuf),
    /// The directory of the socket cannot be written to.
    #[error("no permission to create a socket in {path}", path = .0.display())]
    NotWritable(PathBuf),
    /// Mode or owner could not be set.
    #[error("cannot set {what} of the socket: {source}")]
    Attributes {
        /// The option that asks for it.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The descriptor is not open, or it is one of ours.
    #[error("descriptor {0} was not passed to this program")]
    NotPassed(i32),
    /// The descriptor is something else.
    #[error("the descriptor is not a listening stream socket")]
    NotListening,
    /// Anything else.
    #[error("{0}")]
    Other(#[source] io::Error),
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

impl Trouble {
    /// Sorts out why binding to a TCP address failed.
    pub(super) fn of_tcp(error: io::Error, address: SocketAddr) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::Taken {
                holder: holder::of_port(address.port()),
                port: address.port(),
            },
            io::ErrorKind::PermissionDenied if address.port() < 1024 => Self::Privileged {
                port: address.port(),
            },
            io::ErrorKind::AddrNotAvailable => Self::NotOurAddress(address),
            _ => Self::Other(error),
        }
    }

    fn hint(&self, option: &str) -> Option<String> {
        Some(match self {
            Self::Taken {
                holder: Some(holder),
                ..
            }
            | Self::SocketInUse {
                holder: Some(holder),
            } if holder.pid == std::process::id() => {
                "another option of this configuration opens it already; leave one of them out"
                    .to_owned()
            }
            Self::Taken {
                holder: Some(holder),
                ..
            } => {
                format!(
                    "stop it (kill {}), or choose another port with --{option}",
                    holder.pid
                )
            }
            Self::Taken { port, .. } => {
                format!(
                    "`ss -ltnp sport = :{port}` run as root tells who has it; or choose another port with --{option}"
                )
            }
            Self::Privileged { port } => format!(
                "start as root with --uid, allow it with `setcap cap_net_bind_service=+ep` on the program, or use a higher port such as {}",
                8000 + port % 1000
            ),
            Self::NotOurAddress(address) => format!(
                "listen on all addresses with --{option} :{}",
                address.port()
            ),
            Self::UnknownHost { .. } => {
                format!("write an address, such as --{option} 127.0.0.1:8000")
            }
            Self::SocketInUse {
                holder: Some(holder),
            } => {
                format!(
                    "stop it (kill {}), or choose another path with --{option}",
                    holder.pid
                )
            }
            Self::SocketInUse { holder: None } => {
                format!("stop it, or choose another path with --{option}")
            }
            Self::NotASocket(path) => {
                format!("move {} away, or choose another path", path.display())
            }
            Self::NoDirectory(path) => format!("mkdir -p {}", path.display()),
            Self::NotWritable(path) => {
                format!(
                    "let this user write to {}, or start as root with --uid",
                    path.display()
                )
            }
            Self::Attributes { .. } => "only root may give a socket to another user".to_owned(),
            Self::NotPassed(_) => {
                "fd://N is for sockets that systemd or a process manager passes on".to_owned()
            }
            Self::NotListening | Self::Other(_) => return None,
        })
    }
}
