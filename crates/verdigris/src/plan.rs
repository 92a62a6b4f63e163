//! What supervision is to keep running: how many workers of which shape, how each is started, and what
//! makes them be replaced.

use std::path::PathBuf;

use options::Config;
use options::config::{Renewal, Threads};
use supervise::{Capacity, Effect, Launch, MoldCommand, Plan, Wear};

/// Requests beyond a worker's own number that may lie in its link, and the fewest slots of a link.
const LOOK_AHEAD: u32 = 64;
const FEWEST_SLOTS: u32 = 128;
/// The rings of a link. Requests are small; answers are larger, and four pieces of a long one should fit:
/// each further write to a client wakes it once more.
const RING_TO_WORKER: u32 = 2 << 20;
const RING_TO_SERVER: u32 = 4 << 20;

/// How the molds and workers of this configuration are started.
pub(crate) fn launch(config: &Config, mold: MoldCommand) -> Launch {
    Launch {
        mold,
        geometry: geometry(most_at_once(config)),
        capacity: capacity(config),
    }
}

/// What this configuration wants to be kept running.
pub(crate) fn plan(config: &Config) -> Plan {
    Plan {
        workers: config.workers.processes,
        shape: match (&config.gevent, config.workers.threads) {
            (Some(gevent), _) => format!("{} greenlets each", gevent.greenlets),
            (None, Threads::Count(1)) => "1 thread each".to_owned(),
            (None, Threads::Count(count)) => format!("{count} threads each"),
            (None, Threads::Auto { most }) => {
                format!("threads as needed, up to {most} each")
            }
        },
        drain_timeout: config.stop.drain_timeout,
        drain_delay: config.stop.drain_delay,
        exit_on_reload: config.renewal.exit_on_reload,
        wear: wear(&config.renewal),
    }
}

fn wear(renewal: &Renewal) -> Wear {
    Wear {
        lifetime: renewal.lifetime,
        lifetime_delta: renewal.lifetime_delta,
        least_lifetime: renewal.least_lifetime,
        resident: renewal.resident,
        address_space: renewal.address_space,
        resident_at_most: renewal.resident_at_most,
        address_space_at_most: renewal.address_space_at_most,
    }
}

/// Files whose change asks for something.
pub(crate) fn touches(renewal: &Renewal) -> Vec<(PathBuf, Effect)> {
    let kinds = [
        (&renewal.touch_reload, Effect::Reload),
        (&renewal.touch_workers_reload, Effect::Workers),
        (&renewal.touch_chain_reload, Effect::Chain),
    ];
    let pairs = |(paths, effect): (&Vec<PathBuf>, Effect)| {
        let paths = paths.clone().into_iter();
        paths.map(move |path| (path, effect)).collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(pairs).collect()
}

/// The most requests that a worker runs at the same time.
fn most_at_once(config: &Config) -> u32 {
    match (&config.gevent, config.workers.threads) {
        (Some(gevent), _) => gevent.greenlets,
        (None, Threads::Count(most) | Threads::Auto { most }) => most,
    }
}

fn geometry(most: u32) -> link::Geometry {
    link::Geometry {
        slots: (most + LOOK_AHEAD).max(FEWEST_SLOTS),
        to_worker: RING_TO_WORKER,
        to_server: RING_TO_SERVER,
    }
}

fn capacity(config: &Config) -> Capacity {
    match (&config.gevent, config.workers.threads) {
        (None, Threads::Auto { most }) => Capacity::Auto { most },
        (None, _) => Capacity::Fixed(most_at_once(config)),
        (Some(_), _) => Capacity::Loop(most_at_once(config)),
    }
}
