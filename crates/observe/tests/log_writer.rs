//! The log writer as its users meet it: real files, pipes and full disks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use observe::{LogHandle, LogSettings, LogWriter, Target};

/// Far longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of a test's own, gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("observe-{}-{}", process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn start(target: Target) -> (LogWriter, LogHandle) {
    let writer = LogWriter::start(LogSettings::new(target)).unwrap();
    let handle = writer.handle();
    (writer, handle)
}

fn say(handle: &LogHandle, text: &str) {
    handle.hand_over(&mut text.as_bytes().to_vec());
}

/// A writer onto a pipe with room for so many bytes in its queue, and the pipe's other end.
fn onto_pipe(queue_bytes: usize) -> (LogWriter, LogHandle, PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let target = Target::Open(File::from(OwnedFd::from(writer)));
    let settings = LogSettings {
        queue_bytes,
        ..LogSettings::new(target)
    };
    let writer = LogWriter::start(settings).unwrap();
    let handle = writer.handle();
    (writer, handle, reader)
}

#[test]
fn lines_arrive_in_order_and_none_is_lost_at_the_end() {
    let directory = Directory::new();
    let path = directory.file("log");
    let (writer, handle) = start(Target::File(path.clone()));
    let mut expected = String::new();
    for number in 0..10_000 {
        let line = format!("line {number}\n");
        say(&handle, &line);
        expected += &line;
    }
    let totals = writer.finish(PATIENCE);
    assert_eq!(fs::read_to_string(path).unwrap(), expected);
    assert_eq!(totals.bytes, expected.len() as u64);
    assert_eq!((totals.dropped, totals.failed, totals.unwritten), (0, 0, 0));
}

#[test]
fn a_writer_that_is_only_dropped_writes_all_the_same() {
    let directory = Directory::new();
    let path = directory.file("log");
    let (writer, handle) = start(Target::File(path.clone()));
    say(&handle, "last words\n");
    drop(writer);
    assert_eq!(fs::read_to_string(path).unwrap(), "last words\n");
}

#[test]
fn lines_go_out_without_being_asked_for() {
    let (_writer, handle, reader) = onto_pipe(1 << 20);
    let mut lines = BufReader::new(reader).lines();
    for text in ["first", "after a silence", "and again"] {
        say(&handle, &format!("{text}\n"));
        assert_eq!(lines.next().unwrap().unwrap(), text);
    }
}

#[test]
fn the_lines_of_many_threads_stay_whole() {
    let directory = Directory::new();
    let path = directory.file("log");
    let (writer, handle) = start(Target::File(path.clone()));
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let handle = handle.clone();
            scope.spawn(move || {
                let mut lines = Vec::new();
                for number in 0..2_000 {
                    lines.extend_from_slice(format!("{name} {number}\n").as_bytes());
                    if number % 7 == 0 {
                        handle.hand_over(&mut lines);
                        assert!(lines.is_empty());
                    }
                }
                handle.hand_over(&mut lines);
            });
        }
    });
    assert_eq!(writer.finish(PATIENCE).dropped, 0);
    let text = fs::read_to_string(path).unwrap();
    for name in ["a", "b", "c", "d"] {
        let own: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix(name))
            .collect();
        let expected: Vec<String> = (0..2_000).map(|number| format!(" {number}")).collect();
        assert_eq!(own, expected);
    }
}

#[test]
fn a_pipe_that_nobody_reads_blocks_nobody_and_every_dropped_line_is_told() {
    const LINES: u64 = 100_000;
    let (writer, handle, mut reader) = onto_pipe(64 << 10);
    // About 3 MB; a pipe holds 64 KiB, the queue as much, and the thread's hands as much again.
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    for number in 0..LINES {
        let before = Instant::now();
        say(&handle, &format!("a line of thirty bytes {number:06}\n"));
        longest = longest.max(before.elapsed());
    }
    assert!(begun.elapsed() < PATIENCE && longest < Duration::from_secs(5));
    let dropped = handle.totals().dropped;
    assert!(dropped > LINES / 2, "{dropped}");
    assert!(
        !handle.flush(Duration::from_millis(1)),
        "nobody reads, so nothing can be flushed"
    );

    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    assert!(handle.flush(PATIENCE));
    say(&handle, "there is room again\n");
    let totals = writer.finish(PATIENCE);
    assert_eq!(totals.unwritten, 0);
    let text = reading.join().unwrap();
    let written = text
        .lines()
        .filter(|line| line.starts_with("a line of"))
        .count() as u64;
    let told: u64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("log: ")?.split_once(" line"))
        .map(|(count, _)| count.parse::<u64>().unwrap())
        .sum();
    assert_eq!(told, totals.dropped);
    assert_eq!(written + totals.dropped, LINES);
    assert!(text.ends_with("there is room again\n"));
    assert!(text.lines().all(|line| {
        line.starts_with("log: ") || line == "there is room again" || line.len() == 29
    }));
}

#[test]
fn the_end_does_not_wait_for_a_reader_that_never_comes() {
    let (writer, handle, _reader) = onto_pipe(1 << 20);
    say(&handle, &"a line\n".repeat(100_000));
    let begun = Instant::now();
    let totals = writer.finish(Duration::from_millis(100));
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(totals.unwritten, 100_000);
    say(&handle, "too late\n");
    assert_eq!(handle.totals().dropped, 1);
}

#[test]
fn a_block_is_taken_whole_or_not_at_all() {
    let (writer, handle, mut reader) = onto_pipe(100);
    handle.hand_over_block(&b"one line of a block that is too big\n".repeat(4));
    handle.hand_over_block(b"a block\nthat fits\n");
    let totals = writer.finish(PATIENCE);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(totals.dropped, 4);
    let (block, notice) = ("a block\nthat fits\n", "log: 4 lines dropped");
    assert!(text.contains(block) && text.contains(notice), "{text}");
    assert!(!text.contains("too big"));
}

