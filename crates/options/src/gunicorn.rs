//! `verdigris explain gunicorn.conf.py`: what each plain assignment of a gunicorn configuration is
//! called here. The file is Python; it is read, never run.

mod python;
pub(crate) mod settings;

use std::fmt::Write as _;

use crate::explain::{Explanation, Kind, Line, NOT_ACTIVE, Reading, Remark, Word};
use crate::nearest::nearest;
use crate::table::{self, Verdict};
use python::{Statement, Value};
use settings::{Means, Setting};

/// Explains the file.
pub(crate) fn explain(file: &str, content: &[u8]) -> Explanation {
    let text = String::from_utf8_lossy(content);
    let statements = python::statements(&text);
    let mut native = Native::default();
    let mut lines: Vec<Line> = (1..)
        .zip(text.lines())
        .map(|(number, text)| Line {
            number,
            text: text.to_owned(),
            readings: Vec::new(),
            remarks: Vec::new(),
        })
        .collect();
    for statement in &statements {
        let reading = reading(statement, &mut native);
        let index = statement.line().saturating_sub(1) as usize;
        if let Some(line) = lines.get_mut(index) {
            line.readings.extend(reading);
        }
    }
    Explanation {
        file: file.to_owned(),
        kind: "gunicorn",
        lines,
        problems: Vec::new(),
        advice: advice(),
        native: native.text(),
    }
}

fn advice() -> Vec<Remark> {
    let note = |text: &str| Remark {
        kind: Kind::Note,
        text: text.to_owned(),
    };
    vec![
        note("the file is read, not run: values that are computed keep their expression"),
        note(
            "write the lines below to verdigris.ini and start with `verdigris verdigris.ini app:app`",
        ),
    ]
}

/// The lines for a configuration of our own.
#[derive(Debug, Default)]
struct Native {
    lines: String,
    /// Lines that do nothing yet.
    waiting: String,
    class: Option<String>,
    /// `worker_connections`, as written.
    connections: Option<String>,
    threads: bool,
}

impl Native {
    fn option(&mut self, option: &str, value: &str) {
        self.threads |= option == "threads";
        // The engines that `worker-class` may name here are there; the row speaks of the one that is not.
        let lines = match waits_for(option) {
            Some(_) if option != "worker-class" => &mut self.waiting,
            _ => &mut self.lines,
        };
        let _ = writeln!(lines, "{option} = {}", value.replace('%', "%%"));
    }

    /// A value that only Python knows is left to the person.
    fn computed(&mut self, option: &str, expression: &str) {
        self.threads |= option == "threads";
        let words: Vec<&str> = expression.split_whitespace().collect();
        let _ = writeln!(
            self.lines,
            "# {option} = computed: {}",
            words.join(" ").replace('%', "%%")
        );
    }

    fn text(self) -> String {
        let mut text = format!("[verdigris]\n{}", self.lines);
        if let (Some("gevent"), Some(connections)) = (self.class.as_deref(), &self.connections) {
            let _ = writeln!(text, "gevent = {connections}");
        }
        if self.class.as_deref().is_none_or(|class| class == "sync") && !self.threads {
            text.push_str("threads = 1\n");
        }
        if !self.waiting.is_empty() {
            let _ = write!(text, "{NOT_ACTIVE}{}", self.waiting);
        }
        text
    }
}

fn reading(statement: &Statement, native: &mut Native) -> Option<Reading> {
    let (name, written, value) = match statement {
        Statement::Assignment {
            name,
            written,
            value,
            ..
        } => (name, written, value),
        Statement::Function { name, .. } => return settings::find(name).map(|_| hook(name)),
        Statement::Annotation { name, .. } => {
            return settings::find(name).map(|_| annotation(name));
        }
        Statement::Other { .. } => return None,
    };
    let (word, sentence) = match settings::find(name) {
        Some(setting) => known(setting, value, native),
        None => unknown(name),
    };
    Some(Reading {
        option: name.clone(),
        value: written.clone(),
        word,
        sentence,
        remarks: Vec::new(),
    })
}

fn hook(name: &str) -> Reading {
    Reading {
        option: name.to_owned(),
        value: String::new(),
        word: Word::Refused,
        sentence: "a hook of gunicorn: it is not called; put what has to happen in every worker into the app's module or a `@postfork` function"
            .to_owned(),
        remarks: Vec::new(),
    }
}

