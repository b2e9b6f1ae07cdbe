//! Redemptions: planned by the wallet, processed by an exchange, and confirmed by the log.
//!
//! The wallet does not contact exchanges: its program sends the result of
//! [`Wallet::plan_redemption`] to one, and passes back the answer.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use merits_guard::output::{Kind, Output, Readers, prove_replaceable};
use merits_ledger::{
    Entry, OfferRefusal, Refusal,
    entry::{Attested, REDEEMED, Redeemed},
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, Expiry, PartyId, ScaleId},
};
use merits_verifier::{groth16::Proof, receipt::Receipt};
use rand_core::CryptoRng;
use serde::Serialize;

use super::{Wallet, WalletError};
use crate::{
    keys::VoucherKey,
    prover::{PersonProver, PersonProving as _},
    report::{expiry_day, party_name, unit},
    spend::{Planned, Spender},
    view::SpendingPurpose,
};

/// A voucher that the wallet stores. If it is requested again, it is the same.
const VOUCHER: Kind<'static> =
    Kind::new("a voucher", Readers::Owner).replacing(b"{\n  \"merits\": \"voucher/v1\",\n");

/// A redemption that is ready to be proven and sent to its exchange.
#[derive(Debug)]
pub struct PlannedRedemption {
    /// The id that it will have on the ledger.
    pub id: EntryId,
    /// The exchange.
    pub exchange: PartyId,
    planned: Planned<Redeemed>,
}

impl PlannedRedemption {
    /// Its statement.
    pub fn entry(&self) -> &Redeemed {
        &self.planned.entry
    }

    /// Credits that come back.
    pub fn change(&self) -> Credits {
        self.planned.change
    }

    /// Makes the proof.
    ///
    /// # Errors
    /// [`WalletError::Proving`].
    pub fn prove(&self, prover: &PersonProver) -> Result<Proof, WalletError> {
        Ok(prover.redeem(&self.planned.witness, &self.planned.statement)?)
    }
}

/// A redemption of the person that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRedemption {
    /// The entry.
    pub id: EntryId,
    /// The offer.
    pub offer: EntryId,
    /// Its receipt, if the copy can give one.
    pub receipt: Option<Receipt>,
}

/// A stored voucher. Anybody can use its code, so the code is only in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptVoucher {
    /// The redemption.
    pub redemption: String,
    /// Title of the offer.
    pub title: String,
    /// What was paid.
    pub credits: Credits,
    /// What one credit is.
    pub unit: String,
    /// The exchange.
    pub exchange: String,
    /// The file.
    pub path: PathBuf,
}

/// The stored data of a voucher. Only the owner may read the file.
#[derive(Serialize)]
struct Kept<'a> {
    merits: &'static str,
    origin: &'a str,
    redemption: String,
    offer: String,
    title: &'a str,
    code: &'a str,
    receipt: Option<String>,
}

