//! Why a message is refused: the status of the answer and one sentence for the log and the page.

/// A request we do not serve. The connection closes after the answer: where the next request would
/// begin is not known for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {why}")]
pub struct Refusal {
    /// Status of the answer.
    pub status: u16,
    /// What is wrong with the request.
    pub why: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: u16, why: &'static str) -> Self {
        Self { status, why }
    }

    /// 400: the bytes are not a request we can be sure about.
    pub(crate) const fn bad(why: &'static str) -> Self {
        Self::new(400, why)
    }
}
