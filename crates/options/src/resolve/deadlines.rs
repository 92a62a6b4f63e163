//! How long the application may take.

use std::time::Duration;

use super::reader::Reader;
use crate::config::Deadlines;

const DEFAULT_GRACE: Duration = Duration::from_secs(2);
const DEFAULT_BLOCKED: Duration = Duration::from_millis(250);

pub(super) fn deadlines(reader: &mut Reader<'_>) -> Deadlines {
    Deadlines {
        request: reader.duration("harakiri").filter(|time| !time.is_zero()),
        grace: reader
            .duration("harakiri-graceful-timeout")
            .unwrap_or(DEFAULT_GRACE),
        blocked: Some(
            reader
                .duration("blocked-warning")
                .unwrap_or(DEFAULT_BLOCKED),
        )
        .filter(|time| !time.is_zero()),
    }
}
