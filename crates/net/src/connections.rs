//! All connections of the network thread, and the loop's one wait.
//!
//! The owner calls [`Connections::wait`], then works through what it brought: requests that have
//! arrived, exchanges whose client is gone, bodies that can be read on. Answers come in through
//! [`Connections::answer`] (see `answering.rs`). Nothing here calls anybody back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use os::clock::{monotonic_micros, unix_micros};
use os::epoll::{Epoll, Interest};
use wire::payload::Door;

use crate::connection::{Connection, Phase};
use crate::exchange::Exchange;
use crate::listener::{Listener, Protocol};
use crate::settings::Settings;
use crate::slab::Slab;
use crate::wheel::Wheel;

/// Names an exchange: the place of its connection, and which use of the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    /// The place.
    pub index: u32,
    /// Which use.
    pub generation: u32,
}

/// What the owner has to work through after a wait.
#[derive(Debug, Default)]
pub struct News {
    /// Requests to be given to the app.
    pub arrived: Vec<Id>,
    /// Submitted exchanges whose client is gone.
    pub gone: Vec<Id>,
    /// Exchanges whose body can be read on.
    pub bodies: Vec<Id>,
    /// Exchanges whose body waits for room in a worker's ring.
    pub stalled: Vec<Id>,
    /// Bytes of answers that have left, by exchange.
    pub freed: Vec<(Id, u64)>,
    /// Exchanges that are over, for the log.
    pub finished: Vec<Box<Exchange>>,
    /// Why accepting has paused: descriptors or allowed connections have run out.
    pub not_accepting: Option<String>,
    /// Tokens of foreign descriptors that have something to say.
    pub tokens: Vec<u64>,
}

/// Tokens from here on belong to listeners, below to connections, from [`FOREIGN`] on to others.
pub(crate) const LISTENERS: u64 = 1 << 62;
/// Tokens that the owner may use for its own descriptors begin here.
pub const FOREIGN: u64 = 1 << 63;
/// The buffer that sockets are read into.
pub(crate) const SCRATCH: usize = 64 * 1024;

/// The connections.
#[derive(Debug)]
pub struct Connections {
    pub(crate) epoll: Epoll,
    pub(crate) settings: Settings,
    pub(crate) listeners: Vec<Listener>,
    /// What is known of the listeners; it stays when they are closed.
    doors: Vec<(Protocol, String)>,
    /// Whether the listeners are in the epoll set.
    pub(crate) accepting: bool,
    /// Accepting goes on at this moment (after running out of descriptors or of room).
    pub(crate) paused_until: Option<u64>,
    pub(crate) table: Slab<Connection>,
    pub(crate) generations: Vec<u32>,
    pub(crate) news: News,
    pub(crate) scratch: Vec<u8>,
    /// A private copy of a worker's answer head, and the head made of it.
    pub(crate) private: Vec<u8>,
    pub(crate) encoded: Vec<u8>,
    pub(crate) dirty: Vec<u32>,
    #[expect(
        clippy::vec_box,
        reason = "the boxes themselves are used again, for connections"
    )]
    pool: Vec<Box<Exchange>>,
    pub(crate) wheel: Wheel,
    pub(crate) due: Vec<(u64, (u32, u32))>,
    /// This turn's time, monotonic microseconds.
    pub(crate) now: u64,
    date_second: u64,
    pub(crate) date: [u8; wire::date::DATE_BYTES],
    pub(crate) draining: bool,
    /// Connections that were cut by an immediate stop.
    pub cut: u64,
}

