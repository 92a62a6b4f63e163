//! What a thread of another process is doing, seen from outside: the system call that it sleeps in,
//! and who is at the other end of it.
//!
//! The kernel tells that in `/proc` without asking the process, so it works whatever the thread is
//! stuck in. Nothing here stops or slows the process.

use std::fmt;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileExt;

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It computes, or would if it had a processor.
    Running,
    /// It sleeps in a system call.
    Calling {
        /// The call's name, such as `recvfrom`.
        call: String,
        /// The descriptor that it waits for, and what that is.
        on: Option<(u32, String)>,
    },
    /// It sleeps in the kernel, and not in a system call: memory is being fetched, for instance.
    Waiting {
        /// The kernel's function.
        place: String,
    },
}

impl fmt::Display for Activity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => formatter.write_str("computing"),
            Self::Calling { call, on: None } => formatter.write_str(call),
            Self::Calling {
                call,
                on: Some((number, target)),
            } => write!(formatter, "{call} fd {number} -> {target}"),
            Self::Waiting { place } => write!(formatter, "waiting in {place}"),
        }
    }
}

/// What the thread does now; None if the kernel does not tell us.
pub fn activity(pid: u32, thread: u32) -> Option<Activity> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number = match words.next()? {
        "running" => return Some(Activity::Running),
        word => word.parse::<i64>().ok()?,
    };
    if number < 0 {
        let place = fs::read_to_string(format!("/proc/{pid}/task/{thread}/wchan")).ok()?;
        return Some(Activity::Waiting { place });
    }
    let first = u64::from_str_radix(words.next()?.trim_start_matches("0x"), 16).ok()?;
    let known = CALLS.iter().find(|call| call.0 == number);
    let Some(&(_, name, argument)) = known else {
        return Some(Activity::Calling {
            call: format!("system call {number}"),
            on: None,
        });
    };
    let descriptor = match argument {
        Argument::Other => None,
        Argument::Descriptor => u32::try_from(first).ok(),
        Argument::PollList => first_polled(pid, first),
    };
    Some(Activity::Calling {
        call: name.to_owned(),
        on: descriptor.and_then(|number| Some((number, target(pid, number)?))),
    })
}

/// What the first argument of a system call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    Descriptor,
    /// The address of an array of `struct pollfd`.
    PollList,
    Other,
}

/// The calls in which apps sleep, as far as they exist everywhere.
const CALLS: &[(i64, &str, Argument)] = &[
    (libc::SYS_read, "read", Argument::Descriptor),
    (libc::SYS_readv, "readv", Argument::Descriptor),
    (libc::SYS_pread64, "pread", Argument::Descriptor),
    (libc::SYS_write, "write", Argument::Descriptor),
    (libc::SYS_writev, "writev", Argument::Descriptor),
    (libc::SYS_pwrite64, "pwrite", Argument::Descriptor),
    (libc::SYS_recvfrom, "recvfrom", Argument::Descriptor),
    (libc::SYS_recvmsg, "recvmsg", Argument::Descriptor),
    (libc::SYS_sendto, "sendto", Argument::Descriptor),
    (libc::SYS_sendmsg, "sendmsg", Argument::Descriptor),
    (libc::SYS_connect, "connect", Argument::Descriptor),
    (libc::SYS_accept, "accept", Argument::Descriptor),
    (libc::SYS_accept4, "accept", Argument::Descriptor),
    (libc::SYS_flock, "flock", Argument::Descriptor),
    (libc::SYS_fcntl, "fcntl", Argument::Descriptor),
    (libc::SYS_fsync, "fsync", Argument::Descriptor),
    (libc::SYS_fdatasync, "fdatasync", Argument::Descriptor),
    (libc::SYS_ioctl, "ioctl", Argument::Descriptor),
    (libc::SYS_ppoll, "poll", Argument::PollList),
    (libc::SYS_pselect6, "select", Argument::Other),
    (libc::SYS_epoll_pwait, "epoll_wait", Argument::Other),
    (libc::SYS_futex, "futex", Argument::Other),
    (libc::SYS_nanosleep, "nanosleep", Argument::Other),
    (
        libc::SYS_clock_nanosleep,
        "clock_nanosleep",
        Argument::Other,
    ),
    (libc::SYS_wait4, "waitpid", Argument::Other),
    (libc::SYS_waitid, "waitid", Argument::Other),
    (libc::SYS_openat, "open", Argument::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", Argument::PollList),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select", Argument::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait", Argument::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_pause, "pause", Argument::Other),
];

/// The first descriptor of the list that a `poll` of the process waits for.
fn first_polled(pid: u32, address: u64) -> Option<u32> {
    let mut number = [0; 4];
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    memory.read_exact_at(&mut number, address).ok()?;
    u32::try_from(i32::from_ne_bytes(number)).ok()
}

/// What a descriptor of the process is: a path, or who is at the other end.
fn target(pid: u32, number: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
    let link = link.to_string_lossy();
    let Some(inode) = link
        .strip_prefix("socket:[")
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return Some(match link.split_once(':') {
            Some((kind @ ("pipe" | "anon_inode"), _)) => kind.to_owned(),
            _ => link.into_owned(),
        });
    };
    let peer = ["tcp", "tcp6", "udp", "udp6"].into_iter().find_map(|kind| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{kind}")).ok()?;
        peer_in(&table, inode)
    });
    Some(peer.map_or_else(
        || "a socket of this machine".to_owned(),
        |peer| peer.to_string(),
    ))
}