/// `workers: 4`: Python takes what stands behind the colon for a type.
fn annotation(name: &str) -> Reading {
    Reading {
        option: name.to_owned(),
        value: String::new(),
        word: Word::Unknown,
        sentence: format!(
            "without effect, in gunicorn too: a colon gives no value in Python; write `{name} = …`"
        ),
        remarks: Vec::new(),
    }
}

/// Names that people write and no spelling brings near the right one.
fn meant(name: &str) -> Option<&'static str> {
    Some(match name {
        "preload" => "preload_app",
        "pid" => "pidfile",
        "logfile" | "error_logfile" => "errorlog",
        "access_logfile" => "accesslog",
        "process_name" => "proc_name",
        "env" => "raw_env",
        _ => return None,
    })
}

fn unknown(name: &str) -> (Word, String) {
    if let Some(meant) = meant(name) {
        let sentence = format!("no setting of gunicorn has this name; did you mean `{meant}`?");
        return (Word::Unknown, sentence);
    }
    let near = nearest(name, settings::names(), 1);
    match near.first() {
        Some(near) => (
            Word::Unknown,
            format!(
                "no setting of gunicorn has this name; did you mean `{}`?",
                near.replace('-', "_")
            ),
        ),
        None => (
            Word::Placeholder,
            "a variable of the file; no setting of gunicorn has this name".to_owned(),
        ),
    }
}

fn known(setting: &Setting, value: &Value, native: &mut Native) -> (Word, String) {
    if *value == Value::None {
        return (Word::Default, "nothing is asked for".to_owned());
    }
    if setting.name == "worker_class" {
        return worker_class(value, native);
    }
    if setting.name == "worker_connections" {
        native.connections = value.texts().into_iter().next();
    }
    match setting.means {
        Means::Option(option, how) => {
            let values = value.texts();
            let values = values
                .iter()
                .flat_map(|text| settings::separated(setting.name, text));
            values.for_each(|text| native.option(option, &text));
            if let Value::Expression(expression) = value {
                native.computed(option, expression);
            }
            let (word, sentence) = called(option, option, how);
            let computed = match value {
                Value::Expression(_) => " (the value is computed; write the one you want)",
                _ => "",
            };
            (word, format!("{sentence}{computed}"))
        }
        Means::Switch((option, written), on, how) => {
            if *value != Value::Flag(on) {
                return (Word::Default, "as it is without this line".to_owned());
            }
            let switched = if written.is_empty() { "true" } else { written };
            native.option(option, switched);
            match called(option, &format!("{option} = {switched}"), how) {
                (Word::Same, sentence) => (Word::Changed, sentence),
                other => other,
            }
        }
        Means::Nothing(why) => (Word::Ignored, format!("not needed: {why}")),
        Means::Missing(instead) => (Word::Refused, format!("nothing here does this: {instead}")),
    }
}

/// What an option of ours does for a setting: the same, something else (`how`), or nothing yet.
fn called(option: &str, shown: &str, how: &str) -> (Word, String) {
    let how = if how.is_empty() {
        String::new()
    } else {
        format!(": {how}")
    };
    match waits_for(option) {
        Some(feature) => (
            Word::Planned,
            format!("`{shown}` here{how}; accepted, not active yet ({feature})"),
        ),
        None if how.is_empty() => (Word::Same, format!("`{shown}` here")),
        None => (Word::Changed, format!("`{shown}` here{how}")),
    }
}

/// The feature that an option waits for, if it is not active yet.
fn waits_for(option: &str) -> Option<&'static str> {
    match table::find(option)?.verdict {
        Verdict::Planned(feature) => Some(feature),
        _ => None,
    }
}

