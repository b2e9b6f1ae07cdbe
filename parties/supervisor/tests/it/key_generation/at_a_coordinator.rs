//! Key generation over a real log: holders with their keys, their copies and their files, at a coordinator on loopback,
//! from the opening of an attempt to the end of the shares.
//!
//! Failures are: a holder that is done before its verdict is on the ledger, one that was stopped and cannot go on, a
//! share that is not the one of the epoch, a share that is destroyed before its time, an entry that says so although no
//! share was destroyed, or any other file that is touched.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use merits_primitives::ids::Epoch;
use merits_supervisor::{
    dkg::{
        ending::EndFault,
        run::{DkgError, Places, Progress, Step},
    },
    net::{GenerationError, SupervisorError},
    side::Side,
};
use zeroize::Zeroizing;

use super::{
    machines::{FIRST, HOUR, Machine, World, rng},
    table::PASSPHRASE,
};

/// Regression: the holder whose verdict was the last erased its secrets and said that it was done before that verdict was
/// on the ledger, so the attempt never came to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_says_what_the_ledger_says_after_each_turn() {
    let world = World::new().await;
    world.begin(FIRST, Side::Witness).await;
    let mut done = 0;
    for _ in 0..6 {
        for machine in world.of(Side::Witness) {
            let turn = machine.turn(world.now(), &mut |_| {}).await;
            let said = turn.expect("a turn").progress;
            let status = machine.maker().await.status(FIRST, None, None);
            assert_eq!(said, status.expect("an attempt").progress);
            done += usize::from(matches!(said, Progress::Done { .. }));
        }
    }
    assert!(done > world.of(Side::Witness).count(), "{done}");
    world.coordinator.shutdown().await.expect("stopped");
}

/// Regression: the seed of a holder's polynomials stayed on its disk for ever when an attempt had passed its deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secrets_of_an_attempt_that_is_over_are_erased() {
    let world = World::new().await;
    world.begin(FIRST, Side::Witness).await;
    let [one, two] = world.of(Side::Witness).collect::<Vec<_>>()[..] else {
        panic!("two");
    };
    let mut states = Vec::new();
    for machine in [one, two] {
        machine
            .turn(world.now(), &mut |_| {})
            .await
            .expect("a turn");
        states.push(fs::read(machine.file("state.json")).expect("a state"));
    }
    world.clock.pass(2 * HOUR);
    // By the clocks it is over, but not by what the log says. The second one only waits.
    let late = two.turn(world.now(), &mut |_| {}).await;
    assert!(
        matches!(late, Err(GenerationError::Over { .. })),
        "{late:?}"
    );
    let (state, marker) = (one.file("state.json"), one.file("state.json.destroyed"));
    let status = one.maker().await.status(FIRST, None, Some(&state));
    assert!(!status.expect("an attempt").erased);
    assert!(state.exists());
    world.machines[0].succeed_key(world.now()).await;

    // Another party's state is not touched.
    fs::write(&state, &states[1]).expect("written");
    let other = one.maker().await.status(FIRST, None, Some(&state));
    let said = other.expect_err("another party's").to_string();
    assert!(said.contains("was not touched"), "{said}");
    assert_eq!(fs::read(&state).expect("there"), states[1]);
    fs::write(&state, &states[0]).expect("written");
    let status = one.maker().await.status(FIRST, None, Some(&state));
    let status = status.expect("an attempt");
    assert!(
        status.erased && matches!(status.progress, Progress::Expired { .. }),
        "{status:?}"
    );
    assert!(!state.exists() && !marker.exists());

    // Wherever an earlier end was stopped: whole under one name, under both, or overwritten in part.
    let whole = String::from_utf8(states[0].clone()).expect("text");
    let sealed = whole.rfind("\"sealed\": \"").expect("a secret") + 11;
    let mut half = whole.clone();
    half.replace_range(sealed..sealed + 40, &"0".repeat(40));
    let end = sealed + whole[sealed..].find('"').expect("its end");
    let mut zeros = whole.clone();
    zeros.replace_range(sealed..end, &"0".repeat(end - sealed));
    for (at_state, at_marker) in [
        (Some(&whole), None),
        (None, Some(&whole)),
        (None, Some(&half)),
        (None, Some(&zeros)),
        (Some(&whole), Some(&zeros)),
        (None, None),
    ] {
        for (path, text) in [(&state, at_state), (&marker, at_marker)] {
            if let Some(text) = text {
                fs::write(path, text).expect("written");
                fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
            }
        }
        let over = one.turn(world.now(), &mut |_| {}).await;
        let said = over.expect_err("over").to_string();
        assert!(said.contains("by the log's time"), "{said}");
        assert!(!state.exists() && !marker.exists());
    }
    world.coordinator.shutdown().await.expect("stopped");
}