impl Wallet {
    /// Plans the redemption of an offer, which is named by its id or the beginning of it, at `now`.
    /// An offer of one exchange needs no `exchange`.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn plan_redemption(
        &self,
        offer: &str,
        exchange: Option<PartyId>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PlannedRedemption, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let ids = state.offers().iter().map(|(id, _)| *id);
        let offer = entry_id(ids, offer, "offer on the ledger")?;
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer });
        let published = &state.offers().get(&offer).ok_or(unknown)?.published;
        let exchange = match (exchange, published.exchanges.as_slice()) {
            (Some(exchange), _) => exchange,
            (None, [one]) => *one,
            (None, _) => return Err(WalletError::SeveralExchanges),
        };
        let planned = self.spend(state, now, |spender| spender.redeem(&offer, &exchange, rng))?;
        let statement = Entry::Redeemed(planned.entry.clone()).statement();
        Ok(PlannedRedemption {
            id: EntryId::derive(self.keys.origin(), REDEEMED, &exchange, &statement),
            exchange,
            planned,
        })
    }

    /// Brings the copy up to date after an exchange answered with a receipt, and finds the
    /// redemption in it: the log decides, not the exchange.
    ///
    /// # Errors
    /// [`WalletError::NotYetSeen`], [`WalletError::NotInLog`], [`WalletError::NotOwn`].
    pub fn confirm_redemption<'a>(
        &'a mut self,
        id: EntryId,
        receipt: &'a Receipt,
    ) -> BoxFuture<'a, Result<(), WalletError>> {
        Box::pin(async move {
            self.sync()
                .await
                .map_err(|source| WalletError::NotYetSeen {
                    id,
                    source: Box::new(source),
                })?;
            if self.replica().find(&id)?.is_none() {
                let receipt = receipt.to_string();
                return Err(WalletError::NotInLog { id, receipt });
            }
            let own = self.view.spendings.iter().any(|own| own.entry == id);
            own.then_some(()).ok_or(WalletError::NotOwn)
        })
    }

    /// A redemption of this wallet, named by its entry's id or the beginning of it.
    ///
    /// # Errors
    /// [`WalletError::UnknownEntry`], [`WalletError::NoVoucher`].
    pub fn redemption(&self, text: &str) -> Result<OwnRedemption, WalletError> {
        let ids = self.view.spendings.iter().map(|own| own.entry);
        let id = entry_id(ids, text, "redemption of this wallet")?;
        let (offer, ..) = self.redeemed(&id)?;
        Ok(OwnRedemption {
            id,
            offer: *offer,
            receipt: self.replica().receipt(&id)?,
        })
    }

    /// The key that a redemption's voucher is sealed to.
    ///
    /// # Errors
    /// [`WalletError::NotOwn`], [`WalletError::NoVoucher`].
    pub fn voucher_key(&self, redemption: &EntryId) -> Result<VoucherKey, WalletError> {
        let (offer, ..) = self.redeemed(redemption)?;
        let mut spendings = self.view.spendings.iter();
        let own = spendings.find(|own| own.entry == *redemption);
        let own = own.ok_or(WalletError::NotOwn)?;
        Ok(self.keys.voucher_key(offer, &own.sn1))
    }

    /// (Offer, exchange, price) of a redemption of this wallet.
    fn redeemed(&self, id: &EntryId) -> Result<(&EntryId, &PartyId, Credits), WalletError> {
        let own = self.view.spendings.iter().find(|own| own.entry == *id);
        match &own.ok_or(WalletError::NotOwn)?.purpose {
            SpendingPurpose::Redeemed {
                offer,
                exchange,
                amount,
                ..
            } => Ok((offer, exchange, *amount)),
            SpendingPurpose::Attested { .. } => Err(WalletError::NoVoucher(*id)),
        }
    }

    /// Checks that a voucher can be stored, before anything is spent for it.
    ///
    /// # Errors
    /// [`WalletError::Folder`].
    pub fn require_voucher_folder(&self) -> Result<(), WalletError> {
        self.voucher_folder().map(drop)
    }

    fn voucher_folder(&self) -> Result<PathBuf, WalletError> {
        voucher_folder(self.directory.path())
    }

    /// Stores a voucher's code in the wallet's folder, readable by its owner only.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn keep_voucher(
        &self,
        redemption: &EntryId,
        code: &str,
        receipt: Option<&Receipt>,
    ) -> Result<KeptVoucher, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let (offer, exchange, credits) = self.redeemed(redemption)?;
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer: *offer });
        let published = &state.offers().get(offer).ok_or(unknown)?.published;
        let folder = self.voucher_folder()?;
        let path = folder.join(format!("{redemption}.json"));
        let kept = Kept {
            merits: "voucher/v1",
            origin: self.keys.origin().as_str(),
            redemption: redemption.to_string(),
            offer: offer.to_string(),
            title: &published.title,
            code,
            receipt: receipt.map(Receipt::to_string),
        };
        let mut text = zeroize::Zeroizing::new(serde_json::to_string_pretty(&kept)?);
        text.push('\n');
        Output::write(&path, VOUCHER, text.as_bytes())?;
        Ok(KeptVoucher {
            redemption: redemption.to_string(),
            title: published.title.clone(),
            credits,
            unit: unit(state, &published.scale),
            exchange: party_name(state, exchange),
            path,
        })
    }

    /// The expiry buckets of a scale whose notes may be merged at `now`: all of them, or the
    /// one whose credits are no longer good from `day` on.
    ///
    /// # Errors
    /// [`WalletError::NoBucket`]; and others.
    pub fn buckets(
        &self,
        scale: &ScaleId,
        day: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Expiry>, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let asset = state.scales().get(scale)?.asset;
        let all = Spender::new(state, &self.view, &self.keys, now)?.buckets(asset);
        match day {
            None => Ok(all),
            Some(day) => Ok(vec![bucket(&all, day)?]),
        }
    }

    /// Merges that can be made in a bucket now; each becomes an entry of its own.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn plan_merges(
        &self,
        scale: &ScaleId,
        expiry: Expiry,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Planned<Attested>>, WalletError> {
        let replica = self.replica();
        self.spend(replica.state()?, now, |spender| {
            spender.merge(scale, expiry, rng)
        })
    }

    /// Proves a merge and submits it. Returns the value of the new note.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn merge<'a>(
        &'a mut self,
        merge: Planned<Attested>,
        prover: &'a PersonProver,
    ) -> BoxFuture<'a, Result<Credits, WalletError>> {
        Box::pin(async move {
            let proof = merge.prove(prover)?;
            let entry = Entry::Attested(merge.entry).personal(self.keys.origin(), &proof);
            self.submit(&entry).await?;
            Ok(merge.change)
        })
    }
}

