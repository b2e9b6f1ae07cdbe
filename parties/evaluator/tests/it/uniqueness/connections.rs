//! An evaluation is for a registrar over its own connection: every role, every sort of certificate.

use merits_ledger::Role;
use merits_ledger_fixture::{Member, acts};
use merits_proto::{Expected, Reason};
use merits_registrar::{
    client::{EvaluatorClient, EvaluatorError},
    evaluation::Pending,
};
use merits_tls::{Subject, issue::Made};

use super::{ANN, City, number};
use crate::tls::{DAY, Files, Wish, authority, now};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Own,
    Anothers,
    Expired,
    Forged,
}

const SORTS: [With; 5] = [
    With::Nothing,
    With::Own,
    With::Anothers,
    With::Expired,
    With::Forged,
];

fn files(city: &City, member: &Member, with: With, by: &Made) -> Files {
    let wish = |member: &Member| Wish {
        origin: city.federation.origin.clone(),
        subject: Subject::Party(member.id),
        signer: member.key.clone(),
        ..Wish::of(1)
    };
    let own = wish(member);
    let wish = match with {
        With::Nothing => return Files::of_nobody(by),
        With::Own => own,
        With::Anothers => wish(&city.townhall),
        With::Expired => Wish {
            at: now() - DAY * 60,
            days: (30, 365),
            ..own
        },
        With::Forged => Wish {
            signer: city.townhall.key.clone(),
            ..own
        },
    };
    Files::of(&wish, by, by)
}

/// Reason and field of a refusal; `None` for an answer.
async fn ask(
    city: &City,
    member: &Member,
    evaluator: &mut EvaluatorClient,
) -> Option<(Option<Reason>, String)> {
    let pending = Pending::blind(number(ANN)).unwrap();
    let request = city.registrar(member).ask(&pending, &mut rand::rng());
    match evaluator.evaluate(request).await {
        Ok(_) => None,
        Err(EvaluatorError::Refused { fault, .. }) => {
            Some((fault.reason.known(), fault.field.to_string()))
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrars_own_connection_alone_gets_evaluations() {
    let city = City::new().await;
    let by = authority(now());
    let own = Wish {
        origin: city.federation.origin.clone(),
        subject: Subject::Party(city.evaluator.id),
        signer: city.evaluator.key.clone(),
        ..Wish::of(1)
    };
    let server = Files::of(&own, &by, &by);
    let ledger = city.copy("evaluator").await;
    let address = city.serve_over(ledger, server.security()).await;
    let names = [
        "an issuer",
        "a source",
        "a distributor",
        "a sponsor",
        "an exchange",
        "a clearing bank",
        "a supervisor",
        "a witness",
        "a registrar",
        "another evaluator",
    ];
    let mut registrar = None;
    for ((seed, role), name) in (100..).zip(Role::ALL).zip(names) {
        let member = Member::new(&city.federation.origin, name, &[role], seed);
        let admitted = acts::admitted(member.application(&city.federation.origin));
        city.act(&city.federation.supervisor, admitted).await;
        for with in SORTS {
            let caller = files(&city, &member, with, &by);
            let expected = Expected::OneOf {
                origin: city.federation.origin.clone(),
                what: "an evaluator",
                parties: vec![(
                    city.evaluator.id,
                    merits_verifier::signature::PublicKey::of(&city.evaluator.key),
                )],
            };
            let connected =
                EvaluatorClient::connect_over(&address, &caller.security(), expected).await;
            let mut evaluator = connected.unwrap();
            let told = ask(&city, &member, &mut evaluator).await;
            let certificate = Some((Some(Reason::SignatureInvalid), "certificate".to_owned()));
            let expected = match (with, role) {
                (With::Nothing, _) => certificate,
                (_, other) if other != Role::Registrar => {
                    Some((Some(Reason::RoleMissing), "registrar".to_owned()))
                }
                (With::Own, _) => None,
                _ => certificate,
            };
            assert_eq!(told, expected, "{} with {with:?}", role.name());
            if told.is_none() {
                registrar = Some((member.id, evaluator));
            }
        }
        if role == Role::Registrar {
            let (id, mut evaluator) = registrar.take().unwrap();
            assert_eq!(id, member.id);
            city.suspend(&member).await;
            let told = ask(&city, &member, &mut evaluator).await;
            let suspended = Some((Some(Reason::PartySuspended), "registrar".to_owned()));
            assert_eq!(told, suspended, "at its next call, on an open connection");
        }
    }
}
