//! The environ of PEP 3333, built in one pass.
//!
//! What is the same for every request that comes in by one door lies ready in a base, which is copied;
//! then the request's own variables are set. Python strings that came before are used again.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use wire::Version;
use wire::cgi;
use wire::payload::{Door, Peer, RequestView};

use crate::names::{Form, Meaning, Names, text};

/// Said once by a worker when requests name apps and may not.
const NAMED_IN_VAIN: &str = "a request names its app (UWSGI_SCRIPT, UWSGI_MODULE or UWSGI_FILE), but the app of the \
    configuration is served\nhint: `dynamic-apps = true` lets the web server in front choose\n";
/// Bases kept; a server has few doors.
const BASES: usize = 16;

/// The values that every environ shares.
#[derive(Debug)]
pub(crate) struct Constants {
    /// `wsgi.errors`.
    pub(crate) errors: Py<PyAny>,
    /// `wsgi.file_wrapper`.
    pub(crate) file_wrapper: Py<PyAny>,
    /// `wsgi.input` of a request without a body.
    pub(crate) no_input: Py<PyAny>,
    /// `wsgi.multithread`.
    pub(crate) multithread: bool,
    /// `wsgi.multiprocess`.
    pub(crate) multiprocess: bool,
    /// Name of the machine, for `uwsgi.node`.
    pub(crate) node: Vec<u8>,
    /// Requests may name the app that they are for.
    pub(crate) dynamic_apps: bool,
}

/// Builds environs. It belongs to one thread at a time.
#[derive(Debug)]
pub(crate) struct Maker {
    headers: Names,
    variables: Names,
    bases: Vec<Base>,
    remote_addr: Remembered,
    path: Remembered,
    decoded: Vec<u8>,
    joined: Vec<u8>,
    serial: u64,
    /// It was said that a request names its app in vain.
    complained: bool,
}

/// What the requests of one door have in common.
#[derive(Debug)]
struct Base {
    door: Door,
    https: bool,
    server_name: String,
    server_port: String,
    dict: Py<PyDict>,
}

impl Base {
    fn is_for(&self, peer: &Peer<'_>) -> bool {
        self.door == peer.door
            && self.https == peer.scheme_https
            && self.server_port == peer.server_port
            && self.server_name == peer.server_name
    }
}

/// A string made last, which is often wanted again.
#[derive(Debug, Default)]
struct Remembered {
    raw: Vec<u8>,
    text: Option<Py<PyString>>,
}

