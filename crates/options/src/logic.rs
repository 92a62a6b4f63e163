//! Conditions and loops of the configuration language: `if-env`, `for`, and their kin. A condition
//! is asked again for every option that follows, until `endif`, `endfor` or `end`.

use std::path::Path;

use regex_lite::Regex;

use crate::pattern;
use crate::references;
use crate::surroundings::{self, Kind, Surroundings};

/// What stands for the item or the value that was found.
pub(crate) const ITEM: &str = "%(_)";

/// A word that begins a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Env,
    Option,
    Exists,
    File,
    Directory,
    Plugin,
    HostName,
    HostNameMatch,
    Reload,
    For,
    ForGlob,
    ForTimes,
    ForReadline,
}

/// A block that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    test: Test,
    negated: bool,
    argument: String,
}

/// What a condition can look at.
pub(crate) struct Known<'a> {
    /// The environment.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    /// The first value of an option that was already seen.
    pub(crate) option: &'a dyn Fn(&str) -> Option<String>,
    /// Files and the host's name.
    pub(crate) surroundings: &'a dyn Surroundings,
}

/// Whether a key ends a block.
pub(crate) fn is_end(key: &str) -> bool {
    matches!(key, "end" | "endif" | "endfor" | "end-if" | "end-for")
}

impl Block {
    /// The block a key begins, if it begins one.
    pub(crate) fn begin(key: &str, argument: &str) -> Option<Self> {
        let (test, negated) = match key {
            "if-env" | "ifenv" => (Test::Env, false),
            "if-not-env" => (Test::Env, true),
            "if-opt" => (Test::Option, false),
            "if-not-opt" => (Test::Option, true),
            "if-exists" | "ifexists" => (Test::Exists, false),
            "if-not-exists" => (Test::Exists, true),
            "if-file" => (Test::File, false),
            "if-not-file" => (Test::File, true),
            "if-dir" | "ifdir" | "if-directory" => (Test::Directory, false),
            "if-not-dir" => (Test::Directory, true),
            "if-plugin" | "ifplugin" => (Test::Plugin, false),
            "if-not-plugin" => (Test::Plugin, true),
            "if-hostname" => (Test::HostName, false),
            "if-not-hostname" => (Test::HostName, true),
            "if-hostname-match" => (Test::HostNameMatch, false),
            "if-not-hostname-match" => (Test::HostNameMatch, true),
            "if-reload" => (Test::Reload, false),
            "if-not-reload" => (Test::Reload, true),
            "for" => (Test::For, false),
            "for-glob" => (Test::ForGlob, false),
            "for-times" => (Test::ForTimes, false),
            "for-readline" => (Test::ForReadline, false),
            _ => return None,
        };
        Some(Self {
            test,
            negated,
            argument: argument.to_owned(),
        })
    }

    /// A block that is passed over.
    pub(crate) fn without_turns() -> Self {
        Self {
            test: Test::For,
            negated: false,
            argument: String::new(),
        }
    }

    /// Whether its turns are the lines of a file. uWSGI goes on without one.
    pub(crate) fn reads_lines(&self) -> bool {
        self.test == Test::ForReadline
    }

    /// The values `%(_)` takes for the next option: none when the condition fails, one when it
    /// holds, one per turn in a loop. `Err` says why a loop's source cannot be read.
    pub(crate) fn turns(&self, known: &Known<'_>) -> Result<Vec<String>, String> {
        match self.test {
            Test::For => Ok(self
                .argument
                .split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()),
            Test::ForGlob => pattern::expand(&self.argument, known.surroundings),
            Test::ForTimes => self.times(),
            Test::ForReadline => self.lines(known.surroundings),
            _ => self.condition(known),
        }
    }

    /// The other side of a condition; a loop has none.
    pub(crate) fn otherwise(self) -> Option<Self> {
        let is_loop = matches!(
            self.test,
            Test::For | Test::ForGlob | Test::ForTimes | Test::ForReadline
        );
        (!is_loop).then_some(Self {
            negated: !self.negated,
            ..self
        })
    }

