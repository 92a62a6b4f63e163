//! The entities that a document declares for itself: `<!ENTITY base "/srv">`, used as `&base;`.

use std::collections::HashMap;

use crate::bounds::TooMuch;

/// Bytes that entities may put into one document; a small text could ask for gigabytes.
const MOST: usize = 1 << 20;

/// What the document has declared, and how much of it was used.
#[derive(Debug, Default)]
pub(super) struct Entities {
    values: HashMap<String, String>,
    used: usize,
}

impl Entities {
    /// Reads the declarations of a `<!DOCTYPE …>`. Those that name files, and parameters, are passed over: nobody
    /// expects a configuration to read further files that way.
    pub(super) fn declare(&mut self, doctype: &str) {
        for declaration in doctype.split("<!ENTITY").skip(1) {
            if let Some((name, value)) = plain(declaration) {
                // The first declaration counts, as XML has it.
                let known = self.values.entry(name.to_owned());
                known.or_insert_with(|| value.to_owned());
            }
        }
    }

    /// What an entity stands for; else why it stands for nothing.
    pub(super) fn value(&mut self, name: &str) -> Result<&str, String> {
        let Some(value) = self.values.get(name) else {
            return Err(format!("`&{name};` stands for nothing"));
        };
        if value.contains(['&', '<']) {
            return Err(format!("`&{name};` holds more than text; write it out"));
        }
        self.used += value.len();
        if self.used > MOST {
            return Err(TooMuch::Bytes.to_string());
        }
        Ok(value)
    }
}

/// The name and the quoted value behind `<!ENTITY`.
fn plain(declaration: &str) -> Option<(&str, &str)> {
    let (name, rest) = declaration.trim_start().split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, _) = rest.get(1..)?.split_once(quote)?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_texts_are_found() {
        let mut entities = Entities::default();
        entities.declare(
            "uwsgi [<!ENTITY a \"it's\"> <!ENTITY b '/b'><!ENTITY a 'two'> <!ENTITY f SYSTEM 'f'>]",
        );
        assert_eq!(entities.value("a"), Ok("it's"));
        assert_eq!(entities.value("b"), Ok("/b"));
        assert!(entities.value("f").is_err() && entities.value("c").is_err());
    }

    #[test]
    fn bombs_do_not_go_off() {
        let mut entities = Entities::default();
        let long = "a".repeat(MOST / 2);
        entities.declare(&format!("z [<!ENTITY a '{long}'><!ENTITY b '&a;&a;'>]"));
        assert!(entities.value("b").unwrap_err().contains("write it out"));
        assert!(entities.value("a").is_ok() && entities.value("a").is_ok());
        assert!(entities.value("a").unwrap_err().contains("MiB"));
        entities.declare("<!ENTITY <!ENTITY x <!ENTITY y '");
    }
}
