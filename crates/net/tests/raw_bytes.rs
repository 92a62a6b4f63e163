//! Raw bytes in, raw bytes out: a real client socket on one side, the test as the app on the other.
#![allow(clippy::unwrap_used, reason = "a test that fails shows where")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use net::{BadAnswer, Connections, Id, Listener, Patience, Piece, Protocol, Settings};
use os::SharedBytes;

struct Server {
    connections: Connections,
    address: SocketAddr,
}

fn server(change: impl FnOnce(&mut Settings)) -> Server {
    let fd = os::socket::listen_tcp(
        ([127, 0, 0, 1], 0).into(),
        16,
        os::socket::Sharing::default(),
    )
    .unwrap();
    os::socket::prepare_listener(fd.as_fd(), false).unwrap();
    let address = os::socket::local_address(fd.as_fd()).unwrap().unwrap();
    let protocol = Protocol::HttpSocket;
    let listener = Listener {
        fd,
        protocol,
        shown: String::new(),
        server_port: address.port().to_string(),
        file: None,
    };
    let mut settings = Settings::default();
    change(&mut settings);
    Server {
        connections: Connections::new(vec![listener], settings).unwrap(),
        address,
    }
}

impl Server {
    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        client
    }

    /// Turns until a request has arrived.
    fn arrived(&mut self) -> Id {
        let end = Instant::now() + Duration::from_secs(5);
        while self.connections.news().arrived.is_empty() {
            assert!(Instant::now() < end, "no request arrived");
            self.turn();
        }
        self.connections.news().arrived.remove(0)
    }

    fn turn(&mut self) {
        self.connections.wait(Some(10)).unwrap();
        self.connections.flush_collected();
    }

    fn start(&mut self, id: Id, block: &str, body: &[u8], end: bool) -> Result<(), BadAnswer> {
        let mut payload = wire::answer::fixed(200, 2, block.len() as u32, 0).to_vec();
        payload.extend_from_slice(b"OK");
        payload.extend_from_slice(block.as_bytes());
        payload.extend_from_slice(body);
        self.connections.answer(
            id,
            Piece::Start {
                payload: SharedBytes::from(&payload[..]),
                end,
            },
        )
    }

    /// Turns and reads until the client has `count` answers' ends or the connection is closed.
    fn read(&mut self, client: &mut TcpStream, until: impl Fn(&str) -> bool) -> String {
        let (mut text, mut buffer) = (Vec::new(), vec![0; 65536]);
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            self.turn();
            match client.read(&mut buffer) {
                Ok(0) => return String::from_utf8_lossy(&text).into_owned() + "<closed>",
                Ok(count) => text.extend_from_slice(&buffer[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => {
                    return format!("{}<{:?}>", String::from_utf8_lossy(&text), error.kind());
                }
            }
            let so_far = String::from_utf8_lossy(&text).into_owned();
            if until(&so_far) {
                return so_far;
            }
            assert!(Instant::now() < end, "still waiting, got: {so_far}");
        }
    }
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let first = server.arrived();
    server.turn();
    assert!(
        server.connections.news().arrived.is_empty(),
        "one at a time"
    );
    server
        .start(first, "Content-Length: 3\r\n", b"one", true)
        .unwrap();
    let second = server.arrived();
    assert_ne!(first, second);
    server.start(second, "", b"two", true).unwrap();
    let text = server.read(&mut client, |text| text.ends_with("two"));
    assert!(
        text.contains("\r\n\r\noneHTTP/1.1 200 OK\r\n") && text.contains("Content-Length: 3\r\n"),
        "{text}"
    );
    assert_eq!(
        server.start(second, "", b"late", true),
        Ok(()),
        "an answer to nobody is swallowed"
    );
}

#[test]
fn any_split_of_a_request_is_the_same_request() {
    let bytes =
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for split in 1..bytes.len() {
        let mut server = server(|settings| settings.collected_for = 60_000_000);
        let mut client = server.client();
        client.write_all(&bytes[..split]).unwrap();
        server.turn();
        client.write_all(&bytes[split..]).unwrap();
        let id = server.arrived();
        let mut payload = Vec::new();
        assert_eq!(server.connections.payload(id, &mut payload), Some(false));
        let view = wire::payload::RequestView::decode(&payload).unwrap();
        assert_eq!(
            (view.target(), view.body()),
            (&b"/x"[..], wire::payload::Body::Here(b"abc")),
            "split at {split}"
        );
    }
}

