//! Message sockets between our own processes, and descriptors sent over them (SCM_RIGHTS).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::call::{check, check_len, retry};

/// How many descriptors one message can carry.
pub const MAX_FDS: usize = 8;

/// A connected pair of message sockets (`SOCK_SEQPACKET`): one packet is one message, and the end
/// of one process is an end of file for the other.
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            pair.as_mut_ptr(),
        )
    })?;
    // SAFETY: both are fresh and ours.
    Ok(unsafe { (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1])) })
}

/// A buffer for control messages, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// Sends one message with descriptors. `WouldBlock` when `wait` is false and the socket is full.
pub fn send_with_fds(
    socket: BorrowedFd<'_>,
    message: &[u8],
    fds: &[BorrowedFd<'_>],
    wait: bool,
) -> io::Result<()> {
    if fds.len() > MAX_FDS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many descriptors for one message",
        ));
    }
    let mut part = libc::iovec {
        iov_base: message.as_ptr().cast_mut().cast(),
        iov_len: message.len(),
    };
    let mut control = Control([0; 128]);
    // SAFETY: an all-zero msghdr is valid: no name, no parts, no control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let bytes = size_of_val(fds) as u32;
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: the CMSG macros compute sizes only; 8 descriptors need 48 of the 128 bytes, and
        // the first header lies at the start of the aligned buffer.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(bytes) as usize;
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(bytes) as usize;
            let data = libc::CMSG_DATA(first).cast::<libc::c_int>();
            for (index, fd) in fds.iter().enumerate() {
                data.add(index).write_unaligned(fd.as_raw_fd());
            }
        }
    }
    let flags = libc::MSG_NOSIGNAL | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: every pointer in the header is to a live local.
    retry(|| check_len(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, flags) }))
        .map(|_| ())
}

/// Receives one message into `message` and the descriptors that came with it; the length, 0 at the
/// end of the conversation. `WouldBlock` when `wait` is false and nothing is there.
pub fn receive_with_fds(
    socket: BorrowedFd<'_>,
    message: &mut [u8],
    wait: bool,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut part = libc::iovec {
        iov_base: message.as_mut_ptr().cast(),
        iov_len: message.len(),
    };
    let mut control = Control([0; 128]);
    // SAFETY: an all-zero msghdr is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len();
    let flags = libc::MSG_CMSG_CLOEXEC | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: every pointer in the header is to a live local.
    let len =
        retry(|| check_len(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) }))?;
    let mut fds = Vec::new();
    // SAFETY: the kernel filled the control buffer and set its length; the macros walk inside it,
    // and every SCM_RIGHTS descriptor in it is new and ours.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(&raw const header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*next).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(next).cast::<libc::c_int>();
                for index in 0..bytes / size_of::<libc::c_int>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            next = libc::CMSG_NXTHDR(&raw const header, next);
        }
    }
    Ok((len, fds))
}
