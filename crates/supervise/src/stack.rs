//! A Python stack as a worker writes it down, and the line in it that a person wants to see.
//!
//! The text is that of Python's `faulthandler`, innermost frame first:
//!
//! ```text
//!   File "/srv/shop/views.py", line 88 in login
//! ```

use std::fmt;
use std::path::Path;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    file: &'a str,
    line: &'a str,
    function: &'a str,
}

impl fmt::Display for Frame<'_> {
    /// `shop/views.py:88 in login`: enough of the path to tell one `views.py` from another.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slashes = self.file.rmatch_indices('/');
        let short = slashes
            .nth(1)
            .map_or(self.file, |(at, _)| &self.file[at + 1..]);
        write!(formatter, "{short}:{} in {}", self.line, self.function)
    }
}

/// Whose code a frame is; what comes first is the likelier culprit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    App,
    Package,
    /// Python's own library, gevent, or ourselves.
    Machinery,
}

/// The frame to blame: the app's innermost one; else that of a package it uses. `ours` is the directory
/// of our own Python code.
pub(crate) fn culprit<'a>(stack: &'a str, ours: &Path) -> Option<Frame<'a>> {
    let frames = stack
        .lines()
        .filter_map(frame)
        .map(|frame| (owner(frame, ours), frame));
    frames
        .filter(|(owner, _)| *owner != Owner::Machinery)
        .min_by_key(|(owner, _)| *owner)
        .map(|(_, frame)| frame)
}

/// The stack without what called the app: that is the same every time.
pub(crate) fn trimmed(stack: &str, ours: &Path) -> String {
    let is_machinery = |line: &&str| {
        line.trim().is_empty()
            || frame(line).is_some_and(|frame| owner(frame, ours) == Owner::Machinery)
    };
    let lines: Vec<&str> = stack.lines().collect();
    let outermost = lines.iter().rev();
    let surplus = outermost.take_while(|line| is_machinery(line)).count();
    // Without the app, the machinery is all there is to see.
    let kept = match lines.len() - surplus {
        0 | 1 => lines.len(),
        kept => kept,
    };
    lines[..kept].join("\n")
}

fn frame(line: &str) -> Option<Frame<'_>> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.rsplit_once("\", line ")?;
    let (line, function) = rest.split_once(" in ")?;
    Some(Frame {
        file,
        line,
        function,
    })
}

fn owner(frame: Frame<'_>, ours: &Path) -> Owner {
    let file = frame.file;
    let installed = ["/site-packages/", "/dist-packages/"]
        .into_iter()
        .find_map(|directory| file.split_once(directory));
    match installed {
        _ if Path::new(file).starts_with(ours) || file.starts_with('<') => Owner::Machinery,
        Some((_, package))
            if package.starts_with("gevent/") || package.starts_with("greenlet/") =>
        {
            Owner::Machinery
        }
        Some(_) => Owner::Package,
        None if file.contains("/lib/python3.") => Owner::Machinery,
        None => Owner::App,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "/venv/lib/python3.11/site-packages/verdigris";

    fn blamed(stack: &str) -> Option<String> {
        culprit(stack, Path::new(OURS)).map(|frame| frame.to_string())
    }

    #[test]
    fn the_apps_innermost_line_is_to_blame() {
        let stack = r#"Stack (most recent call first):
  File "/usr/lib/python3.11/socket.py", line 706 in readinto
  File "/venv/lib/python3.11/site-packages/pymysql/connections.py", line 744 in _read_bytes
  File "/srv/shop/models.py", line 12 in price
  File "/srv/shop/views.py", line 88 in login
  File "/venv/lib/python3.11/site-packages/verdigris/engines/wsgi.py", line 44 in handle
"#;
        assert_eq!(blamed(stack).as_deref(), Some("shop/models.py:12 in price"));
    }

    #[test]
    fn what_called_the_app_is_left_out() {
        let head = "Stack (most recent call first):";
        let app = r#"  File "/srv/shop/views.py", line 88 in login"#;
        let ours =
            r#"  File "/venv/lib/python3.11/site-packages/verdigris/worker.py", line 4 in run"#;
        let short = |lines: &[&str]| trimmed(&lines.join("\n"), Path::new(OURS));
        assert_eq!(
            short(&[head, app, ours, ours, ""]),
            format!("{head}\n{app}")
        );
        assert_eq!(short(&[head, ours]), format!("{head}\n{ours}"));
    }

    #[test]
    fn without_the_app_a_package_is_to_blame() {
        let stack = r#"  File "/venv/lib/python3.11/site-packages/gevent/hub.py", line 1 in switch
  File "/venv/lib/python3.11/site-packages/redis/client.py", line 9 in <lambda>
"#;
        assert_eq!(
            blamed(stack).as_deref(),
            Some("redis/client.py:9 in <lambda>")
        );
    }

    #[test]
    fn a_loop_that_turns_is_nobodys_fault() {
        let stack = r#"  File "/usr/lib/python3.11/threading.py", line 1 in wait
  File "<frozen importlib._bootstrap>", line 1 in x
  nonsense
"#;
        assert_eq!(blamed(stack), None);
        assert_eq!(blamed("  <no Python frame>\n"), None);
    }
}