impl Remembered {
    fn text<'py>(&mut self, py: Python<'py>, raw: &[u8]) -> Bound<'py, PyString> {
        if let Some(last) = self.text.as_ref().filter(|_| self.raw == raw) {
            return last.bind(py).clone();
        }
        let text = text(py, raw);
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self.text = Some(text.clone().unbind());
        text
    }
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            headers: Names::new(Form::Headers),
            variables: Names::new(Form::Variables),
            bases: Vec::new(),
            remote_addr: Remembered::default(),
            path: Remembered::default(),
            decoded: Vec::new(),
            joined: Vec::new(),
            serial: 0,
            complained: false,
        }
    }

    /// The environ of a request, without its `wsgi.input` if it has a body.
    pub(crate) fn environ<'py>(
        &mut self,
        py: Python<'py>,
        request: &RequestView<'_>,
        constants: &Constants,
    ) -> PyResult<Bound<'py, PyDict>> {
        self.serial += 1;
        let environ = self.base(py, &request.peer(), constants)?;
        let secure = match request.form() {
            wire::Form::Http => {
                self.set_line(&environ, request)?;
                self.set_headers(&environ, request)?
            }
            wire::Form::Cgi => self.set_variables(&environ, request, constants)?,
        };
        if let Some(secure) = secure {
            let scheme = if secure {
                intern!(py, "https")
            } else {
                intern!(py, "http")
            };
            environ.set_item(intern!(py, "wsgi.url_scheme"), scheme)?;
        }
        Ok(environ)
    }

    fn base<'py>(
        &mut self,
        py: Python<'py>,
        peer: &Peer<'_>,
        constants: &Constants,
    ) -> PyResult<Bound<'py, PyDict>> {
        if let Some(base) = self.bases.iter().find(|base| base.is_for(peer)) {
            return base.dict.bind(py).copy();
        }
        let dict = new_base(py, peer, constants)?;
        // An endless row of server names (from Host fields) must not fill the memory.
        self.bases.truncate(BASES - 1);
        let base = Base {
            door: peer.door,
            https: peer.scheme_https,
            server_name: peer.server_name.to_owned(),
            server_port: peer.server_port.to_owned(),
            dict: dict.clone().unbind(),
        };
        self.bases.insert(0, base);
        dict.copy()
    }

    /// The variables of the request line and of the connection.
    fn set_line(&mut self, environ: &Bound<'_, PyDict>, request: &RequestView<'_>) -> PyResult<()> {
        let py = environ.py();
        let peer = request.peer();
        match request.method() {
            b"GET" => {}
            b"POST" => environ.set_item(intern!(py, "REQUEST_METHOD"), intern!(py, "POST"))?,
            other => environ.set_item(intern!(py, "REQUEST_METHOD"), text(py, other))?,
        }
        let target = cgi::split_target(request.target());
        let uri = self.path.text(py, request.target());
        environ.set_item(intern!(py, "REQUEST_URI"), &uri)?;
        if target.path.contains(&b'%') {
            self.decoded.clear();
            cgi::percent_decode(target.path, &mut self.decoded);
            environ.set_item(intern!(py, "PATH_INFO"), text(py, &self.decoded))?;
        } else if target.path.len() == request.target().len() {
            environ.set_item(intern!(py, "PATH_INFO"), &uri)?;
        } else {
            environ.set_item(intern!(py, "PATH_INFO"), text(py, target.path))?;
        }
        if !target.query.is_empty() {
            environ.set_item(intern!(py, "QUERY_STRING"), text(py, target.query))?;
        }
        if request.version() == Version::Http10 {
            environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.0"))?;
        }
        environ.set_item(
            intern!(py, "REMOTE_ADDR"),
            self.remote_addr.text(py, peer.remote_addr.as_bytes()),
        )?;
        if peer.remote_port != 0 {
            let mut digits = [0; 5];
            environ.set_item(
                intern!(py, "REMOTE_PORT"),
                text(py, decimal(peer.remote_port, &mut digits)),
            )?;
        }
        Ok(())
    }

    /// The variables of the header fields; whether they say that the scheme is https.
    fn set_headers(
        &mut self,
        environ: &Bound<'_, PyDict>,
        request: &RequestView<'_>,
    ) -> PyResult<Option<bool>> {
        let py = environ.py();
        let mut scheme = Scheme::default();
        // Whether a repetition might go unnoticed, so that the dict has to be asked every time.
        let mut doubtful = false;
        for (raw_name, raw_value) in request.fields() {
            let found = self.headers.find(py, raw_name, self.serial);
            doubtful |= found.drove_out || raw_name.contains(&b'_');
            let name = found.name;
            let variable = name.variable.bind(py);
            let repeated =
                name.seen_in == self.serial || (doubtful && environ.contains(variable)?);
            name.seen_in = self.serial;
            if repeated && append(environ, variable, name.meaning, raw_value, &mut self.joined)? {
                continue;
            }
            if name.meaning != Meaning::Plain {
                scheme.learn(name.meaning, raw_value);
            }
            let value = name.value(py, raw_value);
            environ.set_item(name.variable.bind(py), value)?;
        }
        Ok(scheme.said())
    }

    /// The variables as a web server gave them; the last of a name counts.
    fn set_variables(
        &mut self,
        environ: &Bound<'_, PyDict>,
        request: &RequestView<'_>,
        constants: &Constants,
    ) -> PyResult<Option<bool>> {
        let py = environ.py();
        let mut scheme = Scheme::default();
        let mut names_app = false;
        for (raw_name, raw_value) in request.fields() {
            let name = self.variables.find(py, raw_name, self.serial).name;
            if name.meaning != Meaning::Plain {
                if name.meaning == Meaning::Ours {
                    continue;
                }
                scheme.learn(name.meaning, raw_value);
                names_app |= name.meaning == Meaning::App && !raw_value.is_empty();
            }
            let value = name.value(py, raw_value);
            environ.set_item(name.variable.bind(py), value)?;
        }
        if names_app && !constants.dynamic_apps && !self.complained {
            self.complained = true;
            let said = constants.errors.bind(py);
            said.call_method1(intern!(py, "write"), (NAMED_IN_VAIN,))?;
        }
        Ok(scheme.said())
    }
}

