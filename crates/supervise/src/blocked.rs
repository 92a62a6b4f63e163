//! Who blocks the loops, and how often: one line in the log for the first time, then one a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::machine::Moment;

/// How often one place is told of.
const PAUSE: Duration = Duration::from_secs(60);
/// More places than this are counted together.
const PLACES: usize = 256;
const ELSEWHERE: &str = "other places";

/// The places that block loops.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    places: BTreeMap<String, Place>,
}

#[derive(Debug)]
struct Place {
    /// When it was last told of.
    told: Moment,
    /// How often it has happened since then.
    count: u32,
    /// How long the longest of those took.
    longest: Duration,
}

impl Blocks {
    /// A loop was found blocked; whether that is to be told now (else it is counted).
    pub(crate) fn found(&mut self, now: Moment, place: &str, time: Duration) -> bool {
        let known = self.places.contains_key(place) || self.places.len() < PLACES;
        let name = if known { place } else { ELSEWHERE };
        if let Some(place) = self.places.get_mut(name) {
            place.count += 1;
            place.longest = place.longest.max(time);
            return false;
        }
        let fresh = Place {
            told: now,
            count: 0,
            longest: Duration::ZERO,
        };
        self.places.insert(name.to_owned(), fresh);
        true
    }

    /// It went on for so long in the end.
    pub(crate) fn ended(&mut self, place: &str, time: Duration) {
        if let Some(place) = self.places.get_mut(place).filter(|place| place.count > 0) {
            place.longest = place.longest.max(time);
        }
    }

    /// When [`Blocks::summaries`] has something to say or to forget.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.places.values().map(|place| place.told + PAUSE).min()
    }

    /// What has been counted for long enough.
    pub(crate) fn summaries(&mut self, now: Moment) -> Vec<String> {
        let mut said = Vec::new();
        self.places.retain(|name, place| {
            if place.told + PAUSE > now {
                return true;
            }
            let (count, longest) = (place.count, place.longest.as_millis());
            if count > 0 {
                said.push(format!(
                    "hub blocked {count}× by {name}, up to {longest} ms"
                ));
            }
            place.told = now;
            place.count = 0;
            place.longest = Duration::ZERO;
            count > 0
        });
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_place_is_told_of_once_a_minute() {
        let mut blocks = Blocks::default();
        let time = Duration::from_millis(250);
        assert!(blocks.found(SECOND, "views.py:88", time));
        for _ in 0..213 {
            assert!(!blocks.found(2 * SECOND, "views.py:88", time));
        }
        assert!(!blocks.found(3 * SECOND, "views.py:88", time));
        blocks.ended("views.py:88", 2 * SECOND);
        assert!(blocks.found(3 * SECOND, "views.py:90", time));
        assert_eq!(blocks.due(), Some(61 * SECOND));
        assert!(blocks.summaries(60 * SECOND).is_empty());
        assert_eq!(
            blocks.summaries(61 * SECOND),
            ["hub blocked 214× by views.py:88, up to 2000 ms"]
        );
        assert_eq!(blocks.summaries(63 * SECOND), [""; 0]);
        assert!(blocks.found(64 * SECOND, "views.py:90", time), "forgotten");
        assert!(blocks.summaries(121 * SECOND).is_empty());
        assert_eq!(blocks.due(), Some(124 * SECOND));
    }

    #[test]
    fn too_many_places_are_one() {
        let mut blocks = Blocks::default();
        for line in 0..PLACES + 50 {
            blocks.found(SECOND, &format!("generated.py:{line}"), SECOND);
        }
        assert_eq!(blocks.places.len(), PLACES + 1);
    }
}
