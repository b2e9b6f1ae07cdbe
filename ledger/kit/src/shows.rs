//! What a verified entry says, kind by kind, as plain data.

use merits_ledger::{Entry, Refusal, State, entry::EpochProposed};
use merits_primitives::ids::{Credits, sha256};
use serde::Serialize;

use crate::{
    named::{NamedParty, named},
    offline::VerifiedEntry,
    said::{
        Said, act, admission, alert, closing, dealing, epoch, first_day, generation, offer,
        proposal, retirement, said, scale,
    },
};

/// The statement of an entry. The proof shows it, if the kind has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shows {
    /// Claims follow a formula.
    EarnBatch {
        /// How many claims.
        claims: usize,
        /// The scale.
        scale: String,
        /// The version whose formula they follow.
        version: u32,
        /// The period of the deeds.
        period: String,
        /// The public numbers of the proof, each with its value as text.
        figures: Vec<(String, String)>,
    },
    /// A person consents.
    Ticket {
        /// The scale.
        scale: String,
        /// The version.
        version: u32,
        /// The period.
        period: String,
        /// The source of the records.
        source: NamedParty,
        /// SHA-256 of the terms.
        terms: String,
    },
    /// A person withdraws a consent.
    Withdrawal {
        /// Nullifier of the consent.
        nullifier: String,
    },
    /// A person spent credits on an offer.
    Redemption {
        /// The offer.
        offer: String,
        /// Its title, price and scale, if the kit has the offer.
        known: Option<RedeemedOffer>,
    },
    /// A person owned credits.
    Attestation {
        /// At least this many.
        at_least: Credits,
        /// The scale.
        scale: String,
        /// The credits are valid until this day (exclusive).
        expires: String,
    },
    /// An entry of another kind.
    Statement {
        /// Its kind, as text.
        name: &'static str,
        /// The system of the proof beside it; `None` if the kind has none.
        proof: Option<&'static str>,
        /// What the statement says.
        says: Vec<Said>,
    },
}

/// A redeemed offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedeemedOffer {
    /// Its title.
    pub title: String,
    /// Its price.
    pub price: Credits,
    /// The scale of the credits.
    pub scale: String,
}

