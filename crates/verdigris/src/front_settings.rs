//! What the network thread is told: limits, times and the access log.

use std::sync::Arc;
use std::time::Duration;

use observe::{AccessSettings, BrokenDown, Counters, Selection, ServerLog, Style};
use options::Config;
use options::config::{LineStyle, LogDate, Logging};

/// The settings of the network thread for this configuration.
pub(crate) fn front_settings(config: &Config, log: ServerLog, open_files: u64) -> front::Settings {
    let workers = config.workers.processes as usize;
    front::Settings {
        response_buffer: config.limits.response_buffer as u64,
        net: net_settings(config, open_files),
        limits: limits(config),
        access: AccessSettings {
            site: config.app.site_name.is_some(),
            ..access_settings(&config.logging)
        },
        log,
        most_waiting: config.limits.waiting_requests as usize,
        longest_wait: config.timeouts.waiting_request.map(micros),
        wear: config.renewal.requests.map(|requests| front::Wear {
            requests,
            delta: config.renewal.requests_delta,
        }),
        counters: Arc::new(Counters::new(workers)),
    }
}

/// How long the app may take.
fn limits(config: &Config) -> front::Limits {
    let deadlines = &config.deadlines;
    front::Limits {
        request: deadlines.request.map(micros),
        grace: micros(deadlines.grace),
        // A thread that sleeps in a request blocks nobody else.
        silence: config.gevent.as_ref().and(deadlines.blocked).map(micros),
    }
}

fn net_settings(config: &Config, open_files: u64) -> net::Settings {
    let (limits, timeouts) = (&config.limits, &config.timeouts);
    let defaults = net::Settings::default();
    net::Settings {
        limits: wire::http1::Limits {
            head_bytes: limits.head_bytes,
            fields: limits.fields,
            underscores: limits.underscores,
            ..defaults.limits
        },
        packet_bytes: limits.head_bytes,
        body_limit: limits.body_bytes,
        spool_from: limits.post_buffering,
        answer_window: limits.response_buffer as u64,
        http_socket: patience(timeouts, options::config::Door::HttpSocket),
        http: patience(timeouts, options::config::Door::Http),
        uwsgi: net::Patience {
            // As under uWSGI, one limit holds for the packet and for its body.
            head: micros(timeouts.socket),
            ..patience(timeouts, options::config::Door::Uwsgi)
        },
        keep_alive: timeouts.idle.is_some(),
        most_connections: most_connections(config, open_files, defaults.most_connections),
        server_name: host_name().unwrap_or_else(|| defaults.server_name.clone()),
        ..defaults
    }
}

/// How long the peers of a door may take.
fn patience(timeouts: &options::config::Timeouts, door: options::config::Door) -> net::Patience {
    let body = micros(timeouts.receive(door));
    net::Patience {
        head: micros(timeouts.head),
        body,
        send: timeouts.send.map_or(body, micros),
        idle: timeouts.idle.map_or(net::Patience::default().idle, micros),
    }
}

/// As many connections as were asked for, and no more than there are descriptors for.
fn most_connections(config: &Config, open_files: u64, usual: usize) -> usize {
    // For listeners, logs, epoll, and for each worker the descriptors of its link; twice, since a
    // reload has both generations for a while.
    let others = 64 + 16 * u64::from(config.workers.processes);
    let possible = usize::try_from(open_files.saturating_sub(others)).unwrap_or(usize::MAX);
    let wanted = config
        .limits
        .connections
        .map_or(usual, |count| count as usize);
    wanted.min(possible).max(1)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The machine's name; the kernel has it in a file.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn access_settings(logging: &Logging) -> AccessSettings {
    let (style, strftime) = match &logging.style {
        LineStyle::Uwsgi => (Style::Uwsgi, false),
        LineStyle::Readable => (Style::Readable, false),
        LineStyle::Format { template, strftime } => (Style::Template(template.clone()), *strftime),
    };
    AccessSettings {
        style,
        selection: Selection {
            disabled: !logging.requests,
            client_errors: logging.status_4xx,
            server_errors: logging.status_5xx,
            slow_milliseconds: logging
                .slow
                .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            big_bytes: logging.big,
            empty: logging.zero,
            ..Selection::default()
        },
        micros: logging.micros,
        x_forwarded_for: logging.x_forwarded_for,
        strftime,
        date_format: match &logging.date {
            LogDate::Format(format) => Some(format.clone()),
            LogDate::Off | LogDate::Plain => None,
        },
        local_time,
        ..AccessSettings::default()
    }
}

/// The server's own log, with dates as the configuration wants them.
pub(crate) fn server_log(logging: &Logging, handle: observe::LogHandle) -> ServerLog {
    let log = ServerLog::new(handle);
    match &logging.date {
        LogDate::Off => log,
        LogDate::Plain => log.with_date(None, local_time),
        LogDate::Format(format) => log.with_date(Some(format), local_time),
    }
}

/// The machine's time zone, from the room that knows it to the room that needs it.
fn local_time(unix_seconds: i64) -> BrokenDown {
    let local = os::clock::local_time(unix_seconds);
    BrokenDown {
        year: local.year,
        month: local.month,
        day: local.day,
        hour: local.hour,
        minute: local.minute,
        second: local.second,
        weekday: local.weekday,
        year_day: local.year_day,
        offset: local.offset,
    }
}
