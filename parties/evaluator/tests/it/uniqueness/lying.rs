//! An evaluator that lies: it is named, and stops no registration that enough others answer.

use std::sync::Arc;

use merits_evaluator::key::EvaluatorKey;
use merits_proto::uniqueness::{
    EvaluateRequest, EvaluateResponse,
    uniqueness_client::UniquenessClient,
    uniqueness_server::{Uniqueness, UniquenessServer},
};
use merits_serve::{Limits, Security, Server, Weights};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Channel};
use zeroize::Zeroizing;

use super::{
    ANN, City, EvaluatorClient, RegisteringError, RegistrationFault, fault,
    shares::{bank, deal, machines, open, register, serving},
};

/// What the liar makes of the request and the honest answer.
type Lie = Arc<dyn Fn(&EvaluateRequest, EvaluateResponse) -> EvaluateResponse + Send + Sync>;

/// An evaluator that answers truly, and a lie over it.
struct Liar {
    truth: Option<UniquenessClient<Channel>>,
    lie: Lie,
}

#[tonic::async_trait]
impl Uniqueness for Liar {
    async fn evaluate(
        &self,
        request: Request<EvaluateRequest>,
    ) -> Result<Response<EvaluateResponse>, Status> {
        let request = request.into_inner();
        let answer = match &self.truth {
            Some(truth) => truth.clone().evaluate(request.clone()).await?.into_inner(),
            None => EvaluateResponse::default(),
        };
        Ok(Response::new((self.lie)(&request, answer)))
    }
}

/// Serves the lie until the test ends; gives its address.
async fn lying(truth: Option<&str>, lie: Lie) -> String {
    let truth = match truth {
        Some(address) => Some(UniquenessClient::connect(address.to_owned()).await.unwrap()),
        None => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = UniquenessServer::new(Liar { truth, lie });
    let server = Server::new(&Limits::default())
        .secured(&Security::default())
        .service(service, Weights::of_all(1 << 16));
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    address
}

/// An answer under a key that the ledger does not have, with a proof that is right for that key.
fn of_another_key(request: &EvaluateRequest, answer: EvaluateResponse) -> EvaluateResponse {
    let key = EvaluatorKey::from_seed(&Zeroizing::new([99; 32])).unwrap();
    let blinded = request.blinded_element.as_slice().try_into().unwrap();
    let evaluation = key.evaluate(&blinded).unwrap();
    EvaluateResponse {
        evaluated_element: evaluation.element.to_vec(),
        proof: evaluation.proof.to_vec(),
        ..answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_named_and_stops_no_registration() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, _] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    open(one, 2, &[one, two, three], &[]).await;
    deal(one, &[one, two, three]).await;
    let (first, _stop_first, _) = serving(one).await;
    let (second, _stop_second, _) = serving(two).await;
    let (third, _stop_third, _) = serving(three).await;
    let session = bank(&city).await;
    let honest = [second.clone(), third.clone()];
    register(&session, &honest, 1, ANN).await.unwrap();

    let (liar, framed) = (one.party().to_string(), two.party());
    let lies: [(&str, Lie); 6] = [
        ("did not prove", Arc::new(of_another_key)),
        (
            "did not prove",
            Arc::new(|_, mut answer| {
                *answer.proof.first_mut().unwrap() ^= 1;
                answer
            }),
        ),
        (
            "did not prove",
            Arc::new(|_, mut answer| {
                *answer.proof.last_mut().unwrap() = 0xff;
                answer
            }),
        ),
        (
            "generation 2",
            Arc::new(|_, answer| EvaluateResponse {
                generation: 2,
                ..answer
            }),
        ),
        (
            "generation 0",
            Arc::new(|_, answer| EvaluateResponse {
                generation: 0,
                ..answer
            }),
        ),
        // In the name of another, whom the message cannot clear, so the address is there.
        (
            "did not prove",
            Arc::new(move |_, answer| EvaluateResponse {
                party: framed.0.to_vec(),
                ..answer
            }),
        ),
    ];
    for (says, lie) in lies {
        let address = lying(Some(first.address()), lie).await;
        let client = EvaluatorClient::connect(&address).await.unwrap();
        let all = [client.clone(), second.clone(), third.clone()];
        // The tag is the person's, so it was combined from the others' answers.
        let again = register(&session, &all, 2, ANN).await;
        assert_eq!(fault(again), RegistrationFault::PersonKnown, "{says}");
        let Err(error @ RegisteringError::TooFew { answered: 1, .. }) =
            register(&session, &[client, third.clone()], 2, ANN).await
        else {
            panic!("a lie was taken that should say {says}");
        };
        let error = error.to_string();
        assert!(error.contains(says) && error.contains(&address), "{error}");
        let named = [&liar, &framed.to_string()];
        assert!(named.iter().any(|party| error.contains(*party)), "{error}");
    }
    // An entry that is not there harms nobody: the ledger's is used.
    let lie: Lie = Arc::new(|_, answer| EvaluateResponse {
        entry: vec![0x99; 32],
        ..answer
    });
    let address = lying(Some(first.address()), lie).await;
    let client = EvaluatorClient::connect(&address).await.unwrap();
    let bob = register(&session, &[client, second], 2, super::BOB).await;
    bob.unwrap();
}

/// The ledger would refuse the registration, and nobody would know by whose fault.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_counted_is_left_out() {
    let city = City::new().await;
    let party = city.evaluator.id;
    let lie: Lie = Arc::new(move |request, _| {
        let blinded = request.blinded_element.as_slice().try_into().unwrap();
        let evaluation = super::city::key().evaluate(&blinded).unwrap();
        EvaluateResponse {
            evaluated_element: evaluation.element.to_vec(),
            proof: evaluation.proof.to_vec(),
            entry: vec![0x99; 32],
            party: party.0.to_vec(),
            generation: 1,
        }
    });
    let address = lying(None, lie).await;
    let client = EvaluatorClient::connect(&address).await.unwrap();
    let session = bank(&city).await;
    let found = register(&session, &[client], 1, ANN).await;
    let Err(error @ RegisteringError::TooFew { .. }) = found else {
        panic!("too few, not {found:?}");
    };
    let error = error.to_string();
    let evaluator = city.evaluator.id.to_string();
    assert!(
        error.contains("did not count") && error.contains(&evaluator),
        "{error}"
    );
    assert_eq!(city.counted().await, []);
}
