//! The layout of an answer's head on the link (the payload of a `Start` frame).
//!
//! ```text
//! 0 u16 status   2 u16 length of the reason   4 u32 length of the field block   8 u16 app
//! 10 reason, then the block ("Name: value\r\n" lines, no empty line), then the first body bytes
//! ```
//! Numbers are little endian. The worker writes it, the server checks it (see
//! [`crate::http1::check_block`] for the block itself).

/// Length of the fixed part.
pub const FIXED: usize = 10;

/// The number for "no app", where none was mounted for the request.
pub const NO_APP: u16 = u16::MAX;

/// The fixed part for an answer with these lengths, given by this app of the worker.
pub fn fixed(status: u16, reason_len: u16, block_len: u32, app: u16) -> [u8; FIXED] {
    let mut bytes = [0; FIXED];
    bytes[0..2].copy_from_slice(&status.to_le_bytes());
    bytes[2..4].copy_from_slice(&reason_len.to_le_bytes());
    bytes[4..8].copy_from_slice(&block_len.to_le_bytes());
    bytes[8..10].copy_from_slice(&app.to_le_bytes());
    bytes
}

/// What the fixed part says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The status code.
    pub status: u16,
    /// Length of the reason phrase behind the fixed part.
    pub reason_len: usize,
    /// Length of the field block behind the reason.
    pub block_len: usize,
    /// Which of the worker's apps has answered, for the log; [`NO_APP`] for none.
    pub app: u16,
}

impl Fixed {
    /// Reads the fixed part of a payload of `payload_len` bytes; None if the lengths do not fit or
    /// the status is not one of 200–999 (a worker never sends interim answers this way).
    pub fn read(bytes: [u8; FIXED], payload_len: usize) -> Option<Self> {
        let fixed = Self {
            status: u16::from_le_bytes([bytes[0], bytes[1]]),
            reason_len: u16::from_le_bytes([bytes[2], bytes[3]]) as usize,
            block_len: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize,
            app: u16::from_le_bytes([bytes[8], bytes[9]]),
        };
        let fits = FIXED
            .checked_add(fixed.reason_len)?
            .checked_add(fixed.block_len)?
            <= payload_len;
        (fits && (200..=999).contains(&fixed.status)).then_some(fixed)
    }

    /// Where the body's bytes begin.
    pub fn body_at(&self) -> usize {
        FIXED + self.reason_len + self.block_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_fit() {
        let bytes = fixed(200, 2, 10, 0);
        assert_eq!(
            Fixed::read(bytes, 22).map(|fixed| fixed.body_at()),
            Some(22)
        );
        assert_eq!(Fixed::read(bytes, 21), None);
        assert_eq!(Fixed::read(fixed(100, 0, 0, 0), FIXED), None);
        assert_eq!(Fixed::read(fixed(200, 0, u32::MAX, 0), FIXED), None);
    }
}
