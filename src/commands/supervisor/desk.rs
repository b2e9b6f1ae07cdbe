//! A supervisor's desk: its pen, its copy of the log, and the procedures over both.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use merits_formula::Typed;
use merits_ledger::{
    Entry, Submission,
    entry::{HalfKeys, PartyAdmitted},
    state::{TotalsKey, VersionRecord},
};
use merits_params::manifest::Manifest;
use merits_party::{identity::Identity, lookup::find_party, unix_millis};
use merits_primitives::ids::{EntryId, Epoch, Output, PartyId, Period, ScaleId, ScaleVersion};
use merits_records::disclosure::Disclosure;
use merits_replica::Follower;
use merits_supervisor::{
    acts::Supervisor,
    check::{Checked, ClaimOnLedger, check},
    config::SupervisorConfig,
    ledger_view::StateView,
    net::{HolderClient, OpenedClaim, PublishedTotal, Session},
    request::RequestFile,
    scale_review::review,
    shares,
    side::Side,
};
use merits_text::lookalike::skeleton;
use merits_verifier::entry::SignedEntry;

/// A supervisor with its copy of the log.
pub(crate) struct Desk {
    pub(crate) config: SupervisorConfig,
    pub(crate) identity: Identity,
    pub(crate) follower: Follower,
}

impl Desk {
    pub(crate) async fn open(config: &Path) -> anyhow::Result<Self> {
        Self::with(SupervisorConfig::load(config)?).await
    }

    pub(crate) async fn with(config: SupervisorConfig) -> anyhow::Result<Self> {
        let holder = &config.holder;
        let identity = Identity::load(
            holder.ledger.origin()?,
            &holder.name,
            &holder.signing_key,
            &holder.sealing_key,
        )?;
        // Its own copy: the holder's process has the other one open.
        let follower = holder.ledger.clone().of_the_desk().follow().await?;
        follower.sync().await?;
        Ok(Self {
            config,
            identity,
            follower,
        })
    }

    pub(super) fn pen(&self) -> Supervisor {
        Supervisor::founding(
            self.identity.origin.clone(),
            &self.identity.name,
            self.identity.signing.clone(),
            self.identity.sealing.public(),
        )
    }

    pub(super) async fn submit(&self, entry: &SignedEntry) -> anyhow::Result<EntryId> {
        let submitted = self.follower.client().submit(entry).await?;
        self.follower.sync().await?;
        Ok(submitted.id)
    }

    /// Brings the copy up to date.
    pub(crate) async fn sync(&self) -> anyhow::Result<()> {
        self.follower.sync().await?;
        Ok(())
    }

    pub(crate) async fn found(&self) -> anyhow::Result<EntryId> {
        let application = self
            .identity
            .application(&[merits_ledger::Role::Supervisor]);
        self.admit(application).await
    }

    /// A name that people would take for a party's that is admitted needs a second look.
    pub(crate) fn refuse_lookalike(&self, name: &str) -> anyhow::Result<()> {
        let replica = self.follower.replica();
        let look = skeleton(name);
        let mut parties = replica.state()?.parties().iter();
        let alike = parties.find(|(_, party)| party.name != name && skeleton(&party.name) == look);
        if let Some((id, known)) = alike {
            bail!(
                "the name {name:?} looks like {:?}, which party {id} has: people would take one for the \
                 other. Ask for another name, or admit it with --distinct",
                known.name
            );
        }
        Ok(())
    }

    pub(crate) async fn admit(&self, application: PartyAdmitted) -> anyhow::Result<EntryId> {
        self.submit(&self.pen().admit(application)?).await
    }

    pub(super) async fn change_standing(
        &self,
        party: &str,
        basis: &str,
        act: impl FnOnce(&Supervisor, PartyId, u32, &str) -> SignedEntry,
    ) -> anyhow::Result<EntryId> {
        let entry = {
            let replica = self.follower.replica();
            let id = find_party(&replica, party)?;
            let party = replica.state()?.parties().get(&id);
            let changes = party.map_or(0, |party| party.standing_changes);
            act(&self.pen(), id, changes + 1, basis)
        };
        self.submit(&entry).await
    }

    pub(super) async fn retire(
        &self,
        scale: &str,
        version: u32,
        last: Period,
    ) -> anyhow::Result<EntryId> {
        let (id, version) = (ScaleId::new(scale)?, ScaleVersion(version));
        {
            let replica = self.follower.replica();
            let kind = replica.state()?.scales().get(&id)?.period_kind;
            ensure!(
                last.kind == kind,
                "{id} counts by {kind:?}, {} is none",
                last.label()
            );
        }
        self.submit(&self.pen().retire_scale(id, version, last.index))
            .await
    }

    /// Approves a proposal. `proposal` says which, where several wait as the same version.
    pub(crate) async fn approve(
        &self,
        scale: &str,
        version: u32,
        proposal: Option<EntryId>,
    ) -> anyhow::Result<EntryId> {
        let (id, version) = (ScaleId::new(scale)?, ScaleVersion(version));
        let proposal = {
            let replica = self.follower.replica();
            let state = replica.state()?;
            if let Ok(record) = state.scales().version(&id, version) {
                bail!("{id} version {} is {} already", version.0, record.standing);
            }
            let waiting: Vec<&VersionRecord> = state
                .scales()
                .proposals_of(&id, version)
                .filter(|record| proposal.is_none_or(|proposal| record.proposal == proposal))
                .collect();
            let record = match waiting.as_slice() {
                [record] => *record,
                [] => match proposal {
                    Some(entry) => bail!("entry {entry} proposed no {id} version {}", version.0),
                    None => bail!("nobody proposed {id} version {}", version.0),
                },
                several => {
                    let each = several.iter().map(|record| {
                        let issuer = state.parties().get(&record.issuer);
                        let issuer = issuer.map_or("?", |party| party.name.as_str());
                        format!("{} by {issuer}", record.proposal)
                    });
                    bail!(
                        "{id} version {} was proposed more than once: say by --proposal which; {}",
                        version.0,
                        each.collect::<Vec<_>>().join(", ")
                    )
                }
            };
            // What people read is what is approved: the ledger itself knows no formulas.
            review(&record.terms)?;
            record.proposal
        };
        self.submit(&self.pen().approve_scale(id, version, proposal))
            .await
    }

