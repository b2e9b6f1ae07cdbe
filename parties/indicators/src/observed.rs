//! What the leaves show: counts of each window, and what is needed to say whose an entry is.

// A new kind of entry must say whether it is counted.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

use std::collections::{BTreeMap, VecDeque};

use merits_ledger::Entry;
use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_threshold::tags::message::{TagBody, TagVerdict};
use merits_verifier::entry::SignedEntry;
use serde::{Deserialize, Serialize};

use crate::subject::{Count, Level, SubjectKind};

/// Windows of a subject's history that are kept.
pub(crate) const HISTORY: usize = 28;

/// Largest number that is kept; a larger one counts as this one. So sums of products fit into 64 bits in rules, and
/// squares of 28 windows into 128.
pub(crate) const MOST: u64 = 1 << 52;

/// Counts of one window.
type Counts = BTreeMap<Count, u64>;

/// What is known of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    now: Counts,
    total: Counts,
    past: VecDeque<Counts>,
}

/// Windows of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Windows {
    /// Their length.
    pub(crate) hours: u32,
    /// The one that is open, by its number since 1970; `None` before the first leaf.
    open: Option<u64>,
    subjects: BTreeMap<SubjectKind, BTreeMap<String, Tally>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownOffer {
    sponsor: String,
    scale: String,
    price: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownTerms {
    published: u64,
    tickets: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownRequest {
    supervisor: String,
    deadline: u64,
}

/// A dealing of the tag key's shares that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownDealing {
    needed: u64,
    /// Holders that have not confirmed.
    left: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct KnownScale {
    /// Most credits of a claim and supply cap, by version.
    versions: BTreeMap<u32, (u64, Option<u64>)>,
    /// Claims times most credits.
    worst: u64,
    cap: Option<u64>,
}

/// What entries refer to, from the ledger's beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    offers: BTreeMap<String, KnownOffer>,
    scales: BTreeMap<String, KnownScale>,
    /// By distributor and digest.
    terms: BTreeMap<String, BTreeMap<String, KnownTerms>>,
    /// Requests to open a claim that were not revealed.
    requests: BTreeMap<String, KnownRequest>,
    /// How many evaluators must answer; 0 before there is a key.
    needed: u64,
    /// Dealings of the next generation, by opener.
    dealings: BTreeMap<String, KnownDealing>,
}

/// One count to add.
struct Counted(SubjectKind, String, Count, u64);

impl Windows {
    pub(crate) fn new(hours: u32) -> Self {
        Self {
            hours,
            open: None,
            subjects: BTreeMap::new(),
        }
    }

    /// Whether these can be windows of this length: what is kept is no more, and no larger, than what is counted.
    pub(crate) fn are_sound(&self, hours: u32) -> bool {
        let small = |counts: &Counts| counts.values().all(|number| *number <= MOST);
        let sound = |tally: &Tally| {
            let past = tally.past.len() <= HISTORY && tally.past.iter().all(small);
            past && small(&tally.now) && small(&tally.total)
        };
        let mut tallies = self.subjects.values().flat_map(BTreeMap::values);
        self.hours == hours && self.is_reached(Timestamp::LAST) && tallies.all(sound)
    }

    /// Whether a log that has come to this time can have opened the window. One that is later would never end.
    pub(crate) fn is_reached(&self, time: Timestamp) -> bool {
        let last = time.as_millis() / self.length().max(1);
        self.open.is_none_or(|open| open <= last)
    }

    fn length(&self) -> u64 {
        u64::from(self.hours) * 3_600_000
    }

    /// The open window, if a leaf of this time is after its end.
    pub(crate) fn over(&self, time: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let open = self.open?;
        let length = self.length();
        (time.as_millis() / length > open).then(|| {
            let from = open.saturating_mul(length);
            let until = from.saturating_add(length);
            (Timestamp::from_millis(from), Timestamp::from_millis(until))
        })
    }

    /// Opens the window of this time.
    fn roll(&mut self, time: Timestamp) {
        let next = time.as_millis() / self.length();
        let Some(open) = self.open.replace(next) else {
            return;
        };
        let passed = next.saturating_sub(open);
        if passed == 0 {
            return;
        }
        let empty = usize::try_from(passed - 1).unwrap_or(HISTORY).min(HISTORY);
        for tally in self.subjects.values_mut().flat_map(BTreeMap::values_mut) {
            let closed = std::mem::take(&mut tally.now);
            tally.past.push_back(closed);
            tally.past.extend((0..empty).map(|_| Counts::new()));
            while tally.past.len() > HISTORY {
                tally.past.pop_front();
            }
        }
    }

    fn count(&mut self, Counted(kind, name, count, by): &Counted) {
        let subjects = self.subjects.entry(*kind).or_default();
        let tally = subjects.entry(name.clone()).or_default();
        for counts in [&mut tally.now, &mut tally.total] {
            let number = counts.entry(*count).or_default();
            *number = number.saturating_add(*by).min(MOST);
        }
    }

    /// Subjects of a kind.
    pub(crate) fn subjects(&self, kind: SubjectKind) -> impl Iterator<Item = &String> {
        self.subjects
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::keys)
    }

    /// The figures of a subject in the open window.
    pub(crate) fn figures(
        &self,
        known: &Known,
        kind: SubjectKind,
        name: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> BTreeMap<String, i64> {
        let empty = Tally::default();
        let peers = self.subjects.get(&kind);
        let tally = peers.and_then(|peers| peers.get(name)).unwrap_or(&empty);
        let mut figures = BTreeMap::new();
        let mut put = |name: String, figure: u64| {
            figures.insert(name, i64::try_from(figure).unwrap_or(i64::MAX));
        };
        for count in kind.counts() {
            let of = count.name();
            let (mean, deviation) = mean_and_deviation(&tally.past, *count);
            put(of.to_owned(), at(&tally.now, *count));
            put(format!("{of}_mean"), mean);
            put(format!("{of}_deviation"), deviation);
            put(format!("{of}_total"), at(&tally.total, *count));
        }
        let share = |count| {
            let all = self.subjects.get(&SubjectKind::Ledger);
            let all = all.and_then(|all| all.get(""));
            per_mille(
                at(&tally.now, count),
                all.map_or(0, |all| at(&all.now, count)),
            )
        };
        for level in kind.levels() {
            let figure = match level {
                Level::History => tally.past.len() as u64,
                Level::ClaimsShare => share(Count::Claims),
                Level::RedemptionsShare => share(Count::Redemptions),
                Level::Peers => peers.map_or(0, |peers| peers.len() as u64),
                Level::SupplyUsed => known.supply_used(name),
                Level::RedemptionRate => {
                    let worst = known.scales.get(name).map_or(0, |scale| scale.worst);
                    per_mille(at(&tally.total, Count::Redeemed), worst)
                }
                Level::OldTerms => known.old_terms(name, from).count() as u64,
                Level::RarestTerms => known.old_terms(name, from).min().unwrap_or(0),
                Level::Overdue => known.overdue(kind, name, until),
                Level::UnusedEvaluations => {
                    let done = at(&tally.total, Count::UsedEvaluations);
                    at(&tally.total, Count::Evaluations).saturating_sub(done)
                }
            };
            put(level.name().to_owned(), figure);
        }
        figures
    }
}

impl Known {
    /// A holder confirmed its share. When all of a dealing did, its threshold holds, and every other dealing is over.
    fn confirmed(&mut self, opener: &str, body: &TagBody) {
        let (Some(dealing), TagBody::Verdict(TagVerdict::Fits(_))) =
            (self.dealings.get_mut(opener), body)
        else {
            return;
        };
        dealing.left = dealing.left.saturating_sub(1);
        if dealing.left == 0 {
            self.needed = dealing.needed;
            self.dealings.clear();
        }
    }

    fn supply_used(&self, scale: &str) -> u64 {
        let scale = self.scales.get(scale);
        let of_cap = scale.and_then(|scale| Some((scale.worst, scale.cap?)));
        of_cap.map_or(0, |(worst, cap)| per_mille(worst, cap))
    }

    /// Tickets of each of a distributor's terms that were published before `from`.
    fn old_terms(&self, distributor: &str, from: Timestamp) -> impl Iterator<Item = u64> {
        let terms = self.terms.get(distributor).into_iter();
        let terms = terms.flat_map(BTreeMap::values);
        let old = terms.filter(move |terms| terms.published < from.as_millis());
        old.map(|terms| terms.tickets)
    }

    fn overdue(&self, kind: SubjectKind, name: &str, until: Timestamp) -> u64 {
        let requests = self.requests.values();
        let late = requests.filter(|request| request.deadline < until.as_millis());
        let own = late.filter(|request| kind == SubjectKind::Ledger || request.supervisor == name);
        own.count() as u64
    }
}

/// Counts an entry in all windows, after they rolled to its time.
pub(crate) fn count(
    windows: &mut [Windows],
    known: &mut Known,
    (signed, entry): (&SignedEntry, &Entry),
    time: Timestamp,
) {
    let counted = counted(known, signed, entry, time);
    for windows in windows {
        windows.roll(time);
        for one in &counted {
            windows.count(one);
        }
    }
}

/// What an entry counts for, each with the subject.
fn counted(
    known: &mut Known,
    signed: &SignedEntry,
    entry: &Entry,
    time: Timestamp,
) -> Vec<Counted> {
    use SubjectKind::{
        Distributor, Evaluator, Exchange, Ledger, Registrar, Scale, Source, Sponsor, Supervisor,
    };
    let party = name(&signed.party);
    let one = |subjects: Vec<(SubjectKind, String)>, count, by| {
        let all = subjects.into_iter().chain([(Ledger, String::new())]);
        let all = all.map(|(kind, name)| Counted(kind, name, count, by));
        all.collect::<Vec<_>>()
    };
    match entry {
        Entry::EarnBatch(batch) => {
            let claims = batch.claims.len() as u64;
            let scale = known.scales.entry(batch.scale.to_string()).or_default();
            if let Some((most, cap)) = scale.versions.get(&batch.version.0) {
                let worst = most.saturating_mul(claims);
                scale.worst = scale.worst.saturating_add(worst);
                scale.cap = *cap;
            }
            let subjects = vec![
                (Distributor, party),
                (Source, name(&batch.source)),
                (Scale, batch.scale.to_string()),
            ];
            let mut all = one(subjects.clone(), Count::Claims, claims);
            all.extend(one(subjects, Count::Batches, 1));
            all
        }
        Entry::TicketDeposited(deposit) => {
            let own = known.terms.get_mut(&party);
            if let Some(terms) = own.and_then(|own| own.get_mut(&hex::encode(deposit.terms))) {
                terms.tickets = terms.tickets.saturating_add(1).min(MOST);
            }
            let subjects = vec![
                (Distributor, party),
                (Source, name(&deposit.source)),
                (Scale, deposit.scale.to_string()),
            ];
            one(subjects, Count::Tickets, 1)
        }
        Entry::TermsPublished(published) => {
            let own = known.terms.entry(party.clone()).or_default();
            let terms = KnownTerms {
                published: time.as_millis(),
                tickets: 0,
            };
            own.entry(hex::encode(published.digest())).or_insert(terms);
            one(vec![(Distributor, party)], Count::Terms, 1)
        }
        Entry::ConsentWithdrawn(_) => one(Vec::new(), Count::Withdrawals, 1),
        Entry::OfferPublished(published) => {
            let scale = published.scale.to_string();
            let offer = KnownOffer {
                sponsor: party.clone(),
                scale: scale.clone(),
                price: published.price.0.min(MOST),
            };
            known.offers.insert(signed.id().to_string(), offer);
            one(vec![(Sponsor, party), (Scale, scale)], Count::Offers, 1)
        }
        Entry::Redeemed(redeemed) => {
            let mut subjects = vec![(Exchange, party)];
            let offer = known.offers.get(&redeemed.offer.to_string());
            if let Some(offer) = offer {
                subjects.push((Sponsor, offer.sponsor.clone()));
                subjects.push((Scale, offer.scale.clone()));
            }
            let price = offer.map_or(0, |offer| offer.price);
            let mut all = one(subjects.clone(), Count::Redemptions, 1);
            all.extend(one(subjects, Count::Redeemed, price));
            all
        }
        Entry::Attested(_) => one(Vec::new(), Count::Attestations, 1),
        Entry::OpeningRequested(requested) | Entry::RedeemerRequested(requested) => {
            let request = KnownRequest {
                supervisor: party.clone(),
                deadline: requested.deadline.as_millis(),
            };
            known.requests.insert(signed.id().to_string(), request);
            let subjects = vec![(Supervisor, party), (Scale, requested.scale.to_string())];
            one(subjects, Count::Openings, 1)
        }
        Entry::OpeningRevealed(revealed) => {
            let request = known.requests.remove(&revealed.request.to_string());
            let late = request.is_some_and(|request| request.deadline < time.as_millis());
            one(
                vec![(Supervisor, party)],
                Count::LateReveals,
                u64::from(late),
            )
        }
        Entry::TotalsOpened(_) => one(vec![(Supervisor, party)], Count::Totals, 1),
        Entry::EmergencySuspended(_) => one(vec![(Supervisor, party)], Count::Emergencies, 1),
        Entry::EvaluationCounted(evaluated) => {
            let registrar = name(&evaluated.registrar);
            let subjects = vec![(Registrar, registrar), (Evaluator, party)];
            one(subjects, Count::Evaluations, 1)
        }
        Entry::IdentityRegistered(_) => {
            let subjects = vec![(Registrar, party)];
            let mut all = one(subjects.clone(), Count::Registrations, 1);
            all.extend(one(subjects, Count::UsedEvaluations, known.needed.max(1)));
            all
        }
        Entry::EvaluatorOpened(_) => {
            known.needed = 1;
            known.dealings.clear();
            Vec::new()
        }
        Entry::TagDealingOpened(opened) => {
            let dealing = KnownDealing {
                needed: opened.needed.into(),
                left: opened.holders.len() as u64,
            };
            known.dealings.insert(party, dealing);
            Vec::new()
        }
        Entry::TagDealingMessage(published) => {
            known.confirmed(&name(&published.opener), &published.message.body);
            Vec::new()
        }
        // A registrar or a supervisor; a leaf does not say in which role.
        Entry::IdentityRetired(_) => one(Vec::new(), Count::Retirements, 1),
        Entry::ScaleProposed(proposed) => {
            let scale = known.scales.entry(proposed.id.to_string()).or_default();
            let terms = (proposed.max_credits.0, proposed.supply_cap.map(|cap| cap.0));
            scale.versions.insert(proposed.version.0, terms);
            Vec::new()
        }
        Entry::PartyAdmitted(_)
        | Entry::KeysRotated(_)
        | Entry::KeySucceeded(_)
        | Entry::ActProposed(_)
        | Entry::EpochProposed(_)
        | Entry::KeyGenerationOpened(_)
        | Entry::KeyGenerationMessage(_)
        | Entry::KeyShareDestroyed(_)
        | Entry::ActEndorsed(_)
        | Entry::EndorsementRevoked(_)
        | Entry::ActEnacted(_)
        | Entry::ActObjected(_)
        | Entry::ScaleRetired(_)
        | Entry::OpeningEndorsed(_)
        | Entry::OpeningDisowned(_)
        | Entry::OpeningCompleted(_)
        | Entry::AlertRaised(_)
        | Entry::AlertHandled(_)
        | Entry::TotalsCut(_)
        | Entry::OfferClosed(_) => Vec::new(),
    }
}

/// A party's name among subjects: its id in hexadecimal.
fn name(party: &PartyId) -> String {
    hex::encode(party.0)
}

fn at(counts: &Counts, count: Count) -> u64 {
    counts.get(&count).copied().unwrap_or(0)
}

/// Thousandths, rounded down; 0 of nothing.
fn per_mille(part: u64, all: u64) -> u64 {
    let part = u128::from(part) * 1_000;
    let share = part.checked_div(u128::from(all)).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX).min(MOST)
}

