//! Talking to the person at the terminal before there is a log: problems, notices, hints.

use std::io::{IsTerminal, Write, stderr, stdout};

use options::{Notice, Problem, render_notices, render_problems};

/// Says what keeps the server from starting.
pub(crate) fn tell_problems(problems: &[Problem]) {
    tell(&render_problems(problems, wants_colour()));
}

/// Says what the server does although it may surprise.
pub(crate) fn tell_notices(notices: &[Notice]) {
    tell(&render_notices(notices, wants_colour()));
}

/// Answers a question on standard output. A reader that has gone away is no error: `| head`.
pub(crate) fn answer(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard error may be closed; then there is nobody to tell.
fn tell(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// Whether answers on standard output may be coloured.
pub(crate) fn answers_in_colour() -> bool {
    stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Colour is for terminals, and for people who have not said no (<https://no-color.org>).
fn wants_colour() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
