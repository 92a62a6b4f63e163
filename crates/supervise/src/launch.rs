//! How a generation is started: what its molds load, and how much its workers take.

use std::path::PathBuf;

use link::Geometry;

use crate::machine::Plan;
use crate::mold::MoldCommand;
use crate::touch::Effect;

/// How the molds and workers of a generation are started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// How to start a mold.
    pub mold: MoldCommand,
    /// The sizes of a worker's link.
    pub geometry: Geometry,
    /// How many requests a worker runs at a time.
    pub capacity: Capacity,
}

/// How many requests a worker runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Exactly this many.
    Fixed(u32),
    /// Exactly this many, each of which begins at once: a loop (greenlets) takes whatever it is given.
    Loop(u32),
    /// As many as it finds useful.
    Auto {
        /// The upper bound.
        most: u32,
    },
}

/// What a configuration that was read again asks for.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// What is to be kept running.
    pub plan: Plan,
    /// How.
    pub launch: Launch,
    /// Files whose change asks for something.
    pub touches: Vec<(PathBuf, Effect)>,
}
