//! What the name of a file tells.

/// The part behind the last dot, or nothing. Names are compared as they stand: uWSGI does not take
/// `APP.INI` for an ini file.
pub(crate) fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
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
