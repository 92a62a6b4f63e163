//! Sockets: listening, accepting, and moving bytes, without waiting.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::SharedBytes;
use crate::call::{check, check_len};

/// What kind of socket a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// A unix socket.
    Unix,
    /// Something we do not serve.
    Other,
}

fn new_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = check(unsafe {
        libc::socket(
            family,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
            0,
        )
    })?;
    // SAFETY: fresh and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value lives across the call, which reads `size` bytes of it.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size) })
        .map(|_| ())
}

fn listen(fd: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(|_| ())
}

/// Prepares a listening socket for accepting without waiting, with small answers sent at once
/// (accepted sockets inherit `TCP_NODELAY` on Linux, so no call is needed per connection).
pub fn prepare_listener(fd: BorrowedFd<'_>, keepalive: bool) -> io::Result<()> {
    crate::file::set_nonblocking(fd, true)?;
    crate::file::set_inheritable(fd, false)?;
    if matches!(family(fd)?, Family::Ipv4 | Family::Ipv6) {
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        set_option(
            fd,
            libc::SOL_SOCKET,
            libc::SO_KEEPALIVE,
            i32::from(keepalive),
        )?;
    }
    Ok(())
}

/// How a TCP socket shares its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// An IPv6 wildcard does not take IPv4 as well.
    pub only_v6: bool,
    /// Other processes may listen on the same port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// The machine need not have the address yet (`IP_FREEBIND`).
    pub free_bind: bool,
}

/// Listens on a TCP address.
pub fn listen_tcp(address: SocketAddr, backlog: i32, sharing: Sharing) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let fd = new_socket(family)?;
    let socket = fd.as_fd();
    set_option(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if sharing.reuse_port {
        set_option(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    if sharing.free_bind {
        set_option(socket, libc::IPPROTO_IP, libc::IP_FREEBIND, 1)?;
    }
    if address.is_ipv6() {
        set_option(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_V6ONLY,
            i32::from(sharing.only_v6),
        )?;
    }
    let (raw, len) = to_raw(address);
    // SAFETY: the storage lives across the call and `len` bytes of it are the address.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const raw).cast(), len) })?;
    listen(socket, backlog)?;
    Ok(fd)
}

/// Where a unix socket lives.
#[derive(Clone, Copy, Debug)]
pub enum UnixName<'a> {
    /// A file.
    Path(&'a Path),
    /// A name without a file (Linux abstract namespace), without its leading NUL.
    Abstract(&'a [u8]),
}

/// The name of a unix socket, as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedUnixName {
    /// A file.
    Path(PathBuf),
    /// A name without a file, without its leading NUL.
    Abstract(Vec<u8>),
}

fn unix_raw(name: UnixName<'_>) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    // SAFETY: an all-zero sockaddr_un is valid.
    let mut raw: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let (bytes, skip, end) = match name {
        UnixName::Path(path) => (path.as_os_str().as_bytes(), 0, 1),
        UnixName::Abstract(bytes) => (bytes, 1, 0),
    };
    if bytes.len() + 1 > raw.sun_path.len() || bytes.contains(&0) && skip == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name of a unix socket may have at most 107 bytes",
        ));
    }
    for (to, from) in raw.sun_path[skip..].iter_mut().zip(bytes) {
        *to = from.cast_signed() as libc::c_char;
    }
    Ok((
        raw,
        (size_of::<libc::sa_family_t>() + skip + bytes.len() + end) as libc::socklen_t,
    ))
}

/// Listens on a unix socket. A file of that name must not exist.
pub fn listen_unix(name: UnixName<'_>, backlog: i32) -> io::Result<OwnedFd> {
    let fd = new_socket(libc::AF_UNIX)?;
    let (raw, len) = unix_raw(name)?;
    // SAFETY: the address lives across the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const raw).cast(), len) })?;
    listen(fd.as_fd(), backlog)?;
    Ok(fd)
}

