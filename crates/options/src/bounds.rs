//! How far a configuration may grow while it is read. References, loops, declared options and files
//! that include files can make gigabytes of a small text; nobody who means it comes near these
//! bounds, so whoever passes them is told instead of filling the machine's memory.

use thiserror::Error;

/// Options of one configuration, all its files together.
pub(crate) const MOST_OPTIONS: usize = 100_000;

/// Sections of one file.
pub(crate) const MOST_SECTIONS: usize = 1000;

/// Bytes that magic, loops and references may put in.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// References that are replaced, each time counted.
const MOST_REFERENCES: usize = 1_000_000;

/// Files that are read, each time counted.
const MOST_FILES: usize = 256;

/// Remarks of one kind about one file.
pub(crate) const MOST_REMARKS: usize = 1000;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TooMuch {
    /// Lines, turns of loops, what declared options stand for.
    #[error("this makes more than {MOST_OPTIONS} options; no configuration has so many")]
    Options,
    /// Text put in by loops and references.
    #[error("loops and references make more than {} MiB of text", MOST_BYTES >> 20)]
    Bytes,
    /// References.
    #[error("references are replaced more than {MOST_REFERENCES} times")]
    References,
    /// References that lead to references.
    #[error("what the references of this value stand for holds references again, without end")]
    Depth,
    /// Files that include files.
    #[error("files include more than {MOST_FILES} files")]
    Files,
}

impl TooMuch {
    /// What to do about it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Options => "shorten the loop or the file",
            Self::Depth => {
                "look for a value that leads back to itself, like `path = /opt:%(path)`; uWSGI never gets done with it"
            }
            Self::Bytes | Self::References => {
                "look for values that name each other: each `%(a)%(a)` doubles what stands in `a`"
            }
            Self::Files => {
                "look for files that inherit each other, or include each other more than once"
            }
        }
    }
}

/// What a configuration has grown to so far.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    options: usize,
    bytes: usize,
    references: usize,
    files: usize,
}

impl Growth {
    /// One more option.
    pub(crate) fn option(&mut self) -> Result<(), TooMuch> {
        self.options += 1;
        (self.options <= MOST_OPTIONS)
            .then_some(())
            .ok_or(TooMuch::Options)
    }

    /// One more file.
    pub(crate) fn file(&mut self) -> Result<(), TooMuch> {
        self.files += 1;
        (self.files <= MOST_FILES)
            .then_some(())
            .ok_or(TooMuch::Files)
    }

    /// One more reference that was replaced by so many bytes.
    pub(crate) fn reference(&mut self, count: usize) -> Result<(), TooMuch> {
        self.references += 1;
        if self.references > MOST_REFERENCES {
            return Err(TooMuch::References);
        }
        self.bytes(count)
    }

    /// Text that was put in.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), TooMuch> {
        self.bytes = self.bytes.saturating_add(count);
        (self.bytes <= MOST_BYTES)
            .then_some(())
            .ok_or(TooMuch::Bytes)
    }

    /// Replaces a mark everywhere in a text, if there is room for it.
    pub(crate) fn replaced(
        &mut self,
        text: &str,
        mark: &str,
        with: &str,
    ) -> Result<String, TooMuch> {
        let count = text.matches(mark).count();
        self.bytes(count.saturating_mul(with.len()))?;
        Ok(text.replace(mark, with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_somewhere() {
        let mut growth = Growth::default();
        assert_eq!(growth.replaced("a%a", "a", "bb").as_deref(), Ok("bb%bb"));
        let long = "x".repeat(1 << 20);
        assert_eq!(growth.replaced(&long, "x", &long), Err(TooMuch::Bytes));
        let files = (0..MOST_FILES).all(|_| growth.file().is_ok());
        assert!(files && growth.file() == Err(TooMuch::Files));
        let options = (0..MOST_OPTIONS).all(|_| growth.option().is_ok());
        assert!(options && growth.option() == Err(TooMuch::Options));
    }
}
