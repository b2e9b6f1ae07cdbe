//! Claims on a ledger with tickets: who may be claimed for, with which keys, and what a withdrawal
//! leaves behind.

mod federation;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use federation::{MemoryLedger, World, csv, people::rider, read_groups, scale_id, week};
use hpke::{Kem as _, Serializable as _, kem::X25519HkdfSha256};
use merits_distributor::{
    consents::{Consents, Wait},
    depositing::{DepositReport, deposit_tickets},
    disclosing::{DiscloseError, Ground, disclose},
    node::Node,
    outbox::{Patience, SubmitFault},
    progress::Event,
    publishing::{PublishError, Published},
    store::{Imported, Store, StoreError, TicketCounts},
    summary::RunSummary,
    terms::TermsReader,
    tickets::{Importer, TicketFault},
};
use merits_ledger::{
    Entry, KeyRing, Role, Submission,
    fixture::{Citizen, Consented, Member},
};
use merits_params::terms::TermsDocument;
use merits_primitives::{
    Fr, field,
    ids::{EntryId, Period},
    owner::Handle,
};
use merits_records::{
    SubjectPeriod,
    handover::{HandoverError, Ticket, TicketFile},
};
use merits_verifier::{Verified, receipt::Receipt};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

/// A ledger with registered people: rider-000 is citizen 0, and so on.
struct Scene {
    world: World,
    ledger: MemoryLedger,
    /// The distributors' sealing key.
    secret: [u8; 32],
    public: [u8; 32],
}

fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}

impl Scene {
    fn new(seed: u64, people: u64) -> Self {
        let world = World::with_tickets(seed);
        let ledger = MemoryLedger::founded(&world);
        let (secret, public) = X25519HkdfSha256::gen_keypair_with_rng(&mut rand::rng());
        let scene = Self {
            world,
            ledger,
            secret: secret.to_bytes().into(),
            public: public.to_bytes().into(),
        };
        for number in 0..people {
            scene.register(&Citizen::new(number), 1_000);
        }
        scene
    }

    /// Registers a citizen, so many milliseconds later.
    fn register(&self, citizen: &Citizen, later: u64) {
        let federation = &self.world.federation;
        let entries = federation.register(&self.ledger.state(), citizen, 0);
        for entry in entries {
            self.ledger.append(&entry, self.ledger.time() + later);
        }
    }

    fn handle(&self, citizen: &Citizen) -> Handle {
        self.world.handle(citizen)
    }

    fn consent(&self, citizen: &Citizen, period: Period, distributor: &Member) -> Consented {
        let state = self.ledger.state();
        self.world.consent(&state, citizen, period, distributor)
    }

    fn ticket(&self, account: &str, consented: &Consented) -> Ticket {
        self.world.ticket(&self.ledger.state(), account, consented)
    }

    fn seal(&self, ticket: &Ticket, distributor: &Member) -> TicketFile {
        self.world.seal(ticket, distributor, &self.public)
    }

    /// Citizen `number` gives a ticket for the own account.
    fn given(&self, number: u64, period: Period) -> (Consented, TicketFile) {
        let distributor = &self.world.federation.distributor;
        let consented = self.consent(&Citizen::new(number), period, distributor);
        let ticket = self.ticket(&rider(number), &consented);
        (consented, self.seal(&ticket, distributor))
    }

    async fn import(&self, node: &Node, file: &TicketFile) -> Result<Imported, TicketFault> {
        let state = self.ledger.state();
        Importer::new(node, &state, &self.secret)
            .import(file, state.time(), &mut rng())
            .await
    }

    async fn deposit(&self, node: &Node) -> DepositReport {
        deposit_tickets(node, &self.ledger, Patience::default())
            .await
            .unwrap()
    }

    /// Tickets of citizens for the own accounts, imported and deposited.
    async fn hand_in(&self, node: &Node, people: &[u64], period: Period) -> Vec<Consented> {
        let mut consents = Vec::new();
        for number in people {
            let (consented, file) = self.given(*number, period);
            assert_eq!(self.import(node, &file).await.unwrap(), Imported::New);
            consents.push(consented);
        }
        let report = self.deposit(node).await;
        assert_eq!(
            (report.deposited, report.refused),
            (people.len() as u64, Vec::new())
        );
        consents
    }

