//! The requester: opens a claim from the sealed partials of both sides' holders.

use merits_ledger::entry::OpeningContent;
use merits_primitives::{
    dleq::{Equality, PROOF_BYTES},
    identity::IdentityCommitment,
    ids::{Credits, EntryId, Epoch, PartyId, Quantity},
    jubjub::{POINT_BYTES, Point, PointError},
    view_encryption::{self, EphemeralKey},
};
use merits_sealing::SealingKey;
use merits_threshold::quorum::{CombineFault, Partial, PartialFault};
use thiserror::Error;

use crate::{
    holder::{OpeningAsk, PARTIAL_BYTES, SEALED_PARTIAL, SealedPartial, sealing_context},
    request::{OpeningResult, opening_context},
    side::Side,
    view::{LedgerView, Unreadable},
};

/// Why the answers do not open the claim.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpeningFault {
    /// The requester's copy failed.
    #[error(transparent)]
    Copy(#[from] Unreadable),
    /// The request's claim is not in the requester's own replica.
    #[error("claim {claim} of entry {entry} is not in the verified copy of the log: synchronise")]
    NoSuchClaim {
        /// The batch.
        entry: EntryId,
        /// From 0.
        claim: u16,
    },
    /// The redemption is not in the requester's own replica.
    #[error("entry {0} is not a redemption in the verified copy of the log: synchronise")]
    NoSuchRedemption(EntryId),
    /// The entry's epoch is unknown.
    #[error("the log has opened no view-key epoch {0}")]
    NoEpoch(u32),
    /// The entry's ephemeral is unusable.
    #[error("the entry's ephemeral key is unusable: {0}")]
    Ephemeral(PointError),
    /// A half is missing.
    #[error("no answer from the {0}'s half of the view key: both halves are needed")]
    Missing(Side),
    /// Fewer holders of a quorum than its threshold answered rightly.
    #[error(
        "of the holders of the {side}'s half, {right} answered rightly, and {needed} must{}",
        each(.faults)
    )]
    TooFew {
        /// The side.
        side: Side,
        /// The threshold.
        needed: u16,
        /// How many answers are right.
        right: usize,
        /// What is wrong with the others.
        faults: Vec<OpeningFault>,
    },
    /// It is sealed to another key, is for another request, or was altered.
    #[error(
        "the answer of the {side}'s holder {holder} does not open with this party's sealing key: sealed for another party or request, or altered in transit"
    )]
    Unreadable {
        /// The side.
        side: Side,
        /// The holder.
        holder: PartyId,
    },
    /// It is not a partial.
    #[error("the answer of the {side}'s holder {holder} is not a point with a proof")]
    Malformed {
        /// The side.
        side: Side,
        /// The holder.
        holder: PartyId,
    },
    /// The proof does not hold.
    #[error(
        "the {side}'s partial is not made with its published half for this request and claim: holder {holder} is at fault"
    )]
    BadPartial {
        /// The side.
        side: Side,
        /// The holder.
        holder: PartyId,
    },
    /// Both partials are right but the ciphertext is not, which a valid proof excludes.
    #[error("both partials are right, but the ciphertext does not open to an amount up to {}: the entry's proof cannot be valid, replay the log", .0.0)]
    NoAmount(Credits),
    /// The same for the measure.
    #[error(
        "both partials are right, but the ciphertext does not open to a measure up to {0}: the entry's proof cannot be valid, replay the log"
    )]
    NoMeasure(Quantity),
}

/// A claim that was opened, and what was wrong with answers that were not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined {
    /// The claim.
    pub opened: OpeningResult,
    /// One fault for each wrong answer, with its holder.
    pub faults: Vec<OpeningFault>,
}

/// The fewest holders that open a claim of this batch, or who made this redemption: the thresholds of both sides. `None`
/// if the entry, or its epoch, is not in this copy of the log.
///
/// # Errors
/// [`Unreadable`].
pub fn fewest_holders(
    log: &(impl LedgerView + ?Sized),
    entry: &EntryId,
) -> Result<Option<usize>, Unreadable> {
    let epoch = match log.batch(entry)? {
        Some(batch) => Some(batch.epoch),
        None => log.redemption(entry)?.map(|redemption| redemption.epoch),
    };
    let Some(epoch) = epoch else {
        return Ok(None);
    };
    let of = |side| Some(usize::from(log.quorum(epoch, side)?.threshold().needed()));
    let (supervisors, witnesses) = (of(Side::Supervisor), of(Side::Witness));
    Ok(supervisors
        .zip(witnesses)
        .map(|(supervisors, witnesses)| supervisors + witnesses))
}

/// Checks the holders' answers for the request and opens the claim.
///
/// # Errors
/// [`OpeningFault`]; a bad answer names its holder.
pub fn combine(
    log: &(impl LedgerView + ?Sized),
    ask: &OpeningAsk,
    key: &SealingKey,
    answers: &[SealedPartial],
) -> Result<OpeningResult, OpeningFault> {
    Ok(combine_and_name(log, ask, key, answers)?.opened)
}

