//! Where the text of a file or of `@(…)` comes from: a path, `-` for standard input,
//! `exec://command`, `fd://number`, `file://path`.

use std::io;
use std::path::Path;

use crate::surroundings::Surroundings;

/// The name of standard input among files.
pub(crate) const STANDARD_INPUT: &str = "-";

/// Everything that comes from a source.
pub(crate) fn read(source: &str, surroundings: &dyn Surroundings) -> io::Result<Vec<u8>> {
    match source.split_once("://") {
        Some(("exec", command)) => surroundings.run(command),
        Some(("fd", "0")) => surroundings.read_standard_input(),
        Some(("fd", number)) if is_number(number) => {
            surroundings.read(Path::new(&format!("/dev/fd/{number}")))
        }
        Some(("file", path)) => surroundings.read(Path::new(path)),
        Some((scheme, _)) => {
            let what = format!("{scheme}:// is not a source Verdigris reads");
            Err(io::Error::new(io::ErrorKind::Unsupported, what))
        }
        None if source == STANDARD_INPUT => surroundings.read_standard_input(),
        None => surroundings.read(Path::new(source)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn sources() {
        let fake = Fake::default().file("/a", "one").input("typed");
        let read = |source| read(source, &fake).map_err(|error| error.to_string());
        assert_eq!(read("/a"), Ok(b"one".to_vec()));
        assert_eq!(read("file:///a"), Ok(b"one".to_vec()));
        assert_eq!(read("-"), Ok(b"typed".to_vec()));
        assert_eq!(read("fd://0"), Ok(b"typed".to_vec()));
        assert_eq!(read("exec://x y"), Ok(b"ran x y\n".to_vec()));
        assert!(read("http://a").unwrap_err().contains("http:// is not"));
        assert!(read("fd://x").unwrap_err().contains("fd:// is not"));
    }
}