    fn times(&self) -> Result<Vec<String>, String> {
        const MOST: i64 = 100_000;
        let times = references::number(&self.argument);
        if times > MOST {
            let what = &self.argument;
            return Err(format!("`{what}` is not a number of turns up to {MOST}"));
        }
        Ok((1..=times).map(|turn| turn.to_string()).collect())
    }

    fn lines(&self, machine: &dyn Surroundings) -> Result<Vec<String>, String> {
        let content = machine.read(Path::new(&self.argument)).map_err(|error| {
            format!(
                "cannot read {}: {}",
                self.argument,
                surroundings::reason(&error)
            )
        })?;
        let text = String::from_utf8_lossy(&content);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let lines = text.split('\n');
        Ok(lines
            .map(|line| line.trim_end_matches('\r').to_owned())
            .collect())
    }

    fn condition(&self, known: &Known<'_>) -> Result<Vec<String>, String> {
        let found = match self.test {
            Test::Env => equals(&self.argument, known.variable),
            Test::Option => equals(&self.argument, known.option),
            Test::Exists => self.path_is(known, |_| true),
            Test::File => self.path_is(known, |kind| kind == Kind::File),
            Test::Directory => self.path_is(known, |kind| kind == Kind::Directory),
            Test::HostName => {
                (known.surroundings.host_name() == self.argument).then(|| self.argument.clone())
            }
            Test::HostNameMatch => self.host_name_that_fits(known.surroundings)?,
            Test::Plugin => is_built_in(&self.argument).then(|| self.argument.clone()),
            // A reload here is a new generation beside the old one, never a re-executed process.
            Test::Reload | Test::For | Test::ForGlob | Test::ForTimes | Test::ForReadline => None,
        };
        Ok(match (found, self.negated) {
            (Some(value), false) => vec![value],
            // Without a value that could be put in, uWSGI leaves the text alone.
            (None, true) if matches!(self.test, Test::Env | Test::Option | Test::Reload) => {
                vec![self.other_value(known).unwrap_or_else(|| ITEM.to_owned())]
            }
            (None, true) => vec![self.argument.clone()],
            _ => Vec::new(),
        })
    }

    /// What the name in `NAME=value` stands for, when it stands for something else.
    fn other_value(&self, known: &Known<'_>) -> Option<String> {
        let (name, _) = self.argument.split_once('=')?;
        match self.test {
            Test::Env => (known.variable)(name),
            Test::Option => (known.option)(name),
            _ => None,
        }
    }

    /// The host's name, if the pattern is found anywhere in it.
    fn host_name_that_fits(&self, machine: &dyn Surroundings) -> Result<Option<String>, String> {
        let pattern = Regex::new(&self.argument)
            .map_err(|error| format!("`{}` is not a pattern: {error}", self.argument))?;
        let name = machine.host_name();
        Ok(pattern.is_match(&name).then_some(name))
    }

    fn path_is(&self, known: &Known<'_>, wanted: fn(Kind) -> bool) -> Option<String> {
        known
            .surroundings
            .kind(Path::new(&self.argument))
            .filter(|kind| wanted(*kind))
            .map(|_| self.argument.clone())
    }
}

/// `NAME` or `NAME=value`.
fn equals(argument: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match argument.split_once('=') {
        None => lookup(argument),
        Some((name, wanted)) => lookup(name).filter(|value| value == wanted),
    }
}

