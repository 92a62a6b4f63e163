//! Every message of the corpus: the good ones mean what is written beside them, the bad ones are refused
//! with the status and the reason written beside them — whole, byte by byte, and behind a good request.

mod support;

use std::path::Path;

use support::{BUFFER_SIZE, corpus, describe_packet, expect_file, transcript};
use wire::Head;
use wire::uwsgi::{self, Progress, parse_packet};

fn every_byte(input: &[u8]) -> std::ops::Range<usize> {
    0..input.len()
}

fn assert_no_failures(failures: &[String]) {
    assert!(failures.is_empty(), "{}", failures.join("\n---\n"));
}

#[test]
fn good_http1() {
    let files = corpus("http1/good", "http");
    assert!(files.len() >= 70, "the corpus is not where it should be");
    let mut failures = Vec::new();
    for (path, input) in files {
        let whole = transcript(&input, []);
        let trickled = transcript(&input, every_byte(&input));
        assert_eq!(whole.text, trickled.text, "{}", path.display());
        assert_eq!(whole.refusal, None, "{}", path.display());
        assert!(whole.requests > 0, "{}", path.display());
        assert_eq!(whole.waiting(), 0, "{}", path.display());
        failures.extend(expect_file(&path, &whole.text).err());
    }
    assert_no_failures(&failures);
}

#[test]
fn bad_http1() {
    let files = corpus("http1/bad", "http");
    assert!(files.len() >= 300, "the corpus is not where it should be");
    let mut failures = Vec::new();
    for (path, input) in files {
        failures.extend(check_bad_http1(&path, &input).err());
    }
    assert_no_failures(&failures);
}

fn check_bad_http1(path: &Path, input: &[u8]) -> Result<(), String> {
    let whole = transcript(input, []);
    let Some(refusal) = whole.refusal else {
        return Err(format!(
            "{} was not refused:\n{}",
            path.display(),
            whole.text
        ));
    };
    assert_eq!(whole.requests, 0, "{}", path.display());
    let trickled = transcript(input, every_byte(input));
    assert_eq!(trickled.refusal, whole.refusal, "{}", path.display());

    let good = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = [good, input].concat();
    for cuts in [vec![], vec![good.len()], vec![good.len() + 1]] {
        let behind = transcript(&both, cuts);
        assert_eq!(behind.refusal, whole.refusal, "{}", path.display());
        assert_eq!(behind.requests, 1, "{}", path.display());
    }
    expect_file(path, &format!("{}\n{}\n", refusal.status, refusal.why))
}

#[test]
fn good_uwsgi() {
    let files = corpus("uwsgi/good", "uwsgi");
    assert!(files.len() >= 12, "the corpus is not where it should be");
    let mut failures = Vec::new();
    for (path, input) in files {
        let mut head = Head::new();
        let Ok(Progress::Complete(packet)) = parse_packet(&input, BUFFER_SIZE, &mut head) else {
            panic!("{} was not understood", path.display());
        };
        for end in 0..packet.consumed {
            let early = parse_packet(&input[..end], BUFFER_SIZE, &mut Head::new());
            assert_eq!(early, Ok(Progress::Incomplete), "{}", path.display());
        }
        failures.extend(expect_file(&path, &describe_packet(&head, &packet)).err());
    }
    assert_no_failures(&failures);
}

#[test]
fn bad_uwsgi() {
    let files = corpus("uwsgi/bad", "uwsgi");
    assert!(files.len() >= 30, "the corpus is not where it should be");
    let mut failures = Vec::new();
    for (path, input) in files {
        let mut head = Head::new();
        let refusal = (0..=input.len())
            .map(|end| parse_packet(&input[..end], BUFFER_SIZE, &mut head))
            .find(|outcome| *outcome != Ok(uwsgi::Progress::Incomplete));
        let whole = parse_packet(&input, BUFFER_SIZE, &mut head);
        let Some(Err(first)) = refusal else {
            panic!("{} was not refused", path.display());
        };
        assert_eq!(whole, Err(first), "{}", path.display());
        failures.extend(expect_file(&path, &format!("{}\n{first}\n", first.status())).err());
    }
    assert_no_failures(&failures);
}
