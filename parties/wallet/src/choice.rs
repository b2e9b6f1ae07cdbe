//! Chooses the notes that pay: one if one is enough, otherwise two, which is the most that one
//! proof takes.

use merits_primitives::{calendar::Timestamp, ids::Credits, sum::CreditsSum};
use thiserror::Error;

use crate::view::OwnNote;

/// The notes of one spending.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The first note.
    pub first: &'a OwnNote,
    /// A second one, if one is not enough.
    pub second: Option<&'a OwnNote>,
}

/// Why no one or two notes can pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// The wallet has less than is needed.
    #[error(
        "{} credits are needed, and this wallet has {} of this scale and expiry: `merits wallet credits` \
         shows what it has",
        .needed.0,
        .held,
    )]
    NotEnough {
        /// The needed credits.
        needed: Credits,
        /// The wallet's credits.
        held: CreditsSum,
    },
    /// Enough, but not yet under an anchor.
    #[error(
        "{} credits are needed; of the {held} of this scale and expiry only {ready} can be spent \
         yet, the others from {} on, when the ledger anchors them", .needed.0, moment(*.from)
    )]
    TooYoung {
        /// The needed credits.
        needed: Credits,
        /// The wallet's credits.
        held: CreditsSum,
        /// The credits that can be spent now.
        ready: CreditsSum,
        /// When all can be.
        from: Timestamp,
    },
    /// Enough, but in too many small notes.
    #[error(
        "{} credits need {notes} notes, but one spending uses at most two: merge {merges} times first \
         (`merits wallet merge`)", .needed.0
    )]
    Scattered {
        /// The needed credits.
        needed: Credits,
        /// The fewest notes that are enough.
        notes: usize,
        /// Merges until two notes are enough.
        merges: usize,
    },
}

/// Chooses among notes of one scale and bucket that can be spent now: the smallest one that is
/// enough, else the two that exceed it least. `all` are the values of all notes of the bucket,
/// those that cannot be spent before `next` included.
///
/// # Errors
/// [`ChoiceError`].
pub fn choose<'a>(
    ready: &[&'a OwnNote],
    all: impl Iterator<Item = Credits>,
    needed: Credits,
    next: Timestamp,
) -> Result<Pair<'a>, ChoiceError> {
    let mut notes = ready.to_vec();
    notes.sort_by_key(|note| (note.value, note.position));
    if let Some(first) = notes.iter().find(|note| note.value >= needed) {
        return Ok(Pair {
            first,
            second: None,
        });
    }
    if let Some(pair) = closest(&notes, needed) {
        return Ok(pair);
    }
    let held: CreditsSum = all.collect();
    let ready: CreditsSum = notes.iter().map(|note| note.value).collect();
    // Showing an amount of 0 needs a note too.
    let wanted = CreditsSum::from(needed).max(CreditsSum(1));
    if held < wanted {
        return Err(ChoiceError::NotEnough { needed, held });
    }
    if ready < wanted {
        let from = next;
        return Err(ChoiceError::TooYoung {
            needed,
            held,
            ready,
            from,
        });
    }
    let mut reached = CreditsSum::ZERO;
    let largest = notes.iter().rev().take_while(|note| {
        let short = reached < wanted;
        reached += note.value;
        short
    });
    let notes = largest.count();
    Err(ChoiceError::Scattered {
        needed,
        notes,
        // Each merge makes one note of two.
        merges: notes.saturating_sub(2),
    })
}

/// The two of these notes, in rising order, whose sum is enough and exceeds the amount least.
fn closest<'a>(notes: &[&'a OwnNote], needed: Credits) -> Option<Pair<'a>> {
    let mut best: Option<(CreditsSum, Pair<'a>)> = None;
    let mut rest = notes;
    while let [low, .., high] = rest {
        let sum = CreditsSum::from(low.value) + high.value.into();
        let Some(change) = sum.checked_sub(needed.into()) else {
            rest = &rest[1..];
            continue;
        };
        // A note holds less than 2^64, so the change must be less too.
        let fits = change <= CreditsSum::from(Credits(u64::MAX));
        if fits && best.as_ref().is_none_or(|(least, _)| sum < *least) {
            let pair = Pair {
                first: high,
                second: Some(low),
            };
            best = Some((sum, pair));
        }
        rest = &rest[..rest.len() - 1];
    }
    best.map(|(_, pair)| pair)
}

/// Pairs of notes of one bucket, the largest together. An odd note stays alone, and so do two that
/// together exceed one note.
#[must_use]
pub fn pairs<'a>(ready: &[&'a OwnNote]) -> Vec<Pair<'a>> {
    let mut notes = ready.to_vec();
    notes.sort_by_key(|note| (std::cmp::Reverse(note.value), note.position));
    notes
        .chunks_exact(2)
        .filter(|two| two[0].value.0.checked_add(two[1].value.0).is_some())
        .map(|two| Pair {
            first: two[0],
            second: Some(two[1]),
        })
        .collect()
}

