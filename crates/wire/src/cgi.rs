//! From HTTP to CGI: the path decoded, the target cut, header names made variable names.
//!
//! The worker uses these to build an environment (RFC 3875, PEP 3333) in uWSGI's way.

use crate::http1::authority;

/// A request target, cut but not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetParts<'a> {
    /// The path: `/a%20b`; `*` for the target `*`; `/` for a URI without one.
    pub path: &'a [u8],
    /// What stands behind the first question mark; empty without one.
    pub query: &'a [u8],
    /// `host:port` of an absolute target.
    pub authority: Option<&'a [u8]>,
}

/// Cuts a request target of any form into its parts.
pub fn split_target(target: &[u8]) -> TargetParts<'_> {
    let range = match target {
        [b'/', ..] => None,
        _ => authority(target),
    };
    let local = range.as_ref().map_or(target, |range| &target[range.end..]);
    let (path, query) = match memchr::memchr(b'?', local) {
        Some(mark) => (&local[..mark], &local[mark + 1..]),
        None => (local, &b""[..]),
    };
    TargetParts {
        path: if path.is_empty() && range.is_some() {
            b"/"
        } else {
            path
        },
        query,
        authority: range.map(|range| &target[range]),
    }
}

/// Appends `path` with its `%XX` decoded. An escape that is none stays as it is; `+` is a plus.
pub fn percent_decode(path: &[u8], out: &mut Vec<u8>) {
    let mut rest = path;
    while let Some(mark) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..mark]);
        let escape = rest[mark..].first_chunk::<3>();
        let decoded = escape.and_then(|&[_, high, low]| Some(hex(high)? << 4 | hex(low)?));
        out.push(decoded.unwrap_or(b'%'));
        let used = if decoded.is_some() { 3 } else { 1 };
        rest = &rest[mark + used..];
    }
    out.extend_from_slice(rest);
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes the variable for a header name into `out`, which is emptied before: `User-Agent` becomes
/// `HTTP_USER_AGENT`; `Content-Type` and `Content-Length` get no prefix (RFC 3875 §4.1).
pub fn variable_name(header: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let bare = match header.len() {
        12 => header.eq_ignore_ascii_case(b"content-type"),
        14 => header.eq_ignore_ascii_case(b"content-length"),
        _ => false,
    };
    if !bare {
        out.extend_from_slice(b"HTTP_");
    }
    out.extend(header.iter().map(|byte| match byte {
        b'-' => b'_',
        _ => byte.to_ascii_uppercase(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let cut = |target: &'static str| {
            let parts = split_target(target.as_bytes());
            let text = |bytes: &'static [u8]| std::str::from_utf8(bytes).unwrap();
            (
                text(parts.path),
                text(parts.query),
                parts.authority.map(text),
            )
        };
        assert_eq!(cut("/a%20b?c=d?e"), ("/a%20b", "c=d?e", None));
        assert_eq!(cut("/"), ("/", "", None));
        assert_eq!(cut("//a/b"), ("//a/b", "", None));
        assert_eq!(cut("/http://x/"), ("/http://x/", "", None));
        assert_eq!(cut("*"), ("*", "", None));
        assert_eq!(cut("http://h:1/p?q"), ("/p", "q", Some("h:1")));
        assert_eq!(cut("HTTPS://h"), ("/", "", Some("h")));
        assert_eq!(cut("http://h?q/r"), ("/", "q/r", Some("h")));
        assert_eq!(cut(""), ("", "", None));
    }

    #[test]
    fn escapes() {
        let decoded = |path: &str| {
            let mut out = b"kept".to_vec();
            percent_decode(path.as_bytes(), &mut out);
            out[4..].escape_ascii().to_string()
        };
        assert_eq!(decoded("/a%20b%2Fc%2f"), "/a b/c/");
        assert_eq!(decoded("/a+b"), "/a+b");
        assert_eq!(decoded("%C3%A9%00"), "\\xc3\\xa9\\x00");
        assert_eq!(decoded("%"), "%");
        assert_eq!(decoded("%4"), "%4");
        assert_eq!(decoded("%zz%4g%%41"), "%zz%4g%A");
        assert_eq!(decoded("%2541"), "%41");
    }

    #[test]
    fn names() {
        let mut out = Vec::new();
        for (header, variable) in [
            ("User-Agent", "HTTP_USER_AGENT"),
            ("host", "HTTP_HOST"),
            ("content-TYPE", "CONTENT_TYPE"),
            ("Content-Length", "CONTENT_LENGTH"),
            ("Content-Lengtz", "HTTP_CONTENT_LENGTZ"),
            ("X-A_b.c", "HTTP_X_A_B.C"),
        ] {
            variable_name(header.as_bytes(), &mut out);
            assert_eq!(out, variable.as_bytes());
        }
    }
}
