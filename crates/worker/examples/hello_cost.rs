//! What a small request costs a worker: keeps a number of requests in its ring and prints the worker's
//! CPU time for each. `hello_cost [requests] [depth] [settings] [app.py]`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a measuring program")]

#[path = "../tests/server/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "shared with the tests"
)]
mod server;

use std::path::PathBuf;
use std::time::Instant;

use link::{Kind, Nap};
use server::{Request, Worker};

const HELLO: &str = "
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '6')])
    return [b'hello\\n']
";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let requests: usize = arguments
        .next()
        .map_or(300_000, |text| text.parse().unwrap());
    let depth: usize = arguments.next().map_or(32, |text| text.parse().unwrap());
    let settings = arguments
        .next()
        .unwrap_or_else(|| r#"{"threads": 1}"#.to_owned());
    let hello = std::env::temp_dir().join(format!("hello-{}.py", std::process::id()));
    std::fs::write(&hello, HELLO).unwrap();
    let app = arguments
        .next()
        .map_or_else(|| hello.clone(), PathBuf::from);
    let mut worker = Worker::start(&app, &settings);
    std::fs::remove_file(&hello).unwrap();
    let mut head = wire::Head::new();
    let text =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: wrk/4.1.0\r\nAccept: */*\r\n\r\n";
    wire::http1::parse_request(text.as_bytes(), &wire::http1::Limits::default(), &mut head)
        .unwrap();
    let peer = wire::payload::Peer {
        remote_addr: "127.0.0.1",
        remote_port: 40_000,
        server_name: "127.0.0.1",
        server_port: "8000",
        scheme_https: false,
        door: wire::payload::Door::HttpSocket,
    };
    let mut payload = Vec::new();
    wire::payload::encode_request(
        &mut payload,
        1,
        &head,
        &peer,
        wire::payload::Body::None,
        false,
    );
    assert_eq!(worker.ask(&Request::get("/")).status, 200);
    round(&mut worker, requests / 10, depth, &payload);
    let cpu = cpu_of(worker.pid());
    let started = Instant::now();
    round(&mut worker, requests, depth, &payload);
    let (user, system, on_cpu) = cpu_of(worker.pid());
    let each = |now: f64, before: f64| (now - before) * 1e6 / requests as f64;
    println!(
        "{requests} requests, depth {depth}: worker {:.3} us on CPU each (user {:.2}, system {:.2}); wall {:.2} us",
        each(on_cpu, cpu.2),
        each(user, cpu.0),
        each(system, cpu.1),
        started.elapsed().as_secs_f64() * 1e6 / requests as f64
    );
}

fn round(worker: &mut Worker, requests: usize, depth: usize, payload: &[u8]) {
    let (mut sent, mut answered) = (0, 0);
    let mut free: Vec<u32> = (0..depth as u32).collect();
    let mut generation = worker.next_generation();
    let bell = os::event::EventFd::from_fd(worker.incoming.bell().try_clone_to_owned().unwrap());
    while answered < requests {
        while sent < requests {
            let Some(index) = free.pop() else { break };
            generation += 1;
            let slot = link::SlotId { index, generation };
            worker
                .outgoing
                .push(link::FrameHead::new(Kind::Request, slot).end(), &[payload])
                .unwrap();
            sent += 1;
        }
        worker.outgoing.wake();
        let before = answered;
        while let Some(received) = worker.incoming.peek().unwrap() {
            let (mark, head) = (received.mark(), received.frame.head);
            assert!(head.kind == Kind::Start && head.is_end());
            free.push(head.slot.index);
            worker.incoming.consume(mark);
            answered += 1;
        }
        if answered == before {
            let nap = if depth > 1 { Nap::Lazy } else { Nap::Sound };
            if worker.incoming.prepare_nap(nap) {
                bell.wait_at_most(1000).unwrap();
            }
            worker.incoming.awake();
        }
    }
    worker.set_generation(generation);
}

/// User and system seconds from the clock ticks, and the exact time on a CPU of all threads.
fn cpu_of(pid: u32) -> (f64, f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap() / 100.0;
    let mut on_cpu = 0.0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        on_cpu += text
            .split_whitespace()
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1e9;
    }
    (ticks(11), ticks(12), on_cpu)
}
