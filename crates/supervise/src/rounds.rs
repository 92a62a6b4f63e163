//! What has to be looked at because nobody tells: watched files, and the memory of workers. Once a
//! second, and only if there is something to look at.

use std::time::Duration;

use crate::machine::{Event, Memory, Moment};
use crate::talk::WorkerId;
use crate::touch::Touch;

const PERIOD: Duration = Duration::from_secs(1);

/// The things to look at, and when.
#[derive(Debug)]
pub(crate) struct Rounds {
    touches: Vec<Touch>,
    minds_memory: bool,
    due: Moment,
}

impl Rounds {
    pub(crate) fn new(touches: Vec<Touch>, minds_memory: bool) -> Self {
        Self {
            touches,
            minds_memory,
            due: PERIOD,
        }
    }

    /// When the next look is due; None when there is nothing to look at.
    pub(crate) fn due(&self) -> Option<Moment> {
        let something = self.minds_memory || !self.touches.is_empty();
        something.then_some(self.due)
    }

    /// Looks, if it is time: what has happened, with a line to be said about it.
    pub(crate) fn look(
        &mut self,
        now: Moment,
        workers: impl Iterator<Item = (WorkerId, u32)>,
    ) -> Vec<(Option<String>, Event)> {
        if self.due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.due = now + PERIOD;
        let mut events = Vec::new();
        for touch in &mut self.touches {
            if let Some(effect) = touch.look() {
                let line = format!("{} was touched", touch.path().display());
                events.push((Some(line), effect.event()));
            }
        }
        if self.minds_memory {
            let measured = workers.filter_map(|(id, pid)| Some((id, memory_of(pid)?)));
            events.extend(measured.map(|(id, memory)| (None, Event::Measured(id, memory))));
        }
        events
    }
}

/// The memory of a process; None when it is gone.
fn memory_of(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(read_status(&status))
}

/// The kernel counts in kB there, whatever the size of a page.
fn read_status(status: &str) -> Memory {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim_end().parse().ok()?;
        Some(kilobytes << 10)
    };
    Memory {
        resident: bytes("VmRSS:").unwrap_or(0),
        address_space: bytes("VmSize:").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernel() {
        let status = "Name:\tpython\nVmPeak:\t 9 kB\nVmSize:\t   20 kB\nVmRSS:\t    3 kB\n";
        let memory = read_status(status);
        assert_eq!((memory.address_space, memory.resident), (20 << 10, 3 << 10));
        assert_eq!(read_status("State:\tZ (zombie)\n"), Memory::default());
        let own = memory_of(std::process::id()).expect("this process");
        assert!(own.resident > 1 << 20 && own.address_space >= own.resident);
    }

    #[test]
    fn nothing_to_look_at_costs_nothing() {
        let mut rounds = Rounds::new(Vec::new(), false);
        assert_eq!(rounds.due(), None);
        assert!(rounds.look(9 * PERIOD, std::iter::empty()).is_empty());
    }
}
