//! A whole federation in memory, with proofs made from a trapdoor: for tests and benchmarks of
//! whatever stands on a ledger. Behind the feature `fixture`.
//!
//! Everything but the proving is real: signatures, possession proofs, ciphertexts, totals. The
//! scale's key has a known trapdoor, so proofs for any statement cost half a millisecond and
//! say nothing about credits.

use ed25519_dalek::SigningKey;
use merits_primitives::{
    Fr,
    audit::{self, Exponent},
    calendar::ExpiryRule,
    dleq::{Equality, Possession},
    earned::Earned,
    field,
    figures::{Figure, Figures},
    ids::{
        AssetId, Credits, EntryId, Epoch, Origin, Output, PartyId, Period, PeriodKind, ScaleId,
        ScaleVersion, SchemaId,
    },
    jubjub::{Point, Scalar, random_scalar},
    owner::Handle,
};
use merits_verifier::{
    Statement,
    entry::SignedEntry,
    groth16::{KeyPolicy, Proof, Provenance},
    log::LogSigner,
    possession::{KeyHalf, possession_context, total_context},
    signature,
    statement::earn::{ClaimPublic, Layout, MeasureTotal, commitment_signing_bytes},
    trapdoor::TrapdoorKey,
};
use rand_core::CryptoRng;

use crate::entry::{
    EarnBatch, EarnTerms, Entry, HalfKeys, PartyAdmitted, ScaleApproved, ScaleProposed,
    SignedClaim, TotalPartial, TotalsOpened, ViewKeyEpochOpened,
};
use crate::policy::LedgerPolicy;
use crate::role::{Role, Roles};
use crate::state::{State, Totals, TotalsKey};
use crate::submission::Submission;

/// Claims of a full batch.
pub const CAPACITY: u16 = 16;

/// Most credits of a claim.
pub const MAX_CREDITS: Credits = Credits(25_000);

/// Most that a claim of the scale with a measure can measure.
pub const MAX_MEASURE: u64 = 9_000;

/// What each claim of a fixture's batch is worth.
pub const WORTH: Credits = Credits(100);

/// What each claim of the scale with a measure measures.
pub const MEASURED: u64 = 7;

/// Time of the first entry, unix milliseconds: 2026-01-01.
pub const START: u64 = 1_767_225_600_000;

/// A party with its key.
#[derive(Debug, Clone)]
pub struct Member {
    /// Name.
    pub name: &'static str,
    /// Roles.
    pub roles: Roles,
    /// Signing key.
    pub key: SigningKey,
    /// Id.
    pub id: PartyId,
}

impl Member {
    /// A member whose key comes from `seed`.
    pub fn new(origin: &Origin, name: &'static str, roles: &[Role], seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let id = PartyId::derive(origin, name, key.verifying_key().as_bytes());
        Self {
            name,
            roles: Roles::new(roles),
            key,
            id,
        }
    }

    /// The member's application.
    pub fn application(&self, origin: &Origin) -> PartyAdmitted {
        let sealing_key = field::digest("fixture/sealing", &[self.name.as_bytes()]);
        PartyAdmitted::apply(origin, self.name, self.roles, &self.key, sealing_key)
    }
}

/// One side's secret halves of both view keys.
#[derive(Clone)]
pub struct SecretHalves {
    claim: Scalar,
    total: Scalar,
}

impl std::fmt::Debug for SecretHalves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHalves(..)")
    }
}

/// The federation: who is in it, and all their secrets.
#[derive(Debug, Clone)]
pub struct Federation {
    /// The log's name.
    pub origin: Origin,
    /// Founding supervisor.
    pub supervisor: Member,
    /// Log witness.
    pub witness: Member,
    /// Issuer of the scale.
    pub issuer: Member,
    /// Source of the records.
    pub source: Member,
    /// Distributor.
    pub distributor: Member,
    /// The supervisors' secret halves.
    pub supervisor_halves: SecretHalves,
    /// The witnesses' secret halves.
    pub witness_halves: SecretHalves,
    /// The scale's public numbers.
    pub figures: Figures,
    /// W_max, if the scale has a measure.
    pub max_measure: Option<u64>,
    /// The scale's key, with its trapdoor.
    pub trapdoor: TrapdoorKey,
}

