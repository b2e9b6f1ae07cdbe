//! A federation's log in memory: natively encrypted claims under freshly made keys.

use std::collections::BTreeMap;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use merits_ledger::state::{IntervalTotal, OpeningSubject, OpeningVoice};
use merits_primitives::{
    Fr,
    calendar::Timestamp,
    commitment::RecordCommitment,
    earned::Earned,
    field,
    identity::IdentityCommitment,
    ids::{
        AssetId, Credits, EntryId, Epoch, Origin, Output, PartyId, Period, PeriodIndex, PeriodKind,
        Quantity, ScaleId,
    },
    jubjub::Point,
    nullifier::SpendNullifier,
    owner::Handle,
    sum::Sum,
    view_encryption::{Exponent, encrypt, encrypt_total, seal_identity},
};
use merits_sealing::SealingKey;
use merits_supervisor::{
    holder::{Holder, OpeningAsk, Refused, SealedPartial, TotalAsk, TotalPartial},
    journal::Journal,
    request::request_content,
    side::Side,
    view::{
        LedgerView, LoggedBatch, LoggedRedemption, LoggedRequest, PartyStanding, QuorumHalf,
        SealedClaim, Unreadable, Vouched,
    },
    view_key::{ViewKeyShare, verify_half},
};
use merits_verifier::{possession::TotalsKey, signature::PublicKey, statement::earn::MeasureTotal};

pub(crate) const SUPERVISOR: PartyId = PartyId([1; 32]);
pub(crate) const WITNESS: PartyId = PartyId([2; 32]);
pub(crate) const DISTRIBUTOR: PartyId = PartyId([3; 32]);
pub(crate) const ASSET: AssetId = AssetId(7);
pub(crate) const EPOCH: Epoch = Epoch(1);
pub(crate) const WEEK: Period = Period {
    kind: PeriodKind::Week,
    index: PeriodIndex(2300),
};
pub(crate) const V_MAX: Credits = Credits(22_781);
pub(crate) const W_MAX: u64 = 9_000;
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The credits of the week.
pub(crate) const CREDITS: TotalsKey = TotalsKey {
    asset: ASSET,
    period: WEEK,
    epoch: EPOCH,
    output: Output::Credits,
};

/// One holder's half, as the log published it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublishedHalf {
    pub(crate) holder: PartyId,
    pub(crate) claim: Point,
    pub(crate) total: Point,
}

/// Both sides' halves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpochHalves {
    pub(crate) supervisor: PublishedHalf,
    pub(crate) witness: PublishedHalf,
}

/// What a verified replica would answer.
#[derive(Clone)]
pub(crate) struct MemoryLog {
    pub(crate) origin: Origin,
    pub(crate) parties: BTreeMap<PartyId, PartyStanding>,
    pub(crate) requests: BTreeMap<EntryId, LoggedRequest>,
    pub(crate) batches: Vec<(EntryId, LoggedBatch)>,
    pub(crate) redemptions: BTreeMap<EntryId, LoggedRedemption>,
    /// How many batches there were at each cut.
    pub(crate) cuts: Vec<usize>,
    /// Outputs of cuts that are open.
    pub(crate) opened: Vec<(Output, u32)>,
    pub(crate) halves: EpochHalves,
    pub(crate) vouched: Vouched,
}

impl LedgerView for MemoryLog {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn vouched(&self) -> Vouched {
        self.vouched
    }

    fn party(&self, id: &PartyId) -> Option<PartyStanding> {
        self.parties.get(id).copied()
    }

    fn request(&self, id: &EntryId) -> Result<Option<LoggedRequest>, Unreadable> {
        Ok(self.requests.get(id).cloned())
    }

    fn batch(&self, id: &EntryId) -> Result<Option<LoggedBatch>, Unreadable> {
        let batch = self.batches.iter().find(|(entry, _)| entry == id);
        Ok(batch.map(|(_, batch)| batch.clone()))
    }

    fn redemption(&self, id: &EntryId) -> Result<Option<LoggedRedemption>, Unreadable> {
        Ok(self.redemptions.get(id).cloned())
    }

    fn quorum(&self, epoch: Epoch, side: Side) -> Option<QuorumHalf> {
        let half = match side {
            Side::Supervisor => &self.halves.supervisor,
            Side::Witness => &self.halves.witness,
        };
        (epoch == EPOCH).then(|| QuorumHalf::sole(half.holder, half.claim, half.total))
    }

    fn destroyed(&self, _: Epoch, _: Side, _: &PartyId) -> Result<bool, Unreadable> {
        Ok(false)
    }

    fn interval(&self, key: &TotalsKey, number: u32) -> Result<Option<IntervalTotal>, Unreadable> {
        let mut intervals = self.intervals(key)?.into_iter();
        Ok(intervals.find(|(own, _)| *own == number).map(|(_, it)| it))
    }

