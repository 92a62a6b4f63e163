//! Environment variables for the app.

use std::collections::BTreeSet;

use super::reader::Reader;
use crate::envdir::Change;
use crate::report::Notice;
use crate::value::Dialect;

/// The variables to set, and those to remove. `directories` is what `envdir` changes: it comes after
/// the options, as in uWSGI.
pub(super) fn changed(
    reader: &mut Reader<'_>,
    directories: &[Change],
) -> (Vec<(String, String)>, Vec<String>) {
    let (mut set, lines_remove) = env_lines(reader);
    let mut remove = reader.texts("unenv");
    remove.extend(lines_remove);
    for (name, value) in directories {
        match value {
            None => remove.push(name.clone()),
            Some(value) => {
                remove.retain(|other| other != name);
                set.push((name.clone(), value.clone()));
            }
        }
    }
    (set, remove)
}

/// What `env` lines set, and then remove. A line without a `=` removes the variable under uWSGI, which
/// hands it to `putenv` as it stands.
fn env_lines(reader: &mut Reader<'_>) -> (Vec<(String, String)>, BTreeSet<String>) {
    let (mut set, mut remove) = (Vec::new(), BTreeSet::new());
    let given: Vec<_> = reader.values().of("env").collect();
    for given in given {
        let text = given.entry.value.as_str();
        if given.entry.dialect == Dialect::Native || text.find('=').is_some_and(|at| at > 0) {
            if let Some((name, value)) = reader.pair(given) {
                remove.remove(&name);
                set.push((name, value));
            }
            continue;
        }
        let (what, hint) = if text.is_empty() || text.starts_with('=') {
            let hint = "write `env = NAME=value`, or remove the line".to_owned();
            ("sets nothing", hint)
        } else {
            remove.insert(text.to_owned());
            ("removes the variable", format!("write `unenv = {text}`"))
        };
        let notice = Notice::warning(format!("env: `{text}` {what}, as in uWSGI"));
        reader.notice(notice.hint(hint).at(&given.entry.origin));
    }
    (set, remove)
}
