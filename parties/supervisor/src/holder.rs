//! The holder of a half: a supervisor or a log witness.
//!
//! A holder trusts only its own replica. A message can name a request and show its content; E, T1,
//! keys, roles and deadlines all come from the log that the holder verified.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use merits_ledger::{entry::OpeningContent, state::OpeningSubject};
use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{EntryId, Epoch, Origin, PartyId, ScaleId},
    jubjub::{POINT_BYTES, Point, PointError},
    view_encryption::EphemeralKey,
};
use merits_sealing::seal;
use merits_verifier::{
    Reason,
    possession::{TotalsKey, total_context},
};
use thiserror::Error;

pub use crate::asking::{
    OpeningAsk, PARTIAL_BYTES, SEALED_PARTIAL, SealedPartial, TotalAsk, TotalPartial,
    sealing_context,
};
use crate::{
    held::HeldShare,
    journal::{Answered, Journal, JournalError},
    request::opening_context,
    side::Side,
    totals::{SetFault, TotalSet},
    view::{LedgerView, LoggedRequest, Unreadable, Vouched},
};

/// How old the witnesses' word on the copy may be when a holder answers. The coordinator has an idle log
/// cosigned again every minute.
pub const LONGEST_VOUCHED: Duration = Duration::from_secs(10 * 60);

/// Why a holder does not answer. Each says who has to do what.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The message is about another log.
    #[error("this holder follows {ours}, but the request is about {theirs}")]
    OtherLog {
        /// The holder's log.
        ours: Origin,
        /// The message's log.
        theirs: Origin,
    },
    /// The holder's own copy failed, which says nothing about the request.
    #[error(transparent)]
    Copy(#[from] Unreadable),
    /// The request is not in the log, so nothing is opened.
    #[error(
        "opening request {0} is not in this holder's verified copy of the log: append it first"
    )]
    RequestNotLogged(EntryId),
    /// The signer of the request in the log is not a supervisor.
    #[error("the opening request is signed by {0}, which is not a supervisor")]
    NotASupervisor(PartyId),
    /// The supervisor is suspended.
    #[error("supervisor {0} is suspended")]
    Suspended(PartyId),
    /// Entry, claim, basis or nonce are not those in the log's commitment.
    #[error(
        "the shown content is not what the logged request commits to: entry, claim, basis and nonce \
         must be those of the request"
    )]
    CommitmentMismatch,
    /// The deadline is past.
    #[error(
        "the request's deadline {deadline} is past, by this holder's clock, which says {now}: append a new request"
    )]
    DeadlinePast {
        /// The request's.
        deadline: Timestamp,
        /// The time by the holder's clock.
        now: Timestamp,
    },
    /// The request is already completed.
    #[error("opening request {0} is completed in the log: append a new request")]
    AlreadyCompleted(EntryId),
    /// Too few members of the board endorse the request, or endorsed it without its content.
    #[error(
        "of the supervisors in standing, {found} endorse opening request {request} with its content, and {needed} \
         must: others endorse it with `merits supervisor endorse-opening`"
    )]
    TooFewEndorsements {
        /// The request.
        request: EntryId,
        /// Those that count.
        found: usize,
        /// Those that it takes.
        needed: u16,
    },
    /// Supervisors decide together on this ledger, and nobody but the log vouches for this copy.
    #[error(
        "this holder demands no cosignatures, so it could be shown a log that nobody else sees: its operator names \
         witnesses in [ledger.log]"
    )]
    NoWitnesses,
    /// The witnesses' word on this copy is too old.
    #[error(
        "the log's witnesses have not vouched for this holder's copy within the last {} minutes (last: {}): ask again \
         when they cosign",
        LONGEST_VOUCHED.as_secs() / 60,
        match .as_of {
            Some(time) => time.to_string(),
            None => "never".to_owned(),
        }
    )]
    NotVouched {
        /// When they did last.
        as_of: Option<Timestamp>,
    },
    /// No such batch.
    #[error("entry {0} is not an earn batch in this holder's verified copy of the log")]
    NoSuchBatch(EntryId),
    /// The public part of the request names another scale than the claim's, so the trace would be
    /// false.
    #[error(
        "the logged request is for a claim of scale {requested}, entry {entry} is of {found}: \
         append a request that names it"
    )]
    OtherScale {
        /// The batch.
        entry: EntryId,
        /// The scale that the log shows.
        requested: ScaleId,
        /// The batch's scale.
        found: ScaleId,
    },
    /// No such redemption.
    #[error(
        "entry {0} is not a redemption in this holder's verified copy of the log, or the request names a claim of it"
    )]
    NoSuchRedemption(EntryId),
    /// No such claim.
    #[error("entry {entry} has {claims} claims, so there is no claim {claim}")]
    NoSuchClaim {
        /// The batch.
        entry: EntryId,
        /// The requested claim, from 0.
        claim: u16,
        /// The number of its claims.
        claims: usize,
    },
    /// The holder has no half of that epoch.
    #[error("this holder has no published half of view-key epoch {}", .0.0)]
    NotMyEpoch(Epoch),
    /// The ledger entry holds no usable ephemeral (the ledger's rules exclude it).
    #[error("the entry's ephemeral key is unusable: {0}")]
    Ephemeral(PointError),
    /// The registered key of the requester is not valid.
    #[error("the sealing key that the log has for {0} is unusable: rotate it")]
    RequesterKey(PartyId),
    /// The set may not be opened.
    #[error(transparent)]
    Set(#[from] SetFault),
    /// There is nothing to decrypt.
    #[error(
        "the T1 of these batches cancel out, so their sum is open already: publish it without \
         partials"
    )]
    OpenAlready,
    /// The holder cannot write its own trace.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Refused {
    /// The reason, for programs.
    pub fn code(&self) -> Reason {
        match self {
            Self::OtherLog { .. } => Reason::OtherLog,
            Self::Copy(_) => Reason::CopyUnreadable,
            Self::RequestNotLogged(_) => Reason::RequestNotLogged,
            Self::NotASupervisor(_) => Reason::NotASupervisor,
            Self::Suspended(_) => Reason::PartySuspended,
            Self::CommitmentMismatch => Reason::RequestMismatch,
            Self::DeadlinePast { .. } => Reason::DeadlinePast,
            Self::AlreadyCompleted(_) => Reason::RequestCompleted,
            Self::TooFewEndorsements { .. } => Reason::ActEndorsements,
            Self::NoWitnesses => Reason::CopyUnreadable,
            Self::NotVouched { .. } => Reason::Busy,
            Self::NoSuchBatch(_) => Reason::BatchUnknown,
            Self::NoSuchRedemption(_) => Reason::NotFound,
            Self::OtherScale { .. } => Reason::OtherScale,
            Self::NoSuchClaim { .. } => Reason::ClaimUnknown,
            Self::NotMyEpoch(_) => Reason::EpochNotHeld,
            Self::Ephemeral(_) => Reason::EphemeralUnusable,
            Self::RequesterKey(_) => Reason::SealingKeyUnusable,
            Self::Set(fault) => fault.code(),
            Self::OpenAlready => Reason::TotalOpenAlready,
            Self::Journal(_) => Reason::JournalUnavailable,
        }
    }
}

