//! Who claimed which deeds under which scales, as far as [`crate::cuts`] asks: how many deeds lie in the same portions.
//!
//! Where one scale reads a kind of records, a claim is a deed, and only claims are counted. Where several do, each
//! deed's portions are kept by its commitment. Whether they are is settled by the first claim of a period: a scale that
//! comes later finds deeds that nobody compared, so its totals of that period stay closed.

use std::collections::{BTreeMap, BTreeSet};

use merits_primitives::{
    commitment::RecordCommitment,
    field,
    ids::{AssetId, Period, SchemaId},
};

use super::records::{AtomNumber, DeedNumber, DeedsHead};
use crate::cuts::{Atom, Portion};
use crate::rows::{Key, RowError, RowKey, Table, View};
use crate::state::draft::Draft;

/// Most atoms of a schema and period. Distributors and intervals of several scales multiply, and a cut reads all of
/// them. Beyond this, no total of the period is cut any more.
pub(super) const MOST_ATOMS: u32 = 65_535;

/// The deeds of one schema and period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deeds {
    pub(super) schema: SchemaId,
    pub(super) period: Period,
    /// Whether another scale reads such records too.
    pub(super) shared: bool,
}

/// A batch's claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added<'b> {
    pub(super) own: Portion,
    pub(super) commitments: &'b [RecordCommitment],
}

impl Deeds {
    /// The rows that a batch reads, whichever of these portions its claims go to.
    pub(super) fn batch_reads(
        &self,
        view: &View,
        portions: &[Portion; 2],
        commitments: impl Iterator<Item = RecordCommitment>,
    ) -> Result<Vec<RowKey>, RowError> {
        let mut keys = vec![self.head_key().into_row()];
        let asset = portions[0].interval.asset;
        let head = view.known(&self.head_key())?;
        let sole = head.map_or((!self.shared).then_some(asset), |head| head.sole);
        let mut before: Vec<Vec<Portion>> = Vec::new();
        match sole {
            Some(sole) if sole == asset => before.push(Vec::new()),
            Some(_) => {}
            None => self.atoms_of(view, commitments, &mut keys, &mut before)?,
        }
        for portions_before in before {
            for own in portions {
                let place = self.place_key(&with(&portions_before, own));
                if let Some(AtomNumber(number)) = view.known(&place)? {
                    keys.push(self.atom_key(number).into_row());
                }
                keys.push(place.into_row());
            }
        }
        Ok(keys)
    }

    /// The portions in which these deeds were claimed before.
    fn atoms_of(
        &self,
        view: &View,
        commitments: impl Iterator<Item = RecordCommitment>,
        keys: &mut Vec<RowKey>,
        before: &mut Vec<Vec<Portion>>,
    ) -> Result<(), RowError> {
        let mut numbers = BTreeSet::new();
        for commitment in commitments {
            let key = deed_key(commitment);
            numbers.insert(view.known(&key)?.map(|DeedNumber(number)| number));
            keys.push(key.into_row());
        }
        for number in numbers {
            let Some(number) = number else {
                before.push(Vec::new());
                continue;
            };
            let key = self.atom_key(number);
            if let Some(atom) = view.known(&key)? {
                before.push(atom.portions);
            }
            keys.push(key.into_row());
        }
        Ok(())
    }

    /// Counts a batch's claims.
    pub(super) fn record(&self, draft: &mut Draft<'_>, added: &Added<'_>) -> Result<(), RowError> {
        let known: Option<DeedsHead> = draft.get(&self.head_key())?;
        let own = added.own;
        let mut head = known.clone().unwrap_or_else(|| DeedsHead {
            sole: (!self.shared).then_some(own.interval.asset),
            ..DeedsHead::default()
        });
        match head.sole {
            // Nobody compared the deeds that the first scale claimed.
            Some(sole) if sole != own.interval.asset => return Ok(()),
            Some(_) => {
                let claims = added.commitments.len() as u64;
                self.count(draft, &mut head, vec![own], claims)?;
            }
            None => self.compare(draft, &mut head, added)?,
        }
        if known.as_ref() != Some(&head) {
            draft.put(self.head_key(), &head);
        }
        Ok(())
    }

