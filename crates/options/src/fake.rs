//! A machine made of a few lines, for tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::surroundings::{Kind, Person, Surroundings};

/// Files that exist only here; the working directory is `/start`.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    files: BTreeMap<PathBuf, Vec<u8>>,
    standard_input: Vec<u8>,
}

impl Fake {
    /// Adds a file; relative paths are below `/start`.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files
            .insert(Self::absolute(Path::new(path)), content.as_ref().to_vec());
        self
    }

    /// What comes on standard input.
    #[must_use]
    pub fn input(mut self, content: &str) -> Self {
        self.standard_input = content.as_bytes().to_vec();
        self
    }

    fn absolute(path: &Path) -> PathBuf {
        let mut absolute = PathBuf::new();
        for part in Path::new("/start").join(path).components() {
            match part {
                Component::ParentDir => drop(absolute.pop()),
                part => absolute.push(part),
            }
        }
        absolute
    }
}

impl Surroundings for Fake {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.files.get(&Self::absolute(path)) {
            Some(content) => Ok(content.clone()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn read_standard_input(&self) -> io::Result<Vec<u8>> {
        Ok(self.standard_input.clone())
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let path = Self::absolute(path);
        if self.files.contains_key(&path) {
            return Some(Kind::File);
        }
        self.files
            .keys()
            .any(|file| file.starts_with(&path))
            .then_some(Kind::Directory)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let directory = Self::absolute(directory);
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&directory).ok()?.iter().next())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.dedup();
        Ok(names)
    }

    fn inode(&self, _path: &Path) -> Option<u64> {
        Some(42)
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        Self::absolute(path)
    }

    fn run(&self, command: &str) -> io::Result<Vec<u8>> {
        Ok(format!("ran {command}\n").into_bytes())
    }

    fn working_directory(&self) -> PathBuf {
        PathBuf::from("/start")
    }

    fn host_name(&self) -> String {
        "box".to_owned()
    }

    fn processors(&self) -> usize {
        2
    }

    fn person(&self) -> Person {
        Person {
            uid: 1000,
            gid: 1000,
            user: Some("me".to_owned()),
            group: Some("us".to_owned()),
        }
    }

    fn program(&self) -> PathBuf {
        PathBuf::from("/usr/bin/verdigris")
    }

    fn now(&self) -> u64 {
        1_700_000_000_000_000
    }
}
