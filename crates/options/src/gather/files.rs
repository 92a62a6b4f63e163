//! Reads configuration files into the list, at the place where they are named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FILE_HINT, Gatherer, in_file, variable};
use crate::entry::Entry;
use crate::file_name;
use crate::ini::{self, Ini};
use crate::magic::{FileNames, Magic};
use crate::references;
use crate::report::{Notice, Problem};
use crate::surroundings;
use crate::value::Dialect;

/// Files may include files this deep; nobody who means it goes deeper.
const DEEPEST: usize = 32;

/// The section of uWSGI.
const UWSGI_SECTION: &str = "uwsgi";

/// Our own section.
const OWN_SECTION: &str = "verdigris";

impl Gatherer<'_> {
    /// Reads the file an entry names: `FILE`, `FILE:section`, `:section` (of the file that was read
    /// last), or `-` for standard input. `by_extension` is for options that take every format.
    pub(super) fn read_named(&mut self, entry: &Entry, by_extension: bool) {
        // uWSGI reads files before it replaces $(NAME), so such a name never worked there.
        let environment = self.environment;
        let name = references::replace(&entry.value, "$(", &mut |name| variable(environment, name));
        let (file, section) = split_section(&name);
        let file = match (file.is_empty(), &self.last_file) {
            (false, _) => file.to_owned(),
            (true, Some(last)) => last.clone(),
            (true, None) => {
                let problem = Problem::new(format!(
                    "{}: `{name}` needs a file that was read before it",
                    entry.key
                ))
                .hint(format!("write `{} = FILE{name}`", entry.key));
                self.problems.push(problem.at(&entry.origin));
                return;
            }
        };
        if let Some(format) = other_format(&file).filter(|_| by_extension || !file.contains(".ini"))
        {
            let problem = Problem::new(format!("{}: {format} files are not read yet", entry.key))
                .hint("write it as an ini file with a [uwsgi] section");
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        let opened = section.map_or_else(|| file.clone(), |section| format!("{file}:{section}"));
        if self.open_files.contains(&opened) || self.open_files.len() >= DEEPEST {
            let chain = [self.open_files.as_slice(), &[opened]].concat().join(" → ");
            let problem = Problem::new(format!(
                "{}: files include each other without end ({chain})",
                entry.key
            ))
            .hint("remove the line that leads back");
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        let content = match self.content(&file) {
            Ok(content) => content,
            Err(why) => {
                let problem = Problem::new(format!("cannot read {file}: {why}")).hint(FILE_HINT);
                self.problems.push(problem.at(&entry.origin));
                return;
            }
        };
        self.open_files.push(opened);
        self.read_content(entry, &file, section, &content);
        self.open_files.pop();
    }

    fn content(&self, file: &str) -> Result<Vec<u8>, String> {
        let bytes = match file.split_once("://") {
            Some(("exec", command)) => self.surroundings.run(command),
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not a source Verdigris reads"));
            }
            None if file == "-" => self.surroundings.read_standard_input(),
            None => self.surroundings.read(Path::new(file)),
        };
        let bytes = bytes.map_err(|error| surroundings::reason(&error))?;
        if ini::is_text(&bytes) {
            Ok(bytes)
        } else {
            Err("it is not a text file".to_owned())
        }
    }

    fn read_content(&mut self, entry: &Entry, file: &str, section: Option<&str>, content: &[u8]) {
        let names = FileNames::new(file, section.unwrap_or_default(), self.surroundings);
        let first = self.first_file.get_or_insert_with(|| names.clone()).clone();
        let magic = Magic {
            facts: self.facts.clone(),
            first,
            this: names,
        };
        let ini = ini::parse(content, &magic);
        let shown: Arc<str> = if file == "-" {
            "standard input".into()
        } else {
            file.into()
        };
        self.last_file = Some(file.to_owned());
        let path = PathBuf::from(file);
        if !self.files.contains(&path) {
            self.files.push(path);
        }
        let wanted = section.map_or_else(|| default_section(&ini), str::to_owned);
        self.report_lines(&ini, &shown);
        if !ini.sections.contains(&wanted) {
            self.report_missing_section(entry, &ini, &shown, &wanted);
        }
        let inherited =
            entry.dialect == Dialect::Native && entry.origin != crate::origin::Origin::CommandLine;
        let dialect = if wanted == OWN_SECTION || (section.is_some() && inherited) {
            Dialect::Native
        } else {
            Dialect::Uwsgi
        };
        self.uwsgi |= dialect == Dialect::Uwsgi && ini.sections.contains(&wanted);
        for line in ini.lines.into_iter().filter(|line| line.section == wanted) {
            let origin = in_file(&shown, line.number);
            if line.key.is_empty() {
                self.notices
                    .push(Notice::warning("there is no key in front of the `=`").at(&origin));
                continue;
            }
            self.add(Entry {
                key: line.key,
                value: line.value,
                origin,
                dialect,
            });
        }
    }

    fn report_lines(&mut self, ini: &Ini, shown: &Arc<str>) {
        for line in &ini.not_text {
            let problem =
                Problem::new("this line is not UTF-8 text").hint("save the file as UTF-8");
            self.problems.push(problem.at(&in_file(shown, *line)));
        }
        for eaten in &ini.eaten {
            let (pair, instead) = match eaten.byte {
                Some(b'\n') => (
                    "`%` at the end of a line joins it with the next one".to_owned(),
                    "%%".to_owned(),
                ),
                Some(byte) => {
                    let letter = byte.escape_ascii();
                    (
                        format!("`%{letter}` stands for nothing and is dropped"),
                        format!("%%{letter}"),
                    )
                }
                None => (
                    "`%` at the end of the file is dropped".to_owned(),
                    "%%".to_owned(),
                ),
            };
            let notice = Notice::warning(pair).hint(format!("write `{instead}`"));
            self.notices.push(notice.at(&in_file(shown, eaten.line)));
        }
    }

    fn report_missing_section(&mut self, entry: &Entry, ini: &Ini, shown: &Arc<str>, wanted: &str) {
        let mut notice = Notice::warning(format!(
            "{shown} has no section [{wanted}]; nothing was read from it"
        ));
        let names: Vec<String> = ini
            .sections
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| format!("[{name}]"))
            .collect();
        if !names.is_empty() {
            notice = notice.hint(format!(
                "it has {}; name one with {shown}:section",
                names.join(", ")
            ));
        }
        self.notices.push(notice.at(&entry.origin));
    }
}

/// Our own section if the file has one, else uWSGI's.
fn default_section(ini: &Ini) -> String {
    let own = ini.sections.iter().any(|section| section == OWN_SECTION);
    if own { OWN_SECTION } else { UWSGI_SECTION }.to_owned()
}

/// Splits `FILE:section` at the last colon; a scheme's colon is not one.
fn split_section(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((_, section)) if section.starts_with("//") => (name, None),
        Some((file, section)) => (file, Some(section)),
        None => (name, None),
    }
}

/// The format of a file that is not ini, by its name.
pub(crate) fn other_format(file: &str) -> Option<&'static str> {
    match file_name::extension(file) {
        "yaml" | "yml" => Some("YAML"),
        "json" | "js" => Some("JSON"),
        "xml" => Some("XML"),
        "toml" => Some("TOML"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_in_names() {
        assert_eq!(split_section("a.ini"), ("a.ini", None));
        assert_eq!(split_section("a.ini:prod"), ("a.ini", Some("prod")));
        assert_eq!(split_section(":base"), ("", Some("base")));
        assert_eq!(split_section("exec://cat a"), ("exec://cat a", None));
    }
}
