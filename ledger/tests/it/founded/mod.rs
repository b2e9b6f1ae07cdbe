//! A founded ledger for the tests: the fixture's federation, set up through the real path.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::time::Duration;

use merits_ledger::entry::{EarnBatch, Entry};
use merits_ledger::{Appended, MemoryStore, Refusal, Sequencer, State, SubmitError};
use merits_ledger_fixture::{Federation, Member, START};
use merits_primitives::{calendar::Timestamp, figures::Figures, ids::Quantity};
use merits_verifier::codec::Canonical;
use merits_verifier::entry::SignedEntry;
use rand::{SeedableRng, rngs::StdRng};

pub struct Founded {
    pub federation: Federation,
    pub ledger: Sequencer<MemoryStore>,
    pub rng: StdRng,
    pub time: Timestamp,
}

impl Founded {
    /// An empty ledger.
    pub fn empty() -> Self {
        let mut rng = StdRng::seed_from_u64(42);
        let federation = Federation::generate(&mut rng).expect("a good name");
        Self::empty_for(federation, rng)
    }

    /// A founded ledger whose scale has these figures and, with W_max, a measure.
    pub fn with_scale(figures: Figures, max_measure: Option<Quantity>) -> Self {
        let mut rng = StdRng::seed_from_u64(43);
        let federation =
            Federation::with_scale(figures, max_measure, &mut rng).expect("a good name");
        Self::empty_for(federation, rng).found()
    }

    pub fn empty_for(federation: Federation, rng: StdRng) -> Self {
        let state = State::new(federation.policy());
        let ledger = Sequencer::new(state, MemoryStore::new(), federation.signer());
        Self {
            federation,
            ledger,
            rng,
            time: START,
        }
    }

    /// With parties, view keys and an approved scale.
    pub fn new() -> Self {
        Self::empty().found()
    }

    pub fn found(mut self) -> Self {
        for entry in self.federation.founding_entries(&mut self.rng) {
            self.submit(&entry)
                .expect("the founding entries are accepted");
        }
        self
    }

    /// Submits, a second after the entry before.
    pub fn submit(&mut self, entry: &SignedEntry) -> Result<Appended, Refusal> {
        self.time += Duration::from_secs(1);
        self.submit_at(entry, self.time)
    }

    pub fn submit_at(&mut self, entry: &SignedEntry, time: Timestamp) -> Result<Appended, Refusal> {
        self.ledger
            .submit(&entry.to_bytes(), time)
            .map_err(|error| match error {
                SubmitError::Refused(refusal) => refusal,
                other => panic!("not a refusal: {other}"),
            })
    }

    /// Submits a member's entry.
    pub fn act(&mut self, member: &Member, entry: &Entry) -> Result<Appended, Refusal> {
        let signed = self.federation.sign(entry, member);
        self.submit(&signed)
    }

    /// Submits as the supervisor.
    pub fn supervise(&mut self, entry: &Entry) -> Result<Appended, Refusal> {
        let supervisor = self.federation.supervisor.clone();
        self.act(&supervisor, entry)
    }

    /// Cuts an interval of the fixture's batches.
    pub fn cut(&mut self, number: u32) -> Appended {
        let cut = self.federation.cut(number);
        self.supervise(&cut).expect("cut")
    }

    /// A batch of fresh claims, proven for what the state has.
    pub fn earn(&mut self, claims: usize) -> SignedEntry {
        self.federation
            .earn(self.ledger.state(), claims, &mut self.rng)
            .expect("the fixture's scale is in force")
    }

    /// A fresh batch, changed, and proven for what the state then requires. If the state refuses
    /// the batch, it gets an arbitrary proof.
    pub fn changed_batch(
        &mut self,
        claims: usize,
        change: impl FnOnce(&Federation, &mut EarnBatch),
    ) -> SignedEntry {
        let mut batch = self.federation.batch(claims, &mut self.rng);
        change(&self.federation, &mut batch);
        let proof = self
            .federation
            .prove(self.ledger.state(), &batch, &mut self.rng)
            .unwrap_or_else(|_| {
                self.federation
                    .trapdoor
                    .prove(&[], &mut self.rng)
                    .expect("a proof")
            });
        self.federation.sign_batch(&batch, &proof)
    }

    /// Submits, expects a refusal with this code and field, and that nothing changed.
    pub fn refused(&mut self, entry: &SignedEntry, code: &str, field: &str) {
        self.time += Duration::from_secs(1);
        self.refused_at(entry, self.time, code, field);
    }

    pub fn refused_at(&mut self, entry: &SignedEntry, time: Timestamp, code: &str, field: &str) {
        let before = (
            self.ledger.state().digest().expect("rows in memory"),
            self.ledger.store().leaves().len(),
        );
        let refusal = self.submit_at(entry, time).expect_err("it must be refused");
        assert_eq!(
            (
                refusal.code().as_str(),
                refusal.field().to_string().as_str()
            ),
            (code, field),
            "{refusal}"
        );
        let after = (
            self.ledger.state().digest().expect("rows in memory"),
            self.ledger.store().leaves().len(),
        );
        assert_eq!(before, after, "a refusal changes nothing");
    }
}