    /// Records of so many riders, signed by the source under the links of their people, in the
    /// node's store.
    async fn collect(&self, node: &Node, riders: usize, weeks: u32, dir: &Path) {
        let groups = read_groups(&csv(riders, weeks), self.world.schema());
        let links = (0..riders as u64).map(|n| (rider(n), self.handle(&Citizen::new(n))));
        self.take_in(node, groups, links.collect(), dir).await;
    }

    async fn take_in(
        &self,
        node: &Node,
        groups: Vec<SubjectPeriod>,
        links: Vec<(String, Handle)>,
        dir: &Path,
    ) {
        let bundle = self.world.bundle_by(&groups, links, dir);
        let report = self
            .world
            .ingest(node, &self.ledger.state(), groups, &bundle)
            .await;
        assert_eq!(report.untaken, []);
    }

    async fn run(&self, node: &Node) -> RunSummary {
        let patience = Patience::default();
        self.world
            .run(node, &self.ledger, &self.ledger.state(), patience)
            .await
            .unwrap()
    }

    fn withdraw(&self, consented: &Consented) {
        let state = self.ledger.state();
        let entry = self
            .world
            .federation
            .withdraw(&state, consented, &mut rng())
            .unwrap();
        self.ledger.append(&entry, self.ledger.time() + 1_000);
    }

    async fn counts(&self, node: &Node) -> TicketCounts {
        node.store().ticket_counts(&scale_id()).await.unwrap()
    }
}

fn waits(summary: &RunSummary) -> Vec<(Wait, u64)> {
    let counts = &summary.formed.waiting.counts;
    counts.iter().map(|(wait, count)| (*wait, *count)).collect()
}

fn code(fault: &SubmitFault) -> &str {
    match fault {
        SubmitFault::Refused { code, .. } => code,
        SubmitFault::Unavailable(reason) => panic!("{reason}"),
    }
}

/// The claim's keys are the person's own: the person reads the credits, the distributor's custody
/// seed opens nothing. Who gave no ticket waits, and is claimed for once there is one.
#[tokio::test(flavor = "multi_thread")]
async fn deeds_with_a_ticket_are_claimed_and_others_wait() {
    let scene = Scene::new(21, 4);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 4, 1, dir.path()).await;

    // Taken in and not deposited yet; then deposited, and the own copy is older than that.
    let (_, file) = scene.given(0, week(36));
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::Known);
    let summary = scene.run(&node).await;
    assert_eq!(
        waits(&summary),
        [(Wait::NoTicket, 3), (Wait::NotDeposited, 1)]
    );
    let old = scene.ledger.state();
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    let summary = scene
        .world
        .run(&node, &scene.ledger, &old, Patience::default())
        .await
        .unwrap();
    assert_eq!(waits(&summary), [(Wait::NoTicket, 3), (Wait::NotOpen, 1)]);
    assert_eq!(summary.proved.proofs, 0);

    let more = scene.hand_in(&node, &[1, 2], week(36)).await;
    let summary = scene.run(&node).await;
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.ingested),
        (3, 1)
    );
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    assert_eq!(summary.submitted.refused, []);

    // Each claim names its ticket and is bound to it; the person alone reads it.
    let claims: BTreeMap<[u8; 32], _> = scene
        .ledger
        .batches()
        .iter()
        .flat_map(|batch| batch.claims.clone())
        .map(|claim| (field::to_bytes(&claim.ticket.unwrap()), claim.public))
        .collect();
    assert_eq!(claims.len(), 3);
    let groups = read_groups(&csv(4, 1), scene.world.schema());
    let formula = scene.world.manifest.formula();
    for consented in &more {
        let public = claims[&field::to_bytes(&consented.deposit.nullifier)];
        assert_eq!(public.b, consented.deposit.b);
        let number = (0..4)
            .find(|n| Citizen::new(*n).commitment() == consented.citizen.commitment())
            .unwrap();
        let group = groups.iter().find(|group| group.subject == rider(number));
        let worth = formula.eval(&group.unwrap().records, &[16_272]).unwrap();
        let read = consented.binding().reveal(public.u, false).unwrap();
        assert_eq!(read.credits.0, worth.credits);
    }

    // The last one gives a ticket too, and once more.
    let again = scene.hand_in(&node, &[3], week(36)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 4);
    let counts = scene.counts(&node).await;
    assert_eq!((counts.claimed, counts.total()), (4, 4));
    let ticket = scene.ticket(&rider(3), &again[0]);
    let file = scene.seal(&ticket, &scene.world.federation.distributor);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::Known);
    assert_eq!(scene.run(&node).await.proved.proofs, 0);
}

