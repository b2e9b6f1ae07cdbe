//! Two quorums on one ledger: each holder makes its share by entries and keeps it in a file, an act opens their epoch, and
//! 2 of 3 a side open a claim and a total.
//!
//! Failures are: a share that is not the one of the ledger's verification share, a holder that answers with another, an
//! epoch that fewer than both thresholds open, or a claim opened by answers for another.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use merits_ledger::{
    Role, Roles,
    entry::{
        Act, Entry, KeyGenerationMessage, KeyGenerationOpened, PartyAdmitted, ProposalTerms,
        QuorumEpochOpened,
    },
};
use merits_primitives::ids::{Epoch, Output, PartyId};
use merits_sealing::SealingKey;
use merits_supervisor::{
    acts::EntrySigner,
    config::WitnessConfig,
    dkg::{
        plan::Checked,
        run::{Places, Running, Step},
    },
    holder::{Holder, OpeningAsk, SealedPartial, TotalPartial},
    journal::Journal,
    request::request_content,
    requester::{OpeningFault, combine, combine_and_name},
    shares::{self, SharesError},
    side::Side,
    totals::TotalFault,
    view::LedgerView as _,
};
use merits_threshold::{message::Message, standing::Standing};
use merits_verifier::{codec::Canonical as _, possession::TotalsKey};

use super::table::PASSPHRASE;
use crate::federation::ledger::{ASSET, Federation, NOW, WEEK, key, origin, scale};

const QUORUMS: Epoch = Epoch(2);

/// A holder, its keys and its machine.
struct Machine {
    signer: EntrySigner,
    party: PartyId,
    side: Side,
    folder: PathBuf,
}

impl Machine {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A configuration that names the share's file.
    fn config(&self) -> WitnessConfig {
        let path = self.file("holder.toml");
        let ledger = "coordinator = \"http://127.0.0.1:1\"\nlog_key = \"x\"\nauthority = \"x\"\n\
                      least_claims_per_total = 4\nreplica = \"replica\"\nhigh_water_mark = \"holder.mark\"\n";
        let text = format!(
            "name = \"holder\"\nsigning_key = \"a\"\nsealing_key = \"b\"\nshares = []\n\
             quorum_shares = [\"share.json\"]\njournal = \"journal.jsonl\"\nlisten = \"127.0.0.1:0\"\n\
             [ledger]\n{ledger}"
        );
        fs::write(&path, text).expect("written");
        WitnessConfig::load(&path).expect("a configuration")
    }
}

