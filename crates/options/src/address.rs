//! Addresses a server can listen on, in uWSGI's spelling.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Where a socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `host:port`, `:port`, `[v6]:port`.
    Tcp {
        /// Host name or address without brackets; `None` means every IPv4 address.
        host: Option<String>,
        /// 0 asks the kernel for a free port.
        port: u16,
    },
    /// A unix socket in the file system.
    Unix(PathBuf),
    /// A unix socket in Linux's abstract name space; the bytes come after the leading zero byte.
    Abstract(Vec<u8>),
    /// A socket that is already open under this descriptor.
    Fd(i32),
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing was written.
    #[error("the address is empty")]
    Empty,
    /// The part after the last colon is not a port.
    #[error("`{0}` is not a port (0 to 65535)")]
    Port(String),
    /// An IPv6 address stands without brackets.
    #[error("an IPv6 address needs brackets")]
    Brackets,
    /// A host contains something no host name contains.
    #[error("`{0}` is not a host name or address")]
    Host(String),
    /// `fd://` without a number.
    #[error("`{0}` is not a file descriptor number")]
    Descriptor(String),
    /// An unix socket path longer than the kernel's field for it.
    #[error("the path of a unix socket has at most 107 bytes, this one has {0}")]
    LongPath(usize),
}

/// `sun_path` has 108 bytes, one of them for the closing zero.
const LONGEST_UNIX_PATH: usize = 107;

impl Address {
    /// Reads an address as uWSGI does: a text with a colon is TCP, `@name` is abstract, `fd://N` is
    /// an open descriptor, everything else is a path.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(number) = text.strip_prefix("fd://") {
            return descriptor(number);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path.strip_prefix("//").unwrap_or(path));
        }
        if let Some(name) = text.strip_prefix('@') {
            return abstract_name(name);
        }
        if text.starts_with('/') || text.starts_with("./") || text.starts_with("../") {
            return unix(text);
        }
        match text.rsplit_once(':') {
            Some((host, port)) => tcp(host, port),
            None => unix(text),
        }
    }

    /// Like [`Address::parse`], but a plain number is a port on every address and a plain word a
    /// host, as people who come from other servers type after `--bind`.
    pub fn parse_bind(text: &str) -> Result<Self, AddressError> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return tcp("", text);
        }
        Self::parse(text)
    }
}

fn unix(path: &str) -> Result<Address, AddressError> {
    match path.len() {
        0 => Err(AddressError::Empty),
        length if length > LONGEST_UNIX_PATH => Err(AddressError::LongPath(length)),
        _ => Ok(Address::Unix(PathBuf::from(path))),
    }
}

fn abstract_name(name: &str) -> Result<Address, AddressError> {
    match name.len() {
        0 => Err(AddressError::Empty),
        length if length > LONGEST_UNIX_PATH => Err(AddressError::LongPath(length)),
        _ => Ok(Address::Abstract(name.as_bytes().to_vec())),
    }
}

fn descriptor(number: &str) -> Result<Address, AddressError> {
    match number.parse::<i32>() {
        Ok(fd) if fd >= 0 => Ok(Address::Fd(fd)),
        _ => Err(AddressError::Descriptor(number.to_owned())),
    }
}

fn tcp(host: &str, port: &str) -> Result<Address, AddressError> {
    // uWSGI reads the port with `atoi`, so blanks around it never hurt.
    let (host, port) = (host.trim(), port.trim());
    let number = if port.bytes().all(|byte| byte.is_ascii_digit()) {
        port.parse().ok()
    } else {
        None
    };
    let Some(port) = number else {
        return Err(AddressError::Port(port.to_owned()));
    };
    Ok(Address::Tcp {
        host: host_name(host)?,
        port,
    })
}

fn host_name(host: &str) -> Result<Option<String>, AddressError> {
    if host.is_empty() || host == "*" {
        return Ok(None);
    }
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let (digits, _zone) = inside.split_once('%').unwrap_or((inside, ""));
        return match digits.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(Some(inside.to_owned())),
            Err(_) => Err(AddressError::Host(host.to_owned())),
        };
    }
    if host.contains(':') {
        return Err(AddressError::Brackets);
    }
    let fits = host.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || !byte.is_ascii()
    });
    if fits {
        Ok(Some(host.to_owned()))
    } else {
        Err(AddressError::Host(host.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: None, port } => write!(formatter, ":{port}"),
            Self::Tcp {
                host: Some(host),
                port,
            } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp {
                host: Some(host),
                port,
            } => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => write!(formatter, "{}", path.display()),
            Self::Abstract(name) => write!(formatter, "@{}", String::from_utf8_lossy(name)),
            Self::Fd(number) => write!(formatter, "fd://{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp_at(host: Option<&str>, port: u16) -> Address {
        Address::Tcp {
            host: host.map(str::to_owned),
            port,
        }
    }

    #[test]
    fn the_spellings_of_uwsgi() {
        assert_eq!(
            Address::parse("127.0.0.1:8000"),
            Ok(tcp_at(Some("127.0.0.1"), 8000))
        );
        assert_eq!(Address::parse(":8000"), Ok(tcp_at(None, 8000)));
        assert_eq!(Address::parse("*:8000"), Ok(tcp_at(None, 8000)));
        assert_eq!(
            Address::parse("localhost:0"),
            Ok(tcp_at(Some("localhost"), 0))
        );
        assert_eq!(Address::parse("[::]:80"), Ok(tcp_at(Some("::"), 80)));
        assert_eq!(
            Address::parse("[fe80::1%eth0]:80"),
            Ok(tcp_at(Some("fe80::1%eth0"), 80))
        );
        assert_eq!(
            Address::parse("/run/a:b.sock"),
            Ok(Address::Unix("/run/a:b.sock".into()))
        );
        assert_eq!(
            Address::parse("app.sock"),
            Ok(Address::Unix("app.sock".into()))
        );
        assert_eq!(
            Address::parse("@app"),
            Ok(Address::Abstract(b"app".to_vec()))
        );
        assert_eq!(Address::parse("fd://3"), Ok(Address::Fd(3)));
        assert_eq!(
            Address::parse("unix:/run/app.sock"),
            Ok(Address::Unix("/run/app.sock".into()))
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Address::parse(""), Err(AddressError::Empty));
        assert_eq!(
            Address::parse("host:http"),
            Err(AddressError::Port("http".into()))
        );
        assert_eq!(
            Address::parse(":70000"),
            Err(AddressError::Port("70000".into()))
        );
        assert_eq!(
            Address::parse(":+80"),
            Err(AddressError::Port("+80".into()))
        );
        assert_eq!(Address::parse("::1:80"), Err(AddressError::Brackets));
        assert_eq!(
            Address::parse("[zz]:80"),
            Err(AddressError::Host("[zz]".into()))
        );
        assert_eq!(
            Address::parse("fd://x"),
            Err(AddressError::Descriptor("x".into()))
        );
        assert_eq!(Address::parse("@"), Err(AddressError::Empty));
        assert_eq!(
            Address::parse(&format!("/{}", "a".repeat(107))),
            Err(AddressError::LongPath(108))
        );
    }

    #[test]
    fn a_bare_number_is_a_port_for_bind_only() {
        assert_eq!(Address::parse_bind("8000"), Ok(tcp_at(None, 8000)));
        assert_eq!(Address::parse("8000"), Ok(Address::Unix("8000".into())));
    }

    #[test]
    fn display_reads_back() {
        for text in ["127.0.0.1:8000", ":80", "[::1]:80", "/a/b", "@x", "fd://4"] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), text);
        }
    }
}
