//! Several evaluators over a real coordinator: the key is made together, t of n answer, and shares are dealt anew.

use std::path::{Path, PathBuf};

use merits_evaluator::{
    EvaluatorError,
    config::EvaluatorConfig,
    dealing::{Dealt, Held, NewDealing},
    net::serve,
    shares::SharesError,
};
use merits_ledger::entry::EvaluatorOpened;
use merits_party::identity::PartyConfig as _;
use merits_serve::{Limits, Security};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::{
    ANN, BOB, City, Duration, Entry, EvaluatorClient, FollowingRegistrar, Occasion, PartyId,
    Registered, RegisteringError, RegistrationFault, fault, now, number, wallet,
};

/// One evaluator's machine.
pub(super) struct Machine {
    pub(super) config: EvaluatorConfig,
    folder: PathBuf,
}

impl Machine {
    fn seeds(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        let is_seed = |path: &PathBuf| path.to_string_lossy().contains("voprf");
        files.filter(is_seed).collect()
    }

    pub(super) fn party(&self) -> PartyId {
        self.config.identity().unwrap().party()
    }
}

/// Four evaluators, admitted, without a key.
pub(super) async fn machines(city: &City, at: &Path) -> Vec<Machine> {
    let mut machines = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let folder = at.join(name);
        let config = EvaluatorConfig {
            name: format!("evaluator {name}"),
            signing_key: folder.join("signing.key"),
            sealing_key: folder.join("sealing.key"),
            voprf_key: folder.join("voprf.key"),
            listen: "127.0.0.1:0".parse().unwrap(),
            ledger: city.ledger(name),
            server: Limits::default(),
        };
        let application = config.apply(&mut rand::rng()).unwrap();
        let admitted = merits_ledger_fixture::acts::admitted(application);
        city.act(&city.federation.supervisor, admitted).await;
        machines.push(Machine { config, folder });
    }
    machines
}

fn names(machines: &[&Machine]) -> Vec<String> {
    let names = machines.iter().map(|machine| machine.config.name.clone());
    names.collect()
}

pub(super) async fn open(
    opener: &Machine,
    needed: u16,
    holders: &[&Machine],
    dealers: &[&Machine],
) {
    let new = NewDealing {
        needed,
        holders: names(holders),
        dealers: names(dealers),
        open_for: Duration::from_secs(3_600),
    };
    let opened = opener.config.open_dealing(&new, now()).await;
    opened.unwrap();
}

/// Everybody runs the command again and again until it is done for all; gives the key.
pub(super) async fn deal(opener: &Machine, parties: &[&Machine]) -> Held {
    let name = Some(opener.config.name.as_str());
    for _ in 0..5 {
        let mut done = Vec::new();
        for machine in parties {
            if let Dealt::Done { held, .. } = machine.config.deal(name, None, false).await.unwrap()
            {
                done.push(held);
            }
        }
        if done.len() == parties.len() {
            return done.swap_remove(0);
        }
    }
    panic!("three rounds take at most three turns");
}

/// Serves until the sender is used; gives a client.
pub(super) async fn serving(
    machine: &Machine,
) -> (EvaluatorClient, oneshot::Sender<()>, JoinHandle<()>) {
    let service = machine.config.service().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stopped = async move { stopped.await.unwrap_or_default() };
        let (limits, security) = (Limits::default(), Security::default());
        serve(service, listener, &limits, &security, stopped)
            .await
            .unwrap();
    });
    let client = EvaluatorClient::connect(&address).await.unwrap();
    (client, stop, task)
}

pub(super) async fn register(
    session: &FollowingRegistrar,
    evaluators: &[EvaluatorClient],
    seed: u8,
    person: &str,
) -> Result<Registered, RegisteringError> {
    use rand::{SeedableRng as _, rngs::StdRng};
    let rng = &mut StdRng::from_rng(&mut rand::rng());
    let about = (wallet(seed), merits_primitives::calendar::Day::FIRST);
    session
        .register(
            evaluators,
            Occasion::First,
            about,
            number(person),
            now(),
            rng,
        )
        .await
}

