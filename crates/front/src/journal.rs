//! What is written down of each exchange that has ended.

use std::sync::Arc;

use net::Exchange;
use observe::{AccessLog, Counters, Level, RequestRecord, ServerLog, Via};

/// The access log and the app's tracebacks of the network thread.
#[derive(Debug)]
pub(crate) struct Journal {
    access: AccessLog,
    log: ServerLog,
    counters: Arc<Counters>,
    /// The lines of this turn.
    lines: Vec<u8>,
    /// Process ids by worker number.
    pids: Vec<u32>,
    /// Requests by worker number, of this process of it.
    served: Vec<u64>,
    own_pid: u32,
}

impl Journal {
    pub(crate) fn new(access: AccessLog, log: ServerLog, counters: Arc<Counters>) -> Self {
        Self {
            access,
            log,
            counters,
            lines: Vec::new(),
            pids: Vec::new(),
            served: Vec::new(),
            own_pid: std::process::id(),
        }
    }

    /// A worker's process has begun.
    pub(crate) fn worker_is(&mut self, worker: u32, pid: u32) {
        let index = worker as usize;
        if index >= self.pids.len() {
            self.pids.resize(index + 1, 0);
            self.served.resize(index + 1, 0);
        }
        self.pids[index] = pid;
        self.served[index] = 0;
    }

    /// An exchange is over.
    pub(crate) fn write(&mut self, exchange: &Exchange, unix_offset: u64) {
        let index = exchange.worker as usize;
        let served = self.served.get_mut(index).map_or(0, |served| {
            *served += 1;
            *served
        });
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
            pid: if by_app {
                self.pids.get(index).copied().unwrap_or(0)
            } else {
                self.own_pid
            },
            app: if by_app { 0 } else { -1 },
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
