//! Finds the names a person probably meant.

/// The number of edits (insert, delete, replace, swap of neighbours) between two words, if there
/// are at most `allowed`.
fn distance(left: &[char], right: &str, allowed: usize) -> Option<usize> {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut current = vec![0; right.len() + 1];
    for (row, &from) in left.iter().enumerate() {
        current[0] = row + 1;
        for (column, &to) in right.iter().enumerate() {
            let replace = last[column] + usize::from(from != to);
            let mut best = replace.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && from == right[column - 1] && left[row - 1] == to;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        // A swap reaches back two rows; from there on it never gets better.
        if current.iter().chain(&last).all(|edits| *edits > allowed) {
            return None;
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut current);
    }
    last.last().copied().filter(|edits| *edits <= allowed)
}

/// Which letters a word has, one bit each. An edit changes at most two bits, so words with very
/// different letters need no closer look.
fn letters(word: impl Iterator<Item = char>) -> u64 {
    word.fold(0, |bits, letter| bits | 1 << (u32::from(letter) % 64))
}

/// Up to `wanted` candidates close to `word`, nearest first. Underscores count as dashes and
/// capitals as small letters, because that is the commonest slip. Nothing is returned when no
/// candidate is close enough to be a likely mistake.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    wanted: usize,
) -> Vec<&'a str> {
    let plain: String = word
        .chars()
        .take(80)
        .collect::<String>()
        .replace('_', "-")
        .to_lowercase();
    let allowed = match plain.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let word: Vec<char> = plain.chars().collect();
    let of_word = letters(word.iter().copied());
    let other_letters = |candidate: &str| (of_word ^ letters(candidate.chars())).count_ones();
    let mut close: Vec<(usize, &str)> = candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed)
        .filter(|candidate| other_letters(candidate) as usize <= 2 * allowed)
        .filter_map(|candidate| Some((distance(&word, candidate, allowed)?, candidate)))
        .collect();
    close.sort_unstable();
    if let Some(&(best, _)) = close.first() {
        // A name one edit away makes names further away noise.
        close.retain(|(edits, _)| *edits == best);
    }
    close
        .into_iter()
        .take(wanted)
        .map(|(_, candidate)| candidate)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["vacuum", "http-socket", "processes", "max-requests", "uid"];

    fn near(word: &str) -> Vec<&'static str> {
        nearest(word, NAMES.into_iter(), 3)
    }

    #[test]
    fn real_slips_find_their_names() {
        assert_eq!(near("vaccum"), ["vacuum"]);
        assert_eq!(near("vacum"), ["vacuum"]);
        assert_eq!(near("http_socket"), ["http-socket"]);
        assert_eq!(near("MAX_REQUESTS"), ["max-requests"]);
        assert_eq!(near("process"), ["processes"]);
    }

    #[test]
    fn far_words_find_nothing() {
        assert!(near("project").is_empty());
        assert!(near("").is_empty());
        assert!(near("base").is_empty());
    }

    #[test]
    fn swapped_neighbours_are_one_edit() {
        let edits =
            |left: &str, allowed| distance(&left.chars().collect::<Vec<_>>(), "die", allowed);
        assert_eq!(edits("dei", 3), Some(1));
        assert_eq!(edits("xyz", 3), Some(3));
        assert_eq!(edits("xyz", 2), None);
    }

    #[test]
    fn every_single_edit_is_found() {
        for name in NAMES.into_iter().filter(|name| name.len() > 4) {
            for at in 0..name.len() - 1 {
                let (before, after) = name.split_at(at);
                let slips = [
                    format!("{before}{}", &after[1..]),
                    format!("{before}q{}", &after[1..]),
                    format!("{before}ü{after}"),
                    format!("{before}{}{}{}", &after[1..2], &after[..1], &after[2..]),
                ];
                for slip in slips {
                    assert_eq!(near(&slip), [name], "{slip}");
                }
            }
        }
    }
}
