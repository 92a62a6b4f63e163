//! What the machine has decided is done here: molds started, workers forked, killed and forgotten, orders
//! given.

use std::io;
use std::rc::Rc;

use os::epoll::Interest;

use super::Control;
use crate::machine::{Action, Event};
use crate::message;
use crate::mold::{Mold, MoldCommand};
use crate::rounds::Rounds;
use crate::talk::{Host, MoldId, Network, Order, WorkerId};
use crate::token::Token;
use crate::touch::Touch;
use crate::worker::Worker;

impl<N: Network, H: Host> Control<N, H> {
    pub(super) fn obey(&mut self, actions: Vec<Action>) {
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

    fn fork(&mut self, number: MoldId, id: WorkerId) {
        let forked = match self.molds.get(&number) {
            Some(mold) => Worker::fork(number, mold, id),
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
