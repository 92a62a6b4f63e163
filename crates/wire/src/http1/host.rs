//! Is this a valid `host[:port]`?
//!
//! Applications build links from `Host`, so a value that is not plainly a host must not reach them.

/// Whether `value` is `host` or `host:port` (RFC 9110 §7.2). A comma is refused although the grammar of
/// names has it: it is what two `Host` fields look like after somebody joined them.
pub(super) fn is_authority(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        return memchr::memchr(b']', rest)
            .is_some_and(|end| is_address_literal(&rest[..end]) && is_port_part(&rest[end + 1..]));
    }
    let end = memchr::memchr(b':', value).unwrap_or(value.len());
    is_name(&value[..end]) && is_port_part(&value[end..])
}

/// What may stand between brackets: hexadecimal digits, colons, dots; `v1.…` for the future.
fn is_address_literal(text: &[u8]) -> bool {
    match text {
        [b'v' | b'V', rest @ ..] => rest.len() > 2 && is_name(rest),
        _ => {
            text.len() >= 2
                && text
                    .iter()
                    .all(|&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
                && text.contains(&b':')
        }
    }
}

/// Letters, digits, `%XX` and the marks that RFC 3986 §3.2.2 allows in a name, but no comma.
fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                after
            }
            (byte, _) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(byte) => after,
            _ => return false,
        };
    }
    !name.is_empty()
}

/// Nothing, or a colon and a port number; the number may be missing (RFC 3986 §3.2.3).
fn is_port_part(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => {
            digits.len() <= 5
                && digits.iter().all(u8::is_ascii_digit)
                && digits
                    .iter()
                    .fold(0_u32, |port, digit| port * 10 + u32::from(digit - b'0'))
                    <= 65535
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "a",
            "example.com",
            "example.com:80",
            "example.com:",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:443",
            "under_score.local",
            "xn--bcher-kva.example",
            "a%20b",
            "[v1.fe80::a]".replace("::", ".").as_str(),
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a,b", "a:b", "a:80:80", "a:99999", "a:123456", "a/b", "a@b", "a#b",
            "a?b", "[::1", "[::1]x", "[]", "[abc]", "::1", "a%2", "a%zz", "\u{e9}", "a\\b", "a\tb",
            "[::1]:x", "a\"b", "a<b",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }
}
