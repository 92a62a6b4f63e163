//! Which requests get a line: all, none, or none but the remarkable ones (`disable-logging` with
//! `log-4xx` and its like).

use crate::record::{RequestRecord, Via};

/// The choice of requests to log. By default every request is logged, and the conditions, which
/// only ever add lines, change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// `disable-logging`: only requests that meet one of the conditions.
    pub disabled: bool,
    /// `log-4xx`: the client was wrong.
    pub client_errors: bool,
    /// `log-5xx`: the app or the server was wrong.
    pub server_errors: bool,
    /// `log-slow`: it took at least so many milliseconds.
    pub slow_milliseconds: Option<u64>,
    /// `log-big`: the response's body had at least so many bytes.
    pub big_bytes: Option<u64>,
    /// `log-zero`: the response had no body.
    pub empty: bool,
    /// `log-sendfile`: a file was sent.
    pub sendfile: bool,
    /// `log-ioerror`: reading from the client or writing to it failed.
    pub io_errors: bool,
}

impl Selection {
    /// Whether any request can be taken.
    pub(crate) fn is_on(&self) -> bool {
        *self
            != Selection {
                disabled: true,
                ..Selection::default()
            }
    }

    /// Whether this request gets a line.
    pub(crate) fn takes(&self, record: &RequestRecord<'_>) -> bool {
        !self.disabled
            || (self.client_errors && (400..500).contains(&record.status))
            || (self.server_errors && (500..600).contains(&record.status))
            || self
                .slow_milliseconds
                .is_some_and(|least| record.duration_micros / 1_000 >= least)
            || self
                .big_bytes
                .is_some_and(|least| record.body_bytes >= least)
            || (self.empty && record.body_bytes == 0)
            || (self.sendfile && record.via == Via::Sendfile)
            || (self.io_errors && record.read_errors + record.write_errors > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that no condition finds remarkable.
    fn usual() -> RequestRecord<'static> {
        RequestRecord {
            status: 200,
            body_bytes: 10,
            duration_micros: 4_999,
            ..RequestRecord::default()
        }
    }

    fn only(change: impl FnOnce(&mut Selection)) -> Selection {
        let mut selection = Selection {
            disabled: true,
            ..Selection::default()
        };
        change(&mut selection);
        selection
    }

    #[test]
    fn all_or_none() {
        assert!(Selection::default().takes(&usual()));
        assert!(!only(|_| ()).takes(&usual()));
        assert!(Selection::default().is_on());
        assert!(!only(|_| ()).is_on());
        assert!(only(|selection| selection.empty = true).is_on());
    }

    #[test]
    fn each_condition_takes_its_own_and_nothing_else() {
        let with = |change: fn(&mut RequestRecord<'_>)| {
            let mut record = usual();
            change(&mut record);
            record
        };
        let selections = [
            only(|selection| selection.client_errors = true),
            only(|selection| selection.server_errors = true),
            only(|selection| selection.slow_milliseconds = Some(5)),
            only(|selection| selection.big_bytes = Some(11)),
            only(|selection| selection.empty = true),
            only(|selection| selection.sendfile = true),
            only(|selection| selection.io_errors = true),
        ];
        let records = [
            with(|record| record.status = 499),
            with(|record| record.status = 500),
            with(|record| record.duration_micros = 5_000),
            with(|record| record.body_bytes = 11),
            with(|record| record.body_bytes = 0),
            with(|record| record.via = Via::Sendfile),
            with(|record| record.write_errors = 1),
        ];
        for (condition, selection) in selections.iter().enumerate() {
            assert!(!selection.takes(&usual()));
            for (kind, record) in records.iter().enumerate() {
                assert_eq!(
                    selection.takes(record),
                    condition == kind,
                    "{condition} {kind}"
                );
            }
        }
    }
}
