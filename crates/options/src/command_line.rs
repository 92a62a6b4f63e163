//! The command line: GNU long options with unambiguous prefixes, uWSGI's letters, and bare
//! arguments that name an application or a configuration file.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

use crate::entry::Entry;
use crate::file_name;
use crate::gather::listed;
use crate::gunicorn::settings::{self, Means, Setting};
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::report::{Notice, Problem};
use crate::table::{self, Argument, Row, Takes};
use crate::value::Dialect;

/// The hint where nothing better is known.
const LOOK_UP: &str = "`verdigris --help-all` lists every option";

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct CommandLine {
    /// Options in the order they were typed; bare configuration files come last, as in uWSGI.
    pub(crate) entries: Vec<Entry>,
    /// What cannot be understood.
    pub(crate) problems: Vec<Problem>,
    /// What is worth knowing about options of other servers.
    pub(crate) notices: Vec<Notice>,
    /// Granian names the address in two options.
    host: Option<String>,
    port: Option<String>,
    /// An unknown option came right before; a bare word may be its value.
    after_unknown: bool,
}

/// What a long option on the command line means.
enum Long {
    Known(&'static Row, &'static str),
    Habit(&'static Setting),
    Ambiguous(Vec<&'static str>),
    Unknown,
}

/// Reads the arguments, without the program's own name.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> CommandLine {
    let mut parser = Parser::from_args(arguments);
    let mut line = CommandLine::default();
    let mut files = Vec::new();
    let mut apps = 0;
    loop {
        let next = parser.next();
        let is_option = matches!(next, Ok(Some(Arg::Long(_) | Arg::Short(_))));
        line.after_unknown &= !is_option;
        match next {
            Ok(None) => break,
            Ok(Some(Arg::Long(name))) => {
                let name = name.to_owned();
                line.long(&name, &mut parser);
            }
            Ok(Some(Arg::Short(letter))) => line.short(letter, &mut parser),
            Ok(Some(Arg::Value(value))) => {
                if let Some(text) = line.text(value) {
                    line.bare(text, &mut files, &mut apps);
                }
            }
            Err(error) => {
                line.problem(format!("{error}"), LOOK_UP.to_owned());
                break;
            }
        }
    }
    line.add_host_and_port();
    line.entries.extend(files);
    line
}

impl CommandLine {
    fn problem(&mut self, what: String, hint: String) {
        self.problems.push(Problem {
            what,
            origin: Some(Origin::CommandLine),
            hint: Some(hint),
        });
    }

    fn text(&mut self, value: OsString) -> Option<String> {
        match value.into_string() {
            Ok(text) => Some(text),
            Err(value) => {
                self.problem(
                    format!("`{}` is not UTF-8 text", value.to_string_lossy()),
                    "arguments are UTF-8".to_owned(),
                );
                None
            }
        }
    }

    fn push(&mut self, key: &str, value: String) {
        self.entries.push(entry(key, value));
    }

    fn long(&mut self, typed: &str, parser: &mut Parser) {
        match look_up(typed) {
            Long::Known(row, name) => self.option(row, name, &format!("--{name}"), parser),
            Long::Habit(setting) => self.habit(setting, parser),
            Long::Unknown if matches!(typed, "host" | "port") => {
                let value = parser
                    .value()
                    .ok()
                    .and_then(|value| value.into_string().ok());
                let place = if typed == "host" {
                    &mut self.host
                } else {
                    &mut self.port
                };
                *place = value;
            }
            Long::Ambiguous(names) => {
                self.after_unknown = parser.optional_value().is_none();
                let shown: Vec<String> = names
                    .iter()
                    .take(6)
                    .map(|name| format!("--{name}"))
                    .collect();
                let more = if names.len() > shown.len() {
                    ", …"
                } else {
                    ""
                };
                let what = format!("--{typed} is the beginning of several options");
                self.problem(what, format!("write one of {}{more}", shown.join(", ")));
            }
            Long::Unknown => {
                self.after_unknown = parser.optional_value().is_none();
                let near: Vec<String> = nearest(typed, table::names(), 3)
                    .into_iter()
                    .map(|name| format!("--{name}"))
                    .collect();
                let near: Vec<&str> = near.iter().map(String::as_str).collect();
                let hint = if near.is_empty() {
                    LOOK_UP.to_owned()
                } else {
                    format!("did you mean {}?", listed(&near))
                };
                self.problem(format!("there is no option --{typed}"), hint);
            }
        }
    }