fn worker_class(value: &Value, native: &mut Native) -> (Word, String) {
    let Some(class) = value.texts().into_iter().next() else {
        return (
            Word::Refused,
            "the class is computed; see `verdigris options worker-class`".to_owned(),
        );
    };
    let short = class
        .rsplit(['.', ':'])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let engine = match short.as_str() {
        "sync" => Some(("one thread per worker", None)),
        "gthread" | "threads" => Some(("threads", None)),
        "gevent" | "geventworker" | "ggeventworker" | "geventpywsgiworker" => {
            Some(("gevent", Some("gevent")))
        }
        name if name.contains("uvicorn") || name.contains("asyncio") || name == "asgi" => {
            if let Some(feature) = waits_for("asyncio") {
                let sentence = format!("asyncio for ASGI apps: not active yet ({feature})");
                return (Word::Planned, sentence);
            }
            Some(("asyncio: the app is recognised as ASGI by itself", None))
        }
        _ => None,
    };
    native.class = Some(match engine {
        Some((_, Some(option))) => option.to_owned(),
        _ => short.clone(),
    });
    match engine {
        Some((what, option)) => {
            if let Some(option) = option {
                native.option("worker-class", option);
            }
            (Word::Changed, format!("the engine is {what}"))
        }
        None => (
            Word::Refused,
            format!("there is no engine for `{class}`; the nearest is `threads = auto`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
import multiprocessing
bind = [\"0.0.0.0:8000\", 'unix:/run/app.sock']
workers = multiprocessing.cpu_count() * 2 + 1
timeout = 120  # slow
preload_app = True
accesslog = '-'
worker_clas = 'sync'
mine = 3
raw_env = [
    'A=1',
]
def post_fork(server, worker):
    timeout = 5
";

    #[test]
    fn plain_assignments_become_options() {
        let explanation = explain("gunicorn.conf.py", FILE.as_bytes());
        let words: Vec<(u32, Word)> = explanation
            .lines
            .iter()
            .flat_map(|line| {
                line.readings
                    .iter()
                    .map(|reading| (line.number, reading.word))
            })
            .collect();
        assert_eq!(
            words,
            [
                (2, Word::Same),
                (3, Word::Same),
                (4, Word::Changed),
                (5, Word::Ignored),
                (6, Word::Ignored),
                (7, Word::Unknown),
                (8, Word::Placeholder),
                (9, Word::Same),
                (12, Word::Refused),
            ]
        );
        assert_eq!(
            explanation.native,
            "[verdigris]\nhttp-socket = 0.0.0.0:8000\nhttp-socket = /run/app.sock\n# processes = computed: multiprocessing.cpu_count() * 2 + 1\nharakiri = 120\nenv = A=1\nthreads = 1\n"
        );
        assert!(
            explanation
                .text(false)
                .contains("did you mean `worker_class`?")
        );
    }

    fn explained(text: &str) -> (String, String) {
        let explanation = explain("gunicorn.conf.py", text.as_bytes());
        (explanation.text(false), explanation.native)
    }

    #[test]
    fn slips_are_named() {
        let (text, _) = explained("workers: 4\npreload = True\nssl_version = 'TLS'\n");
        assert!(text.contains("write `workers = …`"), "{text}");
        assert!(text.contains("did you mean `preload_app`?"), "{text}");
        assert!(
            text.contains("let the web server in front speak TLS"),
            "{text}"
        );
    }

    #[test]
    fn connections_are_greenlets() {
        let (_, native) = explained("worker_connections = 500\nworker_class = 'gevent'\n");
        assert_eq!(native, "[verdigris]\nworker-class = gevent\ngevent = 500\n");
        let (_, native) = explained("worker_connections = 500\n");
        assert_eq!(native, "[verdigris]\nthreads = 1\n");
    }

    #[test]
    fn paths_are_separated_by_commas() {
        let (_, native) = explained("pythonpath = 'sub,libs/l1'\n");
        let wanted = "[verdigris]\npythonpath = sub\npythonpath = libs/l1\nthreads = 1\n";
        assert_eq!(native, wanted);
    }

    #[test]
    fn what_is_not_active_yet_is_said_to_be_so() {
        let (text, native) =
            explained("proxy_protocol = True\nstatsd_host = 'h:1'\nreload = True\n");
        let wanted = "planned: `http-enable-proxy-protocol = true` here; accepted, not active yet (PROXY protocol)";
        assert!(text.contains(wanted), "{text}");
        assert!(
            text.contains("`py-autoreload = 1` here: for development"),
            "{text}"
        );
        assert!(!text.contains("/metrics"), "{text}");
        let wanted = "[verdigris]\npy-autoreload = 1\nthreads = 1\n# accepted, not active yet\nhttp-enable-proxy-protocol = true\n";
        assert_eq!(native, wanted);
    }
}
