//! How much of a head we are willing to read.

/// Bounds for one request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest head, from the method to the empty line; beyond it the answer is 431.
    pub head_bytes: usize,
    /// Most header fields; beyond it the answer is 431.
    pub fields: usize,
    /// Longest request target; beyond it the answer is 414.
    pub target_bytes: usize,
    /// Keep fields whose name has an underscore. They are dropped by default, because an application
    /// cannot tell `X_Real_Ip` from `X-Real-Ip`: both become `HTTP_X_REAL_IP`.
    pub underscores: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            fields: 128,
            target_bytes: 32 * 1024,
            underscores: false,
        }
    }
}
