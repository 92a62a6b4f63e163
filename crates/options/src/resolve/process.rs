//! The server as a process.

use super::logging::log_file;
use super::reader::{Reader, account};
use super::renewal::mebibytes;
use crate::config::{Daemonize, PidFile, Process, ProcessNames};

pub(super) fn process(reader: &mut Reader<'_>) -> Process {
    Process {
        uid: reader.account("uid"),
        gid: reader.account("gid"),
        additional_gids: reader
            .texts("add-gid")
            .iter()
            .map(|text| account(text))
            .collect(),
        initgroups: !reader.is_on("no-initgroups"),
        umask: reader.umask("umask"),
        pid_files: pid_files(reader),
        daemonize: daemonize(reader),
        names: names(reader),
        open_files: reader
            .integer("max-fd")
            .map(|count| count as u64)
            .filter(|count| *count > 0),
        address_space: mebibytes(reader, "limit-as"),
    }
}

fn pid_files(reader: &mut Reader<'_>) -> Vec<PidFile> {
    let kinds = [
        ("pidfile", false, false),
        ("pidfile2", true, false),
        ("safe-pidfile", false, true),
        ("safe-pidfile2", true, true),
    ];
    kinds
        .into_iter()
        .filter_map(|(option, after_drop, when_ready)| {
            reader.path(option).map(|path| PidFile {
                path,
                after_drop,
                when_ready,
            })
        })
        .collect()
}

fn daemonize(reader: &mut Reader<'_>) -> Option<Daemonize> {
    let early = log_file(reader, "daemonize").map(|log| Daemonize {
        log,
        after_loading: false,
    });
    let late = log_file(reader, "daemonize2").map(|log| Daemonize {
        log,
        after_loading: true,
    });
    early.or(late)
}

fn names(reader: &mut Reader<'_>) -> ProcessNames {
    let spaced = reader
        .text("procname-prefix-spaced")
        .map(|prefix| format!("{prefix} "));
    let prefix = reader
        .text("procname-prefix")
        .or(spaced)
        .unwrap_or_default();
    let suffix = reader.text("procname-append").unwrap_or_default();
    let named = !prefix.is_empty() || !suffix.is_empty();
    ProcessNames {
        auto: reader.is_on("auto-procname") || named,
        name: reader.text("procname"),
        server: reader.text("procname-master"),
        prefix,
        suffix,
    }
}
