//! What is easily misread, and what may hurt, seen on one line alone.

use std::time::Duration;

use super::{Kind, Remark};
use crate::document::Line;
use crate::references::{is_template, shell_variable};
use crate::resolve::comment_in;
use crate::table::{Group, Row, Takes};
use crate::value::{self, Dialect};

/// Everything there is to say about one option and its value (references replaced).
pub(super) fn remarks(
    row: Option<&Row>,
    line: &Line,
    value: &str,
    dialect: Dialect,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut say = |kind, text: String| remarks.push(Remark { kind, text });
    if let Some(text) = template(&line.value) {
        say(Kind::Note, text);
    } else if let Some(name) = left_alone(row, &line.value) {
        say(
            Kind::Trap,
            format!("`${name}` is not replaced, here or in uWSGI; write `$({name})`"),
        );
    }
    let Some(row) = row else {
        return remarks;
    };
    let pair = (row.takes == Takes::Pair).then(|| line.value.split_once('='));
    let inside = pair.flatten().map_or("", |(_, value)| value.trim());
    if is_quoted(&line.value) || is_quoted(inside) {
        let text = "the quotes are part of the value; uWSGI does not remove them either";
        say(Kind::Trap, text.to_owned());
    }
    if line.value.ends_with('\\') {
        let text = "the backslash belongs to the value: no line goes on in the next one, here or in uWSGI; write it all on one line";
        say(Kind::Trap, text.to_owned());
    }
    let names_file = matches!(row.takes, Takes::Path | Takes::Address) && !row.optional;
    if names_file && is_switch(value) {
        let text = format!("this is no switch: it names a file called `{value}`");
        say(Kind::Trap, text);
    }
    let is_text = matches!(
        row.takes,
        Takes::Text | Takes::Path | Takes::Address | Takes::Pair
    );
    if let Some(comment) = comment_in(&line.value).filter(|_| !is_text) {
        say(Kind::Trap, format!("`{comment}` {COMMENT}"));
    }
    if let Some(text) = units(row, value).filter(|_| dialect == Dialect::Uwsgi) {
        say(Kind::Trap, text);
    }
    if let Some(text) = risk(row.name, value) {
        say(Kind::Risk, text.to_owned());
    }
    if let Some(text) = difference(row.name, value) {
        say(Kind::Note, text.to_owned());
    }
    remarks
}

const COMMENT: &str = "belongs to the value; comments need a line of their own";

/// Whether a remark is about a comment behind a value.
pub(super) fn is_comment(remark: &Remark) -> bool {
    remark.text.ends_with(COMMENT)
}

/// Sizes and times may have units here; uWSGI reads only the number.
fn units(row: &Row, value: &str) -> Option<String> {
    let uwsgi = value::integer(value, 0, i64::MAX, Dialect::Uwsgi)
        .ok()?
        .value;
    let here = match row.takes {
        Takes::Size => {
            let size = value::size(value, Dialect::Native).ok()?.value;
            (i64::try_from(size).ok()? != uwsgi).then(|| format!("{size} bytes"))?
        }
        Takes::Seconds => {
            let time = value::duration(value, Duration::from_secs(1), Dialect::Native).ok()?;
            let seconds = time.value.as_secs();
            (i64::try_from(seconds).ok()? != uwsgi).then(|| format!("{seconds} seconds"))?
        }
        _ => return None,
    };
    Some(format!(
        "uWSGI knows no units and reads `{value}` as {uwsgi}; here it is {here}"
    ))
}

/// The name of a shell variable that stays in the value, because nobody fills it in later.
fn left_alone<'a>(row: Option<&Row>, value: &'a str) -> Option<&'a str> {
    let name = shell_variable(value)?;
    (!row.is_some_and(|row| is_filled_in_later(row, value))).then_some(name)
}

/// A shell fills in the variables of a command, and rules take `${NAME}` for a variable of the request.
fn is_filled_in_later(row: &Row, value: &str) -> bool {
    let is_shells = |name: &str| {
        let commands = ["exec-", "attach-", "smart-attach-"];
        commands.iter().any(|beginning| name.starts_with(beginning)) || name.contains("cron")
    };
    // `hook-…` and `alarm` name what they do in front: `exec:command`, `name cmd:command`.
    let is_command = || {
        let marks = ["exec:", "cmd:", "pipe:"];
        let variable = value.find('$').unwrap_or_default();
        let before = value.get(..variable).unwrap_or_default();
        marks.iter().any(|mark| before.contains(mark))
    };
    let is_rule = row.group == Group::Routing && row.name.contains("route");
    is_shells(row.name) || is_rule || is_command()
}

