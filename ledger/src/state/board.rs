//! The board: its thresholds, the acts that its members proposed, and the voices on them.
//!
//! `board/records` has the rows, `board/rules` how an act is proposed, endorsed and enacted, `board/acts` what each
//! act does and what it takes.

mod acts;
mod records;
mod rules;

pub use records::{Demands, Endorsed, ProposedAct, VoiceRecord};

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use merits_primitives::ids::{EntryId, Epoch, PartyId, ScaleId, ScaleVersion};

use self::records::{BoardRecord, MadeAlone};
use super::stored;
use crate::board_facts::{BoardFacts, Thresholds};
use crate::entry::PersonStatement;
use crate::rows::{RowError, Table, decode};

/// The longest life of a proposal: endorsements of acts that were forgotten must not lie around.
pub const LONGEST_PROPOSAL: Duration = Duration::from_secs(180 * 86_400);

/// Open proposals of one member, at most: they are in memory.
pub const MOST_PROPOSALS: usize = 64;

/// The delay of an act that needs the consent of more witnesses than are left.
pub const DELAY_WITHOUT_WITNESSES: Duration = Duration::from_secs(30 * 86_400);

/// The board.
#[derive(Debug, Clone)]
pub struct Board {
    thresholds: Thresholds,
    generation: u32,
    /// Whether the ledger was founded with a threshold of 1.
    founded_alone: bool,
    acts: Arc<BTreeMap<EntryId, ProposedAct>>,
    voices: Arc<BTreeMap<(EntryId, PartyId), VoiceRecord>>,
    alone: Arc<BTreeMap<Vec<u8>, EntryId>>,
}

/// Something that the board made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made<'a> {
    /// An admitted party.
    Party(&'a PartyId),
    /// A view-key epoch.
    Epoch(Epoch),
    /// A generation of a statement's key.
    StatementKey(PersonStatement, u32),
    /// An approved version of a scale.
    Scale(&'a ScaleId, ScaleVersion),
}

/// The mark on everything that a ledger shows, if few members decide, or decided, on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoardMark {
    /// One supervisor alone can decide now.
    Now,
    /// One supervisor alone could decide earlier.
    Earlier {
        /// Acts that one supervisor alone decided.
        acts: usize,
    },
    /// No log witness has to consent to anything.
    Unwatched,
}

impl fmt::Display for BoardMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str(
                "one supervisor alone decides on this ledger: it could admit parties and replace keys by itself",
            ),
            Self::Earlier { acts } => write!(
                f,
                "one supervisor alone could decide on this ledger earlier, and decided {acts} acts"
            ),
            Self::Unwatched => f.write_str(
                "no log witness has a say on this ledger's board: supervisors together could replace them",
            ),
        }
    }
}

impl Board {
    /// The board of an empty ledger.
    pub(super) fn new(facts: &BoardFacts) -> Self {
        Self {
            thresholds: *facts.thresholds(),
            generation: 0,
            founded_alone: facts.thresholds().is_alone(),
            acts: Arc::default(),
            voices: Arc::default(),
            alone: Arc::default(),
        }
    }

    /// The thresholds in force.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// How often they changed.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// A proposed act. What was enacted by its proposal is not among them.
    pub fn act(&self, proposal: &EntryId) -> Option<&ProposedAct> {
        self.acts.get(proposal)
    }

    /// All proposed acts, also those that were enacted or are over.
    pub fn acts(&self) -> impl Iterator<Item = (&EntryId, &ProposedAct)> {
        self.acts.iter()
    }

    /// The voices on an act, by party.
    pub fn voices(&self, proposal: &EntryId) -> impl Iterator<Item = (&PartyId, &VoiceRecord)> {
        let range = (*proposal, PartyId([0; 32]))..=(*proposal, PartyId([0xff; 32]));
        self.voices
            .range(range)
            .map(|((_, party), voice)| (party, voice))
    }

    /// The voice of a party on an act.
    pub fn voice(&self, proposal: &EntryId, party: &PartyId) -> Option<&VoiceRecord> {
        self.voices.get(&(*proposal, *party))
    }

    /// The mark that everything of this ledger carries; `None` if no supervisor could ever decide alone, and witnesses
    /// watch the board.
    pub fn mark(&self) -> Option<BoardMark> {
        if self.thresholds.is_alone() {
            Some(BoardMark::Now)
        } else if self.founded_alone || !self.alone.is_empty() {
            let acts = self.alone.len();
            Some(BoardMark::Earlier { acts })
        } else if self.thresholds.consents == 0 {
            Some(BoardMark::Unwatched)
        } else {
            None
        }
    }

    /// The entry by which one supervisor alone made this; `None` if it took more than one, or if it is not there.
    pub fn made_alone(&self, made: Made<'_>) -> Option<&EntryId> {
        self.alone.get(&acts::made_key(made))
    }

    /// Applies a removed row: acts that are over, and the voices on them, are deleted.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rows of all other tables are refused"
    )]
    pub(super) fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), RowError> {
        match table {
            Table::Act => {
                let id = EntryId(stored::key(table, key)?);
                Arc::make_mut(&mut self.acts).remove(&id);
                Ok(())
            }
            Table::Voice => {
                Arc::make_mut(&mut self.voices).remove(&voice_of(key)?);
                Ok(())
            }
            table => Err(RowError::Missing { table }),
        }
    }

    /// Applies a changed row.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rows of all other tables are refused"
    )]
    pub(super) fn apply(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        match table {
            Table::Board => {
                let record: BoardRecord = decode(value)?;
                (self.thresholds, self.generation) = (record.thresholds, record.generation);
            }
            Table::Act => {
                let id = EntryId(stored::key(table, key)?);
                Arc::make_mut(&mut self.acts).insert(id, decode(value)?);
            }
            Table::Voice => {
                Arc::make_mut(&mut self.voices).insert(voice_of(key)?, decode(value)?);
            }
            Table::MadeAlone => {
                let MadeAlone { proposal } = decode(value)?;
                Arc::make_mut(&mut self.alone).insert(key.to_vec(), proposal);
            }
            table => return Err(RowError::Missing { table }),
        }
        Ok(())
    }
}

/// The act and the party of a voice's key.
fn voice_of(key: &[u8]) -> Result<(EntryId, PartyId), RowError> {
    let table = Table::Voice;
    let both: [u8; 64] = stored::key(table, key)?;
    let (proposal, party) = both.split_at(32);
    let proposal = EntryId(stored::key(table, proposal)?);
    Ok((proposal, PartyId(stored::key(table, party)?)))
}
