//! A consent is to one version of a scale: its ticket cannot be used to claim under another one.

use merits_ledger::entry::{Entry, ScaleApproved, ScaleRetired, TicketDeposited};
use merits_ledger_fixture::{Citizen, Consented, acts};
use merits_primitives::ids::{EntryId, Period, PeriodIndex, PeriodKind, ScaleVersion};
use merits_verifier::{entry::SignedEntry, groth16::Proof};

use crate::town::{Town, act_refused, inhabited, refused};

fn week(index: u32) -> Period {
    Period {
        kind: PeriodKind::Week,
        index: PeriodIndex(index),
    }
}

/// Proposes version 2, of another formula, from this week on.
fn propose(town: &mut Town, from: u32) -> EntryId {
    let mut scale = town.federation.scale(2);
    scale.valid_from = PeriodIndex(from);
    scale.manifest.push_str("formula = \"another\"\n");
    let issuer = town.federation.issuer.clone();
    let entry = Entry::ScaleProposed(scale);
    town.act(&issuer, &entry).expect("proposed").id
}

fn approval(town: &Town, proposal: EntryId) -> Entry {
    acts::approved(ScaleApproved {
        id: town.federation.scale_id(),
        version: ScaleVersion(2),
        proposal,
    })
}

fn approve(town: &mut Town, proposal: EntryId) {
    let (supervisor, entry) = (town.federation.supervisor.clone(), approval(town, proposal));
    town.act(&supervisor, &entry).expect("approved");
}

fn consent(town: &Town, citizen: &Citizen, index: u32) -> Consented {
    let federation = &town.federation;
    let distributor = &federation.distributor;
    federation
        .consent(town.state(), citizen, week(index), distributor)
        .expect("a consent")
}

/// The deposit of a consent with a proof that was made when it was given, moved by `change`.
fn deposited(
    town: &Town,
    consented: &Consented,
    proof: &Proof,
    change: impl FnOnce(&mut TicketDeposited),
) -> SignedEntry {
    let mut deposit = consented.deposit.clone();
    change(&mut deposit);
    let entry = Entry::TicketDeposited(deposit);
    town.federation
        .sign_proven(&entry, Some(&consented.distributor), proof)
}

/// The person's proof, made under the state as it is.
fn proof_of(town: &mut Town, consented: &Consented) -> Proof {
    let entry = town
        .federation
        .deposit(town.ledger.state(), consented, &mut town.rng)
        .expect("a deposit");
    entry.groth16_proof().expect("a proof")
}

#[test]
fn a_consent_to_one_version_does_not_serve_the_next() {
    let (mut town, citizen) = inhabited();
    let consented = consent(&town, &citizen, 2_320);
    assert_eq!(consented.deposit.version, ScaleVersion(1));
    let proof = proof_of(&mut town, &consented);
    let proposal = propose(&mut town, 2_320);
    approve(&mut town, proposal);

    // As it was given, but its version ended before it came.
    let entry = deposited(&town, &consented, &proof, |_| {});
    refused(&mut town, &entry, "scale-superseded", "version");
    // As a consent to the later version, which the person did not give.
    let entry = deposited(&town, &consented, &proof, |deposit| {
        deposit.version = ScaleVersion(2);
    });
    refused(&mut town, &entry, "proof-invalid", "proof");
    let entry = deposited(&town, &consented, &proof, |deposit| {
        deposit.version = ScaleVersion(3);
    });
    refused(&mut town, &entry, "scale-unknown", "scale");
    // The person consents again, with another message.
    let anew = consent(&town, &citizen, 2_320);
    assert_eq!(anew.deposit.version, ScaleVersion(2));
    assert_ne!(anew.message, consented.message);
    assert_eq!(anew.deposit.nullifier, consented.deposit.nullifier);
    town.deposit_consent(&anew).expect("under version 2");
    // Weeks before stay the first version's.
    let earlier = consent(&town, &citizen, 2_319);
    assert_eq!(earlier.deposit.version, ScaleVersion(1));
    town.deposit_consent(&earlier).expect("under version 1");
}

#[test]
fn a_version_begins_only_where_no_ticket_is_deposited() {
    let (mut town, citizen) = inhabited();
    let consented = consent(&town, &citizen, 2_320);
    town.deposit_consent(&consented).expect("deposited");
    let supervisor = town.federation.supervisor.clone();
    for from in [2_310, 2_320] {
        let proposal = propose(&mut town, from);
        let entry = approval(&town, proposal);
        let why = ("version-under-consent", "");
        act_refused(&mut town, &supervisor, &entry, why.0, why.1);
    }
    // A withdrawn consent was given for that week nevertheless.
    town.withdraw(&consented).expect("taken back");
    let proposal = propose(&mut town, 2_319);
    let entry = approval(&town, proposal);
    act_refused(&mut town, &supervisor, &entry, "version-under-consent", "");
    let proposal = propose(&mut town, 2_321);
    approve(&mut town, proposal);
    assert_eq!(
        town.state()
            .scales()
            .get(&town.federation.scale_id())
            .map(|scale| scale.last_ticketed),
        Ok(Some(PeriodIndex(2_320)))
    );
}

#[test]
fn a_ticket_is_for_a_period_that_its_version_counts() {
    let (mut town, citizen) = inhabited();
    let consented = consent(&town, &citizen, 2_320);
    let proof = proof_of(&mut town, &consented);
    let retired = acts::retired(ScaleRetired {
        id: town.federation.scale_id(),
        version: ScaleVersion(1),
        last_period: PeriodIndex(2_319),
    });
    let supervisor = town.federation.supervisor.clone();
    town.act(&supervisor, &retired).expect("retired");
    // Nobody could claim with it, so it does not block anybody.
    let entry = deposited(&town, &consented, &proof, |_| {});
    refused(&mut town, &entry, "scale-retired", "period");
    let last = consent(&town, &citizen, 2_319);
    town.deposit_consent(&last).expect("the last week");
}

#[test]
fn a_claim_is_by_the_version_that_was_consented_to() {
    let (mut town, citizen) = inhabited();
    let period = town.federation.period();
    let consented = consent(&town, &citizen, period.index.0);
    town.deposit_consent(&consented).expect("deposited");
    let proposal = propose(&mut town, period.index.0 + 1);
    approve(&mut town, proposal);
    let federation = town.federation.clone();
    let consents = [consented];
    let (mut batch, _) = federation.batch_for(&consents, &mut town.rng);
    batch.version = ScaleVersion(2);
    let entry = Entry::EarnBatch(batch);
    let distributor = federation.distributor.clone();
    let entry = crate::town::proven_or_not(&mut town, &entry, Some(&distributor));
    refused(&mut town, &entry, "scale-not-yet-valid", "period");
    town.earn(&consents).expect("by version 1");
}