    /// An option of gunicorn or Granian.
    fn habit(&mut self, setting: &Setting, parser: &mut Parser) {
        let shown = format!("--{}", setting.flag);
        let value = if setting.value {
            let Some(value) = parser.value().ok().and_then(|value| self.text(value)) else {
                let hint = "write its value behind it".to_owned();
                return self.problem(format!("{shown} needs a value"), hint);
            };
            value
        } else {
            parser.optional_value();
            String::new()
        };
        match setting.means {
            Means::Option(option, _) => {
                self.push(option, settings::converted(setting.name, &value));
            }
            Means::Switch((option, on), ..) => self.push(option, on.to_owned()),
            Means::Nothing(why) => {
                let text = format!("{shown}: not needed: {why}");
                self.notices
                    .push(Notice::info(text).at(&Origin::CommandLine));
            }
            Means::Missing(instead) => {
                self.problem(format!("{shown} is not supported"), instead.to_owned());
            }
        }
    }

    /// `--host` and `--port` are Granian's two halves of an address.
    fn add_host_and_port(&mut self) {
        if self.host.is_none() && self.port.is_none() {
            return;
        }
        let host = self.host.take().unwrap_or_else(|| "127.0.0.1".to_owned());
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host
        };
        let port = self.port.take().unwrap_or_else(|| "8000".to_owned());
        self.push("bind", format!("{host}:{port}"));
    }

    fn short(&mut self, letter: char, parser: &mut Parser) {
        if let Some(row) = table::find_short(letter) {
            return self.option(row, row.name, &format!("-{letter}"), parser);
        }
        self.after_unknown = true;
        let hint = gunicorns_letter(letter).unwrap_or(LOOK_UP);
        self.problem(format!("there is no option -{letter}"), hint.to_owned());
    }

    fn option(&mut self, row: &'static Row, name: &'static str, shown: &str, parser: &mut Parser) {
        let value = match row.argument() {
            // Behind a letter come further letters: -Mp 4.
            Argument::None if !shown.starts_with("--") => OsString::new(),
            Argument::None | Argument::Optional => parser.optional_value().unwrap_or_default(),
            Argument::Required => {
                let Ok(value) = parser.value() else {
                    let example = format!("for example `{shown} {}`", row.example);
                    return self.problem(format!("{shown} needs a value"), example);
                };
                value
            }
        };
        let Some(text) = self.text(value) else {
            return;
        };
        if let Some(hint) = meant_for_gunicorn(shown, &text) {
            let what = format!("{shown} is uWSGI's `{name}` here, and `{text}` does not fit it");
            return self.problem(what, hint);
        }
        self.push(name, text);
    }

    /// A bare argument: a configuration file, a Python file, or an application.
    fn bare(&mut self, text: String, files: &mut Vec<Entry>, apps: &mut usize) {
        if std::mem::take(&mut self.after_unknown) {
            return;
        }
        let name = text.split(':').next().unwrap_or_default();
        let extension = file_name::extension(name);
        match extension {
            "ini" => return files.push(entry("ini", text)),
            "yaml" | "yml" | "json" | "js" | "xml" | "toml" => {
                return files.push(entry("config", text));
            }
            _ => {}
        }
        if file_name::names_source(&text) {
            return files.push(entry("config", text));
        }
        if let Some(last) = self.waiting_for_value(&text) {
            let what = format!("`{text}` is not expected here");
            return self.problem(what, format!("write `--{last}={text}`"));
        }
        *apps += 1;
        if *apps > 1 {
            let what = format!("`{text}` is not expected here: an application was already named");
            let hint = "name one application; a value of an option follows its option".to_owned();
            return self.problem(what, hint);
        }
        match extension {
            "py" => self.python_file(&text),
            // `site.wsgi` is usually the module; a path can only be the file.
            "wsgi" if name.contains('/') => self.python_file(&text),
            _ if name.contains('/') => self.path_as_module(&text),
            _ => self.push("module", text),
        }
    }

