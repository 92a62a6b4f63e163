//! The server's own lines, read back from a pipe.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use observe::{LogSettings, LogWriter, ServerLog, Target, utc};

/// What comes out when `talk` has the log.
fn said(talk: impl FnOnce(ServerLog)) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let target = Target::Open(File::from(OwnedFd::from(writer)));
    let writer = LogWriter::start(LogSettings::new(target)).unwrap();
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        talk(ServerLog::new(writer.handle()));
        assert_eq!(writer.finish(Duration::from_secs(20)).unwritten, 0);
        reading.join().unwrap()
    })
}

#[test]
fn a_sentence_and_its_facts() {
    let text = said(|log| {
        log.info("ready: 4 workers", &[]);
        log.warning(
            "a worker died, another one is started",
            &[("worker", &2), ("pid", &311)],
        );
        log.error(
            "cannot start",
            &[("cause", &"no such file"), ("path", &"/a"), ("x", &"")],
        );
    });
    assert_eq!(
        text,
        "ready: 4 workers\n\
         warning: a worker died, another one is started worker=2 pid=311\n\
         error: cannot start cause=\"no such file\" path=/a x=\"\"\n"
    );
}

#[test]
fn an_event_stays_on_its_line_whatever_is_in_it() {
    let text = said(|log| log.error("a\nb", &[("value", &"c\"\nd\\ e"), ("other", &"f\x1b")]));
    assert_eq!(
        text,
        "error: a\\x0ab value=\"c\\\"\\x0ad\\\\ e\" other=f\\x1b\n"
    );
}

#[test]
fn a_block_stays_together_and_readable() {
    let traceback =
        b"Traceback (most recent call last):\n  File \"a\\b.py\", line 1\r\n\tKeyError: 'x\x07'";
    let text = said(|log| {
        log.block(
            observe::Level::Error,
            "the app failed",
            &[("request", &"GET /x")],
            traceback,
        );
    });
    assert_eq!(
        text,
        "error: the app failed request=\"GET /x\"\nTraceback (most recent call last):\n  \
         File \"a\\b.py\", line 1\n\tKeyError: 'x\\x07'\n"
    );
}

#[test]
fn a_block_without_end_is_cut() {
    let text = said(|log| {
        log.block(observe::Level::Info, "much", &[], &b"x".repeat(100_000));
    });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1].len(), 65_536);
    assert_eq!(lines[2..], ["… (34464 more bytes)"]);
}

#[test]
fn dates_go_before_events() {
    let text = said(|log| {
        let dated = log.clone().with_date(Some("%Y!"), utc);
        dated.info("one", &[]);
        dated.block(observe::Level::Info, "two", &[], b"three\n");
        log.clone().with_date(None, utc).info("four", &[]);
    });
    let lines: Vec<&str> = text.lines().collect();
    let (year, rest) = lines[0].split_once('!').unwrap();
    assert!(year.parse::<u32>().unwrap() >= 2024);
    assert_eq!(rest, " - one");
    assert_eq!(lines[1], format!("{year}! - two"));
    assert_eq!(lines[2], "three");
    let (date, sentence) = lines[3].split_once(" - ").unwrap();
    assert_eq!(sentence, "four");
    assert!(
        date.len() == "Sat Nov 21 14:27:48 2026".len() && date.ends_with(year),
        "{date}"
    );
}
