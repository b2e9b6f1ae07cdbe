//! A ledger with people, and how they come to give tickets.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a failure to set up is a failure"
)]

use std::path::Path;
use std::time::Duration;

use merits_distributor::{
    consents::Wait,
    depositing::{DepositReport, deposit_tickets},
    node::Node,
    outbox::{PATIENCE, SubmitFault},
    store::{Imported, TicketCounts},
    summary::RunSummary,
    tickets::{Importer, TicketFault},
};
use merits_ledger_fixture::{Citizen, Consented, Member};
use merits_primitives::{calendar::Day, ids::Period, owner::Handle};
use merits_records::{
    SubjectPeriod,
    handover::{Ticket, TicketFile},
};
use merits_sealing::SealingKey;
use merits_verifier::Reason;
use rand::{SeedableRng, rngs::StdRng};

use crate::federation::{MemoryLedger, World, csv, people::rider, read_groups, scale_id};

/// A ledger with registered people: rider-000 is citizen 0, and so on.
pub struct Scene {
    pub world: World,
    pub ledger: MemoryLedger,
    /// The distributors' sealing key.
    pub secret: [u8; 32],
    public: [u8; 32],
}

pub fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}

impl Scene {
    pub fn new(seed: u64, people: u64) -> Self {
        let world = World::with_tickets(seed);
        let ledger = MemoryLedger::founded(&world);
        let sealing = SealingKey::generate(&mut rand::rng());
        let scene = Self {
            world,
            ledger,
            secret: *sealing.to_bytes(),
            public: sealing.public(),
        };
        for number in 0..people {
            scene.register(&Citizen::new(number), Duration::from_secs(1));
        }
        scene
    }

    /// Registers a citizen, so much later.
    pub fn register(&self, citizen: &Citizen, later: Duration) {
        let federation = &self.world.federation;
        let entries = federation.register(&self.ledger.state(), citizen, Day::FIRST);
        for entry in entries {
            self.ledger.append(&entry, self.ledger.time() + later);
        }
    }

    pub fn handle(&self, citizen: &Citizen) -> Handle {
        self.world.handle(citizen)
    }

    pub fn consent(&self, citizen: &Citizen, period: Period, distributor: &Member) -> Consented {
        let state = self.ledger.state();
        self.world.consent(&state, citizen, period, distributor)
    }

    pub fn ticket(&self, account: &str, consented: &Consented) -> Ticket {
        self.world.ticket(&self.ledger.state(), account, consented)
    }

    pub fn seal(&self, ticket: &Ticket, distributor: &Member) -> TicketFile {
        self.world.seal(ticket, distributor, &self.public)
    }

    /// Citizen `number` gives a ticket for their account.
    pub fn given(&self, number: u64, period: Period) -> (Consented, TicketFile) {
        let distributor = &self.world.federation.distributor;
        let consented = self.consent(&Citizen::new(number), period, distributor);
        let ticket = self.ticket(&rider(number), &consented);
        (consented, self.seal(&ticket, distributor))
    }

    pub async fn import(&self, node: &Node, file: &TicketFile) -> Result<Imported, TicketFault> {
        let state = self.ledger.state();
        Importer::new(node, &state, &self.secret)
            .import(file, state.time(), &mut rng())
            .await
    }

    pub async fn deposit(&self, node: &Node) -> DepositReport {
        deposit_tickets(node, &self.ledger, PATIENCE).await.unwrap()
    }

    /// Tickets of citizens for their accounts, imported and deposited.
    pub async fn hand_in(&self, node: &Node, people: &[u64], period: Period) -> Vec<Consented> {
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

    /// Records of this many riders, signed by the source under the links of their people, in the
    /// node's store.
    pub async fn collect(&self, node: &Node, riders: usize, weeks: u32, dir: &Path) {
        let groups = read_groups(&csv(riders, weeks), self.world.schema());
        let links = (0..riders as u64).map(|n| (rider(n), self.handle(&Citizen::new(n))));
        self.take_in(node, groups, links.collect(), dir).await;
    }

    pub async fn take_in(
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

    pub async fn run(&self, node: &Node) -> RunSummary {
        let patience = PATIENCE;
        self.world
            .run(node, &self.ledger, &self.ledger.state(), patience)
            .await
            .unwrap()
    }

    pub fn withdraw(&self, consented: &Consented) {
        let state = self.ledger.state();
        let entry = self
            .world
            .federation
            .withdraw(&state, consented, &mut rng())
            .unwrap();
        self.ledger
            .append(&entry, self.ledger.time() + Duration::from_secs(1));
    }

    pub async fn counts(&self, node: &Node) -> TicketCounts {
        node.store().ticket_counts(&scale_id()).await.unwrap()
    }
}

pub fn waits(summary: &RunSummary) -> Vec<(Wait, u64)> {
    let counts = &summary.formed.waiting.counts;
    counts.iter().map(|(wait, count)| (*wait, *count)).collect()
}

pub fn code(fault: &SubmitFault) -> Option<Reason> {
    match fault {
        SubmitFault::Refused { code, .. } => code.known(),
        SubmitFault::Unavailable(reason) => panic!("{reason}"),
    }
}
