//! The numbers by which epoll tells control what has happened.

use crate::talk::MoldId;

/// What an event of epoll is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A signal has come.
    Signals,
    /// The serving thread reports.
    Network,
    /// A mold speaks or ends.
    Mold(MoldId),
    /// The worker of this incarnation hangs up.
    Worker(u64),
    /// A command has come by a named pipe.
    Fifo(u32),
    /// The worker of this incarnation writes down where it is.
    Stack(u64),
}

impl Token {
    const KINDS: u64 = 6;

    /// The number to give to epoll.
    pub(crate) fn to_number(self) -> u64 {
        match self {
            Self::Signals => 0,
            Self::Network => 1,
            Self::Mold(id) => 2 + u64::from(id) * Self::KINDS,
            Self::Worker(incarnation) => 3 + incarnation * Self::KINDS,
            Self::Fifo(index) => 4 + u64::from(index) * Self::KINDS,
            Self::Stack(incarnation) => 5 + incarnation * Self::KINDS,
        }
    }

    /// What the number that epoll gives back stands for.
    pub(crate) fn from_number(number: u64) -> Self {
        match number % Self::KINDS {
            0 => Self::Signals,
            1 => Self::Network,
            2 => Self::Mold((number / Self::KINDS) as MoldId),
            3 => Self::Worker(number / Self::KINDS),
            4 => Self::Fifo((number / Self::KINDS) as u32),
            _ => Self::Stack(number / Self::KINDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_tokens_apart() {
        let tokens = [
            Token::Signals,
            Token::Network,
            Token::Mold(0),
            Token::Mold(u32::MAX),
            Token::Worker(0),
            Token::Worker(1 << 60),
            Token::Fifo(0),
            Token::Fifo(7),
            Token::Stack(7),
        ];
        for token in tokens {
            assert_eq!(Token::from_number(token.to_number()), token);
        }
    }
}
