//! Options in environment variables: `UWSGI_HTTP_SOCKET` and `VERDIGRIS_HTTP_SOCKET` are the
//! option `http-socket`; `PORT` and `WEB_CONCURRENCY` are what hosting platforms set.

use std::sync::Arc;

use crate::entry::Entry;
use crate::gather::Environment;
use crate::origin::Origin;
use crate::report::Problem;
use crate::value::Dialect;

/// uWSGI talks to itself through these; they are not options.
const UWSGI_INTERNAL: [&str; 9] = [
    "RELOADS",
    "VASSALS_DIR",
    "EMPEROR_FD",
    "EMPEROR_FD_CONFIG",
    "EMPEROR_PROXY",
    "BROODLORD_NUM",
    "JAIL_PID",
    "ORIGINAL_PROC_NAME",
    "PLUGINS",
];

/// Verdigris talks to its own processes and tools through these.
const OWN_INTERNAL: [&str; 3] = ["CONTROL", "BIN", "PACKAGE"];

/// The entries the environment holds.
pub(crate) fn read(environment: &Environment) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (variable, value) in environment {
        let (name, dialect) = match (
            variable.strip_prefix("UWSGI_"),
            variable.strip_prefix("VERDIGRIS_"),
        ) {
            (Some(name), _) if !UWSGI_INTERNAL.contains(&name) => (name, Dialect::Uwsgi),
            (_, Some(name)) if !OWN_INTERNAL.contains(&name) => (name, Dialect::Native),
            _ => continue,
        };
        let key = name.to_lowercase().replace('_', "-");
        // UWSGI_VERSION is what images call the release they install, not a wish to see it.
        if matches!(key.as_str(), "" | "help" | "help-all" | "version") {
            continue;
        }
        let origin = Origin::Environment(Arc::from(variable.as_str()));
        entries.push(Entry {
            key,
            value: value.clone(),
            origin,
            dialect,
        });
    }
    entries
}

/// What hosting platforms ask for, where nothing else was said. `PORT` is a number and nothing else: any other
/// word would make `bind` open a unix socket of that name.
pub(crate) fn platform(
    environment: &Environment,
    option: &str,
) -> Option<Result<Entry, Box<Problem>>> {
    let (variable, key) = match option {
        "http-socket" => ("PORT", "bind"),
        "processes" => ("WEB_CONCURRENCY", "processes"),
        _ => return None,
    };
    let (_, value) = environment
        .iter()
        .find(|(name, value)| name == variable && !value.is_empty())?;
    let origin = Origin::Environment(Arc::from(variable));
    if variable == "PORT" && value.trim().parse::<u16>().is_err() {
        let problem = Problem::new(format!("`{value}` is not a port (0 to 65535)")).at(&origin);
        let hint = "write `PORT=8000`; an address of another kind follows `--bind`";
        return Some(Err(Box::new(problem.hint(hint))));
    }
    Some(Ok(Entry {
        key: key.to_owned(),
        value: value.trim().to_owned(),
        origin,
        dialect: Dialect::Native,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn both_prefixes_are_options() {
        let environment = [
            pair("UWSGI_HTTP_SOCKET", ":80"),
            pair("VERDIGRIS_PROCESSES", "2"),
            pair("UWSGI_RELOADS", "1"),
            pair("VERDIGRIS_CONTROL", "3"),
            pair("PATH", "/bin"),
        ];
        let entries = read(&environment);
        let keys: Vec<_> = entries
            .iter()
            .map(|entry| (entry.key.as_str(), entry.dialect))
            .collect();
        assert_eq!(
            keys,
            [
                ("http-socket", Dialect::Uwsgi),
                ("processes", Dialect::Native)
            ]
        );
        assert_eq!(
            entries[0].origin.to_string(),
            "environment variable UWSGI_HTTP_SOCKET"
        );
    }

    #[test]
    fn platforms() {
        let environment = [pair("PORT", "5000"), pair("WEB_CONCURRENCY", "")];
        let entry = platform(&environment, "http-socket").unwrap().unwrap();
        assert_eq!(entry.value, "5000");
        assert_eq!(platform(&environment, "processes"), None);
        for wrong in ["notaport", "70000", "-1", "127.0.0.1:80", "./app.sock", " "] {
            let found = platform(&[pair("PORT", wrong)], "http-socket").unwrap();
            let problem = found.unwrap_err();
            assert!(problem.what.contains("is not a port"), "{problem:?}");
        }
    }
}
