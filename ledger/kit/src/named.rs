//! Parties by name, as far as a kit knows them.

use merits_ledger::State;
use merits_primitives::ids::PartyId;
use serde::Serialize;

/// A party as it was admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedParty {
    /// Its name, unless the kit lacks its admission.
    pub name: Option<String>,
    /// The beginning of its id.
    pub id: String,
}

pub(crate) fn named(state: &State, party: &PartyId) -> NamedParty {
    NamedParty {
        name: state.parties().get(party).map(|known| known.name.clone()),
        id: party.to_string(),
    }
}

impl std::fmt::Display for NamedParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => f.write_str(&self.id),
        }
    }
}