    fn intervals(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, Unreadable> {
        let (mut intervals, mut first) = (Vec::new(), 0);
        let ends = self.cuts.iter().copied().chain([self.batches.len()]);
        for (number, end) in (0..).zip(ends) {
            let totals = self.batches[first..end]
                .iter()
                .filter_map(|(_, batch)| total_of(batch, key));
            let mut interval = IntervalTotal::default();
            for (claims, most, t1, t2) in totals {
                interval.batches += 1;
                interval.claims += claims;
                interval.worst.0 += most.0 * claims;
                interval.t1 = plus(interval.t1, t1);
                interval.t2 = plus(interval.t2, t2);
            }
            let cut = (number as usize) < self.cuts.len();
            interval.cut = cut.then(|| cut_id(number));
            let opened = self.opened.contains(&(key.output, number));
            interval.opened = opened.then_some((EntryId([77; 32]), Sum(0)));
            if interval.batches > 0 {
                intervals.push((number, interval));
            }
            first = end;
        }
        Ok(intervals)
    }
}

/// The entry that cut an interval.
pub(crate) fn cut_id(number: u32) -> EntryId {
    EntryId(field::digest("test/cut", &[&number.to_le_bytes()]))
}

fn plus(sum: Option<Point>, point: Point) -> Option<Point> {
    sum.map_or(Some(point), |sum| (sum + point).ok())
}

/// One batch's claims, the most that each can add, and both points.
fn total_of(batch: &LoggedBatch, key: &TotalsKey) -> Option<(u64, Sum, Point, Point)> {
    let fits = batch.asset == key.asset && batch.period == key.period && batch.epoch == key.epoch;
    let (most, t1, t2) = match key.output {
        Output::Credits => (batch.v_max.into(), batch.t1, batch.t2),
        Output::Measure => {
            let measure = batch.measure?;
            (batch.w_max?.into(), measure.m1, measure.m2)
        }
    };
    fits.then_some((batch.claims.len() as u64, most, t1, t2))
}

/// Log, both holders, and the requester's sealing key.
pub(crate) struct Federation {
    pub(crate) log: MemoryLog,
    pub(crate) supervisor: Holder,
    pub(crate) witness: Holder,
    pub(crate) key: SealingKey,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn origin() -> Origin {
    Origin::new("ledger.test/merits").unwrap()
}

pub(crate) fn share(side: Side) -> ViewKeyShare {
    ViewKeyShare::generate(origin(), EPOCH, side, &mut rand::rng())
}

impl Federation {
    /// Both halves made and published, the supervisor admitted, the log still empty.
    pub(crate) fn new() -> Self {
        let rng = &mut rand::rng();
        let dir = tempfile::tempdir().unwrap();
        let key = SealingKey::generate(rng);
        let (sup, wit) = (share(Side::Supervisor), share(Side::Witness));
        let published = |share: &ViewKeyShare, holder: PartyId| {
            let half = share.public(&holder, &mut rand::rng());
            verify_half(&origin(), EPOCH, share.side(), &half).unwrap();
            PublishedHalf {
                holder,
                claim: half.keys.claim,
                total: half.keys.total,
            }
        };
        let halves = EpochHalves {
            supervisor: published(&sup, SUPERVISOR),
            witness: published(&wit, WITNESS),
        };
        let standing = |is_supervisor, sealing_key| PartyStanding {
            is_supervisor,
            suspended: false,
            // Only what comes over TLS is compared with it.
            signing_key: PublicKey::of(&SigningKey::from_bytes(&[9; 32])),
            former: None,
            sealing_key,
        };
        let parties = [
            (SUPERVISOR, standing(true, key.public())),
            (WITNESS, standing(false, SealingKey::generate(rng).public())),
            (
                DISTRIBUTOR,
                standing(false, SealingKey::generate(rng).public()),
            ),
        ];
        let log = MemoryLog {
            origin: origin(),
            parties: parties.into_iter().collect(),
            requests: BTreeMap::new(),
            batches: Vec::new(),
            redemptions: BTreeMap::new(),
            cuts: Vec::new(),
            opened: Vec::new(),
            halves,
            vouched: Vouched::Undemanded,
        };
        let journal = |name: &str| Journal::open(&dir.path().join(name)).unwrap();
        Self {
            supervisor: Holder::new(SUPERVISOR, vec![sup], journal("supervisor.jsonl")),
            witness: Holder::new(WITNESS, vec![wit], journal("witness.jsonl")),
            log,
            key,
            dir,
        }
    }

    pub(crate) fn view_key(&self) -> Point {
        (self.log.halves.supervisor.claim + self.log.halves.witness.claim).unwrap()
    }

    pub(crate) fn total_key(&self) -> Point {
        (self.log.halves.supervisor.total + self.log.halves.witness.total).unwrap()
    }

    /// Appends a batch with these credits; claim i of batch k belongs to handle 1000·k + i.
    pub(crate) fn append_batch(&mut self, credits: &[u64]) -> EntryId {
        let earned: Vec<Earned> = credits.iter().map(|v| Credits(*v).into()).collect();
        self.append_earned(&earned)
    }

    /// Appends a batch of a scale with a measure: credits and measure by claim.
    pub(crate) fn append_measured(&mut self, claims: &[(u64, u64)]) -> EntryId {
        let earned = claims.iter().map(|(v, w)| Earned {
            credits: Credits(*v),
            measure: Some(Quantity(*w)),
        });
        self.append_earned(&earned.collect::<Vec<_>>())
    }

