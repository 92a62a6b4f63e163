//! Listening sockets: opened, taken over from whoever started us, and cleaned up.
//!
//! Opening happens once, at the start, and most starts that fail, fail here. So every way to fail
//! says who is in the way or what to type (see [`BindError`]).

mod error;
mod holder;
mod inherited;
mod unix;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use os::socket::{OwnedUnixName, Sharing};

pub use error::{BindError, Trouble};
pub use inherited::Inherited;
pub use unix::SocketFile;

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP, asked for by `http-socket`.
    HttpSocket,
    /// HTTP, asked for by `http`.
    Http,
    /// The uwsgi protocol.
    Uwsgi,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// Host name or address; None is every IPv4 address.
        host: Option<String>,
        /// 0 lets the kernel choose.
        port: u16,
    },
    /// A unix socket's file.
    Unix(PathBuf),
    /// A unix socket's name without a file, without its leading NUL.
    Abstract(Vec<u8>),
    /// A socket that was open already when the program started.
    Inherited(RawFd),
}

/// A socket that shall be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where.
    pub address: Address,
    /// What it speaks.
    pub protocol: Protocol,
    /// The option that asked for it, for messages.
    pub option: String,
}

/// What all sockets have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenSettings {
    /// Length of the accept queue; None is the kernel's limit.
    pub backlog: Option<u32>,
    /// Mode of unix sockets; None leaves it to the umask.
    pub mode: Option<u32>,
    /// User and group of unix sockets.
    pub owner: Option<(Option<u32>, Option<u32>)>,
    /// Let the kernel probe idle connections.
    pub keepalive: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `IP_FREEBIND`.
    pub free_bind: bool,
    /// `SO_SNDBUF`.
    pub send_buffer: Option<u32>,
    /// `SO_RCVBUF`.
    pub receive_buffer: Option<u32>,
}

/// An open listening socket.
#[derive(Debug)]
pub struct Listener {
    /// The socket: not blocking, closed on exec.
    pub fd: OwnedFd,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it listens and by which option, for people: `http://127.0.0.1:8000 (http-socket)`.
    pub shown: String,
    /// The port as apps see it in `SERVER_PORT`; empty for unix sockets.
    pub server_port: String,
    /// The file of a unix socket that we made, to be removed at the end.
    pub file: Option<SocketFile>,
}

/// Opens all sockets, in order. When one fails, the files of those before are removed again.
/// Sockets that were passed on and that nobody wants are treated like the last wanted one; without
/// any, they speak `usual` for the option of that name. The second value is what the user should
/// know although everything works.
pub fn open_all(
    wanted: &[Wanted],
    settings: &ListenSettings,
    inherited: Inherited,
    usual: (Protocol, &str),
) -> Result<(Vec<Listener>, Vec<String>), BindError> {
    let (backlog, mut notices) = backlog(settings.backlog);
    let mut inherited = inherited.matched(wanted, &mut notices);
    let mut listeners = Vec::with_capacity(wanted.len());
    for (index, one) in wanted.iter().enumerate() {
        let opened = match inherited.take(index) {
            Some(fd) => adopt(fd, one, settings),
            None => open(one, wanted, settings, backlog),
        };
        match opened {
            Ok(listener) => listeners.push(listener),
            Err(trouble) => {
                listeners
                    .iter()
                    .filter_map(|listener| listener.file.as_ref())
                    .for_each(|file| {
                        let _ = file.remove();
                    });
                return Err(BindError {
                    shown: shown(one, &one.address),
                    option: one.option.clone(),
                    trouble,
                });
            }
        }
    }
    let (protocol, option) = wanted
        .last()
        .map_or(usual, |last| (last.protocol, last.option.as_str()));
    for fd in inherited.rest() {
        let address = Address::Inherited(fd.as_raw_fd());
        let like = Wanted {
            address,
            protocol,
            option: option.to_owned(),
        };
        let failed = |trouble| BindError {
            shown: shown(&like, &like.address),
            option: option.to_owned(),
            trouble,
        };
        listeners.push(adopt(fd, &like, settings).map_err(failed)?);
    }
    Ok((listeners, notices))
}

fn open(
    one: &Wanted,
    all: &[Wanted],
    settings: &ListenSettings,
    backlog: i32,
) -> Result<Listener, Trouble> {
    let mut file = None;
    let fd = match &one.address {
        Address::Tcp { host, port } => open_tcp(host.as_deref(), *port, all, settings, backlog)?,
        Address::Unix(path) => {
            let (fd, made) = unix::open(path, settings, backlog)?;
            file = Some(made);
            fd
        }
        Address::Abstract(name) => unix::open_abstract(name, backlog)?,
        Address::Inherited(number) => return adopt(inherited::take(*number)?, one, settings),
    };
    finish(fd, one, settings, file)
}

