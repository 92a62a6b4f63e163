//! Header names and the variables they become, with the value that came last.
//!
//! Clients send the same few names, and mostly the same values, again and again; each becomes a Python
//! string once. The table is small and has a fixed size, and a name that finds its place taken simply
//! takes it over: whoever sends odd names to fill the table makes it slower, never larger.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Places in the table, a power of two.
const PLACES: usize = 256;
/// Longer names are not kept.
const LONGEST_NAME: usize = 64;
/// Longer values are not kept.
const LONGEST_VALUE: usize = 256;

/// Variables whose names apps look up: their strings are the ones that all of Python shares, so that a
/// lookup is a comparison of pointers. Others are not shared: Python may keep those for ever.
const COMMON: [&[u8]; 38] = [
    b"REQUEST_METHOD",
    b"REQUEST_URI",
    b"PATH_INFO",
    b"QUERY_STRING",
    b"SERVER_PROTOCOL",
    b"SERVER_NAME",
    b"SERVER_PORT",
    b"REMOTE_ADDR",
    b"REMOTE_PORT",
    b"SCRIPT_NAME",
    b"CONTENT_TYPE",
    b"CONTENT_LENGTH",
    b"DOCUMENT_ROOT",
    b"DOCUMENT_URI",
    b"REQUEST_SCHEME",
    b"HTTPS",
    b"HTTP_HOST",
    b"HTTP_ACCEPT",
    b"HTTP_ACCEPT_ENCODING",
    b"HTTP_ACCEPT_LANGUAGE",
    b"HTTP_AUTHORIZATION",
    b"HTTP_CACHE_CONTROL",
    b"HTTP_CONNECTION",
    b"HTTP_COOKIE",
    b"HTTP_DNT",
    b"HTTP_IF_MODIFIED_SINCE",
    b"HTTP_IF_NONE_MATCH",
    b"HTTP_ORIGIN",
    b"HTTP_PRAGMA",
    b"HTTP_RANGE",
    b"HTTP_REFERER",
    b"HTTP_TRANSFER_ENCODING",
    b"HTTP_USER_AGENT",
    b"HTTP_X_CSRFTOKEN",
    b"HTTP_X_FORWARDED_FOR",
    b"HTTP_X_FORWARDED_PROTO",
    b"HTTP_X_REAL_IP",
    b"HTTP_X_REQUESTED_WITH",
];

/// What a variable means to us, beyond being handed to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing.
    Plain,
    /// Repeated fields are joined by a semicolon (RFC 6265).
    Cookie,
    /// Names the scheme: `http` or `https`.
    Scheme,
    /// Says that the scheme is https by the value `on`.
    Secure,
    /// Names the app that the request is for.
    App,
    /// One of those that the server itself sets (`wsgi.input`, …): no client may put another in its place.
    Ours,
}

impl Meaning {
    fn of(variable: &[u8]) -> Self {
        match variable {
            b"HTTP_COOKIE" => Self::Cookie,
            b"UWSGI_SCHEME" | b"HTTP_X_FORWARDED_PROTO" => Self::Scheme,
            b"HTTPS" | b"HTTP_X_FORWARDED_SSL" => Self::Secure,
            b"UWSGI_SCRIPT" | b"UWSGI_MODULE" | b"UWSGI_FILE" => Self::App,
            _ if variable.starts_with(b"wsgi.") || variable.starts_with(b"uwsgi.") => Self::Ours,
            _ => Self::Plain,
        }
    }
}

/// A name and its variable.
#[derive(Debug)]
pub(crate) struct Name {
    raw: Vec<u8>,
    /// The variable's name.
    pub(crate) variable: Py<PyString>,
    /// What it means.
    pub(crate) meaning: Meaning,
    /// Credentials are not kept.
    secret: bool,
    /// The request in which it was last seen.
    pub(crate) seen_in: u64,
    last_raw: Vec<u8>,
    last_value: Option<Py<PyString>>,
}

impl Name {
    fn new(py: Python<'_>, raw: &[u8], variable: &[u8]) -> Self {
        Self {
            raw: raw.to_vec(),
            variable: variable_text(py, variable).unbind(),
            meaning: Meaning::of(variable),
            secret: matches!(
                variable,
                b"HTTP_COOKIE" | b"HTTP_AUTHORIZATION" | b"HTTP_PROXY_AUTHORIZATION"
            ),
            seen_in: 0,
            last_raw: Vec::new(),
            last_value: None,
        }
    }

    /// The value as a string: the one of last time if it is the same.
    pub(crate) fn value<'py>(&mut self, py: Python<'py>, raw: &[u8]) -> Bound<'py, PyString> {
        if let Some(last) = self.last_value.as_ref().filter(|_| self.last_raw == raw) {
            return last.bind(py).clone();
        }
        let value = text(py, raw);
        if raw.len() <= LONGEST_VALUE && !self.secret {
            self.last_raw.clear();
            self.last_raw.extend_from_slice(raw);
            self.last_value = Some(value.clone().unbind());
        }
        value
    }
}

/// How names become variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Header fields: `User-Agent` becomes `HTTP_USER_AGENT`.
    Headers,
    /// Variables already.
    Variables,
}

/// The table of names.
#[derive(Debug)]
pub(crate) struct Names {
    form: Form,
    places: Vec<Option<Name>>,
    scratch: Vec<u8>,
}

/// A name for this one request, which may have driven another out of its place.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) name: &'a mut Name,
    /// A name that this same request has used had to give way, so that repetitions of it can no
    /// longer be noticed here.
    pub(crate) drove_out: bool,
}

impl Names {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            places: (0..PLACES).map(|_| None).collect(),
            scratch: Vec::new(),
        }
    }

    /// The entry for a name of a request with this serial number.
    pub(crate) fn find(&mut self, py: Python<'_>, raw: &[u8], serial: u64) -> Found<'_> {
        let place = &mut self.places[place_of(raw)];
        let same = match (&place, self.form) {
            (Some(name), Form::Variables) => name.raw == raw,
            (Some(name), Form::Headers) => name.raw == raw || name.raw.eq_ignore_ascii_case(raw),
            (None, _) => false,
        };
        if same && let Some(name) = place {
            return Found {
                name,
                drove_out: false,
            };
        }
        let drove_out = place.as_ref().is_some_and(|name| name.seen_in == serial);
        let variable = match self.form {
            Form::Variables => raw,
            Form::Headers => {
                wire::cgi::variable_name(raw, &mut self.scratch);
                &self.scratch
            }
        };
        Found {
            name: place.insert(Name::new(py, raw, variable)),
            drove_out,
        }
    }
}

/// Where a name lives: the same for all its spellings in capital and small letters.
fn place_of(name: &[u8]) -> usize {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    const MIX: u64 = 0x517c_c1b7_2722_0a95;
    let mut hash = name.len() as u64;
    let (words, rest) = name[..name.len().min(LONGEST_NAME)].as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(5) ^ (u64::from_le_bytes(*word) | FOLD)).wrapping_mul(MIX);
    }
    for byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(byte | 0x20)).wrapping_mul(MIX);
    }
    (hash >> 56) as usize & (PLACES - 1)
}

/// Bytes as Python's "native string" of PEP 3333: one character a byte (latin-1).
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(ascii) if ascii.is_ascii() => PyString::new(py, ascii),
        _ => PyString::new(
            py,
            &bytes
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>(),
        ),
    }
}

fn variable_text<'py>(py: Python<'py>, variable: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(variable) {
        Ok(name) if COMMON.contains(&variable) => PyString::intern(py, name),
        _ => text(py, variable),
    }
}
