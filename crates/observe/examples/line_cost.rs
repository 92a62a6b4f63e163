//! What a log line costs the network thread, in nanoseconds: `cargo run --release --example line_cost`.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::time::{Duration, Instant};

use observe::{
    AccessLog, AccessSettings, Counters, LogSettings, LogWriter, RequestRecord, Style, Target,
};
use wire::Head;
use wire::http1::{Limits, parse_request};

const ROUNDS: u32 = 1_000_000;
const REQUEST: &[u8] = b"GET /articles/2026/11/a-usual-path?page=2 HTTP/1.1\r\n\
    Host: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n\
    Referer: https://www.example.org/articles/\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\
    Connection: keep-alive\r\n\r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let mut head = Head::new();
    parse_request(REQUEST, &Limits::default(), &mut head)?;
    let record = RequestRecord {
        head: Some(&head),
        remote_addr: "203.0.113.77",
        server_name: "web-3",
        server_port: "8000",
        status: 200,
        body_bytes: 12_345,
        header_bytes: 187,
        header_count: 5,
        started_micros: 1_795_271_265_322_664,
        duration_micros: 5_305,
        worker: 3,
        pid: 7_937,
        worker_requests: 123_456,
        total_requests: 493_827,
        switches: 1,
        ..RequestRecord::default()
    };
    let combined = "%(addr) - %(user) [%(ltime)] \"%(method) %(uri) %(proto)\" %(status) %(rsize) \
                    \"%(referer)\" \"%(uagent)\"";
    for (name, style) in [
        ("readable", Style::Readable),
        ("uwsgi", Style::Uwsgi),
        (
            "log-format, Apache's combined",
            Style::Template(combined.to_owned()),
        ),
    ] {
        let settings = AccessSettings {
            style,
            ..AccessSettings::default()
        };
        let mut log = AccessLog::new(&settings).0;
        let mut out = Vec::new();
        report(name, || {
            out.clear();
            log.log(&mut out, black_box(&record));
            black_box(&out);
        });
    }
    let counters = Counters::new(8);
    report("counters", || {
        black_box(counters.request_finished(black_box(&record)));
    });
    hand_over()
}

/// The hand-over of a turn's lines, one per turn, while the log thread writes.
fn hand_over() -> Result<(), Box<dyn Error>> {
    let sink = Target::Open(File::options().write(true).open("/dev/null")?);
    let writer = LogWriter::start(LogSettings {
        queue_bytes: 64 << 20,
        ..LogSettings::new(sink)
    })?;
    let handle = writer.handle();
    let mut lines = Vec::new();
    report("hand-over of one line of 160 bytes", || {
        lines.extend_from_slice(&[b'x'; 160]);
        handle.hand_over(&mut lines);
    });
    println!("{:?}", writer.finish(Duration::from_secs(10)));
    Ok(())
}

/// The best of five runs, for the machine is never quite quiet.
fn report(name: &str, mut work: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.min(begun.elapsed());
    }
    println!(
        "{:8.1} ns  {name}",
        best.as_secs_f64() * 1e9 / f64::from(ROUNDS)
    );
}