/// Nobody waits: one that is away is made up for at once.
pub(super) async fn bank(city: &City) -> FollowingRegistrar {
    city.waiting_session(&city.bank, Box::new(|_| Box::pin(std::future::ready(()))))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_evaluators_register_a_person_and_one_may_be_away() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, four] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    let three_of_them = [one, two, three];
    open(one, 2, &three_of_them, &[]).await;
    let made = deal(one, &three_of_them).await;
    assert!(!made.record.was_whole);
    assert_eq!(made.record.key.threshold().to_string(), "2 of 3");
    // One holder has one seed, and the fourth none.
    assert_eq!(
        [one, two, three, four].map(|it| it.seeds().len()),
        [1, 1, 1, 0]
    );
    let none = four.config.service().await;
    assert!(matches!(none, Err(EvaluatorError::NoShare)), "{none:?}");

    let (first, stop, task) = serving(one).await;
    let (second, _stop_second, _) = serving(two).await;
    let (third, _stop_third, _) = serving(three).await;
    let all = [first, second, third];
    let session = bank(&city).await;
    let ann = register(&session, &all, 1, ANN).await.unwrap();
    // Only as many as must answer were asked.
    let counted = city.counted().await;
    assert_eq!(counted.len(), 2);
    assert_eq!(counted[0].request, counted[1].request);
    assert_eq!((counted[0].number, counted[1].number), (1, 1));
    {
        let replica = city.follower.replica();
        let people = replica.state().unwrap().people();
        let evaluated = people.evaluation(&city.bank.id, &counted[0].request);
        let evaluated = evaluated.unwrap().unwrap();
        let mut by: Vec<_> = evaluated.counted.iter().map(|(party, _)| *party).collect();
        by.sort();
        let mut asked = [one.party(), two.party()];
        asked.sort();
        assert_eq!(by, asked);
        assert!(evaluated.used);
    }

    stop.send(()).unwrap();
    task.await.unwrap();
    let bob = register(&session, &all, 2, BOB).await.unwrap();
    assert_ne!(bob.content.tag, ann.content.tag);
    // Whoever answers, one person has one tag.
    let again = register(&session, &all[1..], 3, ANN).await;
    assert_eq!(fault(again), RegistrationFault::PersonKnown);
    // One is too few, and says so.
    let alone = register(&session, &all[..2], 3, ANN).await;
    match alone {
        Err(RegisteringError::TooFew {
            needed, answered, ..
        }) => assert_eq!((needed, answered), (2, 1)),
        other => panic!("too few, not {other:?}"),
    }
    // An address that is there twice is one evaluator.
    let twice = [all[1].clone(), all[1].clone()];
    let twice = register(&session, &twice, 3, ANN).await;
    let Err(error @ RegisteringError::TooFew { .. }) = twice else {
        panic!("too few, not {twice:?}");
    };
    let (said, two) = (error.to_string(), two.party().to_string());
    assert!(
        said.contains(&two) && said.contains("name each once"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_dealt_anew_give_the_same_tags_and_servers_go_on() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, four] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    open(one, 2, &[one, two, three], &[]).await;
    let made = deal(one, &[one, two, three]).await;
    let (second, _stop_second, _) = serving(two).await;
    let (third, _stop_third, _) = serving(three).await;
    let session = bank(&city).await;
    let before = [second.clone(), third.clone()];
    let ann = register(&session, &before, 1, ANN).await.unwrap();

    // The first leaves without a word, and the fourth gets a share of those who stay.
    open(two, 2, &[two, three, four], &[two, three]).await;
    let dealt = deal(two, &[two, three, four]).await;
    assert_eq!(dealt.record.generation, 2);
    assert_eq!(dealt.record.key.public(), made.record.key.public());
    // Old secrets are gone where the command ran, and go where it is said.
    assert_eq!(
        [one, two, three, four].map(|it| it.seeds().len()),
        [1, 1, 1, 1]
    );
    assert_eq!(one.config.erase_shares().await.unwrap().len(), 1);
    assert_eq!(one.seeds().len(), 0);
    assert_eq!(four.config.erase_shares().await.unwrap().len(), 0);

    // Those who served all the time, with the one that came.
    let (fourth, _stop_fourth, _) = serving(four).await;
    for pair in [before, [third, fourth]] {
        let again = register(&session, &pair, 2, ANN).await;
        assert_eq!(fault(again), RegistrationFault::PersonKnown);
    }
    let bob = register(&session, &[second], 2, BOB).await;
    assert!(
        matches!(bob, Err(RegisteringError::TooFew { .. })),
        "{bob:?}"
    );
    assert_eq!(ann.content.generation, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sole_evaluators_key_becomes_shares_and_stays_marked() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, _] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    one.config.announce().await.unwrap();
    let whole = one.config.present_shares().await.unwrap().held.unwrap();
    assert!(whole.record.was_whole);
    assert_eq!(whole.holders, ["evaluator one"]);
    let (first, _stop, _) = serving(one).await;
    let session = bank(&city).await;
    let ann = register(&session, &[first], 1, ANN).await.unwrap();
    assert_eq!(ann.content.generation, 0);

    open(one, 2, &[two, three], &[]).await;
    let dealt = deal(one, &[one, two, three]).await;
    assert!(dealt.record.was_whole, "it was whole once");
    assert_eq!(dealt.record.key.public(), whole.record.key.public());
    assert_eq!([one, two, three].map(|it| it.seeds().len()), [0, 1, 1]);
    let (second, _stop_second, _) = serving(two).await;
    let (third, _stop_third, _) = serving(three).await;
    let again = register(&session, &[second, third], 2, ANN).await;
    assert_eq!(fault(again), RegistrationFault::PersonKnown);
}

