//! What a witness remembers, and what it does without its memory.

use std::fs;

use http::StatusCode;
use merits_verifier::log::{LogKey, WitnessKey};
use merits_witness::{
    RunError,
    state::{State, StateError},
};

use crate::scene::{History, Serving, config, log};

#[tokio::test]
async fn a_restarted_witness_cosigns_no_second_history() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let (honest, forked) = (History::honest(), History::new(40, 3));
    let mut witness = Serving::start(config.clone()).await;
    assert_eq!(witness.add(&honest.request(0, 5)).await.0, StatusCode::OK);
    witness.stop().await;

    let mut witness = Serving::start(config.clone()).await;
    assert_eq!(
        witness.add(&forked.request(0, 5)).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        witness.add(&forked.request(5, 7)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    // A monitor sees what was cosigned before, too.
    let path = merits_proto::witness::monitoring_path(crate::scene::ORIGIN);
    let shown = witness.fetcher.get(&path, 20_000).await.unwrap();
    let shown = String::from_utf8(shown.body.to_vec()).unwrap();
    assert!(
        shown.contains("\n5\n") && shown.contains("witness.example/w1"),
        "{shown}"
    );
    assert_eq!(witness.add(&honest.request(5, 7)).await.0, StatusCode::OK);
    witness.stop().await;
}

/// The record is on disk before the signature leaves, so what is on disk is never behind an answer.
#[tokio::test]
async fn what_was_answered_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    let keys = config.init(None, &mut rand::rng()).unwrap();
    // What is reported of them is public.
    let report = serde_json::to_value(&keys).unwrap();
    assert_eq!(report["key"], keys.key.to_string());
    assert!(report["validating"].is_null());
    let honest = History::honest();
    let mut witness = Serving::start(config.clone()).await;
    for (old, new) in [(0, 1), (1, 8), (8, 8), (8, 40)] {
        assert_eq!(
            witness.add(&honest.request(old, new)).await.0,
            StatusCode::OK
        );
        let text = fs::read_to_string(&config.state).unwrap();
        assert!(text.contains(&format!("\n{new}\n")), "{text}");
        // One process at a time works with it.
        let second = State::open(&config.state, &keys.key, log(1).public());
        assert!(
            matches!(second, Err(StateError::InUse { .. })),
            "{second:?}"
        );
    }
    // By whatever name.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&config.state, &link).unwrap();
    let second = State::open(&link, &keys.key, log(1).public());
    assert!(
        matches!(second, Err(StateError::InUse { .. })),
        "{second:?}"
    );
    witness.stop().await;
    let state = State::open(&config.state, &keys.key, log(1).public()).unwrap();
    assert_eq!(state.size(), 40);
}