    /// Moves each deed to the atom that has the batch's portion too.
    fn compare(
        &self,
        draft: &mut Draft<'_>,
        head: &mut DeedsHead,
        added: &Added<'_>,
    ) -> Result<(), RowError> {
        let mut groups: BTreeMap<Option<u32>, Vec<RecordCommitment>> = BTreeMap::new();
        for commitment in added.commitments {
            let before = draft.get(&deed_key(*commitment))?;
            let before = before.map(|DeedNumber(number)| number);
            groups.entry(before).or_default().push(*commitment);
        }
        for (before, commitments) in groups {
            let deeds = commitments.len() as u64;
            let mut portions = Vec::new();
            if let Some(number) = before {
                let key = self.atom_key(number);
                let mut atom = draft
                    .get(&key)?
                    .ok_or(RowError::Missing { table: Table::Atom })?;
                atom.deeds = atom.deeds.saturating_sub(deeds);
                portions.clone_from(&atom.portions);
                draft.put(key, &atom);
            }
            let portions = with(&portions, &added.own);
            if let Some(number) = self.count(draft, head, portions, deeds)? {
                for commitment in commitments {
                    draft.put(deed_key(commitment), &DeedNumber(number));
                }
            }
        }
        Ok(())
    }

    /// Adds deeds to the atom of these portions. `None` if there is no room for it.
    fn count(
        &self,
        draft: &mut Draft<'_>,
        head: &mut DeedsHead,
        portions: Vec<Portion>,
        deeds: u64,
    ) -> Result<Option<u32>, RowError> {
        let place = self.place_key(&portions);
        let number = match draft.get(&place)? {
            Some(AtomNumber(number)) => number,
            None if head.atoms >= MOST_ATOMS => {
                head.full = true;
                return Ok(None);
            }
            None => {
                let number = head.atoms;
                head.atoms += 1;
                draft.put(place, &AtomNumber(number));
                draft.put(self.atom_key(number), &Atom { portions, deeds: 0 });
                number
            }
        };
        let key = self.atom_key(number);
        let mut atom: Atom = draft
            .get(&key)?
            .ok_or(RowError::Missing { table: Table::Atom })?;
        atom.deeds += deeds;
        draft.put(key, &atom);
        Ok(Some(number))
    }

    /// The rows that a cut reads: all atoms.
    pub(super) fn cut_reads(&self, view: &View) -> Result<Vec<RowKey>, RowError> {
        let mut keys = vec![self.head_key().into_row()];
        if let Some(head) = view.known(&self.head_key())? {
            let atoms = (0..head.atoms).map(|number| self.atom_key(number).into_row());
            keys.extend(atoms);
        }
        Ok(keys)
    }

    /// All atoms.
    pub(super) fn atoms(&self, draft: &Draft<'_>, head: &DeedsHead) -> Result<Vec<Atom>, RowError> {
        let table = Table::Atom;
        let numbers = 0..head.atoms;
        let atom = |number| {
            let atom = draft.get(&self.atom_key(number))?;
            atom.ok_or(RowError::Missing { table })
        };
        numbers.map(atom).collect()
    }

    pub(super) fn head_key(&self) -> Key<DeedsHead> {
        Key::new(&[&self.bytes()])
    }

    fn atom_key(&self, number: u32) -> Key<Atom> {
        Key::new(&[&self.bytes(), &number.to_be_bytes()])
    }

    fn place_key(&self, portions: &[Portion]) -> Key<AtomNumber> {
        let mut parts = Vec::new();
        for portion in portions {
            parts.extend(portion.interval.asset.0.to_le_bytes());
            parts.extend(portion.interval.epoch.0.to_le_bytes());
            parts.extend(portion.interval.number.to_le_bytes());
            parts.extend(portion.distributor.0);
        }
        let digest = field::digest("merits/atom/v1", &[&parts]);
        Key::new(&[&self.bytes(), &digest])
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = field::to_bytes(&self.schema).to_vec();
        bytes.extend(self.period.to_u64().to_be_bytes());
        bytes
    }
}

fn deed_key(commitment: RecordCommitment) -> Key<DeedNumber> {
    Key::new(&[&field::to_bytes(&commitment)])
}

/// In order. A deed is claimed once under a scale, so none of these is there.
fn with(portions: &[Portion], own: &Portion) -> Vec<Portion> {
    let mut all = portions.to_vec();
    all.push(*own);
    all.sort_unstable();
    all
}

/// The scale that was alone when the period was claimed first, if it is another one.
pub(super) fn sole_other(head: &DeedsHead, asset: AssetId) -> Option<AssetId> {
    head.sole.filter(|sole| *sole != asset)
}
