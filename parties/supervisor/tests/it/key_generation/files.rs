//! Files that are forged, altered, lost or somebody else's.

use std::{fs, os::unix::fs::PermissionsExt as _};

use ed25519_dalek::SigningKey;
use merits_supervisor::dkg::{
    board::{Board, BoardError},
    run::{DkgError, Progress, check},
    share_file::QuorumShare,
    vault::{SealedFileError, Vault},
};
use merits_threshold::{
    message::{Body, Message, Round, Slot},
    participant::ParticipantFault,
};
use merits_verifier::codec::Canonical as _;

use super::table::{PASSPHRASE, Table};

fn play(table: &Table) {
    for _ in 0..6 {
        for place in 0..table.parties.len() {
            table.turn(place, &mut |_| {}).expect("a turn");
        }
    }
}

#[test]
fn share_and_state_are_private_and_open_with_the_passphrase_only() {
    let table = Table::new(2, 2);
    table.turn(0, &mut |_| {}).expect("a turn");
    let state = table.file(0, "state.json");
    let mode = |path: &std::path::Path| {
        let metadata = fs::metadata(path).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&state), 0o600);
    assert!(matches!(
        Vault::open(&state, "wheel salt lanterN"),
        Err(SealedFileError::Passphrase { .. })
    ));
    play(&table);
    let path = table.file(0, "share.json");
    assert_eq!(mode(&path), 0o600);
    let share = table.share(0);
    let text = fs::read_to_string(&path).expect("text");
    for secret in [share.claim(), share.total()] {
        let digits = hex::encode(merits_primitives::jubjub::scalar_to_bytes(secret.value()));
        assert!(!text.contains(&digits));
        assert!(!format!("{share:?}").contains(&digits));
    }
    assert!(matches!(
        QuorumShare::read(&path, "wheel salt lanterN"),
        Err(SealedFileError::Passphrase { .. })
    ));
    // The threshold is bound to the share.
    for (from, to) in [
        ("\"needed\": 2", "\"needed\": 1"),
        ("\"epoch\": 2", "\"epoch\": 3"),
        ("\"side\": \"supervisor\"", "\"side\": \"witness\""),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).expect("written");
        assert!(QuorumShare::read(&path, PASSPHRASE).is_err(), "{to}");
    }
    fs::write(&path, &text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
    assert!(matches!(
        QuorumShare::read(&path, PASSPHRASE),
        Err(SealedFileError::Guard(_))
    ));
    // What happened to the file is said in words.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    for (damaged, says) in [
        (text[..text.len() / 2].to_owned(), "cut off"),
        (String::new(), "is empty"),
        (text.replace("share/v1", "share/v9"), "another version"),
        (text.replace("\"nonce\": \"", "\"nonce\": \"zz"), "damaged"),
    ] {
        fs::write(&path, damaged).expect("written");
        let said = QuorumShare::read(&path, PASSPHRASE).expect_err(says);
        assert!(said.to_string().contains(says), "{said}");
    }
    // Its secrets are erased from the state.
    let (_, state) = Vault::open(&state, PASSPHRASE).expect("a state");
    assert!(state.has_ended());
}

