//! uWSGI's default request line, so that every script that reads uWSGI's logs reads ours.
//!
//! ```text
//! [pid: 7937|app: 0|req: 2/2] 127.0.0.1 () {30 vars in 359 bytes} [Sat Nov 21 14:27:45 2026]
//! GET /x => generated 682 bytes in 0 msecs (HTTP/1.1 200) 1 headers in 45 bytes (1 switches on core 0)
//! ```
//! (on one line). What uWSGI writes raw is escaped here; that is the one difference.

use super::{LineOptions, push_client};
use crate::calendar::TimeText;
use crate::escape::{Place, push_escaped};
use crate::record::{RequestRecord, Via};
use crate::text::{push_number, push_signed};
use crate::variables::packet_totals;

/// Appends the line, without its end.
pub(super) fn push(
    out: &mut Vec<u8>,
    record: &RequestRecord<'_>,
    time: &mut TimeText,
    options: &LineOptions,
) {
    if options.memory_report {
        push_memory(out, b"{address space usage: ", record.address_space);
        push_memory(out, b"{rss usage: ", record.resident);
    }
    if let Some([host, server]) = &options.site {
        let before = out.len();
        host.push(out, record, Place::Line);
        if out.len() == before {
            server.push(out, record, Place::Line);
        }
        out.push(b' ');
    }
    push_worker(out, record);
    push_client(out, record, options, Place::Line);
    out.extend_from_slice(b" (");
    push_escaped(out, record.user(), Place::Line);
    out.extend_from_slice(b") {");
    let (variables, bytes) = packet_totals(record);
    push_number(out, variables);
    out.extend_from_slice(b" vars in ");
    push_number(out, bytes);
    out.extend_from_slice(b" bytes} [");
    out.extend_from_slice(time.at((record.started_micros / 1_000_000) as i64));
    out.extend_from_slice(b"] ");
    push_escaped(out, record.method(), Place::Line);
    out.push(b' ');
    push_escaped(out, record.uri(), Place::Line);
    push_answer(out, record, options);
}

/// Which worker, which app, which request of theirs.
fn push_worker(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    out.extend_from_slice(b"[pid: ");
    push_number(out, record.pid.into());
    out.extend_from_slice(b"|app: ");
    push_signed(out, record.app.into());
    out.extend_from_slice(b"|req: ");
    if record.app < 0 {
        out.extend_from_slice(b"-1");
    } else {
        push_number(out, record.worker_requests);
    }
    out.push(b'/');
    push_number(out, record.total_requests);
    out.extend_from_slice(b"] ");
}

/// What came of it.
fn push_answer(out: &mut Vec<u8>, record: &RequestRecord<'_>, options: &LineOptions) {
    out.extend_from_slice(b" => generated ");
    push_number(out, record.body_bytes);
    out.extend_from_slice(b" bytes in ");
    if options.micros {
        push_number(out, record.duration_micros);
        out.extend_from_slice(b" micros");
    } else {
        push_number(out, record.duration_micros / 1_000);
        out.extend_from_slice(b" msecs");
    }
    out.extend_from_slice(match record.via {
        Via::App => b" (".as_slice(),
        Via::Sendfile => b" via sendfile() (",
        Via::Route => b" via route() (",
        Via::Offload => b" via offload() (",
    });
    push_escaped(out, record.protocol(), Place::Line);
    out.push(b' ');
    push_number(out, record.status.into());
    out.extend_from_slice(b") ");
    push_number(out, record.header_count.into());
    out.extend_from_slice(b" headers in ");
    push_number(out, record.header_bytes.into());
    out.extend_from_slice(b" bytes (");
    push_number(out, record.switches.into());
    out.extend_from_slice(b" switches on core ");
    push_number(out, record.core.into());
    out.push(b')');
}

fn push_memory(out: &mut Vec<u8>, title: &[u8], bytes: u64) {
    out.extend_from_slice(title);
    push_number(out, bytes);
    out.extend_from_slice(b" bytes/");
    push_number(out, bytes >> 20);
    out.extend_from_slice(b"MB} ");
}