impl Connections {
    /// Takes over listeners that are bound and listening.
    pub fn new(listeners: Vec<Listener>, settings: Settings) -> io::Result<Self> {
        let now = monotonic_micros();
        let mut connections = Self {
            epoll: Epoll::new(1024)?,
            settings,
            doors: listeners
                .iter()
                .map(|listener| (listener.protocol, listener.server_port.clone()))
                .collect(),
            listeners,
            accepting: false,
            paused_until: None,
            table: Slab::new(),
            generations: Vec::new(),
            news: News::default(),
            scratch: vec![0; SCRATCH],
            private: Vec::new(),
            encoded: Vec::new(),
            dirty: Vec::new(),
            pool: Vec::new(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            now,
            date_second: 0,
            date: wire::date::imf_fixdate(0),
            draining: false,
            cut: 0,
        };
        connections.accept_from(true)?;
        connections.tell_time();
        Ok(connections)
    }

    /// Watches a descriptor of the owner; its token (from [`FOREIGN`] on) is in [`News::tokens`] after
    /// each edge.
    pub fn watch(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.epoll.add(fd, token | FOREIGN, Interest::Edges)
    }

    /// What there is to work through.
    pub fn news(&mut self) -> &mut News {
        &mut self.news
    }

    /// How many clients are connected.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The time of this turn in monotonic microseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    fn tell_time(&mut self) {
        self.now = monotonic_micros();
        let second = self.now / 1_000_000;
        if second != self.date_second {
            self.date_second = second;
            self.date = wire::date::imf_fixdate(unix_micros() / 1_000_000);
        }
    }

    /// Sleeps until something happens, at most `milliseconds` (None: no limit of the owner's), reads
    /// what came, and fills the news. Whether anything happened.
    pub fn wait(&mut self, milliseconds: Option<i32>) -> io::Result<bool> {
        let timeout = self.sleep_time(milliseconds);
        let count = self.epoll.wait(timeout)?;
        self.tell_time();
        for index in 0..count {
            let event = self.epoll.event(index);
            if event.token >= FOREIGN {
                self.news.tokens.push(event.token & !FOREIGN);
            } else if event.token >= LISTENERS {
                self.accept((event.token & !LISTENERS) as usize);
            } else {
                let (place, serial) = (event.token as u32, (event.token >> 32) as u32);
                self.on_event(place, serial, &event);
            }
        }
        self.sweep();
        Ok(count > 0)
    }

    fn on_event(&mut self, place: u32, serial: u32, event: &os::epoll::Event) {
        let Some(connection) = self.table.get_same(place, serial) else {
            return;
        };
        connection.half_closed |= event.hung_up;
        connection.readable |= event.readable || event.hung_up;
        if event.dead {
            self.close(place);
            return;
        }
        if event.writable && !connection.output.is_empty() {
            self.flush(place);
        }
        self.read(place);
    }

    /// Lets epoll watch a connection.
    pub(crate) fn register(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if connection.registered {
            return;
        }
        let token = u64::from(connection.serial) << 32 | u64::from(place);
        connection.registered = self
            .epoll
            .add(connection.fd.as_fd(), token, Interest::Edges)
            .is_ok();
        if !connection.registered {
            self.close(place);
        }
    }

    /// Closes a connection now. A submitted exchange is reported as gone; one that had a request is
    /// handed out for the log.
    pub(crate) fn close(&mut self, place: u32) {
        let Some(connection) = self.table.remove(place) else {
            return;
        };
        if let Some(mut exchange) = connection.exchange {
            if exchange.submitted {
                self.news.gone.push(Id {
                    index: place,
                    generation: connection.generation,
                });
                exchange.cut_off = true;
                exchange.ended = self.now;
                self.news.finished.push(exchange);
            } else {
                self.recycle(exchange);
            }
        }
    }

    /// A fresh exchange.
    pub(crate) fn new_exchange(&mut self) -> Box<Exchange> {
        self.pool.pop().unwrap_or_else(|| Box::new(Exchange::new()))
    }

    /// Takes an exchange back when the log is done with it.
    pub fn recycle(&mut self, mut exchange: Box<Exchange>) {
        if self.pool.len() < 256 {
            exchange.recycle();
            self.pool.push(exchange);
        }
    }

    /// The kind of door and the port of a listener.
    pub(crate) fn door(&self, listener: usize) -> Door {
        match self.doors.get(listener).map(|(protocol, _)| *protocol) {
            Some(Protocol::Uwsgi) => Door::Uwsgi,
            Some(Protocol::Http) => Door::Http,
            _ => Door::HttpSocket,
        }
    }