    fn append_earned(&mut self, earned: &[Earned]) -> EntryId {
        let number = self.log.batches.len() as u64;
        let claims: Vec<(RecordCommitment, Earned)> = (0u64..)
            .zip(earned)
            .map(|(i, earned)| {
                let made_up = Fr::from(1_000_000 + 1000 * number + i);
                (RecordCommitment(made_up), *earned)
            })
            .collect();
        let sealed = (0u64..)
            .zip(&claims)
            .map(|(i, (commitment, v))| {
                let exponent = Exponent::derive(&[5; 32], *commitment, *v, &self.view_key());
                let handle = handle_of(number, i);
                SealedClaim {
                    commitment: *commitment,
                    ciphertext: encrypt(&exponent, &self.view_key(), *commitment, *v, &handle),
                }
            })
            .collect();
        let total = |output, of: &dyn Fn(&Earned) -> Sum| {
            let exponent = Exponent::derive_batch(&[5; 32], &self.total_key(), &claims, output);
            let sum = earned.iter().map(of).collect();
            let total = encrypt_total(&exponent, &self.total_key(), sum);
            [total.t1, total.t2].map(|point| Point::from_affine(point).unwrap())
        };
        let [t1, t2] = total(Output::Credits, &|earned| earned.credits.into());
        let measured = earned.iter().any(|earned| earned.measure.is_some());
        let measure = measured.then(|| {
            let [m1, m2] = total(Output::Measure, &|earned| earned.measure.unwrap().into());
            MeasureTotal { m1, m2 }
        });
        let batch = LoggedBatch {
            scale: ScaleId::new("cycling-week").unwrap(),
            asset: ASSET,
            period: WEEK,
            epoch: EPOCH,
            v_max: V_MAX,
            w_max: measured.then_some(Quantity(W_MAX)),
            t1,
            t2,
            measure,
            claims: sealed,
        };
        let entry = EntryId(field::digest("test/batch", &[&number.to_le_bytes()]));
        self.log.batches.push((entry, batch));
        entry
    }

    /// Cuts what was appended since the cut before.
    pub(crate) fn cut(&mut self) {
        self.log.cuts.push(self.log.batches.len());
    }

    /// Appends a redemption of this person.
    pub(crate) fn append_redemption(&mut self, identity: IdentityCommitment) -> EntryId {
        let number = self.log.redemptions.len() as u8;
        let sn1 = SpendNullifier(Fr::from(7_000 + u64::from(number)));
        let exponent = Exponent::from_bytes(&[60 + number; 32]);
        let redemption = LoggedRedemption {
            scale: ScaleId::new("cycling-week").unwrap(),
            epoch: EPOCH,
            sn1,
            identity: seal_identity(&exponent, &self.view_key(), sn1, identity),
        };
        let entry = EntryId([200 + number; 32]);
        self.log.redemptions.insert(entry, redemption);
        entry
    }

    /// Appends a request signed by `requester`.
    pub(crate) fn append_request(
        &mut self,
        entry: EntryId,
        claim: u16,
        requester: PartyId,
    ) -> OpeningAsk {
        let content =
            request_content(entry, claim, "audit sample 12/2026", &mut rand::rng()).unwrap();
        let commitment = content.commitment(&self.log.origin);
        let request = EntryId(field::digest("test/request", &[&commitment]));
        let logged = LoggedRequest {
            subject: OpeningSubject::Claim,
            scale: ScaleId::new("cycling-week").unwrap(),
            requester,
            commitment,
            deadline: NOW + Duration::from_secs(3_600),
            needed: 1,
            endorsed: vec![OpeningVoice {
                member: requester,
                number: 1,
                endorses: true,
                seen: None,
            }],
            result: None,
        };
        self.log.requests.insert(request, logged);
        OpeningAsk {
            origin: self.log.origin.clone(),
            request,
            content,
        }
    }

    pub(crate) fn ask(&mut self, side: Side, ask: &OpeningAsk) -> Result<SealedPartial, Refused> {
        let holder = match side {
            Side::Supervisor => &mut self.supervisor,
            Side::Witness => &mut self.witness,
        };
        holder.answer_opening(&self.log, ask, NOW, &mut rand::rng())
    }

    pub(crate) fn ask_both(&mut self, ask: &OpeningAsk) -> Vec<SealedPartial> {
        [Side::Supervisor, Side::Witness]
            .map(|side| self.ask(side, ask).unwrap())
            .to_vec()
    }

    pub(crate) fn ask_total(
        &mut self,
        side: Side,
        ask: &TotalAsk,
    ) -> Result<TotalPartial, Refused> {
        let holder = match side {
            Side::Supervisor => &mut self.supervisor,
            Side::Witness => &mut self.witness,
        };
        holder.answer_total(&self.log, ask, NOW, &mut rand::rng())
    }
}

pub(crate) fn handle_of(batch: u64, claim: u64) -> Handle {
    Handle(Fr::from(1000 * batch + claim))
}