/// What the command says where there is nothing to do, or no way to do it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dealing_that_is_not_there_or_whose_seed_is_lost_is_told() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, ..] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    assert_eq!(one.config.present_shares().await.unwrap().held, None);
    let absent = one.config.deal(None, None, false).await;
    assert!(
        matches!(
            absent,
            Err(EvaluatorError::Shares(SharesError::NotOpened {
                generation: 1,
                ..
            }))
        ),
        "{absent:?}"
    );
    open(one, 2, &[one, two], &[]).await;
    let offered = two
        .config
        .look_at_dealing(Some("evaluator one"))
        .await
        .unwrap();
    assert_eq!((offered.generation, offered.needed), (1, 2));
    assert_eq!(offered.dealers, offered.holders);
    assert!(offered.holders.contains(&"evaluator two".to_owned()));
    assert_eq!(two.seeds().len(), 0, "who looks makes nothing");
    let waiting = one.config.deal(None, None, false).await.unwrap();
    let Dealt::Waiting { missing, .. } = waiting else {
        panic!("the other one has not joined");
    };
    assert_eq!(missing, ["evaluator two"]);
    for seed in one.seeds() {
        std::fs::remove_file(seed).unwrap();
    }
    two.config
        .deal(Some("evaluator one"), None, false)
        .await
        .unwrap();
    // It makes no other seed, which would not fit what it published.
    let lost = one.config.deal(None, None, false).await;
    assert!(
        matches!(lost, Err(EvaluatorError::Shares(SharesError::Key(_)))),
        "{lost:?}"
    );
    // A key that one evaluator makes meanwhile ends the dealing.
    let alone = Entry::EvaluatorOpened(EvaluatorOpened {
        public_key: super::city::key().public(),
    });
    city.act(&city.evaluator, alone).await;
    let overtaken = two.config.deal(Some("evaluator one"), None, false).await;
    assert!(
        matches!(
            overtaken,
            Err(EvaluatorError::Shares(SharesError::NotOpened {
                generation: 2,
                ..
            }))
        ),
        "{overtaken:?}"
    );
}

/// Regression: the seeds of a dealing that passed its deadline stayed on the disk until some other dealing was done.
#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_of_a_dealing_that_is_over_are_erased() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, _] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    let opener = Some("evaluator one");
    open(one, 2, &[one, two, three], &[]).await;
    for machine in [one, two, three] {
        machine.config.deal(opener, None, false).await.unwrap();
        assert_eq!(machine.seeds().len(), 2, "a holder's and a dealer's");
    }
    // While it is under way, nothing is erased.
    assert_eq!(one.config.present_shares().await.unwrap().erased.len(), 0);
    assert_eq!(one.config.erase_shares().await.unwrap().len(), 0);

    city.clock.pass(Duration::from_secs(7_200));
    // The log's time moves by its entries alone.
    assert_eq!(one.config.present_shares().await.unwrap().erased.len(), 0);
    let admitted = city.federation.issuer.application(&city.federation.origin);
    let admitted = merits_ledger_fixture::acts::admitted(admitted);
    city.act(&city.federation.supervisor, admitted).await;
    let mut erased = one.config.present_shares().await.unwrap().erased;
    erased.sort();
    assert_eq!(erased.len(), 2);
    assert_eq!(one.seeds().len(), 0);
    // One that was killed on the way: overwritten in part, or one of two removed.
    let halves = two.seeds();
    std::fs::write(&halves[0], "000").unwrap();
    std::fs::remove_file(&three.seeds()[0]).unwrap();
    for machine in [two, three, one] {
        for _ in 0..2 {
            let over = machine.config.deal(opener, None, false).await;
            assert!(
                matches!(over, Err(EvaluatorError::Shares(SharesError::Expired(_)))),
                "{over:?}"
            );
            assert_eq!(machine.seeds().len(), 0);
        }
    }
    // The next attempt is a dealing of its own.
    let new = NewDealing {
        needed: 2,
        holders: names(&[one, two]),
        dealers: Vec::new(),
        open_for: Duration::from_secs(3_600),
    };
    one.config.open_dealing(&new, now()).await.unwrap();
    deal(one, &[one, two]).await;
    assert_eq!([one, two, three].map(|it| it.seeds().len()), [1, 1, 0]);
}

/// Regression: a dealer that had looked at one dealing took part in the next of its opener, whoever got shares in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_party_takes_part_only_in_the_dealing_that_it_looked_at() {
    let city = City::without_key().await;
    let folder = tempfile::tempdir().unwrap();
    let machines = machines(&city, folder.path()).await;
    let [one, two, three, _] = machines.iter().collect::<Vec<_>>()[..] else {
        panic!("four");
    };
    open(one, 2, &[one, two], &[]).await;
    open(three, 2, &[two, three], &[]).await;
    let look = two.config.look_at_dealing(Some("evaluator one")).await;
    let agreed = look.unwrap().dealing;
    let other = two
        .config
        .deal(Some("evaluator three"), Some(&agreed), false)
        .await;
    match other {
        Err(EvaluatorError::Shares(SharesError::OtherDealing {
            agreed: named,
            found,
        })) => {
            assert_eq!(named, agreed);
            assert_ne!(found, agreed);
        }
        other => panic!("another dealing, not {other:?}"),
    }
    assert_eq!(two.seeds().len(), 0, "nothing is made for it");
    let right = two
        .config
        .deal(Some("evaluator one"), Some(&agreed), false)
        .await;
    assert!(matches!(right, Ok(Dealt::Waiting { .. })), "{right:?}");
    assert_eq!(two.seeds().len(), 2);
}