impl Federation {
    /// A federation whose scale has one constant; its secrets come from `rng`, its signing keys
    /// are fixed.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, merits_primitives::ids::NameError> {
        let figures = Figures {
            figures: vec![Figure {
                name: "car_factor".to_owned(),
                exponent: 2,
                low: 5_000,
                high: 40_000,
                schedule: None,
                values: vec![16_272],
            }],
            schedules: Vec::new(),
        };
        Self::with_scale(figures, None, rng)
    }

    /// A federation whose scale has these figures and, with W_max, a measure.
    pub fn with_scale(
        figures: Figures,
        max_measure: Option<u64>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, merits_primitives::ids::NameError> {
        let layout = Layout {
            constants: figures.count(),
            measured: max_measure.is_some(),
            capacity: usize::from(CAPACITY),
        };
        let origin = Origin::new("fixture.example/merits")?;
        let member = |name, roles: &[Role], seed| Member::new(&origin, name, roles, seed);
        let mut halves = || SecretHalves {
            claim: random_scalar(rng),
            total: random_scalar(rng),
        };
        Ok(Self {
            supervisor: member("supervisor", &[Role::Supervisor], 1),
            witness: member("witness", &[Role::Witness], 2),
            issuer: member("issuer", &[Role::Issuer], 3),
            source: member("source", &[Role::Source], 4),
            distributor: member("distributor", &[Role::Distributor], 5),
            supervisor_halves: halves(),
            witness_halves: halves(),
            figures,
            max_measure,
            trapdoor: TrapdoorKey::generate(layout.input_count(), rng),
            origin,
        })
    }

    /// Founding parameters that fit the fixture.
    pub fn policy(&self) -> LedgerPolicy {
        LedgerPolicy {
            origin: self.origin.clone(),
            authority: self.supervisor.id,
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 4,
            tickets: false,
            anchor_seconds: 1,
        }
    }

    /// The log's key.
    pub fn signer(&self) -> LogSigner {
        LogSigner::new(self.origin.clone(), SigningKey::from_bytes(&[9; 32]))
    }

    /// An entry signed by a member.
    pub fn sign(&self, entry: &Entry, member: &Member) -> SignedEntry {
        entry.sign(&self.origin, member.id, None, &member.key)
    }

    /// The entries that set the federation up, in order: five admissions, the first view-key
    /// epoch, the scale's proposal and its approval.
    pub fn founding_entries(&self, rng: &mut impl CryptoRng) -> Vec<SignedEntry> {
        let members = [
            &self.supervisor,
            &self.witness,
            &self.issuer,
            &self.source,
            &self.distributor,
        ];
        let mut entries: Vec<SignedEntry> = members
            .iter()
            .map(|member| {
                let admitted = Entry::PartyAdmitted(member.application(&self.origin));
                self.sign(&admitted, &self.supervisor)
            })
            .collect();
        let epoch = Entry::ViewKeyEpochOpened(self.epoch(Epoch(1), START, 0, rng));
        entries.push(self.sign(&epoch, &self.supervisor));
        let proposal = self.sign(&Entry::ScaleProposed(self.scale(1)), &self.issuer);
        let approval = self.approval(1, proposal.id());
        entries.push(proposal);
        entries.push(approval);
        entries
    }

    /// A view-key epoch from the secret halves.
    pub fn epoch(
        &self,
        epoch: Epoch,
        active_from: u64,
        previous_accepted_until: u64,
        rng: &mut impl CryptoRng,
    ) -> ViewKeyEpochOpened {
        let mut half = |holder: PartyId, secrets: &SecretHalves, claim, total| {
            let mut prove = |secret: &Scalar, which| {
                let context = possession_context(&self.origin, epoch, which, &holder);
                // Sampled secrets are never zero.
                let point = Point::mul_base(secret).expect("not zero");
                (
                    point,
                    Possession::prove(secret, &context, rng).expect("not zero"),
                )
            };
            let (claim, claim_possession) = prove(&secrets.claim, claim);
            let (total, total_possession) = prove(&secrets.total, total);
            HalfKeys {
                holder,
                claim,
                claim_possession,
                total,
                total_possession,
            }
        };
        ViewKeyEpochOpened {
            epoch,
            active_from,
            previous_accepted_until,
            supervisor: half(
                self.supervisor.id,
                &self.supervisor_halves,
                KeyHalf::ClaimSupervisor,
                KeyHalf::TotalSupervisor,
            ),
            witness: half(
                self.witness.id,
                &self.witness_halves,
                KeyHalf::ClaimWitness,
                KeyHalf::TotalWitness,
            ),
        }
    }

    /// An epoch whose halves of A add up to the identity: both holders know their secrets.
    pub fn cancelling_epoch(
        &self,
        epoch: Epoch,
        active_from: u64,
        previous_accepted_until: u64,
        rng: &mut impl CryptoRng,
    ) -> ViewKeyEpochOpened {
        let mut halves = || SecretHalves {
            claim: random_scalar(rng),
            total: random_scalar(rng),
        };
        let mut with = self.clone();
        with.supervisor_halves = halves();
        with.witness_halves = halves();
        with.witness_halves.claim = -with.supervisor_halves.claim;
        with.epoch(epoch, active_from, previous_accepted_until, rng)
    }

    /// The scale's id.
    pub fn scale_id(&self) -> ScaleId {
        // A literal that fits the alphabet.
        ScaleId::new("cycling-week").expect("a good name")
    }

    /// A version of the scale: weekly, valid from week 2300 + version.
    pub fn scale(&self, version: u32) -> ScaleProposed {
        let schema_text = "fixture schema\n".to_owned();
        ScaleProposed {
            id: self.scale_id(),
            version: ScaleVersion(version),
            asset: AssetId(1),
            period_kind: PeriodKind::Week,
            manifest: "[scale]\nid = \"cycling-week\"\n".to_owned(),
            shape: [7; 32],
            key: self.trapdoor.key.clone(),
            provenance: Provenance::InsecureDev,
            figures: self.figures.clone(),
            schema: SchemaId(field::hash("merits/schema/v1", &[schema_text.as_bytes()])),
            schema_text,
            capacity: CAPACITY,
            max_credits: MAX_CREDITS,
            max_measure: self.max_measure,
            expiry: ExpiryRule {
                lifetime_months: 24,
                bucket_months: 3,
            },
            valid_from: 2_300 + version,
            valid_to: None,
            supply_cap: None,
            per_source: false,
            vouched: false,
        }
    }

    /// A supervisor's approval of a proposal.
    pub fn approval(&self, version: u32, proposal: EntryId) -> SignedEntry {
        let version = ScaleVersion(version);
        let approved = ScaleApproved {
            id: self.scale_id(),
            version,
            proposal,
        };
        self.sign(&Entry::ScaleApproved(approved), &self.supervisor)
    }

    /// A week that version 1 is for, over well before [`START`].
    pub fn period(&self) -> Period {
        Period {
            kind: PeriodKind::Week,
            index: 2_310,
        }
    }

    /// What the fixture's scale is proven for, version 1.
    pub fn terms(&self, period: Period) -> EarnTerms {
        let scale = self.scale(1);
        EarnTerms {
            asset: scale.asset,
            expiry: scale.expiry.expiry(period),
            schema: scale.schema,
            constants: scale.figures.public(period),
        }
    }

    /// The view key A and the totals key At of epoch 1.
    pub fn keys(&self) -> (Point, Point) {
        let sum = |one: &Scalar, other: &Scalar| {
            // Sampled halves cancel out with a chance of 2^-251.
            Point::mul_base(&(*one + *other)).expect("not zero")
        };
        let (supervisor, witness) = (&self.supervisor_halves, &self.witness_halves);
        (
            sum(&supervisor.claim, &witness.claim),
            sum(&supervisor.total, &witness.total),
        )
    }

    /// A batch of so many claims, each worth [`WORTH`] and measuring [`MEASURED`] if the scale
    /// has a measure, with fresh random commitments.
    pub fn batch(&self, claims: usize, rng: &mut impl CryptoRng) -> EarnBatch {
        self.batch_of(self.period(), claims, rng)
    }

    /// [`Federation::batch`] for another period of version 1.
    pub fn batch_of(&self, period: Period, claims: usize, rng: &mut impl CryptoRng) -> EarnBatch {
        let terms = self.terms(period);
        let (view_key, totals_key) = self.keys();
        let mut bytes = || {
            let mut bytes = [0u8; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let earned = Earned {
            credits: WORTH,
            measure: self.max_measure.map(|_| MEASURED),
        };
        let mut signed = Vec::with_capacity(claims);
        for _ in 0..claims {
            let mut element = || field::from_digest(&bytes());
            let [c, b, cm, u, h] = [element(), element(), element(), element(), element()];
            let exponent = Exponent::from_bytes(&bytes());
            let sealed = audit::encrypt(&exponent, &view_key, c, earned, &Handle(h));
            let public = ClaimPublic {
                c,
                b,
                cm,
                u,
                ey: sealed.ey,
                cv: sealed.cv,
                ch: sealed.ch,
            };
            signed.push(self.sign_claim(public, &terms, period));
        }
        let mut total = |each: u64| {
            let exponent = Exponent::from_bytes(&bytes());
            let sum = u128::from(each) * claims as u128;
            let total = audit::encrypt_total(&exponent, &totals_key, sum);
            // r is odd and below l, so T1 is no identity; T2 is one with a chance of 2^-251.
            let point = |affine| Point::from_affine(affine).expect("not the identity");
            (point(total.t1), point(total.t2))
        };
        let (t1, t2) = total(WORTH.0);
        let measure = self.max_measure.map(|_| {
            let (m1, m2) = total(MEASURED);
            MeasureTotal { m1, m2 }
        });
        EarnBatch {
            scale: self.scale_id(),
            version: ScaleVersion(1),
            epoch: Epoch(1),
            period,
            source: self.source.id,
            terms,
            t1,
            t2,
            measure,
            claims: signed,
        }
    }

    /// A claim with the source's signature.
    pub fn sign_claim(
        &self,
        public: ClaimPublic,
        terms: &EarnTerms,
        period: Period,
    ) -> SignedClaim {
        let message = commitment_signing_bytes(
            &self.origin,
            &self.source.id,
            terms.schema,
            period,
            public.c,
        );
        SignedClaim {
            public,
            source_signature: signature::sign(&self.source.key, &message),
            ticket: None,
        }
    }

    /// A proof that fits the statement which `state` gives for this batch.
    pub fn prove(
        &self,
        state: &State,
        batch: &EarnBatch,
        rng: &mut impl CryptoRng,
    ) -> Result<Proof, crate::Refusal> {
        // Any proof makes the submission parse; the job then says what to prove.
        let placeholder = self.trapdoor.prove(&[Fr::from(0u64)], rng)?;
        let draft = self.sign_batch(batch, &placeholder);
        let job = state
            .job(&Submission::from_signed(draft, &self.origin)?)?
            .ok_or(crate::Refusal::NotVerified)?;
        Ok(self.trapdoor.prove(&job.statement.public_inputs(), rng)?)
    }

    /// A batch and its proof as the distributor's entry.
    pub fn sign_batch(&self, batch: &EarnBatch, proof: &Proof) -> SignedEntry {
        let entry = Entry::EarnBatch(batch.clone());
        entry.sign(
            &self.origin,
            self.distributor.id,
            Some(proof),
            &self.distributor.key,
        )
    }

    /// A batch of fresh claims, proven and signed.
    ///
    /// # Errors
    /// [`crate::Refusal`] when the state does not take batches of the fixture's scale.
    pub fn earn(
        &self,
        state: &State,
        claims: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<SignedEntry, crate::Refusal> {
        let batch = self.batch(claims, rng);
        let proof = self.prove(state, &batch, rng)?;
        Ok(self.sign_batch(&batch, &proof))
    }

    /// What the fixture's batches are opened by.
    pub fn totals_key(&self, output: Output) -> TotalsKey {
        TotalsKey {
            asset: AssetId(1),
            period: self.period(),
            epoch: Epoch(1),
            output,
        }
    }

    /// Opens the credits of the first so many unopened batches, with the given sum.
    ///
    /// # Errors
    /// [`crate::Refusal::TotalDegenerate`].
    pub fn open_total(
        &self,
        state: &State,
        batches: usize,
        sum: Credits,
        rng: &mut impl CryptoRng,
    ) -> Result<TotalsOpened, crate::Refusal> {
        self.open_output(state, Output::Credits, batches, sum.0, rng)
    }

    /// Opens one output of the first so many batches that no total of it covers.
    ///
    /// # Errors
    /// [`crate::Refusal::TotalDegenerate`].
    pub fn open_output(
        &self,
        state: &State,
        output: Output,
        batches: usize,
        sum: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<TotalsOpened, crate::Refusal> {
        self.open_key(state, self.totals_key(output), batches, sum, rng)
    }

    /// [`Federation::open_output`] for any scale, period and epoch under these secrets.
    ///
    /// # Errors
    /// [`crate::Refusal::TotalDegenerate`].
    pub fn open_key(
        &self,
        state: &State,
        key: TotalsKey,
        batches: usize,
        sum: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<TotalsOpened, crate::Refusal> {
        let covered: Vec<_> = state.totals().unopened(&key).take(batches).collect();
        let entries: Vec<EntryId> = covered.iter().map(|batch| batch.entry).collect();
        let (t1, _) = Totals::sums(covered)?;
        let mut partial = |secret: &Scalar, half, holder: &PartyId| {
            let context = total_context(&self.origin, &key, &entries, half, holder);
            // Sampled secrets are never zero.
            let (point, proof) = Equality::prove(secret, &t1, &context, rng).expect("not zero");
            TotalPartial { point, proof }
        };
        let (supervisor, witness) = (&self.supervisor_halves.total, &self.witness_halves.total);
        let supervisor = partial(supervisor, KeyHalf::TotalSupervisor, &self.supervisor.id);
        let witness = partial(witness, KeyHalf::TotalWitness, &self.witness.id);
        Ok(TotalsOpened {
            key,
            entries,
            sum,
            supervisor,
            witness,
        })
    }

    /// The witness's answer for any point, proven as if it were the total of these batches.
    pub fn witness_partial(
        &self,
        point: &Point,
        entries: &[EntryId],
        rng: &mut impl CryptoRng,
    ) -> TotalPartial {
        let context = total_context(
            &self.origin,
            &self.totals_key(Output::Credits),
            entries,
            KeyHalf::TotalWitness,
            &self.witness.id,
        );
        // Sampled secrets are never zero.
        let (point, proof) =
            Equality::prove(&self.witness_halves.total, point, &context, rng).expect("not zero");
        TotalPartial { point, proof }
    }
}
