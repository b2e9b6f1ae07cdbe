//! Receipts of every kind with a proof, checked without a network against the governing state of
//! their time.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use merits_kit::{
    KitError,
    offline::{OfflineFault, OfflineVerifier, VerifiedEntry},
};
use merits_ledger::{
    Entry, History, Submission,
    entry::{ATTESTED, CONSENT_WITHDRAWN, EARN_BATCH, REDEEMED, TICKET_DEPOSITED},
};
use merits_ledger_fixture::{Citizen, Federation, Stage};
use merits_primitives::ids::Credits;
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    log::{Checkpoint, leaf_hash},
    receipt::Receipt,
};
use rand::{SeedableRng as _, rngs::StdRng};

type Town = Stage<StdRng>;

/// A town in which each of the five happened.
fn town() -> Town {
    let mut town = Town::new(StdRng::seed_from_u64(46)).unwrap();
    let (earner, other) = (Citizen::new(1), Citizen::new(2));
    let note = town.earner(&earner).unwrap();
    let offer = town.offer(Credits(10), 5).unwrap();
    let (_, change) = town.redeem(&earner, &[note], offer).unwrap();
    town.attest(&earner, &[change], Credits(1)).unwrap();
    town.register(&other).unwrap();
    let consented = town.deposit(&other).unwrap();
    town.withdraw(&consented).unwrap();
    town
}

fn leaves(town: &Town) -> Vec<Vec<u8>> {
    town.ledger.store().leaves().to_vec()
}

/// The contents of a kit: the governing state before a leaf.
fn governing(federation: &Federation, leaves: &[Vec<u8>], before: usize) -> History {
    let mut history = History::new(federation.policy());
    for leaf in &leaves[..before] {
        let entry = Leaf::from_bytes(leaf).unwrap().entry;
        let submission = Submission::from_signed(entry, &federation.origin).unwrap();
        if submission.entry().governs() {
            history.push(leaf, Vec::new(), &mut rand::rng()).unwrap();
        }
    }
    history
}

fn verify(town: &Town, index: usize, receipt: &Receipt) -> Result<VerifiedEntry, OfflineFault> {
    let history = governing(&town.federation, &leaves(town), index);
    OfflineVerifier::new(town.federation.signer().public()).verify(history.state(), receipt)
}

/// The first leaf of a kind.
fn first(town: &Town, kind: u16) -> usize {
    let of_kind = |leaf: &Vec<u8>| Leaf::from_bytes(leaf).unwrap().entry.kind == kind;
    leaves(town).iter().position(of_kind).unwrap()
}

/// A receipt of an entry that a coordinator accepted in place of a leaf, even against its rules.
fn lied(town: &Town, index: usize, change: impl FnOnce(&mut SignedEntry)) -> Receipt {
    let mut leaf = Leaf::from_bytes(&leaves(town)[index]).unwrap();
    change(&mut leaf.entry);
    let leaf = leaf.to_bytes();
    let checkpoint = Checkpoint {
        origin: town.federation.origin.clone(),
        size: 1,
        root: leaf_hash(&leaf),
    };
    Receipt {
        leaf,
        index: 0,
        proof: Vec::new(),
        checkpoint: checkpoint.sign(&town.federation.signer()).unwrap(),
    }
}

const PROVEN: [u16; 5] = [
    EARN_BATCH,
    TICKET_DEPOSITED,
    CONSENT_WITHDRAWN,
    REDEEMED,
    ATTESTED,
];

#[test]
fn all_five_proofs_are_verified_by_what_governed_alone() {
    let town = town();
    for kind in PROVEN {
        let index = first(&town, kind);
        let receipt = town.ledger.receipt(index as u64).unwrap();
        let verified = verify(&town, index, &receipt).unwrap();
        assert!(verified.proven, "{kind:#x}");
        assert_eq!(verified.entry.kind(), kind);
        assert_eq!(verified.party.is_none(), verified.entry.is_personal());
    }
}

#[test]
fn a_proof_that_does_not_hold_convicts_whoever_took_it() {
    let town = town();
    for kind in PROVEN {
        let index = first(&town, kind);
        // The proof of another entry, under a signature of the very party.
        let other = first(
            &town,
            if kind == EARN_BATCH {
                TICKET_DEPOSITED
            } else {
                EARN_BATCH
            },
        );
        let foreign = Leaf::from_bytes(&leaves(&town)[other]).unwrap().entry;
        let receipt = lied(&town, index, |entry| {
            let proof = foreign.groth16_proof().unwrap();
            let decoded = Entry::decode(entry.kind, &entry.statement)
                .unwrap()
                .unwrap();
            let federation = &town.federation;
            let member = [&federation.distributor, &federation.exchange]
                .into_iter()
                .find(|member| member.id == entry.party);
            *entry = federation.sign_proven(&decoded, member, &proof);
        });
        let fault = verify(&town, index, &receipt).unwrap_err();
        assert!(
            matches!(fault, OfflineFault::Proof(_)),
            "{kind:#x}: {fault}"
        );
    }
}

#[test]
fn a_signature_that_does_not_hold_is_refused_whatever_the_kind() {
    let town = town();
    for index in 0..leaves(&town).len() {
        let receipt = lied(&town, index, |entry| entry.signature[40] ^= 1);
        let fault = verify(&town, index, &receipt).unwrap_err();
        assert!(matches!(fault, OfflineFault::Rules(_)), "{index}: {fault}");
    }
}

#[test]
fn what_has_no_proof_says_so() {
    let town = town();
    for index in 0..leaves(&town).len() {
        let receipt = town.ledger.receipt(index as u64).unwrap();
        let verified = verify(&town, index, &receipt).unwrap();
        let kind = verified.entry.kind();
        let is_epoch = matches!(verified.entry, Entry::EpochProposed(_));
        assert_eq!(verified.proven, is_epoch || PROVEN.contains(&kind));
    }
}

#[test]
fn a_kit_without_the_key_or_the_offer_verifies_nothing() {
    let town = town();
    for kind in PROVEN {
        let index = first(&town, kind);
        let receipt = town.ledger.receipt(index as u64).unwrap();
        // Founded and no more.
        let history = governing(&town.federation, &leaves(&town), 5);
        let log = town.federation.signer();
        let fault = OfflineVerifier::new(log.public())
            .verify(history.state(), &receipt)
            .unwrap_err();
        assert!(
            matches!(fault, OfflineFault::Rules(_)),
            "{kind:#x}: {fault}"
        );
    }
}

/// Regression: a full disk left an empty folder, and the next attempt said that it is there already.
#[test]
fn a_kit_that_cannot_be_written_leaves_nothing() {
    let town = Town::new(StdRng::seed_from_u64(47)).unwrap();
    let (signer, policy) = (town.federation.signer(), town.federation.policy());
    let directory = tempfile::tempdir().unwrap();
    let kit = directory.path().join("kit");
    let full = || KitError::Io {
        path: kit.clone(),
        source: std::io::ErrorKind::StorageFull.into(),
    };
    let write = |receipts: Vec<Result<_, KitError>>| {
        merits_kit::write(signer.public(), &policy, receipts, &kit)
    };
    write(vec![Err(full())]).unwrap_err();
    assert!(!kit.exists());
    // A folder that was there before stays.
    std::fs::create_dir(&kit).unwrap();
    write(vec![Err(full())]).unwrap_err();
    assert!(kit.exists());
    assert_eq!(write(Vec::new()).unwrap(), 0);
}
