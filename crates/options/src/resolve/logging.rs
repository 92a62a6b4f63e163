//! What is written down, and where.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::config::{LineStyle, LogDate, Logging};
use crate::report::Problem;
use crate::value::{self, Dialect};

pub(super) fn logging(reader: &mut Reader<'_>) -> Logging {
    Logging {
        requests: !reader.is_on("disable-logging"),
        style: style(reader),
        status_4xx: reader.is_on("log-4xx"),
        status_5xx: reader.is_on("log-5xx"),
        slow: reader.duration("log-slow").filter(|limit| !limit.is_zero()),
        big: reader.size_unless_zero("log-big"),
        zero: reader.is_on("log-zero"),
        micros: reader.is_on("log-micros"),
        x_forwarded_for: reader.is_on("log-x-forwarded-for"),
        date: date(reader),
        file: log_file(reader, "logto"),
        file_after_drop: log_file(reader, "logto2"),
        file_mode: reader.mode("logfile-chmod"),
        truncate: reader.is_on("log-truncate"),
    }
}

fn style(reader: &mut Reader<'_>) -> LineStyle {
    let strftime = reader.is_on("log-format-strftime");
    let asked = reader.choice("log-style");
    match (reader.text("log-format"), asked) {
        (Some(template), _) => LineStyle::Format { template, strftime },
        (None, Some("uwsgi")) => LineStyle::Uwsgi,
        (None, None) if reader.uwsgi => LineStyle::Uwsgi,
        _ => LineStyle::Readable,
    }
}

/// `log-date` is a switch or a strftime form.
fn date(reader: &mut Reader<'_>) -> LogDate {
    let Some(given) = reader.values().last("log-date") else {
        return LogDate::Off;
    };
    match value::flag(Some(&given.entry.value), Dialect::Native) {
        Ok(read) if read.value => LogDate::Plain,
        Ok(_) => LogDate::Off,
        Err(_) => LogDate::Format(given.entry.value.clone()),
    }
}

/// The path of a log file. uWSGI takes `host:port` for a UDP address; that is not silently a file.
pub(super) fn log_file(reader: &mut Reader<'_>, option: &'static str) -> Option<PathBuf> {
    let path = reader.path(option)?;
    if is_udp_address(&path) {
        let mut problem = Problem::new(format!(
            "{option}: logging to a UDP address ({}) is not supported",
            path.display()
        ))
        .hint(format!(
            "name a file, for example `{option} = /var/log/app.log`"
        ));
        problem.origin = reader.origin(option).cloned();
        reader.problem(problem);
        return None;
    }
    Some(path)
}

fn is_udp_address(path: &Path) -> bool {
    let text = path.to_string_lossy();
    match text.rsplit_once(':') {
        Some((host, port)) => {
            !host.contains('/')
                && !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}
