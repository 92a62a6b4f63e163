//! Sockets that were open when the program started: systemd's `LISTEN_FDS`, and `fd://N`.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use os::socket::{Family, OwnedUnixName};

use super::{Address, Trouble, Wanted};

/// The first descriptor that systemd passes on.
const FIRST: RawFd = 3;
/// More sockets than anybody passes on; a mad number in the environment must not keep us busy.
const MOST: RawFd = 1024;

/// The sockets that systemd (or whoever speaks its protocol) has passed on to this process.
#[derive(Debug, Default)]
pub struct Inherited {
    pub(super) sockets: Vec<OwnedFd>,
}

impl Inherited {
    /// Takes the sockets over that the variables `LISTEN_PID` and `LISTEN_FDS` tell of. They are
    /// meant for one process id; a child that finds its parent's variables takes nothing.
    pub fn from_environment(listen_pid: Option<&str>, listen_fds: Option<&str>) -> Self {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<RawFd>().ok());
        if number(listen_pid) != i32::try_from(std::process::id()).ok() {
            return Self::default();
        }
        let count = number(listen_fds).unwrap_or(0).clamp(0, MOST);
        let sockets = (FIRST..FIRST + count).filter_map(|fd| os::process::take_inherited(fd).ok());
        Self {
            sockets: sockets.filter(|fd| check(fd.as_fd()).is_ok()).collect(),
        }
    }

    /// Gives each socket to who wants its address, and the others to the first who got none.
    pub(super) fn matched(self, wanted: &[Wanted], notices: &mut Vec<String>) -> Matched {
        let mut matched = Matched {
            places: wanted.iter().map(|_| None).collect(),
            rest: Vec::new(),
        };
        let mut left = Vec::new();
        for socket in self.sockets {
            let free = |(index, one): &(usize, &Wanted)| {
                matched.places[*index].is_none() && is_bound_to(socket.as_fd(), &one.address)
            };
            match wanted.iter().enumerate().find(free) {
                Some((index, _)) => matched.places[index] = Some(socket),
                None => left.push(socket),
            }
        }
        for socket in left {
            let own = |address: &Address| matches!(address, Address::Inherited(_));
            let free = (0..wanted.len())
                .find(|index| matched.places[*index].is_none() && !own(&wanted[*index].address));
            match free {
                Some(index) => {
                    notices.push(format!("--{} takes a socket that was passed on (LISTEN_FDS) instead of its own address", wanted[index].option));
                    matched.places[index] = Some(socket);
                }
                None => matched.rest.push(socket),
            }
        }
        matched
    }
}

/// Who gets which socket.
#[derive(Debug)]
pub(super) struct Matched {
    places: Vec<Option<OwnedFd>>,
    rest: Vec<OwnedFd>,
}

impl Matched {
    pub(super) fn take(&mut self, index: usize) -> Option<OwnedFd> {
        self.places.get_mut(index)?.take()
    }

    /// The sockets that nobody asked for.
    pub(super) fn rest(self) -> Vec<OwnedFd> {
        self.rest
    }
}

/// Takes over `fd://N`.
pub(super) fn take(number: RawFd) -> Result<OwnedFd, Trouble> {
    os::process::take_inherited(number).map_err(|_| Trouble::NotPassed(number))
}

/// Makes sure that a descriptor is something we can accept connections from.
pub(super) fn check(fd: BorrowedFd<'_>) -> Result<(), Trouble> {
    let known = os::socket::family(fd).is_ok_and(|family| family != Family::Other);
    if known && os::socket::is_listening(fd) {
        Ok(())
    } else {
        Err(Trouble::NotListening)
    }
}

fn is_bound_to(fd: BorrowedFd<'_>, address: &Address) -> bool {
    match address {
        Address::Tcp { host, port } => {
            let Ok(Some(bound)) = os::socket::local_address(fd) else {
                return false;
            };
            let wanted = match host {
                Some(host) => host.parse::<IpAddr>().ok(),
                None => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            };
            // systemd's `ListenStream=8000` is [::]:8000, which takes IPv4 as well.
            let any = bound.ip().is_unspecified() && wanted.is_some_and(|ip| ip.is_unspecified());
            bound.port() == *port && (any || Some(bound.ip()) == wanted)
        }
        Address::Unix(path) => match os::socket::local_unix_name(fd) {
            Ok(Some(OwnedUnixName::Path(bound))) => same_path(&bound, path),
            _ => false,
        },
        Address::Abstract(name) => {
            matches!(os::socket::local_unix_name(fd), Ok(Some(OwnedUnixName::Abstract(bound))) if bound == *name)
        }
        Address::Inherited(_) => false,
    }
}

fn same_path(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
