//! The control thread's loop: waits for anything to happen, lets the machine decide, obeys it.
//!
//! It waits for signals, for molds that speak, for control sockets of workers that hang up, for the
//! serving thread, and for time.

mod examining;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use os::epoll::{Epoll, Interest};
use os::process::{adopt_orphans, reap};
use os::signals::{Signal, SignalFd};

use crate::blocked::Blocks;
use crate::fifo::{Command, Fifo};
use crate::launch::Launch;
use crate::machine::{Action, Event, Machine, Outcome, Plan};
use crate::message::{self, MAX_PACKET, Message};
use crate::mold::{Heard, Mold, MoldCommand};
use crate::rounds::Rounds;
use crate::talk::{Host, Level, MoldId, Network, Order, Totals, WorkerId};
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

    fn hear_fifo(&mut self, index: usize) {
        let commands = self.fifos.get_mut(index).map(Fifo::read);
        for command in commands.unwrap_or_default() {
            match command {
                Ok(Command::Reload) => self.events.push_back(Event::ReloadRequested),
                Ok(Command::Workers) => self.ask_for(Effect::Workers),
                Ok(Command::Chain) => self.ask_for(Effect::Chain),
                Ok(Command::Stop) => self.events.push_back(Event::Terminated),
                Ok(Command::StopNow) => self.events.push_back(Event::Killed),
                Ok(Command::ReopenLogs) => self.host.reopen_logs(),
                Ok(Command::ShowState) => self.show_state(),
                Ok(Command::WritePidFiles) => self.host.write_pid_files(),
                Err(letter) => {
                    let text = format!("master-fifo: the command {letter:?} is not known here");
                    self.host.say(Level::Warning, &text);
                }
            }
        }
    }

    fn ask_for(&mut self, effect: Effect) {
        self.events.push_back(effect.event());
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

    fn hear_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.read()? {
            match signal {
                Signal::Terminate => self.events.push_back(Event::Terminated),
                Signal::Interrupt => self.events.push_back(Event::Interrupted),
                Signal::Quit => self.events.push_back(Event::Killed),
                Signal::Hangup => self.events.push_back(Event::ReloadRequested),
                Signal::User1 => self.show_state(),
                Signal::User2 => self.host.reopen_logs(),
                Signal::Child => self.reap_all()?,
                Signal::Kill | Signal::Pipe | Signal::Stack | Signal::Orphaned => {}
            }
        }
        Ok(())
    }

    fn show_state(&mut self) {
        let lines = self.machine.describe();
        let text = if lines.is_empty() {
            "no worker runs".to_owned()
        } else {
            lines.join("\n")
        };
        self.host.say(Level::Info, &text);
    }

    /// Collects every child that has ended. Adopted ones that nobody knows are only buried.
    fn reap_all(&mut self) -> io::Result<()> {
        while let Some((pid, ending)) = reap()? {
            let mold = self
                .molds
                .iter()
                .find(|(_, mold)| mold.pid() == pid)
                .map(|(id, _)| *id);
            if let Some(id) = mold {
                // What it said last is still in the socket.
                self.hear_mold(id);
                if let Some(mold) = self.molds.remove(&id) {
                    let _ = self.epoll.remove(mold.socket());
                }
                self.events.push_back(Event::MoldDied(id, ending));
            } else if let Some(id) = self.worker_with_pid(pid) {
                self.hear_last_words(id);
                self.events.push_back(Event::Exited(id, ending));
            }
        }
        Ok(())
    }

    fn worker_with_pid(&self, pid: u32) -> Option<WorkerId> {
        self.workers
            .iter()
            .find(|(_, worker)| worker.pid == Some(pid))
            .map(|(id, _)| *id)
    }

    fn hear_mold(&mut self, id: MoldId) {
        loop {
            let Some(mold) = self.molds.get(&id) else {
                return;
            };
            let message = match mold.receive(&mut self.buffer) {
                Heard::Message(message) => message,
                Heard::Nothing => return,
                Heard::End => {
                    // It has ended, or it can no longer be talked to, which comes to the same.
                    let _ = self.epoll.remove(mold.socket());
                    mold.kill();
                    return;
                }
            };
            match message {
                Message::Loaded(loaded) => self.events.push_back(Event::MoldLoaded(id, loaded)),
                Message::Failed(failure) => self.events.push_back(Event::MoldFailed(id, failure)),
                Message::Forked { id, pid } => {
                    if let Some(worker) = self.workers.get_mut(&id) {
                        worker.pid = Some(pid);
                    }
                    self.events.push_back(Event::Forked(id, pid));
                }
                Message::Exited { id, ending } => {
                    self.hear_last_words(id);
                    self.events.push_back(Event::Exited(id, ending));
                }
                Message::Leaving { id } => self.events.push_back(Event::Leaving(id)),
                Message::Worn { id, why } => self.events.push_back(Event::Worn(id, why)),
                Message::CodeChanged(file) => {
                    self.host.say(Level::Info, &format!("{file} has changed"));
                    self.events.push_back(Event::ReloadRequested);
                }
                Message::Warning(text) => self.host.say(Level::Warning, &text),
            }
        }
    }

    fn hung_up(&mut self, incarnation: u64) {
        let id = self
            .workers
            .keys()
            .find(|id| id.incarnation == incarnation)
            .copied();
        if let Some(id) = id {
            self.hear_last_words(id);
            self.events.push_back(Event::HungUp(id));
        }
    }

    /// What a worker said before it ended: why it could not load the app.
    fn hear_last_words(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        while let Heard::Message(message) = worker.last_words(&mut self.buffer) {
            if let Message::Failed(failure) = message {
                self.events.push_back(Event::WorkerFailed(id, failure));
            }
        }
    }

    fn hear_network(&mut self) {
        self.network.quiet();
        while let Some(report) = self.network.report() {
            self.events.push_back(Event::Network(report));
        }
    }

    fn obey(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::StartMold(id, generation) => self.start_mold(id, generation),
                Action::ReadAgain(generation) => self.read_again(generation),
                Action::Fork(mold, id) => self.fork(mold, id),
                Action::StopMold(id) => self.stop_mold(id),
                Action::KillMold(id) => self.with_mold(id, Mold::kill),
                Action::KillWorker(id) => self.with_worker(id, Worker::kill),
                Action::Examine(id, examination) => self.examine(id, examination),
                Action::Unblocked(id, time) => self.unblocked(id, time),
                Action::Forget(id) => self.forget(id),
                Action::Tell(order) => self.network.order(order),
                Action::Say(level, text) => self.host.say(level, &text),
                Action::Serving => self.host.serving(),
                Action::Exit(outcome) => self.outcome = Some(outcome),
            }
        }
    }

    /// Finds out how the next generation is to be started.
    fn read_again(&mut self, generation: u32) {
        let serving = self.machine.generation();
        self.launches.retain(|known, _| *known >= serving);
        let read = self.host.read_again().map(|fresh| {
            let Some(fresh) = fresh else {
                let same = self.launches.get(&serving).cloned();
                self.launches
                    .extend(same.map(|launch| (generation, launch)));
                return None;
            };
            let touches = fresh.touches.iter();
            let touches = touches.map(|(path, effect)| Touch::new(path, *effect));
            self.rounds = Rounds::new(touches.collect(), fresh.plan.wear.minds_memory());
            self.launches.insert(generation, Rc::new(fresh.launch));
            Some(fresh.plan)
        });
        self.events.push_back(Event::ReadAgain(generation, read));
    }

    fn start_mold(&mut self, id: MoldId, generation: u32) {
        let Some(launch) = self.launches.get(&generation).cloned() else {
            self.not_started(id, "the generation is over".to_owned());
            return;
        };
        let started = Mold::start(launch.clone()).and_then(|mold| {
            self.epoll.add(
                mold.socket(),
                Token::Mold(id).to_number(),
                Interest::Readable,
            )?;
            Ok(mold)
        });
        match started {
            Ok(mold) => {
                self.molds.insert(id, mold);
            }
            Err(error) => self.not_started(id, why_not_started(&launch.mold, &error)),
        }
    }

    fn not_started(&mut self, id: MoldId, why: String) {
        self.events.push_back(Event::MoldNotStarted(id, why));
        // There is no process whose end could be told later.
        self.events
            .push_back(Event::MoldDied(id, os::process::Ending::Code(1)));
    }

    fn fork(&mut self, mold: MoldId, id: WorkerId) {
        let forked = match self.molds.get(&mold) {
            Some(mold) => Worker::fork(mold, id),
            None => Err(io::Error::other("the mold is gone")),
        };
        let watched = forked.and_then(|(worker, attachment)| {
            self.epoll.add(
                worker.control(),
                Token::Worker(id.incarnation).to_number(),
                Interest::HangUp,
            )?;
            Ok((worker, attachment))
        });
        match watched {
            Ok((worker, attachment)) => {
                self.workers.insert(id, worker);
                self.network.order(Order::Attach(Box::new(attachment)));
            }
            Err(error) => self
                .events
                .push_back(Event::ForkFailed(id, error.to_string())),
        }
    }

    fn stop_mold(&mut self, id: MoldId) {
        self.with_mold(id, |mold| {
            if mold.send(&message::stop(), &[]).is_err() {
                mold.kill();
            }
        });
    }

    fn with_mold(&self, id: MoldId, call: impl Fn(&Mold)) {
        self.molds.get(&id).into_iter().for_each(call);
    }

    fn with_worker(&self, id: WorkerId, call: impl Fn(&Worker)) {
        self.workers.get(&id).into_iter().for_each(call);
    }

    fn forget(&mut self, id: WorkerId) {
        self.finish_examinations(id);
        if let Some(worker) = self.workers.remove(&id) {
            // The serving thread has a copy of the socket, so closing ours would not take it out.
            let _ = self.epoll.remove(worker.control());
        }
    }
}

fn why_not_started(command: &MoldCommand, error: &io::Error) -> String {
    let interpreter = command.interpreter.display();
    let mut why = format!("cannot start Python ({interpreter}): {error}");
    if error.kind() == io::ErrorKind::PermissionDenied {
        why.push_str("\n\nhint: the user that the server runs as must be able to enter every directory on the way to it");
    }
    why
}
