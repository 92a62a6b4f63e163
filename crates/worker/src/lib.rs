//! The Python extension `verdigris._native`: the worker's end of the link, and WSGI on top of it.
//!
//! ```text
//!   take ─▶ Exchange ── environ ──▶ app ──▶ start_response, chunks ──▶ Exchange ──▶ Start, Data, End
//!    ▲                                                                                  │
//!  inlet: frames in, requests read ahead, slots  ◀───── one lock (shared) ─────▶   transmit
//! ```
//!
//! The app is always called by Python code (`verdigris/engines`), never from here: what is written in
//! Rust are leaves that do one thing and return. This is the only room that knows Python.

mod answer;
mod body;
mod chunks;
mod environ;
mod errors;
mod exchange;
mod green;
mod headers;
mod inlet;
mod input;
mod kernel;
mod link;
mod load;
mod names;
mod parking;
mod pool;
mod shared;
mod slots;
mod stacks;
mod title;
mod transmit;
mod turns;

/// The worker's end of the link to the server.
#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::errors::ClientDisconnected;
    #[pymodule_export]
    use crate::exchange::Exchange;
    #[pymodule_export]
    use crate::input::Input;
    #[pymodule_export]
    use crate::link::{Link, attach};
    #[pymodule_export]
    use crate::turns::Turns;

    /// Has the kernel send this process a signal when its parent dies.
    #[pyfunction]
    #[pyo3(signature = (signal=9))]
    fn die_with_parent(signal: i32) -> PyResult<()> {
        Ok(os::process::die_with_parent(signal)?)
    }

    /// Has this worker live on when its parent, the mold, dies, for as long as the server lives.
    #[pyfunction]
    fn outlive_mold(control: i32, mold: i32) -> PyResult<()> {
        Ok(os::handlers::outlive_mold(control, mold)?)
    }

    /// Lets the server ask any thread of this process for its stack, which goes into this pipe.
    #[pyfunction]
    fn show_stacks(py: Python<'_>, pipe: i32) -> PyResult<()> {
        crate::stacks::show(py, pipe)
    }

    /// Shows a title for this process in `ps`, where the system allows it.
    #[pyfunction]
    fn set_title(title: &str) {
        // A title is for people; a process without one works as well.
        let _ = crate::title::set(title);
    }
}