/// A party that holds a half of the view keys.
#[derive(Debug)]
pub struct Holder {
    id: PartyId,
    shares: Vec<HeldShare>,
    journal: Journal,
    /// Totals that this process answered, by the whole question: the newest, up to
    /// [`GIVEN_TOTALS`]. Older answers, and those of an earlier process, are computed again.
    given: BTreeMap<[u8; 32], TotalPartial>,
    given_order: VecDeque<[u8; 32]>,
}

/// Answers that are kept: a few hundred bytes each.
const GIVEN_TOTALS: usize = 4_096;

impl Holder {
    /// The party `id` with its shares (one an epoch) and its journal.
    pub fn new(
        id: PartyId,
        shares: impl IntoIterator<Item: Into<HeldShare>>,
        journal: Journal,
    ) -> Self {
        Self {
            id,
            shares: shares.into_iter().map(Into::into).collect(),
            journal,
            given: BTreeMap::new(),
            given_order: VecDeque::new(),
        }
    }

    /// The holder's party.
    pub fn id(&self) -> PartyId {
        self.id
    }

    /// Its answers.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Checks that it can write its next answer ([`Journal::ready`]).
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn ready(&mut self) -> Result<(), JournalError> {
        self.journal.ready()
    }

    /// Whether the caller shows the content that a request in this copy of the log commits to,
    /// which only its requester knows.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn is_requester(
        log: &(impl LedgerView + ?Sized),
        ask: &OpeningAsk,
    ) -> Result<bool, Unreadable> {
        if log.origin() != &ask.origin {
            return Ok(false);
        }
        let request = log.request(&ask.request)?;
        let shown = ask.content.commitment(log.origin());
        Ok(request.is_some_and(|request| shown == request.commitment))
    }

    /// The answer to exactly this question, if it was given before. It is public, so giving it
    /// again reveals nothing and costs nothing.
    pub fn given_total(&self, ask: &TotalAsk) -> Option<TotalPartial> {
        self.given.get(&question(ask)).copied()
    }

    /// Answers for one claim, or for who made one redemption: the rules of `docs/src/supervision.md`, in its order. The journal
    /// has the answer before it is returned, once however often it is asked for.
    ///
    /// # Errors
    /// [`Refused`], and nothing is answered or journaled.
    pub fn answer_opening(
        &mut self,
        log: &(impl LedgerView + ?Sized),
        ask: &OpeningAsk,
        now: Timestamp,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<SealedPartial, Refused> {
        same_log(log, &ask.origin)?;
        let request = log
            .request(&ask.request)?
            .ok_or(Refused::RequestNotLogged(ask.request))?;
        let requester = log
            .party(&request.requester)
            .filter(|party| party.is_supervisor)
            .ok_or(Refused::NotASupervisor(request.requester))?;
        if requester.suspended {
            return Err(Refused::Suspended(request.requester));
        }
        if ask.content.commitment(log.origin()) != request.commitment {
            return Err(Refused::CommitmentMismatch);
        }
        if request.result.is_some() {
            return Err(Refused::AlreadyCompleted(ask.request));
        }
        if now > request.deadline {
            return Err(Refused::DeadlinePast {
                deadline: request.deadline,
                now,
            });
        }
        let found = request
            .endorsing(log.origin(), &ask.request, &ask.content)
            .count();
        let needed = request.needed;
        if found < needed.into() {
            let request = ask.request;
            return Err(Refused::TooFewEndorsements {
                request,
                found,
                needed,
            });
        }
        require_vouched(log, needed, now)?;
        let (epoch, ey) = sealed(log, &request, &ask.content)?;
        let share = self.share(log, epoch)?;
        let ephemeral = Point::from_y(ey.0).map_err(Refused::Ephemeral)?;
        let OpeningContent {
            entry,
            claim,
            basis,
            ..
        } = &ask.content;
        let (origin, me) = (log.origin(), &self.id);
        let context = opening_context(origin, epoch, &ask.request, entry, *claim, me);
        let (partial, proof) = share.claim_partial(&ephemeral, &context, rng);
        let mut message = zeroize::Zeroizing::new([0u8; PARTIAL_BYTES]);
        message[..POINT_BYTES].copy_from_slice(&partial.to_bytes());
        message[POINT_BYTES..].copy_from_slice(&proof.to_bytes());
        let sealed = seal(
            &requester.sealing_key,
            SEALED_PARTIAL,
            &sealing_context(log.origin(), &ask.request, &self.id),
            message.as_ref(),
            rng,
        )
        .map_err(|_| Refused::RequesterKey(request.requester))?;

        self.journal.append(
            now,
            Answered::Opening {
                request: ask.request.to_hex(),
                entry: entry.to_hex(),
                claim: *claim,
                basis: basis.clone(),
                requester: EntryId(request.requester.0).to_hex(),
            },
        )?;
        Ok(SealedPartial {
            holder: self.id,
            sealed,
        })
    }

    /// Answers for a total: for a cut of the log, and nothing else. So every holder answers the same question, whoever
    /// asks, and keeps no memory of it.
    ///
    /// # Errors
    /// [`Refused`], and nothing is answered.
    pub fn answer_total(
        &mut self,
        log: &(impl LedgerView + ?Sized),
        ask: &TotalAsk,
        now: Timestamp,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<TotalPartial, Refused> {
        same_log(log, &ask.origin)?;
        // A cut of a branch of the log could differ from the log's by one batch.
        require_vouched(log, 1, now)?;
        let set = TotalSet::check(log, ask.key, ask.number)?;
        let t1 = set.t1().ok_or(Refused::OpenAlready)?;
        let share = self.share(log, ask.key.epoch)?;
        let half = share.side().total_half();
        let context = total_context(log.origin(), &ask.key, &[set.cut()], half, &self.id);
        let (partial, proof) = share.total_partial(&t1, &context, rng);
        let answer = TotalPartial {
            holder: self.id,
            partial,
            proof,
        };
        let question = question(ask);
        if self.given.insert(question, answer).is_none() {
            self.given_order.push_back(question);
        }
        if self.given_order.len() > GIVEN_TOTALS
            && let Some(oldest) = self.given_order.pop_front()
        {
            self.given.remove(&oldest);
        }
        Ok(answer)
    }

    /// The holder's share of an epoch, if the log published exactly its public half for this party.
    /// A share that the log does not know would only produce invalid answers.
    fn share(&self, log: &(impl LedgerView + ?Sized), epoch: Epoch) -> Result<&HeldShare, Refused> {
        [Side::Supervisor, Side::Witness]
            .into_iter()
            .filter_map(|side| Some((side, log.quorum(epoch, side)?)))
            .find_map(|(side, half)| {
                self.shares.iter().find(|share| {
                    share.epoch() == epoch
                        && share.side() == side
                        && share.origin() == log.origin()
                        && share.belongs_to(self.id, &half)
                })
            })
            .ok_or(Refused::NotMyEpoch(epoch))
    }
}

/// All that a question about a total says.
fn question(ask: &TotalAsk) -> [u8; 32] {
    let TotalAsk {
        origin,
        key:
            TotalsKey {
                asset,
                period,
                epoch,
                output,
            },
        number,
    } = ask;
    let scope = format!("{asset:?} {period:?} {epoch:?}");
    let parts: [&[u8]; 4] = [
        origin.as_str().as_bytes(),
        scope.as_bytes(),
        output.name().as_bytes(),
        &number.to_le_bytes(),
    ];
    field::digest("merits/total-question/v2", &parts)
}

/// The epoch and the ephemeral key of what a request opens, from the log.
fn sealed(
    log: &(impl LedgerView + ?Sized),
    request: &LoggedRequest,
    content: &OpeningContent,
) -> Result<(Epoch, EphemeralKey), Refused> {
    let (entry, claim) = (content.entry, content.claim);
    let of_scale = |found: ScaleId| {
        if found == request.scale {
            return Ok(());
        }
        Err(Refused::OtherScale {
            entry,
            requested: request.scale.clone(),
            found,
        })
    };
    match request.subject {
        OpeningSubject::Claim => {
            let batch = log.batch(&entry)?.ok_or(Refused::NoSuchBatch(entry))?;
            of_scale(batch.scale)?;
            let claims = batch.claims.len();
            let sealed = batch.claims.get(usize::from(claim));
            let sealed = sealed.ok_or(Refused::NoSuchClaim {
                entry,
                claim,
                claims,
            })?;
            Ok((batch.epoch, sealed.ciphertext.ey))
        }
        OpeningSubject::Redeemer => {
            let redemption = log.redemption(&entry)?;
            // It has one identity, so a request has one content for it.
            let redemption = redemption.filter(|_| claim == 0);
            let redemption = redemption.ok_or(Refused::NoSuchRedemption(entry))?;
            of_scale(redemption.scale)?;
            Ok((redemption.epoch, redemption.identity.ey))
        }
    }
}

/// Refuses a copy that only the log vouches for, or that witnesses last vouched for too long ago: it could be a branch
/// that nobody else has, or lack what revoked an endorsement. Where one supervisor decides alone, a holder without
/// witnesses answers as it is configured.
fn require_vouched(
    log: &(impl LedgerView + ?Sized),
    needed: u16,
    now: Timestamp,
) -> Result<(), Refused> {
    match log.vouched() {
        Vouched::Undemanded if needed > 1 => Err(Refused::NoWitnesses),
        Vouched::Undemanded => Ok(()),
        Vouched::AsOf(Some(time)) if now.since(time) <= LONGEST_VOUCHED => Ok(()),
        Vouched::AsOf(as_of) => Err(Refused::NotVouched { as_of }),
    }
}

fn same_log(log: &(impl LedgerView + ?Sized), theirs: &Origin) -> Result<(), Refused> {
    if log.origin() == theirs {
        return Ok(());
    }
    Err(Refused::OtherLog {
        ours: log.origin().clone(),
        theirs: theirs.clone(),
    })
}