/// A ledger with three supervisors and three witnesses, and a machine for each.
fn machines(dir: &Path) -> (Federation, Vec<Machine>) {
    let mut ledger = Federation::new();
    let others = [
        ("bureau", Side::Supervisor, 101),
        ("court", Side::Supervisor, 102),
        ("archive", Side::Witness, 103),
        ("press", Side::Witness, 104),
    ];
    let mut machines = Vec::new();
    let mut machine = |party, side, number: u8| {
        let folder = dir.join(format!("machine-{number}"));
        fs::create_dir(&folder).expect("made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("set");
        machines.push(Machine {
            signer: EntrySigner::new(origin(), party, key(number)),
            party,
            side,
            folder,
        });
    };
    let founders = [
        ("supervisor", Side::Supervisor, 1),
        ("witness", Side::Witness, 2),
    ];
    for (name, side, number) in founders {
        let found = ledger.state().parties().by_name(name);
        machine(*found.expect("admitted").0, side, number);
    }
    for (name, side, number) in others {
        let sealing = SealingKey::generate(&mut rand::rng()).public();
        let role = match side {
            Side::Supervisor => Role::Supervisor,
            Side::Witness => Role::Witness,
        };
        let roles = Roles::new(&[role]);
        let application = PartyAdmitted::apply(&origin(), name, roles, &key(number), sealing);
        machine(application.party(&origin()), side, number);
        let entry = ledger.supervisor.admit(application, ProposalTerms::AT_ONCE);
        ledger.submit(&entry.expect("signed"));
    }
    machines.sort_by_key(|machine| machine.side == Side::Witness);
    (ledger, machines)
}

fn opened(machines: &[Machine], side: Side) -> KeyGenerationOpened {
    let of_side = machines.iter().filter(|machine| machine.side == side);
    let mut holders: Vec<PartyId> = of_side.map(|machine| machine.party).collect();
    holders.sort_unstable();
    KeyGenerationOpened {
        epoch: QUORUMS,
        side,
        attempt: 1,
        needed: 2,
        holders,
        deadline: NOW + Duration::from_secs(3_600),
    }
}

/// One holder takes what the log has, and publishes what it can. Its process ends with each turn, so the next one goes on
/// from what is on the disk. Returns whether it published anything.
fn turn(ledger: &mut Federation, machine: &Machine, opened: &KeyGenerationOpened) -> bool {
    let plan = Checked::of_generation(ledger.state(), opened).expect("on the ledger");
    let messages = ledger.state().key_generations().messages(opened);
    let messages = messages.expect("rows in memory");
    let (state, share) = (machine.file("state.json"), machine.file("share.json"));
    let places = Places {
        state: &state,
        share: &share,
    };
    let (rng, mut steps) = (&mut rand::rng(), Vec::new());
    let mut done = |step: Step| steps.push(step);
    let mut running = Running::open(
        &plan,
        machine.party,
        &messages,
        places,
        PASSPHRASE,
        rng,
        &mut done,
    )
    .expect("its own state");
    let (seen, unpublished) = running.take(&messages, rng, &mut done).expect("in order");
    if unpublished.is_empty() {
        running
            .finish(&seen, PASSPHRASE, rng, &mut done)
            .expect("finished");
        let wrote = steps.iter().any(|step| matches!(step, Step::ShareWritten));
        assert!(!wrote || matches!(seen, Standing::Done(_)));
        return false;
    }
    for (_, message) in unpublished {
        let message = Message::from_bytes(&message).expect("its own");
        let entry = machine.signer.publish_message(KeyGenerationMessage {
            epoch: opened.epoch,
            side: opened.side,
            attempt: opened.attempt,
            message,
        });
        ledger.submit(&entry);
    }
    true
}

/// The ledger with both halves made and their epoch in force, and the holders with their shares from their files.
fn quorums(dir: &Path) -> (Federation, Vec<Machine>, Vec<Holder>) {
    let (mut ledger, machines) = machines(dir);
    for side in Side::BOTH {
        let opened = opened(&machines, side);
        let entry = ledger.supervisor.open_generation(opened.clone());
        ledger.submit(&entry);
        let holders: Vec<&Machine> = machines
            .iter()
            .filter(|machine| machine.side == side)
            .collect();
        // Everybody has a turn, until a round brings nothing new.
        loop {
            let turns = holders
                .iter()
                .map(|machine| turn(&mut ledger, machine, &opened));
            let published: Vec<bool> = turns.collect();
            if !published.contains(&true) {
                break;
            }
        }
    }
    let from = NOW + Duration::from_secs(1);
    let act = Act::QuorumEpochOpened(QuorumEpochOpened {
        epoch: QUORUMS,
        active_from: from,
        previous_accepted_until: from + Duration::from_secs(60),
        readable_until: from + Duration::from_secs(86_400),
        supervisor: 1,
        witness: 1,
    });
    let entry = ledger.supervisor.propose(act, ProposalTerms::AT_ONCE);
    ledger.submit(&entry);
    let holders = machines
        .iter()
        .map(|machine| {
            let config = machine.config();
            let journal = Journal::open(&config.journal).expect("begun");
            let held = shares::all(
                &config,
                &ledger.view(),
                &machine.party,
                machine.side,
                Some(PASSPHRASE),
            )
            .expect("its share");
            // The founders also held a whole half of the first epoch, whose files are elsewhere.
            assert_eq!(held.shares.len(), 1);
            Holder::new(machine.party, held.shares, journal)
        })
        .collect();
    (ledger, machines, holders)
}

/// A batch under the quorums' epoch.
fn batch(ledger: &mut Federation, accounts: &[&str]) -> merits_primitives::ids::EntryId {
    let batch = ledger.batch_under(QUORUMS, accounts);
    let time = NOW + Duration::from_secs(2);
    ledger
        .submit_at(&batch, time)
        .expect("under the epoch in force")
}

#[test]
fn two_of_three_a_side_open_a_claim_and_no_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut ledger, _, mut holders) = quorums(dir.path());
    let entry = batch(&mut ledger, &["ann", "bob", "carla", "d"]);
    let later = NOW + Duration::from_secs(3);
    let mut asked = Vec::new();
    for claim in [2, 0] {
        let content = request_content(entry, claim, "sample 7", &mut rand::rng()).expect("a basis");
        let deadline = later + Duration::from_secs(3_600);
        let signed = ledger
            .supervisor
            .request_opening(scale(), &content, deadline);
        let request = ledger.submit_at(&signed, later).expect("requested");
        asked.push(OpeningAsk {
            origin: origin(),
            request,
            content,
        });
    }
    let mut answers = |ask: &OpeningAsk| -> Vec<SealedPartial> {
        let view = ledger.view();
        let answer = |holder: &mut Holder| {
            let answer = holder.answer_opening(&view, ask, later, &mut rand::rng());
            answer.expect("answered")
        };
        holders.iter_mut().map(answer).collect()
    };
    let (carla, ann) = (answers(&asked[0]), answers(&asked[1]));
    let view = ledger.view();
    let open = |answers: &[SealedPartial]| combine(&view, &asked[0], &ledger.sealing, answers);
    // carla's five trips: 15 km at 162.72 g.
    for places in [[0, 1, 3, 4], [2, 0, 5, 3]] {
        let chosen: Vec<SealedPartial> = places.iter().map(|at| carla[*at].clone()).collect();
        assert_eq!(open(&chosen).expect("enough").earned.credits.0, 2440);
    }
    // One of a side is too few, whoever else answers.
    let few = open(&[&carla[..1], &carla[3..]].concat()).expect_err("one supervisor");
    let side = Side::Supervisor;
    assert!(
        matches!(few, OpeningFault::TooFew { side: of, needed: 2, right: 1, .. } if of == side),
        "{few}"
    );
    // Answers for ann's claim open carla's neither alone nor among others.
    assert!(open(&ann).is_err());
    let mixed = [&ann[..1], &carla[1..]].concat();
    let mixed = combine_and_name(&view, &asked[0], &ledger.sealing, &mixed).expect("enough");
    assert_eq!(mixed.opened.earned.credits.0, 2440);
    assert_eq!(mixed.faults.len(), 1, "{:?}", mixed.faults);
}

