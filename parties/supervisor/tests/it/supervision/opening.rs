//! Openings of single claims: the whole round trip, and each refusal.
//!
//! Failures are: a claim opens without a logged request of a supervisor, an answer can be used for
//! another purpose, or a wrong answer is not detected.

use std::time::Duration;

use crate::supervision::memory_log::{
    DISTRIBUTOR, Federation, NOW, SUPERVISOR, WITNESS, handle_of, share,
};
use merits_ledger::entry::OpeningContent;
use merits_primitives::{
    Fr,
    dleq::Context,
    ids::{Credits, EntryId, Epoch, Origin, ScaleId},
    jubjub::Point,
};
use merits_sealing::{SealingKey, seal};
use merits_supervisor::{
    holder::{Holder, OpeningAsk, Refused, SEALED_PARTIAL, SealedPartial, sealing_context},
    journal::{Answered, Journal},
    request::opening_context,
    requester::{OpeningFault, combine},
    side::Side,
};

fn code(answer: Result<SealedPartial, Refused>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(refused) => refused.code().as_str(),
    }
}

#[test]
fn both_halves_open_the_claim_and_leave_a_trace() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1627, 0, 22_781]);
    for (claim, credits) in [(0u16, 1627), (1, 0), (2, 22_781)] {
        let ask = fed.append_request(entry, claim, SUPERVISOR);
        let answers = fed.ask_both(&ask);
        let opened = combine(&fed.log, &ask, &fed.key, &answers).unwrap();
        assert_eq!(opened.earned, Credits(credits).into());
        assert_eq!(opened.handle, handle_of(0, claim.into()));
        // The logged hash is bound to request and result.
        let hash = opened.hash(&ask.request, &ask.content);
        assert_ne!(hash, opened.hash(&EntryId([0; 32]), &ask.content));
    }
    for name in ["supervisor.jsonl", "witness.jsonl"] {
        let lines = Journal::read(&fed.dir.path().join(name)).unwrap();
        assert_eq!(lines.len(), 3);
        let Answered::Opening { claim, basis, .. } = &lines[2].answer else {
            panic!("an opening was answered")
        };
        assert_eq!((*claim, basis.as_str()), (2, "audit sample 12/2026"));
    }
}

#[test]
fn an_answer_that_got_lost_is_given_again_and_journaled_once() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    fed.ask_both(&ask);
    let again = fed.ask_both(&ask);
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &again)
            .unwrap()
            .earned
            .credits,
        Credits(10)
    );
    assert_eq!(fed.witness.journal().answers(), 1);
}

#[test]
fn a_holder_answers_only_to_what_its_own_log_has() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let other = fed.append_batch(&[40, 50]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);

    let unlogged = OpeningAsk {
        request: EntryId([9; 32]),
        ..ask.clone()
    };
    assert_eq!(
        code(fed.ask(Side::Witness, &unlogged)),
        "request-not-logged"
    );

    let shown = |content: OpeningContent| OpeningAsk {
        content,
        ..ask.clone()
    };
    for content in [
        OpeningContent {
            entry: other,
            ..ask.content.clone()
        },
        OpeningContent {
            claim: 1,
            ..ask.content.clone()
        },
        OpeningContent {
            basis: "curiosity".to_owned(),
            ..ask.content.clone()
        },
        OpeningContent {
            nonce: [0; 32],
            ..ask.content.clone()
        },
    ] {
        assert_eq!(
            code(fed.ask(Side::Witness, &shown(content))),
            "request-mismatch"
        );
    }

    let elsewhere = OpeningAsk {
        origin: Origin::new("other.test/m").unwrap(),
        ..ask.clone()
    };
    assert_eq!(code(fed.ask(Side::Witness, &elsewhere)), "other-log");

    let late = fed.witness.answer_opening(
        &fed.log,
        &ask,
        NOW + Duration::from_millis(3_600_001),
        &mut rand::rng(),
    );
    assert_eq!(code(late), "deadline-past");

    // The scale is the one thing that everybody sees of a request before it is revealed.
    let misleading = fed.append_request(entry, 0, SUPERVISOR);
    let logged = fed.log.requests.get_mut(&misleading.request).unwrap();
    logged.scale = ScaleId::new("reading-day").unwrap();
    assert_eq!(code(fed.ask(Side::Witness, &misleading)), "other-scale");

    let nobodys = fed.append_request(EntryId([8; 32]), 0, SUPERVISOR);
    assert_eq!(code(fed.ask(Side::Witness, &nobodys)), "batch-unknown");
    let beyond = fed.append_request(other, 2, SUPERVISOR);
    assert_eq!(code(fed.ask(Side::Witness, &beyond)), "claim-unknown");

    assert!(
        fed.witness.journal().answers() == 0,
        "no refusal is an answer"
    );
}

#[test]
fn only_a_supervisor_in_good_standing_is_answered() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, DISTRIBUTOR);
    assert_eq!(code(fed.ask(Side::Witness, &ask)), "not-a-supervisor");
    let ask = fed.append_request(entry, 0, crate::supervision::memory_log::WITNESS);
    assert_eq!(code(fed.ask(Side::Supervisor, &ask)), "not-a-supervisor");
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    fed.log.parties.get_mut(&SUPERVISOR).unwrap().suspended = true;
    assert_eq!(code(fed.ask(Side::Witness, &ask)), "party-suspended");
}

