//! A ledger's founding parameters: fixed at its start, and the same for all its followers.

use std::fmt;

use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::groth16::KeyPolicy;

use crate::board_facts::BoardFacts;

/// A ledger's founding parameters. Two nodes with different ones do not follow one ledger; the
/// state's digest covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// The log's name.
    pub origin: Origin,
    /// The founding supervisor. Its own admission must be the first entry.
    pub authority: PartyId,
    /// The kinds of set-ups of proving keys that are accepted.
    pub keys: KeyPolicy,
    /// N: an opened total covers at least this many claims.
    pub least_claims_per_total: u32,
    /// Whether every claim needs a deposited ticket. `false` is a ledger in custody: accounts have no
    /// wallets, and the distributor is trusted for their consent.
    pub tickets: bool,
    /// A: redemptions prove against the note tree as it was at a multiple of this many seconds, so
    /// that the choice of a root reveals nothing. At least 1; a deployment uses 3,600.
    pub anchor_seconds: u32,
    /// The board: its first members, the first witnesses, and how many of them an act takes.
    pub board: BoardFacts,
}

/// The default of [`LedgerPolicy::anchor_seconds`].
pub const ANCHOR_SECONDS: u32 = 3_600;

/// A founding fact, as stores keep it: its name in configurations and its value as text.
pub type FoundingFact = (&'static str, String);

/// A founding fact that a store and a configuration state differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactDiffers {
    /// The setting.
    pub name: String,
    /// The ledger's value; `None` if the store does not know the fact.
    pub founded: Option<String>,
    /// The configured value; `None` if this program does not know the fact.
    pub configured: Option<String>,
}

impl fmt::Display for FactDiffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            founded,
            configured,
        } = self;
        match (founded, configured) {
            (Some(founded), Some(configured)) => write!(
                f,
                "`{name}` is {founded} on the ledger and {configured} in the configuration"
            ),
            (Some(founded), None) => write!(
                f,
                "`{name}` is {founded} on the ledger, and this program does not know it"
            ),
            (None, _) => write!(f, "`{name}` is not stored with the ledger"),
        }
    }
}

impl LedgerPolicy {
    /// Every founding fact by name, in a fixed order.
    pub fn facts(&self) -> Vec<FoundingFact> {
        // No `..` here: a new fact that is not compared could change unnoticed.
        let Self {
            origin,
            authority,
            keys: KeyPolicy { allow_dev_keys },
            least_claims_per_total,
            tickets,
            anchor_seconds,
            board,
        } = self;
        vec![
            ("origin", origin.to_string()),
            ("authority", hex(&authority.0)),
            ("allow_dev_keys", allow_dev_keys.to_string()),
            ("least_claims_per_total", least_claims_per_total.to_string()),
            ("tickets", tickets.to_string()),
            ("anchor_seconds", anchor_seconds.to_string()),
            ("board", board.to_string()),
        ]
    }

    /// The facts in which a store with these facts and this policy differ.
    pub fn differences<'a>(
        &self,
        stored: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Vec<FactDiffers> {
        let stored: Vec<(&str, &str)> = stored.into_iter().collect();
        let facts = self.facts();
        let here = |name: &str| facts.iter().find(|(fact, _)| *fact == name);
        let mut differences = Vec::new();
        for (name, value) in &facts {
            let founded = stored.iter().find(|(fact, _)| fact == name);
            if founded.map(|(_, founded)| *founded) != Some(value.as_str()) {
                differences.push(FactDiffers {
                    name: (*name).to_owned(),
                    founded: founded.map(|(_, founded)| (*founded).to_owned()),
                    configured: Some(value.clone()),
                });
            }
        }
        for (name, value) in stored {
            if here(name).is_none() {
                differences.push(FactDiffers {
                    name: name.to_owned(),
                    founded: Some(value.to_owned()),
                    configured: None,
                });
            }
        }
        differences
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board_facts::Thresholds;

    fn policy() -> LedgerPolicy {
        LedgerPolicy {
            origin: Origin::new("ledger.test/facts").expect("an origin"),
            authority: PartyId([7; 32]),
            keys: KeyPolicy {
                allow_dev_keys: false,
            },
            least_claims_per_total: 20,
            tickets: true,
            anchor_seconds: 3_600,
            board: BoardFacts::alone(),
        }
    }

    /// The policy with another value of one fact after the other.
    fn others() -> Vec<LedgerPolicy> {
        let of = |change: fn(&mut LedgerPolicy)| {
            let mut other = policy();
            change(&mut other);
            other
        };
        vec![
            of(|p| p.origin = Origin::new("other.test").expect("an origin")),
            of(|p| p.authority = PartyId([8; 32])),
            of(|p| p.keys.allow_dev_keys = true),
            of(|p| p.least_claims_per_total = 19),
            of(|p| p.tickets = false),
            of(|p| p.anchor_seconds = 1),
            of(|p| {
                let second = [PartyId([9; 32])];
                p.board = BoardFacts::new(Thresholds::ALONE, second, []).expect("it works");
            }),
        ]
    }

    fn text(facts: &[FoundingFact]) -> impl Iterator<Item = (&str, &str)> {
        facts.iter().map(|(name, value)| (*name, value.as_str()))
    }

    #[test]
    fn each_fact_that_differs_is_named_and_no_other() {
        let stored = policy().facts();
        assert_eq!(policy().differences(text(&stored)), []);
        let others = others();
        assert_eq!(others.len(), stored.len());
        for (other, (name, founded)) in others.iter().zip(&stored) {
            let differences = other.differences(text(&stored));
            assert_eq!(differences.len(), 1, "{differences:?}");
            assert_eq!(differences[0].name, *name);
            assert_eq!(differences[0].founded.as_ref(), Some(founded));
            assert_ne!(differences[0].configured.as_ref(), Some(founded));
        }
    }

    #[test]
    fn facts_of_another_program_are_named() {
        let mut stored = policy().facts();
        stored.push(("shards", "3 of 5".to_owned()));
        let said: Vec<String> = policy()
            .differences(text(&stored))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            said,
            ["`shards` is 3 of 5 on the ledger, and this program does not know it"]
        );
        let known = text(&stored).filter(|(name, _)| *name != "tickets");
        let differences = policy().differences(known);
        assert_eq!(differences[0].name, "tickets");
        assert_eq!(differences[0].founded, None);
    }
}
