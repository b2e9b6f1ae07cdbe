//! A log that forks, rewrites or truncates its history, before witnesses and clients that compare.

use http::StatusCode;
use merits_proto::witness::AddCheckpoint;
use merits_verifier::log::{
    CosignatureError, Evidence, EvidenceError, PrefixProof, Quorum, WitnessPolicy,
};

use crate::scene::{History, Serving, config, log};

/// Two clients, two histories of one size. At most one of them gets a quorum, and whichever witness
/// sees both keeps the evidence, which convicts the log before anybody.
#[tokio::test]
async fn a_fork_gets_one_quorum_at_most_and_leaves_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let mut witnesses = Vec::new();
    for name in ["w1", "w2", "w3"] {
        let config = config(dir.path(), name, log(1).public().to_string());
        config.init(None, &mut rand::rng()).unwrap();
        witnesses.push(Serving::start(config).await);
    }
    let keys = witnesses.iter().map(|one| one.keys.key.clone()).collect();
    let policy = WitnessPolicy::new(Quorum::new(keys, 2, 0).unwrap(), None).unwrap();
    let (honest, forked) = (History::honest(), History::new(40, 3));
    let (mut left, mut right) = (honest.signed(5, 1), forked.signed(5, 1));
    let first = |history: &History| AddCheckpoint {
        old: 0,
        proof: Vec::new(),
        checkpoint: history.signed(5, 1),
    };
    // The log shows one history to the first two, and the other one to the third and to the second.
    for (witness, is_left) in [(0, true), (1, true), (2, false), (1, false)] {
        let history = if is_left { &honest } else { &forked };
        let old = if (witness, is_left) == (1, false) {
            5
        } else {
            0
        };
        let request = AddCheckpoint {
            old,
            ..first(history)
        };
        let (status, lines) = witnesses[witness].add(&request).await;
        if (witness, is_left) == (1, false) {
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            continue;
        }
        assert_eq!(status, StatusCode::OK);
        let note = if is_left { &mut left } else { &mut right };
        *note = note
            .with_cosignature(log(1).public(), &witnesses[witness].keys.key, &lines)
            .unwrap();
    }
    let key = log(1);
    assert!(left.verify_cosigned(key.public(), &policy).is_ok());
    assert!(matches!(
        right.verify_cosigned(key.public(), &policy),
        Err(CosignatureError::TooFew { found: 1, .. })
    ));
    let file = dir.path().join("w2.state-evidence.txt");
    let evidence = Evidence::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    let verdict = evidence.judge(key.public()).unwrap();
    assert_eq!((verdict.smaller().size, verdict.larger().size), (5, 5));
    assert!(!dir.path().join("w1.state-evidence.txt").exists());
    for witness in witnesses {
        witness.stop().await;
    }
}

/// The log rewrites its history and goes on growing: no witness follows, and whoever has both trees
/// shows what the larger one begins with.
#[tokio::test]
async fn a_rewritten_history_is_not_cosigned_and_convicts() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let mut witness = Serving::start(config).await;
    let (honest, rewritten) = (History::honest(), History::new(40, 2));
    assert_eq!(witness.add(&honest.request(0, 7)).await.0, StatusCode::OK);
    for size in [7, 8, 9, 40] {
        let (status, _) = witness.add(&rewritten.request(7, size)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{size}");
    }
    let evidence = |larger: &History| Evidence {
        log: log(1).public().clone(),
        first: honest.signed(7, 1),
        second: larger.signed(9, 1),
        prefix: Some(PrefixProof {
            root: larger.root(7),
            proof: larger.proof(7, 9),
        }),
    };
    let convicted = evidence(&rewritten);
    assert!(convicted.judge(log(1).public()).is_ok());
    let again = Evidence::parse(&convicted.to_string()).unwrap();
    assert!(again.judge(log(1).public()).is_ok());
    // An honest log is not convicted by the same means.
    let innocent = evidence(&honest).judge(log(1).public());
    assert_eq!(innocent, Err(EvidenceError::NoConflict));
    witness.stop().await;
}

/// A truncated log offers a smaller tree: a witness that saw more says so, and stays.
#[tokio::test]
async fn a_truncated_log_gets_no_cosignature() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let mut witness = Serving::start(config).await;
    let honest = History::honest();
    assert_eq!(witness.add(&honest.request(0, 20)).await.0, StatusCode::OK);
    for (old, size) in [(0, 12), (12, 12)] {
        let (status, said) = witness.add(&honest.request(old, size)).await;
        assert_eq!((status, said.as_str()), (StatusCode::CONFLICT, "20\n"));
    }
    let backwards = AddCheckpoint {
        old: 20,
        proof: Vec::new(),
        checkpoint: honest.signed(12, 1),
    };
    assert_eq!(witness.add(&backwards).await.0, StatusCode::BAD_REQUEST);
    // It grew again, as another history from 12 on.
    let regrown = History::new(40, 12);
    let (status, _) = witness.add(&regrown.request(20, 25)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    witness.stop().await;
}
