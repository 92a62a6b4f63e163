//! Our own request line, for people:
//!
//! ```text
//! 2026-11-21 14:03:11 127.0.0.1 GET /path 200 1234B 5.2ms worker 1
//! ```

use super::{LineOptions, push_client};
use crate::calendar::TimeText;
use crate::escape::{Place, push_escaped};
use crate::record::{RequestRecord, Via};
use crate::report::{push_bytes, push_duration};
use crate::text::push_number;

/// Appends the line, without its end.
pub(super) fn push(
    out: &mut Vec<u8>,
    record: &RequestRecord<'_>,
    time: &mut TimeText,
    options: &LineOptions,
) {
    out.extend_from_slice(time.at((record.started_micros / 1_000_000) as i64));
    out.push(b' ');
    or_dash(out, |out| push_client(out, record, options, Place::Line));
    out.push(b' ');
    or_dash(out, |out| push_escaped(out, record.method(), Place::Line));
    out.push(b' ');
    or_dash(out, |out| push_escaped(out, record.uri(), Place::Line));
    out.push(b' ');
    push_number(out, record.status.into());
    out.push(b' ');
    push_bytes(out, record.body_bytes);
    out.push(b' ');
    if options.micros {
        push_number(out, record.duration_micros);
        out.extend_from_slice(b"us");
    } else {
        push_duration(out, record.duration_micros);
    }
    out.extend_from_slice(match record.via {
        Via::App => b"".as_slice(),
        Via::Sendfile => b" sendfile",
        Via::Route => b" route",
        Via::Offload => b" offload",
    });
    if record.worker > 0 {
        out.extend_from_slice(b" worker ");
        push_number(out, record.worker.into());
    }
    if !record.remark.is_empty() {
        out.extend_from_slice(b" (");
        push_escaped(out, record.remark.as_bytes(), Place::Line);
        out.push(b')');
    }
}

/// Appends what `push` appends, or `-` if that is nothing: columns must not move.
pub(super) fn or_dash(out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    push(out);
    if out.len() == before {
        out.push(b'-');
    }
}