/// What the statement of a verified entry shows.
///
/// # Errors
/// [`Refusal`]: the kit lacks the version of the scale that a batch names.
pub(crate) fn shows(state: &State, verified: &VerifiedEntry) -> Result<Shows, Refusal> {
    let entry = &verified.entry;
    let says = match entry {
        Entry::EarnBatch(batch) => {
            // The public numbers that are in force in the batch's period.
            let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
            let figures = terms.figures.in_words(batch.period).into_iter();
            return Ok(Shows::EarnBatch {
                claims: batch.claims.len(),
                scale: batch.scale.to_string(),
                version: batch.version.0,
                period: batch.period.label(),
                figures: figures
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            });
        }
        Entry::TicketDeposited(deposit) => {
            return Ok(Shows::Ticket {
                scale: deposit.scale.to_string(),
                version: deposit.version.0,
                period: deposit.period.label(),
                source: named(state, &deposit.source),
                terms: hex::encode(deposit.terms),
            });
        }
        Entry::ConsentWithdrawn(withdrawn) => {
            return Ok(Shows::Withdrawal {
                nullifier: withdrawn.nullifier.to_string(),
            });
        }
        Entry::Redeemed(redeemed) => {
            let offer = state.offers().get(&redeemed.offer);
            return Ok(Shows::Redemption {
                offer: redeemed.offer.to_string(),
                known: offer.map(|offer| RedeemedOffer {
                    title: offer.published.title.clone(),
                    price: offer.published.price,
                    scale: offer.published.scale.to_string(),
                }),
            });
        }
        Entry::Attested(attested) => {
            return Ok(Shows::Attestation {
                at_least: attested.floor,
                scale: attested.scale.to_string(),
                expires: first_day(attested.expiry),
            });
        }
        Entry::PartyAdmitted(admitted) => admission(admitted),
        Entry::KeysRotated(rotated) => vec![
            said("generation", rotated.generation),
            said("signing key", hex::encode(rotated.signing_key.to_bytes())),
            said("sealing key", hex::encode(rotated.sealing_key)),
        ],
        Entry::KeySucceeded(succeeded) => vec![
            said("generation", succeeded.generation),
            said("signing key", hex::encode(succeeded.signing_key.to_bytes())),
            said(
                "former key",
                format!("signs for {} s still", succeeded.grace_s),
            ),
        ],
        Entry::ActProposed(proposed) => {
            let mut says = vec![said("act", proposed.act.name())];
            says.extend(act(state, &proposed.act));
            says.extend(proposal(&proposed.terms));
            says
        }
        Entry::EpochProposed(EpochProposed { opened, terms }) => {
            let mut says = epoch(state, opened);
            says.extend(proposal(terms));
            says
        }
        Entry::KeyGenerationOpened(opened) => generation(state, opened),
        Entry::KeyGenerationMessage(published) => vec![
            said("epoch", published.epoch.0),
            said("side", published.side),
            said("attempt", published.attempt),
            said("round", published.message.body.round()),
        ],
        Entry::KeyShareDestroyed(destroyed) => vec![
            said("epoch", destroyed.epoch.0),
            said("side", destroyed.side),
        ],
        Entry::ActEndorsed(voice) | Entry::EndorsementRevoked(voice) => vec![
            said("proposal", voice.proposal),
            said("number", voice.number),
        ],
        Entry::ActEnacted(named) | Entry::ActObjected(named) => {
            vec![said("proposal", named.proposal)]
        }
        Entry::EmergencySuspended(suspended) => vec![
            said("party", named(state, &suspended.party)),
            said("number", suspended.number),
            said("basis", &suspended.basis),
        ],
        Entry::ScaleProposed(proposed) => scale(proposed),
        Entry::ScaleRetired(retired) => {
            retirement(state, &retired.id, retired.version, retired.last_period)
        }
        Entry::OpeningRequested(requested) | Entry::RedeemerRequested(requested) => vec![
            said("scale", &requested.scale),
            said("commitment", hex::encode(requested.commitment)),
            said("deadline", requested.deadline),
        ],
        Entry::OpeningEndorsed(endorsed) => vec![
            said("request", endorsed.request),
            said("number", endorsed.number),
        ],
        Entry::OpeningDisowned(disowned) => vec![
            said("request", disowned.request),
            said("number", disowned.number),
        ],
        Entry::OpeningCompleted(completed) => vec![
            said("request", completed.request),
            said("result", hex::encode(completed.result)),
        ],
        Entry::OpeningRevealed(revealed) => vec![
            said("request", revealed.request),
            said("batch", revealed.content.entry),
            said("claim", revealed.content.claim),
            said("basis", &revealed.content.basis),
        ],
        Entry::AlertRaised(raised) => alert(state, raised),
        Entry::AlertHandled(handled) => vec![
            said("alert", handled.alert),
            match handled.silent_until {
                Some(until) => said("silent until", until),
                None => said("acknowledged", "for good"),
            },
            said("reason", &handled.reason),
        ],
        Entry::TotalsCut(cut) => vec![
            said("asset", cut.asset.0),
            said("period", cut.period.label()),
            said("epoch", cut.epoch.0),
            said("interval", cut.number),
        ],
        Entry::TotalsOpened(opened) => vec![
            said("asset", opened.key.asset.0),
            said("period", opened.key.period.label()),
            said("epoch", opened.key.epoch.0),
            said("output", opened.key.output),
            said("interval", opened.number),
            said("sum", opened.sum),
        ],
        Entry::EvaluatorOpened(opened) => {
            vec![said("public key", hex::encode(opened.public_key))]
        }
        Entry::TagDealingOpened(opened) => dealing(state, opened),
        Entry::TagDealingMessage(published) => vec![
            said("generation", published.generation),
            said("opener", named(state, &published.opener)),
            said("round", published.message.body.round()),
        ],
        Entry::EvaluationCounted(counted) => vec![
            said("registrar", named(state, &counted.registrar)),
            said("number", counted.number),
            said("request", hex::encode(counted.request)),
        ],
        Entry::IdentityRegistered(registered) => vec![
            said("commitment", registered.commitment),
            said("from", registered.from),
            said("generation", registered.generation),
            said("evaluation", registered.evaluation),
        ],
        Entry::IdentityRetired(retired) => vec![
            said("commitment", retired.commitment),
            said("basis", &retired.basis),
        ],
        Entry::TermsPublished(published) => vec![
            said("scale", &published.scale),
            said("terms", hex::encode(sha256(published.text.as_bytes()))),
        ],
        Entry::OfferPublished(published) => offer(state, published),
        Entry::OfferClosed(closed) => closing(state, &closed.offer, &closed.basis),
    };
    Ok(Shows::Statement {
        name: entry.kind_name(),
        proof: entry.proof_system().map(|system| system.name()),
        says,
    })
}
