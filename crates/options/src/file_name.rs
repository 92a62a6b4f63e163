//! What the name of a file tells.

use crate::gather::files::STANDARD_INPUT;

/// The part behind the last dot, or nothing. Names are compared as they stand: uWSGI does not take
/// `APP.INI` for an ini file.
pub(crate) fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Whether a bare word that no telling suffix makes a configuration can only be one: standard input,
/// `exec://…` and its kin, `app.conf`, a path. With a colon behind it, it may be `module:callable`.
pub(crate) fn names_source(text: &str) -> bool {
    let letters = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    let address = text.split_once("://").filter(|(scheme, _)| letters(scheme));
    if text == STANDARD_INPUT || address.is_some() {
        return true;
    }
    let suffix = extension(text);
    let is_path = text.contains('/') && !matches!(suffix, "py" | "wsgi");
    let is_directory = matches!(text, "." | "..");
    !text.contains(':') && (is_path || matches!(suffix, "conf" | "cfg") || is_directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        assert_eq!(extension("a/b.c.ini"), "ini");
        assert_eq!(extension("app"), "");
    }
}