/// The uWSGI plugins whose work Verdigris does.
fn is_built_in(plugin: &str) -> bool {
    let plugin = plugin.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
    matches!(
        plugin,
        "python" | "http" | "gevent" | "corerouter" | "logfile" | "logsocket"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn turns(key: &str, argument: &str) -> Vec<String> {
        let fake = Fake::default()
            .file("/a/one.ini", "x\r\n y\n")
            .file("/a/two.ini", "");
        let known = Known {
            variable: &|name| (name == "HOME").then(|| "/root".to_owned()),
            option: &|name| (name == "workers").then(|| "4".to_owned()),
            surroundings: &fake,
        };
        Block::begin(key, argument).unwrap().turns(&known).unwrap()
    }

    #[test]
    fn conditions() {
        assert_eq!(turns("if-env", "HOME"), ["/root"]);
        assert_eq!(turns("if-env", "HOME=/root"), ["/root"]);
        assert!(turns("if-env", "HOME=/x").is_empty());
        assert!(turns("if-not-env", "HOME").is_empty());
        assert_eq!(turns("if-not-env", "NOPE"), [ITEM]);
        assert_eq!(turns("if-not-env", "HOME=/x"), ["/root"]);
        assert_eq!(turns("if-not-opt", "workers=5"), ["4"]);
        assert_eq!(turns("if-not-opt", "nope=5"), [ITEM]);
        assert_eq!(turns("if-not-dir", "/nope"), ["/nope"]);
        assert_eq!(turns("if-opt", "workers=4"), ["4"]);
        assert_eq!(turns("if-exists", "/a/one.ini"), ["/a/one.ini"]);
        assert!(turns("if-dir", "/a/one.ini").is_empty());
        assert_eq!(turns("if-dir", "/a"), ["/a"]);
        assert_eq!(turns("if-plugin", "python311"), ["python311"]);
        assert!(turns("if-reload", "").is_empty());
        assert_eq!(turns("if-hostname-match", "^b.x$"), ["box"]);
        assert!(turns("if-hostname-match", "web\\d+").is_empty());
        assert_eq!(turns("if-not-hostname-match", "web\\d+"), ["web\\d+"]);
        assert!(turns("if-not-hostname-match", "o").is_empty());
    }

    #[test]
    fn loops() {
        assert_eq!(turns("for", "a  b"), ["a", "b"]);
        assert_eq!(turns("for-times", "3"), ["1", "2", "3"]);
        assert_eq!(turns("for-times", "2 ; twice"), ["1", "2"]);
        assert!(turns("for-times", "-1").is_empty() && turns("for-times", "x").is_empty());
        assert_eq!(turns("for-readline", "/a/one.ini"), ["x", " y"]);
        assert_eq!(turns("for-glob", "/a/*.ini"), ["/a/one.ini", "/a/two.ini"]);
    }

    #[test]
    fn endless_loops_are_refused() {
        let fake = Fake::default();
        let known = Known {
            variable: &|_| None,
            option: &|_| None,
            surroundings: &fake,
        };
        assert!(
            Block::begin("for-times", "999999999")
                .unwrap()
                .turns(&known)
                .is_err()
        );
        assert!(
            Block::begin("for-readline", "/nope")
                .unwrap()
                .turns(&known)
                .is_err()
        );
    }

    #[test]
    fn conditions_have_another_side_and_loops_have_none() {
        let env = Block::begin("if-env", "NOPE").unwrap();
        assert_eq!(
            env.otherwise(),
            Some(Block::begin("if-not-env", "NOPE").unwrap())
        );
        assert_eq!(Block::begin("for", "a b").unwrap().otherwise(), None);
    }

    #[test]
    fn patterns_that_are_none_are_refused() {
        let fake = Fake::default();
        let known = Known {
            variable: &|_| None,
            option: &|_| None,
            surroundings: &fake,
        };
        let block = Block::begin("if-hostname-match", "(").unwrap();
        assert!(block.turns(&known).unwrap_err().contains("not a pattern"));
    }

    #[test]
    fn other_keys_begin_nothing() {
        assert_eq!(Block::begin("if-moon", "full"), None);
        assert!(is_end("endif") && !is_end("ending"));
    }
}