/// Regression: the newest half was taken, so some holders of a side made another one after the others were done, and the
/// next epoch had theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_halves_the_supervisor_names_one() {
    let world = World::new().await;
    world.make().await;
    let witnesses: Vec<&Machine> = world.of(Side::Witness).collect();
    let names: Vec<String> = witnesses
        .iter()
        .map(|machine| machine.config.name.clone())
        .collect();
    let opener = witnesses[1].maker().await;
    let opened = opener.begin(FIRST, 2, &names, world.now() + HOUR).await;
    let (second, _) = opened.expect("opened");
    assert_eq!(second, 2);
    drop(opener);
    let mut done = 0;
    for _ in 0..8 {
        for machine in &witnesses {
            let maker = machine.maker().await;
            let (state, share) = (machine.file("second-state"), machine.file("second-share"));
            let places = Places {
                state: &state,
                share: &share,
            };
            let (rng, now) = (&mut rng(), world.now());
            let (which, done_of) = (Some(second), &mut |_| {});
            let run = maker.run(FIRST, which, places, PASSPHRASE, now, rng, done_of);
            let report = run.await.expect("a turn");
            done += usize::from(matches!(report.progress, Progress::Done { .. }));
        }
        if done >= witnesses.len() {
            break;
        }
    }
    assert!(done >= witnesses.len());
    let several = world.open_epoch().await.expect_err("two halves");
    let said = several.to_string();
    assert!(
        matches!(&several, SupervisorError::SeveralHalves { side: Side::Witness, attempts, .. } if attempts.len() == 2),
        "{said}"
    );
    for part in [
        "attempt 1 of the log witnesses (2 of ",
        "attempt 2 of the log witnesses (2 of ",
        "press",
        "--witness-attempt",
    ] {
        assert!(said.contains(part), "{said}");
    }
    world.coordinator.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holders_make_an_epochs_halves_and_one_is_killed_at_every_step() {
    let world = World::new().await;
    let first = &world.machines[0];
    let nothing = first.turn(world.now(), &mut |_| {}).await;
    assert!(matches!(
        nothing,
        Err(GenerationError::None { epoch: 1, .. })
    ));
    for side in Side::BOTH {
        world.begin(FIRST, side).await;
    }
    let early = world.open_epoch().await.expect_err("no half");
    assert!(
        matches!(
            early,
            SupervisorError::NoHalf {
                epoch: FIRST,
                side: Side::Supervisor
            }
        ),
        "{early}"
    );
    let undone = first
        .maker()
        .await
        .check(FIRST, None, &first.share(), PASSPHRASE);
    assert!(
        matches!(undone, Err(GenerationError::Run(DkgError::NotDone))),
        "{undone:?}"
    );
    // A party that changed its key signs with the new one, in its own name.
    world.machines[1].succeed_key(world.now()).await;
    let mut steps = Vec::new();
    let mut done = 0;
    for _ in 0..8 {
        let (report, more) = first.killed_at_every_step(world.now()).await;
        steps.extend(more);
        done = usize::from(matches!(report.progress, Progress::Done { .. }));
        for machine in &world.machines[1..] {
            let report = machine
                .turn(world.now(), &mut |_| {})
                .await
                .expect("a turn");
            done += usize::from(matches!(report.progress, Progress::Done { .. }));
        }
        if done == world.machines.len() {
            break;
        }
    }
    assert_eq!(done, world.machines.len());
    let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|step| wanted(step)).count();
    // Hash, package, shares and verdict; each once, with a kill after each.
    assert_eq!(
        count(|step| matches!(step, Step::Published(_))),
        4,
        "{steps:?}"
    );
    assert_eq!(
        count(|step| matches!(step, Step::ShareWritten)),
        1,
        "{steps:?}"
    );
    assert_eq!(count(|step| matches!(step, Step::Erased)), 1, "{steps:?}");

    let other = |machine: &Machine| {
        let mut others = world.machines.iter();
        let other = others.find(|other| other.side != machine.side);
        other.expect("the other side").share()
    };
    for machine in &world.machines {
        let maker = machine.maker().await;
        let report = maker.status(FIRST, None, None).expect("an attempt");
        assert!(
            matches!(report.progress, Progress::Done { .. }),
            "{report:?}"
        );
        let about = maker.check(FIRST, None, &machine.share(), PASSPHRASE);
        let about = about.expect("its share");
        assert_eq!((about.epoch, about.side), (1, machine.side));
        let foreign = maker.check(FIRST, None, &other(machine), PASSPHRASE);
        assert!(
            matches!(foreign, Err(GenerationError::Run(DkgError::Foreign(_)))),
            "{foreign:?}"
        );
    }
    // So does the supervisor that opens the epoch.
    first.succeed_key(world.now()).await;
    world.open_epoch().await.expect("opened");
    let again = world.open_epoch().await.expect_err("open");
    assert!(
        matches!(again, SupervisorError::EpochOpen(FIRST)),
        "{again}"
    );
    for machine in &world.machines {
        let passphrase = Some(Zeroizing::new(PASSPHRASE.to_owned()));
        let holder = machine.config.holder(machine.side, passphrase).await;
        drop(holder.expect("it answers with its share"));
        // Its retention has just begun.
        let before = machine.contents();
        let early = machine
            .destroy(&machine.share())
            .await
            .expect_err("too early");
        assert!(matches!(early, GenerationError::Retained { .. }), "{early}");
        assert_eq!(machine.contents(), before);
    }
    world.coordinator.shutdown().await.expect("stopped");
}