/// Mean and standard deviation over the windows before, both rounded up; 0 without any.
fn mean_and_deviation(past: &VecDeque<Counts>, count: Count) -> (u64, u64) {
    let n = past.len() as u128;
    if n == 0 {
        return (0, 0);
    }
    let values = || past.iter().map(|counts| u128::from(at(counts, count)));
    let sum: u128 = values().sum();
    let squares: u128 = values().map(|value| value * value).sum();
    // n²·variance = n·Σx² − (Σx)², exact and never negative; below 28·28·2^104.
    let spread = n * squares - sum * sum;
    let root = spread.isqrt();
    let root = if root * root < spread { root + 1 } else { root };
    let up = |number: u128| u64::try_from(number.div_ceil(n)).unwrap_or(u64::MAX);
    (up(sum), up(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_rounded_up() {
        let of = |values: &[u64]| {
            let past = values
                .iter()
                .map(|value| Counts::from([(Count::Claims, *value)]));
            mean_and_deviation(&past.collect(), Count::Claims)
        };
        assert_eq!(of(&[]), (0, 0));
        assert_eq!(of(&[5, 5, 5]), (5, 0));
        assert_eq!(of(&[2, 4]), (3, 1));
        assert_eq!(of(&[1, 2]), (2, 1));
        // The largest that is kept overflows nothing.
        assert_eq!(of(&[MOST; HISTORY]), (MOST, 0));
        assert_eq!(of(&[0, MOST]), (MOST / 2, MOST / 2));
    }
}