#[test]
fn a_completed_request_is_spent() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    fed.ask_both(&ask);
    fed.log.requests.get_mut(&ask.request).unwrap().result = Some([7; 32]);
    assert_eq!(code(fed.ask(Side::Witness, &ask)), "request-completed");
}

#[test]
fn a_holder_without_the_published_half_does_not_answer() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    // A share of the right side that is not the published one.
    let journal = Journal::open(&fed.dir.path().join("stray.jsonl")).unwrap();
    let mut stray = Holder::new(WITNESS, vec![share(Side::Witness)], journal);
    let answer = stray.answer_opening(&fed.log, &ask, NOW, &mut rand::rng());
    assert_eq!(code(answer), "epoch-not-held");
    // An epoch that nobody opened.
    fed.log.batches[0].1.epoch = Epoch(2);
    assert_eq!(code(fed.ask(Side::Witness, &ask)), "epoch-not-held");
}

#[test]
fn one_half_alone_opens_nothing() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let own = fed.ask(Side::Supervisor, &ask).unwrap();
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, std::slice::from_ref(&own)),
        Err(OpeningFault::Missing(Side::Witness))
    );
    // The own answer under the witness's name is not even readable as the witness's.
    let posing = SealedPartial {
        holder: WITNESS,
        ..own.clone()
    };
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &[own, posing]),
        Err(OpeningFault::Unreadable {
            side: Side::Witness,
            holder: WITNESS
        })
    );
}

#[test]
fn nobody_but_the_logged_requester_reads_an_answer() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let answers = fed.ask_both(&ask);
    let thief = SealingKey::generate(&mut rand::rng());
    assert_eq!(
        combine(&fed.log, &ask, &thief, &answers),
        Err(OpeningFault::Unreadable {
            side: Side::Supervisor,
            holder: SUPERVISOR
        })
    );
}

#[test]
fn an_answer_to_another_request_or_claim_is_refused() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let first = fed.append_request(entry, 0, SUPERVISOR);
    let second = fed.append_request(entry, 1, SUPERVISOR);
    let replayed = fed.ask(Side::Witness, &first).unwrap();
    let own = fed.ask(Side::Supervisor, &second).unwrap();
    assert_eq!(
        combine(&fed.log, &second, &fed.key, &[own, replayed]),
        Err(OpeningFault::Unreadable {
            side: Side::Witness,
            holder: WITNESS
        })
    );
}

/// A witness's answer whose sealed content a cheat chose.
fn forged(fed: &Federation, ask: &OpeningAsk, message: &[u8]) -> SealedPartial {
    let context = sealing_context(&fed.log.origin, &ask.request, &WITNESS);
    let sealed = seal(
        &fed.key.public(),
        SEALED_PARTIAL,
        &context,
        message,
        &mut rand::rng(),
    )
    .unwrap();
    SealedPartial {
        holder: WITNESS,
        sealed,
    }
}

#[test]
fn a_partial_of_another_half_or_context_is_named() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let own = fed.ask(Side::Supervisor, &ask).unwrap();
    let ephemeral = Point::from_y(fed.log.batches[0].1.claims[0].ciphertext.ey.0).unwrap();
    let bad = Err(OpeningFault::BadPartial {
        side: Side::Witness,
        holder: WITNESS,
    });

    // Another half, with a proof that is right for that half and this context.
    let context = opening_context(&fed.log.origin, Epoch(1), &ask.request, &entry, 0, &WITNESS);
    let stranger = share(Side::Witness);
    let (point, proof) = stranger.claim_partial(&ephemeral, &context, &mut rand::rng());
    let message = [point.to_bytes(), proof.to_bytes()].concat();
    let answers = [own.clone(), forged(&fed, &ask, &message)];
    assert_eq!(combine(&fed.log, &ask, &fed.key, &answers), bad);

    // The right half in another context: a replay under a fresh seal.
    let twin = share(Side::Witness);
    fed.log.halves.witness.claim = twin.public(&WITNESS, &mut rand::rng()).keys.claim;
    let elsewhere = Context::new("elsewhere", &[]);
    let (point, proof) = twin.claim_partial(&ephemeral, &elsewhere, &mut rand::rng());
    let message = [point.to_bytes(), proof.to_bytes()].concat();
    let answers = [own.clone(), forged(&fed, &ask, &message)];
    assert_eq!(combine(&fed.log, &ask, &fed.key, &answers), bad);

    // A right proof beside a wrong point.
    let (point, proof) = twin.claim_partial(&ephemeral, &context, &mut rand::rng());
    let moved = (point + Point::base()).unwrap();
    let message = [moved.to_bytes(), proof.to_bytes()].concat();
    let answers = [own.clone(), forged(&fed, &ask, &message)];
    assert_eq!(combine(&fed.log, &ask, &fed.key, &answers), bad);

    // Bytes that are not a point.
    let answers = [own, forged(&fed, &ask, &[0xff; 128])];
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &answers),
        Err(OpeningFault::Malformed {
            side: Side::Witness,
            holder: WITNESS
        })
    );
}

#[test]
fn a_ciphertext_that_no_valid_proof_allows_is_not_taken_for_an_amount() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let above = crate::supervision::memory_log::V_MAX.0;
    fed.log.batches[0].1.claims[0].ciphertext.cv.0 += Fr::from(above);
    let answers = fed.ask_both(&ask);
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &answers),
        Err(OpeningFault::NoAmount(
            crate::supervision::memory_log::V_MAX
        ))
    );
}