#[test]
fn a_state_that_is_lost_or_another_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    let key = config.init(None, &mut rand::rng()).unwrap().key;
    let open = |key: &WitnessKey, log: &LogKey| State::open(&config.state, key, log);
    assert_eq!(open(&key, log(1).public()).unwrap().size(), 0);
    // Another log, another key of the witness.
    assert!(matches!(
        open(&key, log(2).public()),
        Err(StateError::Other { .. })
    ));
    let mut renamed = config.clone();
    renamed.name.push('x');
    let other = renamed.keys().unwrap().key;
    assert!(matches!(
        open(&other, log(1).public()),
        Err(StateError::Other { .. })
    ));
    let good = fs::read_to_string(&config.state).unwrap();
    for damaged in ["", "x\n", &good[..good.len() / 2], &format!("{good}log\n")] {
        fs::write(&config.state, damaged).unwrap();
        let refused = open(&key, log(1).public()).unwrap_err();
        assert!(matches!(refused, StateError::Other { .. }), "{refused:?}");
        // An older copy would cosign a second history.
        for says in ["no older copy", "--checkpoint"] {
            assert!(refused.to_string().contains(says), "{refused}");
        }
    }
    // A forged checkpoint in it.
    fs::write(
        &config.state,
        format!("{good}{}", History::honest().signed(5, 2)),
    )
    .unwrap();
    assert!(matches!(
        open(&key, log(1).public()),
        Err(StateError::Other { .. })
    ));

    // Lost: neither serving nor `init` makes a new one, except at a checkpoint of this log.
    fs::remove_file(&config.state).unwrap();
    let missing = open(&key, log(1).public()).unwrap_err();
    assert!(matches!(missing, StateError::Missing { .. }));
    assert!(missing.to_string().contains("--checkpoint"), "{missing}");
    let rng = &mut rand::rng();
    let refused = config.init(None, rng).unwrap_err();
    assert!(
        matches!(refused, RunError::State(StateError::Missing { .. })),
        "{refused}"
    );
    let forged = History::honest().signed(9, 2);
    assert!(config.init(Some(&forged), rng).is_err());
    assert!(!config.state.exists());
    config
        .init(Some(&History::honest().signed(9, 1)), rng)
        .unwrap();
    assert_eq!(open(&key, log(1).public()).unwrap().size(), 9);
    // A second `init` changes nothing.
    let again = config.init(None, rng).unwrap_err();
    assert!(
        matches!(again, RunError::State(StateError::Exists { .. })),
        "{again}"
    );
    assert_eq!(open(&key, log(1).public()).unwrap().size(), 9);
}

/// A state that cannot be written: nothing is signed, and nothing has moved when it can be written again.
#[tokio::test]
async fn nothing_is_signed_that_cannot_be_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, away) = (dir.path().join("disk"), dir.path().join("away"));
    fs::create_dir(&folder).unwrap();
    let config = config(&folder, "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let honest = History::honest();
    let mut witness = Serving::start(config.clone()).await;
    assert_eq!(witness.add(&honest.request(0, 5)).await.0, StatusCode::OK);
    // The disk is gone.
    fs::rename(&folder, &away).unwrap();
    let (status, said) = witness.add(&honest.request(5, 9)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!said.contains('\u{2014}'), "no signature leaves: {said}");
    assert!(!said.contains("disk/"), "no path of this machine: {said}");
    let path = merits_proto::witness::monitoring_path(crate::scene::ORIGIN);
    let shown = witness.fetcher.get(&path, 20_000).await.unwrap();
    assert!(String::from_utf8_lossy(&shown.body).contains("\n5\n"));
    fs::rename(&away, &folder).unwrap();
    assert_eq!(witness.add(&honest.request(5, 9)).await.0, StatusCode::OK);
    witness.stop().await;
}

/// A full disk, or a kill, after each step of the first one. The same command goes on.
#[test]
fn a_beginning_that_was_cut_off_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    let rng = &mut rand::rng();
    let next = config.key.with_extension(match config.key.extension() {
        Some(end) => format!("{}.next", end.to_string_lossy()),
        None => "next".to_owned(),
    });
    let begin = || config.init(None, &mut rand::rng());
    // The key, without a state.
    let keys = begin().unwrap();
    fs::rename(&config.key, &next).unwrap();
    fs::remove_file(&config.state).unwrap();
    assert_eq!(begin().unwrap(), keys, "the key of before");
    // Both, but the key has not its name.
    fs::rename(&config.key, &next).unwrap();
    assert_eq!(begin().unwrap(), keys);
    assert!(!next.exists());
    // A state of another witness is nobody's beginning.
    merits_keyfile::create(&next, merits_keyfile::KeyKind::Cosigning, rng).unwrap();
    fs::remove_file(&config.key).unwrap();
    assert!(matches!(
        begin().unwrap_err(),
        RunError::State(StateError::Other { .. })
    ));
    // Nor is a state whose key is lost.
    fs::remove_file(&next).unwrap();
    assert!(matches!(
        begin().unwrap_err(),
        RunError::State(StateError::Exists { .. })
    ));
}
