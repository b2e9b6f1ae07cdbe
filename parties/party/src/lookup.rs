//! Finds parties and entries of the ledger by what people type.

use merits_primitives::ids::{EntryId, PartyId};
use merits_replica::{Replica, ReplicaError};
use merits_text::typed::typed;
use thiserror::Error;

/// Why nothing or too much was found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No party of this name or id.
    #[error(
        "the ledger has no party {text:?}, by name or id; it knows {}",
        if .known.is_empty() { "none yet".to_owned() } else { .known.join(", ") }
    )]
    NoParty {
        /// The typed text.
        text: String,
        /// The names of all parties.
        known: Vec<String>,
    },
    /// Neither an id of an entry nor the beginning of one.
    #[error(
        "entry {0:?}: 64 hexadecimal digits of an entry's id are expected, or the first 8 or more"
    )]
    NotAnEntryId(String),
    /// No entry begins so.
    #[error(
        "the log's copy of {leaves} leaves has no entry {text}: check the digits; a copy that is used \
         offline may be too old"
    )]
    NoEntry {
        /// The typed text.
        text: String,
        /// Leaves of the copy.
        leaves: u64,
    },
    /// More than one entry begins so.
    #[error("several entries begin with {0}: give more digits")]
    SeveralEntries(String),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
}

/// A party's id, by name or by 64 hexadecimal digits.
///
/// # Errors
/// [`LookupError`].
pub fn find_party(replica: &Replica, text: &str) -> Result<PartyId, LookupError> {
    let parties = replica.state()?.parties();
    let text = &*typed(text);
    if let Some((id, _)) = parties.by_name(text) {
        return Ok(*id);
    }
    let mut id = [0u8; 32];
    if hex::decode_to_slice(text, &mut id).is_ok() && parties.get(&PartyId(id)).is_some() {
        return Ok(PartyId(id));
    }
    Err(LookupError::NoParty {
        text: text.to_owned(),
        known: parties
            .iter()
            .map(|(_, party)| party.name.clone())
            .collect(),
    })
}

/// An entry's id, by 64 hexadecimal digits or the first of them. The copy's index of ids answers.
///
/// # Errors
/// [`LookupError`].
pub fn find_entry(replica: &Replica, text: &str) -> Result<EntryId, LookupError> {
    let text = text.to_ascii_lowercase();
    if !(8..=64).contains(&text.len()) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(LookupError::NotAnEntryId(text));
    }
    // The least id that begins so.
    let mut least = EntryId([0u8; 32]);
    hex::decode_to_slice(format!("{text:0<64}"), &mut least.0)
        .map_err(|_| LookupError::NotAnEntryId(text.clone()))?;
    let found = replica.ids_from(&least, 2)?.into_iter();
    let found: Vec<EntryId> = found.filter(|id| id.to_hex().starts_with(&text)).collect();
    match found.as_slice() {
        [id] => Ok(*id),
        [] => Err(LookupError::NoEntry {
            text,
            leaves: replica.size(),
        }),
        _ => Err(LookupError::SeveralEntries(text)),
    }
}

#[cfg(test)]
mod tests {
    use merits_ledger_fixture::Stage;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn an_entry_is_found_by_its_whole_id_or_the_beginning_of_it() {
        let town = Stage::new(StdRng::seed_from_u64(4)).expect("a ledger");
        let (policy, log) = (town.federation.policy(), town.federation.signer());
        let mut copy = Replica::in_memory(log.public().clone(), policy);
        let checkpoint = town.ledger.checkpoint().expect("a checkpoint").to_string();
        let update = copy.update(&checkpoint).expect("an update");
        let leaves = (0..town.state().size()).map(|at| town.ledger.receipt(at).expect("it").leaf);
        let leaves: Vec<Vec<u8>> = leaves.collect();
        copy.finish(update, leaves, &mut rand::rng())
            .expect("a copy");
        let size = copy.size();
        for index in [0, size - 1] {
            let id = copy.leaf(index).expect("read").expect("there").entry.id();
            let whole = id.to_hex();
            for text in [&whole, &whole.to_uppercase(), &whole[..16]] {
                assert_eq!(find_entry(&copy, text).expect(text), id);
            }
            // One digit is wrong.
            let other = if whole.ends_with('0') { "1" } else { "0" };
            let wrong = format!("{}{other}", &whole[..63]);
            let refused = find_entry(&copy, &wrong).expect_err("no such entry");
            assert!(
                matches!(&refused, LookupError::NoEntry { text, leaves } if (text, *leaves) == (&wrong, size)),
                "{refused}"
            );
        }
        for text in ["", "0123456", "0123456g", &"0".repeat(65)] {
            let refused = find_entry(&copy, text);
            assert!(
                matches!(refused, Err(LookupError::NotAnEntryId(_))),
                "{text}"
            );
        }
    }
}