#[test]
fn a_share_is_compared_with_the_half_that_the_messages_give() {
    let table = Table::new(2, 2);
    let path = table.file(1, "share.json");
    let compared = |table: &Table, path: &std::path::Path, passphrase: &str| {
        let party = table.parties[1].0;
        check(&table.plan, party, &table.board(), path, passphrase)
    };
    assert!(matches!(
        compared(&table, &path, PASSPHRASE),
        Err(DkgError::NotDone)
    ));
    play(&table);
    let about = compared(&table, &path, PASSPHRASE).expect("the right share");
    assert_eq!(about.threshold.needed(), 2);
    // Another holder's share of the same half.
    let others = table.file(0, "share.json");
    let error = compared(&table, &others, PASSPHRASE).expect_err("another holder's");
    assert!(matches!(error, DkgError::OthersShare { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("the share of holder-0, not of holder-1"),
        "{said}"
    );
    assert!(matches!(
        compared(&table, &path, "wheel salt lanterN"),
        Err(DkgError::File(SealedFileError::Passphrase { .. }))
    ));
    let other = Table::new(2, 2);
    play(&other);
    assert!(matches!(
        compared(&table, &other.file(1, "share.json"), PASSPHRASE),
        Err(DkgError::Foreign(_))
    ));
}

#[test]
fn a_short_passphrase_makes_nothing() {
    let table = Table::new(2, 2);
    let (party, signing) = &table.parties[0];
    let runner = merits_supervisor::dkg::run::Runner {
        party: *party,
        signing,
    };
    let (board, state) = (table.board(), table.file(0, "state.json"));
    let places = merits_supervisor::dkg::run::Places {
        state: &state,
        share: &table.file(0, "share.json"),
    };
    let rng = &mut rand::rng();
    let plan = &table.plan;
    let refused = merits_supervisor::dkg::run::advance(
        plan,
        &runner,
        &board,
        places,
        "short",
        rng,
        &mut |_| {},
    );
    assert!(matches!(
        refused,
        Err(DkgError::File(SealedFileError::Passphrase { .. }))
    ));
    assert!(!state.exists());
    assert_eq!(fs::read_dir(&board).expect("a folder").count(), 0);
}

#[test]
fn a_file_that_its_sender_did_not_sign_blames_nobody() {
    let table = Table::new(2, 3);
    let ceremony = &table.plan.ceremony;
    let forger = SigningKey::from_bytes(&[77; 32]);
    let slot = Slot {
        round: Round::Hash,
        party: table.parties[1].0,
    };
    let message = Message {
        ceremony: ceremony.digest(),
        body: Body::Hash([1; 32]),
    };
    let board = table.board();
    let board = Board::new(&board, ceremony, &table.plan.signing_keys);
    board
        .publish(slot, &message.to_bytes(), &forger)
        .expect("published");
    let report = table.turn(0, &mut |_| {}).expect("a turn");
    assert_eq!(report.ignored.len(), 1);
    assert!(report.ignored[0].contains("not signed by the key"));
    let missing = vec!["holder-1".to_owned(), "holder-2".to_owned()];
    let round = "hash".to_owned();
    assert_eq!(report.progress, Progress::Waiting { round, missing });
    // Neither do bytes that are no text.
    let package = fs::read_dir(table.board())
        .expect("a folder")
        .map(|file| file.expect("a file").path())
        .find(|path| path.to_string_lossy().contains("1-hash"))
        .expect("the forged one or holder-0's");
    let nonsense = package
        .to_string_lossy()
        .replace(
            &hex::encode(table.parties[0].0.0),
            &hex::encode(table.parties[2].0.0),
        )
        .replace(
            &hex::encode(table.parties[1].0.0),
            &hex::encode(table.parties[2].0.0),
        );
    fs::write(&nonsense, [0xff; 40]).expect("written");
    let report = table.turn(0, &mut |_| {}).expect("a turn");
    assert_eq!(report.ignored.len(), 2, "{report:?}");
    fs::remove_file(&nonsense).expect("removed");
    // A message of another round under this name is not signed for it either.
    let (_, signing) = &table.parties[2];
    let other = Slot {
        round: Round::Package,
        party: table.parties[2].0,
    };
    board
        .publish(other, &message.to_bytes(), signing)
        .expect("published");
    let names = |round: &str| {
        let sender = hex::encode(table.parties[2].0.0);
        let files = fs::read_dir(table.board()).expect("a folder");
        let mut files = files.map(|file| file.expect("a file").path());
        files.find(|path| {
            let name = path.to_string_lossy();
            name.contains(round) && name.contains(&sender)
        })
    };
    let package = names("package").expect("published");
    let text = package.to_string_lossy().replace("2-package", "1-hash");
    fs::copy(&package, text).expect("copied");
    let report = table.turn(0, &mut |_| {}).expect("a turn");
    assert_eq!(report.ignored.len(), 2, "{report:?}");
    // The one whose place is taken is told so, and nothing is replaced.
    let taken = table.turn(1, &mut |_| {});
    assert!(
        matches!(taken, Err(DkgError::Board(BoardError::Taken(_)))),
        "{taken:?}"
    );
}

#[test]
fn a_lost_state_is_not_made_anew() {
    let table = Table::new(2, 2);
    table.turn(0, &mut |_| {}).expect("a turn");
    fs::remove_file(table.file(0, "state.json")).expect("lost");
    let refused = table.turn(0, &mut |_| {});
    let fault = ParticipantFault::NotMine { round: Round::Hash };
    assert!(
        matches!(&refused, Err(DkgError::Participant(found)) if *found == fault),
        "{refused:?}"
    );
    assert!(!table.file(0, "state.json").exists());
}

#[test]
fn a_share_that_is_there_begins_no_other() {
    let table = Table::new(2, 2);
    fs::write(table.file(0, "share.json"), "something").expect("written");
    let refused = table.turn(0, &mut |_| {});
    assert!(
        matches!(refused, Err(DkgError::OtherShare(_))),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(table.board()).expect("a folder").count(), 0);
}

#[test]
fn another_share_is_never_replaced() {
    let one = Table::new(2, 2);
    play(&one);
    let two = Table::new(2, 2);
    for _ in 0..2 {
        for place in 0..2 {
            two.turn(place, &mut |_| {}).expect("a turn");
        }
    }
    for place in 0..2 {
        let from = one.file(place, "share.json");
        let to = two.file(place, "share.json");
        let _ = fs::remove_file(&to);
        fs::copy(from, &to).expect("copied");
    }
    // Not ended in state: the share is another one.
    let mut refused = 0;
    for _ in 0..6 {
        for place in 0..2 {
            refused += usize::from(matches!(
                two.turn(place, &mut |_| {}),
                Err(DkgError::OtherShare(_))
            ));
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_process_at_work_keeps_others_out() {
    let table = Table::new(2, 2);
    let mut tried = false;
    table
        .turn(0, &mut |_| {
            if !tried {
                tried = true;
                let second = table.turn(0, &mut |_| {});
                assert!(matches!(second, Err(DkgError::InUse(_))), "{second:?}");
            }
        })
        .expect("a turn");
    assert!(tried);
}