/// Connects to a unix socket (to find out whether anybody still listens there).
pub fn connect_unix(name: UnixName<'_>) -> io::Result<OwnedFd> {
    let fd = new_socket(libc::AF_UNIX)?;
    let (raw, len) = unix_raw(name)?;
    // SAFETY: the address lives across the call.
    check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const raw).cast(), len) })?;
    Ok(fd)
}

/// What kind of socket this is.
pub fn family(fd: BorrowedFd<'_>) -> io::Result<Family> {
    let storage = name_of(fd)?;
    Ok(match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => Family::Ipv4,
        libc::AF_INET6 => Family::Ipv6,
        libc::AF_UNIX => Family::Unix,
        _ => Family::Other,
    })
}

/// The TCP address a socket is bound to; None for unix sockets.
pub fn local_address(fd: BorrowedFd<'_>) -> io::Result<Option<SocketAddr>> {
    Ok(from_raw(&name_of(fd)?))
}

/// The name a unix socket is bound to; None for sockets without one.
pub fn local_unix_name(fd: BorrowedFd<'_>) -> io::Result<Option<OwnedUnixName>> {
    let storage = name_of(fd)?;
    if libc::c_int::from(storage.ss_family) != libc::AF_UNIX {
        return Ok(None);
    }
    // SAFETY: the family says which sockaddr the storage holds; storage is large enough.
    let raw = unsafe { &*std::ptr::from_ref(&storage).cast::<libc::sockaddr_un>() };
    let bytes: Vec<u8> = raw.sun_path.iter().map(|byte| *byte as u8).collect();
    // The storage was zeroed before the kernel wrote the name, so zeros end both kinds of name.
    let name = |from: usize| {
        let rest = &bytes[from..];
        rest[..rest
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(rest.len())]
            .to_vec()
    };
    Ok(match (bytes[0], bytes[1]) {
        (0, 0) => None,
        (0, _) => Some(OwnedUnixName::Abstract(name(1))),
        _ => Some(OwnedUnixName::Path(
            std::ffi::OsString::from_vec(name(0)).into(),
        )),
    })
}

/// Sets the sizes of a socket's buffers; connections take them over from their listener.
pub fn set_buffers(fd: BorrowedFd<'_>, send: Option<u32>, receive: Option<u32>) -> io::Result<()> {
    if let Some(bytes) = send {
        set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, bytes as libc::c_int)?;
    }
    if let Some(bytes) = receive {
        set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes as libc::c_int)?;
    }
    Ok(())
}

/// Whether a descriptor is a stream socket in the listening state.
pub fn is_listening(fd: BorrowedFd<'_>) -> bool {
    let mut value: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: room for one int, as `len` says.
    let answer = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ACCEPTCONN,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    answer == 0 && value == 1
}

fn name_of(fd: BorrowedFd<'_>) -> io::Result<libc::sockaddr_storage> {
    // SAFETY: an all-zero storage is valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the storage is as large as `len` says.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut storage).cast(), &raw mut len) })?;
    Ok(storage)
}

/// Accepts one waiting connection (non-blocking, closed on exec) and says where it comes from
/// (None: a unix socket). `WouldBlock` when there is none.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the storage is as large as `len` says, and zeroes are a valid value of it.
    let fd = check(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            storage.as_mut_ptr().cast(),
            &raw mut len,
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    })?;
    // SAFETY: fresh and ours; and the storage was zeroed, then filled by the kernel.
    Ok(unsafe {
        (
            OwnedFd::from_raw_fd(fd),
            from_raw(storage.assume_init_ref()),
        )
    })
}

/// Receives what is there, at most the buffer's length; 0 at the end of the stream.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is writable for its length.
    check_len(unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    })
}

