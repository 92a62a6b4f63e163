//! Where a value was written, so that every message can point at it.

use std::fmt;
use std::sync::Arc;

/// The place a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Typed on the command line.
    CommandLine,
    /// Set in this environment variable.
    Environment(Arc<str>),
    /// Written in a configuration file.
    File {
        /// The file as it was named, or `standard input`.
        path: Arc<str>,
        /// The line, counted from 1.
        line: u32,
    },
    /// Nobody wrote it: the option's default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => formatter.write_str("command line"),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::File { path, line } => write!(formatter, "{path}:{line}"),
            Self::Default => formatter.write_str("default"),
        }
    }
}
