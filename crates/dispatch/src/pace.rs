//! How fast a worker answers, and how far ahead it may therefore be given requests.
//!
//! Look-ahead is worth a factor of two for apps that answer in microseconds (no pause between requests)
//! and harmful for slow ones (a request would sit behind a slow one while another worker is free).

/// A running mean of the time that the app takes for a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Microseconds, eight times over (so that integer steps do not get lost). None: nothing known.
    eight_means: Option<u64>,
}

/// Below this mean (microseconds) a worker is fed deeply.
const FAST: u64 = 250;
/// Below this mean it is fed a little.
const BRISK: u64 = 700;
/// Waking another worker takes about so long (microseconds): who answers sooner is given one more.
const WAKE: u64 = 50;
/// Requests given ahead to a fast worker.
const DEEP: usize = 64;
/// Requests given ahead to a brisk one.
const SHALLOW: usize = 4;

impl Pace {
    pub(crate) fn unknown() -> Self {
        Self { eight_means: None }
    }

    /// A request has taken so long. One very slow request must not hide behind many fast ones, so a
    /// single value counts for an eighth.
    pub(crate) fn took(&mut self, micros: u64) {
        let micros = micros.min(10_000_000);
        self.eight_means = Some(match self.eight_means {
            None => micros * 8,
            Some(eight) => eight - eight / 8 + micros,
        });
    }

    fn mean(self) -> u64 {
        self.eight_means.map_or(u64::MAX, |eight| eight / 8)
    }

    /// How many requests may wait in the worker's ring beyond those it can run at once.
    pub(crate) fn look_ahead(self) -> usize {
        match self.mean() {
            mean if mean < FAST => DEEP,
            mean if mean < BRISK => SHALLOW,
            _ => 0,
        }
    }

    /// Whether so many requests are likely to be answered before another worker would be awake.
    pub(crate) fn answers_before_a_wake(self, requests: usize) -> bool {
        self.mean().saturating_mul(requests as u64) < WAKE
    }

    /// Whether several answers are likely within a millisecond.
    pub(crate) fn is_brisk(self) -> bool {
        self.mean() < BRISK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_follows_the_mean() {
        let mut pace = Pace::unknown();
        assert_eq!(pace.look_ahead(), 0, "nothing is known: nothing ahead");
        assert!(!pace.answers_before_a_wake(1));
        pace.took(20);
        assert_eq!(pace.look_ahead(), DEEP);
        assert!(pace.answers_before_a_wake(2) && !pace.answers_before_a_wake(3));
        pace.took(100_000);
        assert!(!pace.answers_before_a_wake(1));
        assert_eq!(pace.look_ahead(), 0, "one slow request ends it at once");
        for _ in 0..60 {
            pace.took(20);
        }
        assert_eq!(pace.look_ahead(), DEEP);
    }
}
