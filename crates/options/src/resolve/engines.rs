//! Which engine runs the requests of a worker.

use super::reader::Reader;
use crate::config::Gevent;
use crate::report::{Notice, Problem};

/// Requests at once when gevent is asked for without a number; gunicorn's.
const DEFAULT_GREENLETS: u32 = 1000;

/// The gevent engine, if anybody asks for it.
pub(super) fn gevent(reader: &mut Reader<'_>) -> Option<Gevent> {
    let by_number = reader.count("gevent");
    let by_loop = is_gevent_loop(reader);
    let by_class = reader.text("worker-class").as_deref() == Some("gevent");
    let at_once = reader.count("async");
    if by_number.is_none() && !by_loop && !by_class {
        if at_once.is_some() {
            warn(
                reader,
                "async",
                "without effect: name a loop as well: `loop = gevent`",
            );
        }
        return None;
    }
    if reader.values().last("threads").is_some() {
        warn(
            reader,
            "threads",
            "without effect: with gevent a worker has one thread, and greenlets on it",
        );
    }
    Some(Gevent {
        greenlets: by_number.or(at_once).unwrap_or(DEFAULT_GREENLETS),
        patch: patch(reader),
        wait_for_hub: reader.is_on("gevent-wait-for-hub"),
    })
}

fn is_gevent_loop(reader: &mut Reader<'_>) -> bool {
    match reader.text("loop").as_deref() {
        None => false,
        Some("gevent") => true,
        Some(other) => {
            let mut problem = Problem::new(format!("loop: there is no loop called `{other}` here"))
                .hint("use `gevent = N` or `threads = N`");
            problem.origin = reader.origin("loop").cloned();
            reader.problem(problem);
            false
        }
    }
}

/// Patching is on unless somebody switches it off, in our way or in uWSGI's.
fn patch(reader: &mut Reader<'_>) -> String {
    let off = ["gevent-monkey-patch", "gevent-early-monkey-patch"]
        .into_iter()
        .any(|option| reader.flag(option) == Some(false));
    let usual = if off { "none" } else { "all" };
    reader
        .text("gevent-patch")
        .unwrap_or_else(|| usual.to_owned())
}

fn warn(reader: &mut Reader<'_>, option: &'static str, text: &str) {
    let mut notice = Notice::warning(format!("{option}: {text}"));
    notice.origin = reader.origin(option).cloned();
    reader.notice(notice);
}
