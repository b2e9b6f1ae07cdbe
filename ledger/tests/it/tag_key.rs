//! The key of the uniqueness tags over the log: made by its holders together, dealt anew, and never another one. As many
//! evaluators as must answer count a request before anybody is registered with it.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::town::{DAY, Town, act_refused, admit, town};
use merits_ledger::entry::{
    Act, Entry, EvaluationCounted, EvaluatorOpened, IdentityRegistered, StandingChange,
    TagDealingMessage, TagDealingOpened, ThresholdsChanged, evaluation_digest,
};
use merits_ledger::state::{TagDealing, TagKeyMark, TagKeyRecord};
use merits_ledger::{Role, Thresholds};
use merits_ledger_fixture::{Citizen, Federation, Member, Stage, acts};
use merits_primitives::{
    calendar::Day,
    ids::{EntryId, PartyId},
};
use merits_threshold::tags::{
    board::TagProgress,
    dealing::Dealing,
    message::{TagBody, TagVerdict},
    participant::{Deals, TagParticipant, TagSeed},
    share::TagShare,
};
use rand::{SeedableRng, rngs::StdRng};

type Shares = BTreeMap<PartyId, TagShare>;

/// What makes an opening wrong.
type Change<'a> = &'a dyn Fn(&mut TagDealingOpened);

const NAMES: [&str; 4] = ["oracle one", "oracle two", "oracle three", "oracle four"];

/// A ledger with a registrar and four evaluators, without a key.
fn without_key() -> (Town, Vec<Member>) {
    let mut rng = StdRng::seed_from_u64(48);
    let federation = Federation::generate(&mut rng).unwrap();
    let mut town = Stage::of(federation, rng);
    let (supervisor, registrar) = (
        town.federation.supervisor.clone(),
        town.federation.registrar.clone(),
    );
    let application = registrar.application(&town.federation.origin);
    town.act(&supervisor, &acts::admitted(application)).unwrap();
    let members = (50..).zip(NAMES);
    let members = members
        .map(|(seed, name)| admit(&mut town, name, &[Role::Evaluator], seed))
        .collect();
    (town, members)
}

fn ids<'m>(members: impl IntoIterator<Item = &'m Member>) -> Vec<PartyId> {
    let mut ids: Vec<_> = members.into_iter().map(|member| member.id).collect();
    ids.sort();
    ids
}

/// A dealing of which `needed` of `holders` must answer.
fn opened(
    town: &Town,
    generation: u32,
    needed: u16,
    holders: &[Member],
    dealers: &[Member],
) -> TagDealingOpened {
    TagDealingOpened {
        generation,
        attempt: 1,
        needed,
        holders: ids(holders),
        dealers: ids(dealers),
        deadline: town.time + Duration::from_secs(DAY),
    }
}

fn stored(town: &Town, generation: u32, opener: &Member) -> (TagDealing, Dealing) {
    let dealings = town.state().people().tag_dealings();
    let stored = dealings.get(generation, &opener.id).unwrap().unwrap();
    let dealing = stored.dealing(town.state().origin(), opener.id).unwrap();
    (stored, dealing)
}

fn seed(generation: u32) -> TagSeed {
    TagSeed::from([u8::try_from(generation).unwrap(); 32])
}

/// What a party publishes next, if it is waited for.
fn next(
    town: &Town,
    generation: u32,
    opener: &Member,
    member: &Member,
    present: &Shares,
) -> Option<Entry> {
    let (stored, dealing) = stored(town, generation, opener);
    let seed = seed(generation);
    let deals = Deals {
        seed: &seed,
        present: present.get(&member.id),
    };
    let part = TagParticipant::new(&dealing, member.id, &seed, Some(deals)).ok()?;
    let message = part.message(&stored.board).unwrap()?;
    Some(Entry::TagDealingMessage(TagDealingMessage {
        generation,
        opener: opener.id,
        message,
    }))
}

/// Publishes everybody's messages until nobody is waited for; gives the shares.
fn deal(
    town: &mut Town,
    generation: u32,
    opener: &Member,
    members: &[Member],
    present: &Shares,
) -> Shares {
    loop {
        let before = town.time;
        for member in members {
            if let Some(entry) = next(town, generation, opener, member, present) {
                town.act(member, &entry).unwrap();
            }
        }
        if town.time == before {
            break;
        }
    }
    let (stored, dealing) = stored(town, generation, opener);
    assert!(matches!(
        stored.board.progress(&dealing),
        TagProgress::Done(_)
    ));
    let seed = seed(generation);
    let holders = members
        .iter()
        .filter(|member| dealing.is_holder(&member.id));
    holders
        .map(|member| {
            // A holder finds its share again without what it dealt with.
            let part = TagParticipant::new(&dealing, member.id, &seed, None).unwrap();
            (member.id, part.share(&stored.board).unwrap())
        })
        .collect()
}

