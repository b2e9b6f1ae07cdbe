//! Earn batches. The statement to prove is taken from the state, never from the submission.

use merits_primitives::{
    calendar::Timestamp,
    context::earn_context,
    field,
    figures::Figures,
    ids::{AssetId, Credits, Output, PartyId, Period, ScaleId, ScaleVersion},
    note::NoteCommitment,
    sum::Sum,
};
use merits_verifier::{
    groth16::KeyDigest,
    signature::PublicKey,
    statement::earn::{EarnStatement, commitment_signing_bytes},
};

use super::draft::Draft;
use super::period_end::end_of;
use super::rules::expect_verified;
use super::totals::{BatchTotal, NewBatch};
use super::{Governing, Party, TotalsKey, VersionRecord, tickets};
use crate::entry::{EarnBatch, EarnTerms, SignedClaim};
use crate::proven::{ProvenStatement, VerifiedProof};
use crate::refusal::{CheckError, ProvenTerm, Refusal, TicketRefusal};
use crate::role::Role;
use crate::signatures::ClaimSignature;
use crate::store::UniqueSet;
use crate::submission::Authentic;

impl Governing {
    /// The ledger's values for a version and period, which a prover must use.
    ///
    /// # Errors
    /// [`Refusal`] when the version is not the one in force for that period.
    pub fn earn_terms(
        &self,
        scale: &ScaleId,
        version: ScaleVersion,
        period: Period,
    ) -> Result<EarnTerms, Refusal> {
        Ok(terms_of(
            self.scales.in_force(scale, version, period)?,
            period,
        ))
    }

    /// Whether a period may be claimed at `time`, or at the log's if that is later.
    ///
    /// # Errors
    /// [`Refusal::PeriodNotOver`].
    pub fn check_period_is_over(&self, period: Period, time: Timestamp) -> Result<(), Refusal> {
        check_period_is_over(period, time.max(self.time()))
    }

    /// The key and the statement of a batch's proof.
    pub(super) fn earn_question(
        &self,
        batch: &EarnBatch,
        distributor: &PartyId,
    ) -> Result<(KeyDigest, EarnStatement), Refusal> {
        let record = self
            .scales
            .in_force(&batch.scale, batch.version, batch.period)?;
        let statement = self.earn_statement(record, batch, distributor)?;
        Ok((record.key, statement))
    }

    /// The messages that the source must have signed, with the submitted signature of each claim.
    pub(super) fn source_signatures(
        &self,
        batch: &EarnBatch,
        source: &Party,
    ) -> Vec<ClaimSignature> {
        let one = |signed: &SignedClaim| {
            let message = commitment_signing_bytes(
                self.origin(),
                &batch.source,
                batch.terms.schema,
                batch.period,
                signed.public.c,
            );
            let signature = signed.source_signature;
            // Only for some time after a change of keys, a signature is verified to find its key.
            let holds = |key: &PublicKey| {
                source.former.is_none() || key.verify(&message, &signature).is_ok()
            };
            let key = source.keys(self.time()).find(holds);
            ClaimSignature {
                key: key.unwrap_or(source.signing_key),
                message,
                signature,
            }
        };
        batch.claims.iter().map(one).collect()
    }

    /// Checks every rule for an earn batch and writes its changes.
    pub(super) fn check_earn(
        &self,
        authentic: &Authentic,
        batch: &EarnBatch,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let record = self
            .scales
            .in_force(&batch.scale, batch.version, batch.period)?;
        self.epochs.check_accepted(batch.epoch, time)?;
        check_period_is_over(batch.period, time)?;
        let source = self.source_of(batch)?;
        let signs = |key: &PublicKey| source.signs_with(key, time);
        if authentic.sources.is_empty() || !authentic.sources.iter().all(signs) {
            return Err(Refusal::KeyRotated {
                party: batch.source,
            }
            .into());
        }
        let distributor = authentic.submission.party();
        self.check_tickets(&distributor, batch, time, draft)?;
        let statement = self.earn_statement(record, batch, &distributor)?;
        expect_verified(verified, &ProvenStatement::Earn(statement), record.key)?;
        if !self.notes.has_room(batch.claims.len()) {
            return Err(Refusal::NoteTreeFull.into());
        }
        let claims = batch.claims.len() as u64;
        let worst = Credits(record.terms.max_credits.0.saturating_mul(claims));
        self.scales.check_supply(record, worst)?;
        // At most 64 claims.
        let total = |worst: Sum, t1, t2| BatchTotal {
            claims: claims as u32,
            worst,
            t1,
            t2,
        };
        let most = record.terms.max_measure.map_or(0, |most| most.0);
        let measure = batch
            .measure
            .map(|measure| total(Sum(most.saturating_mul(claims)), measure.m1, measure.m2));
        for (claim, values) in claim_values(record.terms.asset, batch).enumerate() {
            for (set, value) in values {
                draft.use_up(set, value, Some(claim));
            }
        }
        let new = NewBatch {
            distributor,
            schema: record.terms.schema,
            commitments: batch.claims.iter().map(|claim| claim.public.c).collect(),
            key: TotalsKey {
                asset: record.terms.asset,
                period: batch.period,
                epoch: batch.epoch,
                output: Output::Credits,
            },
            credits: total(worst.into(), batch.t1, batch.t2),
            measure,
        };
        self.scales
            .record_batch(draft, &batch.scale, batch.period, worst);
        self.record_totals(draft, &new)?;
        let notes: Vec<NoteCommitment> = batch.claims.iter().map(|claim| claim.public.cm).collect();
        self.notes.append(draft, &notes, time);
        Ok(())
    }