/// The other end of a socket in one of the kernel's tables.
fn peer_in(table: &str, inode: &str) -> Option<SocketAddr> {
    let line = table
        .lines()
        .skip(1)
        .find(|line| line.split_whitespace().nth(9) == Some(inode))?;
    let (address, port) = line.split_whitespace().nth(2)?.split_once(':')?;
    Some(SocketAddr::new(
        ip_address(address)?,
        u16::from_str_radix(port, 16).ok()?,
    ))
}

/// An address as the kernel's tables have it: 32-bit words in the machine's own byte order.
fn ip_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    if hex.len() == 8 {
        return word(0).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    }
    let mut bytes = [0; 16];
    for at in 0..4 {
        bytes[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
    }
    Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    /// Looks at a thread that runs `sleep` until it is seen in a system call of that name.
    fn seen_in(call: &str, sleep: impl FnOnce() + Send + 'static) -> Activity {
        let (tell, told) = channel();
        std::thread::spawn(move || {
            // SAFETY: no memory is involved.
            tell.send(unsafe { libc::gettid() }).unwrap();
            sleep();
        });
        let thread = told.recv().unwrap() as u32;
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let seen = activity(std::process::id(), thread);
            match seen {
                Some(Activity::Calling {
                    call: ref seen_call,
                    ..
                }) if seen_call == call => {
                    return seen.unwrap();
                }
                _ => assert!(Instant::now() < deadline, "last seen: {seen:?}"),
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_receives_names_its_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let (_peer, number) = (listener.accept().unwrap(), stream.as_raw_fd());
        let seen = seen_in("recvfrom", move || {
            let _ = stream.read(&mut [0; 8]);
        });
        assert_eq!(
            seen.to_string(),
            format!("recvfrom fd {number} -> {address}")
        );
    }

    #[test]
    fn a_thread_that_polls_names_what_it_polls() {
        let (reader, writer) = std::io::pipe().unwrap();
        let number = reader.as_raw_fd();
        let seen = seen_in("poll", move || {
            let mut poll = libc::pollfd {
                fd: reader.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one pollfd, as said by the count.
            unsafe { libc::poll(&raw mut poll, 1, 20_000) };
        });
        assert_eq!(seen.to_string(), format!("poll fd {number} -> pipe"));
        drop(writer);
    }

    #[test]
    fn addresses_of_both_kinds() {
        let table = "head\n 0: 0100007F:1F90 0500000A:0CEA 01 00:00 00:00 00 0 0 77 1\n";
        if cfg!(target_endian = "little") {
            assert_eq!(
                peer_in(table, "77").map(|peer| peer.to_string()),
                Some("10.0.0.5:3306".to_owned())
            );
            assert_eq!(
                ip_address("0000000000000000FFFF00000100007F"),
                Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
            );
        }
        assert_eq!(peer_in(table, "78"), None);
        assert_eq!(ip_address("xyz"), None);
    }

    #[test]
    fn a_thread_of_nobody_does_nothing() {
        assert_eq!(activity(std::process::id(), 1), None);
    }
}