fn record(town: &Town) -> TagKeyRecord {
    town.state().people().tag_key().unwrap().clone()
}

#[test]
fn a_key_is_made_together_and_dealt_anew_and_never_changes() {
    let (mut town, members) = without_key();
    let first = &members[..3];
    let opening = opened(&town, 1, 2, first, first);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    assert_eq!(
        town.state().people().tag_key(),
        None,
        "nothing is dealt yet"
    );
    let shares = deal(&mut town, 1, &members[0], &members, &Shares::new());
    let made = record(&town);
    assert_eq!((made.generation, made.mark()), (1, None));
    assert_eq!(made.dealt_by, Some(members[0].id));
    assert_eq!(made.key.threshold().needed(), 2);
    for (party, share) in &shares {
        assert_eq!(made.key.share_of(party), Some(share.public()));
    }
    // Nobody replaces it: neither alone, nor by another making.
    let alone = Entry::EvaluatorOpened(EvaluatorOpened {
        public_key: [1; 32],
    });
    act_refused(&mut town, &members[3], &alone, "evaluator-stands", "");
    let again = Entry::TagDealingOpened(opened(&town, 1, 2, first, first));
    act_refused(
        &mut town,
        &members[1],
        &again,
        "out-of-sequence",
        "generation",
    );

    // The first leaves, and the fourth comes.
    let (second, dealers) = (&members[1..], &members[..2]);
    let opening = opened(&town, 2, 3, second, dealers);
    town.act(&members[1], &Entry::TagDealingOpened(opening))
        .unwrap();
    let renewed = deal(&mut town, 2, &members[1], &members, &shares);
    let dealt = record(&town);
    assert_eq!(dealt.key.public(), made.key.public(), "the key stays");
    assert_eq!((dealt.generation, dealt.was_whole), (2, false));
    assert_eq!(dealt.key.share_of(&members[0].id), None);
    assert_eq!(renewed.len(), 3);
    for (party, share) in &renewed {
        assert_eq!(dealt.key.share_of(party), Some(share.public()));
        assert_ne!(made.key.share_of(party), Some(share.public()));
    }
}

/// Regression: one evaluator of several opened a key that it alone had before the others made theirs, for ever.
#[test]
fn where_no_supervisor_decides_alone_no_evaluator_has_a_key_alone() {
    let (mut town, members) = without_key();
    let supervisor = town.federation.supervisor.clone();
    for (seed, name) in [(71, "second supervisor"), (72, "third supervisor")] {
        admit(&mut town, name, &[Role::Supervisor], seed);
    }
    let changed = Act::ThresholdsChanged(ThresholdsChanged {
        generation: 1,
        thresholds: Thresholds {
            ordinary: 2,
            trust: 2,
            delay_seconds: 0,
            consents: 0,
        },
    });
    town.act(&supervisor, &acts::at_once(changed)).unwrap();
    let alone = Entry::EvaluatorOpened(EvaluatorOpened {
        public_key: TagShare::from_seed(&[7; 32], b"test").unwrap().public(),
    });
    act_refused(&mut town, &members[0], &alone, "quorum-invalid", "");
    let together = &members[..3];
    let opening = opened(&town, 1, 2, together, together);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    deal(&mut town, 1, &members[0], &members, &Shares::new());
    assert_eq!(record(&town).mark(), None);
}

#[test]
fn a_key_that_was_whole_once_stays_marked() {
    let (mut town, members) = without_key();
    let whole = TagShare::from_seed(&[7; 32], b"test").unwrap();
    let public_key = whole.public();
    town.act(
        &members[0],
        &Entry::EvaluatorOpened(EvaluatorOpened { public_key }),
    )
    .unwrap();
    assert_eq!(record(&town).mark(), Some(TagKeyMark::Now));
    let shares = Shares::from([(members[0].id, whole)]);
    let opening = opened(&town, 2, 2, &members[1..3], &members[..1]);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    deal(&mut town, 2, &members[0], &members, &shares);
    let dealt = record(&town);
    assert_eq!((dealt.generation, dealt.key.public()), (2, public_key));
    // Who had it whole may have kept it.
    assert_eq!(dealt.mark(), Some(TagKeyMark::Once));
}

