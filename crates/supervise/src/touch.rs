//! Files that are watched: a change of one of them asks for something.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::machine::Event;

/// What a change of a file asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Load the app anew.
    Reload,
    /// Replace the workers.
    Workers,
    /// Replace the workers one by one.
    Chain,
}

impl Effect {
    /// What it is for the table.
    pub(crate) fn event(self) -> Event {
        match self {
            Self::Reload => Event::ReloadRequested,
            Self::Workers => Event::RenewalRequested { one_by_one: false },
            Self::Chain => Event::RenewalRequested { one_by_one: true },
        }
    }
}

/// A watched file or directory.
#[derive(Debug)]
pub(crate) struct Touch {
    path: PathBuf,
    effect: Effect,
    seen: Option<SystemTime>,
}

impl Touch {
    /// Watches a path from now on; it need not exist.
    pub(crate) fn new(path: &Path, effect: Effect) -> Self {
        Self {
            path: path.to_owned(),
            effect,
            seen: changed_at(path),
        }
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is to be done, if it has changed or appeared since the last look. That it disappears asks
    /// for nothing: most programs that write a file remove the old one first.
    pub(crate) fn look(&mut self) -> Option<Effect> {
        let now = changed_at(&self.path);
        let before = std::mem::replace(&mut self.seen, now);
        (now.is_some() && now != before).then_some(self.effect)
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, remove_file};
    use std::time::Duration;

    #[test]
    fn change_and_appearance_count_and_disappearance_does_not() {
        let directory = std::env::temp_dir().join(format!("touch-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("file");
        let mut touch = Touch::new(&path, Effect::Chain);
        assert_eq!(touch.look(), None);
        let file = File::create(&path).expect("a file");
        assert_eq!(touch.look(), Some(Effect::Chain), "it appeared");
        assert_eq!(touch.look(), None);
        let earlier = SystemTime::now() - Duration::from_secs(3600);
        file.set_modified(earlier).expect("a time");
        assert_eq!(
            touch.look(),
            Some(Effect::Chain),
            "an older file is another file"
        );
        remove_file(&path).expect("no file");
        assert_eq!(touch.look(), None);
        let mut of_directory = Touch::new(&directory, Effect::Reload);
        assert_eq!(of_directory.look(), None);
        File::create(&path)
            .and_then(|file| file.set_modified(earlier))
            .expect("a file");
        assert_eq!(of_directory.look(), Some(Effect::Reload));
        assert_eq!(touch.look(), Some(Effect::Chain));
        std::fs::remove_dir_all(&directory).expect("no directory");
    }
}
