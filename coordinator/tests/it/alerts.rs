//! Alerts through a real coordinator.

use std::time::Duration;

use merits_ledger::entry::{AlertHandled, AlertRaised, AlertSubject, Entry};
use merits_ledger_fixture::START;
use merits_proto::Reason;
use tonic::Code;

use crate::federation::world::{World, as_told, told};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn an_alert_is_raised_once_and_acknowledged_once() {
    let mut world = World::new(98).await;
    let federation = world.founding.federation.clone();
    let (supervisor, distributor) = (&federation.supervisor, &federation.distributor);
    // A day that is long over by the machine's clock.
    let alert = AlertRaised {
        rule: "claims-jump".to_owned(),
        rules: [7; 32],
        subject: AlertSubject::Party(distributor.id),
        from: START,
        until: START + DAY,
        value: 900,
        threshold: 300,
    };
    let raised = Entry::AlertRaised(alert.clone());
    let fault = world.refused(&federation.sign(&raised, distributor)).await;
    assert_eq!(
        told(&fault),
        as_told(Code::PermissionDenied, Reason::RoleMissing, "")
    );
    let signed = federation.sign(&raised, supervisor);
    let first = world.node.client.submit(&signed).await.unwrap();
    assert!(!first.already_present);
    // A run that was killed before it saved its position sends the same entry again.
    let again = world.node.client.submit(&signed).await.unwrap();
    assert!(again.already_present);
    let other = Entry::AlertRaised(AlertRaised {
        value: 901,
        ..alert
    });
    let fault = world.refused(&federation.sign(&other, supervisor)).await;
    assert_eq!(
        told(&fault),
        as_told(Code::AlreadyExists, Reason::AlertRaisedBefore, "")
    );

    let handled = |reason: &str| {
        let entry = Entry::AlertHandled(AlertHandled {
            alert: signed.id(),
            silent_until: None,
            reason: reason.to_owned(),
        });
        federation.sign(&entry, supervisor)
    };
    let acknowledged = handled("Letter 7 explains it.");
    world.node.client.submit(&acknowledged).await.unwrap();
    let fault = world.refused(&handled("Letter 8 does, too.")).await;
    assert_eq!(
        told(&fault),
        as_told(Code::FailedPrecondition, Reason::AlertAcknowledged, "")
    );
}
