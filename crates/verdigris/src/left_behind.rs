//! What must be gone when the server is: pid files and unix sockets.

use std::fs;
use std::path::{Path, PathBuf};

use net::SocketFile;
use options::config::PidFile;
use options::{Config, Problem};

/// Files to remove at the end. They are removed when this is dropped, however that comes about.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    pid_files: Vec<PathBuf>,
    sockets: Vec<SocketFile>,
    vacuum: bool,
}

impl LeftBehind {
    /// Nothing yet. With `vacuum`, files are removed at the end.
    pub(crate) fn new(vacuum: bool) -> Self {
        Self {
            pid_files: Vec::new(),
            sockets: Vec::new(),
            vacuum,
        }
    }

    /// Remembers the files of unix sockets.
    pub(crate) fn add_sockets(&mut self, listeners: &[net::Listener]) {
        self.sockets.extend(
            listeners
                .iter()
                .filter_map(|listener| listener.file.clone()),
        );
    }

    /// Writes the pid files whose time has come.
    pub(crate) fn write_pid_files(
        &mut self,
        config: &Config,
        when: impl Fn(&PidFile) -> bool,
    ) -> Result<(), Problem> {
        for file in config.process.pid_files.iter().filter(|file| when(file)) {
            self.write_pid_file(&file.path).map_err(|error| {
                Problem::new(format!(
                    "cannot write the pid file {}: {error}",
                    file.path.display()
                ))
                .at(config.origin(option_of(file)))
                .hint("name a file in a directory that exists and that this user may write to")
            })?;
        }
        Ok(())
    }

    fn write_pid_file(&mut self, path: &Path) -> std::io::Result<()> {
        fs::write(path, format!("{}\n", std::process::id()))?;
        self.pid_files.push(std::path::absolute(path)?);
        Ok(())
    }
}

impl Drop for LeftBehind {
    fn drop(&mut self) {
        if !self.vacuum {
            return;
        }
        // A file that we may not remove any more, because privileges were dropped, is left; the
        // next start copes with it.
        for socket in &self.sockets {
            let _ = socket.remove();
        }
        let ours = format!("{}\n", std::process::id());
        for path in &self.pid_files {
            if fs::read_to_string(path).is_ok_and(|text| text == ours) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn option_of(file: &PidFile) -> &'static str {
    match (file.after_drop, file.when_ready) {
        (false, false) => "pidfile",
        (true, false) => "pidfile2",
        (false, true) => "safe-pidfile",
        (true, true) => "safe-pidfile2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_of_another_process_is_left_alone() {
        let directory = std::env::temp_dir();
        let ours = directory.join(format!("verdigris-ours-{}.pid", std::process::id()));
        let theirs = directory.join(format!("verdigris-theirs-{}.pid", std::process::id()));
        let mut left_behind = LeftBehind::new(true);
        left_behind.write_pid_file(&ours).unwrap();
        left_behind.write_pid_file(&theirs).unwrap();
        fs::write(&theirs, "1\n").unwrap();
        drop(left_behind);
        assert!(!ours.exists());
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "1\n");
        fs::remove_file(&theirs).unwrap();
    }

    #[test]
    fn without_vacuum_everything_stays() {
        let path = std::env::temp_dir().join(format!("verdigris-stays-{}.pid", std::process::id()));
        let mut left_behind = LeftBehind::new(false);
        left_behind.write_pid_file(&path).unwrap();
        drop(left_behind);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", std::process::id())
        );
        fs::remove_file(&path).unwrap();
    }
}
