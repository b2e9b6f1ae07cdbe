//! A supervisor's keys, its copy of the log, and the procedures that use both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use merits_ledger::{
    Entry, Groth16Keys, Refusal, Role, Submission,
    entry::{Act, PartyAdmitted, ProvenHalf, ScaleApproved, ScaleRetired, StandingChange},
    state::{TotalsKey, VersionRecord},
};
use merits_params::manifest::Manifest;
use merits_party::{
    identity::{Identity, PartyConfig as _},
    lookup::find_party,
    report::Entered,
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, Output, Period, ScaleId, ScaleVersion},
};
use merits_records::disclosure::Disclosure;
use merits_replica::Follower;
use merits_sealing::SealingKey;
use merits_verifier::entry::SignedEntry;
use rand_core::CryptoRng;

use super::{
    Decided, HolderClient, OpenedClaim, PublishedTotal, Seat, Session, SupervisorError,
    epoch_times::epoch_times,
    seat::{proposal_terms, refuse_lookalike},
};
use crate::{
    acts::{EntrySigner, check_application},
    check::{Checked, ClaimOnLedger, check},
    config::SupervisorConfig,
    ledger_view::StateView,
    request::RequestFile,
    scale_review::review,
    shares,
    side::Side,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A supervisor with its copy of the log. Each procedure that makes an entry returns when the entry is durable,
/// its receipt verified, and the copy has it.
#[derive(Debug)]
pub struct Supervisor {
    config: SupervisorConfig,
    pub(super) identity: Identity,
    pub(super) follower: Follower,
}

impl Supervisor {
    /// Loads the keys and brings the copy up to date. It is a separate copy beside that of the
    /// holder's process.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open(config: SupervisorConfig) -> BoxFuture<'static, Result<Self, SupervisorError>> {
        Box::pin(async move {
            let identity = config.holder.identity()?;
            let ledger = config.holder.ledger.clone();
            let follower = ledger.of_commands().follow().await?;
            follower.sync().await?;
            Ok(Self {
                config,
                identity,
                follower,
            })
        })
    }

    /// Its configuration.
    pub fn config(&self) -> &SupervisorConfig {
        &self.config
    }

    /// The copy, and the connection that feeds it.
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Signs its entries.
    pub fn signer(&self) -> EntrySigner {
        EntrySigner::of(&self.identity)
    }

    /// Submits an entry that it signed, and adds it to the copy.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn submit<'a>(
        &'a self,
        entry: &'a SignedEntry,
    ) -> BoxFuture<'a, Result<EntryId, SupervisorError>> {
        Box::pin(async move {
            let submitted = self.follower.client().submit(entry).await?;
            self.follower.sync().await?;
            Ok(submitted.id)
        })
    }

    /// Brings the copy up to date.
    ///
    /// # Errors
    /// [`SupervisorError::Follow`].
    pub fn sync(&self) -> BoxFuture<'_, Result<(), SupervisorError>> {
        Box::pin(async move {
            self.follower.sync().await?;
            Ok(())
        })
    }

    /// Admits itself: by the ledger's first entry as its authority, or as another supervisor that the founding facts
    /// name.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn found(&self) -> BoxFuture<'_, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let own = self.identity.application(&[Role::Supervisor])?;
            Ok(self.submit(&self.signer().join(own)).await?.into())
        })
    }

    /// Whether it is the ledger's authority.
    ///
    /// # Errors
    /// [`SupervisorError::Replica`].
    pub fn is_authority(&self) -> Result<bool, SupervisorError> {
        let replica = self.follower.replica();
        Ok(replica.state()?.policy().authority == self.identity.party())
    }

    /// Its seat on the board.
    pub fn seat(&self) -> Seat {
        Seat::new(self.signer(), self.follower.clone())
    }

    /// Refuses a name that people could mistake for that of an admitted party.
    ///
    /// # Errors
    /// [`SupervisorError::LooksAlike`].
    pub fn refuse_lookalike(&self, name: &str) -> Result<(), SupervisorError> {
        refuse_lookalike(self.follower.replica().state()?, name)
    }

    /// Admits a party that applied, or proposes it where this supervisor alone does not suffice.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn admit(
        &self,
        application: PartyAdmitted,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            check_application(&self.identity.origin, &application)?;
            self.seat()
                .decide(Act::PartyAdmitted(application), now)
                .await
        })
    }

    /// Suspends a party, by name or id, or proposes it. `basis` stands on the ledger.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn suspend<'a>(
        &'a self,
        party: &'a str,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        self.change_standing(party, basis, Act::PartySuspended, now)
    }

    /// Reinstates a suspended party, by name or id, or proposes it. `basis` stands on the ledger.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn reinstate<'a>(
        &'a self,
        party: &'a str,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        self.change_standing(party, basis, Act::PartyReinstated, now)
    }

    /// Ends a party for ever, by name or id, or proposes it. `basis` stands on the ledger.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn end<'a>(
        &'a self,
        party: &'a str,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        self.change_standing(party, basis, Act::PartyEnded, now)
    }

    /// Suspends a party at once for 72 hours, by name or id, which needs nobody else.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn suspend_now<'a>(
        &'a self,
        party: &'a str,
        basis: &'a str,
    ) -> BoxFuture<'a, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let entry = {
                let replica = self.follower.replica();
                let id = find_party(&replica, party)?;
                let known = replica.state()?.parties().get(&id);
                let number = known.map_or(0, |party| party.emergencies) + 1;
                self.signer().suspend_now(id, number, basis)
            };
            Ok(self.submit(&entry).await?.into())
        })
    }

    fn change_standing<'a>(
        &'a self,
        party: &'a str,
        basis: &'a str,
        act: fn(StandingChange) -> Act,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let change = {
                let replica = self.follower.replica();
                let party = find_party(&replica, party)?;
                let known = replica.state()?.parties().get(&party);
                let changes = known.map_or(0, |known| known.standing_changes);
                StandingChange {
                    party,
                    sequence: changes + 1,
                    basis: basis.to_owned(),
                }
            };
            self.seat().decide(act(change), now).await
        })
    }

    /// Ends a version of a scale after the period `last`, or proposes it.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn retire<'a>(
        &'a self,
        scale: &'a str,
        version: u32,
        last: Period,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let (id, version) = (ScaleId::new(scale)?, ScaleVersion(version));
            let kind = self
                .follower
                .replica()
                .state()?
                .scales()
                .get(&id)?
                .period_kind;
            if last.kind != kind {
                return Err(SupervisorError::OtherPeriods {
                    scale: id.to_string(),
                    kind,
                    period: last.label(),
                });
            }
            let last_period = last.index;
            let retired = ScaleRetired {
                id,
                version,
                last_period,
            };
            self.seat().decide(Act::ScaleRetired(retired), now).await
        })
    }

    /// Reviews a proposed version, and approves it or proposes the approval. If several wait for the same version, `proposal` chooses
    /// one.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn approve<'a>(
        &'a self,
        scale: &'a str,
        version: u32,
        proposal: Option<EntryId>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let (id, version) = (ScaleId::new(scale)?, ScaleVersion(version));
            let proposal = self.reviewed(&id, version, proposal)?;
            let approved = ScaleApproved {
                id,
                version,
                proposal,
            };
            self.seat().decide(Act::ScaleApproved(approved), now).await
        })
    }

    /// The one waiting proposal that agrees with its manifest.
    fn reviewed(
        &self,
        id: &ScaleId,
        version: ScaleVersion,
        proposal: Option<EntryId>,
    ) -> Result<EntryId, SupervisorError> {
        let replica = self.follower.replica();
        let state = replica.state()?;
        let (scale, number) = (id.to_string(), version.0);
        if let Ok(record) = state.scales().version(id, version) {
            return Err(SupervisorError::NotWaiting {
                scale,
                version: number,
                standing: record.standing.to_string(),
            });
        }
        let waiting: Vec<&VersionRecord> = state
            .scales()
            .proposals_of(id, version)
            .filter(|record| proposal.is_none_or(|proposal| record.proposal == proposal))
            .collect();
        let record = match waiting.as_slice() {
            [record] => *record,
            [] => {
                return Err(match proposal {
                    Some(entry) => SupervisorError::OtherProposal {
                        entry,
                        scale,
                        version: number,
                    },
                    None => SupervisorError::NotProposed {
                        scale,
                        version: number,
                    },
                });
            }
            several => {
                let each = several.iter().map(|record| {
                    let issuer = state.parties().get(&record.issuer);
                    let issuer = issuer.map_or("?", |party| party.name.as_str());
                    format!("{} by {issuer}", record.proposal)
                });
                return Err(SupervisorError::SeveralProposals {
                    scale,
                    version: number,
                    each: each.collect::<Vec<_>>().join(", "),
                });
            }
        };
        // The approved entry must agree with what people read, because the ledger itself does not
        // know formulas.
        review(&record.terms)?;
        Ok(record.proposal)
    }

    /// Opens a view-key epoch at `now` with this supervisor's half and the witness's, or proposes it. This supervisor's half
    /// is written when the ledger's rules take the entry.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open_epoch<'a>(
        &'a self,
        epoch: Epoch,
        witness: ProvenHalf,
        now: Timestamp,
        rng: &'a mut (impl CryptoRng + Send),
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let party = self.identity.party();
            let (in_hand, entry, waits) = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let log = StateView::new(state, |_| Ok(None));
                let holder = &self.config.holder;
                let in_hand = shares::of_epoch(holder, &log, &party, Side::Supervisor, epoch, rng)?;
                if state.epochs().get(epoch).is_some() {
                    return Err(SupervisorError::EpochOpen(epoch));
                }
                let own = in_hand.share().public(&party, rng);
                let demands = state.demands_of_epoch();
                let terms = proposal_terms(state, &party, demands, now);
                let (active_from, previous_accepted_until) = epoch_times(state, epoch, now);
                let entry = self.signer().open_epoch(
                    epoch,
                    active_from,
                    previous_accepted_until,
                    own,
                    witness,
                    terms,
                )?;
                // Refuse what the ledger would refuse before the half is written.
                let submission = Submission::from_signed(entry.clone(), state.origin())?;
                let job = state.job(&submission)?;
                let verified = job.map(|job| job.verify(state, &Groth16Keys::new()));
                let verified = verified.transpose().map_err(Refusal::from)?;
                let authentic = state.authenticate(submission)?;
                let now = now.max(state.time());
                let _accepted = state.check(&authentic, now, verified.as_ref())?;
                (in_hand, entry, terms.until.map(|_| demands))
            };
            in_hand.keep()?;
            let entry = self.submit(&entry).await?;
            let act = format!("open view-key epoch {}", epoch.0);
            Ok(Decided { entry, act, waits })
        })
    }

    /// Connections to the holders of both halves, for openings and totals. Holders that cannot be reached are left out, and
    /// the errors of the session say why.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn session(&self) -> BoxFuture<'_, Result<Session, SupervisorError>> {
        Box::pin(async move {
            let mut holders = Vec::with_capacity(self.config.holders.len());
            let security = self.config.holder.ledger.security()?;
            let roles = [Role::Supervisor, Role::Witness];
            let expected = self
                .follower
                .replica()
                .expected("a holder of view keys", &roles)?;
            let mut unreachable = Vec::new();
            for address in &self.config.holders {
                let (security, expected) = (security.clone(), expected.clone());
                match HolderClient::connect_over(address, security, expected).await {
                    Ok(holder) => holders.push(holder),
                    // Of a quorum, some holders may be away.
                    Err(error) => unreachable.push(error),
                }
            }
            let sealing = SealingKey::from_bytes(&self.identity.sealing.to_bytes())?;
            Ok(
                Session::new(self.signer(), sealing, self.follower.clone(), holders)
                    .without(unreachable),
            )
        })
    }

    /// Opens one claim; the request goes on the ledger first. Returns the request file beside what was opened.
    ///
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open_claim<'a>(
        &'a self,
        entry: EntryId,
        claim: u16,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(OpenedClaim, PathBuf), SupervisorError>> {
        Box::pin(async move {
            let (deadline, file) =
                self.new_request(&format!("{}-{claim}", &entry.to_hex()[..16]), now)?;
            let mut session = self.session().await?;
            let opened = session
                .open_claim(entry, claim, basis, deadline, &file)
                .await?;
            self.follower.sync().await?;
            Ok((opened, file))
        })
    }

    /// Opens who made one redemption, in the same way.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open_redeemer<'a>(
        &'a self,
        redemption: EntryId,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(OpenedClaim, PathBuf), SupervisorError>> {
        Box::pin(async move {
            let name = format!("{}-redeemer", &redemption.to_hex()[..16]);
            let (deadline, file) = self.new_request(&name, now)?;
            let mut session = self.session().await?;
            let opened = session
                .open_redeemer(redemption, basis, deadline, &file)
                .await?;
            self.follower.sync().await?;
            Ok((opened, file))
        })
    }

    /// The deadline of a request that is made `now`, and the path of its file.
    fn new_request(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<(Timestamp, PathBuf), SupervisorError> {
        let requests = &self.config.requests;
        merits_guard::create_folder(requests).map_err(|source| SupervisorError::Requests {
            path: requests.clone(),
            source,
        })?;
        let deadline = now + u32::from(self.config.deadline_days) * DAY;
        let file = requests.join(format!("{name}-{}.json", now.as_millis()));
        Ok((deadline, file))
    }

    /// Checks that a disclosure opens the commitment on the ledger and gives the opened values.
    ///
    /// # Errors
    /// [`SupervisorError::Checked`] if it does not; and others.
    pub fn check(&self, request: &Path, disclosure: &Path) -> Result<Checked, SupervisorError> {
        let request =
            RequestFile::read(request).map_err(|source| SupervisorError::RequestFile {
                path: request.to_owned(),
                source,
            })?;
        let opened = request.opened().ok_or(SupervisorError::NotCompleted)?;
        let content = request.content().ok_or(SupervisorError::NoContent)?;
        let disclosure =
            Disclosure::read(disclosure).map_err(|source| SupervisorError::Disclosure {
                path: disclosure.to_owned(),
                source,
            })?;
        let replica = self.follower.replica();
        let state = replica.state()?;
        let leaf = replica.entry(&content.entry)?;
        let leaf = leaf.ok_or(SupervisorError::BatchMissing)?;
        let Some(Ok(Entry::EarnBatch(batch))) =
            Entry::decode(leaf.entry.kind, &leaf.entry.statement)
        else {
            return Err(SupervisorError::NotABatch(content.entry));
        };
        let public = batch
            .claims
            .get(usize::from(content.claim))
            .ok_or(SupervisorError::NoClaim(content.claim))?
            .public;
        let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
        let manifest = Manifest::from_approved(&terms.manifest).map_err(Box::new)?;
        Ok(check(
            &ClaimOnLedger {
                origin: state.origin(),
                entry: content.entry,
                claim: content.claim,
                commitment: public.c,
                period: batch.period,
                schema: terms.schema,
                formula: manifest.formula(),
                constants: &terms.figures.public(batch.period),
            },
            &disclosure,
            &opened,
        )?)
    }

    /// Opens the total of a period, for everybody.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn total<'a>(
        &'a self,
        scale: &'a str,
        period: Period,
        epoch: Epoch,
        output: Output,
    ) -> BoxFuture<'a, Result<PublishedTotal, SupervisorError>> {
        Box::pin(async move {
            let scale = ScaleId::new(scale)?;
            let asset = self.follower.replica().state()?.scales().get(&scale)?.asset;
            let key = TotalsKey {
                asset,
                period,
                epoch,
                output,
            };
            let published = self.session().await?.open_total(key).await?;
            self.follower.sync().await?;
            Ok(published)
        })
    }
}
