//! Environment variables from the files of a directory, as daemontools has them: a file's name is the
//! variable's, its content the value; an empty file removes the variable.

use std::io;
use std::path::Path;

use crate::surroundings::{Kind, Surroundings};

/// A variable, and its value unless it is to be removed.
pub(crate) type Change = (String, Option<String>);

/// What a directory says, in the order of the names. Names that begin with a dot are left out.
pub(crate) fn read(directory: &Path, surroundings: &dyn Surroundings) -> io::Result<Vec<Change>> {
    let mut names = surroundings.list(directory)?;
    names.sort();
    names
        .into_iter()
        .filter(|name| !name.starts_with('.'))
        .map(|name| (directory.join(&name), name))
        .filter(|(path, _)| surroundings.kind(path) == Some(Kind::File))
        .map(|(path, name)| Ok((name, value(&surroundings.read(&path)?))))
        .collect()
}

/// Everything up to a zero byte, without the ends of lines behind it.
fn value(content: &[u8]) -> Option<String> {
    let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end_matches(['\n', '\r']);
    (!content.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn files_are_variables() {
        let machine = Fake::default()
            .file("/e/B", "two  \nmore\n\n")
            .file("/e/A", " one")
            .file("/e/C", "")
            .file("/e/D", b"x\0y")
            .file("/e/.hidden", "1");
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(Path::new("/e"), &machine).unwrap(),
            [
                ("A".to_owned(), value(" one")),
                ("B".to_owned(), value("two  \nmore")),
                ("C".to_owned(), None),
                ("D".to_owned(), value("x")),
            ]
        );
    }
}
