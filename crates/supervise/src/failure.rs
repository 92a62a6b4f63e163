//! Why an app could not be loaded, as Python told it, for people.

/// What a mold or a worker says when it cannot load the app. Empty parts are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadFailure {
    /// The kind, in two or three words: `module not found`.
    pub what: String,
    /// One sentence.
    pub message: String,
    /// What to type.
    pub hint: String,
    /// Where was looked.
    pub looked: Vec<String>,
    /// What was found instead, best first.
    pub near: Vec<String>,
    /// The app's frames of the traceback.
    pub traceback: String,
}

impl LoadFailure {
    /// The failure as a block of lines: sentence, traceback, where, what else, hint.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("cannot load the app: {}", self.message)];
        lines.extend(self.traceback.lines().map(|line| format!("  {line}")));
        if !self.looked.is_empty() {
            lines.push("looked in:".to_owned());
            lines.extend(self.looked.iter().map(|place| format!("  {place}")));
        }
        if !self.near.is_empty() {
            lines.push(format!("found: {}", self.near.join(", ")));
        }
        if !self.hint.is_empty() {
            lines.push(String::new());
            lines.push(format!("hint: {}", self.hint));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_said() {
        let mut failure = LoadFailure {
            message: "there is no module `ap`".into(),
            ..LoadFailure::default()
        };
        assert_eq!(
            failure.text(),
            "cannot load the app: there is no module `ap`"
        );
        failure.looked = vec!["/srv".into()];
        failure.near = vec!["app".into(), "api".into()];
        failure.hint = "verdigris app:app".into();
        assert_eq!(
            failure.text(),
            "cannot load the app: there is no module `ap`\nlooked in:\n  /srv\nfound: app, api\n\nhint: verdigris app:app"
        );
    }
}
