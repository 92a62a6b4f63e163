//! `log-format`: a line by the user's own template, uWSGI's `%(names)` in it.
//!
//! The template is taken apart once, at the start. Text between `%(` and `)` is a name, everything
//! else stands for itself. A name that has no value in a request is written as `-`, and so is one
//! that does not exist, which is told at the start.

use std::fmt;

use super::readable::or_dash;
use super::{AccessSettings, LineOptions, push_client};
use crate::calendar::TimeText;
use crate::escape::{Place, push_escaped};
use crate::record::RequestRecord;
use crate::strftime::{APACHE, CTIME};
use crate::text::{push_number, push_padded};
use crate::variables::{Variable, packet_totals};

/// A name in a template that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The name as written, without `%(` and `)`.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

impl UnknownName {
    /// What to type instead, if that can be guessed.
    pub fn hint(&self) -> Option<String> {
        self.nearest
            .map(|nearest| format!("did you mean %({nearest})?"))
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        write!(
            formatter,
            "log-format: there is no %({name}), `-` is logged in its place"
        )
    }
}

/// A template, taken apart.
#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Literal(Vec<u8>),
    Time(TimeText),
    Number(Number),
    Text(Text, Place),
    Client(Place),
    Variable(Variable, Place),
    /// `%(secs)`: seconds with six decimals.
    Seconds,
    Missing,
}

/// Names that stand for a number.
#[derive(Clone, Copy, Debug)]
enum Number {
    Status,
    BodyBytes,
    HeaderBytes,
    ResponseBytes,
    RequestBodyBytes,
    Micros,
    Millis,
    StartMillis,
    StartMicros,
    StartSeconds,
    EndSeconds,
    Pid,
    Worker,
    Switches,
    Variables,
    Core,
    AddressSpace,
    Resident,
    AddressSpaceMegabytes,
    ResidentMegabytes,
    PacketBytes,
    Modifier1,
    Modifier2,
    HeaderCount,
    WriteErrors,
    ReadErrors,
    IoErrors,
}

/// Names that stand for text of the client's.
#[derive(Clone, Copy, Debug)]
enum Text {
    Uri,
    Method,
    User,
    Protocol,
}

/// What a name stands for; the header and time names come with what they need.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Number(Number),
    Text(Text),
    Client,
    Header(&'static str),
    /// In this format.
    Time(&'static str),
    /// In `log-date`'s format, or in Apache's.
    OwnTime,
    Seconds,
}

/// All names, in the order of uWSGI's documentation.
const NAMES: &[(&str, Meaning)] = &[
    ("uri", Meaning::Text(Text::Uri)),
    ("method", Meaning::Text(Text::Method)),
    ("user", Meaning::Text(Text::User)),
    ("addr", Meaning::Client),
    ("host", Meaning::Header("HTTP_HOST")),
    ("proto", Meaning::Text(Text::Protocol)),
    ("uagent", Meaning::Header("HTTP_USER_AGENT")),
    ("referer", Meaning::Header("HTTP_REFERER")),
    ("status", Meaning::Number(Number::Status)),
    ("micros", Meaning::Number(Number::Micros)),
    ("msecs", Meaning::Number(Number::Millis)),
    ("secs", Meaning::Seconds),
    ("tmsecs", Meaning::Number(Number::StartMillis)),
    ("tmicros", Meaning::Number(Number::StartMicros)),
    ("time", Meaning::Number(Number::StartSeconds)),
    ("ltime", Meaning::Time(APACHE)),
    ("ftime", Meaning::OwnTime),
    ("ctime", Meaning::Time(CTIME)),
    ("epoch", Meaning::Number(Number::EndSeconds)),
    ("size", Meaning::Number(Number::ResponseBytes)),
    ("rsize", Meaning::Number(Number::BodyBytes)),
    ("hsize", Meaning::Number(Number::HeaderBytes)),
    ("cl", Meaning::Number(Number::RequestBodyBytes)),
    ("pid", Meaning::Number(Number::Pid)),
    ("wid", Meaning::Number(Number::Worker)),
    ("switches", Meaning::Number(Number::Switches)),
    ("vars", Meaning::Number(Number::Variables)),
    ("headers", Meaning::Number(Number::HeaderCount)),
    ("core", Meaning::Number(Number::Core)),
    ("vsz", Meaning::Number(Number::AddressSpace)),
    ("rss", Meaning::Number(Number::Resident)),
    ("vszM", Meaning::Number(Number::AddressSpaceMegabytes)),
    ("rssM", Meaning::Number(Number::ResidentMegabytes)),
    ("pktsize", Meaning::Number(Number::PacketBytes)),
    ("modifier1", Meaning::Number(Number::Modifier1)),
    ("modifier2", Meaning::Number(Number::Modifier2)),
    ("werr", Meaning::Number(Number::WriteErrors)),
    ("rerr", Meaning::Number(Number::ReadErrors)),
    ("ioerr", Meaning::Number(Number::IoErrors)),
];

impl Template {
    /// Takes a template apart; returns the names that stand for nothing beside it.
    pub(super) fn compile(format: &str, settings: &AccessSettings) -> (Template, Vec<UnknownName>) {
        let mut template = Template { pieces: Vec::new() };
        let mut unknown: Vec<UnknownName> = Vec::new();
        let mut rest = format;
        while let Some(start) = rest.find("%(") {
            let Some(length) = rest[start + 2..].find(')') else {
                break;
            };
            let (literal, name) = (&rest[..start], &rest[start + 2..start + 2 + length]);
            template.push_literal(literal, settings);
            rest = &rest[start + 2 + length + 1..];
            // Between quotes, the value must not close them.
            let place = if literal.ends_with('"') {
                Place::Quotes
            } else {
                Place::Line
            };
            let piece = piece(name, place, settings).unwrap_or_else(|| {
                if unknown.iter().all(|known| known.name != name) {
                    unknown.push(UnknownName {
                        name: name.to_owned(),
                        nearest: nearest(name),
                    });
                }
                Piece::Missing
            });
            template.pieces.push(piece);
        }
        template.push_literal(rest, settings);
        (template, unknown)
    }

    fn push_literal(&mut self, text: &str, settings: &AccessSettings) {
        if text.is_empty() {
            return;
        }
        self.pieces
            .push(if settings.strftime && text.contains('%') {
                Piece::Time(TimeText::new(text, settings.local_time))
            } else {
                Piece::Literal(text.as_bytes().to_vec())
            });
    }

    /// Appends a request's line, without its end.
    pub(super) fn push(
        &mut self,
        out: &mut Vec<u8>,
        record: &RequestRecord<'_>,
        options: &LineOptions,
    ) {
        for piece in &mut self.pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Time(time) => {
                    out.extend_from_slice(time.at((record.started_micros / 1_000_000) as i64));
                }
                Piece::Number(number) => push_number(out, number.of(record)),
                Piece::Seconds => {
                    push_number(out, record.duration_micros / 1_000_000);
                    out.push(b'.');
                    push_padded(out, record.duration_micros % 1_000_000, 6, b'0');
                }
                Piece::Text(text, place) => {
                    or_dash(out, |out| push_escaped(out, text.of(record), *place));
                }
                Piece::Client(place) => {
                    or_dash(out, |out| push_client(out, record, options, *place));
                }
                Piece::Variable(variable, place) => {
                    or_dash(out, |out| variable.push(out, record, *place));
                }
                Piece::Missing => out.push(b'-'),
            }
        }
    }
}

