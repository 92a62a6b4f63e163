//! The server's end of a link with a real worker behind it: starts Python with the extension that was
//! just built, gives it requests, collects its answers.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use os::event::EventFd;

use link::{FrameHead, Geometry, Incoming, Kind, Nap, Outgoing, SlotId};
use wire::answer::{FIXED, Fixed};
use wire::http1::{Limits, parse_request};
use wire::payload::{Body, Door, Peer, encode_request};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A worker and the server's end of its link.
pub struct Worker {
    pub outgoing: Outgoing,
    pub incoming: Incoming,
    pub control: OwnedFd,
    bell: EventFd,
    child: Child,
    free: Vec<u32>,
    generation: u32,
    pub answers: HashMap<SlotId, Answer>,
    /// Bytes the app wants of a body.
    pub wanted: HashMap<SlotId, u64>,
    pub ready: bool,
    pub pongs: Vec<u64>,
    /// Whether room is given back as soon as bytes come.
    pub greedy: bool,
    directory: PathBuf,
}

/// What has come of an answer.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub block: String,
    pub body: Vec<u8>,
    pub frames: usize,
    pub files: Vec<(OwnedFdBox, u64, u64)>,
    /// Errors' texts.
    pub errors: Vec<String>,
    /// The answer was ended by an error.
    pub failed: bool,
    pub over: bool,
    pub micros: u64,
}

/// A descriptor in something that can be cloned.
pub type OwnedFdBox = std::sync::Arc<OwnedFd>;

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.block
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A request to be sent.
#[derive(Clone)]
pub struct Request<'a> {
    pub head: String,
    pub body: Body<'a>,
    pub chunked: bool,
    pub door: Door,
}

impl Request<'_> {
    pub fn get(target: &str) -> Request<'static> {
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
        );
        Request {
            head,
            body: Body::None,
            chunked: false,
            door: Door::HttpSocket,
        }
    }

    pub fn head(text: &str) -> Request<'static> {
        Request {
            head: format!("{}\r\n\r\n", text.trim_end()),
            body: Body::None,
            chunked: false,
            door: Door::HttpSocket,
        }
    }
}

/// This package's extension. Cargo does not build one for tests, so it is built here, in the profile
/// and the directory of the program that runs.
pub fn extension() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let build = || {
        let exe = std::env::current_exe().unwrap();
        let directory = exe.ancestors().nth(2).unwrap();
        let profile = match directory.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([
                "build",
                "--quiet",
                "--package",
                "worker",
                "--lib",
                "--profile",
                profile,
                "--target-dir",
            ])
            .arg(directory.parent().unwrap());
        assert!(
            cargo
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status()
                .unwrap()
                .success(),
            "the extension is built"
        );
        directory.join("lib_native.so")
    };
    BUILT.get_or_init(build).clone()
}

/// A package `verdigris` with the extension in it, in a directory of its own.
fn package(directory: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/verdigris");
    let package = directory.join("verdigris");
    std::fs::create_dir_all(&package).unwrap();
    std::os::unix::fs::symlink(extension(), package.join("_native.abi3.so")).unwrap();
    std::fs::write(package.join("__init__.py"), "").unwrap();
    let engines = package.join("engines");
    std::fs::create_dir_all(&engines).unwrap();
    std::fs::write(engines.join("__init__.py"), "").unwrap();
    for file in ["wsgi.py", "threads.py", "mishaps.py", "forks.py"] {
        std::fs::copy(source.join("engines").join(file), engines.join(file)).unwrap();
    }
    std::fs::copy(source.join("leaving.py"), package.join("leaving.py")).unwrap();
}

const SCRIPT: &str = "
import json, os, sys
sys.path.insert(0, os.environ['HARNESS'])
from verdigris import _native
from verdigris.engines import threads
settings = json.loads(os.environ['SETTINGS'])
link = _native.attach(*map(int, os.environ['LINK'].split()), settings)
scope = {'__name__': 'app', 'link': link}
exec(compile(open(os.environ['APP']).read(), os.environ['APP'], 'exec'), scope)
threads.run(link, scope['app'], settings)
";

impl Worker {
    /// Starts a worker with an app in a file and settings in JSON.
    pub fn start(app: &Path, settings: &str) -> Self {
        Self::start_with(
            app,
            settings,
            Geometry {
                slots: 128,
                to_worker: 256 * 1024,
                to_server: 512 * 1024,
            },
        )
    }

