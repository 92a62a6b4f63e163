//! The process's title, as `ps` shows it.
//!
//! The kernel shows the memory in which the arguments were given. It is written through
//! `/proc/self/mem`, so that no pointer is needed; where that is not allowed, the title stays.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;

/// Shows `title` instead of the arguments that the process was started with, as far as there is room.
pub(crate) fn set(title: &str) -> io::Result<()> {
    let stat = fs::read("/proc/self/stat")?;
    let Some((start, end)) = arguments(&stat) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "/proc/self/stat has another form than expected",
        ));
    };
    // The last byte stays zero: else the kernel takes what follows (the environment) for a part of it.
    let room = (end - start).saturating_sub(1) as usize;
    let mut bytes = vec![0; room + 1];
    let length = title.len().min(room);
    bytes[..length].copy_from_slice(&title.as_bytes()[..length]);
    fs::OpenOptions::new()
        .write(true)
        .open("/proc/self/mem")?
        .write_all_at(&bytes, start)
}

/// Where the arguments lie: fields 48 and 49 of proc(5)'s `stat`.
fn arguments(stat: &[u8]) -> Option<(u64, u64)> {
    // The second field is the program's name in parentheses, which may hold anything.
    let behind_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[behind_name..]).ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(45);
    let start: u64 = fields.next()?.parse().ok()?;
    let end: u64 = fields.next()?.parse().ok()?;
    (start != 0 && start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_arguments_behind_any_name() {
        let fields: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        let stat = format!("1 (a) b ) {}", fields.join(" "));
        assert_eq!(arguments(stat.as_bytes()), Some((48, 49)));
        assert_eq!(arguments(b"1 (a) S"), None);
    }
}
