//! uWSGI's magic variables: in a configuration file, `%` and any byte behind it are replaced
//! before the file is even split into lines. A pair without a meaning is replaced by nothing.

use crate::bounds::{MOST_BYTES, MOST_REMARKS};
use crate::surroundings::{Person, Surroundings};

/// A `%` that swallowed a byte without meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eaten {
    /// The line it stands on.
    pub(crate) line: u32,
    /// The byte behind the `%`; `None` at the end of the file.
    pub(crate) byte: Option<u8>,
}

/// A text after replacement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The new text.
    pub(crate) text: Vec<u8>,
    /// The number each of its lines had in the file.
    pub(crate) line_numbers: Vec<u32>,
    /// Pairs without a meaning.
    pub(crate) eaten: Vec<Eaten>,
    /// The line that made the text longer than anybody needs; nothing behind it was read.
    pub(crate) too_long: Option<u32>,
}

/// The names of one configuration file.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileNames {
    /// As it was asked for, without the section.
    given: String,
    /// The path from the root.
    absolute: String,
    /// The section asked for; empty when none was.
    section: String,
    inode: u64,
}

impl FileNames {
    pub(crate) fn new(given: &str, section: &str, surroundings: &dyn Surroundings) -> Self {
        let absolute = surroundings.working_directory().join(given);
        let inode = surroundings.inode(&absolute).unwrap_or(0);
        let absolute = surroundings.real_path(&absolute);
        Self {
            given: given.to_owned(),
            absolute: absolute.to_string_lossy().into_owned(),
            section: section.to_owned(),
            inode,
        }
    }

    /// The directory, with the slash behind it, and the name in it. A path that ends in a link may
    /// have dots and links on its way, and every one of them counts.
    fn parts(&self) -> (&str, &str) {
        let name = self.absolute.rfind('/').map_or(0, |slash| slash + 1);
        self.absolute.split_at(name)
    }

    /// The n-th name on the way from the root to the directory.
    fn component(&self, index: usize) -> &str {
        let mut names = self.parts().0.split('/').filter(|name| !name.is_empty());
        names.nth(index).unwrap_or_default()
    }

