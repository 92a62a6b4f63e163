//! Runs a shell command for what it prints, and ends it when it prints or takes too much.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a command prints on its standard output; its complaints go where ours go. How it ends does
/// not matter, as in uWSGI.
pub(crate) fn output_of(command: &str, most: u64, longest: Duration) -> io::Result<Vec<u8>> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()?;
    let Some(output) = child.stdout.take() else {
        return Err(io::Error::other("the command has no output"));
    };
    let group = child.id();
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let printed = read_at_most(output, most);
        if printed.is_ok() {
            let _ = child.wait();
        }
        let _ = sender.send(printed);
        // Ended or not: nobody else takes it away.
        let _ = child.wait();
    });
    let printed = receiver.recv_timeout(longest).unwrap_or_else(|_| {
        let what = format!("the command did not end within {} s", longest.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, what))
    });
    if printed.is_err() {
        end(group);
        // The thread ends when it has taken the command away; one that fled its group may stay.
        while receiver.recv_timeout(Duration::from_secs(1)).is_ok() {}
    } else {
        // It has nothing left to do, and the server may fork next, which wants no other thread.
        let _ = reader.join();
    }
    printed
}

fn read_at_most(source: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        let what = format!("the command printed more than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(content)
}

/// Ends the command and everything it started.
fn end(group: u32) {
    // The shell can name a whole process group; the library can only name the first process.
    let words = format!("kill -KILL -{group}");
    let mut kill = Command::new("/bin/sh");
    let _ = kill.arg("-c").arg(words).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_it_prints_counts_and_not_how_it_ends() {
        assert_eq!(output_of("printf one; exit 3", 10, LONG).unwrap(), b"one");
        assert_eq!(output_of("no-such-command 2>&-", 10, LONG).unwrap(), b"");
    }

    #[test]
    fn commands_that_do_not_end_are_ended() {
        for command in ["sleep 1000 & sleep 1000", "exec >&-; sleep 1000"] {
            let error = output_of(command, 10, SHORT).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{command}");
        }
    }

    #[test]
    fn commands_that_print_without_end_are_ended() {
        let error = output_of("yes", 1 << 20, LONG).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
