//! C2SP tlog-witness, status by status.

use http::{StatusCode, header};
use merits_primitives::ids::Origin;
use merits_proto::{
    limits::ADD_CHECKPOINT_BYTES,
    witness::{AddCheckpoint, SIZE_TYPE, monitoring_path},
};
use merits_verifier::log::{
    Checkpoint, LogSigner, Quorum, SignedCheckpoint, WitnessPolicy, empty_root,
};

use crate::scene::{History, ORIGIN, Serving, config, log, now};

#[tokio::test]
async fn every_request_gets_the_status_of_the_specification() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let mut witness = Serving::start(config).await;
    let (honest, forked) = (History::honest(), History::new(40, 3));

    // The first one: any size, no proof.
    let first = AddCheckpoint {
        old: 0,
        proof: Vec::new(),
        checkpoint: honest.signed(5, 1),
    };
    let with_proof = AddCheckpoint {
        proof: vec![[1; 32]],
        ..first.clone()
    };
    assert_eq!(
        witness.add(&with_proof).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let path = monitoring_path(ORIGIN);
    let none = witness.fetcher.get(&path, 20_000).await.unwrap();
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let (status, lines) = witness.add(&first).await;
    assert_eq!(status, StatusCode::OK);
    let cosigned = honest
        .signed(5, 1)
        .with_cosignature(log(1).public(), &witness.keys.key, &lines)
        .unwrap();
    let quorum = Quorum::new(vec![witness.keys.key.clone()], 1, 0).unwrap();
    let policy = WitnessPolicy::new(quorum, None).unwrap();
    let found = cosigned.verify_cosigned(log(1).public(), &policy).unwrap();
    assert_eq!((found.checkpoint().size, found.as_of()), (5, now()));

    // Another old size than the last one.
    for old in [0, 4] {
        let answer = witness.post(honest.request(old, 5).to_string()).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.headers[header::CONTENT_TYPE], SIZE_TYPE);
        assert_eq!(&answer.body[..], b"5\n");
    }
    // The same size again, with the same root and with another.
    assert_eq!(witness.add(&honest.request(5, 5)).await.0, StatusCode::OK);
    let same = AddCheckpoint {
        old: 5,
        proof: Vec::new(),
        checkpoint: forked.signed(5, 1),
    };
    assert_eq!(witness.add(&same).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    // A larger one: by the proof of another history, without a proof, with one hash too many.
    assert_eq!(
        witness.add(&forked.request(5, 9)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let mut request = honest.request(5, 9);
    request.proof.push([0; 32]);
    assert_eq!(
        witness.add(&request).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    request.proof.clear();
    assert_eq!(
        witness.add(&request).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(witness.add(&honest.request(5, 9)).await.0, StatusCode::OK);
    // Old above new.
    let backwards = AddCheckpoint {
        old: 9,
        proof: Vec::new(),
        checkpoint: honest.signed(5, 1),
    };
    assert_eq!(witness.add(&backwards).await.0, StatusCode::BAD_REQUEST);

    // The log did not sign it: nobody's key, another log's key under its name, an altered note.
    let unsigned = AddCheckpoint {
        checkpoint: honest.signed(12, 2),
        ..honest.request(9, 12)
    };
    assert_eq!(witness.add(&unsigned).await.0, StatusCode::FORBIDDEN);
    let altered = honest
        .request(9, 12)
        .to_string()
        .replacen("\n12\n", "\n13\n", 1);
    assert_eq!(witness.post(altered).await.status, StatusCode::FORBIDDEN);
    // Another log.
    let origin = Origin::new("other.example/merits").unwrap();
    let other = LogSigner::new(
        origin.clone(),
        ed25519_dalek::SigningKey::from_bytes(&[1; 32]),
    );
    let checkpoint = Checkpoint {
        origin,
        size: 12,
        root: honest.root(12),
    };
    let other = AddCheckpoint {
        checkpoint: checkpoint.sign(&other).unwrap(),
        ..honest.request(9, 12)
    };
    assert_eq!(witness.add(&other).await.0, StatusCode::NOT_FOUND);

    // No request at all.
    for body in ["", "old 9\n", "old x\n\nlog\n"] {
        assert_eq!(
            witness.post(body.to_owned()).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    let long = "x".repeat(ADD_CHECKPOINT_BYTES + 1);
    assert_eq!(
        witness.post(long).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let got = witness.fetcher.get("add-checkpoint", 20_000).await.unwrap();
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);

    // Nothing of all this moved it. Other people's lines in the note do no harm.
    let (_, line) = witness.add(&honest.request(9, 9)).await;
    let noted = honest.signed(12, 1).to_string();
    let request = AddCheckpoint {
        checkpoint: SignedCheckpoint::parse(&format!("{noted}{line}")).unwrap(),
        ..honest.request(9, 12)
    };
    assert_eq!(witness.add(&request).await.0, StatusCode::OK);
    let shown = witness.fetcher.get(&path, 20_000).await.unwrap();
    let shown = SignedCheckpoint::parse(std::str::from_utf8(&shown.body).unwrap()).unwrap();
    let found = shown.verify_cosigned(log(1).public(), &policy).unwrap();
    assert_eq!(found.checkpoint().size, 12);
    witness.stop().await;
}

#[tokio::test]
async fn an_empty_tree_has_one_root() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "w1", log(1).public().to_string());
    config.init(None, &mut rand::rng()).unwrap();
    let mut witness = Serving::start(config).await;
    let empty = |root| {
        let checkpoint = Checkpoint {
            origin: Origin::new(ORIGIN).unwrap(),
            size: 0,
            root,
        };
        AddCheckpoint {
            old: 0,
            proof: Vec::new(),
            checkpoint: checkpoint.sign(&log(1)).unwrap(),
        }
    };
    assert_eq!(
        witness.add(&empty([7; 32])).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(witness.add(&empty(empty_root())).await.0, StatusCode::OK);
    assert_eq!(
        witness.add(&History::honest().request(0, 3)).await.0,
        StatusCode::OK
    );
    witness.stop().await;
}