/// Receives at most `most` bytes behind what `buffer` holds already; 0 at the end of the stream.
pub fn receive_more(
    socket: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    most: usize,
) -> io::Result<usize> {
    buffer.reserve(most);
    let spare = buffer.spare_capacity_mut();
    // SAFETY: the spare capacity is at least `most` bytes long, and the kernel writes at most so many.
    let count =
        check_len(unsafe { libc::recv(socket.as_raw_fd(), spare.as_mut_ptr().cast(), most, 0) })?;
    // SAFETY: the kernel has just initialised `count` bytes behind the old length.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// Parts that make up to so many bytes together are copied into one.
const SMALL: usize = 1024;

/// Sends the parts one after the other, as much as fits; how many bytes went. More follows if
/// `more` (the kernel may then wait to fill a packet).
pub fn send(socket: BorrowedFd<'_>, parts: &[SharedBytes<'_>], more: bool) -> io::Result<usize> {
    let total: usize = parts.iter().map(SharedBytes::len).sum();
    if parts.len() > 1 && total <= SMALL {
        // Copying a little is cheaper than having the kernel look at a list of parts.
        let mut together = [0u8; SMALL];
        let mut at = 0;
        for part in parts {
            part.copy_to(&mut together[at..]);
            at += part.len();
        }
        return send(socket, &[SharedBytes::from(&together[..total])], more);
    }
    let mut vectors = [libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }; 8];
    let count = parts.len().min(vectors.len());
    for (vector, part) in vectors.iter_mut().zip(parts) {
        *vector = part.iovec();
    }
    let flags = libc::MSG_NOSIGNAL | if more { libc::MSG_MORE } else { 0 };
    if count == 1 {
        // SAFETY: the part is readable for its length (SharedBytes' promise).
        return check_len(unsafe {
            libc::send(
                socket.as_raw_fd(),
                vectors[0].iov_base,
                vectors[0].iov_len,
                flags,
            )
        });
    }
    // SAFETY: an all-zero msghdr is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = vectors.as_mut_ptr();
    header.msg_iovlen = count;
    // SAFETY: `count` vectors, each naming readable memory (SharedBytes' promise).
    check_len(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, flags) })
}

/// Says that nothing more will be sent.
pub fn shutdown_write(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) }).map(|_| ())
}

fn to_raw(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: an all-zero storage is valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(v4.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is at least as large and as aligned as every sockaddr.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, len as libc::socklen_t)
}

fn from_raw(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which sockaddr the storage holds; storage is large enough.
            let raw = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = IpAddr::V4(Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes()));
            Some(SocketAddr::new(ip, u16::from_be(raw.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let raw = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            // An IPv4 client of a dual-stack socket keeps its own form of address.
            let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
            Some(SocketAddr::new(ip, u16::from_be(raw.sin6_port)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_cross_a_connection() {
        let listener = listen_tcp("127.0.0.1:0".parse().unwrap(), 16, Sharing::default()).unwrap();
        prepare_listener(listener.as_fd(), false).unwrap();
        assert!(is_listening(listener.as_fd()));
        let address = local_address(listener.as_fd()).unwrap().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let (server, peer) = accept(listener.as_fd()).unwrap();
        assert_eq!(peer, Some(client.local_addr().unwrap()));
        let parts = [
            SharedBytes::from(&b"hel"[..]),
            SharedBytes::from(&b"lo"[..]),
        ];
        assert_eq!(send(server.as_fd(), &parts, false).unwrap(), 5);
        let mut buffer = [0; 8];
        assert_eq!(receive(client.as_fd(), &mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
    }

    #[test]
    fn abstract_names_leave_no_file() {
        let name = UnixName::Abstract(b"verdigris-os-test");
        let listener = listen_unix(name, 4).unwrap();
        assert_eq!(family(listener.as_fd()).unwrap(), Family::Unix);
        let expected = OwnedUnixName::Abstract(b"verdigris-os-test".to_vec());
        assert_eq!(local_unix_name(listener.as_fd()).unwrap(), Some(expected));
        connect_unix(name).unwrap();
        drop(listener);
        assert!(connect_unix(name).is_err());
    }
}
