//! The head of a request, whatever protocol brought it: one block of bytes and spans into it.
//!
//! A head is reused from request to request: [`Head::clear`] keeps the memory, so that a busy
//! connection allocates nothing per request.

use crate::http1::Reading;

/// A piece of a block: where it starts and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte in the block.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The span between two offsets. The callers bound both by the size of a head, which fits in 32 bits.
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            len: end.saturating_sub(start) as u32,
        }
    }

    /// The bytes of this span in `block`; nothing if the span does not lie in it.
    pub fn of(self, block: &[u8]) -> &[u8] {
        let start = self.start as usize;
        block
            .get(start..start + self.len as usize)
            .unwrap_or_default()
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// What the fields of a head are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Header fields of an HTTP message: `User-Agent`.
    #[default]
    Http,
    /// Variables as a web server gives them: `HTTP_USER_AGENT`, `REQUEST_METHOD`.
    Cgi,
}

/// The version of HTTP the client speaks. A minor version above 1 counts as 1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: closes after each answer unless asked, knows no chunks.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// The version as it stands on a request line, and in `SERVER_PROTOCOL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// The head of one request.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub(crate) form: Form,
    pub(crate) version: Version,
    pub(crate) method: Span,
    pub(crate) target: Span,
    pub(crate) fields: Vec<(Span, Span)>,
    pub(crate) block: Vec<u8>,
    /// How far the HTTP/1 codec has come in a head that trickles in.
    pub(crate) reading: Reading,
}

impl Head {
    /// An empty head.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the head and keeps its memory.
    pub fn clear(&mut self) {
        self.form = Form::Http;
        self.version = Version::Http11;
        self.method = Span::default();
        self.target = Span::default();
        self.fields.clear();
        self.block.clear();
        self.reading = Reading::default();
    }

    /// Whether the fields are HTTP header fields or CGI variables.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The version the client speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The method as it came; empty if a CGI head has no `REQUEST_METHOD`.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.block)
    }

    /// The target as it came (not decoded); empty if a CGI head has no `REQUEST_URI`.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.block)
    }

    /// The bytes of the head, as they came.
    pub fn block(&self) -> &[u8] {
        &self.block
    }

    /// Where the name and the value of each field lie in the block.
    pub fn spans(&self) -> &[(Span, Span)] {
        &self.fields
    }

    /// Where the method lies in the block.
    pub fn method_span(&self) -> Span {
        self.method
    }

    /// Where the target lies in the block.
    pub fn target_span(&self) -> Span {
        self.target
    }

    /// The fields in the order they came, as (name, value).
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            spans: self.fields.iter(),
            block: &self.block,
        }
    }

    /// The value of a field. HTTP names compare without regard to case and the first one counts;
    /// CGI names compare exactly and the last one counts, as when an environment is filled in order.
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        match self.form {
            Form::Http => self
                .fields()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value),
            Form::Cgi => self
                .fields()
                .rev()
                .find(|(given, _)| *given == name)
                .map(|(_, value)| value),
        }
    }
}

/// The fields of a head, as (name, value).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    spans: std::slice::Iter<'a, (Span, Span)>,
    block: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.spans.next()?;
        Some((name.of(self.block), value.of(self.block)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl DoubleEndedIterator for Fields<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (name, value) = self.spans.next_back()?;
        Some((name.of(self.block), value.of(self.block)))
    }
}

impl ExactSizeIterator for Fields<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_outside_its_block_is_empty() {
        let span = Span { start: 3, len: 4 };
        assert_eq!(span.of(b"abcdefg"), b"defg");
        assert_eq!(span.of(b"abcdef"), b"");
        let far = Span {
            start: u32::MAX,
            len: u32::MAX,
        };
        assert_eq!(far.of(b"abc"), b"");
    }

    #[test]
    fn find_follows_the_form() {
        let mut head = Head::new();
        head.block.extend_from_slice(b"NameoneNametwo");
        head.fields.push((Span::between(0, 4), Span::between(4, 7)));
        head.fields
            .push((Span::between(7, 11), Span::between(11, 14)));
        assert_eq!(head.find(b"nAME"), Some(&b"one"[..]));
        head.form = Form::Cgi;
        assert_eq!(head.find(b"Name"), Some(&b"two"[..]));
        assert_eq!(head.find(b"name"), None);
        head.clear();
        assert_eq!(head.fields().len(), 0);
    }
}
