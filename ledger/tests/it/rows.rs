//! The state as rows: a row that was not requested never counts as absent, the governing state
//! follows from the rows, and the digest follows from the changes.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::collections::HashMap;
use std::time::Duration;

use crate::conservation::busy;
use crate::town::{Town, admit};
use merits_ledger::entry::{
    Act, ActProposed, AlertHandled, AlertRaised, AlertSubject, Entry, KeyShareDestroyed,
    OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested,
    OpeningRevealed, ProposalNamed, ProposalTerms, QuorumEpochOpened, ScaleApproved,
    StandingChange, TagDealingOpened, ThresholdsChanged,
};
use merits_ledger::rows::{RowError, RowKey, StateDigest, Table, View};
use merits_ledger::{
    Authentic, CheckError, Governing, Groth16Keys, Role, State, Submission, Thresholds,
    VerifiedProof, named_blobs,
};
use merits_ledger_fixture::{Federation, LargeScale, Quorum, START, acts};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch},
};
use merits_threshold::Side;
use merits_verifier::codec::Canonical as _;
use merits_verifier::entry::Leaf;

/// The busy town, and an opening too: every table has a row.
fn everything() -> Town {
    let mut town = busy();
    let supervisor = town.federation.supervisor.clone();
    let content = OpeningContent {
        entry: EntryId([1; 32]),
        claim: 0,
        basis: "case 7".to_owned(),
        nonce: [2; 32],
    };
    let requested = OpeningRequested {
        commitment: content.commitment(&town.federation.origin),
        scale: town.federation.scale_id(),
        deadline: town.time + Duration::from_secs(1_000),
    };
    let request = town
        .act(&supervisor, &Entry::OpeningRequested(requested))
        .unwrap()
        .id;
    for step in [
        Entry::OpeningDisowned(OpeningDisowned { request, number: 1 }),
        Entry::OpeningEndorsed(OpeningEndorsed {
            request,
            number: 2,
            seen: [4; 32],
        }),
    ] {
        town.act(&supervisor, &step).unwrap();
    }
    let result = [3; 32];
    let completed = Entry::OpeningCompleted(OpeningCompleted { request, result });
    town.act(&supervisor, &completed).unwrap();
    let revealed = Entry::OpeningRevealed(OpeningRevealed { request, content });
    town.act(&supervisor, &revealed).unwrap();
    let raised = Entry::AlertRaised(AlertRaised {
        rule: "claims-jump".to_owned(),
        rules: [5; 32],
        subject: AlertSubject::Party(town.federation.distributor.id),
        from: START,
        until: town.time,
        value: 9,
        threshold: 3,
    });
    let alert = town.act(&supervisor, &raised).unwrap().id;
    let handled = Entry::AlertHandled(AlertHandled {
        alert,
        silent_until: Some(town.time + Duration::from_secs(1_000)),
        reason: "The distributor was asked.".to_owned(),
    });
    town.act(&supervisor, &handled).unwrap();
    shares(&mut town);
    // A key that is a blob, proposed and approved.
    let LargeScale { proposed, blob, .. } = town.federation.clone().large_scale(&mut town.rng);
    let (id, version) = (proposed.id.clone(), proposed.version);
    let issuer = &town.federation.issuer;
    let signed = town
        .federation
        .sign(&Entry::ScaleProposed(proposed), issuer);
    town.time += std::time::Duration::from_secs(1);
    let taken = town
        .ledger
        .submit_with(&signed.to_bytes(), vec![blob], town.time);
    let approved = ScaleApproved {
        id,
        version,
        proposal: taken.unwrap().id,
    };
    town.act(&supervisor, &acts::approved(approved)).unwrap();
    quorums(&mut town);
    decide(&mut town);
    town
}

/// A dealing of the tag key's shares.
fn shares(town: &mut Town) {
    let second = admit(town, "second evaluator", &[Role::Evaluator], 77);
    let evaluator = town.federation.evaluator.clone();
    let mut holders = vec![evaluator.id, second.id];
    holders.sort();
    let opened = TagDealingOpened {
        generation: 2,
        attempt: 1,
        needed: 2,
        holders,
        dealers: vec![evaluator.id],
        deadline: town.time + Duration::from_secs(1_000),
    };
    town.act(&evaluator, &Entry::TagDealingOpened(opened))
        .unwrap();
}