/// The bucket whose credits are no longer valid from this day on.
pub(super) fn bucket(buckets: &[Expiry], day: &str) -> Result<Expiry, WalletError> {
    let found = buckets.iter().find(|expiry| expiry_day(**expiry) == day);
    found.copied().ok_or_else(|| WalletError::NoBucket {
        day: day.to_owned(),
        known: buckets.iter().map(|expiry| expiry_day(*expiry)).collect(),
    })
}

/// The folder of the vouchers of the wallet in `directory`, made if it is not there, in which a file can be made.
fn voucher_folder(directory: &Path) -> Result<PathBuf, WalletError> {
    let folder = directory.join("vouchers");
    merits_guard::create_folder(&folder)
        .and_then(|()| prove_replaceable(&folder.join("voucher.json")))
        .map_err(|source| WalletError::Folder {
            path: folder.display().to_string(),
            source,
        })?;
    Ok(folder)
}

/// The only id that begins with this text.
fn entry_id(
    known: impl Iterator<Item = EntryId>,
    text: &str,
    what: &'static str,
) -> Result<EntryId, WalletError> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err(WalletError::NoId);
    }
    let mut found = known.filter(|id| id.to_string().starts_with(&text));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(WalletError::UnknownEntry { what, text }),
        (Some(_), Some(_)) => Err(WalletError::SeveralEntries(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the credits were spent before it was seen that the voucher has no place.
    #[test]
    fn a_folder_that_takes_no_voucher_is_told_before() {
        let wallet = tempfile::tempdir().expect("a directory");
        let folder = wallet.path().join("vouchers");
        let made = std::process::Command::new("mkfifo").arg(&folder).status();
        assert!(made.expect("mkfifo runs").success());
        let said = voucher_folder(wallet.path())
            .expect_err("a pipe")
            .to_string();
        assert!(
            said.contains("vouchers") && said.contains("a folder must be made there"),
            "{said}"
        );
        std::fs::remove_file(&folder).expect("removed");
        for _ in 0..2 {
            assert_eq!(voucher_folder(wallet.path()).expect("made"), folder);
        }
        assert_eq!(std::fs::read_dir(&folder).expect("readable").count(), 0);
    }
}
