//! What the tests of the codecs share: the corpus, and a reader that plays a connection.
//!
//! Each test file uses a part of it.
#![allow(dead_code, reason = "every test file is a crate of its own")]
#![allow(
    clippy::unwrap_used,
    reason = "this is test code, though clippy cannot see it"
)]

pub(crate) mod laws;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use wire::http1::{self, BodyLength, ChunkedDecoder, Limits, Progress};
use wire::{Head, uwsgi};

/// `buffer-size` in these tests.
pub(crate) const BUFFER_SIZE: usize = 4096;

/// Files of one folder of the corpus with one ending, in order.
pub(crate) fn corpus(folder: &str, ending: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

/// Plays the server's end of an HTTP/1 connection: takes bytes in any pieces and writes down what they
/// meant. The text must not depend on the pieces.
#[derive(Default)]
pub(crate) struct Connection {
    buffer: Vec<u8>,
    head: Head,
    state: State,
    body: Vec<u8>,
    keep_alive: bool,
    pub(crate) limits: Limits,
    /// What was understood so far.
    pub(crate) text: String,
    /// How it was refused, if it was.
    pub(crate) refusal: Option<http1::Refusal>,
    /// Requests read to the end of their body.
    pub(crate) requests: usize,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    Fixed(u64),
    Chunked(ChunkedDecoder),
    Closed,
}

impl Connection {
    /// Takes some more bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(refusal) => {
                    writeln!(self.text, "refused: {refusal}").unwrap();
                    self.refusal = Some(refusal);
                    self.state = State::Closed;
                }
            }
        }
    }

    /// One step; `false` when more bytes are needed.
    fn step(&mut self) -> Result<bool, http1::Refusal> {
        match &mut self.state {
            State::Closed => Ok(false),
            State::Head => {
                let progress = http1::parse_request(&self.buffer, &self.limits, &mut self.head)?;
                let Progress::Complete(framing) = progress else {
                    return Ok(false);
                };
                self.buffer.drain(..framing.consumed);
                self.keep_alive = framing.keep_alive;
                describe(&mut self.text, &self.head, &framing);
                match framing.body {
                    BodyLength::None => self.finish(),
                    BodyLength::Fixed(length) => self.state = State::Fixed(length),
                    BodyLength::Chunked => self.state = State::Chunked(ChunkedDecoder::new()),
                }
                Ok(true)
            }
            State::Fixed(left) => {
                let take = self
                    .buffer
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                self.body.extend(self.buffer.drain(..take));
                *left -= take as u64;
                let done = *left == 0;
                if done {
                    self.finish();
                }
                Ok(done)
            }
            State::Chunked(decoder) => {
                let chunk = decoder.decode(&self.buffer)?;
                self.body.extend_from_slice(chunk.data);
                let (consumed, done) = (chunk.consumed, chunk.done);
                self.buffer.drain(..consumed);
                if done {
                    self.finish();
                }
                Ok(done || consumed > 0)
            }
        }
    }

    fn finish(&mut self) {
        writeln!(self.text, "body \"{}\"\n", self.body.escape_ascii()).unwrap();
        self.body.clear();
        self.requests += 1;
        self.state = if self.keep_alive {
            State::Head
        } else {
            State::Closed
        };
    }

    /// Bytes that wait for others.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }
}

fn describe(text: &mut String, head: &Head, framing: &http1::Framing) {
    let write = &mut |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    write(format!(
        "{} {} {}",
        head.method().escape_ascii(),
        head.target().escape_ascii(),
        head.version().as_str()
    ));
    for (name, value) in head.fields() {
        write(format!(
            "  {}: \"{}\"",
            name.escape_ascii(),
            value.escape_ascii()
        ));
    }
    write(format!("target {:?}", framing.target_form));
    write(format!("length {:?}", framing.body));
    for (on, word) in [
        (framing.keep_alive, "keep-alive"),
        (framing.keep_alive_asked, "keep-alive asked"),
        (framing.expect_continue, "expect continue"),
        (framing.upgrade, "upgrade"),
    ] {
        if on {
            write(word.to_owned());
        }
    }
}

/// What a connection understands when it gets `input` in pieces that end at `cuts`.
pub(crate) fn transcript(input: &[u8], cuts: impl IntoIterator<Item = usize>) -> Connection {
    let mut connection = Connection::default();
    let mut last = 0;
    for cut in cuts {
        connection.push(&input[last..cut]);
        last = cut;
    }
    connection.push(&input[last..]);
    connection
}

/// What a uwsgi packet means, in words.
pub(crate) fn describe_packet(head: &Head, packet: &uwsgi::Packet) -> String {
    let mut text = format!(
        "{} {} {}\n",
        head.method().escape_ascii(),
        head.target().escape_ascii(),
        head.version().as_str()
    );
    for (name, value) in head.fields() {
        writeln!(
            text,
            "  {}=\"{}\"",
            name.escape_ascii(),
            value.escape_ascii()
        )
        .unwrap();
    }
    writeln!(
        text,
        "consumed {}\nlength {:?}",
        packet.consumed, packet.content_length
    )
    .unwrap();
    text
}

/// Compares with the file beside the message. With `UPDATE_EXPECT` in the environment it writes the file
/// instead; read it before you keep it.
pub(crate) fn expect_file(message: &Path, actual: &str) -> Result<(), String> {
    let path = message.with_extension("expect");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "{}\nexpected:\n{expected}\nfound:\n{actual}",
        path.display()
    ))
}
