//! The connections as dispatch wants to see them.

use dispatch::{ExchangeId, Exchanges, Part, WorkerKey};
use link::Violation;
use net::{BadAnswer, Connections, Id, Piece};

/// Lets dispatch talk to the connections.
#[derive(Debug)]
pub(crate) struct Glue<'a>(pub(crate) &'a mut Connections);

/// The same name, as `net` says it.
pub(crate) fn net_id(id: ExchangeId) -> Id {
    Id {
        index: id.index,
        generation: id.generation,
    }
}

/// The same name, as `dispatch` says it.
pub(crate) fn exchange_id(id: Id) -> ExchangeId {
    ExchangeId {
        index: id.index,
        generation: id.generation,
    }
}

impl Exchanges for Glue<'_> {
    fn payload(&mut self, exchange: ExchangeId, out: &mut Vec<u8>) -> Option<bool> {
        self.0.payload(net_id(exchange), out)
    }

    fn assigned(&mut self, exchange: ExchangeId, worker: WorkerKey) {
        self.0
            .assigned(net_id(exchange), worker.worker, worker.incarnation);
    }

    fn request_line(&mut self, exchange: ExchangeId) -> String {
        self.0.request_line(net_id(exchange)).unwrap_or_default()
    }

    fn answer(&mut self, exchange: ExchangeId, part: Part<'_>) -> Result<(), Violation> {
        let id = net_id(exchange);
        let piece = match part {
            Part::Start { payload, end, .. } => Piece::Start { payload, end },
            Part::Data { payload, end, .. } => Piece::Data { payload, end },
            Part::File {
                file,
                offset,
                length,
                end,
            } => Piece::File {
                file,
                offset,
                length,
                end,
            },
            Part::Error { text, end } => Piece::Error { text, end },
            Part::WorkerGone { how } => {
                self.0.note(id, how);
                self.0
                    .fail(id, 502, "the worker that had the request is gone");
                return Ok(());
            }
        };
        self.0
            .answer(id, piece)
            .map_err(|BadAnswer(why)| Violation::Answer(why))
    }

    fn body_wanted(&mut self, exchange: ExchangeId) {
        self.0.body_wanted(net_id(exchange));
    }
}