/// Makes a listener of a socket that somebody else has opened.
fn adopt(fd: OwnedFd, one: &Wanted, settings: &ListenSettings) -> Result<Listener, Trouble> {
    inherited::check(fd.as_fd())?;
    finish(fd, one, settings, None)
}

fn finish(
    fd: OwnedFd,
    one: &Wanted,
    settings: &ListenSettings,
    file: Option<SocketFile>,
) -> Result<Listener, Trouble> {
    os::socket::prepare_listener(fd.as_fd(), settings.keepalive).map_err(Trouble::Other)?;
    os::socket::set_buffers(fd.as_fd(), settings.send_buffer, settings.receive_buffer)
        .map_err(Trouble::Other)?;
    let address = real_address(fd.as_fd(), &one.address);
    let server_port = match &address {
        Address::Tcp { port, .. } => port.to_string(),
        _ => String::new(),
    };
    Ok(Listener {
        shown: shown(one, &address),
        server_port,
        fd,
        protocol: one.protocol,
        file,
    })
}

/// What the kernel says: the port it chose, the name of an inherited socket.
fn real_address(fd: BorrowedFd<'_>, wanted: &Address) -> Address {
    if let Ok(Some(address)) = os::socket::local_address(fd) {
        return Address::Tcp {
            host: Some(address.ip().to_string()),
            port: address.port(),
        };
    }
    match (os::socket::local_unix_name(fd), wanted) {
        // Our own path is kept as it was made absolute; the kernel knows it as it was given.
        (Ok(Some(OwnedUnixName::Path(path))), _) => {
            Address::Unix(std::path::absolute(&path).unwrap_or(path))
        }
        (Ok(Some(OwnedUnixName::Abstract(name))), _) => Address::Abstract(name),
        _ => wanted.clone(),
    }
}

/// An address as start lines and messages show it.
fn shown(wanted: &Wanted, address: &Address) -> String {
    let scheme = match wanted.protocol {
        Protocol::HttpSocket | Protocol::Http => "http",
        Protocol::Uwsgi => "uwsgi",
    };
    let place = match address {
        Address::Tcp { host: None, port } => format!("{scheme}://0.0.0.0:{port}"),
        Address::Tcp {
            host: Some(host),
            port,
        } if host.contains(':') => format!("{scheme}://[{host}]:{port}"),
        Address::Tcp {
            host: Some(host),
            port,
        } => format!("{scheme}://{host}:{port}"),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Abstract(name) => format!("unix:@{}", String::from_utf8_lossy(name)),
        Address::Inherited(number) => format!("fd://{number}"),
    };
    format!("{place} ({})", wanted.option)
}

fn open_tcp(
    host: Option<&str>,
    port: u16,
    all: &[Wanted],
    settings: &ListenSettings,
    backlog: i32,
) -> Result<OwnedFd, Trouble> {
    let address = resolve(host, port)?;
    let sharing = Sharing {
        only_v6: all.iter().any(|other| takes_v4(&other.address, port)),
        reuse_port: settings.reuse_port,
        free_bind: settings.free_bind,
    };
    os::socket::listen_tcp(address, backlog, sharing)
        .map_err(|error| Trouble::of_tcp(error, address))
}

/// Whether an IPv6 wildcard on `port` would collide with this address if it took IPv4 as well.
fn takes_v4(address: &Address, port: u16) -> bool {
    match address {
        Address::Tcp { host, port: other } => {
            let v4 = host
                .as_deref()
                .is_none_or(|host| host.parse::<Ipv4Addr>().is_ok());
            v4 && *other == port && port != 0
        }
        _ => false,
    }
}

/// The address to bind to: IPv4 is preferred where a name has both.
fn resolve(host: Option<&str>, port: u16) -> Result<SocketAddr, Trouble> {
    let Some(host) = host else {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    };
    let unknown = |source: io::Error| Trouble::UnknownHost {
        host: host.to_owned(),
        reason: source.to_string(),
    };
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(unknown)?.collect();
    let first = found
        .iter()
        .find(|address| address.is_ipv4())
        .or(found.first());
    first
        .copied()
        .ok_or_else(|| unknown(io::Error::other("the name has no address")))
}

/// The accept queue's length. The kernel silently shortens what is above its own limit; we say so.
fn backlog(wanted: Option<u32>) -> (i32, Vec<String>) {
    const WHERE: &str = "/proc/sys/net/core/somaxconn";
    const USUAL: u32 = 4096;
    let read = std::fs::read_to_string(Path::new(WHERE)).ok();
    let limit = read
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(USUAL);
    let length = wanted.unwrap_or(limit).min(limit);
    let notice = wanted.filter(|wanted| *wanted > limit).map(|wanted| {
        format!("listen = {wanted} is more than the kernel allows; the accept queue has {limit} places (hint: sysctl -w net.core.somaxconn={wanted})")
    });
    (
        i32::try_from(length).unwrap_or(i32::MAX),
        notice.into_iter().collect(),
    )
}

#[cfg(test)]
mod tests;
