//! Ledgers of many founders: what can be founded, everybody can follow.

use std::{path::Path, sync::Arc};

use merits_coordinator::{Config, ConfigError, Coordinator, StartError, SystemClock};
use merits_ledger::{BoardFacts, Entry, FactFault, LONGEST_FACT, LedgerPolicy, Role, Thresholds};
use merits_ledger_fixture::Member;
use merits_primitives::ids::PartyId;
use merits_proto::registry::{
    FoundingFact, GetLogRequest, GetLogResponse, GetPartyRequest, GetPartyResponse,
    GetScaleRequest, GetScaleResponse, ListEpochsRequest, ListEpochsResponse, ListPartiesRequest,
    ListPartiesResponse, ListScalesRequest, ListScalesResponse,
    registry_server::{Registry, RegistryServer},
};
use merits_replica::{Client, ClientError};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::federation::{Founding, Node, table};

const MOST: usize = BoardFacts::MOST_OF_A_SIDE;

/// The configuration of a ledger with this board.
fn with_board(founding: &Founding, dir: &Path, board: &BoardFacts) -> Config {
    Config {
        board: board.to_string(),
        ..founding.config(dir)
    }
}

/// Founds a ledger with this board. The authority and `joining` admit themselves, and a follower with the same board in
/// its configuration reads all of that.
async fn is_founded_and_followed(founding: &Founding, board: BoardFacts, joining: &[Member]) {
    let dir = tempfile::tempdir().unwrap();
    let federation = &founding.federation;
    let mut node = Node::start(with_board(founding, dir.path(), &board)).await;
    let authority = [federation.supervisor.clone()];
    for member in authority.iter().chain(joining) {
        let own = Entry::PartyAdmitted(member.application(&federation.origin));
        let signed = federation.sign(&own, member);
        node.client.submit(&signed).await.unwrap();
    }
    let policy = LedgerPolicy {
        board: board.clone(),
        ..federation.policy()
    };
    let follower = table(&node, &policy, dir.path()).follow().await.unwrap();
    follower.sync().await.unwrap();
    {
        let replica = follower.replica();
        let state = replica.state().unwrap();
        assert_eq!(state.policy().board, board);
        assert_eq!(state.parties().iter().count(), 1 + joining.len());
        for member in joining {
            assert!(
                state.parties().active(&member.id).is_ok(),
                "{}",
                member.name
            );
        }
    }
    node.coordinator.shutdown().await.unwrap();
}

/// Regression: followers read facts of at most 256 bytes, and three ids of a board are longer.
#[tokio::test]
async fn a_board_of_five_supervisors_and_three_witnesses_is_followed() {
    let founding = Founding::new(101);
    let origin = founding.federation.origin.clone();
    let of = |names: [(&'static str, u8); 4], role| {
        names.map(|(name, seed)| Member::new(&origin, name, &[role], seed))
    };
    let supervisors = of(
        [("s2", 201), ("s3", 202), ("s4", 203), ("s5", 204)],
        Role::Supervisor,
    );
    let witnesses = of(
        [("w1", 211), ("w2", 212), ("w3", 213), ("w4", 214)],
        Role::Witness,
    );
    let witnesses = &witnesses[..3];
    let thresholds = Thresholds {
        ordinary: 2,
        trust: 3,
        delay_seconds: 172_800,
        consents: 2,
    };
    let ids = |members: &[Member]| members.iter().map(|one| one.id).collect::<Vec<_>>();
    let board = BoardFacts::new(thresholds, ids(&supervisors), ids(witnesses)).unwrap();
    let joining = [&supervisors[..], witnesses].concat();
    is_founded_and_followed(&founding, board, &joining).await;
}

/// Ids of nobody.
fn ids(first: usize, count: usize) -> Vec<PartyId> {
    (first..first + count)
        .map(|number| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            PartyId(id)
        })
        .collect()
}

#[tokio::test]
async fn the_largest_board_is_followed() {
    let founding = Founding::new(102);
    let origin = &founding.federation.origin;
    let second = Member::new(origin, "second supervisor", &[Role::Supervisor], 201);
    let most = u16::try_from(MOST).unwrap();
    let thresholds = Thresholds {
        ordinary: most,
        trust: most,
        delay_seconds: 90 * 86_400,
        consents: most,
    };
    // The authority is a supervisor beside those who are named.
    let supervisors = [ids(1, MOST - 2), vec![second.id]].concat();
    let board = BoardFacts::new(thresholds, supervisors, ids(1_000, MOST)).unwrap();
    is_founded_and_followed(&founding, board, &[second]).await;
}

#[tokio::test]
async fn a_board_that_nobody_could_follow_is_not_founded() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(103);
    let many = |first, count| {
        let ids = ids(first, count).into_iter();
        ids.map(|id| format!(" {}", hex::encode(id.0)))
            .collect::<String>()
    };
    for (supervisors, witnesses, named) in [
        (MOST, 3, "33 supervisors"),
        (3, MOST + 1, "33 log witnesses"),
    ] {
        let config = Config {
            board: format!(
                "ordinary 2; trust 3; delay 0; consents 2; supervisors{}; witnesses{}",
                many(1, supervisors),
                many(1_000, witnesses)
            ),
            ..founding.config(dir.path())
        };
        let error = Coordinator::found(config, Arc::new(SystemClock))
            .await
            .unwrap_err();
        assert!(
            matches!(
                &error,
                StartError::Config(ConfigError::Value { key: "board", .. })
            ),
            "{error}"
        );
        assert!(error.to_string().contains(named), "{error}");
        let left = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 0, "nothing was made");
    }
}

/// A server that states these facts.
struct Stating(Vec<FoundingFact>);

#[tonic::async_trait]
impl Registry for Stating {
    async fn get_log(&self, _: Request<GetLogRequest>) -> Result<Response<GetLogResponse>, Status> {
        Ok(Response::new(GetLogResponse {
            founding: self.0.clone(),
            ..GetLogResponse::default()
        }))
    }

    async fn list_parties(
        &self,
        _: Request<ListPartiesRequest>,
    ) -> Result<Response<ListPartiesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_party(
        &self,
        _: Request<GetPartyRequest>,
    ) -> Result<Response<GetPartyResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_scales(
        &self,
        _: Request<ListScalesRequest>,
    ) -> Result<Response<ListScalesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_scale(
        &self,
        _: Request<GetScaleRequest>,
    ) -> Result<Response<GetScaleResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_epochs(
        &self,
        _: Request<ListEpochsRequest>,
    ) -> Result<Response<ListEpochsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Regression: the error named neither the fact nor the reason.
#[tokio::test]
async fn a_follower_names_the_fact_that_it_does_not_read() {
    let founding = Founding::new(104);
    let key = founding.federation.signer().public().clone();
    let mut facts: Vec<FoundingFact> = (founding.federation.policy().facts().into_iter())
        .map(|(name, value)| FoundingFact {
            name: name.to_owned(),
            value,
        })
        .collect();
    for fact in &mut facts {
        if fact.name == "board" {
            fact.value = "x".repeat(LONGEST_FACT + 1);
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(RegistryServer::new(Stating(facts)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let server = tokio::spawn(server);
    let mut client = Client::connect(&address, key).await.unwrap();
    let error = client.founding_facts().await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Fact(FactFault::TooLong { name, .. }) if name == "board"),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("`board` has ") && said.contains("at most"),
        "{said}"
    );
    assert!(!error.may_retry());
    server.abort();
}
