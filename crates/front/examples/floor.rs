//! The server without Python: a thread of this process plays the worker and answers every request with
//! the same few bytes. What is measured here is the floor that network thread and link set.
//!
//! `cargo run --release -p front --example floor -- 8000`, then `wrk -c64 -t1 http://127.0.0.1:8000/`.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::channel;

use front::{Concurrency, Order, Reports, Settings, WorkerId};
use link::{FrameHead, Geometry, Kind, SlotId};
use net::{Listener, Protocol};

const BLOCK: &[u8] = b"Content-Type: text/plain\r\nContent-Length: 13\r\n";
const BODY: &[u8] = b"Hello, World!";

fn main() -> std::io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(8000u16);
    let fd = os::socket::listen_tcp(
        ([127, 0, 0, 1], port).into(),
        1024,
        os::socket::Sharing::default(),
    )?;
    os::socket::prepare_listener(fd.as_fd(), false)?;
    let listener = Listener {
        fd,
        protocol: Protocol::HttpSocket,
        shown: String::new(),
        server_port: port.to_string(),
        file: None,
    };
    let writer = observe::LogWriter::start(observe::LogSettings::new(observe::Target::Stderr))
        .map_err(std::io::Error::other)?;
    let access = observe::AccessSettings {
        selection: observe::Selection {
            disabled: true,
            ..Default::default()
        },
        ..Default::default()
    };
    let settings = Settings {
        most_waiting: usize::MAX,
        longest_wait: None,
        wear: None,
        limits: front::Limits::default(),
        net: net::Settings::default(),
        response_buffer: 1 << 20,
        access,
        log: observe::ServerLog::new(writer.handle()),
        counters: Arc::new(observe::Counters::new(1)),
    };
    let (channel, reports) = channel();
    let handle = front::start(
        vec![listener],
        settings,
        Reports {
            channel,
            bell: Arc::new(os::event::EventFd::new()?),
        },
    )?;
    let (outgoing, incoming, parts) = link::create(Geometry {
        slots: 128,
        to_worker: 256 * 1024,
        to_server: 512 * 1024,
    })?;
    let (ours, _theirs) = os::pass::message_pair()?;
    let id = WorkerId {
        worker: 1,
        incarnation: 1,
    };
    handle.order(Order::Attach {
        id,
        outgoing,
        incoming,
        control: ours,
        concurrency: Concurrency::Fixed(1),
    });
    std::thread::spawn(move || work(parts));
    while let Ok(report) = reports.recv() {
        println!("{report:?}");
    }
    Ok(())
}

fn work(parts: link::Parts) {
    let Ok((mut inbox, mut outbox)) =
        link::attach(parts.memory.as_fd(), parts.wake_worker, parts.wake_server)
    else {
        return;
    };
    let nobody = SlotId {
        index: 0,
        generation: 0,
    };
    let _ = outbox.push(FrameHead::new(Kind::Ready, nobody), &[]);
    let fixed = wire::answer::fixed(200, 2, BLOCK.len() as u32, 0);
    loop {
        while let Some(arrival) = inbox.peek() {
            let (head, mark) = (arrival.head, arrival.mark());
            inbox.consume(mark);
            if head.kind == Kind::Request && inbox.take(head.slot) {
                let answer = FrameHead::new(Kind::Start, head.slot).end().value(5);
                let _ = outbox.push(answer, &[&fixed, b"OK", BLOCK, BODY]);
                outbox.announce(inbox.is_empty());
            }
        }
        outbox.announce(true);
        if inbox.prepare_nap() {
            let _ = inbox.bell().wait();
            inbox.awake();
        }
    }
}
