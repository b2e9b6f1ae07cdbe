//! Leaves as a ledger has them, without a ledger: indicators read copies that were verified before.

use std::time::Duration;

use merits_indicators::{Finding, Indicators, RuleFile};
use merits_ledger::entry::{
    EmergencySuspended, Entry, EvaluationCounted, OpeningContent, OpeningRequested,
    OpeningRevealed, TermsPublished,
};
use merits_ledger_fixture::{Federation, Member, START};
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::entry::Leaf;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The rules that are shipped.
pub(crate) const DEFAULT: &str = merits_indicators::DEFAULT_RULES;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct History {
    pub(crate) federation: Federation,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) time: Timestamp,
    rng: StdRng,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let federation = Federation::generate(&mut rng).expect("a good name");
        Self {
            federation,
            leaves: Vec::new(),
            time: START,
            rng,
        }
    }

    pub(crate) fn push(&mut self, entry: &Entry, member: &Member) -> EntryId {
        let origin = &self.federation.origin;
        let signed = entry.sign(origin, member.id, None, &member.key);
        let id = signed.id();
        self.leaves.push(Leaf {
            time: self.time,
            state: None,
            entry: signed,
        });
        id
    }

    /// A batch of so many claims.
    pub(crate) fn earn(&mut self, claims: usize) {
        let batch = self.federation.batch(claims, &mut self.rng);
        let distributor = self.federation.distributor.clone();
        self.push(&Entry::EarnBatch(batch), &distributor);
    }

    /// A request to open a claim, until a deadline.
    pub(crate) fn request(&mut self, deadline: Timestamp) -> (EntryId, OpeningContent) {
        let content = OpeningContent {
            entry: EntryId([4; 32]),
            claim: 0,
            basis: "court order 12/26".to_owned(),
            nonce: self.rng.random(),
        };
        let requested = Entry::OpeningRequested(OpeningRequested {
            commitment: content.commitment(&self.federation.origin),
            scale: self.federation.scale_id(),
            deadline,
        });
        let supervisor = self.federation.supervisor.clone();
        (self.push(&requested, &supervisor), content)
    }

    /// Reveals what a request asked for.
    pub(crate) fn reveal(&mut self, (request, content): (EntryId, OpeningContent)) {
        let revealed = Entry::OpeningRevealed(OpeningRevealed { request, content });
        let supervisor = self.federation.supervisor.clone();
        self.push(&revealed, &supervisor);
    }

    /// A history of entries of many kinds and times, with pauses of up to 40 days.
    pub(crate) fn random(seed: u64, entries: usize) -> Self {
        let mut history = Self::new(seed);
        let mut asked = Vec::new();
        for number in 0..entries {
            let pause = match history.rng.random_range(0..20) {
                0 => DAY * history.rng.random_range(1..40),
                _ => Duration::from_secs(history.rng.random_range(0..20_000)),
            };
            history.time += pause;
            let federation = history.federation.clone();
            match history.rng.random_range(0..7) {
                0 => {
                    let deadline = history.time + DAY;
                    let request = history.request(deadline);
                    asked.push(request);
                }
                1 => {
                    if let Some(request) = asked.pop() {
                        history.reveal(request);
                    }
                }
                2 => {
                    let suspended = Entry::EmergencySuspended(EmergencySuspended {
                        party: federation.source.id,
                        number: 1,
                        basis: "test".to_owned(),
                    });
                    history.push(&suspended, &federation.supervisor);
                }
                3 => {
                    let counted = Entry::EvaluationCounted(EvaluationCounted {
                        registrar: federation.registrar.id,
                        number: number as u64,
                        request: history.rng.random(),
                    });
                    history.push(&counted, &federation.evaluator);
                }
                4 => {
                    let terms = Entry::TermsPublished(TermsPublished {
                        scale: federation.scale_id(),
                        text: format!("Terms {number}"),
                    });
                    history.push(&terms, &federation.distributor);
                }
                _ => {
                    let claims = history.rng.random_range(1..4);
                    history.earn(claims);
                }
            }
        }
        history
    }

    pub(crate) fn indicators(&self, rules: &str) -> Indicators {
        let rules = RuleFile::read(rules).expect("good rules");
        Indicators::new(rules, self.federation.origin.as_str())
    }

    /// Observes all that is new.
    pub(crate) fn observe(&self, indicators: &mut Indicators) -> Vec<Finding> {
        let mut findings = Vec::new();
        let from = usize::try_from(indicators.next()).expect("few leaves");
        for leaf in &self.leaves[from..] {
            let index = indicators.next();
            findings.extend(indicators.observe(index, leaf).expect("a good leaf"));
        }
        findings
    }
}
