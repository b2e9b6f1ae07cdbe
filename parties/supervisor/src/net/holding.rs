//! A holder's work before it serves: the half of an epoch, and the halves that it answers with.

use std::{future::Future, net::SocketAddr, path::PathBuf};

use futures::future::BoxFuture;
use merits_ledger::entry::ProvenHalf;
use merits_party::identity::PartyConfig as _;
use merits_primitives::ids::Epoch;
use merits_replica::Follower;
use merits_serve::ServeError;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{HolderService, SupervisorError, SystemClock, serve};
use crate::{
    config::WitnessConfig,
    holder::Holder,
    journal::Journal,
    ledger_view::StateView,
    shares::{self, InHand, SharesError},
    side::Side,
    view::Unreadable,
};

impl WitnessConfig {
    /// The witness's half of an epoch; a new one is not written yet. The log is checked first,
    /// because a half that is in the log is never made again.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn half<'a>(
        &'a self,
        epoch: Epoch,
        rng: &'a mut (impl CryptoRng + Send),
    ) -> BoxFuture<'a, Result<InHand<'a>, SupervisorError>> {
        Box::pin(async move {
            let holder = self.identity()?.party();
            // A separate copy, because the holder's process has the other one open.
            let follower = self.ledger.clone().of_commands().follow().await?;
            follower.sync().await?;
            let replica = follower.replica();
            let log = StateView::new(replica.state()?, |_| Ok(None));
            let side = Side::Witness;
            Ok(shares::of_epoch(self, &log, &holder, side, epoch, rng)?)
        })
    }

    /// Writes a half, and gives its public side for the supervisor.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn publish_half(
        &self,
        half: InHand<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<ProvenHalf, SupervisorError> {
        let holder = self.identity()?.party();
        Ok(half.keep()?.public(&holder, rng))
    }

    /// Begins the journal's mark again after it was lost, at what the journal contains. Returns the mark
    /// and the number of the journal's lines.
    ///
    /// # Errors
    /// [`SupervisorError`]: a mark that is there, or a journal that cannot be used.
    pub fn begin_journal_mark(&self) -> Result<(PathBuf, u64), SupervisorError> {
        let mark = self.journal_mark()?;
        let lines = Journal::begin_mark(&self.journal, &mark)?;
        Ok((mark, lines))
    }

    /// A holder over its own copy of the log, ready to be served. The passphrase opens its shares of quorums.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn holder(
        &self,
        side: Side,
        passphrase: Option<Zeroizing<String>>,
    ) -> BoxFuture<'_, Result<HolderService<Follower, SystemClock>, SupervisorError>> {
        Box::pin(async move {
            let ledger = self.ledger.clone().of_a_server()?;
            let party = self.identity()?.party();
            let follower = ledger.follow().await?.refusing_the_future();
            follower.sync().await?;
            let held = {
                let replica = follower.replica();
                let log = StateView::new(replica.state()?, |id| {
                    let leaf = replica.entry(id);
                    let leaf = leaf.map_err(|error| Unreadable(error.to_string()))?;
                    Ok(leaf.map(|leaf| leaf.entry))
                });
                let passphrase = passphrase.as_ref().map(|text| text.as_str());
                shares::all(self, &log, &party, side, passphrase)?
            };
            for lost in &held.lost {
                tracing::error!(%lost, "this holder does not answer for an epoch that it holds a half of");
            }
            if !self.journal.exists() {
                return Err(SharesError::NoJournal(self.journal.clone()).into());
            }
            let mut journal = Journal::open_under(&self.journal, &self.journal_mark()?)?;
            journal.ready()?;
            let holder = Holder::new(party, held.shares, journal);
            Ok(HolderService::new(holder, follower, SystemClock))
        })
    }

    /// Answers for this side's halves, and shares of halves, until `stop` resolves; `ready` gets the address.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub async fn serve(
        &self,
        side: Side,
        passphrase: Option<Zeroizing<String>>,
        ready: impl FnOnce(SocketAddr) + Send,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), SupervisorError> {
        let security = self.ledger.security()?;
        let listener = merits_serve::listen(self.listen).await?;
        let holder = self.holder(side, passphrase).await?;
        ready(listener.local_addr().map_err(ServeError::from)?);
        serve(holder, listener, &self.server, &security, stop).await?;
        Ok(())
    }
}
