//! The control thread's loop: waits for anything to happen, lets the machine decide, obeys it.
//!
//! It waits for signals, for molds that speak, for control sockets of workers that hang up, for the
//! serving thread, and for time.

mod examining;
mod hearing;
mod obeying;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use os::epoll::{Epoll, Interest};
use os::process::adopt_orphans;
use os::signals::{Signal, SignalFd};

use crate::blocked::Blocks;
use crate::fifo::Fifo;
use crate::launch::Launch;
use crate::machine::{Event, Machine, Outcome, Plan};
use crate::message::MAX_PACKET;
use crate::mold::Mold;
use crate::rounds::Rounds;
use crate::talk::{Host, Level, MoldId, Network, Totals, WorkerId};
use crate::token::Token;
use crate::touch::{Effect, Touch};
use crate::worker::Worker;

/// What supervision needs to know.
#[derive(Debug)]
pub struct Settings {
    /// What is to be kept running.
    pub plan: Plan,
    /// How.
    pub launch: Launch,
    /// When the server was started.
    pub started: Instant,
    /// Files whose change asks for something.
    pub touches: Vec<(PathBuf, Effect)>,
    /// Named pipes that take commands.
    pub fifos: Vec<PathBuf>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// In one word.
    pub outcome: Outcome,
    /// What came of the requests, if the serving thread told it.
    pub totals: Option<Totals>,
}

/// The control thread.
#[derive(Debug)]
pub struct Control<N, H> {
    settings: Settings,
    machine: Machine,
    network: N,
    host: H,
    epoll: Epoll,
    signals: SignalFd,
    /// How each generation that may still need molds is started.
    launches: BTreeMap<u32, Rc<Launch>>,
    molds: BTreeMap<MoldId, Mold>,
    workers: BTreeMap<WorkerId, Worker>,
    rounds: Rounds,
    fifos: Vec<Fifo>,
    /// Who blocks loops.
    blocks: Blocks,
    /// What has happened and was not dealt with yet.
    events: VecDeque<Event>,
    buffer: Vec<u8>,
    outcome: Option<Outcome>,
}

/// The signals that control wants to be blocked everywhere and told of.
pub const SIGNALS: [Signal; 7] = [
    Signal::Terminate,
    Signal::Interrupt,
    Signal::Quit,
    Signal::Hangup,
    Signal::User1,
    Signal::User2,
    Signal::Child,
];

impl<N: Network, H: Host> Control<N, H> {
    /// Prepares the loop. `signals` has blocked [`SIGNALS`] before the first thread was started.
    pub fn new(settings: Settings, signals: SignalFd, network: N, host: H) -> io::Result<Self> {
        adopt_orphans()?;
        let epoll = Epoll::new(64)?;
        epoll.add(
            signals.as_fd(),
            Token::Signals.to_number(),
            Interest::Readable,
        )?;
        epoll.add(
            network.bell(),
            Token::Network.to_number(),
            Interest::Readable,
        )?;
        let touches = settings.touches.iter();
        let touches = touches.map(|(path, effect)| Touch::new(path, *effect));
        Ok(Self {
            rounds: Rounds::new(touches.collect(), settings.plan.wear.minds_memory()),
            fifos: Vec::new(),
            machine: Machine::new(settings.plan.clone()),
            launches: BTreeMap::from([(1, Rc::new(settings.launch.clone()))]),
            settings,
            network,
            host,
            epoll,
            signals,
            molds: BTreeMap::new(),
            workers: BTreeMap::new(),
            blocks: Blocks::default(),
            events: VecDeque::new(),
            buffer: vec![0; MAX_PACKET],
            outcome: None,
        })
    }

    /// Runs until everything is over. This thread is the parent of all children, and the kernel
    /// kills them when it ends.
    pub fn run(mut self) -> io::Result<Ended> {
        self.open_fifos();
        let actions = self.machine.start();
        self.obey(actions);
        loop {
            while let Some(event) = self.events.pop_front() {
                let now = self.settings.started.elapsed();
                let actions = self.machine.handle(now, event);
                self.obey(actions);
            }
            if let Some(outcome) = self.outcome {
                return Ok(Ended {
                    outcome,
                    totals: self.machine.totals(),
                });
            }
            self.wait()?;
        }
    }

    /// Sleeps until something happens or time makes something due.
    fn wait(&mut self) -> io::Result<()> {
        let count = self.epoll.wait(self.patience())?;
        let tokens: Vec<Token> = (0..count)
            .map(|index| Token::from_number(self.epoll.event(index).token))
            .collect();
        // A mold's words come before the news that it has ended, and those before all else.
        for token in &tokens {
            match *token {
                Token::Mold(id) => self.hear_mold(id),
                Token::Worker(incarnation) => self.hung_up(incarnation),
                Token::Stack(incarnation) => self.hear_stack(incarnation),
                Token::Signals | Token::Network | Token::Fifo(_) => {}
            }
        }
        if tokens.contains(&Token::Network) {
            self.hear_network();
        }
        if tokens.contains(&Token::Signals) {
            self.hear_signals()?;
        }
        for token in &tokens {
            if let Token::Fifo(index) = token {
                self.hear_fifo(*index as usize);
            }
        }
        self.make_rounds();
        self.check_examinations();
        self.events.push_back(Event::Tick);
        Ok(())
    }

    fn make_rounds(&mut self) {
        let now = self.settings.started.elapsed();
        let workers = self.workers.iter();
        let workers = workers.filter_map(|(id, worker)| Some((*id, worker.pid?)));
        for (line, event) in self.rounds.look(now, workers) {
            if let Some(line) = line {
                self.host.say(Level::Info, &line);
            }
            self.events.push_back(event);
        }
    }

    fn open_fifos(&mut self) {
        for path in &self.settings.fifos {
            let opened = Fifo::open(path).and_then(|fifo| {
                let token = Token::Fifo(self.fifos.len() as u32);
                self.epoll
                    .add(fifo.fd(), token.to_number(), Interest::Readable)?;
                Ok(fifo)
            });
            match opened {
                Ok(fifo) => self.fifos.push(fifo),
                Err(error) => {
                    let text = format!("master-fifo {}: {error}", path.display());
                    self.host.say(Level::Error, &text);
                }
            }
        }
    }

    /// How long to sleep at most, in milliseconds, rounded up so that what is due is due then.
    fn patience(&self) -> i32 {
        let times = [
            self.machine.wake_at(),
            self.rounds.due(),
            self.examinations_due(),
        ];
        let Some(at) = times.into_iter().flatten().min() else {
            return -1;
        };
        let left = at.saturating_sub(self.settings.started.elapsed());
        let left = if left.is_zero() {
            Duration::ZERO
        } else {
            left + Duration::from_millis(1)
        };
        i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
    }
}
