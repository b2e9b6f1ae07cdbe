//! Attempts to make a half: who opens one, and whose message is taken when.

use super::*;

#[test]
fn five_supervisors_make_a_half_and_each_message_is_an_entry() {
    let mut quorums = Quorums::new();
    let mut quorum = quorums.attempt(Side::Supervisor, 1);
    quorums.open(&quorum).expect("opened");
    let waiting = |quorums: &Quorums, quorum: &Quorum| match quorums.generation(quorum).progress {
        Progress::Waiting { round, missing } => (round, missing.len()),
        other => panic!("it waits: {other:?}"),
    };
    assert_eq!(waiting(&quorums, &quorum), (Round::Hash, 5));
    for (round, next) in [
        (Round::Hash, Round::Package),
        (Round::Package, Round::Shares),
        (Round::Shares, Round::Verdict),
    ] {
        quorums.play(&mut quorum, round);
        assert_eq!(waiting(&quorums, &quorum), (next, 5));
    }
    quorums.play(&mut quorum, Round::Verdict);
    let generation = quorums.generation(&quorum);
    let Progress::Done { half } = &generation.progress else {
        panic!("done: {generation:?}")
    };
    assert_eq!(half.threshold().to_string(), "3 of 5");
    assert_eq!(generation.opener, quorums.federation.supervisor.id);
    // Each holder's share is the one that everybody sees the verification share of.
    for ([claim, total], member) in quorum.shares().iter().zip(&quorum.members) {
        assert_eq!(claim.holder(), member.id);
        assert!(claim.belongs_to(&half.claim) && total.belongs_to(&half.total));
    }
    let messages = quorums.state().key_generations().messages(&quorum.opened);
    assert_eq!(messages.expect("rows in memory").len(), 20);
}

#[test]
fn each_fault_of_an_attempt_has_its_refusal() {
    let mut quorums = Quorums::new();
    let supervisor = quorums.federation.supervisor.clone();
    let good = quorums.attempt(Side::Witness, 1).opened;
    let (now, source) = (quorums.now(), quorums.federation.source.id);
    let witness = quorums.federation.witness.id;
    let supervisors = quorums.federation.side(Side::Supervisor);
    let mut refuse =
        |change: &dyn Fn(&mut merits_ledger::entry::KeyGenerationOpened), code, field| {
            let mut opened = good.clone();
            change(&mut opened);
            opened.holders.sort_unstable();
            let entry = Entry::KeyGenerationOpened(opened);
            quorums.refused(&supervisor, &entry, code, field);
        };
    refuse(
        &|opened| opened.epoch = Epoch(3),
        "out-of-sequence",
        "epoch",
    );
    refuse(
        &|opened| opened.epoch = Epoch(1),
        "out-of-sequence",
        "epoch",
    );
    refuse(&|opened| opened.attempt = 2, "out-of-sequence", "attempt");
    refuse(&|opened| opened.deadline = now, "deadline", "deadline");
    refuse(
        &|opened| opened.deadline = now + 31 * DAY,
        "deadline",
        "deadline",
    );
    refuse(&|opened| opened.needed = 6, "quorum-invalid", "holders");
    refuse(&|opened| opened.needed = 0, "quorum-invalid", "holders");
    // 1 of many, and one holder, who needs no ceremony.
    refuse(&|opened| opened.needed = 1, "quorum-invalid", "holders");
    refuse(
        &|opened| (opened.needed, opened.holders) = (1, vec![witness]),
        "quorum-invalid",
        "holders",
    );
    // Two groups of two would not know what the other answered.
    refuse(&|opened| opened.needed = 2, "quorum-invalid", "needed");
    refuse(&|opened| opened.holders[0] = source, "role-missing", "");
    // The supervisors' own as witnesses.
    refuse(
        &|opened| opened.holders = supervisors.iter().map(|member| member.id).collect(),
        "role-missing",
        "",
    );
    refuse(
        &|opened| opened.holders[0] = merits_primitives::ids::PartyId([0; 32]),
        "party-unknown",
        "party",
    );
    // In another order, an attempt has no encoding.
    let mut turned = good.clone();
    turned.holders.reverse();
    let turned = Entry::KeyGenerationOpened(turned);
    quorums.refused(&supervisor, &turned, "malformed", "holders");
    let entry = Entry::KeyGenerationOpened(good);
    for stranger in [
        quorums.federation.source.clone(),
        quorums.federation.distributor.clone(),
    ] {
        quorums.refused(&stranger, &entry, "role-missing", "");
    }
}

