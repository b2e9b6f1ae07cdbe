//! A whole federation over the ledger's memory store: real entries, real rules, real
//! signatures; proofs are made from a known trapdoor, so that no prover is needed here.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use merits_formula::{
    Declarations, Field, FieldKind, Measure, NamedConstant, Record, Schema, Typed,
};
use merits_ledger::{
    AnchorInterval, BoardFacts, CutTimes, LedgerPolicy, MemoryStore, Role, Roles, Sequencer, State,
    entry::{
        Act, EarnBatch, Entry, PartyAdmitted, ProposalTerms, PublishedKey, ScaleApproved,
        ScaleProposed, SignedClaim,
    },
};
use merits_primitives::{
    calendar::{ExpiryRule, Timestamp},
    commitment::{Opening, RecordSalt},
    context::earn_context,
    earned::Earned,
    field,
    figures::{Figure, Figures, PublicNumber},
    identity::Secret,
    ids::{
        AssetId, Credits, EntryId, Epoch, Origin, Output, PartyId, Period, PeriodIndex, PeriodKind,
        Quantity, ScaleId, ScaleVersion, sha256,
    },
    jubjub::Point,
    message::{Consent, claim_message},
    note::note_commitment,
    owner::{bind, earned_key, handle},
    scope::{claim_scope, source_scope},
    sum::Sum,
    view_encryption::{Exponent, encrypt, encrypt_total},
};
use merits_records::disclosure::{DISCLOSURE, Disclosure};
use merits_sealing::SealingKey;
use merits_supervisor::{
    acts::{EntrySigner, founding_application},
    holder::Holder,
    journal::Journal,
    ledger_view::StateView,
    side::Side,
    totals::{Next, TotalSet},
    view_key::ViewKeyShare,
};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::{
    Statement as _,
    codec::Canonical as _,
    entry::SignedEntry,
    groth16::{KeyPolicy, Provenance},
    log::{LogKey, LogSigner},
    possession::TotalsKey,
    statement::earn::{ClaimPublic, EarnStatement, Layout, MeasureTotal, commitment_signing_bytes},
};

pub(crate) const SEED: [u8; 32] = [3; 32];
pub(crate) const TERMS: [u8; 32] = [4; 32];
pub(crate) const ASSET: AssetId = AssetId(1);
pub(crate) const EPOCH: Epoch = Epoch(1);
pub(crate) const WEEK: Period = Period {
    kind: PeriodKind::Week,
    index: PeriodIndex(2331),
};
/// Well after that week of 2014.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// 162.72 g/km and 20 km a day.
pub(crate) const CONSTANTS: [PublicNumber; 2] = [PublicNumber(16_272), PublicNumber(20_000)];
const CAPACITY: u16 = 4;

const FORMULA: &str = r#"
    math.floor(
      trips
        .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
        .groups(t, day(t.start))
        .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
        .sum().to("km")
      * factor)
"#;

/// Everybody, and the ledger between them.
pub(crate) struct Federation {
    pub(crate) ledger: Sequencer<MemoryStore>,
    pub(crate) log: LogKey,
    pub(crate) log_signer: LogSigner,
    pub(crate) supervisor: EntrySigner,
    pub(crate) sealing: SealingKey,
    pub(crate) holders: Vec<Holder>,
    pub(crate) formula: Typed,
    pub(crate) trapdoor: TrapdoorKey,
    pub(crate) source: PartyId,
    pub(crate) distributor: PartyId,
    /// Journals lie here; kept so that they outlive the holders.
    _dir: tempfile::TempDir,
}

pub(crate) fn origin() -> Origin {
    Origin::new("ledger.test/merits").unwrap()
}