/// Whatever is wrong with a ticket is said when it is handed in, and nothing of it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_ticket_is_said() {
    let scene = Scene::new(22, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let distributor = &scene.world.federation.distributor;
    let (consented, file) = scene.given(0, week(36));
    let good = scene.ticket(&rider(0), &consented);
    let one = Fr::from(1u64);
    let fault = async |change: &dyn Fn(&mut Ticket)| {
        let mut bad = good.clone();
        change(&mut bad);
        let file = scene.seal(&bad, distributor);
        scene.import(&node, &file).await.unwrap_err()
    };
    let found = fault(&|ticket| ticket.scale = "reading".into()).await;
    assert!(matches!(found, TicketFault::OtherScale { .. }), "{found}");
    let found = fault(&|ticket| ticket.terms[0] ^= 1).await;
    assert!(matches!(found, TicketFault::Terms(_)), "{found}");
    let found = fault(&|ticket| ticket.source = [8; 32]).await;
    assert!(matches!(found, TicketFault::Source(_)), "{found}");
    for change in [
        |ticket: &mut Ticket| ticket.b += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.key += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.h += Fr::from(1u64),
    ] {
        let found = fault(&change).await;
        assert!(matches!(found, TicketFault::Binding), "{found}");
    }
    let found = fault(&|ticket| ticket.expiry += 1).await;
    assert!(matches!(found, TicketFault::Refused(_)), "{found}");
    let found = fault(&|ticket| ticket.root += one).await;
    assert!(matches!(found, TicketFault::OldRoot), "{found}");
    let found = fault(&|ticket| ticket.proof[3] ^= 1).await;
    let broken = matches!(found, TicketFault::ProofFormat(_) | TicketFault::Proof(_));
    assert!(broken, "{found}");
    for change in [
        |ticket: &mut Ticket| ticket.salt[0] ^= 1,
        |ticket: &mut Ticket| ticket.nullifier += Fr::from(1u64),
        |ticket: &mut Ticket| ticket.period = week(37),
    ] {
        let found = fault(&change).await;
        assert!(matches!(found, TicketFault::Proof(_)), "{found}");
    }

    // Sealed to somebody else, or for somebody else.
    let mut other = file.clone();
    other.distributor = [9; 32];
    let found = scene.import(&node, &other).await.unwrap_err();
    let foreign = HandoverError::OtherParty {
        expected: distributor.id,
        found: merits_primitives::ids::PartyId([9; 32]),
    };
    assert_eq!(found.to_string(), foreign.to_string());
    let state = scene.ledger.state();
    let found = Importer::new(&node, &state, &[7; 32])
        .import(&file, state.time(), &mut rng())
        .await
        .unwrap_err();
    assert!(matches!(
        found,
        TicketFault::Handover(HandoverError::Sealed)
    ));

    // The root is of an hour ago.
    scene.register(&Citizen::new(7), 2 * 3_600_000);
    scene.register(&Citizen::new(8), 2 * 3_600_000);
    let found = scene.import(&node, &file).await.unwrap_err();
    assert!(matches!(found, TicketFault::OldRoot), "{found}");
    assert_eq!(scene.counts(&node).await, TicketCounts::default());
    assert_eq!(node.store().counts(&scale_id()).await.unwrap().subjects, 0);
}

/// The source linked one person to the account, another gave the ticket: nothing is claimed, and
/// both names of the matter are reported.
#[tokio::test(flavor = "multi_thread")]
async fn another_persons_ticket_claims_nothing() {
    let scene = Scene::new(23, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 1, dir.path()).await;
    scene.hand_in(&node, &[0], week(36)).await;
    let distributor = &scene.world.federation.distributor;
    let stranger = scene.consent(&Citizen::new(2), week(36), distributor);
    let file = scene.seal(&scene.ticket(&rider(1), &stranger), distributor);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    // A second person for the account does not push the first one out.
    let (_, own) = scene.given(1, week(36));
    assert_eq!(scene.import(&node, &own).await.unwrap(), Imported::Standing);
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    let summary = scene.run(&node).await;
    assert_eq!(summary.counts.acknowledged, 1);
    assert_eq!(waits(&summary), [(Wait::OtherPerson, 1)]);
    assert_eq!(summary.formed.waiting.other_person, [(rider(1), week(36))]);

    // The stranger's consent ends; the person's own ticket takes its place.
    scene.withdraw(&stranger);
    let summary = scene.run(&node).await;
    assert_eq!(summary.followed.erased.len(), 1);
    scene.collect(&node, 2, 1, dir.path()).await;
    assert_eq!(scene.import(&node, &own).await.unwrap(), Imported::New);
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    assert_eq!(scene.run(&node).await.counts.acknowledged, 2);
}