#[test]
fn a_chunked_body_that_pauses_streams() {
    let mut server = server(|settings| settings.collected_for = 1);
    let mut client = server.client();
    client
        .write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    let id = server.arrived();
    let mut payload = Vec::new();
    assert_eq!(server.connections.payload(id, &mut payload), Some(true));
    server.connections.body_wanted(id);
    let (mut body, mut ended) = (Vec::new(), false);
    for (rest, whole) in [
        (&b""[..], &b"abc"[..]),
        (b"2\r\nd", b"abcd"),
        (b"e\r\n0\r\n\r\n", b"abcde"),
    ] {
        assert!(!ended);
        client.write_all(rest).unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while body != whole || (rest.ends_with(b"\r\n\r\n") && !ended) {
            assert!(Instant::now() < patience, "{body:?}");
            while let Some(part) = server.connections.pull_body(id, 4096) {
                body.extend_from_slice(part.data);
                ended = part.end;
            }
            server.turn();
        }
    }
    server.start(id, "", b"done", true).unwrap();
    server.read(&mut client, |text| text.ends_with("done"));
}

#[test]
fn a_long_body_is_pulled_as_it_is_wanted() {
    let mut server = server(|settings| settings.body_in_memory = 1000);
    let mut client = server.client();
    client
        .write_all(
            b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\nExpect: 100-continue\r\n\r\n",
        )
        .unwrap();
    let id = server.arrived();
    let mut payload = Vec::new();
    assert_eq!(
        server.connections.payload(id, &mut payload),
        Some(true),
        "it streams"
    );
    server.connections.body_wanted(id);
    server.read(&mut client, |text| text == "HTTP/1.1 100 Continue\r\n\r\n");
    let sender = std::thread::spawn(move || {
        client.write_all(&vec![b'x'; 300_000]).unwrap();
        client
    });
    let (mut total, mut ended) = (0, false);
    while !ended {
        server.turn();
        while let Some(part) = server.connections.pull_body(id, 4096) {
            assert!(part.data.len() <= 4096 && !part.cut_short);
            total += part.data.len();
            ended = part.end;
        }
    }
    assert_eq!(total, 300_000);
    let mut client = sender.join().unwrap();
    server.start(id, "", b"done", true).unwrap();
    let text = server.read(&mut client, |text| text.ends_with("done"));
    assert!(
        !text.contains("close"),
        "the body was read, so the connection stays: {text}"
    );
}

#[test]
fn an_unread_body_ends_the_connection_after_the_answer() {
    let mut server = server(|settings| settings.body_in_memory = 1000);
    let mut client = server.client();
    client
        .write_all(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
        .unwrap();
    client.write_all(&vec![b'x'; 20_000]).unwrap();
    let id = server.arrived();
    server.start(id, "", b"no", true).unwrap();
    let text = server.read(&mut client, |text| {
        text.ends_with("no<closed>") || text.ends_with("no")
    });
    assert!(text.contains("Connection: close\r\n"), "{text}");
    client
        .write_all(&vec![b'x'; 20_000])
        .expect("it lingers: what comes now is thrown away, not reset");
    client.shutdown(Shutdown::Write).unwrap();
    server.read(&mut client, |_| false);
}

#[test]
fn bad_requests_get_their_answer_and_the_end() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400",
        ),
        ("\x16\x03\x01", "400"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\nsome of it",
            "413",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello",
            "400",
        ),
    ] {
        let mut server = server(|settings| settings.body_limit = Some(1_000_000));
        let mut client = server.client();
        client
            .write_all(b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let good = server.arrived();
        server.start(good, "", b"good", true).unwrap();
        let text = server.read(&mut client, |_| false);
        let refusal = text.split_once("good").unwrap().1;
        assert!(
            refusal.starts_with(&format!("HTTP/1.1 {status}")),
            "{request:?}: {text}"
        );
        assert!(refusal.ends_with("<closed>"), "{text}");
        assert!(
            server.connections.news().arrived.is_empty(),
            "the app never sees it"
        );
    }
}

#[test]
fn patience_ends() {
    let mut server = server(|settings| {
        let short = 300_000;
        settings.http_socket = Patience {
            head: short,
            body: short,
            send: short,
            idle: short,
        };
    });
    let mut slow_head = server.client();
    slow_head.write_all(b"GET / HT").unwrap();
    let text = server.read(&mut slow_head, |_| false);
    assert!(
        text.starts_with("HTTP/1.1 408 ") && text.ends_with("<closed>"),
        "{text}"
    );
    let mut slow_body = server.client();
    slow_body
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        .unwrap();
    let text = server.read(&mut slow_body, |_| false);
    assert!(
        text.starts_with("HTTP/1.1 408 ") && text.ends_with("<closed>"),
        "{text}"
    );
    let mut idle = server.client();
    assert_eq!(
        server.read(&mut idle, |_| false),
        "<closed>",
        "nothing was asked, nothing is answered"
    );
    drop((slow_head, slow_body));
    let end = Instant::now() + Duration::from_secs(5);
    while !server.connections.is_empty() {
        assert!(Instant::now() < end, "somebody is still there");
        server.turn();
    }
}

