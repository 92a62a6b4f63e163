//! Variables of a request by their CGI names, on every door: `%(var.HTTP_X_REQUEST_ID)`.
//!
//! A web server that speaks uwsgi sends the variables themselves. On an HTTP door they are worked
//! out from the head, one by one, and only if a log format asks for them.

use wire::cgi::{percent_decode, split_target};
use wire::{Form, Head};

use crate::escape::{Place, push_escaped};
use crate::record::RequestRecord;
use crate::text::push_number;

/// A variable's name, prepared for both forms of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The name as the user wrote it: `HTTP_X_REQUEST_ID`.
    name: String,
    /// How a header field of that name is written: `X-REQUEST-ID`; empty if it is not one.
    field: String,
}

impl Variable {
    pub(crate) fn new(name: &str) -> Variable {
        let field = match name {
            "CONTENT_TYPE" | "CONTENT_LENGTH" => name,
            // Those two have no prefix, and no second name.
            "HTTP_CONTENT_TYPE" | "HTTP_CONTENT_LENGTH" => "",
            _ => name.strip_prefix("HTTP_").unwrap_or_default(),
        };
        Variable {
            name: name.to_owned(),
            field: field.replace('_', "-"),
        }
    }

    /// Appends the value, escaped. Appends nothing when it is missing or empty.
    pub(crate) fn push(&self, out: &mut Vec<u8>, record: &RequestRecord<'_>, place: Place) {
        let Some(head) = record.head else { return };
        match head.form() {
            Form::Cgi => {
                let value = head.find(self.name.as_bytes()).unwrap_or_default();
                push_escaped(out, value, place);
            }
            Form::Http if self.field.is_empty() => self.push_derived(out, record, head, place),
            Form::Http => self.push_fields(out, head, place),
        }
    }

    /// Fields of the same name are joined as the app sees them.
    fn push_fields(&self, out: &mut Vec<u8>, head: &Head, place: Place) {
        let joint: &[u8] = if self.field == "COOKIE" { b"; " } else { b", " };
        let before = out.len();
        for (name, value) in head.fields() {
            if name.eq_ignore_ascii_case(self.field.as_bytes()) {
                if out.len() > before {
                    out.extend_from_slice(joint);
                }
                push_escaped(out, value, place);
            }
        }
    }

    /// The variables that no field of the head carries.
    fn push_derived(
        &self,
        out: &mut Vec<u8>,
        record: &RequestRecord<'_>,
        head: &Head,
        place: Place,
    ) {
        let parts = split_target(head.target());
        let value: &[u8] = match self.name.as_str() {
            "REQUEST_METHOD" => head.method(),
            "REQUEST_URI" => head.target(),
            "QUERY_STRING" => parts.query,
            "PATH_INFO" => {
                let mut decoded = Vec::with_capacity(parts.path.len());
                percent_decode(parts.path, &mut decoded);
                push_escaped(out, &decoded, place);
                return;
            }
            "SERVER_PROTOCOL" => head.version().as_str().as_bytes(),
            "SERVER_NAME" => record.server_name.as_bytes(),
            "SERVER_PORT" => record.server_port.as_bytes(),
            "REMOTE_ADDR" => record.remote_addr.as_bytes(),
            "REMOTE_PORT" if record.remote_port != 0 => {
                push_number(out, record.remote_port.into());
                return;
            }
            "REQUEST_SCHEME" if record.https => b"https",
            "REQUEST_SCHEME" => b"http",
            "HTTPS" if record.https => b"on",
            _ => b"",
        };
        push_escaped(out, value, place);
    }
}

/// How many keys and values uWSGI would count for this request, and their size as one of its
/// packets. For an HTTP head these are the nine variables that its `http-socket` makes up, and one
/// for each field.
pub(crate) fn packet_totals(record: &RequestRecord<'_>) -> (u64, u64) {
    /// Two lengths of two bytes go with every variable.
    const LENGTHS: usize = 4;
    let Some(head) = record.head else {
        return (0, 0);
    };
    let mut pairs = head.spans().len();
    let mut bytes: usize = head
        .spans()
        .iter()
        .map(|(name, value)| LENGTHS + name.len as usize + value.len as usize)
        .sum();
    if head.form() == Form::Http {
        const MADE_UP: &str = "REQUEST_METHODREQUEST_URIPATH_INFOQUERY_STRINGSERVER_PROTOCOL\
                               SCRIPT_NAMESERVER_NAMESERVER_PORTREMOTE_ADDR";
        let parts = split_target(head.target());
        for (name, _) in head.fields() {
            if !name.eq_ignore_ascii_case(b"content-type")
                && !name.eq_ignore_ascii_case(b"content-length")
            {
                bytes += "HTTP_".len();
            }
        }
        pairs += 9;
        bytes += 9 * LENGTHS + MADE_UP.len();
        bytes += head.method().len() + head.target().len();
        bytes += parts.path.len() + parts.query.len();
        bytes += head.version().as_str().len() + record.server_name.len();
        bytes += record.server_port.len() + record.remote_addr.len();
    }
    (2 * pairs as u64, bytes as u64)
}