/// A withdrawal that the own copy does not show yet costs its claim only: the log's refusal sets
/// the ticket aside, and the others of the batch are claimed in the same run.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_under_way_costs_one_claim() {
    let scene = Scene::new(24, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 3, 1, dir.path()).await;

    // Withdrawn before it was deposited: known here, or known to the ledger only.
    let (early, file) = scene.given(2, week(36));
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    scene.withdraw(&early);
    let report = scene.deposit(&node).await;
    assert_eq!(code(&report.refused[0].1), "consent-withdrawn");
    let found = scene.import(&node, &file).await.unwrap_err();
    assert!(matches!(found, TicketFault::Withdrawn), "{found}");
    let refusals = node.store().ticket_refusals(&scale_id()).await.unwrap();
    assert!(refusals[0].1.contains("consent-withdrawn"), "{refusals:?}");

    let consents = scene.hand_in(&node, &[0, 1], week(36)).await;
    let old = scene.ledger.state();
    scene.withdraw(&consents[0]);
    let summary = scene
        .world
        .run(&node, &scene.ledger, &old, Patience::default())
        .await
        .unwrap();
    assert_eq!(summary.submitted.refused.len(), 1);
    assert_eq!(code(&summary.submitted.refused[0].1), "consent-withdrawn");
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (1, 0)
    );
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    let erased = |summary: &RunSummary| -> Vec<(Option<String>, u64)> {
        let erased = summary.followed.erased.iter();
        erased
            .map(|erased| (erased.subject.clone(), erased.records.dropped))
            .collect()
    };
    assert_eq!(erased(&summary), [(Some(rider(2)), 1)]);

    // Once the copy shows the other one too, it is followed, and only once.
    let summary = scene.run(&node).await;
    assert_eq!(erased(&summary), [(Some(rider(0)), 1)]);
    assert_eq!(summary.formed.waiting.total(), 0);
    assert_eq!(scene.run(&node).await.followed.erased, []);
    let counts = scene.counts(&node).await;
    assert_eq!((counts.withdrawn, counts.claimed), (2, 1));
}