pub(crate) fn scale() -> ScaleId {
    ScaleId::new("cycling-week").unwrap()
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

const SUPERVISOR: u8 = 1;
const WITNESS: u8 = 2;
const ISSUER: u8 = 3;
const SOURCE: u8 = 4;
const DISTRIBUTOR: u8 = 5;

impl Federation {
    /// Founded, everybody admitted, epoch 1 open, the scale approved.
    pub(crate) fn new() -> Self {
        Self::with(formula(None))
    }

    /// The same for a scale that measures the seconds of the trips beside.
    pub(crate) fn measured() -> Self {
        let cel = "trips.map(t, t.duration).sum()".to_owned();
        let unit = "s".to_owned();
        Self::with(formula(Some(Measure { unit, cel })))
    }

    fn with(formula: Typed) -> Self {
        let rng = &mut rand::rng();
        let dir = tempfile::tempdir().unwrap();
        let sealing = SealingKey::generate(rng);
        let own = founding_application(&origin(), "supervisor", &key(SUPERVISOR), sealing.public());
        let supervisor = EntrySigner::new(origin(), own.party(&origin()), key(SUPERVISOR));
        let policy = LedgerPolicy {
            origin: origin(),
            authority: supervisor.party(),
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 4,
            tickets: false,
            anchor_interval: AnchorInterval::SECOND,
            board: BoardFacts::alone().cutting(CutTimes::AT_ONCE),
        };
        let log_signer = LogSigner::new(origin(), key(9));
        let log = log_signer.public().clone();
        let ledger = Sequencer::new(State::new(policy), MemoryStore::new(), log_signer);
        let witness = apply("witness", Role::Witness, WITNESS);
        let shares = [
            (supervisor.party(), Side::Supervisor),
            (witness.party(&origin()), Side::Witness),
        ];
        let holders = shares.map(|(party, side)| {
            let share = ViewKeyShare::generate(origin(), EPOCH, side, &mut rand::rng());
            let path = dir.path().join(format!("{side}.jsonl"));
            (party, share, Journal::open(&path).unwrap())
        });
        let halves: Vec<_> = holders
            .iter()
            .map(|(party, share, _)| share.public(party, &mut rand::rng()))
            .collect();
        let layout = Layout {
            constants: CONSTANTS.len(),
            measured: formula.max_measure().is_some(),
            capacity: usize::from(CAPACITY),
        };
        let mut federation = Self {
            ledger,
            log,
            log_signer: LogSigner::new(origin(), key(9)),
            sealing,
            holders: holders
                .into_iter()
                .map(|(party, share, journal)| Holder::new(party, vec![share], journal))
                .collect(),
            formula,
            trapdoor: TrapdoorKey::generate(layout.input_count(), rng),
            source: apply("source", Role::Source, SOURCE).party(&origin()),
            distributor: apply("distributor", Role::Distributor, DISTRIBUTOR).party(&origin()),
            supervisor,
            _dir: dir,
        };
        federation.found(&witness);
        let [sup, wit] = [halves[0].clone(), halves[1].clone()];
        let epoch = federation
            .supervisor
            .open_epoch(EPOCH, NOW, NOW, sup, wit, ProposalTerms::AT_ONCE)
            .unwrap();
        federation.submit(&epoch);
        federation.approve_scale();
        federation
    }

    fn found(&mut self, witness: &PartyAdmitted) {
        let sealing = self.sealing.public();
        let own = founding_application(&origin(), "supervisor", &key(SUPERVISOR), sealing);
        let own = self.supervisor.join(own);
        self.submit(&own);
        let applications = [
            witness.clone(),
            apply("issuer", Role::Issuer, ISSUER),
            apply("source", Role::Source, SOURCE),
            apply("distributor", Role::Distributor, DISTRIBUTOR),
        ];
        for application in applications {
            let entry = self
                .supervisor
                .admit(application, ProposalTerms::AT_ONCE)
                .unwrap();
            self.submit(&entry);
        }
    }

    fn approve_scale(&mut self) {
        let constants = [("factor", 2, 50_000), ("daily_cap", 0, 50_000)];
        let proposed = ScaleProposed {
            id: scale(),
            version: ScaleVersion(1),
            asset: ASSET,
            period_kind: PeriodKind::Week,
            manifest: FORMULA.to_owned(),
            shape: [1; 32],
            key: PublishedKey::Here(self.trapdoor.key.clone()),
            provenance: Provenance::InsecureDev,
            figures: Figures {
                figures: constants
                    .into_iter()
                    .zip(CONSTANTS)
                    .map(|((name, exponent, high), value)| Figure {
                        name: name.to_owned(),
                        exponent,
                        low: 0,
                        high,
                        schedule: None,
                        values: vec![value.0],
                    })
                    .collect(),
                schedules: Vec::new(),
            },
            schema: self.formula.schema().id(),
            schema_text: self.formula.schema().canonical(),
            capacity: CAPACITY,
            max_credits: Credits(self.formula.max_value()),
            max_measure: self.formula.max_measure().map(Quantity),
            expiry: ExpiryRule::new(24, 6).unwrap(),
            valid_from: PeriodIndex(0),
            valid_to: None,
            supply_cap: None,
            per_source: false,
            vouched: false,
        };
        let issuer = apply("issuer", Role::Issuer, ISSUER).party(&origin());
        let proposal = Entry::ScaleProposed(proposed).sign(&origin(), issuer, None, &key(ISSUER));
        let id = self.submit(&proposal);
        let approved = Act::ScaleApproved(ScaleApproved {
            id: scale(),
            version: ScaleVersion(1),
            proposal: id,
        });
        let approval = self.supervisor.propose(approved, ProposalTerms::AT_ONCE);
        self.submit(&approval);
    }

    pub(crate) fn submit(&mut self, entry: &SignedEntry) -> EntryId {
        self.submit_at(entry, NOW).unwrap()
    }

    /// The entry's id, or the refusal's code.
    pub(crate) fn submit_at(
        &mut self,
        entry: &SignedEntry,
        time: Timestamp,
    ) -> Result<EntryId, &'static str> {
        match self.ledger.submit(&entry.to_bytes(), time) {
            Ok(appended) => Ok(appended.id),
            Err(merits_ledger::SubmitError::Refused(refusal)) => Err(refusal.code().as_str()),
            Err(other) => panic!("not a refusal: {other}"),
        }
    }

    /// The set of an interval, which is cut now if it was not.
    pub(crate) fn set(&mut self, key: TotalsKey, number: u32) -> TotalSet {
        let next = TotalSet::next(&self.view(), key).expect("not opened");
        if next == Next::Cut(number) {
            let cut = self.supervisor.cut_totals(key, number);
            let time = self.state().time().max(NOW);
            self.submit_at(&cut, time).expect("cut");
        }
        TotalSet::check(&self.view(), key, number).expect("a cut")
    }

    pub(crate) fn state(&self) -> &State {
        self.ledger.state()
    }

    pub(crate) fn entry(&self, id: &EntryId) -> Option<SignedEntry> {
        let index = merits_ledger::Store::find(self.ledger.store(), id).unwrap()?;
        Some(self.ledger.leaf(index).unwrap().entry)
    }

    pub(crate) fn view(&self) -> StateView<'_> {
        StateView::new(self.state(), |id| Ok(self.entry(id)))
    }

    /// What the source committed to and the distributor keeps, for one account.
    pub(crate) fn disclosure(&self, entry: EntryId, claim: u16, account: &str) -> Disclosure {
        let secret = Secret::from_seed(&SEED, account);
        let schema = self.formula.schema();
        Disclosure {
            merits: DISCLOSURE.to_owned(),
            origin: origin().to_string(),
            entry: entry.0,
            claim,
            schema: schema.id(),
            period: WEEK,
            h: handle(&secret, source_scope(&self.source)),
            salt: salt(account),
            fields: schema
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect(),
            records: trips(account).into_iter().map(|record| record.0).collect(),
        }
    }

    /// A distributor's batch for these accounts, signed and proven.
    pub(crate) fn batch(&self, accounts: &[&str]) -> SignedEntry {
        self.batch_under(EPOCH, accounts)
    }

    /// The same under the keys of any epoch.
    pub(crate) fn batch_under(&self, epoch: Epoch, accounts: &[&str]) -> SignedEntry {
        let keys = self.state().epochs().get(epoch).unwrap();
        let (a, at) = (keys.view_key, keys.totals_key);
        let terms = self
            .state()
            .earn_terms(&scale(), ScaleVersion(1), WEEK)
            .unwrap();
        let mut plain = Vec::new();
        let claims: Vec<SignedClaim> = accounts
            .iter()
            .map(|account| {
                let (public, earned) = self.claim(account, &terms, &a);
                plain.push((public.c, earned));
                let message =
                    commitment_signing_bytes(&origin(), &self.source, terms.schema, WEEK, public.c);
                let source_signature = merits_verifier::signature::sign(&key(SOURCE), &message);
                SignedClaim {
                    public,
                    source_signature,
                    ticket: None,
                }
            })
            .collect();
        let total = |output, of: &dyn Fn(&Earned) -> Sum| {
            let exponent = Exponent::derive_batch(&[7; 32], &at, &plain, output);
            let sum = plain.iter().map(|(_, earned)| of(earned)).collect();
            let total = encrypt_total(&exponent, &at, sum);
            [total.t1, total.t2].map(|point| Point::from_affine(point).unwrap())
        };
        let [t1, t2] = total(Output::Credits, &|earned| earned.credits.into());
        let measure = self.formula.max_measure().map(|_| {
            let [m1, m2] = total(Output::Measure, &|earned| earned.measure.unwrap().into());
            MeasureTotal { m1, m2 }
        });
        let batch = EarnBatch {
            scale: scale(),
            version: ScaleVersion(1),
            epoch,
            period: WEEK,
            source: self.source,
            terms,
            t1,
            t2,
            measure,
            claims,
        };
        let statement = EarnStatement {
            asset: ASSET,
            expiry: batch.terms.expiry,
            schema: batch.terms.schema,
            period: WEEK,
            context: earn_context(&origin(), &self.distributor, &scale(), ScaleVersion(1)),
            a,
            at,
            t1: batch.t1,
            t2: batch.t2,
            constants: CONSTANTS.to_vec(),
            measure: batch.measure,
            claims: batch.claims.iter().map(|claim| claim.public).collect(),
            capacity: usize::from(CAPACITY),
        };
        let proof = self
            .trapdoor
            .prove(&statement.public_inputs(), &mut rand::rng())
            .unwrap();
        Entry::EarnBatch(batch).sign(
            &origin(),
            self.distributor,
            Some((&proof).into()),
            &key(DISTRIBUTOR),
        )
    }

    fn claim(
        &self,
        account: &str,
        terms: &merits_ledger::entry::EarnTerms,
        view_key: &Point,
    ) -> (ClaimPublic, Earned) {
        let secret = Secret::from_seed(&SEED, account);
        let records = trips(account);
        let outputs = self.formula.eval(&records, &CONSTANTS).unwrap();
        let earned = Earned {
            credits: Credits(outputs.credits),
            measure: outputs.measure.map(Quantity),
        };
        let h = handle(&secret, source_scope(&self.source));
        let c = Opening {
            schema: terms.schema,
            period: WEEK,
            count: records.len() as u16,
            handle: h,
            salt: salt(account),
            packed: &self.formula.schema().pack(&records),
        }
        .commitment();
        let f1 = claim_scope(ASSET, WEEK, None);
        let consent = Consent {
            origin: &origin(),
            distributor: &self.distributor,
            terms: &TERMS,
            scale: &scale(),
            version: ScaleVersion(1),
            manifest: &sha256(FORMULA.as_bytes()),
            expiry: terms.expiry,
        };
        let k = earned_key(&secret, f1, claim_message(&consent, &secret, f1));
        let binding = bind(&k, &h);
        let exponent = Exponent::derive(&[7; 32], c, earned, view_key);
        let sealed = encrypt(&exponent, view_key, c, earned, &h);
        let public = ClaimPublic {
            c,
            b: binding.b,
            cm: note_commitment(earned.credits, terms.expiry, ASSET, &k),
            u: binding.hide(earned),
            ey: sealed.ey,
            cv: sealed.cv,
            ch: sealed.ch,
        };
        (public, earned)
    }
}