    pub(crate) async fn open_epoch(
        &self,
        epoch: u32,
        witness: HalfKeys,
    ) -> anyhow::Result<EntryId> {
        let epoch = Epoch(epoch);
        let party = self.identity.party();
        let (in_hand, entry) = {
            let replica = self.follower.replica();
            let state = replica.state()?;
            let log = StateView::new(state, |_| Ok(None));
            let (holder, rng) = (&self.config.holder, &mut rand::rng());
            let in_hand = shares::of_epoch(holder, &log, &party, Side::Supervisor, epoch, rng)?;
            ensure!(
                state.epochs().get(epoch).is_none(),
                "epoch {} is open on this ledger already; nothing was made",
                epoch.0
            );
            let own = in_hand.share().public(&party, rng);
            let now = unix_millis();
            let entry = self.pen().open_epoch(
                epoch,
                now,
                // Batches under the epoch before may still be in proving.
                if epoch.0 > 1 { now + GRACE_MILLIS } else { now },
                own,
                witness,
            )?;
            // What the ledger would refuse is refused before the half is written.
            let submission = Submission::from_signed(entry.clone(), state.origin())?;
            let authentic = state.authenticate(submission)?;
            let _accepted = state.check(&authentic, now.max(state.time()), None)?;
            (in_hand, entry)
        };
        in_hand.keep()?;
        self.submit(&entry).await
    }

    pub(crate) async fn session(&self) -> anyhow::Result<Session> {
        let mut holders = Vec::with_capacity(self.config.holders.len());
        for address in &self.config.holders {
            holders.push(HolderClient::connect(address).await?);
        }
        let sealing = merits_sealing::SealingKey::from_bytes(&self.identity.sealing.to_bytes())?;
        Ok(Session::new(
            self.pen(),
            sealing,
            self.follower.clone(),
            holders,
        ))
    }

    pub(crate) async fn open_claim(
        &self,
        entry: EntryId,
        claim: u16,
        basis: &str,
    ) -> anyhow::Result<(OpenedClaim, PathBuf)> {
        let requests = &self.config.requests;
        merits_guard::create_folder(requests)
            .with_context(|| format!("requests {}", requests.display()))?;
        let deadline = unix_millis() + u64::from(self.config.deadline_days) * DAY_MILLIS;
        let file = self.config.requests.join(format!(
            "{}-{claim}-{}.json",
            &entry.to_hex()[..16],
            unix_millis()
        ));
        let opened = self
            .session()
            .await?
            .open_claim(entry, claim, basis, deadline, &file)
            .await?;
        self.follower.sync().await?;
        Ok((opened, file))
    }

    pub(crate) fn check(&self, request: &Path, disclosure: &Path) -> anyhow::Result<Checked> {
        let request_file = RequestFile::read(request)
            .with_context(|| format!("request file {}", request.display()))?;
        let opened = request_file
            .opened()
            .context("the request file holds no result: the opening is not completed")?;
        let content = request_file
            .content()
            .context("the request file names no claim")?;
        let disclosure = Disclosure::read(disclosure)
            .with_context(|| format!("disclosure {}", disclosure.display()))?;
        let replica = self.follower.replica();
        let state = replica.state()?;
        let leaf = replica
            .entry(&content.entry)?
            .context("the batch is not in the copy")?;
        let Some(Ok(Entry::EarnBatch(batch))) =
            Entry::decode(leaf.entry.kind, &leaf.entry.statement)
        else {
            anyhow::bail!("entry {} is no batch", content.entry);
        };
        let public = batch
            .claims
            .get(usize::from(content.claim))
            .with_context(|| format!("the batch has no claim {}", content.claim))?
            .public;
        let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
        let manifest = Manifest::from_approved(&terms.manifest)?;
        let formula: &Typed = manifest.formula();
        Ok(check(
            &ClaimOnLedger {
                origin: state.origin(),
                entry: content.entry,
                claim: content.claim,
                commitment: public.c,
                period: batch.period,
                schema: terms.schema,
                formula,
                constants: &terms.figures.public(batch.period),
            },
            &disclosure,
            &opened,
        )?)
    }

    pub(crate) async fn total(
        &self,
        scale: &str,
        period: Period,
        epoch: u32,
        output: Output,
    ) -> anyhow::Result<PublishedTotal> {
        let asset = {
            let replica = self.follower.replica();
            replica.state()?.scales().get(&ScaleId::new(scale)?)?.asset
        };
        let key = TotalsKey {
            asset,
            period,
            epoch: Epoch(epoch),
            output,
        };
        let published = self.session().await?.open_total(key).await?;
        self.follower.sync().await?;
        Ok(published)
    }
}

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;
/// How long batches under the epoch before are still taken.
const GRACE_MILLIS: u64 = 7 * DAY_MILLIS;