#[test]
fn a_moved_file_is_opened_anew_on_request() {
    let directory = Directory::new();
    let (path, moved) = (directory.file("log"), directory.file("log.1"));
    let (writer, handle) = start(Target::File(path.clone()));
    say(&handle, "one\n");
    assert!(handle.flush(PATIENCE));
    fs::rename(&path, &moved).unwrap();
    say(&handle, "two\n");
    handle.reopen();
    assert!(handle.flush(PATIENCE));
    say(&handle, "three\n");
    writer.finish(PATIENCE);
    assert_eq!(fs::read_to_string(moved).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "three\n");
}

#[test]
fn a_file_is_opened_anew_even_if_there_is_nothing_to_write() {
    let directory = Directory::new();
    let path = directory.file("log");
    let (_writer, handle) = start(Target::File(path.clone()));
    for number in 0..50 {
        fs::rename(&path, directory.file(&number.to_string())).unwrap();
        handle.reopen();
        assert!(handle.flush(PATIENCE));
        assert!(path.exists(), "flush came back before the file was there");
    }
}

#[test]
fn a_file_that_cannot_be_opened_again_leaves_the_old_one_in_use() {
    let directory = Directory::new();
    let below = directory.file("below");
    fs::create_dir(&below).unwrap();
    let (writer, handle) = start(Target::File(below.join("log")));
    let moved = directory.file("moved");
    fs::rename(&below, &moved).unwrap();
    handle.reopen();
    say(&handle, "still here\n");
    writer.finish(PATIENCE);
    let text = fs::read_to_string(moved.join("log")).unwrap();
    assert!(
        text.contains("log: the file cannot be opened again"),
        "{text}"
    );
    assert!(text.contains("still here\n"), "{text}");
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let directory = Directory::new();
    let path = directory.file("log");
    symlink("/dev/full", &path).unwrap();
    let (writer, handle) = start(Target::File(path.clone()));
    say(&handle, "lost\nlost too\n");
    assert!(handle.flush(PATIENCE));
    say(&handle, "and this\n");
    assert!(handle.flush(PATIENCE));
    assert_eq!(handle.totals().failed, 3);

    fs::remove_file(&path).unwrap();
    handle.reopen();
    say(&handle, "there is room again\n");
    assert!(handle.flush(PATIENCE));
    let totals = writer.finish(PATIENCE);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("lost, writing failed: No space left on device"),
        "{text}"
    );
    assert_eq!((totals.dropped, totals.unwritten), (0, 0));
}

#[test]
fn a_reader_that_went_away_costs_lines_and_nothing_else() {
    let (writer, handle, reader) = onto_pipe(1 << 20);
    drop(reader);
    for _ in 0..3 {
        say(&handle, "to nobody\n");
        assert!(handle.flush(PATIENCE));
    }
    assert_eq!(writer.finish(PATIENCE).failed, 3);
}

#[test]
fn a_descriptor_that_refuses_to_block_is_waited_for() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let (writer, handle) = start(Target::Open(File::from(OwnedFd::from(writer))));
    let expected = "a line that has to wait for a reader\n".repeat(25_000);
    say(&handle, &expected);
    assert!(!handle.flush(Duration::from_millis(1)));
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let totals = writer.finish(PATIENCE);
    assert_eq!((totals.failed, totals.unwritten), (0, 0));
    assert!(reading.join().unwrap() == expected);
}

#[test]
fn after_a_line_that_was_cut_the_next_one_begins_anew() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let (begin, begun) = mpsc::channel::<()>();
    let first_reader = {
        let path = path.clone();
        thread::spawn(move || {
            let mut fifo = File::open(path).unwrap();
            begun.recv().unwrap();
            fifo.read_exact(&mut vec![0; 100_000]).unwrap();
        })
    };
    let (writer, handle) = start(Target::File(path.clone()));
    say(&handle, &format!("{}\n", "x".repeat(300_000)));
    begin.send(()).unwrap();
    first_reader.join().unwrap();
    assert!(handle.flush(PATIENCE));
    assert_eq!(handle.totals().failed, 1);

    let mut second_reader = File::open(&path).unwrap();
    let reading = thread::spawn(move || {
        let mut text = String::new();
        second_reader.read_to_string(&mut text).unwrap();
        text
    });
    say(&handle, "the next line\n");
    writer.finish(PATIENCE);
    let text = reading.join().unwrap();
    // Whichever comes first, neither hangs on the end of the line that was cut.
    assert!(text.lines().any(|line| line == "the next line"));
    let notice = "log: 1 line lost, writing failed: Broken pipe";
    assert!(text.lines().any(|line| line.starts_with(notice)));
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error_that_names_it() {
    let directory = Directory::new();
    let path = directory.file("missing/log");
    let error = LogWriter::start(LogSettings::new(Target::File(path.clone()))).unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("No such file"), "{source}");
}

#[test]
fn a_file_is_continued_at_its_end() {
    let directory = Directory::new();
    let path = directory.file("log");
    fs::write(&path, "old\n").unwrap();
    let (writer, handle) = start(Target::File(path.clone()));
    say(&handle, "new\n");
    // Somebody else appends too: neither overwrites the other.
    assert!(handle.flush(PATIENCE));
    let mut other = OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut other, b"other\n").unwrap();
    say(&handle, "newer\n");
    writer.finish(PATIENCE);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "old\nnew\nother\nnewer\n"
    );
}