/// PIPL 47: after a withdrawal records, salt, K and h of that period are gone from the files, and
/// what was proven still verifies. Other periods of the person, and other people, stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_takes_the_records_and_leaves_the_proof() {
    let scene = Scene::new(25, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 2, dir.path()).await;
    let consents = scene.hand_in(&node, &[0, 1], week(36)).await;
    scene.hand_in(&node, &[0], week(37)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 3);
    let before = sealed(dir.path()).await;

    scene.withdraw(&consents[0]);
    let summary = scene.run(&node).await;
    let [erased] = summary.followed.erased.as_slice() else {
        panic!("{:?}", summary.followed)
    };
    assert_eq!(
        (erased.subject.as_deref(), erased.period),
        (Some("rider-000"), week(36))
    );
    assert_eq!((erased.records.shredded, erased.records.dropped), (1, 0));

    // The other person's rows are as they were; this person's have another key.
    let after = sealed(dir.path()).await;
    let gone: Vec<&Vec<u8>> = before.difference(&after).collect();
    // Wrapped key, name, records and credits of two weeks, keys of two tickets.
    assert_eq!(gone.len(), 8);
    let mut disclosed = Vec::new();
    for (entry, receipt) in node.store().receipts(&scale_id()).await.unwrap() {
        let receipt = Receipt::parse(&receipt).unwrap();
        let log_key = scene.world.federation.signer().public().clone();
        let verified = receipt.verify(&log_key).unwrap();
        holds(&scene, verified.leaf().entry.clone());
        for claim in 0..2 {
            match disclose(
                &node,
                &scene.ledger.state(),
                scene.world.schema(),
                (entry, claim),
                Ground::Person,
            )
            .await
            {
                Ok(found) => disclosed.push((found.period, Handle(found.h))),
                Err(DiscloseError::Forgotten { .. }) => {
                    disclosed.push((week(10), Handle(Fr::from(0u64))))
                }
                Err(DiscloseError::Unknown { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    disclosed.sort_by_key(|(period, _)| *period);
    let expected = [
        (week(10), Handle(Fr::from(0u64))),
        (week(36), scene.handle(&Citizen::new(1))),
        (week(37), scene.handle(&Citizen::new(0))),
    ];
    assert_eq!(disclosed, expected);

    // The person has nothing else here once week 37 is taken back too: the account goes.
    let distributor = &scene.world.federation.distributor;
    scene.withdraw(&scene.consent(&Citizen::new(0), week(37), distributor));
    scene.run(&node).await;
    assert_eq!(node.store().counts(&scale_id()).await.unwrap().subjects, 1);

    // None of it is in any file, not in free pages and not in the log.
    node.store().close().await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for lost in &gone {
            let found = bytes.windows(lost.len()).any(|window| window == *lost);
            assert!(!found, "{} still holds what was sealed", path.display());
        }
    }
}

/// Everything sealed in the store.
async fn sealed(dir: &Path) -> BTreeSet<Vec<u8>> {
    use sqlx::Connection;
    let path = format!("sqlite://{}", dir.join("node.sqlite").display());
    let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
    let rows = sqlx::query_scalar(
        "SELECT wrapped_key FROM subject UNION ALL SELECT name FROM subject
         UNION ALL SELECT records FROM deed WHERE records IS NOT NULL
         UNION ALL SELECT credits FROM deed WHERE credits IS NOT NULL
         UNION ALL SELECT keys FROM ticket WHERE keys IS NOT NULL",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    rows.into_iter().collect()
}

/// A logged batch's signatures and proof hold.
fn holds(scene: &Scene, entry: merits_verifier::entry::SignedEntry) {
    let state = scene.ledger.state();
    let submission = Submission::from_signed(entry, state.origin()).unwrap();
    let job = state.job(&submission).unwrap().unwrap();
    state.authenticate(submission).unwrap();
    let key = KeyRing::new().get(&state, &job.key).unwrap();
    Verified::check(&key, job.statement, &job.proof).unwrap();
}

/// A reservation that is over claims nothing; another ticket of the person does.
#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_ticket_gives_way_to_a_new_one() {
    let scene = Scene::new(26, 1);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 1, 1, dir.path()).await;
    scene.hand_in(&node, &[0], week(36)).await;
    let old = scene.ledger.state();
    // By the clock it is over, though the ledger has not written since.
    let days = |days: u64| days * 86_400_000;
    let consents = Consents::of(&old, old.time() + days(15));
    let reader = TermsReader::new(old.clone(), scale_id(), node.party(), old.time()).unwrap();
    let formed = node
        .form_batches(
            &scene.world.pool,
            &|period| reader.at(period),
            &consents,
            &mut rng(),
            &|_: Event| {},
        )
        .await
        .unwrap();
    assert_eq!(formed.waiting.counts, BTreeMap::from([(Wait::Lapsed, 1)]));

    scene.register(&Citizen::new(9), days(15));
    let summary = scene.run(&node).await;
    assert_eq!(summary.followed.lapsed, 1);
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    assert_eq!(scene.counts(&node).await.lapsed, 1);
    // The person proves it anew, under the group as it is now.
    scene.hand_in(&node, &[0], week(36)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 1);
}

/// Two distributors and one period: the second gets its turn when the person leaves the first.
#[tokio::test(flavor = "multi_thread")]
async fn one_distributor_at_a_time() {
    let scene = Scene::new(27, 1);
    let federation = &scene.world.federation;
    let second = Member::new(&federation.origin, "second", &[Role::Distributor], 40);
    let admitted = Entry::PartyAdmitted(second.application(&federation.origin));
    let admitted = federation.sign(&admitted, &federation.supervisor);
    let terms = Entry::TermsPublished(federation.terms_of(&second));
    for entry in [admitted, federation.sign(&terms, &second)] {
        scene.ledger.append(&entry, scene.ledger.time() + 1_000);
    }
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = scene.world.node(dirs[0].path(), 5).await;
    let other = scene.world.node_of(&second, dirs[1].path(), 6).await;
    scene.collect(&one, 1, 1, dirs[0].path()).await;
    scene.collect(&other, 1, 1, dirs[1].path()).await;

    let first = scene.hand_in(&one, &[0], week(36)).await;
    let consented = scene.consent(&Citizen::new(0), week(36), &second);
    let file = scene.seal(&scene.ticket(&rider(0), &consented), &second);
    assert_eq!(scene.import(&other, &file).await.unwrap(), Imported::New);
    let report = scene.deposit(&other).await;
    assert_eq!(code(&report.refused[0].1), "ticket-reserved");
    assert_eq!(waits(&scene.run(&other).await), [(Wait::NoTicket, 1)]);

    scene.withdraw(&first[0]);
    assert_eq!(scene.import(&other, &file).await.unwrap(), Imported::Again);
    assert_eq!(scene.deposit(&other).await.deposited, 1);
    assert_eq!(scene.run(&other).await.counts.acknowledged, 1);
    let summary = scene.run(&one).await;
    assert_eq!(summary.followed.erased.len(), 1);
    assert_eq!(summary.counts.acknowledged, 0);

    // Nobody claims for the period again, with whatever ticket.
    let found = scene.import(&one, &scene.given(0, week(36)).1).await;
    assert!(matches!(found, Err(TicketFault::Withdrawn)));
}

/// A source that cannot link people gets what their tickets say.
#[tokio::test(flavor = "multi_thread")]
async fn links_come_from_tickets() {
    let scene = Scene::new(28, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.hand_in(&node, &[0, 1], week(36)).await;
    scene.hand_in(&node, &[0], week(37)).await;
    let source = scene.world.federation.source.id;
    let mut handles = node
        .store()
        .ticket_handles(&scale_id(), &source)
        .await
        .unwrap();
    handles.sort_by(|a, b| a.0.cmp(&b.0));
    let own = |number| (rider(number), scene.handle(&Citizen::new(number)));
    assert_eq!(handles, [own(0), own(0), own(1)]);
    // An account that is forgotten has none; nor does another source.
    node.store().forget("rider-001").await.unwrap().unwrap();
    let nobody = merits_primitives::ids::PartyId([3; 32]);
    let store = node.store();
    let handles = store.ticket_handles(&scale_id(), &source).await.unwrap();
    assert_eq!(handles, [own(0), own(0)]);
    let handles = store.ticket_handles(&scale_id(), &nobody).await.unwrap();
    assert_eq!(handles, []);
}

/// Terms are published once, and only if they say what is so.
#[tokio::test(flavor = "multi_thread")]
async fn terms_are_true_and_published_once() {
    let scene = Scene::new(29, 0);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let manifest = &scene.world.manifest;
    let state = scene.ledger.state();
    let text = TermsDocument::template(&node.party(), "distributor", manifest);
    let published = node
        .publish_terms(&text, manifest, &state, &scene.ledger)
        .await
        .unwrap();
    let Published::Now(entry) = published else {
        panic!("{published:?}")
    };
    let state = scene.ledger.state();
    let again = node
        .publish_terms(&text, manifest, &state, &scene.ledger)
        .await
        .unwrap();
    assert_eq!(again, Published::Before(entry));
    let document = TermsDocument::parse(&text).unwrap();
    let terms = state.tickets().terms(&document.digest()).unwrap();
    assert_eq!((terms.distributor, terms.entry), (node.party(), entry));
    let renamed = text.replace("\"distributor\"", "\"somebody\"");
    let error = node
        .publish_terms(&renamed, manifest, &state, &scene.ledger)
        .await
        .unwrap_err();
    assert!(matches!(error, PublishError::Document(_)), "{error}");
    assert_ne!(entry, EntryId([0; 32]));
}

/// A store from before tickets is told apart, with what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_tickets_is_refused() {
    use sqlx::Connection;
    let scene = Scene::new(30, 0);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    node.store().close().await;
    let path = dir.path().join("node.sqlite");
    let address = format!("sqlite://{}", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("UPDATE node SET version = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let master = merits_distributor::sealing::MasterKey::new(Zeroizing::new([5; 32]));
    let federation = &scene.world.federation;
    let opened = Store::open(&path, &federation.origin, &node.party(), master).await;
    assert!(matches!(opened, Err(StoreError::BeforeTickets)));
}
