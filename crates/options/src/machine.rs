//! The real machine behind [`Surroundings`].

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::output_of;
use crate::surroundings::{Kind, Person, Surroundings};

/// Reads from the machine the program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

/// No configuration is larger than this; a mistyped path to a log or a device must not fill memory.
const LARGEST_FILE: u64 = 16 << 20;

/// How long a pipe may take to say everything, and a command to end.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long a file of the kernel may take; all of them answer at once, or wait for something that
/// will happen some day, like `/proc/kmsg`.
const LONGEST_WAIT_FOR_KERNEL: Duration = Duration::from_secs(2);

impl Surroundings for Machine {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read_in_time(path, LONGEST_WAIT)
    }

    fn read_standard_input(&self) -> io::Result<Vec<u8>> {
        // It can be read once; whoever asks again, as `explain` and a reload do, gets the same.
        static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
        if let Some(content) = WHOLE.get() {
            return Ok(content.clone());
        }
        let content = read_bounded(io::stdin().lock())?;
        Ok(WHOLE.get_or_init(|| content).clone())
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let found = fs::metadata(path).ok()?;
        Some(match (found.is_file(), found.is_dir()) {
            (true, _) => Kind::File,
            (_, true) => Kind::Directory,
            _ => Kind::Other,
        })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn inode(&self, path: &Path) -> Option<u64> {
        fs::metadata(path).ok().map(|found| found.ino())
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        let real = if path.is_symlink() {
            None
        } else {
            fs::canonicalize(path).ok()
        };
        real.unwrap_or_else(|| path.to_owned())
    }

    fn run(&self, command: &str) -> io::Result<Vec<u8>> {
        output_of(command, LARGEST_FILE, LONGEST_WAIT)
    }

    fn working_directory(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    fn host_name(&self) -> String {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    }

    fn processors(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn person(&self) -> Person {
        // The owner of our own entry in /proc is the effective user; it saves a libc call here.
        let Ok(own) = fs::metadata("/proc/self") else {
            return Person::default();
        };
        Person {
            uid: own.uid(),
            gid: own.gid(),
            user: name_of(own.uid(), "/etc/passwd"),
            group: name_of(own.gid(), "/etc/group"),
        }
    }

    fn program(&self) -> PathBuf {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("verdigris"))
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Reads a file, or a pipe (`<(envsubst < app.ini)`) that may never be written to.
fn read_in_time(path: &Path, longest: Duration) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    // A file without a size is empty, or the kernel makes it up while it is read.
    if found.is_dir() || (found.is_file() && found.len() > 0) {
        return read_bounded(File::open(path)?);
    }
    if found.file_type().is_char_device() && !is_input_or_null(&found) {
        return Err(io::Error::other("it is a device, not a file"));
    }
    let (what, longest) = if found.is_file() {
        (
            "it is no ordinary file",
            longest.min(LONGEST_WAIT_FOR_KERNEL),
        )
    } else {
        ("it is a pipe or device", longest)
    };
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    // Nothing can wake somebody who opens a pipe without a writer; that thread stays behind.
    let reader = thread::spawn(move || sender.send(File::open(path).and_then(read_bounded)));
    let Ok(content) = receiver.recv_timeout(longest) else {
        let what = format!("{what}, and nothing came for {} s", longest.as_secs());
        return Err(io::Error::new(io::ErrorKind::TimedOut, what));
    };
    // The server may fork next, which wants no other thread.
    let _ = reader.join();
    content
}

/// The terminal behind standard input may be read by its name, and `/dev/null` is an empty file.
fn is_input_or_null(device: &Metadata) -> bool {
    ["/dev/stdin", "/dev/null"].iter().any(|path| {
        fs::metadata(path)
            .is_ok_and(|known| known.file_type().is_char_device() && known.rdev() == device.rdev())
    })
}

fn read_bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(LARGEST_FILE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST_FILE {
        let what = format!("it is larger than {} MiB", LARGEST_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(content)
}

/// The name with this number in a file of the form `name:password:number:…`.
fn name_of(number: u32, file: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        let found: u32 = parts.nth(1)?.parse().ok()?;
        (found == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn the_machine_answers() {
        let machine = Machine;
        assert_eq!(machine.kind(Path::new("/proc")), Some(Kind::Directory));
        assert_eq!(machine.kind(Path::new("/proc/no-such-entry")), None);
        assert!(machine.processors() > 0);
        assert!(machine.working_directory().is_absolute());
        assert_eq!(machine.run("printf one").unwrap(), b"one");
    }

    #[test]
    fn a_pipe_that_stays_silent_is_given_up() {
        let (silent, _writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", silent.as_raw_fd());
        let error = read_in_time(Path::new(&path), Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_that_speaks_is_read() {
        let (pipe, mut writer) = io::pipe().unwrap();
        writer.write_all(b"[uwsgi]").unwrap();
        drop(writer);
        let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
        assert_eq!(Machine.read(Path::new(&path)).unwrap(), b"[uwsgi]");
    }

    #[test]
    fn a_path_that_ends_in_a_link_is_left_as_it_is() {
        let real = |path| Machine.real_path(Path::new(path));
        assert_eq!(
            real("/proc/sys/../sys/./kernel"),
            Path::new("/proc/sys/kernel")
        );
        assert_eq!(real("/proc/./self"), Path::new("/proc/./self"));
        assert_eq!(real("/nowhere/../x"), Path::new("/nowhere/../x"));
    }

    #[test]
    fn devices_are_refused_and_nothing_is_an_empty_file() {
        let error = Machine.read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "it is a device, not a file");
        assert_eq!(Machine.read(Path::new("/dev/null")).unwrap(), b"");
        // A file of the kernel has no size and is read all the same.
        assert!(
            !Machine
                .read(Path::new("/proc/self/status"))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn endless_files_are_refused() {
        let error = read_bounded(io::repeat(b'x')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