    /// Appends the payload of a submitted request; whether its body follows in pieces. None: it is no
    /// more.
    pub fn payload(&mut self, id: Id, out: &mut Vec<u8>) -> Option<bool> {
        let connection = self
            .table
            .get(id.index)
            .filter(|connection| connection.generation == id.generation)?;
        let exchange = connection.exchange.as_ref()?;
        let peer = wire::payload::Peer {
            remote_addr: &connection.peer_address,
            remote_port: connection.peer_port,
            server_name: &self.settings.server_name,
            server_port: self
                .doors
                .get(connection.listener)
                .map_or("", |(_, port)| port),
            scheme_https: false,
            door: exchange.door,
        };
        let (body, streams) = exchange.body_for_payload();
        let number = u64::from(id.generation) << 32 | u64::from(id.index);
        wire::payload::encode_request(
            out,
            number,
            &exchange.head,
            &peer,
            body,
            exchange.chunked_request,
        );
        Some(streams)
    }

    /// Notes which worker has the request.
    pub fn assigned(&mut self, id: Id, worker: u32, incarnation: u64) {
        if let Some(exchange) = self.exchange(id) {
            exchange.worker = worker;
            exchange.incarnation = incarnation;
        }
    }

    /// When an exchange began to wait for a worker (monotonic microseconds); None when it is no more.
    pub fn submitted_at(&mut self, id: Id) -> Option<u64> {
        self.exchange(id).map(|exchange| exchange.submitted_at)
    }

    /// Notes what went wrong with an exchange, for the log.
    pub fn note(&mut self, id: Id, trouble: &str) {
        if let Some(exchange) = self
            .exchange(id)
            .filter(|exchange| exchange.trouble.is_empty())
        {
            exchange.trouble = trouble.as_bytes().to_vec();
        }
    }

    /// The exchange of that name as it stands, if it is still running.
    pub fn running(&mut self, id: Id) -> Option<&Exchange> {
        self.exchange(id).map(|exchange| &*exchange)
    }

    /// Method and target of a running exchange.
    pub fn request_line(&mut self, id: Id) -> Option<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.exchange(id).map(|exchange| {
            let head = &exchange.head;
            format!("{} {}", text(head.method()), text(head.target()))
        })
    }

    /// The exchange of that name, if it is still running.
    pub(crate) fn exchange(&mut self, id: Id) -> Option<&mut Exchange> {
        let connection = self
            .table
            .get(id.index)
            .filter(|connection| connection.generation == id.generation)?;
        connection.exchange.as_deref_mut()
    }

    /// The request that the connection at a place has now.
    pub(crate) fn exchange_at(&mut self, place: u32) -> Option<&mut Exchange> {
        self.table.get(place)?.exchange.as_deref_mut()
    }

    /// Takes what waits in the backlogs, closes the listeners and the idle connections, and lets the
    /// others end after their answer.
    pub fn drain(&mut self) {
        self.draining = true;
        for index in 0..self.listeners.len() {
            while self.accept(index) {}
        }
        let _ = self.accept_from(false);
        self.paused_until = None;
        self.listeners.clear();
        for place in self.table.indices() {
            // A request may be on its way into the socket: it is still served.
            self.read(place);
            self.close_if_idle(place);
        }
    }

    /// Closes a connection that waits for a request while the server drains.
    pub(crate) fn close_if_idle(&mut self, place: u32) {
        let idle = self.table.get(place).is_some_and(|connection| {
            connection.phase == Phase::Head
                && connection.exchange.is_none()
                && connection.output.is_empty()
        });
        if idle && self.draining {
            self.close(place);
        }
    }

    /// Cuts every connection.
    pub fn close_all(&mut self) {
        for place in self.table.indices() {
            if self.table.get(place).is_some_and(|connection| {
                connection.exchange.is_some() || !connection.output.is_empty()
            }) {
                self.cut += 1;
            }
            self.close(place);
        }
    }
}
