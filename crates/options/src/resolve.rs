//! From the list of what was written to a [`Config`]: values are converted, defaults filled in,
//! combinations checked. All problems are collected, so that a person sees them at once.

mod app;
mod deadlines;
mod debugging;
mod engines;
mod judge;
mod logging;
mod process;
mod reader;
mod renewal;
mod serving;
mod sockets;
mod variables;

use std::path::PathBuf;

use crate::config::Config;
use crate::entry::{Entry, Values};
use crate::envdir::Change;
use crate::report::{Notice, Problem};
use reader::Reader;

pub(crate) use judge::is_done_already;
pub(crate) use reader::{NO_COMMENTS, comment_in};

/// What resolving came to. The config is there even beside problems, so that tools can show it.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) config: Config,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<Notice>,
}

/// Facts about the start that are not options.
#[derive(Debug)]
pub(crate) struct Circumstances {
    /// A uWSGI configuration is in play.
    pub(crate) from_uwsgi_config: bool,
    /// Part of what was written could not be understood, so what is missing may stand there.
    pub(crate) something_is_missing: bool,
    /// The home directory, for `~/` at the start of paths.
    pub(crate) home: Option<String>,
    /// systemd hands over sockets, so none needs to be named.
    pub(crate) sockets_from_systemd: bool,
    /// The files that were read.
    pub(crate) files: Vec<PathBuf>,
    /// What the directories of `envdir` change for the app.
    pub(crate) env_changes: Vec<Change>,
}

/// Resolves the entries.
pub(crate) fn resolve(entries: &[Entry], circumstances: Circumstances) -> Resolved {
    let values = Values::new(entries);
    let mut reader = Reader::new(&values, entries, &circumstances);
    judge::judge(&values, &mut reader);
    let sockets = sockets::sockets(&mut reader, circumstances.sockets_from_systemd);
    let mut app = app::app(&mut reader, &sockets, &circumstances.env_changes);
    let workers = serving::workers(&mut reader, &app);
    app.debugger = debugging::debugger(&mut reader, &sockets, &workers);
    let gevent = engines::gevent(&mut reader);
    let limits = serving::limits(&mut reader);
    let timeouts = serving::timeouts(&mut reader);
    let deadlines = deadlines::deadlines(&mut reader);
    let stop = serving::stop(&mut reader);
    let renewal = renewal::renewal(&mut reader);
    let logging = logging::logging(&mut reader);
    let process = process::process(&mut reader);
    let (problems, notices) = reader.finish();
    let origins = values
        .all()
        .map(|given| (given.row.name, given.entry.origin.clone()))
        .collect();
    let config = Config {
        from_uwsgi_config: circumstances.from_uwsgi_config,
        sockets,
        app,
        workers,
        gevent,
        limits,
        timeouts,
        deadlines,
        logging,
        process,
        stop,
        renewal,
        files: circumstances.files,
        entries: entries.to_vec(),
        origins,
    };
    Resolved {
        config,
        problems,
        notices,
    }
}