impl Number {
    fn of(self, record: &RequestRecord<'_>) -> u64 {
        match self {
            Number::Status => record.status.into(),
            Number::BodyBytes => record.body_bytes,
            Number::HeaderBytes => record.header_bytes.into(),
            Number::ResponseBytes => record.body_bytes + u64::from(record.header_bytes),
            Number::RequestBodyBytes => record.request_body_bytes,
            Number::Micros => record.duration_micros,
            Number::Millis => record.duration_micros / 1_000,
            Number::StartMillis => record.started_micros / 1_000,
            Number::StartMicros => record.started_micros,
            Number::StartSeconds => record.started_micros / 1_000_000,
            Number::EndSeconds => {
                record.started_micros.saturating_add(record.duration_micros) / 1_000_000
            }
            Number::Pid => record.pid.into(),
            Number::Worker => record.worker.into(),
            Number::Switches => record.switches.into(),
            Number::Variables => packet_totals(record).0,
            Number::Core => record.core.into(),
            Number::AddressSpace => record.address_space,
            Number::Resident => record.resident,
            Number::AddressSpaceMegabytes => record.address_space >> 20,
            Number::ResidentMegabytes => record.resident >> 20,
            Number::PacketBytes => packet_totals(record).1,
            Number::Modifier1 => record.modifiers.0.into(),
            Number::Modifier2 => record.modifiers.1.into(),
            Number::HeaderCount => record.header_count.into(),
            Number::WriteErrors => record.write_errors.into(),
            Number::ReadErrors => record.read_errors.into(),
            Number::IoErrors => u64::from(record.read_errors) + u64::from(record.write_errors),
        }
    }
}

impl Text {
    fn of<'a>(self, record: &RequestRecord<'a>) -> &'a [u8] {
        match self {
            Text::Uri => record.uri(),
            Text::Method => record.method(),
            Text::User => record.user(),
            Text::Protocol => record.protocol(),
        }
    }
}

/// The piece for a name; nothing if there is no such name.
fn piece(name: &str, place: Place, settings: &AccessSettings) -> Option<Piece> {
    let time = |format: &str| Piece::Time(TimeText::new(format, settings.local_time));
    if let Some(variable) = name.strip_prefix("var.") {
        return Some(Piece::Variable(Variable::new(variable), place));
    }
    let (_, meaning) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(match *meaning {
        Meaning::Number(number) => Piece::Number(number),
        Meaning::Text(text) => Piece::Text(text, place),
        Meaning::Client => Piece::Client(place),
        Meaning::Header(variable) => Piece::Variable(Variable::new(variable), place),
        Meaning::Time(format) => time(format),
        Meaning::OwnTime => time(settings.date_format.as_deref().unwrap_or(APACHE)),
        Meaning::Seconds => Piece::Seconds,
    })
}

/// The known name with the fewest typing mistakes to `name`, if they are few.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let allowed = name.len().div_ceil(3).max(1);
    NAMES
        .iter()
        .map(|(known, _)| (distance(&name, known), *known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out or changed to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, beside) in other.bytes().enumerate() {
            let above = row[column + 1];
            let changed = diagonal + usize::from(letter != beside);
            row[column + 1] = changed.min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[other.len()]
}