/// Two quorums' epoch, its end, and a share that is destroyed.
fn quorums(town: &mut Town) {
    let federation = town.federation.clone();
    let supervisor = federation.supervisor.clone();
    for admission in federation.admissions_of_quorums() {
        town.submit(&admission).unwrap();
    }
    let deadline = town.time + Duration::from_secs(86_400);
    for side in Side::BOTH {
        let which = (Epoch(2), side, 1);
        let members = federation.side(side);
        let mut quorum = Quorum::new(&federation, which, 3, members, deadline, &mut town.rng);
        town.act(&supervisor, &quorum.opening()).unwrap();
        loop {
            let next = quorum.next(town.ledger.state());
            if next.is_empty() {
                break;
            }
            for (member, message) in next {
                town.act(&member, &Entry::KeyGenerationMessage(message))
                    .unwrap();
            }
        }
    }
    let from = town.time + Duration::from_secs(60);
    let opened = QuorumEpochOpened {
        epoch: Epoch(2),
        active_from: from,
        previous_accepted_until: from,
        readable_until: from + Duration::from_secs(1),
        supervisor: 1,
        witness: 1,
    };
    town.act(&supervisor, &Federation::quorum_epoch(opened))
        .unwrap();
    let next = from + Duration::from_secs(60);
    let fresh = federation.with_fresh_halves(&mut town.rng);
    let (opened, proof) = fresh.epoch(Epoch(3), next, next, &mut town.rng);
    town.submit(&federation.sign_epoch(opened, &proof)).unwrap();
    town.time = next + Duration::from_secs(60);
    let destroyed = KeyShareDestroyed {
        epoch: Epoch(2),
        side: Side::Supervisor,
    };
    town.act(&supervisor, &Entry::KeyShareDestroyed(destroyed))
        .unwrap();
}

/// An act that is proposed, endorsed and enacted, and other thresholds.
fn decide(town: &mut Town) {
    let supervisor = town.federation.supervisor.clone();
    let party = town.federation.source.id;
    let changes = town.state().parties().get(&party).unwrap().standing_changes;
    let act = Act::PartySuspended(StandingChange {
        party,
        sequence: changes + 1,
        basis: "case 8".to_owned(),
    });
    let terms = ProposalTerms {
        number: 1,
        policy: 0,
        until: Some(town.time + Duration::from_secs(1_000)),
    };
    let proposed = Entry::ActProposed(ActProposed { act, terms });
    let proposal = town.act(&supervisor, &proposed).unwrap().id;
    let enacted = Entry::ActEnacted(ProposalNamed { proposal });
    town.act(&supervisor, &enacted).unwrap();
    let changed = acts::at_once(Act::ThresholdsChanged(ThresholdsChanged {
        generation: 1,
        thresholds: Thresholds::ALONE,
    }));
    town.act(&supervisor, &changed).unwrap();
}

/// Goes through a log entry by entry, each with the state before it.
fn walk(
    town: &Town,
    mut each: impl FnMut(&State, &Authentic, Timestamp, Option<&VerifiedProof>),
) -> State {
    let mut state = State::new(town.federation.policy());
    let keys = Groth16Keys::new();
    let store = town.ledger.store();
    for leaf in store.leaves() {
        let named = named_blobs::named_by(leaf).into_iter();
        let blobs = named.map(|digest| store.blob(&digest).unwrap().clone());
        let leaf = Leaf::from_bytes(leaf).unwrap();
        let submission = Submission::from_signed(leaf.entry, state.origin()).unwrap();
        let submission = submission.with_blobs(blobs.collect()).unwrap();
        let authentic = state.authenticate(submission).unwrap();
        let job = state.job(authentic.submission()).unwrap();
        let verified = job.map(|job| job.verify(&state, &keys).unwrap());
        each(&state, &authentic, leaf.time, verified.as_ref());
        let effects = state
            .check(&authentic, leaf.time, verified.as_ref())
            .unwrap();
        state.commit(&effects).unwrap();
    }
    state
}