pub(crate) fn apply(name: &str, role: Role, number: u8) -> PartyAdmitted {
    let sealing = SealingKey::generate(&mut rand::rng()).public();
    PartyAdmitted::apply(&origin(), name, Roles::new(&[role]), &key(number), sealing)
}

/// Trips of an account: as many as its name has letters, each a kilometre longer.
pub(crate) fn trips(account: &str) -> Vec<Record> {
    (0..account.len() as u64)
        .map(|i| Record(vec![1440 * (i % 7) + 480 + i, 900, 1000 * (i + 1)]))
        .collect()
}

fn salt(account: &str) -> RecordSalt {
    RecordSalt(field::hash("test/salt", &[account.as_bytes()]))
}

fn formula(measure: Option<Measure>) -> Typed {
    let int = |name: &str, unit: &str| Field {
        name: name.into(),
        kind: FieldKind::Int {
            min: 0,
            max: 65_535,
        },
        unit: unit.into(),
        key: false,
    };
    let start = Field {
        name: "start".into(),
        kind: FieldKind::TimeInPeriod,
        unit: "min".into(),
        key: true,
    };
    let fields = vec![start, int("duration", "s"), int("distance", "m")];
    let schema = Schema::new("cycling-trip", "trips", PeriodKind::Week, fields, 40).unwrap();
    let constant = |name: &str, high: &str, exponent, unit: &str| NamedConstant {
        name: name.into(),
        interval: ["0".parse().unwrap(), high.parse().unwrap()],
        exponent,
        unit: unit.into(),
        dated: false,
    };
    let constants = [
        constant("factor", "500", 2, "g/km"),
        constant("daily_cap", "50000", 0, "m"),
    ];
    let mut declarations = Declarations::new(schema, FORMULA).with_constants(constants);
    declarations.unit = "g".to_owned();
    declarations.measure = measure;
    merits_formula::check(&declarations).unwrap()
}
