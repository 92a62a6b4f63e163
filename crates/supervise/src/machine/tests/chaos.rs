//! Random events in random order: whatever comes, no slot is filled twice and it ends.

use super::*;

/// Any events in any order: the machine neither panics, nor runs more than one worker of a
/// generation in a place (but for one that is to take over), nor forgets to end once it was told to.
#[test]
fn it_copes_with_anything() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for _ in 0..2_000 {
        let mut world = World::new(2);
        for _ in 0..60 {
            let process = id(1 + random(2) as u32, 1 + random(8));
            let mold = 1 + random(4) as u32;
            let event = match random(21) {
                0 | 1 => Event::MoldLoaded(mold, Loaded::default()),
                2 => Event::MoldFailed(mold, failure()),
                3 => Event::MoldDied(mold, Ending::Code(1)),
                4 | 5 => Event::Forked(process, 7),
                6 | 7 => Event::Network(Report::Ready(process)),
                8 => Event::HungUp(process),
                9 => Event::Exited(process, Ending::Signal(9)),
                10 => Event::WorkerFailed(process, failure()),
                11 => Event::ReloadRequested,
                12 if random(20) == 0 => Event::Terminated,
                13 if random(20) == 0 => Event::Interrupted,
                14 => Event::Leaving(process),
                15 | 16 => Event::Worn(process, String::new()),
                17 => Event::RenewalRequested {
                    one_by_one: random(2) == 0,
                },
                18 => Event::Network(Report::Stuck {
                    id: process,
                    others: 1,
                }),
                19 => Event::Network(Report::Hopeless(process)),
                _ => Event::Tick,
            };
            world.now += Duration::from_millis(random(3_000));
            world.event(event);
            for process in &world.machine.processes {
                let twins = world.machine.processes.iter().filter(|other| {
                    let alike = other.id.worker == process.id.worker
                        && other.generation == process.generation;
                    alike && works(other) && !world.machine.is_successor(other.id)
                });
                assert!(twins.count() <= 1, "{:?}", world.machine.processes);
            }
        }
        world.event(Event::Killed);
        for _ in 0..20 {
            world.later(SECOND);
        }
        assert!(world.outcome.is_some(), "{:?}", world.machine);
    }
}

fn works(process: &Process) -> bool {
    use ProcessState::{Forking, Ready, Starting};
    matches!(process.state, Forking | Starting | Ready)
}
