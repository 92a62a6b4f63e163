//! Front: who answers. The network thread's loop.
//!
//! It joins the connections (`net`) with the app's queue (`dispatch`): requests that arrive are given to
//! the app, answers that come back are given to their connection, and every exchange that ends is
//! logged. Control talks to it through [`Handle`]. It knows nothing of Python.

mod control;
mod glue;
mod journal;
mod lateness;
mod network;
mod patience;
mod settings;

pub use control::{
    ClientSaw, Concurrency, Delayed, Handle, Order, Report, Reports, Totals, WorkerId,
};
pub use dispatch::Limits;
pub use settings::{Settings, Wear};

/// Starts the network thread on listeners that are bound and listening.
pub fn start(
    listeners: Vec<net::Listener>,
    settings: Settings,
    reports: Reports,
) -> std::io::Result<Handle> {
    let (handle, inbox) = control::pair(reports)?;
    network::spawn(listeners, settings, inbox)?;
    Ok(handle)
}