#[test]
fn a_total_of_two_of_three_a_side_is_taken_by_the_ledger() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut ledger, machines, mut holders) = quorums(dir.path());
    batch(&mut ledger, &["ann", "bob", "carla", "d"]);
    let key = TotalsKey {
        asset: ASSET,
        period: WEEK,
        epoch: QUORUMS,
        output: Output::Credits,
    };
    let set = ledger.set(key, 0);
    let ask = set.ask(&ledger.view());
    let view = ledger.view();
    let mut answers: Vec<TotalPartial> = holders
        .iter_mut()
        .map(|holder| {
            let answer = holder.answer_total(&view, &ask, NOW, &mut rand::rng());
            answer.expect("answered")
        })
        .collect();
    // A holder that lies is named, and two others of its side are enough.
    answers[0].partial = answers[1].partial;
    let total = set.open(&view, &answers).expect("enough");
    assert_eq!(total.sum.0, 976 + 976 + 2440 + 162);
    assert_eq!(total.wrong.len(), 1);
    assert!(
        total.wrong[0]
            .to_string()
            .contains(&machines[0].party.to_string())
    );
    let too_few = set.open(&view, &answers[..2]).expect_err("one is right");
    assert!(matches!(
        too_few,
        TotalFault::TooFew {
            side: Side::Supervisor,
            needed: 2,
            right: 1,
            ..
        }
    ));
    drop(view);
    let entry = ledger.supervisor.publish_total(&total);
    let time = NOW + Duration::from_secs(3);
    ledger.submit_at(&entry, time).expect("taken");
    // Whoever reads the log checks it without any share.
    let keys = ledger.state().epochs().get(QUORUMS).expect("open");
    let signed = ledger.entry(&entry.id()).expect("in the log");
    let Some(Ok(Entry::TotalsOpened(opened))) = Entry::decode(signed.kind, &signed.statement)
    else {
        panic!("a total")
    };
    let interval = ledger.state().totals().interval(&key, opened.number);
    let interval = interval.expect("rows in memory");
    let checked =
        merits_clearing::totals::verify_total(&origin(), &opened, keys, interval.as_ref());
    assert_eq!(checked.expect("valid").sum, total.sum);
}

#[test]
fn a_holder_needs_its_share_its_passphrase_and_its_journal() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ledger, machines, _) = quorums(dir.path());
    let machine = &machines[1];
    let config = machine.config();
    let all = |passphrase| {
        let (view, party) = (ledger.view(), machine.party);
        shares::all(&config, &view, &party, machine.side, passphrase)
    };
    assert_eq!(all(Some(PASSPHRASE)).expect("its share").shares.len(), 1);
    assert!(matches!(all(None), Err(SharesError::NoPassphrase)));
    assert!(matches!(
        all(Some("another passphrase")),
        Err(SharesError::Sealed(_))
    ));
    let journal = machine.file("away.jsonl");
    fs::rename(&config.journal, &journal).expect("moved");
    assert!(matches!(
        all(Some(PASSPHRASE)),
        Err(SharesError::NoJournal(_))
    ));
    fs::rename(&journal, &config.journal).expect("back");
    // Another holder's share is no share of this one.
    let own = machine.file("share.json");
    fs::remove_file(&own).expect("removed");
    assert!(matches!(
        all(Some(PASSPHRASE)),
        Err(SharesError::ShareLost { epoch: QUORUMS, .. })
    ));
    fs::copy(machines[2].file("share.json"), &own).expect("copied");
    assert!(matches!(
        all(Some(PASSPHRASE)),
        Err(SharesError::OtherHalf { .. })
    ));
    // The log has its share, so it knows who must answer.
    for machine in &machines {
        let half = ledger.view().quorum(QUORUMS, machine.side).expect("open");
        assert!(half.has(&machine.party));
    }
}
