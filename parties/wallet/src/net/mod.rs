//! A wallet with its files, its copy of the ledger, and the person's credits there.
//!
//! [`Wallet`] joins a [`Directory`] with the copy that it names, which it can bring up to date. Its
//! answers are reports ([`crate::report`]); a [`PersonProver`] proves its statements. Only this
//! module and the files of a wallet depend on the crates of the network and the copy, so the rest
//! builds without the feature `net`.

mod consenting;
mod custody;
mod error;
mod history;
mod kept;
mod redeeming;
mod showing;
mod standing;
mod withdrawing;

use std::{
    ops::Deref,
    sync::{Mutex, PoisonError, RwLockReadGuard},
};

use futures::future::BoxFuture;
use merits_ledger::{State, rows::RowError};
use merits_params::keystore::KeyStore;
use merits_primitives::{calendar::Timestamp, ids::ScaleId, note_tree::BucketRoot};
use merits_records::handover::RegistrationRequest;
use merits_replica::{Follower, Replica, Submitted};
use merits_verifier::entry::SignedEntry;

use crate::{
    directory::Directory,
    keys::WalletKeys,
    prover::PersonProver,
    report::{self, AsOf, Consent, Identity, OpenOffer, Openings, Purse},
    spend::{SpendError, Spender},
    view::{Found, ScanError, View, Walk},
};

use self::kept::Kept;

pub use self::{
    consenting::{ConsentProposal, ConsentRequest, CountedBy, HandedOver, TicketFiles},
    custody::{CustodyCredit, CustodyError, custody_credits},
    error::WalletError,
    history::{Event, Happened},
    kept::{Again, Reading},
    redeeming::{KeptVoucher, OwnRedemption, PlannedRedemption},
    showing::{AttestRequest, PlannedAttestation, Shown},
    standing::RedemptionStanding,
    withdrawing::{Withdrawal, WithdrawalRequest, Withdrawn},
};

/// Finds the possessions of the keys' owner in a verified copy, whose leaves are all read.
///
/// # Errors
/// [`WalletError::Replica`], [`WalletError::Scan`]: the copy is unusable or of another ledger.
pub fn scan(replica: &Replica, keys: &WalletKeys) -> Result<View, WalletError> {
    let mut walk = Walk::resume(replica.state()?, keys, Found::default())?;
    // Leaves are read in pages. An error ends the reading and the view.
    for leaf in replica.leaves() {
        walk.read(&leaf?.1);
    }
    Ok(walk.view()?)
}

/// A wallet with its copy of the ledger, and the person's view of that copy.
#[derive(Debug)]
pub struct Wallet {
    directory: Directory,
    keys: WalletKeys,
    copy: Copy,
    view: View,
    kept: Option<Kept>,
    reading: Reading,
    /// Roots of complete buckets of the note tree, as far as spendings needed them.
    buckets: Mutex<Vec<BucketRoot>>,
}

#[derive(Debug)]
enum Copy {
    Followed(Box<Follower>),
    Alone(Box<Replica>),
}

/// A guard for reading the copy. Do not hold it across an await.
#[derive(Debug)]
pub enum CopyGuard<'a> {
    /// A copy that can be brought up to date.
    Followed(RwLockReadGuard<'a, Replica>),
    /// A copy without a connection.
    Alone(&'a Replica),
}

impl Deref for CopyGuard<'_> {
    type Target = Replica;

    fn deref(&self) -> &Replica {
        match self {
            Self::Followed(replica) => replica,
            Self::Alone(replica) => replica,
        }
    }
}