/// A time for people: to the minute if it is a whole minute, else to the second.
fn moment(time: Timestamp) -> String {
    match time.as_millis() / 1_000 % 60 {
        0 => time.to_minute(),
        _ => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::NoteOrigin;
    use merits_primitives::{
        Fr,
        calendar::Day,
        ids::{AssetId, EntryId, Expiry, ScaleId},
        message::Message,
        note::NoteCommitment,
        owner::KeyParts,
        scope::Scope,
    };

    fn note(position: u64, value: u64) -> OwnNote {
        OwnNote {
            position,
            cm: NoteCommitment(Fr::from(position)),
            value: Credits(value),
            measure: None,
            scale: ScaleId::new("a").unwrap(),
            asset: AssetId(1),
            expiry: Expiry(700),
            made_of: KeyParts::Earned {
                scope: Scope(Fr::from(1u64)),
                message: Message(Fr::from(2u64)),
            },
            from: NoteOrigin::Change {
                entry: EntryId([0; 32]),
            },
            spent: None,
            generation: 0,
        }
    }

    /// Values of the chosen notes. All can be spent except the `young` ones.
    fn chosen(values: &[u64], young: &[u64], needed: u64) -> Result<Vec<u64>, ChoiceError> {
        let notes: Vec<OwnNote> = (0u64..).zip(values).map(|(at, v)| note(at, *v)).collect();
        let ready: Vec<&OwnNote> = notes.iter().collect();
        let all = values.iter().chain(young).map(|v| Credits(*v));
        let pair = choose(&ready, all, Credits(needed), Day(1).start())?;
        let second = pair.second.map(|note| note.value.0);
        Ok([Some(pair.first.value.0), second]
            .into_iter()
            .flatten()
            .collect())
    }

    #[test]
    fn one_note_pays_if_it_can_and_the_smallest_such_does() {
        assert_eq!(chosen(&[90, 40, 60], &[], 50), Ok(vec![60]));
        assert_eq!(chosen(&[90, 40, 60], &[], 60), Ok(vec![60]));
        assert_eq!(chosen(&[7], &[], 0), Ok(vec![7]));
    }

    #[test]
    fn two_notes_pay_with_the_least_change() {
        assert_eq!(chosen(&[90, 40, 60], &[], 95), Ok(vec![60, 40]));
        assert_eq!(chosen(&[90, 40, 60, 5], &[], 92), Ok(vec![90, 5]));
        assert_eq!(chosen(&[90, 40, 60], &[], 150), Ok(vec![90, 60]));
        let all: Vec<u64> = vec![13, 21, 2, 34, 8, 5, 3, 55];
        for needed in 56..=89 {
            let best = all
                .iter()
                .enumerate()
                .flat_map(|(i, a)| all[..i].iter().map(move |b| a + b))
                .filter(|sum| *sum >= needed)
                .min();
            let found = chosen(&all, &[], needed).unwrap();
            assert_eq!(Some(found.iter().sum::<u64>()), best, "{needed}");
        }
    }

    #[test]
    fn it_is_said_what_is_missing() {
        let needed = Credits(100);
        assert_eq!(
            chosen(&[40, 30], &[], 100),
            Err(ChoiceError::NotEnough {
                needed,
                held: CreditsSum(70)
            })
        );
        let young = chosen(&[40, 30], &[35], 100).unwrap_err();
        assert!(
            young.to_string().contains("1970-01-02 00:00 UTC"),
            "{young}"
        );
        assert_eq!(
            young,
            ChoiceError::TooYoung {
                needed,
                held: CreditsSum(105),
                ready: CreditsSum(70),
                from: Day(1).start()
            }
        );
        assert_eq!(
            chosen(&[40, 30, 20, 15, 5, 5], &[], 100),
            Err(ChoiceError::Scattered {
                needed,
                notes: 4,
                merges: 2
            })
        );
        // Where an anchor comes every second, a minute would say too little.
        assert_eq!(
            moment(Timestamp::from_millis(86_401_000)),
            "1970-01-02 00:00:01 UTC"
        );
        assert!(matches!(
            chosen(&[], &[], 0),
            Err(ChoiceError::NotEnough { .. })
        ));
        assert!(matches!(
            chosen(&[], &[5], 0),
            Err(ChoiceError::TooYoung {
                held: CreditsSum(5),
                ..
            })
        ));
    }

    #[test]
    fn merges_take_two_notes_each_and_never_more_than_one_note_holds() {
        let values = [5, 90, 40, 60, 7];
        let notes: Vec<OwnNote> = (0u64..).zip(values).map(|(at, v)| note(at, v)).collect();
        let ready: Vec<&OwnNote> = notes.iter().collect();
        let merged: Vec<_> = pairs(&ready)
            .iter()
            .map(|pair| (pair.first.value.0, pair.second.unwrap().value.0))
            .collect();
        assert_eq!(merged, [(90, 60), (40, 7)]);
        let huge = [note(0, u64::MAX), note(1, 1)];
        assert!(pairs(&huge.iter().collect::<Vec<_>>()).is_empty());
    }
}