    /// `app.py` or `app.py:callable`.
    fn python_file(&mut self, text: &str) {
        let (file, callable) = text.split_once(':').unwrap_or((text, ""));
        self.push("wsgi-file", file.to_owned());
        if !callable.is_empty() {
            self.push("callable", callable.to_owned());
        }
    }

    /// `src/app:app`: a path where only a name can stand.
    fn path_as_module(&mut self, text: &str) {
        let (path, behind) = text.split_once(':').unwrap_or((text, ""));
        let dotted = path.trim_matches(['.', '/']).replace('/', ".");
        let what = format!("`{path}` is a path, not the name of a module");
        let hint = format!(
            "write `{path}.py:{behind}` for a file, `{dotted}:{behind}` for a module, `--config {text}` for a configuration"
        );
        self.problem(what, hint);
    }

    /// The option right before a bare word that can only be its value: `--master true`.
    fn waiting_for_value(&self, text: &str) -> Option<&'static str> {
        let last = self.entries.last().filter(|entry| entry.value.is_empty())?;
        let row = table::find(&last.key)?;
        let word = matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "on" | "off" | "yes" | "no"
        );
        let number = text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = match row.argument() {
            Argument::None => row.takes == Takes::Flag && (word || number),
            Argument::Optional => word || number,
            Argument::Required => false,
        };
        fits.then_some(row.name)
    }
}

fn entry(key: &str, value: String) -> Entry {
    Entry {
        key: key.to_owned(),
        value,
        origin: Origin::CommandLine,
        dialect: Dialect::Native,
    }
}

/// gunicorn's letters mean other things in uWSGI; a value that only fits gunicorn tells.
fn meant_for_gunicorn(shown: &str, text: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let meant = match shown {
        "-b" if text.contains([':', '/']) => "--bind",
        "-w" if is_number => "--workers",
        "-p" if text.contains('/') => "--pidfile",
        "--reload" if text.contains(':') || text.starts_with('-') => {
            return Some("write `--py-autoreload 1` to reload when the code changes".to_owned());
        }
        _ => return None,
    };
    Some(format!("write `{meant} {text}`"))
}

/// Finds the option a long name means: its exact name, or the only one that begins like it.
fn look_up(typed: &str) -> Long {
    let exact =
        table::find(typed).and_then(|row| Some((row, row.names().find(|name| *name == typed)?)));
    if let Some((row, name)) = exact {
        return Long::Known(row, name);
    }
    if let Some(setting) = settings::find_flag(typed) {
        return Long::Habit(setting);
    }
    if matches!(typed, "host" | "port") {
        return Long::Unknown;
    }
    let mut names: Vec<&'static str> = table::names()
        .filter(|name| name.starts_with(typed))
        .collect();
    names.sort_unstable();
    match names.as_slice() {
        [] => Long::Unknown,
        [name] => table::find(name).map_or(Long::Unknown, |row| Long::Known(row, name)),
        [first, ..] => {
            // Several names of one option are no ambiguity.
            let option = table::find(first).map(|row| row.name);
            let same = names
                .iter()
                .all(|name| table::find(name).map(|row| row.name) == option);
            match (same, table::find(first)) {
                (true, Some(row)) => Long::Known(row, first),
                _ => Long::Ambiguous(names),
            }
        }
    }
}

