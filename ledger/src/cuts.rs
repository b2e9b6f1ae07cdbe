//! Which sums may be opened, so that no combination of opened sums is about few people.
//!
//! A deed may be claimed once under each scale that reads such records. An *interval* is a set of claims of one scale
//! and view-key epoch whose sum is opened as a whole. So an opened sum is about a set of deeds, and whoever adds and
//! subtracts opened sums learns sums over combinations of these sets. It is not enough to compare sets in pairs: a set
//! may differ from each of two others by many deeds, and from their union by one.
//!
//! The rule is about *classes*. Two deeds are in one class if they lie in exactly the same opened sets. In any linear
//! combination of opened sums, all deeds of a class have the same coefficient, so what a combination is about is a
//! union of classes. The rule keeps each class at [`Rule::least`] deeds or more, and each combination is then about at
//! least so many deeds, or about none.
//!
//! A distributor knows the deeds that it claims, and can subtract them. So the same must hold for each class without
//! the deeds of any one distributor: the others' are none, or enough. Distributors that tell each other what they know
//! are not covered.

use std::collections::{BTreeMap, BTreeSet};

use merits_primitives::{
    ids::{AssetId, Epoch, PartyId},
    sum::WideSum,
};
use thiserror::Error;

/// The most that V_max × claims, or W_max × claims, of an interval may be: sums up to this are found by baby steps and
/// giant steps.
pub const WORST_TOTAL: WideSum = WideSum(1 << 48);

/// Claims of one scale and epoch that are opened together. A deed's period is that of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// View-key epoch.
    pub epoch: Epoch,
    /// Counted from 0 within scale, period and epoch.
    pub number: u32,
}

/// One distributor's claims in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Portion {
    /// The interval.
    pub interval: Interval,
    /// Who made the claims, and knows what is in them.
    pub distributor: PartyId,
}

/// The deeds that were claimed in exactly these portions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// In order, each once. At most one of a scale.
    pub portions: Vec<Portion>,
    /// How many deeds.
    pub deeds: u64,
}

/// Why an interval must not be opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CutFault {
    /// The sum, or its difference to a combination of opened sums, would be about too few deeds.
    #[error(
        "{found} deeds would lie in the same opened sums as no others: a difference of sums would be about them \
         alone, and at least {least} are needed"
    )]
    Class {
        /// Deeds of the class.
        found: u64,
        /// The least number.
        least: u64,
    },
    /// The same, for a distributor that subtracts what it knows.
    #[error(
        "distributor {distributor} could subtract its own claims, and be left with a sum over {found} deeds of \
         others: at least {least} are needed"
    )]
    Distributor {
        /// The distributor.
        distributor: PartyId,
        /// The others' deeds in the class.
        found: u64,
        /// The least number.
        least: u64,
    },
}

/// The rule of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The least number of deeds of a class.
    pub least: u64,
}

impl Rule {
    /// Whether `new` may be opened, beside the intervals that are `cut` already. `atoms` are all the deeds of a period
    /// that scales may share, so that they have the deeds of `new`, and of every cut interval with a deed in common.
    ///
    /// Classes that the new set does not touch are not looked at: they were allowed when they came to be.
    ///
    /// # Errors
    /// [`CutFault`].
    pub fn check<'a>(
        self,
        atoms: impl IntoIterator<Item = &'a Atom>,
        cut: impl Fn(&Interval) -> bool,
        new: &Interval,
    ) -> Result<(), CutFault> {
        let mut classes: BTreeMap<Vec<Interval>, Split<'a>> = BTreeMap::new();
        for atom in atoms {
            let intervals = atom.portions.iter().map(|portion| portion.interval);
            let inside = intervals.clone().any(|interval| interval == *new);
            let opened = intervals.filter(|interval| interval != new && cut(interval));
            let class = classes.entry(opened.collect()).or_default();
            match inside {
                true => class.inside.push(atom),
                false => class.outside.push(atom),
            }
        }
        let mut touched = false;
        for (opened, Split { inside, outside }) in &classes {
            if deeds(inside) == 0 {
                continue;
            }
            touched = true;
            self.check_class(inside)?;
            // Deeds that lie in no opened sum stay so.
            if !opened.is_empty() && deeds(outside) > 0 {
                self.check_class(outside)?;
            }
        }
        match touched {
            true => Ok(()),
            false => self.check_class(&[]),
        }
    }

    /// Whether a sum may be about exactly these deeds.
    fn check_class(self, class: &[&Atom]) -> Result<(), CutFault> {
        // A sum over nobody is no sum.
        let least = self.least.max(1);
        let found = deeds(class);
        if found < least {
            return Err(CutFault::Class { found, least });
        }
        let mut known: BTreeMap<PartyId, u64> = BTreeMap::new();
        for atom in class {
            let who: BTreeSet<PartyId> = atom.portions.iter().map(|of| of.distributor).collect();
            for distributor in who {
                *known.entry(distributor).or_default() += atom.deeds;
            }
        }
        for (distributor, known) in known {
            let found = found - known;
            if found > 0 && found < least {
                return Err(CutFault::Distributor {
                    distributor,
                    found,
                    least,
                });
            }
        }
        Ok(())
    }
}

/// A class, and where the new set divides it.
#[derive(Debug, Default)]
struct Split<'a> {
    inside: Vec<&'a Atom>,
    outside: Vec<&'a Atom>,
}

fn deeds(atoms: &[&Atom]) -> u64 {
    atoms.iter().map(|atom| atom.deeds).sum()
}

#[cfg(test)]
mod tests;