/// Regression: `dkg destroy` overwrote whatever file it was given, followed links, and recorded the end of a share for a
/// path where nothing was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_share_of_an_epoch_that_is_over_is_destroyed() {
    let world = World::new().await;
    world.make().await;
    world.open_epoch().await.expect("opened");
    world.retire().await;
    let machine = &world.machines[0];
    let share = machine.share();
    // It is over by the coordinator's clock, but not by what the log says, which is what everybody can check.
    let before = machine.contents();
    let early = machine
        .destroy(&share)
        .await
        .expect_err("by the log's time");
    let said = early.to_string();
    assert!(matches!(early, GenerationError::Retained { .. }), "{said}");
    assert!(said.contains("nothing was destroyed"), "{said}");
    assert_eq!(machine.contents(), before);
    world.begin(Epoch(3), Side::Witness).await;

    let text = fs::read_to_string(&share).expect("text");
    let altered = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let path = machine.file(name);
        fs::copy(&share, &path).expect("copied");
        fs::write(&path, text.replacen(from, to, 1)).expect("written");
        path
    };
    let epoch = altered("epoch.json", "\"epoch\": 1", "\"epoch\": 3");
    let origin = altered("origin.json", "ledger.test", "ledger.best");
    let attempt = altered("attempt.json", "\"claim_key\": \"", "\"claim_key\": \"00");
    let borrowed = |name: &str, place: usize| {
        let path = machine.file(name);
        fs::copy(world.machines[place].share(), &path).expect("copied");
        path
    };
    let (holder, side) = (borrowed("holder.json", 1), borrowed("side.json", 2));
    let link = machine.file("link.json");
    symlink(&share, &link).expect("linked");
    let dangling = machine.file("dangling.json");
    symlink(machine.file("nothing"), &dangling).expect("linked");
    let before = machine.contents();
    let size = machine.maker().await.follower().replica().size();
    type Says = fn(&EndFault) -> bool;
    let cases: [(PathBuf, Says); 12] = [
        (machine.file("nowhere.json"), |fault| {
            matches!(fault, EndFault::Missing { .. })
        }),
        (machine.file("signing.key"), |fault| {
            matches!(fault, EndFault::NoShare { .. })
        }),
        (machine.file("journal.jsonl"), |fault| {
            matches!(fault, EndFault::NoShare { .. })
        }),
        (machine.file("state.json"), |fault| {
            matches!(fault, EndFault::NoShare { .. })
        }),
        (machine.folder.clone(), |fault| {
            matches!(fault, EndFault::NoShare { .. })
        }),
        (epoch, |fault| matches!(fault, EndFault::Other { .. })),
        (origin, |fault| matches!(fault, EndFault::Other { .. })),
        (holder, |fault| matches!(fault, EndFault::Other { .. })),
        (side, |fault| matches!(fault, EndFault::Other { .. })),
        (attempt, |fault| {
            matches!(fault, EndFault::OtherAttempt { .. })
        }),
        (link.clone(), |fault| matches!(fault, EndFault::Link(_))),
        (dangling, |fault| matches!(fault, EndFault::Link(_))),
    ];
    for (path, says) in cases {
        let refused = machine.destroy(&path).await.expect_err("not this share");
        let said = refused.to_string();
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(
            matches!(&refused, GenerationError::End(fault) if says(fault)),
            "{}: {refused:?}",
            path.display()
        );
        assert_eq!(machine.contents(), before, "{}", path.display());
        assert!(link.is_symlink(), "{}", path.display());
    }
    // Nor is what an earlier run left of another share taken for this one.
    fs::copy(machine.file("epoch.json"), machine.marker()).expect("copied");
    let refused = machine.destroy(&share).await.expect_err("another's end");
    assert!(
        matches!(&refused, GenerationError::End(EndFault::Other { path, .. }) if *path == machine.marker()),
        "{refused:?}"
    );
    fs::remove_file(machine.marker()).expect("removed");
    assert_eq!(machine.contents(), before);
    let maker = machine.maker().await;
    assert_eq!(
        maker.follower().replica().size(),
        size,
        "nothing was recorded"
    );
    drop(maker);

    // The secret is overwritten, not only the name removed: a second name shows it.
    let second = machine.file("second-name");
    fs::hard_link(&share, &second).expect("linked");
    let entry = machine.destroy(&share).await.expect("over");
    assert!(!share.exists() && !machine.marker().exists());
    let left: serde_json::Value =
        serde_json::from_slice(&fs::read(&second).expect("readable")).expect("JSON");
    let was: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(left["public"], was["public"]);
    let (left, was) = (left["sealed"].as_str(), was["sealed"].as_str());
    let was = was.expect("sealed");
    assert_eq!(left, Some("0".repeat(was.len()).as_str()));
    let gone = machine.destroy(&share).await.expect_err("gone");
    assert!(
        matches!(gone, GenerationError::End(EndFault::Missing { .. })),
        "{gone}"
    );

    // Killed after the ledger had it; or a copy from a backup, whose end is the same entry.
    fs::copy(&second, machine.marker()).expect("copied");
    assert_eq!(machine.destroy(&share).await.expect("goes on"), entry);
    assert!(!machine.marker().exists());

    // Killed after the renaming.
    let renamed = &world.machines[1];
    fs::rename(renamed.share(), renamed.marker()).expect("renamed");
    renamed.destroy(&renamed.share()).await.expect("goes on");
    // Killed while the secret was overwritten.
    let torn = &world.machines[2];
    let half = fs::read_to_string(torn.share()).expect("text");
    let at = half.find("\"sealed\": \"").expect("sealed") + "\"sealed\": \"".len();
    let half = format!("{}{}{}", &half[..at], "0".repeat(40), &half[at + 40..]);
    fs::rename(torn.share(), torn.marker()).expect("renamed");
    fs::write(torn.marker(), half).expect("written");
    torn.destroy(&torn.share()).await.expect("goes on");
    // Killed, and then somebody brought the share back from a backup.
    let both = &world.machines[3];
    fs::copy(both.share(), both.marker()).expect("copied");
    both.destroy(&both.share()).await.expect("goes on");
    for machine in &world.machines {
        assert!(!machine.share().exists() && !machine.marker().exists());
    }
    let maker = machine.maker().await;
    {
        let replica = maker.follower().replica();
        let generations = replica.state().expect("a state").key_generations();
        for side in Side::BOTH {
            let destroyed = generations.destroyed(FIRST, side).expect("rows");
            assert_eq!(destroyed.len(), 2, "{side}");
        }
    }
    world.coordinator.shutdown().await.expect("stopped");
}
