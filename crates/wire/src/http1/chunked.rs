//! Bodies in chunks: a decoder that takes any split of its bytes, and the frame around chunks we send.
//!
//! The decoder hands out slices of its input and copies nothing.

use super::{Refusal, grammar};

/// Longest chunk extension; nobody uses them for good.
const EXTENSION_BYTES: u32 = 256;
/// Longest trailer section; it is read and thrown away.
const TRAILER_BYTES: u32 = 8 * 1024;
/// Most digits of a chunk size, leading zeros included.
const SIZE_DIGITS: u8 = 16;

/// What one call of [`ChunkedDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Bytes of the input that are used up, those of `data` included.
    pub consumed: usize,
    /// A piece of the body; empty when the input held framing only.
    pub data: &'a [u8],
    /// The body has ended; what is behind `consumed` is the next request.
    pub done: bool,
}

/// Where the decoder stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before or in the digits of a size.
    #[default]
    Size,
    /// Behind the size, blanks that only an extension may follow.
    Blank,
    /// In an extension.
    Extension,
    /// Behind the CR of the size line.
    SizeFeed,
    /// In the data.
    Data,
    /// Behind the data: CR.
    DataReturn,
    /// Behind the data: LF.
    DataFeed,
    /// At the start of a trailer line or of the last line.
    TrailerStart,
    /// In the name of a trailer field.
    TrailerName,
    /// In the value of a trailer field.
    TrailerValue,
    /// Behind the CR of a trailer line.
    TrailerFeed,
    /// Behind the CR of the last line.
    LastFeed,
    /// The end was found.
    Done,
}

/// Decodes one body.
#[derive(Clone, Debug, Default)]
pub struct ChunkedDecoder {
    state: State,
    /// Size read so far, then what is left of the data.
    size: u64,
    digits: u8,
    /// Bytes of the extension, then of the trailers.
    extra: u32,
}

impl ChunkedDecoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the end of the body was seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next piece of body from `input`. Call again with what is behind `consumed` until the
    /// input is used up or the body is done. After a refusal the decoder is of no more use.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Chunk<'a>, Refusal> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Done => break,
                State::Data => {
                    let take = usize::try_from(self.size)
                        .map_or(input.len() - at, |left| left.min(input.len() - at));
                    self.size -= take as u64;
                    if self.size == 0 {
                        self.state = State::DataReturn;
                    }
                    return Ok(Chunk {
                        consumed: at + take,
                        data: &input[at..at + take],
                        done: false,
                    });
                }
                _ => self.state = self.step(byte)?,
            }
            at += 1;
        }
        Ok(Chunk {
            consumed: at,
            data: &[],
            done: self.is_done(),
        })
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        let next = match (self.state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() => return self.digit(byte),
            (State::Size, b'\r' | b';' | b' ' | b'\t') if self.digits == 0 => None,
            (State::Size | State::Blank, b';') => Some(State::Extension),
            (State::Size | State::Blank, b' ' | b'\t') => Some(State::Blank),
            (State::Size | State::Extension, b'\r') => Some(State::SizeFeed),
            (State::Extension, _) if grammar::is_value(byte) => Some(State::Extension),
            (State::SizeFeed, b'\n') => Some(self.size_known()),
            (State::DataReturn, b'\r') => Some(State::DataFeed),
            (State::DataFeed, b'\n') => Some(State::Size),
            (State::TrailerStart, b'\r') => Some(State::LastFeed),
            (State::TrailerStart | State::TrailerName, _) if grammar::is_token(byte) => {
                Some(State::TrailerName)
            }
            (State::TrailerName, b':') => Some(State::TrailerValue),
            (State::TrailerValue, b'\r') => Some(State::TrailerFeed),
            (State::TrailerValue, _) if grammar::is_value(byte) => Some(State::TrailerValue),
            (State::TrailerFeed, b'\n') => Some(State::TrailerStart),
            (State::LastFeed, b'\n') => Some(State::Done),
            _ => None,
        };
        let next = next.ok_or_else(|| Refusal::bad(self.complaint()))?;
        self.bound(next)?;
        Ok(next)
    }

    fn digit(&mut self, byte: u8) -> Result<State, Refusal> {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        self.digits += 1;
        if self.digits > SIZE_DIGITS || self.size > (i64::MAX as u64) >> 4 {
            return Err(Refusal::bad("a chunk size is too large"));
        }
        self.size = self.size << 4 | u64::from(value);
        Ok(State::Size)
    }

    /// The size line has ended.
    fn size_known(&mut self) -> State {
        self.digits = 0;
        self.extra = 0;
        if self.size == 0 {
            State::TrailerStart
        } else {
            State::Data
        }
    }

    /// Counts the bytes that are thrown away.
    fn bound(&mut self, state: State) -> Result<(), Refusal> {
        let (limit, why) = match state {
            State::Blank | State::Extension => (EXTENSION_BYTES, "a chunk extension is too long"),
            State::TrailerName | State::TrailerValue | State::TrailerFeed => {
                (TRAILER_BYTES, "the trailers are too long")
            }
            _ => return Ok(()),
        };
        self.extra += 1;
        if self.extra > limit {
            return Err(Refusal::bad(why));
        }
        Ok(())
    }

    fn complaint(&self) -> &'static str {
        match self.state {
            State::Size | State::Blank => "a chunk size is not a plain hexadecimal number",
            State::SizeFeed => "the line of a chunk size does not end in CRLF",
            State::Extension => "a chunk extension has a character that is not allowed",
            State::Data | State::DataReturn | State::DataFeed => "a chunk does not end in CRLF",
            State::TrailerStart | State::TrailerName => "a trailer field has no valid name",
            State::TrailerValue | State::TrailerFeed => {
                "a trailer field has a character that is not allowed"
            }
            State::LastFeed | State::Done => "the last chunk does not end in CRLF",
        }
    }
}

/// The end of a body in chunks, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Room for [`chunk_prefix`]: sixteen digits and CRLF.
pub const PREFIX_ROOM: usize = 18;

/// What stands before a chunk of `len` bytes: its size in hexadecimal and CRLF. Behind the data comes
/// another CRLF. A chunk of no bytes would end the body, so the caller must not send one.
pub fn chunk_prefix(len: usize, buffer: &mut [u8; PREFIX_ROOM]) -> &[u8] {
    let mut at = PREFIX_ROOM - 2;
    buffer[at..].copy_from_slice(b"\r\n");
    let mut rest = len;
    loop {
        at -= 1;
        buffer[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            return &buffer[at..];
        }
    }
}