    /// Checks that each claim has its ticket, on a ledger with tickets, and uses the tickets.
    fn check_tickets(
        &self,
        distributor: &PartyId,
        batch: &EarnBatch,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        if self.policy.tickets {
            return tickets::check_claims(*distributor, batch, time, draft);
        }
        match batch.claims.iter().position(|claim| claim.ticket.is_some()) {
            Some(claim) => Err(TicketRefusal::Unexpected { claim }.into()),
            None => Ok(()),
        }
    }

    pub(super) fn source_of(&self, batch: &EarnBatch) -> Result<&Party, Refusal> {
        match self.parties.acting(&batch.source, Role::Source) {
            Ok(source) => Ok(source),
            Err(Refusal::PartyUnknown { party } | Refusal::RoleMissing { party, .. }) => {
                Err(Refusal::SourceUnknown {
                    source_party: party,
                })
            }
            Err(other) => Err(other),
        }
    }

    fn earn_statement(
        &self,
        record: &VersionRecord,
        batch: &EarnBatch,
        distributor: &PartyId,
    ) -> Result<EarnStatement, Refusal> {
        let terms = &record.terms;
        let approved = terms_of(record, batch.period);
        compare_terms(&terms.figures, batch.period, &approved, &batch.terms)?;
        if batch.measure.is_some() != terms.measured() {
            return Err(Refusal::MeasureUnfit {
                measured: terms.measured(),
            });
        }
        let epoch = batch.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        Ok(EarnStatement {
            asset: approved.asset,
            expiry: approved.expiry,
            schema: approved.schema,
            period: batch.period,
            context: earn_context(self.origin(), distributor, &terms.id, terms.version),
            a: keys.view_key,
            at: keys.totals_key,
            t1: batch.t1,
            t2: batch.t2,
            constants: approved.constants,
            measure: batch.measure,
            claims: batch.claims.iter().map(|claim| claim.public).collect(),
            capacity: usize::from(terms.capacity),
        })
    }
}

fn terms_of(record: &VersionRecord, period: Period) -> EarnTerms {
    let terms = &record.terms;
    EarnTerms {
        asset: terms.asset,
        expiry: terms.expiry.expiry(period),
        schema: terms.schema,
        constants: terms.figures.public(period),
    }
}

/// Names the first difference between the approved values and the prover's.
fn compare_terms(
    figures: &Figures,
    period: Period,
    approved: &EarnTerms,
    taken: &EarnTerms,
) -> Result<(), Refusal> {
    let EarnTerms {
        asset,
        expiry,
        schema,
        constants,
    } = taken;
    let numbers = [
        (
            ProvenTerm::Asset,
            approved.asset.0.to_string(),
            asset.0.to_string(),
        ),
        (
            ProvenTerm::Expiry,
            approved.expiry.0.to_string(),
            expiry.0.to_string(),
        ),
        (
            ProvenTerm::Schema,
            approved.schema.0.to_string(),
            schema.0.to_string(),
        ),
    ];
    for (what, expected, found) in numbers {
        if expected != found {
            return Err(Refusal::OtherTerms {
                what,
                expected,
                found,
            });
        }
    }
    let (expected, found) = (approved.constants.len(), constants.len());
    if expected != found {
        return Err(Refusal::ConstantCount { expected, found });
    }
    let mut numbers = approved.constants.iter().zip(constants);
    match numbers.position(|(approved, found)| approved != found) {
        None => Ok(()),
        Some(at) => Err(Refusal::ConstantNotApproved {
            // There are as many names as numbers, and `at` is below both lengths.
            name: figures.names().swap_remove(at),
            approved: approved.constants[at],
            found: constants[at],
            period: period.label(),
        }),
    }
}

/// A period is claimed once it is over somewhere. Where the deeds were
/// done is the source's knowledge, and signing a week before its end the source's fault.
fn check_period_is_over(period: Period, time: Timestamp) -> Result<(), Refusal> {
    if time < end_of(period) {
        return Err(Refusal::PeriodNotOver {
            period: period.label(),
        });
    }
    Ok(())
}

/// The values that each claim of a batch uses up, in order.
pub(super) fn claim_values(
    asset: AssetId,
    batch: &EarnBatch,
) -> impl Iterator<Item = [(UniqueSet, [u8; 32]); 2]> {
    let asset = asset.0.to_le_bytes();
    batch.claims.iter().map(move |signed| {
        let c = field::to_bytes(&signed.public.c);
        let commitment = field::digest("merits/commitment-of-asset/v1", &[&asset, &c]);
        let note = field::to_bytes(&signed.public.cm);
        [(UniqueSet::Commitment, commitment), (UniqueSet::Note, note)]
    })
}