/// Regression: the refusal said that the holders are not in canonical form.
#[test]
fn a_holder_that_is_named_twice_is_named_by_the_refusal() {
    let mut quorums = Quorums::new();
    let supervisor = quorums.federation.supervisor.clone();
    let mut opened = quorums.attempt(Side::Witness, 1).opened;
    let twice = opened.holders[1];
    opened.holders[0] = twice;
    let entry = Entry::KeyGenerationOpened(opened);
    quorums.refused(&supervisor, &entry, "quorum-invalid", "holders");
    let refusal = quorums.ledger.act(&supervisor, &entry);
    let said = refusal.expect_err("refused").to_string();
    assert!(
        said.contains(&format!("party {twice} is named twice")),
        "{said}"
    );
}

#[test]
fn a_suspended_holder_is_not_named_and_publishes_nothing() {
    let mut quorums = Quorums::new();
    let mut quorum = quorums.attempt(Side::Witness, 1);
    quorums.open(&quorum).expect("opened");
    let suspended = quorums.federation.more(Side::Witness)[1].clone();
    let change = merits_ledger::entry::StandingChange {
        party: suspended.id,
        sequence: 1,
        basis: "case 7".to_owned(),
    };
    let act = merits_ledger_fixture::acts::suspended(change);
    quorums.ledger.supervise(&act).expect("suspended");
    let next = quorums.next_of(&mut quorum, &suspended);
    quorums.refused(&suspended, &next, "party-suspended", "party");
    let another = quorums.attempt(Side::Witness, 2);
    let witness = quorums.federation.witness.clone();
    quorums.refused(&witness, &another.opening(), "party-suspended", "party");
}

impl Quorums {
    /// The next message of one holder.
    fn next_of(&self, quorum: &mut Quorum, member: &Member) -> Entry {
        let mut next = quorum.next(self.state()).into_iter();
        let (_, message) = next
            .find(|(sender, _)| sender.id == member.id)
            .expect("its turn");
        Entry::KeyGenerationMessage(message)
    }
}

#[test]
fn messages_are_taken_in_order_once_and_from_holders_only() {
    let mut quorums = Quorums::new();
    let mut quorum = quorums.attempt(Side::Supervisor, 1);
    let hashes = quorum.next(quorums.state());
    let (first, hash) = &hashes[0];
    let entry = Entry::KeyGenerationMessage(hash.clone());
    quorums.refused(first, &entry, "key-generation-unknown", "attempt");
    quorums.open(&quorum).expect("opened");
    // Neither another role nor another's name.
    let witness = quorums.federation.witness.clone();
    quorums.refused(&witness, &entry, "role-missing", "");
    let outside = Member::new(
        &quorums.federation.origin,
        "supervisor 6",
        &[merits_ledger::Role::Supervisor],
        170,
    );
    let admitted =
        merits_ledger_fixture::acts::admitted(outside.application(&quorums.federation.origin));
    quorums.ledger.supervise(&admitted).expect("admitted");
    quorums.refused(&outside, &entry, "not-a-holder", "party");
    // Bound to another attempt.
    let mut other = hash.clone();
    other.message.ceremony = [7; 32];
    let other = Entry::KeyGenerationMessage(other);
    quorums.refused(first, &other, "key-generation-other", "ceremony");

    for message in &hashes[..4] {
        quorums.publish(message);
    }
    // The last speaker sees no package before it is bound to its own: no package is taken before all hashes.
    let (last, last_hash) = hashes[4].clone();
    let others = |quorums: &Quorums, quorum: &mut Quorum| quorum.next(quorums.state());
    assert!(
        others(&quorums, &mut quorum)
            .iter()
            .all(|(sender, _)| sender.id == last.id)
    );
    let mut ahead = hash.clone();
    ahead.message.body =
        merits_threshold::message::Body::Verdict(merits_threshold::message::Verdict::Fits([0; 32]));
    let ahead = Entry::KeyGenerationMessage(ahead);
    quorums.refused(first, &ahead, "key-generation-round", "round");
    // The same round again, with another content.
    let mut again = hash.clone();
    again.message.body = merits_threshold::message::Body::Hash([9; 32]);
    let again = Entry::KeyGenerationMessage(again);
    quorums.refused(first, &again, "key-generation-published", "round");
    quorums.publish(&(last, last_hash));
    quorums.refused(first, &again, "key-generation-round", "round");
    quorums.play(&mut quorum, Round::Verdict);
    quorums.refused(first, &again, "key-generation-ended", "attempt");
}

