//! What the Verifier says of an entry depends on whether the log has it: a key, a scale or a party that ended since
//! makes nothing invalid that is in the log.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Entry,
    entry::{KeySucceeded, StandingChange},
};
use merits_ledger_fixture::acts;
use merits_proto::{
    Reason, Verdict,
    verifier::{Subject, VerifyOneRequest, subject, verifier_client::VerifierClient},
};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};

use crate::federation::{Client, world::World};

/// Why the Verifier calls an entry invalid; `None` if it calls it valid.
async fn invalid(client: &Client, entry: &SignedEntry) -> Option<Reason> {
    let subject = Some(Subject {
        subject: Some(subject::Subject::Entry(entry.to_bytes())),
    });
    let mut verifier = VerifierClient::new(client.channel.clone());
    let answer = verifier.verify_one(VerifyOneRequest { subject }).await;
    match Verdict::try_from(answer.unwrap().into_inner().verdict).unwrap() {
        Verdict::Valid => None,
        Verdict::Invalid(fault) => Some(fault.reason.known().unwrap()),
    }
}

/// What ends after a batch was appended.
#[derive(Debug, Clone, Copy)]
enum Ended {
    DistributorsKey,
    SourcesKey,
    Distributor,
}

/// Regression: a batch in the log was judged by the keys of today.
#[tokio::test]
async fn what_ended_since_makes_no_entry_of_the_log_invalid() {
    for (ended, reason) in [
        (Ended::DistributorsKey, Reason::SignatureInvalid),
        (Ended::SourcesKey, Reason::SourceSignatureInvalid),
        (Ended::Distributor, Reason::PartySuspended),
    ] {
        let mut world = World::new(97).await;
        let (logged, never) = (world.founding.earn(3), world.founding.earn(3));
        world.node.client.submit(&logged).await.unwrap();
        for entry in [&logged, &never] {
            assert_eq!(invalid(&world.node.client, entry).await, None);
        }
        let federation = &world.founding.federation;
        let end_key = |member: &merits_ledger_fixture::Member| {
            let (origin, key) = (&federation.origin, SigningKey::from_bytes(&[0xb7; 32]));
            let succeeded = KeySucceeded::new(origin, &member.id, 1, &key, Duration::ZERO);
            federation.sign(&Entry::KeySucceeded(succeeded), member)
        };
        let entry = match ended {
            Ended::DistributorsKey => end_key(&federation.distributor),
            Ended::SourcesKey => end_key(&federation.source),
            Ended::Distributor => {
                let change = StandingChange {
                    party: federation.distributor.id,
                    sequence: 1,
                    basis: "test".to_owned(),
                };
                federation.sign(&acts::suspended(change), &federation.supervisor)
            }
        };
        world.node.client.submit(&entry).await.unwrap();
        let client = &world.node.client;
        assert_eq!(invalid(client, &logged).await, None, "{ended:?}");
        // What is not in the log is judged as if it came now.
        assert_eq!(invalid(client, &never).await, Some(reason), "{ended:?}");
        // So are other bytes under the id of an entry that is.
        let mut altered = logged.clone();
        altered.signature[0] ^= 1;
        assert_eq!(altered.id(), logged.id());
        let said = invalid(client, &altered).await;
        assert!(said.is_some(), "{ended:?}");
    }
}