/// What the letters of gunicorn that uWSGI does not have are called here.
fn gunicorns_letter(letter: char) -> Option<&'static str> {
    Some(match letter {
        'c' => "`verdigris explain gunicorn.conf.py` turns gunicorn's file into one for Verdigris",
        'u' => "gunicorn's -u is `--uid`",
        'g' => "gunicorn's -g is `--gid`",
        'e' => "gunicorn's -e is `--env NAME=value`",
        'D' => "gunicorn's -D is `--daemonize FILE`",
        'n' => "gunicorn's -n is `--procname NAME`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(arguments: &[&str]) -> Vec<(String, String)> {
        let line = read(arguments.iter().map(OsString::from));
        assert!(line.problems.is_empty(), "{:?}", line.problems);
        line.entries
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect()
    }

    fn problem(arguments: &[&str]) -> String {
        let line = read(arguments.iter().map(OsString::from));
        crate::report::render_problems(&line.problems, false)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn long_and_short_forms() {
        assert_eq!(
            entries(&[
                "--processes=4",
                "--threads",
                "2",
                "-Mp",
                "3",
                "-sapp.sock",
                "-C660",
                "--chmod-socket",
                "--env=A=b=c"
            ]),
            pairs(&[
                ("processes", "4"),
                ("threads", "2"),
                ("master", ""),
                ("processes", "3"),
                ("socket", "app.sock"),
                ("chmod-socket", "660"),
                ("chmod-socket", ""),
                ("env", "A=b=c"),
            ])
        );
    }

    #[test]
    fn bare_arguments() {
        assert_eq!(entries(&["app:app"]), pairs(&[("module", "app:app")]));
        assert_eq!(entries(&["pkg.mod"]), pairs(&[("module", "pkg.mod")]));
        assert_eq!(
            entries(&["src/app.py"]),
            pairs(&[("wsgi-file", "src/app.py")])
        );
        assert_eq!(
            entries(&["app.py:main"]),
            pairs(&[("wsgi-file", "app.py"), ("callable", "main")])
        );
        assert_eq!(
            entries(&["a.ini:prod", "-p", "2"]),
            pairs(&[("processes", "2"), ("ini", "a.ini:prod")])
        );
        assert_eq!(entries(&["--", "-odd"]), pairs(&[("module", "-odd")]));
    }

    #[test]
    fn bare_arguments_that_can_only_be_configurations() {
        for word in [
            "-",
            "app.conf",
            "etc/prod",
            "./",
            ".",
            "exec://cat a",
            "http://127.0.0.1:1/x",
            "data://0",
        ] {
            assert_eq!(entries(&[word]), pairs(&[("config", word)]));
        }
        for word in ["app", "shop.conf:app", "shop:make(\"http://a/b\")"] {
            assert_eq!(entries(&[word]), pairs(&[("module", word)]));
        }
        let said = problem(&["src/app:app"]);
        assert!(said.contains("`src/app` is a path"), "{said}");
        assert!(said.contains("`src.app:app` for a module"), "{said}");
    }

    #[test]
    fn prefixes_work_when_only_one_option_fits() {
        assert_eq!(
            entries(&["--wsgi-fil", "x.py"]),
            pairs(&[("wsgi-file", "x.py")])
        );
        assert_eq!(entries(&["--disable-l"]), pairs(&[("disable-logging", "")]));
        assert!(problem(&["--log-x=1", "--buffer"]).contains("needs a value"));
        assert!(
            problem(&["--http-s", ":1"]).contains("http-socket")
                || problem(&["--log", "x"]).contains("several")
        );
        assert!(problem(&["--log", "x"]).contains("beginning of several options"));
    }

    #[test]
    fn habits_of_other_servers() {
        assert_eq!(
            entries(&[
                "--timeout",
                "60",
                "--preload",
                "--user=www",
                "--bind",
                ":80"
            ]),
            pairs(&[("harakiri", "60"), ("uid", "www"), ("bind", ":80"),])
        );
        assert_eq!(
            entries(&[
                "--host",
                "::1",
                "--port",
                "81",
                "--interface",
                "wsgi",
                "a:b"
            ]),
            pairs(&[("module", "a:b"), ("bind", "[::1]:81")])
        );
        assert!(problem(&["--statsd-host", "h:1"]).contains("not supported"));
        assert!(problem(&["--reload", "a:b"]).contains("--py-autoreload 1"));
        assert!(problem(&["--timeout"]).contains("needs a value"));
    }

    #[test]
    fn slips_get_near_names() {
        assert!(problem(&["--http_socket", ":80"]).contains("did you mean `--http-socket`?"));
        assert!(problem(&["--proceses=4"]).contains("`--processes`"));
        assert!(problem(&["--wibble-wobble"]).contains("--help-all"));
        assert!(problem(&["-~"]).contains("no option -~"));
    }

    #[test]
    fn values_in_the_wrong_place() {
        assert!(problem(&["-p"]).contains("-p needs a value"));
        assert!(problem(&["--master", "true", "app:app"]).contains("--master=true"));
        assert!(problem(&["--chmod-socket", "660", "app:app"]).contains("--chmod-socket=660"));
        assert!(problem(&["-b", "0.0.0.0:8000"]).contains("--bind 0.0.0.0:8000"));
        assert!(problem(&["-w", "4"]).contains("--workers 4"));
        assert!(problem(&["a:b", "c:d"]).contains("already named"));
    }
}