#[test]
fn an_attempt_ends_at_its_deadline_and_blocks_nobody_before() {
    let mut quorums = Quorums::new();
    let mut stalled = quorums.attempt(Side::Supervisor, 1);
    quorums.open(&stalled).expect("opened");
    let supervisor = quorums.federation.supervisor.clone();
    // Its opener waits for it; another does not.
    let second = quorums.attempt(Side::Supervisor, 2);
    quorums.refused(
        &supervisor,
        &second.opening(),
        "key-generation-open",
        "attempt",
    );
    let other = quorums.federation.more(Side::Supervisor)[0].clone();
    let mut second = second;
    quorums
        .ledger
        .act(&other, &second.opening())
        .expect("beside it");
    quorums.play(&mut second, Round::Verdict);
    assert!(matches!(
        quorums.generation(&second).progress,
        Progress::Done { .. }
    ));
    let late = stalled.next(quorums.state()).swap_remove(0);
    quorums.ledger.time = stalled.opened.deadline;
    let entry = Entry::KeyGenerationMessage(late.1.clone());
    let signed = quorums.federation.sign(&entry, &late.0);
    let past = stalled.opened.deadline + Duration::from_millis(1);
    quorums
        .ledger
        .refused_at(&signed, past, "key-generation-over", "attempt");
    let on_time = stalled.opened.deadline;
    quorums.ledger.submit_at(&signed, on_time).expect("on time");
    // Now its opener begins again.
    quorums.ledger.time = past;
    let third = quorums.attempt(Side::Supervisor, 3);
    quorums.open(&third).expect("the first one is over");
}

/// Regression: attempts of some seconds each, one after another, grew the state without end.
#[test]
fn a_party_opens_eight_attempts_of_a_half_a_day() {
    let mut quorums = Quorums::new();
    let opener = quorums.federation.witness.clone();
    let brief = |quorums: &mut Quorums, attempt: u32| {
        let mut opened = quorums.attempt(Side::Witness, attempt).opened;
        opened.deadline = quorums.now() + Duration::from_secs(10);
        Entry::KeyGenerationOpened(opened)
    };
    let most = u32::try_from(merits_ledger::entry::ATTEMPTS_A_DAY).expect("few");
    for attempt in 1..=most {
        let entry = brief(&mut quorums, attempt);
        quorums.ledger.act(&opener, &entry).expect("opened");
        quorums.ledger.time = quorums.now() + HOUR;
    }
    let refused = |quorums: &mut Quorums, attempt| {
        let entry = brief(quorums, attempt);
        quorums.refused(&opener, &entry, "key-generation-open", "attempt");
        let refusal = quorums.ledger.act(&opener, &entry).expect_err("refused");
        let said = refusal.to_string();
        assert!(said.contains("at most 8 attempts"), "{said}");
    };
    refused(&mut quorums, most + 1);
    let generations = quorums.state().key_generations();
    let first = generations.get(EPOCH, Side::Witness, 1);
    let first = first.expect("rows in memory").expect("opened").time;
    // Others open theirs, and the other half has its own count.
    let other = quorums.federation.supervisor.clone();
    let entry = brief(&mut quorums, most + 1);
    quorums.ledger.act(&other, &entry).expect("another's");
    let of_supervisors = quorums.attempt(Side::Supervisor, 1).opening();
    let opened = quorums.ledger.act(&opener, &of_supervisors);
    opened.expect("another half");
    // A day after each of them, there is room for one.
    quorums.ledger.time = first + DAY - Duration::from_secs(10);
    refused(&mut quorums, most + 2);
    // An entry comes a second later.
    quorums.ledger.time = first + DAY - Duration::from_secs(1);
    let entry = brief(&mut quorums, most + 2);
    let opened = quorums.ledger.act(&opener, &entry);
    opened.expect("the first is a day old");
    quorums.ledger.time = first + DAY + Duration::from_secs(60);
    refused(&mut quorums, most + 3);
}
