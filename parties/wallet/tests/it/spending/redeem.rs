//! Redemptions and merges.

use std::time::Duration;

use merits_circuits::redeem::RedeemViolation;
use merits_ledger::{
    Entry, OfferRefusal, Refusal,
    entry::{IdentityRetired, OfferPublished},
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, Expiry},
    sum::CreditsSum,
};
use merits_verifier::{Reason, Statement as _};
use merits_wallet::{
    choice::ChoiceError,
    prover::ProvingError,
    spend::{SpendError, Spender},
    view::SpendingPurpose,
};

use crate::spending::purse::Purse;

/// An offer that differs from the fixture's.
fn offer(purse: &mut Purse, change: impl FnOnce(&mut OfferPublished)) -> EntryId {
    let sponsor = purse.stage.federation.sponsor.clone();
    let mut offer = purse.stage.federation.offer(Credits(30), 10);
    offer.number = 1 + purse.stage.state().offers().iter().count() as u32;
    change(&mut offer);
    let entry = Entry::OfferPublished(offer);
    purse.stage.act(&sponsor, &entry).unwrap().id
}

#[test]
fn one_note_pays_and_the_rest_comes_back() {
    let mut purse = Purse::with(1);
    let offer = purse.stage.offer(Credits(30), 10).unwrap();
    let planned = purse.plan(&offer).unwrap();
    assert_eq!(planned.change, Credits(70));
    // The state says the same of the finished entry as of the blank one that was asked about.
    let exchange = purse.stage.federation.exchange.id;
    let state = purse.stage.state();
    let statement = state.redeem_statement(&exchange, &planned.entry).unwrap();
    assert_eq!(statement, planned.statement);
    let proof = planned.prove(&purse.prover()).unwrap();
    let sn1 = planned.entry.spending.sn1;
    let key = purse.keys.voucher_key(&offer, &sn1).public;
    assert_eq!(planned.entry.voucher_key, key);
    let id = purse.exchange(planned.entry, &proof).unwrap();

    let view = purse.view();
    assert!(view.faults.is_empty());
    assert_eq!(view.spendings.len(), 1);
    assert!(matches!(
        view.spendings[0].purpose,
        SpendingPurpose::Redeemed { amount: Credits(30), voucher_key, .. } if voucher_key == key
    ));
    assert_eq!(view.spendings[0].entry, id);
    assert_eq!(purse.worth(), [70]);
    // The change can be spent again.
    purse.stage.wait(2);
    purse.redeem(&offer).unwrap();
    assert_eq!(purse.worth(), [40]);
}

#[test]
fn two_notes_pay_together_and_three_must_be_merged() {
    let mut purse = Purse::with(3);
    let two = purse.stage.offer(Credits(150), 10).unwrap();
    let three = purse.stage.offer(Credits(250), 10).unwrap();
    let needed = Credits(250);
    assert!(matches!(
        purse.plan(&three).unwrap_err(),
        SpendError::Choice(ChoiceError::Scattered { needed: n, notes: 3, merges: 1 }) if n == needed
    ));
    assert_eq!(purse.plan(&two).unwrap().change, Credits(50));

    let scale = purse.stage.federation.scale_id();
    let expiry = purse.view().notes[0].expiry;
    let merges = purse.spend(|spender| spender.merge(&scale, expiry, &mut rand::rng()));
    let merges = merges.unwrap();
    assert_eq!(merges.len(), 1, "the third note stays alone");
    for merge in merges {
        assert_eq!(merge.change, Credits(200));
        purse.personal(merge).unwrap();
    }
    assert_eq!(purse.worth(), [100, 200]);
    // In the slot of the merge nobody can prove against it yet.
    let (time, view) = (purse.stage.time, purse.view());
    let spender = Spender::new(purse.stage.state(), &view, &purse.keys, time).unwrap();
    let exchange = purse.stage.federation.exchange.id;
    let error = spender
        .redeem(&three, &exchange, &mut rand::rng())
        .unwrap_err();
    let next = Timestamp::from_millis((time.as_millis() / 1_000 + 1) * 1_000);
    assert!(
        matches!(
            error,
            SpendError::Choice(ChoiceError::TooYoung { held: CreditsSum(300), ready: CreditsSum(100), from, .. }) if from == next
        ),
        "{error}"
    );
    purse.stage.wait(1);
    purse.redeem(&three).unwrap();
    assert_eq!(purse.worth(), [50]);
}