fn template(value: &str) -> Option<String> {
    is_template(value).then(|| {
        "the value comes from a template; explain the file that is made from it".to_owned()
    })
}

fn is_quoted(value: &str) -> bool {
    ['"', '\'']
        .iter()
        .any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote))
}

/// What works and may hurt.
fn risk(option: &str, value: &str) -> Option<&'static str> {
    let everywhere = is_everywhere(value);
    match option {
        "socket" | "uwsgi-socket" if everywhere => Some(
            "the uwsgi protocol on every interface: whoever reaches the port can set any variable, also REMOTE_USER; bind to 127.0.0.1 or a unix socket",
        ),
        "stats" | "stats-server" if everywhere => {
            Some("the statistics can be read by whoever reaches the port; bind to 127.0.0.1")
        }
        "chmod-socket" if matches!(value, "" | "1" | "666" | "777") => Some(
            "every user of the machine can talk to the app; 660 with `chown-socket` lets only the web server in",
        ),
        "uid" | "gid" if matches!(value, "root" | "0") => {
            Some("the app runs as root; a mistake in it owns the machine")
        }
        "py-autoreload" if value != "0" => {
            Some("meant for development: it looks at every module again and again")
        }
        "catch-exceptions" if is_true(value) => {
            Some("visitors see tracebacks, with values from your code")
        }
        "plugins" if is_python_two(value) => {
            Some("Python 2 is not served; the app needs Python 3.10 or newer")
        }
        "debugger" if is_true(value) => {
            Some("whoever knows its PIN can run any code; for your own machine only")
        }
        "env" if is_secret(value) => {
            Some("a secret in a configuration file; pass it in the environment instead")
        }
        "log-x-forwarded-for" if is_true(value) => {
            Some("anybody can send this header; use it only behind a proxy that sets it")
        }
        "static-map" | "check-static" if value.ends_with("=/") || value == "/" => {
            Some("this serves every file of the machine")
        }
        _ => None,
    }
}

/// What a user of uWSGI expects otherwise.
fn difference(option: &str, value: &str) -> Option<&'static str> {
    match option {
        "buffer-size" => Some(
            "uWSGI refuses request heads beyond 4096 bytes without this option and caps it at 65535; here 64 KiB are the default and larger heads are answered with 431",
        ),
        "daemonize" | "daemonize2" => Some(
            "in a container or under systemd leave it out, so that the log is seen and the process is watched",
        ),
        "master" if !is_true(value) => {
            Some("there is always a server process that watches the workers")
        }
        _ => None,
    }
}

/// `python2`, `python27`, and the old Debian names.
fn is_python_two(value: &str) -> bool {
    value
        .split(',')
        .any(|plugin| plugin.trim().starts_with("python2"))
}

fn is_everywhere(value: &str) -> bool {
    value.starts_with(':')
        || value.starts_with("0.0.0.0:")
        || value.starts_with("[::]:")
        || value.starts_with("*:")
}

/// A word that somebody took for a switch.
fn is_switch(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "true" | "false" | "on" | "off" | "yes" | "no"
    )
}

fn is_true(value: &str) -> bool {
    !matches!(
        value.to_ascii_lowercase().as_str(),
        "false" | "off" | "no" | "0"
    )
}

fn is_secret(value: &str) -> bool {
    let Some((name, value)) = value.split_once('=') else {
        return false;
    };
    let name = name.to_ascii_uppercase();
    let tells = ["PASSWORD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"];
    !value.is_empty()
        && !value.starts_with(['/', '$', '%'])
        && tells.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_open_doors() {
        assert!(is_secret("DB_PASSWORD=x") && !is_secret("PASSWORD_FILE=/run/x"));
        assert!(
            risk("socket", "0.0.0.0:3031").is_some() && risk("socket", "127.0.0.1:1").is_none()
        );
        assert!(risk("chmod-socket", "660").is_none());
    }
}