/// The rows that the rules request, with the store's values.
fn asked(state: &State, authentic: &Authentic) -> HashMap<RowKey, Option<Vec<u8>>> {
    let mut rows = HashMap::new();
    let mut view = View::new();
    loop {
        let reads = state.governing().reads(authentic.submission(), &view);
        let wanted = view.missing(reads.unwrap());
        if wanted.is_empty() {
            return rows;
        }
        let values = state.rows().get(&wanted).unwrap();
        let found: Vec<_> = wanted.into_iter().zip(values).collect();
        view.learn(found.clone());
        rows.extend(found);
    }
}

#[test]
fn what_was_not_asked_for_is_an_error_and_never_absent() {
    let town = everything();
    let mut refused_to_guess = 0;
    walk(&town, |state, authentic, time, verified| {
        let rows = asked(state, authentic);
        let judge = |rows: &HashMap<RowKey, Option<Vec<u8>>>| {
            let mut view = View::new();
            view.learn(rows.clone());
            let effects = state.governing().check(authentic, time, verified, &view);
            effects.map(|effects| effects.rows().to_vec())
        };
        let whole = judge(&rows);
        assert!(whole.is_ok(), "{whole:?}");
        for key in rows.keys() {
            let mut fewer = rows.clone();
            fewer.remove(key);
            let judged = judge(&fewer);
            if judged != whole {
                let table = key.table;
                assert_eq!(judged, Err(CheckError::Rows(RowError::NotAsked { table })));
                refused_to_guess += 1;
            }
        }
    });
    assert!(refused_to_guess > 30, "{refused_to_guess}");
}

/// A party without the role causes no query of the store.
#[test]
fn rows_are_asked_for_those_alone_who_may_act() {
    let town = everything();
    let nobody_acts = Governing::new(town.federation.policy());
    let mut spared = 0;
    walk(&town, |state, authentic, _, _| {
        let submission = authentic.submission();
        let asked = |governing: &Governing| governing.reads(submission, &View::new()).unwrap();
        if !submission.entry().is_personal() {
            assert_eq!(asked(&nobody_acts), []);
            spared += asked(state.governing()).len();
        }
    });
    assert!(spared > 0);
}

#[test]
fn what_governs_follows_from_the_rows() {
    let town = everything();
    let policy = town.federation.policy();
    let same = |state: &State| {
        // The root is computed on demand.
        let _ = state.notes().root();
        let loaded = Governing::load(policy.clone(), state.rows()).unwrap();
        let stored = State::stored(loaded, std::sync::Arc::new(state.memory().unwrap().clone()));
        let _ = stored.notes().root();
        assert_eq!(
            format!("{:?}", stored.governing()),
            format!("{:?}", state.governing())
        );
    };
    let last = walk(&town, |state, _, _, _| same(state));
    same(&last);
}

#[test]
fn the_digest_follows_from_the_changes() {
    let town = everything();
    let mut digest = StateDigest::default();
    let last = walk(&town, |state, authentic, time, verified| {
        assert_eq!(digest, state.rows().digest().unwrap());
        let effects = state.check(authentic, time, verified).unwrap();
        let keys: Vec<RowKey> = effects.rows().iter().map(|(key, _)| key.clone()).collect();
        let before = state.rows().get(&keys).unwrap();
        for ((key, after), before) in effects.rows().iter().zip(before) {
            if let Some(value) = before {
                digest.remove_row(key, &value);
            }
            if let Some(value) = after {
                digest.add_row(key, value);
            }
        }
        let used = effects.uniques().iter();
        digest.add_used(
            effects.index(),
            used.map(|unique| (unique.set, unique.value)),
        );
    });
    assert_eq!(digest, last.rows().digest().unwrap());
    let tables: std::collections::BTreeSet<_> = last
        .memory()
        .unwrap()
        .iter()
        .map(|(key, _)| key.table)
        .collect();
    let all: Vec<_> = Table::ALL
        .into_iter()
        .filter(|table| !tables.contains(table))
        .collect();
    // Every proposal was approved, and no two scales read the same records.
    assert_eq!(all, [Table::Proposal, Table::Deed]);
}