impl Wallet {
    /// Opens a wallet with its present copy, without the network.
    ///
    /// # Errors
    /// [`WalletError::EmptyCopy`] for one that was never brought up to date; and others.
    pub fn open(directory: Directory) -> BoxFuture<'static, Result<Self, WalletError>> {
        Box::pin(async move {
            let keys = directory.keys()?;
            let replica = directory.config().ledger.open().await?;
            if replica.size() == 0 {
                return Err(WalletError::EmptyCopy);
            }
            Self::with(directory, keys, Copy::Alone(Box::new(replica)))
        })
    }

    /// Opens a wallet and brings its copy up to date. A log that does not continue what this copy verified
    /// before is refused.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn follow(directory: Directory) -> BoxFuture<'static, Result<Self, WalletError>> {
        Box::pin(async move {
            let keys = directory.keys()?;
            let follower = directory.config().ledger.follow().await?;
            follower.sync().await?;
            Self::with(directory, keys, Copy::Followed(Box::new(follower)))
        })
    }

    /// Opens a wallet over a shared copy, without updating it: for a program with several wallets
    /// of one ledger.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn sharing(directory: Directory, copy: Follower) -> Result<Self, WalletError> {
        let keys = directory.keys()?;
        Self::with(directory, keys, Copy::Followed(Box::new(copy)))
    }

    fn with(directory: Directory, keys: WalletKeys, copy: Copy) -> Result<Self, WalletError> {
        let file = directory.path().join(kept::FILE);
        let (kept, failed) = match Kept::load(&file, &keys) {
            Ok(kept) => (kept, None),
            Err(again) => (None, Some(again)),
        };
        let buckets = kept.as_ref().map(|kept| kept.buckets.clone());
        let mut wallet = Self {
            directory,
            keys,
            copy,
            view: View::default(),
            kept,
            reading: Reading::default(),
            buckets: Mutex::new(buckets.unwrap_or_default()),
        };
        wallet.look(failed)?;
        Ok(wallet)
    }

    /// Its files.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Its keys.
    pub fn keys(&self) -> &WalletKeys {
        &self.keys
    }

    /// The person's view, as of the copy.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The copy.
    pub fn replica(&self) -> CopyGuard<'_> {
        match &self.copy {
            Copy::Followed(follower) => CopyGuard::Followed(follower.replica()),
            Copy::Alone(replica) => CopyGuard::Alone(replica),
        }
    }

    /// How much of the log was read for the newest view.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Reads the leaves that came since the last view, of this or an earlier command. `failed` says why
    /// nothing is kept of earlier commands, if there should be something.
    fn look(&mut self, failed: Option<Again>) -> Result<(), WalletError> {
        let mut kept = self.kept.clone();
        if let Some(kept) = &mut kept {
            kept.buckets.clone_from(&self.bucket_roots());
        }
        let file = self.directory.path().join(kept::FILE);
        let store = |kept: &Kept| kept.store(&file, &self.keys, &mut rand::rng());
        let replica = self.replica();
        let looked = kept::advance(&replica, &self.keys, kept, failed, kept::PART, store)?;
        drop(replica);
        let (kept, view, reading) = looked;
        (self.view, self.reading) = (view, reading);
        self.buckets = Mutex::new(kept.buckets.clone());
        self.kept = Some(kept);
        Ok(())
    }

    fn bucket_roots(&self) -> Vec<BucketRoot> {
        let buckets = self.buckets.lock();
        buckets.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Plans a spending at `now`, and remembers the roots of complete buckets that it computed.
    fn spend<T>(
        &self,
        state: &State,
        now: Timestamp,
        plan: impl FnOnce(&Spender<'_>) -> Result<T, SpendError>,
    ) -> Result<T, WalletError> {
        let spender =
            Spender::new(state, &self.view, &self.keys, now)?.knowing(self.bucket_roots());
        let planned = plan(&spender)?;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        *buckets = spender.known_buckets();
        Ok(planned)
    }

    fn follower(&self) -> Result<&Follower, WalletError> {
        match &self.copy {
            Copy::Followed(follower) => Ok(follower),
            Copy::Alone(_) => Err(WalletError::Offline),
        }
    }

    /// Fetches new leaves, and reads them.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn sync(&mut self) -> BoxFuture<'_, Result<(), WalletError>> {
        Box::pin(async move {
            self.follower()?.sync().await?;
            self.look(None)
        })
    }

    /// Submits an entry of the person, and adds it to the copy.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn submit<'a>(
        &'a mut self,
        entry: &'a SignedEntry,
    ) -> BoxFuture<'a, Result<Submitted, WalletError>> {
        Box::pin(async move {
            let submitted = self.follower()?.client().submit(entry).await?;
            self.sync().await?;
            Ok(submitted)
        })
    }

    /// Makes proofs with the keys that the ledger adopted.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn prover(&self) -> Result<PersonProver, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let store = KeyStore::new(&self.directory.config().key_store);
        Ok(PersonProver::new(
            store,
            state.policy().keys,
            state.statement_keys(),
        ))
    }

    /// A scale of the ledger, by its id.
    ///
    /// # Errors
    /// [`WalletError::UnknownScale`] names the existing ones.
    pub fn scale(&self, text: &str) -> Result<ScaleId, WalletError> {
        scale(self.replica().state()?, text)
    }

    /// The part of the log that all answers are based on.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn as_of(&self) -> Result<AsOf, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        Ok(AsOf {
            leaves: replica.size(),
            time: state.time(),
            mark: state.board().mark(),
            keys: state
                .epochs()
                .active(state.time())
                .and_then(|keys| keys.mark()),
        })
    }

    /// The wallet's identity.
    pub fn identity(&self) -> Identity {
        report::identity(&self.view, &self.keys)
    }

    /// The request by which a registrar registers the person.
    ///
    /// # Errors
    /// [`WalletError::Registered`], [`WalletError::UsedUp`].
    pub fn registration_request(&self) -> Result<RegistrationRequest, WalletError> {
        let generation = match &self.view.identity {
            None => 0,
            Some(identity) if identity.retired => identity
                .generation
                .checked_add(1)
                .ok_or(WalletError::UsedUp)?,
            Some(_) => return Err(WalletError::Registered),
        };
        let commitment = self.keys.commitment(generation);
        let origin = self.keys.origin().as_str();
        Ok(RegistrationRequest::new(origin, commitment))
    }

    /// What the person has at `now`, by scale and expiry bucket.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn credits(&self, now: Timestamp) -> Result<Vec<Purse>, WalletError> {
        Ok(report::credits(self.replica().state()?, &self.view, now))
    }

    /// The offers that are open at `now`.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn offers(&self, now: Timestamp) -> Result<Vec<OpenOffer>, WalletError> {
        let replica = self.replica();
        Ok(report::offers(
            replica.state()?,
            &self.view,
            &self.keys,
            now,
        )?)
    }

    /// Every consent that was deposited.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn consents(&self) -> Result<Vec<Consent>, WalletError> {
        Ok(report::consents(self.replica().state()?, &self.view))
    }

    /// The openings of the person's records.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn openings(&self) -> Result<Openings, WalletError> {
        Ok(report::openings(self.replica().state()?, &self.view))
    }
}

fn scale(state: &State, text: &str) -> Result<ScaleId, WalletError> {
    let id = ScaleId::new(text)?;
    match state.scales().get(&id) {
        Ok(_) => Ok(id),
        Err(source) => {
            let known: Vec<&str> = state.scales().iter().map(|(id, _)| id.as_str()).collect();
            Err(WalletError::UnknownScale {
                known: match known.as_slice() {
                    [] => "none yet".to_owned(),
                    known => known.join(", "),
                },
                source,
            })
        }
    }
}

impl From<RowError> for WalletError {
    fn from(error: RowError) -> Self {
        ScanError::Rows(error).into()
    }
}