#[test]
fn what_is_missing_is_said() {
    let mut purse = Purse::with(1);
    let dear = purse.stage.offer(Credits(101), 10).unwrap();
    assert!(matches!(
        purse.plan(&dear).unwrap_err(),
        SpendError::Choice(ChoiceError::NotEnough {
            held: CreditsSum(100),
            ..
        })
    ));
    let unknown = EntryId([7; 32]);
    assert!(matches!(
        purse.plan(&unknown).unwrap_err(),
        SpendError::Refused(Refusal::Offer(OfferRefusal::Unknown { offer })) if offer == unknown
    ));
    let later = offer(&mut purse, |offer| {
        offer.opens = offer.closes - Duration::from_millis(1)
    });
    assert!(matches!(
        purse.plan(&later).unwrap_err(),
        SpendError::Refused(Refusal::Offer(OfferRefusal::NotOpen { .. }))
    ));
    let other = offer(&mut purse, |offer| {
        offer.expiry = Expiry(offer.expiry.0 + 3)
    });
    assert!(matches!(
        purse.plan(&other).unwrap_err(),
        SpendError::Choice(ChoiceError::NotEnough {
            held: CreditsSum(0),
            ..
        })
    ));
    let here = purse.stage.offer(Credits(1), 1).unwrap();
    let sponsor = purse.stage.federation.sponsor.id;
    let elsewhere = purse.spend(|spender| spender.redeem(&here, &sponsor, &mut rand::rng()));
    assert!(matches!(
        elsewhere.unwrap_err(),
        SpendError::Refused(Refusal::Offer(OfferRefusal::Elsewhere { .. }))
    ));
}

#[test]
fn the_daily_limit_is_kept_by_the_wallet_itself() {
    let mut purse = Purse::with(1);
    let twice = offer(&mut purse, |offer| {
        offer.price = Credits(1);
        offer.per_day = 2;
    });
    for _ in 0..2 {
        purse.redeem(&twice).unwrap();
        purse.stage.wait(2);
    }
    assert!(matches!(
        purse.plan(&twice).unwrap_err(),
        SpendError::RateLimit { limit: 2 }
    ));
    // The next day has a scope of its own.
    purse.stage.wait(86_400);
    purse.redeem(&twice).unwrap();
    assert_eq!(purse.worth(), [97]);
}

#[test]
fn a_spent_note_is_not_chosen_and_not_taken() {
    let mut purse = Purse::with(1);
    let offer = purse.stage.offer(Credits(10), 10).unwrap();
    // Two plans over one view: the wallet was asked twice before the first was in the log.
    let (one, other) = (purse.plan(&offer).unwrap(), purse.plan(&offer).unwrap());
    let prover = purse.prover();
    let proofs = [one.prove(&prover).unwrap(), other.prove(&prover).unwrap()];
    purse.exchange(one.entry, &proofs[0]).unwrap();
    let error = purse.exchange(other.entry, &proofs[1]).unwrap_err();
    assert_eq!(error.code(), Reason::Spent, "{error}");
}

#[test]
fn who_is_not_registered_or_retired_spends_nothing() {
    let mut purse = Purse::with(1);
    let offer = purse.stage.offer(Credits(10), 10).unwrap();
    let stranger = merits_wallet::keys::WalletKeys::new(
        zeroize::Zeroizing::new([9; 32]),
        purse.keys.origin().clone(),
    );
    let keys = std::mem::replace(&mut purse.keys, stranger);
    assert!(matches!(purse.plan(&offer), Err(SpendError::NotRegistered)));
    purse.keys = keys;

    // A proof under the root before is good for an hour; a statement under the new one never.
    let planned = purse.plan(&offer).unwrap();
    let registrar = purse.stage.federation.registrar.clone();
    let retired = Entry::IdentityRetired(IdentityRetired {
        commitment: purse.citizen.commitment(),
        basis: "asked for it".to_owned(),
    });
    purse.stage.act(&registrar, &retired).unwrap();
    assert!(matches!(purse.plan(&offer), Err(SpendError::Retired)));
    let mut statement = planned.statement;
    statement.group_root = purse.stage.state().people().group().root().unwrap();
    let refused =
        merits_wallet::prover::PersonProving::redeem(&purse.prover(), &planned.witness, &statement);
    assert!(matches!(
        refused,
        Err(ProvingError::Redeem(RedeemViolation::Group))
    ));
}

#[test]
fn notes_of_a_lost_identity_are_seen_and_stay() {
    let mut purse = Purse::with(1);
    let offer = purse.stage.offer(Credits(10), 10).unwrap();
    let reborn = purse.citizen.reborn();
    purse.stage.register(&reborn).unwrap();
    purse.stage.wait(2);
    let view = purse.view();
    assert_eq!(view.identity.as_ref().unwrap().generation, 1);
    assert_eq!(view.notes.len(), 1);
    assert!(matches!(
        purse.plan(&offer).unwrap_err(),
        SpendError::Choice(ChoiceError::NotEnough {
            held: CreditsSum(0),
            ..
        })
    ));
}

#[test]
fn an_old_view_is_refused() {
    let mut purse = Purse::with(1);
    let view = purse.view();
    purse.earn(1);
    let spender = Spender::new(purse.stage.state(), &view, &purse.keys, Timestamp::FIRST);
    assert!(matches!(spender, Err(SpendError::OtherView)));
}

#[test]
fn nothing_of_a_witness_is_shown() {
    let mut purse = Purse::with(1);
    let offer = purse.stage.offer(Credits(10), 10).unwrap();
    let planned = purse.plan(&offer).unwrap();
    let shown = format!("{:?}", planned.witness);
    assert_eq!(shown, "RedeemWitness(..)");
    planned.statement.check().unwrap();
}
