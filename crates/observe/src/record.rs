//! What is known of one request when its answer has gone out: the raw material of the access log.
//!
//! The network thread fills a record with what it has at hand, by reference; everything that a log
//! style may or may not ask for is looked up in the request's head only when it is asked for.

use wire::{Form, Head};

/// Who produced the body of an answer, when it was not the app alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// The app, or the server's own short answer.
    #[default]
    App,
    /// A file that the app named and the server sent.
    Sendfile,
    /// A routing rule.
    Route,
    /// A file that the server sent in the app's stead.
    Offload,
}

/// One finished request.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestRecord<'a> {
    /// The head as it came; `None` when there was none that could be read.
    pub head: Option<&'a Head>,
    /// The peer's address as text; empty when it has none (unix sockets). A web server's
    /// `REMOTE_ADDR` goes before it.
    pub remote_addr: &'a str,
    /// The peer's port; 0 when it has none. A web server's `REMOTE_PORT` goes before it.
    pub remote_port: u16,
    /// The server's name, for `%(var.SERVER_NAME)` and the size of uWSGI's packet.
    pub server_name: &'a str,
    /// The listener's port, for the same two uses.
    pub server_port: &'a str,
    /// Whether the client spoke TLS.
    pub https: bool,
    /// The status sent; 0 when the client left before there was one.
    pub status: u16,
    /// Bytes of the response's body that went to the client.
    pub body_bytes: u64,
    /// Bytes of the response's head, status line and final empty line included.
    pub header_bytes: u32,
    /// Header fields in the response.
    pub header_count: u32,
    /// Bytes of the request's body.
    pub request_body_bytes: u64,
    /// When the request had come: microseconds since 1970.
    pub started_micros: u64,
    /// From there to the last byte of the answer.
    pub duration_micros: u64,
    /// Slot of the worker that ran the request, from 1; 0 when the server answered by itself.
    pub worker: u32,
    /// Process id of that worker, or of the server.
    pub pid: u32,
    /// Number of the app within the worker; -1 when none ran.
    pub app: i32,
    /// The how-manieth request of the app in this worker process this was; 0 when none ran.
    pub worker_requests: u64,
    /// The how-manieth request of the whole server this was.
    pub total_requests: u64,
    /// Who produced the body.
    pub via: Via,
    /// The thread or greenlet that ran it, from 0.
    pub core: u32,
    /// How often the app gave back control: pieces of the body, or switches of its greenlet.
    pub switches: u32,
    /// uWSGI's modifiers of the packet; 0 and 0 for HTTP.
    pub modifiers: (u8, u8),
    /// Failed reads from the client.
    pub read_errors: u32,
    /// Failed writes to the client.
    pub write_errors: u32,
    /// Bytes of the worker's address space, if somebody measured it.
    pub address_space: u64,
    /// Bytes of the worker's resident memory, if somebody measured it.
    pub resident: u64,
    /// A remark for people, such as `client left`; shown in our own style only.
    pub remark: &'a str,
}

impl<'a> RequestRecord<'a> {
    /// The method; empty when no head could be read.
    pub fn method(&self) -> &'a [u8] {
        self.head.map_or(b"", Head::method)
    }

    /// The target as it came, query included.
    pub fn uri(&self) -> &'a [u8] {
        self.head.map_or(b"", Head::target)
    }

    /// The protocol of the request: `HTTP/1.1`, or what the web server gave.
    pub fn protocol(&self) -> &'a [u8] {
        match self.head {
            None => b"",
            Some(head) => match head.form() {
                Form::Http => head.version().as_str().as_bytes(),
                Form::Cgi => head.find(b"SERVER_PROTOCOL").unwrap_or_default(),
            },
        }
    }

    /// The client's address: a web server's word, else the peer's.
    pub fn client(&self) -> &'a [u8] {
        self.cgi(b"REMOTE_ADDR")
            .unwrap_or(self.remote_addr.as_bytes())
    }

    /// The user the web server let in; empty when there is none.
    pub fn user(&self) -> &'a [u8] {
        self.cgi(b"REMOTE_USER").unwrap_or_default()
    }

    /// A variable as the web server gave it; nothing on an HTTP door.
    pub(crate) fn cgi(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.head
            .filter(|head| head.form() == Form::Cgi)
            .and_then(|head| head.find(name))
    }
}
