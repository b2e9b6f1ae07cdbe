//! Credits of accounts in a distributor's custody, on a ledger without tickets: found with its seed and a copy.

use std::{collections::BTreeSet, path::PathBuf};

use merits_params::manifest::{Manifest, ManifestError};
use merits_primitives::ids::{Credits, Quantity};
use merits_replica::{Replica, ReplicaError};
use serde::Serialize;
use thiserror::Error;

use crate::{
    credits::{Accounts, ClaimFault, OwnCredit},
    ledger::public_batch,
};

/// Credits of one claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustodyCredit {
    /// The account.
    pub account: String,
    /// The period.
    pub period: String,
    /// How many.
    pub credits: Credits,
    /// What the deeds measured, of a scale with a measure.
    pub measure: Option<Quantity>,
    /// The unit of that.
    pub measure_unit: String,
    /// The batch.
    pub entry: String,
    /// The claim in it.
    pub claim: u16,
}

/// Why the credits cannot be found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// The copy of the log is empty.
    #[error(
        "the copy of the log in {} is empty: let its role bring it up to date first, for instance by `merits \
         sponsor verify`", .0.display()
    )]
    EmptyCopy(PathBuf),
    /// The copy.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// A manifest on the ledger.
    #[error(transparent)]
    Manifest(#[from] Box<ManifestError>),
    /// A claim contradicts itself.
    #[error(transparent)]
    Claim(#[from] ClaimFault),
}

/// The credits of these accounts. The seed and the copy are enough, because the manifests on the ledger have
/// the terms of the consents. Nothing is kept between two calls, so each reads the whole copy once, leaf by leaf.
///
/// # Errors
/// [`CustodyError`].
pub fn custody_credits(
    replica: &Replica,
    seed: &[u8; 32],
    accounts: &[String],
) -> Result<Vec<CustodyCredit>, CustodyError> {
    if replica.size() == 0 {
        return Err(CustodyError::EmptyCopy(replica.directory().to_owned()));
    }
    let state = replica.state()?;
    let mut terms = BTreeSet::new();
    for (_, scale) in state.scales().iter() {
        for version in &scale.versions {
            let manifest = Manifest::from_approved(&version.terms.manifest).map_err(Box::new)?;
            terms.insert(manifest.terms_digest());
        }
    }
    let accounts: Vec<Accounts> = (terms.into_iter())
        .map(|terms| {
            let (accounts, origin) = (accounts.iter().cloned(), state.origin().clone());
            Accounts::derive(seed, accounts, origin, terms)
        })
        .collect();
    let mut searches: Vec<_> = accounts.iter().map(Accounts::search).collect();
    let mut found = Vec::new();
    for leaf in replica.leaves() {
        let (_, leaf) = leaf?;
        let id = leaf.entry.id();
        if let Some(batch) = public_batch(state, id, &leaf.entry) {
            for search in &mut searches {
                for claim in search.batch(&batch) {
                    found.push(report(replica, &claim?)?);
                }
            }
        }
    }
    Ok(found)
}

fn report(replica: &Replica, credit: &OwnCredit) -> Result<CustodyCredit, CustodyError> {
    Ok(CustodyCredit {
        account: credit.account.clone(),
        period: credit.scope.period.label(),
        credits: credit.credits,
        measure: credit.measure,
        measure_unit: measure_unit(replica, credit)?,
        entry: credit.entry.to_string(),
        claim: credit.claim,
    })
}

/// The unit of what a claim measured; empty for a scale without a measure.
fn measure_unit(replica: &Replica, credit: &OwnCredit) -> Result<String, CustodyError> {
    if credit.measure.is_none() {
        return Ok(String::new());
    }
    let scales = replica.state()?.scales();
    let record = scales
        .by_asset(credit.scope.asset)
        .and_then(|(_, scale)| scale.in_force(credit.scope.period.index));
    let manifest = record.map(|record| Manifest::from_approved(&record.terms.manifest));
    let manifest = manifest.transpose().map_err(Box::new)?;
    let unit = manifest.as_ref().and_then(Manifest::measure);
    Ok(unit.map_or_else(String::new, |measure| measure.unit.clone()))
}
