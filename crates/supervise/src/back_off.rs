//! How long to wait before trying again what has just failed.

use std::time::Duration;

/// The waits after what never worked, in milliseconds: two tries at once, because one death is an
/// accident, then ever more slowly.
const NEVER_WORKED: [u64; 8] = [0, 0, 500, 1_000, 2_000, 5_000, 15_000, 30_000];
/// The waits after what worked, and ended soon. A request that kills its worker must not be able to
/// keep all others waiting, so this only keeps the machine from doing nothing but forking.
const ENDED_SOON: [u64; 8] = [0, 0, 0, 0, 50, 100, 200, 500];

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// It failed before it worked: how long to wait.
    pub(crate) fn never_worked(&mut self) -> Duration {
        self.next(&NEVER_WORKED)
    }

    /// It worked, but not for long: how long to wait.
    pub(crate) fn ended_soon(&mut self) -> Duration {
        self.next(&ENDED_SOON)
    }

    fn next(&mut self, waits: &[u64]) -> Duration {
        let index = (self.failures as usize).min(waits.len() - 1);
        self.failures += 1;
        Duration::from_millis(waits[index])
    }

    /// It went well for long enough.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        for (step, most) in [
            (BackOff::never_worked as fn(&mut _) -> _, 30_000),
            (BackOff::ended_soon, 500),
        ] {
            let mut back_off = BackOff::default();
            assert_eq!(step(&mut back_off), Duration::ZERO);
            let waits: Vec<Duration> = (0..20).map(|_| step(&mut back_off)).collect();
            assert!(waits.is_sorted());
            assert_eq!(waits.last(), Some(&Duration::from_millis(most)));
            assert_eq!(back_off.failures(), 21);
            back_off.reset();
            assert_eq!(step(&mut back_off), Duration::ZERO);
        }
    }
}