#[test]
fn an_answer_keeps_to_its_length() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    server
        .start(id, "Content-Length: 3\r\n", b"too long", true)
        .unwrap();
    assert_eq!(
        body_of(&server.read(&mut client, |text| text.ends_with("too"))),
        "too"
    );
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    server
        .start(id, "Content-Length: 30\r\n", b"too short", true)
        .unwrap();
    let text = server.read(&mut client, |_| false);
    assert!(text.ends_with("too short<closed>"), "{text}");
    assert!(server.connections.news().finished.last().unwrap().cut_off);
}

#[test]
fn answers_without_body_have_none() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    server
        .start(id, "Content-Length: 5\r\n", b"hello", true)
        .unwrap();
    let text = server.read(&mut client, |text| text.ends_with("\r\n\r\n"));
    assert!(text.contains("Content-Length: 5\r\n"), "{text}");
}

#[test]
fn pieces_come_in_chunks_and_room_is_given_back() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    server.start(id, "", b"first", false).unwrap();
    server.read(&mut client, |text| text.ends_with("5\r\nfirst\r\n"));
    let piece = vec![b'y'; 100_000];
    server
        .connections
        .answer(
            id,
            Piece::Data {
                payload: SharedBytes::from(&piece[..]),
                end: false,
            },
        )
        .unwrap();
    server
        .connections
        .answer(
            id,
            Piece::Data {
                payload: SharedBytes::from(&b""[..]),
                end: true,
            },
        )
        .unwrap();
    let text = server.read(&mut client, |text| text.ends_with("\r\n0\r\n\r\n"));
    assert!(text.starts_with("186a0\r\ny"));
    let freed: u64 = server
        .connections
        .news()
        .freed
        .iter()
        .map(|(_, bytes)| bytes)
        .sum();
    assert!((5..=100_005).contains(&freed), "{freed}");
}

#[test]
fn a_client_that_goes_away_is_reported() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    server.start(id, "", b"first", false).unwrap();
    server.read(&mut client, |text| text.ends_with("first\r\n"));
    drop(client);
    let end = Instant::now() + Duration::from_secs(5);
    while server.connections.news().gone.is_empty() {
        let more = Piece::Data {
            payload: SharedBytes::from(&b"more"[..]),
            end: false,
        };
        server.connections.answer(id, more).unwrap();
        server.turn();
        assert!(Instant::now() < end, "nobody noticed");
    }
    assert_eq!(server.connections.news().gone, [id]);
}

#[test]
fn a_head_that_is_none_is_the_workers_fault() {
    let mut server = server(|_| {});
    let mut client = server.client();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    let short = Piece::Start {
        payload: SharedBytes::from(&b"\xc8\x00"[..]),
        end: true,
    };
    assert!(server.connections.answer(id, short).is_err());
    server
        .start(id, "X: a\r\nbad header\r\n", b"body", true)
        .unwrap();
    let text = server.read(&mut client, |_| false);
    assert!(
        text.starts_with("HTTP/1.1 502 ") && !text.contains("bad header"),
        "{text}"
    );
}

#[test]
fn draining_serves_what_is_there_and_closes_the_rest() {
    let mut server = server(|_| {});
    let mut idle = server.client();
    let mut busy = server.client();
    busy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    let mut late = server.client();
    late.write_all(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    server.connections.drain();
    assert_eq!(server.read(&mut idle, |_| false), "<closed>");
    server.start(id, "", b"bye", true).unwrap();
    let text = server.read(&mut busy, |_| false);
    assert!(
        text.contains("Connection: close\r\n") && text.ends_with("bye<closed>"),
        "{text}"
    );
    let id = server.arrived();
    server.start(id, "", b"late", true).unwrap();
    assert!(server.read(&mut late, |_| false).ends_with("late<closed>"));
    assert!(server.connections.is_empty() && TcpStream::connect(server.address).is_err());
}

#[test]
fn a_client_too_many_waits_its_turn() {
    let mut server = server(|settings| settings.most_connections = 1);
    let mut first = server.client();
    first
        .write_all(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let id = server.arrived();
    let mut second = server.client();
    second
        .write_all(b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while server.connections.news().not_accepting.is_none() {
        assert!(
            Instant::now() < end,
            "nobody said that accepting has paused"
        );
        server.turn();
    }
    server
        .start(id, "Connection: close\r\n", b"one", true)
        .unwrap();
    assert!(server.read(&mut first, |_| false).ends_with("one<closed>"));
    let id = server.arrived();
    server.start(id, "", b"two", true).unwrap();
    assert!(
        server
            .read(&mut second, |text| text.ends_with("two"))
            .ends_with("two")
    );
}
