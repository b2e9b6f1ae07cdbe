//! Conservation: the credits issued, redeemed and left, by scale and expiry bucket.

use std::collections::BTreeMap;

use merits_primitives::{
    ids::{AssetId, Expiry, Output},
    sum::CreditsSum,
};

use super::State;
use super::offers::check_not_expired;
use crate::rows::RowError;

/// The accounts of one scale and expiry bucket, from public data alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balance {
    /// Credits in opened totals.
    pub issued: CreditsSum,
    /// Claims that those cover.
    pub claims: u64,
    /// Claims that no opened total covers.
    pub unopened_claims: u64,
    /// The most that those can hold.
    pub unopened_worst: CreditsSum,
    /// Credits redeemed.
    pub redeemed: CreditsSum,
    /// Redemptions.
    pub redemptions: u64,
    /// Whether the bucket's time is over, so that outstanding credits have lapsed.
    pub expired: bool,
}

impl Balance {
    /// The least and the most that can be outstanding; `None` if more was redeemed than can ever have
    /// been issued.
    pub fn outstanding(&self) -> Option<(CreditsSum, CreditsSum)> {
        let most = (self.issued + self.unopened_worst).checked_sub(self.redeemed)?;
        Some((self.issued.saturating_sub(self.redeemed), most))
    }
}

impl State {
    /// The accounts, by scale and expiry bucket.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn conservation(&self) -> Result<BTreeMap<(AssetId, Expiry), Balance>, RowError> {
        let mut books: BTreeMap<_, Balance> = BTreeMap::new();
        for (key, sums) in self.totals().summaries()? {
            if key.output != Output::Credits {
                continue;
            }
            let Some((_, scale)) = self.scales.by_asset(key.asset) else {
                continue;
            };
            // No version begins in a period that was already claimed, so this is the batches'
            // version.
            let Some(record) = scale.in_force(key.period.index) else {
                continue;
            };
            let expiry = record.terms.expiry.expiry(key.period);
            let balance = books.entry((key.asset, expiry)).or_default();
            balance.issued += sums.opened_sum.as_credits();
            balance.claims += sums.opened_claims;
            balance.unopened_claims += sums.unopened_claims;
            balance.unopened_worst += sums.unopened_worst.as_credits();
        }
        for (asset, expiry, sum) in self.offers.redeemed() {
            let balance = books.entry((asset, expiry)).or_default();
            balance.redeemed = sum.credits;
            balance.redemptions = sum.redemptions;
        }
        for ((_, expiry), balance) in &mut books {
            balance.expired = check_not_expired(*expiry, self.time()).is_err();
        }
        Ok(books)
    }
}
