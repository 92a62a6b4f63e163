//! Supervision: who runs, and what happens when it does not.
//!
//! The server's life is a table of (state, event) → (state, actions): [`Machine`]. It is pure, so
//! that every death at every moment can be tried in a test. [`Control`] is the loop around it: it
//! turns signals, messages and ended children into events, and carries the actions out. The requests
//! are not its business; it talks to whoever serves them through [`Network`].

mod back_off;
mod blocked;
mod control;
mod diagnosis;
mod examination;
mod failure;
mod fifo;
mod launch;
mod machine;
mod message;
mod mold;
mod rounds;
mod stack;
mod talk;
mod token;
mod touch;
mod worker;

pub use control::{Control, Ended, SIGNALS, Settings};
pub use diagnosis::{Diagnosis, diagnose};
pub use examination::{Cause, Examination};
pub use failure::LoadFailure;
pub use launch::{Capacity, Fresh, Launch};
pub use machine::{Action, Event, Loaded, Machine, Memory, Moment, Outcome, Plan, Wear};
pub use mold::MoldCommand;
pub use talk::{
    Attachment, ClientSaw, Delayed, Host, Level, MoldId, Network, Order, Report, Totals, WorkerId,
};
pub use touch::Effect;
