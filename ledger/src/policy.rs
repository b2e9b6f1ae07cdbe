//! A ledger's founding parameters: fixed at its start, and the same for all its followers.

use std::{fmt, num::NonZeroU32, time::Duration};

use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::groth16::KeyPolicy;
use thiserror::Error;

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
    /// A: redemptions prove against the note tree as it was at a multiple of this time, so that the
    /// choice of a root reveals nothing.
    pub anchor_interval: AnchorInterval,
    /// The board: its first members, the first witnesses, and how many of them an act takes.
    pub board: BoardFacts,
}

/// The time between two anchors: whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnchorInterval(NonZeroU32);

impl AnchorInterval {
    /// A second, for tests and demonstrations.
    pub const SECOND: Self = Self(NonZeroU32::MIN);

    /// An hour, as deployments use it.
    pub const HOUR: Self = Self(NonZeroU32::new(3_600).expect("not 0"));

    /// An interval of this many seconds.
    pub const fn from_secs(seconds: NonZeroU32) -> Self {
        Self(seconds)
    }

    /// How many seconds: the founding fact `anchor_seconds`.
    pub const fn as_secs(self) -> NonZeroU32 {
        self.0
    }

    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.get().into())
    }
}

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

/// Bytes that the name or the value of a founding fact has at most. The text of a board is the longest.
pub const LONGEST_FACT: usize = BoardFacts::LONGEST_TEXT;

const _: () = assert!(Origin::MAX <= LONGEST_FACT, "an origin is a fact too");

/// There are seven. Later programs may have more.
const MOST_FACTS: usize = 64;

/// Bytes of a name that an error shows: it may be anybody's.
const SHOWN_NAME: usize = 64;

/// Why no party reads the founding facts that a coordinator states.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FactFault {
    /// Too many of them.
    #[error("there are {found}, and a party reads at most {MOST_FACTS}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// Too long.
    #[error("`{name}` has {found} bytes, and a party reads at most {LONGEST_FACT}")]
    TooLong {
        /// The fact, as far as it can be shown.
        name: String,
        /// Bytes of its longer part: name or value.
        found: usize,
    },
    /// Facts are shown on a screen.
    #[error("`{name}` has the byte {byte:#04x}, and a party reads printable ASCII only")]
    NotPlain {
        /// The fact, as far as it can be shown.
        name: String,
        /// The first byte at fault.
        byte: u8,
    },
}

/// Whether a party reads founding facts of these names and values. Followers ask this about what a coordinator states,
/// and a coordinator before it founds a ledger, so that no ledger is founded that nobody can follow.
///
/// # Errors
/// [`FactFault`] names the fact.
pub fn check_facts<N: AsRef<str>>(facts: &[(N, String)]) -> Result<(), FactFault> {
    let found = facts.len();
    if found > MOST_FACTS {
        return Err(FactFault::TooMany { found });
    }
    for (name, value) in facts {
        let name = name.as_ref();
        let shown = || {
            let plain = |byte: u8| {
                if byte.is_ascii_graphic() {
                    char::from(byte)
                } else {
                    '?'
                }
            };
            name.bytes().take(SHOWN_NAME).map(plain).collect()
        };
        let found = name.len().max(value.len());
        if found > LONGEST_FACT {
            let name = shown();
            return Err(FactFault::TooLong { name, found });
        }
        let unshowable = |byte: &u8| !byte.is_ascii_graphic() && *byte != b' ';
        if let Some(byte) = name.bytes().chain(value.bytes()).find(unshowable) {
            let name = shown();
            return Err(FactFault::NotPlain { name, byte });
        }
    }
    Ok(())
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
            anchor_interval,
            board,
        } = self;
        vec![
            ("origin", origin.to_string()),
            ("authority", hex(&authority.0)),
            ("allow_dev_keys", allow_dev_keys.to_string()),
            ("least_claims_per_total", least_claims_per_total.to_string()),
            ("tickets", tickets.to_string()),
            ("anchor_seconds", anchor_interval.as_secs().to_string()),
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
            anchor_interval: AnchorInterval::HOUR,
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
            of(|p| p.anchor_interval = AnchorInterval::SECOND),
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
    fn facts_that_nobody_reads_are_named() {
        assert_eq!(check_facts(&policy().facts()), Ok(()));
        let of = |name: &str, value: &str| {
            let mut facts = policy().facts();
            facts.push(("shards", "3 of 5".to_owned()));
            let mut facts: Vec<(String, String)> = facts
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            facts.push((name.to_owned(), value.to_owned()));
            check_facts(&facts).map_err(|fault| fault.to_string())
        };
        let longest = "x".repeat(LONGEST_FACT);
        assert_eq!(of("more", &longest), Ok(()));
        let said = |name: &str, value: &str| of(name, value).expect_err("it is not read");
        let long = said("more", &format!("{longest}x"));
        assert!(long.starts_with("`more` has "), "{long}");
        assert!(long.contains(&LONGEST_FACT.to_string()), "{long}");
        let nameless = said(&format!("{longest}x"), "");
        assert!(nameless.len() < 200, "{nameless}");
        assert_eq!(
            said("more", "a\u{1b}[2J"),
            "`more` has the byte 0x1b, and a party reads printable ASCII only"
        );
        assert_eq!(
            said("m\u{f6}re", ""),
            "`m??re` has the byte 0xc3, and a party reads printable ASCII only"
        );
        let many = vec![("fact", String::new()); 65];
        let found = 65;
        assert_eq!(check_facts(&many), Err(FactFault::TooMany { found }));
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
