//! Finding Python, and our own Python package.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use options::config::App;
use options::{Config, Problem};

/// The file with which a mold begins, inside our package.
const SCRIPT: &str = "__mold__.py";
/// Names the directory of our package, for those who work on it.
pub(crate) const PACKAGE: &str = "VERDIGRIS_PACKAGE";
/// The names of an interpreter inside a `bin`, in the order in which they are tried.
const NAMES: [&str; 2] = ["python3", "python"];

/// The interpreter that serves the app: the virtual environment's that the configuration names,
/// else the one that Verdigris is installed in, else the active environment's, else the system's.
pub(crate) fn interpreter(config: &Config) -> Result<PathBuf, Problem> {
    let App {
        home, interpreter, ..
    } = &config.app;
    if let Some(path) = interpreter {
        return named(path).ok_or_else(|| {
            Problem::new(format!("there is no Python at {}", path.display()))
                .at(config.origin("python"))
        });
    }
    if let Some(home) = home {
        return of_home(home).map_err(|problem| problem.at(config.origin("home")));
    }
    let beside_us = own_directory();
    let active = env::var_os("VIRTUAL_ENV").map(|home| Path::new(&home).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let places = beside_us
        .into_iter()
        .chain(active)
        .chain(env::split_paths(&path));
    places
        .into_iter()
        .find_map(|place| in_directory(&place))
        .ok_or_else(|| {
            Problem::new(
                "no Python was found: not beside this program, not in VIRTUAL_ENV, not in PATH",
            )
            .hint("name the app's virtual environment: --home /path/to/venv")
        })
}

fn of_home(home: &Path) -> Result<PathBuf, Problem> {
    let shown = home.display();
    if !home.is_dir() {
        return Err(Problem::new(format!(
            "the virtual environment {shown} is not a directory"
        ))
        .hint(format!("make one: python3 -m venv {shown}")));
    }
    in_directory(&home.join("bin")).ok_or_else(|| {
        Problem::new(format!("there is no bin/python in {shown}"))
            .hint(format!("home is the directory that `python3 -m venv {shown}` makes; its bin has the interpreter"))
    })
}

fn in_directory(directory: &Path) -> Option<PathBuf> {
    NAMES
        .iter()
        .map(|name| directory.join(name))
        .find(|path| is_executable(path))
}

/// An interpreter by path, or by a name that is looked for in PATH.
fn named(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return is_executable(name).then(|| name.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// The file with which a mold begins: in the package that was installed with this program.
pub(crate) fn mold_script() -> Result<PathBuf, Problem> {
    if let Some(package) = env::var_os(PACKAGE) {
        let script = Path::new(&package).join(SCRIPT);
        let missing = || {
            Problem::new(format!(
                "{PACKAGE} says {}, but there is no {SCRIPT}",
                package.display()
            ))
        };
        return if script.is_file() {
            Ok(absolute(script))
        } else {
            Err(missing())
        };
    }
    let directories = own_directory()
        .map(|bin| library_directories(&bin))
        .unwrap_or_default();
    let scripts = directories
        .iter()
        .map(|directory| directory.join("verdigris").join(SCRIPT));
    scripts.into_iter().find(|script| script.is_file()).ok_or_else(|| {
        let looked: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
        let looked = if looked.is_empty() { "no lib/python3*".to_owned() } else { looked.join(", ") };
        Problem::new(format!("Verdigris' own Python package was not found beside this program (looked in {looked})"))
            .hint(format!("install Verdigris with pip, or set {PACKAGE} to the directory of the package"))
    })
}

/// Where this program is, links followed: a virtual environment's `bin`, or a plain prefix's.
fn own_directory() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    program.parent().map(Path::to_owned)
}

/// The directories in which pip puts packages whose programs go to `bin`.
fn library_directories(bin: &Path) -> Vec<PathBuf> {
    let Some(prefix) = bin.parent() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for library in ["lib", "lib64"] {
        let Ok(entries) = fs::read_dir(prefix.join(library)) else {
            continue;
        };
        let versions = entries.filter_map(Result::ok).map(|entry| entry.path());
        for version in versions.filter(|path| is_python_directory(path)) {
            found.push(version.join("site-packages"));
            found.push(version.join("dist-packages"));
        }
    }
    found.retain(|directory| directory.is_dir());
    found.sort();
    found
}

fn is_python_directory(path: &Path) -> bool {
    path.file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.starts_with("python3"))
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is gone when the test is over.
    struct Prefix(PathBuf);

    impl Prefix {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("verdigris-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("bin")).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, mode: u32) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    impl Drop for Prefix {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_home_has_an_interpreter_that_can_be_run() {
        let home = Prefix::new("home");
        let problem = of_home(&home.0).unwrap_err();
        assert!(
            problem.what.starts_with("there is no bin/python in "),
            "{}",
            problem.what
        );
        home.file("bin/python3", 0o644);
        assert!(of_home(&home.0).is_err());
        home.file("bin/python", 0o755);
        assert_eq!(of_home(&home.0), Ok(home.0.join("bin/python")));
        let problem = of_home(&home.0.join("none")).unwrap_err();
        assert!(
            problem
                .hint
                .unwrap()
                .starts_with("make one: python3 -m venv ")
        );
    }

    #[test]
    fn packages_are_looked_for_beside_the_program() {
        let prefix = Prefix::new("prefix");
        prefix.file("lib/python3.12/site-packages/verdigris/__mold__.py", 0o644);
        prefix.file("lib/python2.7/site-packages/other", 0o644);
        let found = library_directories(&prefix.0.join("bin"));
        assert_eq!(found, [prefix.0.join("lib/python3.12/site-packages")]);
    }
}