/// The same, and names the wrong answers even if enough others were right.
///
/// # Errors
/// [`OpeningFault`]; a bad answer names its holder.
pub fn combine_and_name(
    log: &(impl LedgerView + ?Sized),
    ask: &OpeningAsk,
    key: &SealingKey,
    answers: &[SealedPartial],
) -> Result<Combined, OpeningFault> {
    let (entry, claim) = (ask.content.entry, ask.content.claim);
    let batch = log
        .batch(&entry)?
        .ok_or(OpeningFault::NoSuchClaim { entry, claim })?;
    let sealed_claim = batch
        .claims
        .get(usize::from(claim))
        .ok_or(OpeningFault::NoSuchClaim { entry, claim })?;
    let sealed = (batch.epoch, sealed_claim.ciphertext.ey);
    let (shared, faults) = shared_point(log, ask, key, answers, sealed)?;
    let (earned, handle) = view_encryption::open(
        shared.y(),
        sealed_claim.commitment,
        &sealed_claim.ciphertext,
        batch.w_max.is_some(),
    )
    .map_err(|_| OpeningFault::NoAmount(batch.v_max))?;
    if earned.credits > batch.v_max {
        return Err(OpeningFault::NoAmount(batch.v_max));
    }
    if earned.measure > batch.w_max {
        return Err(OpeningFault::NoMeasure(batch.w_max.unwrap_or_default()));
    }
    Ok(Combined {
        opened: OpeningResult { earned, handle },
        faults,
    })
}

/// Checks the holders' answers for the request and opens who made the redemption, and names the wrong answers.
///
/// # Errors
/// [`OpeningFault`]; a bad answer names its holder.
pub fn combine_redeemer(
    log: &(impl LedgerView + ?Sized),
    ask: &OpeningAsk,
    key: &SealingKey,
    answers: &[SealedPartial],
) -> Result<(IdentityCommitment, Vec<OpeningFault>), OpeningFault> {
    let entry = ask.content.entry;
    let redemption = log.redemption(&entry)?;
    let redemption = redemption.ok_or(OpeningFault::NoSuchRedemption(entry))?;
    let sealed = (redemption.epoch, redemption.identity.ey);
    let (shared, faults) = shared_point(log, ask, key, answers, sealed)?;
    let identity = view_encryption::open_identity(shared.y(), redemption.sn1, &redemption.identity);
    Ok((identity, faults))
}

/// a·E, from the answers of as many holders of each side as must answer.
fn shared_point(
    log: &(impl LedgerView + ?Sized),
    ask: &OpeningAsk,
    key: &SealingKey,
    answers: &[SealedPartial],
    (epoch, ey): (Epoch, EphemeralKey),
) -> Result<(Point, Vec<OpeningFault>), OpeningFault> {
    let ephemeral = Point::from_y(ey.0).map_err(OpeningFault::Ephemeral)?;
    let OpeningContent { entry, claim, .. } = &ask.content;
    let mut faults = Vec::new();
    let mut image = |side: Side| {
        let half = log
            .quorum(epoch, side)
            .ok_or(OpeningFault::NoEpoch(epoch.0))?;
        let (mut partials, mut unread) = (Vec::new(), Vec::new());
        for answer in answers {
            if half.claim.holder(&answer.holder).is_some() {
                match read_answer(log, ask, key, side, answer) {
                    Ok(partial) => partials.push(partial),
                    Err(fault) => unread.push(fault),
                }
            }
        }
        let context = |holder: &PartyId| {
            let origin = log.origin();
            opening_context(origin, epoch, &ask.request, entry, *claim, holder)
        };
        let of = |fault: &PartialFault| match fault {
            PartialFault::Wrong(holder) | PartialFault::Stranger(holder) => {
                let holder = *holder;
                Some(OpeningFault::BadPartial { side, holder })
            }
            _ => None,
        };
        match half.claim.combine(&ephemeral, &partials, context) {
            Ok(combined) => {
                faults.extend(unread);
                faults.extend(combined.wrong.iter().filter_map(of));
                Ok(combined.image)
            }
            Err(CombineFault::TooFew {
                needed,
                right,
                wrong,
            }) => {
                unread.extend(wrong.iter().filter_map(of));
                Err(too_few(side, needed, right, unread))
            }
            // The sum of checked partials is the identity only if the half is, which the ledger refuses.
            Err(_) => Err(OpeningFault::Ephemeral(PointError::Identity)),
        }
    };
    let supervisor = image(Side::Supervisor)?;
    let witness = image(Side::Witness)?;
    // a_sup·E + a_wit·E is the identity only if A is, which the ledger refuses.
    let shared = (supervisor + witness).map_err(OpeningFault::Ephemeral)?;
    Ok((shared, faults))
}

/// Opens a sealed answer. Its proof is not checked yet.
fn read_answer(
    log: &(impl LedgerView + ?Sized),
    ask: &OpeningAsk,
    key: &SealingKey,
    side: Side,
    answer: &SealedPartial,
) -> Result<Partial, OpeningFault> {
    let holder = answer.holder;
    let context = sealing_context(log.origin(), &ask.request, &holder);
    let message = key
        .open(SEALED_PARTIAL, &context, &answer.sealed)
        .map_err(|_| OpeningFault::Unreadable { side, holder })?;
    let (image, proof) = read_partial(&message).ok_or(OpeningFault::Malformed { side, holder })?;
    Ok(Partial {
        holder,
        image,
        proof,
    })
}

/// Why a side did not answer: of one holder, what that holder did.
fn too_few(side: Side, needed: u16, right: usize, mut faults: Vec<OpeningFault>) -> OpeningFault {
    if needed > 1 {
        return OpeningFault::TooFew {
            side,
            needed,
            right,
            faults,
        };
    }
    if faults.is_empty() {
        OpeningFault::Missing(side)
    } else {
        faults.swap_remove(0)
    }
}

fn each(faults: &[OpeningFault]) -> String {
    faults.iter().map(|fault| format!("; {fault}")).collect()
}

fn read_partial(message: &[u8]) -> Option<(Point, Equality)> {
    let message: &[u8; PARTIAL_BYTES] = message.try_into().ok()?;
    let point: &[u8; POINT_BYTES] = message[..POINT_BYTES].try_into().ok()?;
    let proof: &[u8; PROOF_BYTES] = message[POINT_BYTES..].try_into().ok()?;
    Some((
        Point::from_bytes(point).ok()?,
        Equality::from_bytes(proof).ok()?,
    ))
}