#[test]
fn what_is_no_dealing_is_refused() {
    let (mut town, members) = without_key();
    let three = &members[..3];
    let good = opened(&town, 1, 2, three, three);
    let stranger = town.federation.registrar.clone();
    let changes: [(Change<'_>, &str, &str); 9] = [
        (&|it| it.generation = 2, "out-of-sequence", "generation"),
        (&|it| it.attempt = 2, "out-of-sequence", "attempt"),
        (&|it| it.needed = 1, "quorum-invalid", "holders"),
        (&|it| it.holders.reverse(), "quorum-invalid", "holders"),
        (&|it| it.dealers.truncate(2), "quorum-invalid", "holders"),
        (
            &|it| {
                it.holders = ids([&members[0], &stranger]);
                it.dealers = it.holders.clone();
            },
            "role-missing",
            "",
        ),
        (
            &|it| {
                it.holders = ids(&members[1..3]);
                it.dealers = it.holders.clone();
            },
            "not-a-holder",
            "party",
        ),
        (
            &|it| it.deadline = merits_ledger_fixture::START,
            "deadline",
            "deadline",
        ),
        (
            &|it| it.deadline += Duration::from_secs(31 * DAY),
            "deadline",
            "deadline",
        ),
    ];
    for (change, code, field) in changes {
        let mut wrong = good.clone();
        change(&mut wrong);
        let entry = Entry::TagDealingOpened(wrong);
        act_refused(&mut town, &members[0], &entry, code, field);
    }
    let good = Entry::TagDealingOpened(good);
    act_refused(&mut town, &stranger, &good, "role-missing", "");
    town.act(&members[0], &good).unwrap();
    // One at a time; another party's runs beside it.
    let mut next = opened(&town, 1, 2, three, three);
    next.attempt = 2;
    let next = Entry::TagDealingOpened(next);
    act_refused(
        &mut town,
        &members[0],
        &next,
        "key-generation-open",
        "attempt",
    );
    let beside = Entry::TagDealingOpened(opened(&town, 1, 2, three, three));
    town.act(&members[1], &beside).unwrap();
    town.time += Duration::from_secs(2 * DAY);
    let mut next = opened(&town, 1, 2, three, three);
    next.attempt = 2;
    town.act(&members[0], &Entry::TagDealingOpened(next))
        .unwrap();
}

#[test]
fn a_message_that_is_not_waited_for_is_refused_and_the_faster_dealing_counts() {
    let (mut town, members) = without_key();
    let three = &members[..3];
    let none = Shares::new();
    for opener in &members[..2] {
        let opening = opened(&town, 1, 2, three, three);
        town.act(opener, &Entry::TagDealingOpened(opening)).unwrap();
    }
    let (slow, fast) = (&members[0], &members[1]);
    let join = next(&town, 1, slow, &members[2], &none).unwrap();
    act_refused(
        &mut town,
        &members[3],
        &join,
        "key-generation-published",
        "round",
    );
    town.act(&members[2], &join).unwrap();
    // The same bytes have their place; another message of the round does not get one.
    let Entry::TagDealingMessage(mut other) = join.clone() else {
        panic!("a message");
    };
    let unknown = TagDealingMessage {
        opener: members[2].id,
        ..other.clone()
    };
    let unknown = Entry::TagDealingMessage(unknown);
    act_refused(
        &mut town,
        &members[2],
        &unknown,
        "key-generation-unknown",
        "attempt",
    );
    let TagBody::Join(body) = &mut other.message.body else {
        panic!("a join");
    };
    body.commitment = Some([1; 32]);
    let other = Entry::TagDealingMessage(other);
    act_refused(
        &mut town,
        &members[2],
        &other,
        "key-generation-published",
        "round",
    );
    let Entry::TagDealingMessage(mut ahead) = next(&town, 1, slow, slow, &none).unwrap() else {
        panic!("a message");
    };
    ahead.message.body = TagBody::Verdict(TagVerdict::Fits([1; 32]));
    let ahead = Entry::TagDealingMessage(ahead);
    act_refused(&mut town, slow, &ahead, "key-generation-round", "round");

    deal(&mut town, 1, fast, &members, &none);
    assert_eq!(record(&town).dealt_by, Some(fast.id));
    let late = next(&town, 1, slow, slow, &none).unwrap();
    act_refused(&mut town, slow, &late, "out-of-sequence", "generation");
}

/// Regression: a holder that was suspended after the opening still got its share.
#[test]
fn nobody_deals_to_a_party_that_was_suspended_meanwhile() {
    let (mut town, members) = without_key();
    let three = &members[..3];
    let opening = opened(&town, 1, 2, three, three);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    let none = Shares::new();
    for member in three {
        let joins = next(&town, 1, &members[0], member, &none).unwrap();
        town.act(member, &joins).unwrap();
    }
    let supervisor = town.federation.supervisor.clone();
    let standing = |sequence| StandingChange {
        party: members[2].id,
        sequence,
        basis: "decision 9".to_owned(),
    };
    let deals = next(&town, 1, &members[0], &members[0], &none).unwrap();
    town.act(&supervisor, &acts::suspended(standing(1)))
        .unwrap();
    act_refused(&mut town, &members[0], &deals, "party-suspended", "party");
    town.act(&supervisor, &acts::reinstated(standing(2)))
        .unwrap();
    town.act(&members[0], &deals).unwrap();
}

#[test]
fn a_dealing_ends_at_its_deadline() {
    let (mut town, members) = without_key();
    let three = &members[..3];
    let opening = opened(&town, 1, 2, three, three);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    let join = next(&town, 1, &members[0], &members[0], &Shares::new()).unwrap();
    town.time += Duration::from_secs(DAY + 1);
    act_refused(
        &mut town,
        &members[0],
        &join,
        "key-generation-over",
        "attempt",
    );
}

/// Counts a request as an evaluator, for the registrar.
fn count(town: &mut Town, member: &Member, blinded: &[u8]) -> EntryId {
    let counted = EvaluationCounted {
        registrar: town.federation.registrar.id,
        number: town.state().people().evaluations_by(&member.id) + 1,
        request: evaluation_digest(blinded),
    };
    town.act(member, &Entry::EvaluationCounted(counted))
        .unwrap()
        .id
}

fn registration(town: &Town, citizen: &Citizen, evaluation: EntryId) -> Entry {
    let registered: IdentityRegistered =
        town.federation
            .registration(citizen, Day::FIRST, evaluation);
    Entry::IdentityRegistered(registered)
}

#[test]
fn nobody_is_registered_before_as_many_evaluators_counted_as_must_answer() {
    let (mut town, members) = without_key();
    let three = &members[..3];
    let opening = opened(&town, 1, 2, three, three);
    town.act(&members[0], &Entry::TagDealingOpened(opening))
        .unwrap();
    deal(&mut town, 1, &members[0], &members, &Shares::new());
    let registrar = town.federation.registrar.clone();
    let outside = EvaluationCounted {
        registrar: registrar.id,
        number: 1,
        request: evaluation_digest(b"ann"),
    };
    let outside = Entry::EvaluationCounted(outside);
    act_refused(
        &mut town,
        &members[3],
        &outside,
        "not-the-evaluator",
        "party",
    );

    let one = count(&mut town, &members[0], b"ann");
    // Twice by one evaluator is one evaluator.
    count(&mut town, &members[0], b"ann");
    let ann = Citizen::new(1);
    let entry = registration(&town, &ann, one);
    act_refused(
        &mut town,
        &registrar,
        &entry,
        "evaluation-unfit",
        "evaluation",
    );
    let two = count(&mut town, &members[1], b"ann");
    let people = town.state().people();
    let evaluated = people.evaluation(&registrar.id, &evaluation_digest(b"ann"));
    let evaluated = evaluated.unwrap().unwrap();
    assert_eq!(
        evaluated.counted,
        [(members[0].id, one), (members[1].id, two)]
    );
    assert_eq!(town.state().people().evaluations_by(&members[0].id), 2);
    assert_eq!(town.state().people().evaluations_by(&members[1].id), 1);

    // An evaluator that is suspended meanwhile does not count, and another one makes up for it.
    let standing = |sequence| StandingChange {
        party: members[1].id,
        sequence,
        basis: "decision 8".to_owned(),
    };
    let supervisor = town.federation.supervisor.clone();
    town.act(&supervisor, &acts::suspended(standing(1)))
        .unwrap();
    act_refused(&mut town, &registrar, &entry, "party-suspended", "party");
    count(&mut town, &members[2], b"ann");
    town.act(&registrar, &entry).unwrap();
    // The request is used, by whichever of its entries it is named.
    let bob = registration(&town, &Citizen::new(2), two);
    act_refused(
        &mut town,
        &registrar,
        &bob,
        "evaluation-unfit",
        "evaluation",
    );
}

/// The whole key of the fixture's evaluator, as before there were shares.
#[test]
fn a_sole_evaluator_still_registers_people_alone() {
    let mut town = town();
    town.register(&Citizen::new(1)).unwrap();
    let record = record(&town);
    assert!(record.key.threshold().is_sole() && record.was_whole);
    assert_eq!(record.key.holders()[0].party, town.federation.evaluator.id);
}
