//! Finds the names a person probably meant.

/// The number of edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, &from) in left.iter().enumerate() {
        let mut current = vec![row + 1; right.len() + 1];
        for (column, &to) in right.iter().enumerate() {
            let replace = last[column] + usize::from(from != to);
            let mut best = replace.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && from == right[column - 1] && left[row - 1] == to;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
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
    let mut close: Vec<(usize, &str)> = candidates
        .filter(|candidate| candidate.len().abs_diff(plain.len()) <= allowed)
        .map(|candidate| (distance(&plain, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
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
        assert_eq!(distance("dei", "die"), 1);
    }
}
