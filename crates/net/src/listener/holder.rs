//! Who listens on a port or a unix socket: the kernel's tables name an inode, and some process has
//! that inode open. We see the processes that we are allowed to look into, and no others.

use std::fmt;
use std::fs;
use std::path::Path;

/// The process that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its command line, shortened.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (pid {})", self.command, self.pid)
    }
}

/// Who listens on a TCP port, whatever the address.
pub(super) fn of_port(port: u16) -> Option<Holder> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|table| fs::read_to_string(table).unwrap_or_default());
    let inode = tables
        .iter()
        .flat_map(|table| table.lines())
        .find_map(|line| listening_inode(line, port))?;
    with_inode(inode)
}

/// Who listens on a unix socket.
pub(super) fn of_path(path: &Path) -> Option<Holder> {
    let table = fs::read_to_string("/proc/net/unix").ok()?;
    let inode = table.lines().find_map(|line| {
        // Num RefCount Protocol Flags Type St Inode Path; the flag 10000 says that it listens.
        let mut words = line.split_whitespace();
        let flags = words.nth(3)?;
        let inode = words.nth(2)?;
        (flags == "00010000" && Path::new(words.next()?) == path).then_some(inode)
    })?;
    with_inode(inode)
}

/// The inode in a line of `/proc/net/tcp`, if it is of a socket that listens on `port`.
fn listening_inode(line: &str, port: u16) -> Option<&str> {
    const LISTENING: &str = "0A";
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let number = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    (state == LISTENING && number == port)
        .then(|| words.nth(5))
        .flatten()
}

fn with_inode(inode: &str) -> Option<Holder> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // A socket is often shared with children: the lowest pid is usually the parent.
    let pid = pids.filter(|pid| has_open(*pid, &wanted)).min()?;
    Some(Holder {
        pid,
        command: command(pid),
    })
}

fn has_open(pid: u32, wanted: &str) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.filter_map(Result::ok)
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == wanted))
}

fn command(pid: u32) -> String {
    const LONGEST: usize = 80;
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&words).replace('\0', " ");
    let line: String = line
        .trim()
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "a process".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_table_is_read() {
        let line = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0";
        assert_eq!(listening_inode(line, 8000), Some("4242"));
        assert_eq!(listening_inode(line, 8001), None);
        assert_eq!(listening_inode(&line.replace(" 0A ", " 01 "), 8000), None);
        assert_eq!(
            listening_inode("  sl  local_address rem_address", 8000),
            None
        );
    }

    #[test]
    fn we_find_ourselves() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = of_port(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert!(holder.command.contains("net"), "{holder}");
    }
}
