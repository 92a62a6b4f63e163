//! What is written down of each exchange that has ended.

use std::sync::Arc;

use net::Exchange;
use observe::{AccessLog, Counters, Level, RequestRecord, ServerLog, Via};
use wire::answer::NO_APP;

use crate::control::WorkerId;

/// The access log and the app's tracebacks of the network thread.
#[derive(Debug)]
pub(crate) struct Journal {
    access: AccessLog,
    log: ServerLog,
    counters: Arc<Counters>,
    /// The lines of this turn.
    lines: Vec<u8>,
    /// The processes by worker number: mostly one, two while the next takes over from the last.
    workers: Vec<Vec<Process>>,
    own_pid: u32,
}

/// A worker's process, and what it has done.
#[derive(Debug)]
struct Process {
    incarnation: u64,
    pid: u32,
    served: u64,
}

impl Journal {
    pub(crate) fn new(access: AccessLog, log: ServerLog, counters: Arc<Counters>) -> Self {
        Self {
            access,
            log,
            counters,
            lines: Vec::new(),
            workers: Vec::new(),
            own_pid: std::process::id(),
        }
    }

    /// A worker's process has begun.
    pub(crate) fn worker_is(&mut self, id: WorkerId, pid: u32) {
        let index = id.worker as usize;
        if index >= self.workers.len() {
            self.workers.resize_with(index + 1, Vec::new);
        }
        self.workers[index].push(Process {
            incarnation: id.incarnation,
            pid,
            served: 0,
        });
    }

    /// A worker's process has ended, and all its exchanges with it.
    pub(crate) fn worker_is_gone(&mut self, id: WorkerId) {
        if let Some(processes) = self.workers.get_mut(id.worker as usize) {
            processes.retain(|process| process.incarnation != id.incarnation);
        }
    }

    /// An exchange is over. How many its worker's process has had; 0 if it was given to none.
    pub(crate) fn write(&mut self, exchange: &Exchange, unix_offset: u64) -> u64 {
        let (pid, served) = self.count(exchange);
        let by_app = exchange.worker > 0;
        let mut record = RequestRecord {
            head: Some(&exchange.head).filter(|head| !head.block().is_empty()),
            remote_addr: &exchange.remote_address,
            status: exchange.status,
            body_bytes: exchange.body_bytes,
            header_bytes: exchange.head_bytes as u32,
            header_count: exchange.head_fields,
            request_body_bytes: exchange.request_bytes,
            started_micros: exchange.started + unix_offset,
            duration_micros: exchange.ended.saturating_sub(exchange.started),
            worker: exchange.worker,
            pid: if by_app { pid } else { self.own_pid },
            app: if by_app && exchange.app != NO_APP {
                i32::from(exchange.app)
            } else {
                -1
            },
            worker_requests: served,
            via: if exchange.by_sendfile {
                Via::Sendfile
            } else {
                Via::App
            },
            remark: if exchange.cut_off { "cut off" } else { "" },
            ..RequestRecord::default()
        };
        record.total_requests = self.counters.request_finished(&record);
        if !exchange.trouble.is_empty() {
            self.trouble(exchange);
        }
        if self.access.is_on() {
            self.access.log(&mut self.lines, &record);
        }
        served
    }

    /// Counts the exchange for its process: the process id, and how many it has had by now.
    fn count(&mut self, exchange: &Exchange) -> (u32, u64) {
        let processes = self.workers.get_mut(exchange.worker as usize);
        let process = processes
            .into_iter()
            .flatten()
            .find(|process| process.incarnation == exchange.incarnation);
        process.map_or((0, 0), |process| {
            process.served += 1;
            (process.pid, process.served)
        })
    }

    /// What went wrong, together with the request line it belongs to.
    fn trouble(&self, exchange: &Exchange) {
        let line = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let request = format!(
            "{} {}",
            line(exchange.head.method()),
            line(exchange.head.target())
        );
        let status = exchange.status.to_string();
        let client = &exchange.remote_address;
        if exchange.from_app {
            let worker = exchange.worker.to_string();
            let fields = [
                ("request", &request as &dyn std::fmt::Display),
                ("status", &status),
                ("client", client),
                ("worker", &worker),
            ];
            self.log
                .block(Level::Error, "the app failed", &fields, &exchange.trouble);
        } else {
            let why = line(&exchange.trouble);
            let fields = [
                ("request", &request as &dyn std::fmt::Display),
                ("status", &status),
                ("client", client),
            ];
            self.log.warning(&why, &fields);
        }
    }

    /// Hands the lines of this turn over.
    pub(crate) fn hand_over(&mut self) {
        if !self.lines.is_empty() {
            self.log.handle().hand_over(&mut self.lines);
        }
    }

    /// The server's own log.
    pub(crate) fn log(&self) -> &ServerLog {
        &self.log
    }
}