    /// What a file letter stands for; letters are given in small.
    fn letter(&self, letter: u8) -> Option<String> {
        let (directory, name) = self.parts();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let text = match letter {
            b'o' => &self.given,
            b'p' => &self.absolute,
            b's' => name,
            b'd' => directory,
            b'n' => stem,
            b'e' => extension,
            b'c' => directory.trim_end_matches('/').rsplit('/').next()?,
            b'x' => &self.section,
            b'i' => return Some(self.inode.to_string()),
            // The bytes as they lie in memory.
            b'j' => {
                let hash = djb33x(self.absolute.as_bytes()).swap_bytes();
                return Some(format!("{hash:08X}"));
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// uWSGI's string hash.
fn djb33x(text: &[u8]) -> u32 {
    text.iter().fold(5381, |hash: u32, byte| {
        (hash << 5).wrapping_add(hash) ^ u32::from(*byte)
    })
}

/// Facts that are the same for all files of one start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    working_directory: String,
    host_name: String,
    processors: usize,
    program: String,
    started: u64,
    person: Person,
}

impl Facts {
    pub(crate) fn new(surroundings: &dyn Surroundings) -> Self {
        Self {
            working_directory: surroundings
                .working_directory()
                .to_string_lossy()
                .into_owned(),
            host_name: surroundings.host_name(),
            processors: surroundings.processors(),
            program: surroundings.program().to_string_lossy().into_owned(),
            started: surroundings.now(),
            person: surroundings.person(),
        }
    }

    fn letter(&self, letter: u8) -> Option<String> {
        Some(match letter {
            b'v' => self.working_directory.clone(),
            b'h' => self.host_name.clone(),
            b'k' => self.processors.to_string(),
            b'b' => self.program.clone(),
            b't' => (self.started / 1_000_000).to_string(),
            b'T' => self.started.to_string(),
            b'V' => env!("CARGO_PKG_VERSION").to_owned(),
            b'u' => self.person.uid.to_string(),
            b'g' => self.person.gid.to_string(),
            b'U' => self
                .person
                .user
                .clone()
                .unwrap_or_else(|| self.person.uid.to_string()),
            b'G' => self
                .person
                .group
                .clone()
                .unwrap_or_else(|| self.person.gid.to_string()),
            b'[' => "\x1b".to_owned(),
            b'%' => "%".to_owned(),
            _ => return None,
        })
    }
}

/// What the letters stand for while one file is read. Small letters follow the file, capitals stay
/// with the first file of the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Magic {
    pub(crate) facts: Facts,
    pub(crate) first: FileNames,
    pub(crate) this: FileNames,
}

impl Magic {
    /// Letters that stand for nothing in particular, for tests of what comes after.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::default()
    }

    fn value(&self, byte: u8) -> Option<String> {
        if byte.is_ascii_digit() {
            return Some(self.this.component(usize::from(byte - b'0')).to_owned());
        }
        if let Some(fact) = self.facts.letter(byte) {
            return Some(fact);
        }
        if byte.is_ascii_uppercase() {
            self.first.letter(byte.to_ascii_lowercase())
        } else {
            self.this.letter(byte)
        }
    }

    /// Replaces every pair. `%(` stays: it begins a reference, which is resolved much later.
    pub(crate) fn replace(&self, content: &[u8]) -> Replaced {
        let mut text = Vec::with_capacity(content.len());
        let mut line_numbers = vec![1];
        let mut eaten = Vec::new();
        let mut line = 1;
        let mut too_long = None;
        let mut note = |line, byte| {
            if eaten.len() < MOST_REMARKS {
                eaten.push(Eaten { line, byte });
            }
        };
        let mut bytes = content.iter().copied();
        while let Some(byte) = bytes.next() {
            if byte == b'\n' {
                line += 1;
                line_numbers.push(line);
            }
            if byte != b'%' {
                text.push(byte);
                continue;
            }
            if text.len() > MOST_BYTES {
                too_long = Some(line);
                break;
            }
            match bytes.next() {
                Some(b'(') => text.extend_from_slice(b"%("),
                Some(letter) => {
                    match self.value(letter) {
                        Some(value) => text.extend_from_slice(value.as_bytes()),
                        None => note(line, Some(letter)),
                    }
                    // A swallowed line end joins two lines; the joined line keeps the first number.
                    line += u32::from(letter == b'\n');
                }
                None => note(line, None),
            }
        }
        Replaced {
            text,
            line_numbers,
            eaten,
            too_long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn magic() -> Magic {
        let names = |given: &str| FileNames {
            given: given.into(),
            absolute: format!("/srv/app/{given}"),
            section: "prod".into(),
            inode: 7,
        };
        Magic {
            facts: Facts {
                processors: 4,
                working_directory: "/start".into(),
                ..Facts::default()
            },
            first: names("first.ini"),
            this: names("conf/this.x.ini"),
        }
    }

    fn replaced(text: &str) -> String {
        String::from_utf8(magic().replace(text.as_bytes()).text).unwrap()
    }

    #[test]
    fn small_letters_follow_the_file_and_capitals_the_first() {
        assert_eq!(
            replaced("%o %p %s %d %n %e %c %x %i"),
            "conf/this.x.ini /srv/app/conf/this.x.ini this.x.ini /srv/app/conf/ this.x ini conf prod 7"
        );
        assert_eq!(
            replaced("%O %P %D %N"),
            "first.ini /srv/app/first.ini /srv/app/ first"
        );
        assert_eq!(replaced("%0 %1 %2 %9|%v %k"), "srv app conf |/start 4");
    }

    #[test]
    fn files_may_have_odd_names() {
        let letters = |absolute: &str| {
            let names = FileNames {
                absolute: absolute.into(),
                ..FileNames::default()
            };
            let letters = [b'd', b'c', b'n', b'e'].map(|letter| names.letter(letter).unwrap());
            letters.join(" ")
        };
        assert_eq!(letters("/srv/.ini"), "/srv/ srv  ini");
        assert_eq!(letters("/srv/dot./x"), "/srv/dot./ dot. x ");
        assert_eq!(letters("/srv/./x.y.z"), "/srv/./ . x.y z");
        assert_eq!(letters("/x"), "/  x ");
    }

    #[test]
    fn the_hash_of_the_path_as_uwsgi_writes_it() {
        let names = FileNames {
            absolute: "/tmp/a.ini".into(),
            ..FileNames::default()
        };
        assert_eq!(names.letter(b'j').as_deref(), Some("6DB1F0AD"));
    }

    #[test]
    fn percent_signs_and_references() {
        assert_eq!(replaced("50%% %(base) %(a %k)"), "50% %(base) %(a 4)");
    }

    #[test]
    fn meaningless_pairs_vanish_and_are_reported() {
        let result = magic().replace(b"a\nlog-date = %Y-%m%\nb = 1\n%");
        assert_eq!(result.text, b"a\nlog-date = -b = 1\n");
        assert_eq!(result.line_numbers, [1, 2, 4]);
        let eaten: Vec<_> = result
            .eaten
            .iter()
            .map(|eaten| (eaten.line, eaten.byte))
            .collect();
        assert_eq!(
            eaten,
            [
                (2, Some(b'Y')),
                (2, Some(b'm')),
                (2, Some(b'\n')),
                (4, None)
            ]
        );
    }
}
