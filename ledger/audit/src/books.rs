//! The books: what was issued and what was redeemed, by scale and expiry bucket.
//!
//! Issued credits are known from opened totals only; of the claims that no total covers yet, the books have the most
//! that they can hold. More redeemed than both together means that credits were made from nothing.

use std::collections::BTreeMap;

use merits_ledger::{
    State,
    entry::{REDEEMED, Redeemed},
    state::Balance,
};
use merits_primitives::{
    ids::{AssetId, EntryId, Expiry},
    sum::CreditsSum,
};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use serde::Serialize;

use crate::{
    AuditError,
    report::{Finding, Findings},
};

/// The name of this check in its findings.
pub const CHECK: &str = "books";

/// The books of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Leaves of the log that they are of.
    pub leaves: u64,
    /// One for each scale and expiry bucket with credits.
    pub books: Vec<Book>,
    /// Where more was redeemed than can have been issued.
    pub findings: Findings,
}

impl Books {
    /// Whether no more was redeemed than can have been issued, in every bucket.
    pub fn are_conserved(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The books of one scale and expiry bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Book {
    /// The scale.
    pub scale: String,
    /// Whether the distributor alone vouches for whose records these are.
    pub vouched: bool,
    /// The month before whose first day the credits are good, such as `2029-01`.
    pub good_until_before: String,
    /// Credits in opened totals.
    pub issued: CreditsSum,
    /// Claims that those cover.
    pub claims: u64,
    /// Claims that no opened total covers.
    pub unopened_claims: u64,
    /// The most credits that those can hold.
    pub unopened_worst: CreditsSum,
    /// Credits redeemed.
    pub redeemed: CreditsSum,
    /// Redemptions.
    pub redemptions: u64,
    /// Whether the bucket's time is over, so that outstanding credits have lapsed.
    pub expired: bool,
    /// The credits that are left; `None` if more was redeemed than can have been issued.
    pub outstanding: Option<Outstanding>,
}

/// Credits that were issued and not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outstanding {
    /// The fewest that can be left.
    pub least: CreditsSum,
    /// The most that can be left.
    pub most: CreditsSum,
}

impl Book {
    fn new((scale, vouched): (String, bool), expiry: Expiry, balance: &Balance) -> Self {
        let outstanding = balance.outstanding();
        Self {
            scale,
            vouched,
            good_until_before: expiry.label(),
            issued: balance.issued,
            claims: balance.claims,
            unopened_claims: balance.unopened_claims,
            unopened_worst: balance.unopened_worst,
            redeemed: balance.redeemed,
            redemptions: balance.redemptions,
            expired: balance.expired,
            outstanding: outstanding.map(|(least, most)| Outstanding { least, most }),
        }
    }

    /// The most credits that can have been issued.
    pub fn most_issued(&self) -> CreditsSum {
        self.issued + self.unopened_worst
    }
}

/// Weighs a ledger's state. `leaves` are those of the same copy, from the first one; they are read only if more was
/// redeemed than can have been issued, to find the entry by which that happened.
///
/// # Errors
/// [`AuditError`] if rows or leaves cannot be read.
pub fn weigh<E: Into<AuditError>>(
    state: &State,
    leaves: impl IntoIterator<Item = Result<(u64, Leaf), E>>,
) -> Result<Books, AuditError> {
    let mut books = Vec::new();
    let mut overdrawn = BTreeMap::new();
    for ((asset, expiry), balance) in state.conservation()? {
        let book = Book::new(named(state, asset), expiry, &balance);
        if book.outstanding.is_none() {
            overdrawn.insert((asset, expiry), Overdrawn::of(&book));
        }
        books.push(book);
    }
    let mut findings = Findings::default();
    if !overdrawn.is_empty() {
        find(state, leaves, &mut overdrawn, &mut findings)?;
    }
    Ok(Books {
        leaves: state.size(),
        books,
        findings,
    })
}

/// A scale's name, and whether its distributor alone vouches for the records.
fn named(state: &State, asset: AssetId) -> (String, bool) {
    match state.scales().by_asset(asset) {
        Some((id, scale)) => {
            let vouched = scale.versions.iter().any(|record| record.terms.vouched);
            (id.to_string(), vouched)
        }
        // Every entry that reaches the books names a scale of the ledger.
        None => (format!("asset {}", asset.0), false),
    }
}

/// A bucket of which more was redeemed than can have been issued, while its redemptions are read.
struct Overdrawn {
    scale: String,
    good_until_before: String,
    most: CreditsSum,
    /// By the state's rows.
    redeemed: CreditsSum,
    /// By the leaves so far.
    so_far: CreditsSum,
    found: bool,
}

impl Overdrawn {
    fn of(book: &Book) -> Self {
        Self {
            scale: book.scale.clone(),
            good_until_before: book.good_until_before.clone(),
            most: book.most_issued(),
            redeemed: book.redeemed,
            so_far: CreditsSum::ZERO,
            found: false,
        }
    }

    /// Adds a redemption; the finding if it is the first one too many.
    fn add(&mut self, price: CreditsSum, leaf: u64, entry: EntryId) -> Option<Finding> {
        self.so_far = self.so_far.saturating_add(price);
        if self.found || self.so_far <= self.most {
            return None;
        }
        self.found = true;
        let Self {
            scale,
            good_until_before,
            most,
            so_far,
            redeemed,
            ..
        } = self;
        let what = format!(
            "with this redemption, {so_far} credits of {scale} good until before {good_until_before} were redeemed \
             ({redeemed} by now), and at most {most} can have been issued. Credits were made from nothing: stop \
             honouring vouchers of this scale, and show this entry to the supervisors"
        );
        Some(Finding::of_entry(CHECK, leaf, entry, what))
    }

    /// What is wrong if the leaves have no redemption too many.
    fn contradiction(&self) -> Option<Finding> {
        let Self {
            scale,
            good_until_before,
            redeemed,
            so_far,
            ..
        } = self;
        (!self.found).then(|| {
            let what = format!(
                "the state of this copy says that {redeemed} credits of {scale} good until before \
                 {good_until_before} were redeemed, and the redemptions in its leaves are {so_far}: the copy is \
                 damaged. `merits audit replay` says more; delete the copy, and follow the log again"
            );
            Finding::of_log(CHECK, what)
        })
    }
}

/// Reads the redemptions, and names the first one too many of each bucket.
fn find<E: Into<AuditError>>(
    state: &State,
    leaves: impl IntoIterator<Item = Result<(u64, Leaf), E>>,
    overdrawn: &mut BTreeMap<(AssetId, Expiry), Overdrawn>,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    for leaf in leaves {
        let (index, Leaf { entry, .. }) = leaf.map_err(Into::into)?;
        if entry.kind != REDEEMED {
            continue;
        }
        // It was decoded when it was verified, and its offer is on the ledger.
        let Ok(redeemed) = Redeemed::from_bytes(&entry.statement) else {
            continue;
        };
        let Some(offer) = state.offers().get(&redeemed.offer) else {
            continue;
        };
        let bucket = (offer.asset, offer.published.expiry);
        let Some(overdrawn) = overdrawn.get_mut(&bucket) else {
            continue;
        };
        let price = offer.published.price.into();
        if let Some(finding) = overdrawn.add(price, index, entry.id()) {
            findings.push(finding);
        }
    }
    for overdrawn in overdrawn.values() {
        if let Some(finding) = overdrawn.contradiction() {
            findings.push(finding);
        }
    }
    Ok(())
}
