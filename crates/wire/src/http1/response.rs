//! The head of a response, and the small answers the server gives without an application.

use crate::Version;

/// Tells a client that waits with its body to go on.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How the client learns where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFraming {
    /// The block has a `Content-Length`, or the answer has no body and needs none.
    Length,
    /// The server knows the length, the application did not say it.
    AddLength(u64),
    /// In chunks. An HTTP/1.0 client does not know them: it gets [`ResponseFraming::UntilClose`].
    Chunked,
    /// The end of the connection ends the body.
    UntilClose,
}

/// What the answer says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It stays, as is usual in HTTP/1.1: not a word.
    KeepAlive,
    /// It ends after this answer.
    Close,
    /// It stays because an HTTP/1.0 client asked for it.
    KeepAliveExplicit,
}

/// Everything that goes into a response head.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The version the client spoke. The status line says HTTP/1.1 to everybody (RFC 9110 §6.2).
    pub version_of_request: Version,
    /// Checked with [`super::check_status`].
    pub status: u16,
    /// Checked with [`super::check_status`]; empty means the usual phrase.
    pub reason: &'a [u8],
    /// Header lines, checked with [`super::check_block`], without hop-by-hop fields.
    pub block: &'a [u8],
    /// Where the body ends.
    pub framing: ResponseFraming,
    /// Whether the connection stays.
    pub connection: Connection,
    /// Value of a `Date` field to add.
    pub date: Option<&'a [u8]>,
}

/// Appends the bytes of a response head, its empty line included.
pub fn encode_head(out: &mut Vec<u8>, head: &ResponseHead<'_>) {
    out.reserve(head.block.len() + head.reason.len() + 160);
    status_line(out, Version::Http11, head.status, head.reason);
    out.extend_from_slice(head.block);
    let mut connection = head.connection;
    match head.framing {
        ResponseFraming::Length => {}
        ResponseFraming::AddLength(length) => length_line(out, length),
        ResponseFraming::Chunked if head.version_of_request == Version::Http11 => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        ResponseFraming::Chunked | ResponseFraming::UntilClose => connection = Connection::Close,
    }
    match connection {
        Connection::KeepAlive => {}
        Connection::Close => out.extend_from_slice(b"Connection: close\r\n"),
        Connection::KeepAliveExplicit => out.extend_from_slice(b"Connection: keep-alive\r\n"),
    }
    if let Some(date) = head.date {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `HTTP/1.x 200 OK` and CRLF.
pub(crate) fn status_line(out: &mut Vec<u8>, version: Version, status: u16, reason: &[u8]) {
    out.extend_from_slice(version.as_str().as_bytes());
    let digit = |value: u16| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[
        b' ',
        digit(status / 100),
        digit(status / 10),
        digit(status),
        b' ',
    ]);
    if reason.is_empty() {
        out.extend_from_slice(reason_phrase(status).as_bytes());
    } else {
        out.extend_from_slice(reason);
    }
    out.extend_from_slice(b"\r\n");
}

fn length_line(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number in decimal digits, without the machinery of `format!`.
fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether an answer with this status to this method may have a body (RFC 9110 §6.4.1). Where it may
/// not, the bytes an application produces are thrown away.
pub fn body_allowed(method: &[u8], status: u16) -> bool {
    method != b"HEAD" && !matches!(status, 100..=199 | 204 | 304)
}

/// Appends a whole small answer of the server's own, and announces the end of the connection.
///
/// `message` is for people: one sentence in plain text. With `head_only` its length is announced but
/// the text is not sent, as a HEAD request wants it. Who is turned away because it is busy (503) is told
/// to come again soon.
pub fn simple_answer(
    out: &mut Vec<u8>,
    status: u16,
    message: &str,
    date: Option<&[u8]>,
    head_only: bool,
) {
    let phrase = reason_phrase(status);
    let body_length = 3
        + 1
        + phrase.len()
        + 1
        + if message.is_empty() {
            0
        } else {
            message.len() + 1
        };
    encode_head(
        out,
        &ResponseHead {
            version_of_request: Version::Http11,
            status,
            reason: b"",
            block: if status == 503 {
                b"Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
            } else {
                b"Content-Type: text/plain; charset=utf-8\r\n"
            },
            framing: ResponseFraming::AddLength(body_length as u64),
            connection: Connection::Close,
            date,
        },
    );
    if head_only {
        return;
    }
    decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(phrase.as_bytes());
    out.push(b'\n');
    if !message.is_empty() {
        out.extend_from_slice(message.as_bytes());
        out.push(b'\n');
    }
}

/// The usual phrase for a status; `Unknown` for one nobody registered.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(framing: ResponseFraming, connection: Connection, version: Version) -> String {
        let mut out = Vec::new();
        let head = ResponseHead {
            version_of_request: version,
            status: 200,
            reason: b"Fine",
            block: b"A: b\r\n",
            framing,
            connection,
            date: Some(b"today"),
        };
        encode_head(&mut out, &head);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn heads() {
        let new = Version::Http11;
        assert_eq!(
            encoded(ResponseFraming::Length, Connection::KeepAlive, new),
            "HTTP/1.1 200 Fine\r\nA: b\r\nDate: today\r\n\r\n"
        );
        assert_eq!(
            encoded(
                ResponseFraming::AddLength(1_234_567),
                Connection::Close,
                new
            ),
            "HTTP/1.1 200 Fine\r\nA: b\r\nContent-Length: 1234567\r\nConnection: close\r\nDate: today\r\n\r\n"
        );
        assert_eq!(
            encoded(
                ResponseFraming::AddLength(0),
                Connection::KeepAliveExplicit,
                Version::Http10
            ),
            "HTTP/1.1 200 Fine\r\nA: b\r\nContent-Length: 0\r\nConnection: keep-alive\r\nDate: today\r\n\r\n"
        );
        assert_eq!(
            encoded(ResponseFraming::Chunked, Connection::KeepAlive, new),
            "HTTP/1.1 200 Fine\r\nA: b\r\nTransfer-Encoding: chunked\r\nDate: today\r\n\r\n"
        );
    }

    #[test]
    fn an_old_client_never_gets_chunks() {
        let close = "HTTP/1.1 200 Fine\r\nA: b\r\nConnection: close\r\nDate: today\r\n\r\n";
        let old = Version::Http10;
        assert_eq!(
            encoded(ResponseFraming::Chunked, Connection::KeepAliveExplicit, old),
            close
        );
        assert_eq!(
            encoded(
                ResponseFraming::UntilClose,
                Connection::KeepAlive,
                Version::Http11
            ),
            close
        );
    }

    #[test]
    fn simple_answers_announce_their_true_length() {
        for status in [
            400, 408, 411, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505, 599,
        ] {
            for message in ["", "Because."] {
                let mut out = Vec::new();
                simple_answer(&mut out, status, message, None, false);
                let text = String::from_utf8(out).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
                assert!(
                    head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
                    "{head}"
                );
                assert!(head.contains("\r\nConnection: close"), "{head}");
                let mut short = Vec::new();
                simple_answer(&mut short, status, message, None, true);
                assert_eq!(short, format!("{head}\r\n\r\n").into_bytes());
            }
        }
    }

    #[test]
    fn bodies_where_they_are_allowed() {
        assert!(
            body_allowed(b"GET", 200) && body_allowed(b"POST", 404) && body_allowed(b"head", 200)
        );
        for (method, status) in [
            (&b"HEAD"[..], 200),
            (b"GET", 100),
            (b"GET", 204),
            (b"GET", 304),
            (b"HEAD", 500),
        ] {
            assert!(!body_allowed(method, status));
        }
    }
}