/// Joins a repeated field to what is there (RFC 9110 §5.3); false if that is empty, or stands there
/// from the base, and is simply to be replaced.
fn append(
    environ: &Bound<'_, PyDict>,
    variable: &Bound<'_, PyString>,
    meaning: Meaning,
    value: &[u8],
    joined: &mut Vec<u8>,
) -> PyResult<bool> {
    let py = environ.py();
    let Some(before) = environ.get_item(variable)? else {
        return Ok(false);
    };
    let before = before.cast::<PyString>()?.to_str()?;
    if before.is_empty() {
        return Ok(false);
    }
    joined.clear();
    // Every character stands for one byte.
    joined.extend(before.chars().map(|character| character as u8));
    joined.extend_from_slice(if meaning == Meaning::Cookie {
        b"; "
    } else {
        b","
    });
    joined.extend_from_slice(value);
    environ.set_item(variable, text(py, joined))?;
    Ok(true)
}

/// What the variables say of the scheme. As in uWSGI, one that names it counts more than one that only
/// says "secure"; anything but the two schemes there are is ignored.
#[derive(Clone, Copy, Debug, Default)]
struct Scheme {
    named: Option<bool>,
    secure: bool,
}

impl Scheme {
    fn learn(&mut self, meaning: Meaning, value: &[u8]) {
        match meaning {
            Meaning::Scheme if value.eq_ignore_ascii_case(b"https") => self.named = Some(true),
            Meaning::Scheme if value.eq_ignore_ascii_case(b"http") => self.named = Some(false),
            Meaning::Secure if value.eq_ignore_ascii_case(b"on") || value == b"1" => {
                self.secure = true;
            }
            _ => {}
        }
    }

    /// Whether it is https, if the variables say anything.
    fn said(self) -> Option<bool> {
        self.named.or(self.secure.then_some(true))
    }
}

fn new_base<'py>(
    py: Python<'py>,
    peer: &Peer<'_>,
    constants: &Constants,
) -> PyResult<Bound<'py, PyDict>> {
    let base = PyDict::new(py);
    let set = |name: &str, value: &str| {
        base.set_item(PyString::intern(py, name), PyString::intern(py, value))
    };
    base.set_item(intern!(py, "wsgi.version"), (1, 0))?;
    base.set_item(intern!(py, "wsgi.errors"), &constants.errors)?;
    base.set_item(intern!(py, "wsgi.input"), &constants.no_input)?;
    base.set_item(intern!(py, "wsgi.input_terminated"), true)?;
    base.set_item(intern!(py, "wsgi.file_wrapper"), &constants.file_wrapper)?;
    base.set_item(intern!(py, "wsgi.multithread"), constants.multithread)?;
    base.set_item(intern!(py, "wsgi.multiprocess"), constants.multiprocess)?;
    base.set_item(intern!(py, "wsgi.run_once"), false)?;
    base.set_item(
        intern!(py, "uwsgi.version"),
        PyBytes::new(
            py,
            concat!("verdigris ", env!("CARGO_PKG_VERSION")).as_bytes(),
        ),
    )?;
    base.set_item(intern!(py, "uwsgi.node"), PyBytes::new(py, &constants.node))?;
    set(
        "wsgi.url_scheme",
        if peer.scheme_https { "https" } else { "http" },
    )?;
    set("SCRIPT_NAME", "")?;
    set("QUERY_STRING", "")?;
    if peer.door != Door::Uwsgi {
        set("REQUEST_METHOD", "GET")?;
        set("REQUEST_URI", "/")?;
        set("PATH_INFO", "/")?;
        set("SERVER_PROTOCOL", "HTTP/1.1")?;
        set(
            "SERVER_SOFTWARE",
            concat!("verdigris/", env!("CARGO_PKG_VERSION")),
        )?;
        set("CONTENT_TYPE", "")?;
        set("CONTENT_LENGTH", "")?;
        set("REMOTE_ADDR", "")?;
        base.set_item(
            intern!(py, "SERVER_NAME"),
            text(py, peer.server_name.as_bytes()),
        )?;
        base.set_item(
            intern!(py, "SERVER_PORT"),
            text(py, peer.server_port.as_bytes()),
        )?;
        if peer.scheme_https {
            set("HTTPS", "on")?;
        }
        if peer.door == Door::Http {
            set("UWSGI_ROUTER", "http")?;
        }
    }
    with_room(&base)?;
    Ok(base)
}

/// Makes the dict's table large enough for the variables of a usual request: a copy has the table of
/// its original, so that nothing is moved while it is filled.
fn with_room(base: &Bound<'_, PyDict>) -> PyResult<()> {
    const ENOUGH: usize = 24;
    // Strings, as a dict of nothing but strings is a quicker kind of dict.
    let fillers: Vec<String> = (base.len()..ENOUGH)
        .map(|number| number.to_string())
        .collect();
    for filler in &fillers {
        base.set_item(filler, filler)?;
    }
    fillers.iter().try_for_each(|filler| base.del_item(filler))
}

/// A number in digits.
fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}
