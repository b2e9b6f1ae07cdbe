//! The keys of `ticket` and `redeem`: one in force for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use merits_verifier::fields;
use merits_verifier::groth16::{KeyDigest, KeyPolicy, Provenance, VerifyingKey};

use super::draft::Draft;
use crate::entry::{PersonStatement, StatementKeyAdopted};
use crate::refusal::Refusal;
use crate::rows::{Key, Record, RowError, Table, decode};

impl Record for StatementKeyAdopted {
    const TABLE: Table = Table::StatementKey;
}

/// A key in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementKey {
    /// The generation, counted from 1.
    pub generation: u32,
    /// The key.
    pub key: VerifyingKey,
    /// How it was made.
    pub provenance: Provenance,
}

/// The keys in force.
#[derive(Debug, Clone, Default)]
pub struct StatementKeys {
    keys: Arc<BTreeMap<PersonStatement, StatementKey>>,
}

impl StatementKeys {
    /// The key in force, if one was adopted.
    pub fn get(&self, statement: PersonStatement) -> Option<&StatementKey> {
        self.keys.get(&statement)
    }

    /// Its digest.
    ///
    /// # Errors
    /// [`Refusal::StatementKeyMissing`] before one was adopted.
    pub fn digest(&self, statement: PersonStatement) -> Result<KeyDigest, Refusal> {
        self.get(statement)
            .map(|key| key.key.digest())
            .ok_or(Refusal::StatementKeyMissing { statement })
    }

    pub(super) fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.keys
            .values()
            .find(|key| key.key.digest() == *digest)
            .map(|key| (&key.key, key.provenance))
    }

    /// Everything but the key's points, which are checked before an act is proposed
    /// ([`crate::CheckedKey`]).
    pub(super) fn check_adopted(
        &self,
        adopted: &StatementKeyAdopted,
        policy: KeyPolicy,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let before = self.get(adopted.statement).map_or(0, |key| key.generation);
        let expected = before.saturating_add(1);
        if adopted.generation != expected {
            return Err(Refusal::OutOfSequence {
                what: fields::GENERATION,
                expected,
                found: adopted.generation,
            });
        }
        policy.admit(adopted.provenance)?;
        let (expected, found) = (adopted.statement.inputs(), adopted.key.public_inputs());
        if expected != found {
            return Err(Refusal::KeyInputs { expected, found });
        }
        draft.put(Key::new(&[&[adopted.statement as u8]]), adopted);
        Ok(())
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, value: &[u8]) -> Result<(), RowError> {
        let adopted: StatementKeyAdopted = decode(value)?;
        let key = StatementKey {
            generation: adopted.generation,
            key: adopted.key,
            provenance: adopted.provenance,
        };
        Arc::make_mut(&mut self.keys).insert(adopted.statement, key);
        Ok(())
    }
}