    pub fn start_with(app: &Path, settings: &str, geometry: Geometry) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("verdigris-worker-{}-{number}", std::process::id()));
        package(&directory);
        let (outgoing, incoming, parts) = link::create(geometry).unwrap();
        let (control, theirs) = os::pass::message_pair().unwrap();
        let fds = [
            &parts.memory,
            &parts.wake_worker,
            &parts.wake_server,
            &theirs,
        ];
        // Others that are started at the same time must not get them.
        let turn = ONE_AT_A_TIME.lock().unwrap();
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let numbers: Vec<String> = fds.iter().map(|fd| fd.as_raw_fd().to_string()).collect();
        for fd in fds {
            os::file::set_inheritable(fd.as_fd(), true).unwrap();
        }
        let mut command = Command::new(python);
        command
            .args(["-u", "-c", SCRIPT])
            .env("HARNESS", &directory)
            .env("SETTINGS", settings)
            .env("APP", app)
            .env("LINK", numbers.join(" "));
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        drop((parts, theirs));
        drop(turn);
        let bell = EventFd::from_fd(incoming.bell().try_clone_to_owned().unwrap());
        let mut worker = Self {
            outgoing,
            incoming,
            control,
            bell,
            child,
            free: (0..geometry.slots).rev().collect(),
            generation: 1,
            answers: HashMap::new(),
            wanted: HashMap::new(),
            ready: false,
            pongs: Vec::new(),
            greedy: true,
            directory,
        };
        worker.until("the worker is ready", |worker| worker.ready);
        worker
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn next_generation(&self) -> u32 {
        self.generation
    }

    pub fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    /// Sends the worker a signal.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{name}")).arg(self.pid().to_string());
        assert!(kill.status().unwrap().success());
    }

    /// Puts a request into the ring without waking the worker.
    pub fn queue(&mut self, request: &Request<'_>) -> SlotId {
        let mut head = wire::Head::new();
        parse_request(request.head.as_bytes(), &Limits::default(), &mut head).unwrap();
        let peer = Peer {
            remote_addr: "127.0.0.1",
            remote_port: 40_000,
            server_name: "box",
            server_port: "8000",
            scheme_https: false,
            door: request.door,
        };
        let mut payload = Vec::new();
        encode_request(&mut payload, 1, &head, &peer, request.body, request.chunked);
        self.queue_payload(&payload, matches!(request.body, Body::Streams { .. }))
    }

    pub fn queue_payload(&mut self, payload: &[u8], streams: bool) -> SlotId {
        let slot = SlotId {
            index: self.free.pop().unwrap(),
            generation: self.generation,
        };
        self.generation += 1;
        let frame = FrameHead::new(Kind::Request, slot);
        self.outgoing
            .push(if streams { frame } else { frame.end() }, &[payload])
            .unwrap();
        self.answers.insert(slot, Answer::default());
        slot
    }

    /// Sends a request and wakes the worker.
    pub fn send(&mut self, request: &Request<'_>) -> SlotId {
        let slot = self.queue(request);
        self.outgoing.wake();
        slot
    }

    /// Sends a frame about a request.
    pub fn tell(&mut self, frame: FrameHead, payload: &[u8]) {
        self.outgoing.push(frame, &[payload]).unwrap();
        self.outgoing.wake();
    }

    /// Sends a request and waits for the whole answer.
    pub fn ask(&mut self, request: &Request<'_>) -> Answer {
        let slot = self.send(request);
        self.answer(slot)
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.ask(&Request::get(target))
    }

    /// Waits for the whole answer.
    pub fn answer(&mut self, slot: SlotId) -> Answer {
        self.until("an answer is over", |worker| worker.answers[&slot].over);
        self.answers.remove(&slot).unwrap()
    }

    /// Sends a body as the app wants it, and waits for the answer.
    pub fn stream(&mut self, request: &Request<'_>, body: &[u8]) -> Answer {
        let slot = self.send(request);
        let mut sent = 0;
        loop {
            self.until("the app wants the body or answers", |worker| {
                worker.answers[&slot].over || worker.wanted.contains_key(&slot)
            });
            if self.answers[&slot].over {
                return self.answers.remove(&slot).unwrap();
            }
            let count = (self.wanted[&slot] as usize)
                .min(body.len() - sent)
                .min(60_000);
            let last = sent + count == body.len();
            let frame = FrameHead::new(Kind::Body, slot);
            let frame = if last { frame.end() } else { frame };
            if self
                .outgoing
                .push(frame, &[&body[sent..sent + count]])
                .is_err()
            {
                self.outgoing.wake();
                self.drain_or_sleep();
                continue;
            }
            self.outgoing.wake();
            sent += count;
            let wanted = self.wanted.get_mut(&slot).unwrap();
            *wanted -= count as u64;
            if *wanted == 0 || last {
                self.wanted.remove(&slot);
            }
            if last {
                return self.answer(slot);
            }
        }
    }

    /// Sends this body, as far as there is room, to every request that wants one.
    pub fn feed_bodies(&mut self, body: &[u8]) {
        for slot in self.wanted.keys().copied().collect::<Vec<_>>() {
            if self
                .outgoing
                .push(FrameHead::new(Kind::Body, slot).end(), &[body])
                .is_ok()
            {
                self.wanted.remove(&slot);
            }
        }
        self.outgoing.wake();
    }

    /// Reads frames until the condition holds.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.drain();
            if done(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: waited in vain");
            if let Some(status) = self.child.try_wait().unwrap() {
                self.drain();
                assert!(done(self), "{what}: the worker has left with {status}");
                return;
            }
            self.drain_or_sleep();
        }
    }

    fn drain_or_sleep(&mut self) {
        self.sleep_at_most(50);
    }

    /// Sleeps until the worker says something, and reads it.
    pub fn sleep_at_most(&mut self, milliseconds: i32) {
        if self.incoming.prepare_nap(Nap::Sound) {
            self.bell.wait_at_most(milliseconds).unwrap();
        }
        self.incoming.awake();
        self.drain();
    }

    /// Reads the frames that are there.
    pub fn drain(&mut self) {
        let mut any = false;
        let mut room = Vec::new();
        while let Some(received) = self.incoming.peek().expect("the protocol is kept") {
            any = true;
            let mark = received.mark();
            let head = received.frame.head;
            let mut payload = Vec::new();
            received.frame.payload.copy_into(&mut payload);
            self.incoming.consume(mark);
            match head.kind {
                Kind::Ready => self.ready = true,
                Kind::Pong => self.pongs.push(head.value),
                Kind::Want => *self.wanted.entry(head.slot).or_default() += head.value,
                _ => {
                    let answer = self
                        .answers
                        .get_mut(&head.slot)
                        .expect("frames are about requests that are not over");
                    assert!(!answer.over);
                    answer.frames += 1;
                    let before = answer.body.len();
                    match head.kind {
                        Kind::Start => {
                            assert_eq!(answer.status, 0, "one head");
                            let fixed =
                                Fixed::read(payload[..FIXED].try_into().unwrap(), payload.len())
                                    .unwrap();
                            answer.status = fixed.status;
                            let block_at = FIXED + fixed.reason_len;
                            answer.reason = payload[FIXED..block_at]
                                .iter()
                                .map(|&byte| char::from(byte))
                                .collect();
                            answer.block = payload[block_at..fixed.body_at()]
                                .iter()
                                .map(|&byte| char::from(byte))
                                .collect();
                            answer.body.extend_from_slice(&payload[fixed.body_at()..]);
                        }
                        Kind::Data => {
                            assert_ne!(answer.status, 0, "the head comes first");
                            answer.body.extend_from_slice(&payload);
                        }
                        Kind::File => {
                            let mut name = [0; 64];
                            let (length, mut fds) =
                                os::pass::receive_with_fds(self.control.as_fd(), &mut name, false)
                                    .unwrap();
                            assert_eq!(name[..length][..4], head.slot.index.to_le_bytes());
                            let length = u64::from_le_bytes(payload[..].try_into().unwrap());
                            answer.files.push((
                                std::sync::Arc::new(fds.pop().unwrap()),
                                head.value,
                                length,
                            ));
                        }
                        Kind::Error => {
                            answer.errors.push(String::from_utf8(payload).unwrap());
                            answer.failed = head.is_end();
                        }
                        other => panic!("a worker does not send {other:?}"),
                    }
                    let bytes = (answer.body.len() - before) as u64;
                    if head.is_end() {
                        answer.over = true;
                        answer.micros = head.value;
                        self.free.push(head.slot.index);
                        self.wanted.remove(&head.slot);
                    } else if bytes > 0 {
                        room.push(FrameHead::new(Kind::Room, head.slot).value(bytes));
                    }
                }
            }
        }
        if any {
            self.incoming.give_room();
        }
        if self.greedy {
            for frame in room {
                self.tell(frame, &[]);
            }
        }
    }

    /// Tells the worker to leave and waits for it; its exit code.
    pub fn leave(&mut self) -> Option<i32> {
        self.tell(
            FrameHead::new(
                Kind::Drain,
                SlotId {
                    index: 0,
                    generation: 0,
                },
            ),
            &[],
        );
        self.exit_code()
    }

    /// Closes the server's end of the control socket, as the server's death does.
    pub fn hang_up(&mut self) {
        let (other, _) = os::pass::message_pair().unwrap();
        self.control = other;
    }

    /// Waits for the worker to leave by itself.
    pub fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.drain();
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the worker does not leave");
            self.drain_or_sleep();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
