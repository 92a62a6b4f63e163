//! `verdigris check FILE…`: every file is a configuration of its own, and all problems of all of
//! them are told at once. `-` is standard input.

use std::ffi::OsString;
use std::path::Path;

use crate::document::Format;
use crate::file_name;
use crate::gather::files::FILE_HINT;
use crate::surroundings::{Kind, Surroundings};
use crate::{Loaded, Problem, look_at};

/// One configuration that was checked.
#[derive(Debug)]
pub struct Checked {
    /// The file, or the words of the command line.
    pub name: String,
    /// What came of it.
    pub loaded: Loaded,
}

/// Checks each file; with options among the arguments they are one configuration together.
pub fn check(
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
    surroundings: &dyn Surroundings,
) -> Vec<Checked> {
    let is_option = |argument: &OsString| {
        let text = argument.to_string_lossy();
        text.starts_with('-') && text != "-"
    };
    let together = arguments.is_empty() || arguments.iter().any(is_option);
    let groups: Vec<Vec<OsString>> = if together {
        vec![arguments.to_vec()]
    } else {
        arguments
            .iter()
            .map(|name| for_file(name, surroundings))
            .collect()
    };
    let words = |group: &[OsString]| {
        let words: Vec<_> = group.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    };
    groups
        .into_iter()
        .map(|group| {
            let name = words(&group).trim_start_matches("--config ").to_owned();
            let missing = missing_file(&group, surroundings);
            let mut loaded = look_at(group.into_iter(), environment, surroundings);
            loaded.problems.extend(missing);
            Checked { name, loaded }
        })
        .collect()
}

/// A file without a telling name is a configuration as well, if there is such a file; a directory
/// that is no package is taken for a slip.
fn for_file(name: &OsString, surroundings: &dyn Surroundings) -> Vec<OsString> {
    let text = name.to_string_lossy();
    let file = text.split(':').next().unwrap_or_default();
    let telling = Format::of(file).is_some() || file_name::extension(file) == "py";
    let package = || {
        surroundings
            .kind(&Path::new(file).join("__init__.py"))
            .is_some()
    };
    let meant = match surroundings.kind(Path::new(file)) {
        Some(Kind::Directory) => file == text && !package(),
        Some(Kind::File | Kind::Other) => !telling,
        None => false,
    };
    if meant {
        return vec!["--config".into(), name.clone()];
    }
    vec![name.clone()]
}

/// What is wrong with a Python file that was named alone: nothing says where else it may lie.
fn missing_file(group: &[OsString], surroundings: &dyn Surroundings) -> Option<Problem> {
    let [name] = group else { return None };
    let text = name.to_string_lossy();
    let file = text.split(':').next().unwrap_or_default();
    let missing =
        file_name::extension(file) == "py" && surroundings.kind(Path::new(file)).is_none();
    missing
        .then(|| Problem::new(format!("cannot read {file}: there is no such file")).hint(FILE_HINT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn files_stand_alone_and_options_together() {
        let machine = Fake::default()
            .file("a.ini", "[uwsgi]\nmodule = app\nhttp-socket = :1\n")
            .file("b.conf", "[uwsgi]\nmodule = app\n");
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let checked = check(&words(&["a.ini", "b.conf"]), &[], &machine);
        let problems: Vec<usize> = checked
            .iter()
            .map(|one| one.loaded.problems.len())
            .collect();
        assert_eq!(problems, [0, 1]);
        assert_eq!(checked[1].name, "b.conf");
        let machine = machine.input("{\"uwsgi\": {\"module\": \"app\", \"socket\": \":1\"}}");
        let checked = check(&words(&["-", "a.ini"]), &[], &machine);
        assert!(checked.iter().all(|one| one.loaded.problems.is_empty()));
        assert_eq!(checked[0].name, "-");
        assert_eq!(
            check(&words(&["--http-socket", ":1", "app"]), &[], &machine).len(),
            1
        );
    }

    #[test]
    fn what_is_no_configuration_is_no_success() {
        let machine = Fake::default()
            .file("conf/a.ini", "")
            .file("shop/__init__.py", "")
            .file("app.py", "");
        let problems = |name: &str| {
            let checked = check(&[name.into()], &[], &machine);
            crate::render_problems(&checked[0].loaded.problems, false)
        };
        for (name, wanted) in [
            ("nosuch.conf", "there is no such file"),
            ("etc/nosuch", "there is no such file"),
            ("nosuch.py:app", "there is no such file"),
            ("conf", "cannot read conf"),
            (".", "cannot read ."),
            ("fd://99", "cannot read fd://99"),
            ("http://127.0.0.1:1/x", "http:// is not a source"),
            ("data://0", "data:// is not a source"),
        ] {
            let said = problems(name);
            assert!(
                said.contains(wanted) && said.contains("hint: "),
                "{name}: {said}"
            );
        }
        for name in [
            "shop",
            "shop:app",
            "conf:app",
            "nosuch:app",
            "nosuch",
            "app.py",
        ] {
            assert_eq!(problems(name), "", "{name}");
        }
    }
}
