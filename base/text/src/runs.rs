//! Tables of characters, as runs: one search for all of them.

/// The first and the last character of each run. Runs are in order, and no two of them touch.
pub(crate) type Runs = [(char, char)];

/// Whether the character is in one of the runs.
pub(crate) fn contain(runs: &Runs, c: char) -> bool {
    let begun = runs.partition_point(|(first, _)| *first <= c);
    let last_begun = begun.checked_sub(1).and_then(|at| runs.get(at));
    last_begun.is_some_and(|(_, last)| c <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assigned::ASSIGNED, marks::MARKS};

    #[test]
    fn runs_are_in_order_and_apart() {
        for runs in [&ASSIGNED[..], &MARKS[..]] {
            assert!(runs.iter().all(|(first, last)| first <= last));
            for pair in runs.windows(2) {
                let [(first, last), (next, _)] = pair else {
                    unreachable!("windows of two")
                };
                assert!(u32::from(*last) + 1 < u32::from(*next), "{first:?}");
            }
        }
    }

    #[test]
    fn the_first_and_the_last_of_a_run_are_in_it_and_their_neighbours_are_not() {
        for runs in [&ASSIGNED[..], &MARKS[..]] {
            for &(first, last) in runs {
                assert!(contain(runs, first) && contain(runs, last), "{first:?}");
                let before = u32::from(first).checked_sub(1);
                let neighbours = [before, Some(u32::from(last) + 1)].into_iter().flatten();
                for neighbour in neighbours.filter_map(char::from_u32) {
                    assert!(!contain(runs, neighbour), "{neighbour:?}");
                }
            }
        }
        assert!(!contain(&[], 'a'));
    }
}
