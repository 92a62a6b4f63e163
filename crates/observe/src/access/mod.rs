//! The access log: one line per request, in the style the user asked for.
//!
//! [`AccessLog`] belongs to one thread, keeps the texts that change only once a second, and
//! allocates nothing per request. It only formats; the lines go out through the log writer.

mod readable;
mod selection;
mod template;
mod uwsgi_line;

pub use selection::Selection;
pub use template::UnknownName;

use crate::calendar::{LocalTime, TimeText, utc};
use crate::escape::{Place, push_escaped};
use crate::record::RequestRecord;
use crate::strftime::{CTIME, READABLE};
use crate::variables::Variable;
use template::Template;

/// What a line looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// One readable line for people.
    #[default]
    Readable,
    /// uWSGI's default line, to the byte.
    Uwsgi,
    /// A `log-format` with `%(names)`.
    Template(String),
}

/// How requests are logged.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// The look of a line.
    pub style: Style,
    /// Which requests get one.
    pub selection: Selection,
    /// `log-micros`: durations in microseconds.
    pub micros: bool,
    /// `log-x-forwarded-for`: the client is who `X-Forwarded-For` says.
    pub x_forwarded_for: bool,
    /// `log-format-strftime`: `%Y` and its like count in the template's own text.
    pub strftime: bool,
    /// `log-date` with a format: what `%(ftime)` is written in.
    pub date_format: Option<String>,
    /// `memory-report`: uWSGI's line tells of the worker's memory.
    pub memory_report: bool,
    /// `vhost`: uWSGI's line begins with the name of the site: the Host field, else SERVER_NAME.
    pub site: bool,
    /// The machine's time zone.
    pub local_time: LocalTime,
}

impl Default for AccessSettings {
    fn default() -> AccessSettings {
        AccessSettings {
            style: Style::default(),
            selection: Selection::default(),
            micros: false,
            x_forwarded_for: false,
            strftime: false,
            date_format: None,
            memory_report: false,
            site: false,
            local_time: utc,
        }
    }
}

/// Writes the lines of one thread.
#[derive(Debug)]
pub struct AccessLog {
    line: Line,
    selection: Selection,
    options: LineOptions,
}

/// A style, ready to write.
#[derive(Debug)]
enum Line {
    Readable(TimeText),
    Uwsgi(TimeText),
    Template(Template),
}

/// What all styles have in common.
#[derive(Debug)]
struct LineOptions {
    micros: bool,
    /// The header that names the client, if it is to be believed.
    forwarded_for: Option<Variable>,
    memory_report: bool,
    /// The variables that name the site, the first that is there, if the line is to name it.
    site: Option<[Variable; 2]>,
}

impl AccessLog {
    /// Compiles the style. The names in a template that stand for nothing come back with it.
    pub fn new(settings: &AccessSettings) -> (AccessLog, Vec<UnknownName>) {
        let mut unknown = Vec::new();
        let line = match &settings.style {
            Style::Readable => Line::Readable(TimeText::new(READABLE, settings.local_time)),
            Style::Uwsgi => Line::Uwsgi(TimeText::new(CTIME, settings.local_time)),
            Style::Template(format) => {
                let (template, names) = Template::compile(format, settings);
                unknown = names;
                Line::Template(template)
            }
        };
        let options = LineOptions {
            micros: settings.micros,
            forwarded_for: settings
                .x_forwarded_for
                .then(|| Variable::new("HTTP_X_FORWARDED_FOR")),
            memory_report: settings.memory_report,
            site: settings
                .site
                .then(|| ["HTTP_HOST", "SERVER_NAME"].map(Variable::new)),
        };
        (
            AccessLog {
                line,
                selection: settings.selection,
                options,
            },
            unknown,
        )
    }

    /// Whether any request is ever logged; if not, no record need be filled.
    pub fn is_on(&self) -> bool {
        self.selection.is_on()
    }

    /// Appends the request's line to `out`, if this request is one to be logged.
    pub fn log(&mut self, out: &mut Vec<u8>, record: &RequestRecord<'_>) {
        if !self.selection.takes(record) {
            return;
        }
        match &mut self.line {
            Line::Readable(time) => readable::push(out, record, time, &self.options),
            Line::Uwsgi(time) => uwsgi_line::push(out, record, time, &self.options),
            Line::Template(template) => template.push(out, record, &self.options),
        }
        out.push(b'\n');
    }
}

/// Appends the client's address as the options want it.
fn push_client(out: &mut Vec<u8>, record: &RequestRecord<'_>, options: &LineOptions, place: Place) {
    if let Some(variable) = &options.forwarded_for {
        let before = out.len();
        variable.push(out, record, place);
        if out.len() > before {
            return;
        }
    }
    push_escaped(out, record.client(), place);
}
