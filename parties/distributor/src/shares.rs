//! The deeds that a round may claim, read from the store page by page and split into shares of a batch.
//!
//! Deeds wait for years if their people never consent. So a round keeps one page of them, the shares that are complete
//! in it, and the deeds that are claimed alone because an earlier attempt failed.

use std::collections::VecDeque;

use merits_primitives::ids::{PartyId, ScaleId};

use crate::{
    attempts::Tried,
    batching::{OrderedDeed, Share, Splitter},
    consents::{Consents, Wait, Waiting},
    sources::Sources,
    store::{
        Candidate, CandidateCursor, CandidatePage, DeedId, SourceSigned, Store, StoreError,
        TicketId,
    },
};

/// Deeds that are read at once: some 3 MB.
pub(crate) const PAGE: u32 = 16_384;

/// Signatures of sources that are verified without a pause: some milliseconds on all cores.
pub(crate) const SIGNATURES: usize = 1024;

/// A deed that may be claimed now.
pub(crate) type Claimable = (DeedId, Option<TicketId>);

/// Where the deeds come from, and which of them may be claimed.
#[derive(Clone, Copy)]
pub(crate) struct Claiming<'a> {
    pub(crate) store: &'a Store,
    pub(crate) scale: &'a ScaleId,
    pub(crate) distributor: PartyId,
    pub(crate) consents: &'a Consents<'a>,
    pub(crate) sources: &'a Sources<'a>,
    /// Deeds that this run does not try again.
    pub(crate) tried: &'a Tried,
}

/// The shares of a round. Deeds that wait are counted as they are read.
pub(crate) struct Shares<'a> {
    claiming: Claiming<'a>,
    page: u32,
    /// Where to read on; `None` when all was read.
    after: Option<CandidateCursor>,
    splitter: Splitter<Claimable>,
    ready: VecDeque<Share<Claimable>>,
    found: usize,
}

impl<'a> Shares<'a> {
    /// Shares of at most `capacity` deeds, from pages of `page` deeds.
    pub(crate) fn new(claiming: Claiming<'a>, capacity: usize, page: u32) -> Self {
        Self {
            claiming,
            page,
            after: Some(CandidateCursor::START),
            splitter: Splitter::new(capacity),
            ready: VecDeque::new(),
            found: 0,
        }
    }

    /// The next share; `None` after the last one.
    pub(crate) async fn next(
        &mut self,
        waiting: &mut Waiting,
    ) -> Result<Option<Share<Claimable>>, StoreError> {
        loop {
            if let Some(share) = self.ready.pop_front() {
                return Ok(Some(share));
            }
            if !self.read_page(waiting).await? {
                return Ok(None);
            }
        }
    }

    /// Shares that were found so far.
    pub(crate) fn found(&self) -> usize {
        self.found
    }

    /// Reads what is left, so that all deeds that wait are counted although the round ends.
    pub(crate) async fn count_rest(mut self, waiting: &mut Waiting) -> Result<(), StoreError> {
        while self.read_page(waiting).await? {
            self.ready.clear();
        }
        Ok(())
    }

    /// Returns `false` when all was read before.
    async fn read_page(&mut self, waiting: &mut Waiting) -> Result<bool, StoreError> {
        let Some(after) = self.after else {
            return Ok(false);
        };
        let Claiming { store, scale, .. } = self.claiming;
        let CandidatePage { candidates, next } = store.candidates(scale, after, self.page).await?;
        let before = self.ready.len();
        for candidates in candidates.chunks(SIGNATURES) {
            let mut open: Vec<(Claimable, &Candidate)> = Vec::with_capacity(candidates.len());
            for candidate in candidates {
                match self.claiming.claimable(candidate)? {
                    Err(wait) => waiting.add(wait),
                    Ok(item) => open.push((item, candidate)),
                }
            }
            let signed = open.iter().map(|(_, candidate)| candidate.signed);
            let signed: Vec<Option<SourceSigned>> = signed.collect();
            let verdicts = self.claiming.sources.judge(scale, &signed);
            for ((item, candidate), verdict) in open.into_iter().zip(verdicts) {
                match verdict {
                    Err(wait) => waiting.add(wait),
                    Ok(()) => self.ready.extend(self.splitter.push(OrderedDeed {
                        item,
                        period: candidate.period,
                        source: candidate.source,
                        alone: candidate.alone,
                    })),
                }
            }
            // What waits for an answer of the ledger may go on between the chunks.
            tokio::task::yield_now().await;
        }
        self.after = next;
        if next.is_none() {
            self.ready.extend(self.splitter.finish());
        }
        self.found += self.ready.len() - before;
        Ok(true)
    }
}

impl Claiming<'_> {
    /// Whether a deed may be claimed now, and with which ticket.
    fn claimable(&self, candidate: &Candidate) -> Result<Result<Claimable, Wait>, StoreError> {
        if self.tried.has(candidate.deed) {
            return Ok(Err(Wait::Aside));
        }
        if matches!(self.consents, Consents::Custody) {
            return Ok(Ok((candidate.deed, None)));
        }
        let Some(ticket) = &candidate.ticket else {
            return Ok(Err(Wait::NoTicket));
        };
        let open = self.consents.open(&self.distributor, ticket)?;
        Ok(open.map(|()| (candidate.deed, Some(ticket.id))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use merits_formula::Record;
    use merits_ledger::State;
    use merits_ledger_fixture::{Federation, START};
    use merits_primitives::{
        Fr,
        commitment::{RecordCommitment, RecordSalt},
        ids::{Origin, Period},
        owner::Handle,
    };
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::{
        at_rest::MasterKey,
        store::{AsideReason, Inserted, NewDeed},
    };

    const SOURCES: [PartyId; 2] = [PartyId([1; 32]), PartyId([2; 32])];

    /// A store with five deeds of each of two sources in each of two months.
    async fn store(dir: &tempfile::TempDir, scale: &ScaleId) -> Store {
        let origin = Origin::new("shares.test").expect("a name");
        let master = MasterKey::new(zeroize::Zeroizing::new([5; 32]));
        let path = dir.path().join("store");
        let store = Store::open(&path, &origin, &PartyId([9; 32]), master);
        let store = store.await.expect("made");
        let mut number = 0u64;
        let mut deed = |account: u32, month: &str| {
            number += 1;
            NewDeed {
                subject: format!("rider-{account:03}"),
                period: Period::from_label(month).expect("a month"),
                handle: Handle(Fr::from(number)),
                salt: RecordSalt(Fr::from(number)),
                records: Vec::<Record>::new(),
                commitment: RecordCommitment(Fr::from(number * 7_919)),
                signature: [0; 64],
            }
        };
        let mut rng = StdRng::from_seed([3; 32]);
        for source in &SOURCES {
            let months = ["2016-06", "2016-05"].into_iter();
            let deeds = months.flat_map(|month| (0..5).map(move |account| (account, month)));
            let deeds: Vec<NewDeed> = deeds.map(|(account, month)| deed(account, month)).collect();
            let inserted = store.insert_deeds(scale, source, &deeds, &mut rng).await;
            assert_eq!(inserted.expect("written"), vec![Inserted::New; 10]);
        }
        store
    }

    /// The size of a page changes nothing: neither the shares nor what waits.
    #[tokio::test]
    async fn pages_of_any_size_give_the_same_shares() {
        let dir = tempfile::tempdir().expect("a directory");
        let scale = ScaleId::new("cycling").expect("an id");
        let store = store(&dir, &scale).await;
        let whole = store.candidates(&scale, CandidateCursor::START, 100).await;
        let all: Vec<DeedId> = whole
            .expect("read")
            .candidates
            .iter()
            .map(|candidate| candidate.deed)
            .collect();
        assert_eq!(all.len(), 20);
        let (reason, tried) = (AsideReason::Proof, Tried::default());
        // Set aside in an earlier run, so alone and last; and in this run, so not again.
        store.set_aside(all[1], reason).await.expect("written");
        tried
            .set_aside(&store, all[7], reason)
            .await
            .expect("written");
        // A ledger that knows no version says nothing about signatures.
        let federation = Federation::generate(&mut StdRng::from_seed([4; 32])).expect("made");
        let (state, clock) = (State::new(federation.policy()), || START);
        let sources = Sources::of(&state, &clock);
        let claiming = Claiming {
            store: &store,
            scale: &scale,
            distributor: PartyId([9; 32]),
            consents: &Consents::Custody,
            sources: &sources,
            tried: &tried,
        };
        for page in [1, 2, 3, 19, 20, 21, PAGE] {
            let mut waiting = Waiting::default();
            let mut shares = Shares::new(claiming, 2, page);
            let mut claimed: Vec<(String, Vec<DeedId>)> = Vec::new();
            while let Some((period, source, deeds)) = shares.next(&mut waiting).await.expect("read")
            {
                assert!(SOURCES.contains(&source));
                claimed.push((
                    period.label(),
                    deeds.iter().map(|(deed, _)| *deed).collect(),
                ));
            }
            assert_eq!(shares.found(), claimed.len());
            let expected: [&[usize]; 11] = [
                &[0, 2],
                &[3, 4],
                &[5, 6],
                &[8, 9],
                &[10, 11],
                &[12, 13],
                &[14],
                &[15, 16],
                &[17, 18],
                &[19],
                &[1],
            ];
            let expected = expected.map(|at| {
                let month = if at[0] < 10 { "2016-05" } else { "2016-06" };
                let deeds: Vec<DeedId> = at.iter().map(|at| all[*at]).collect();
                (month.to_owned(), deeds)
            });
            assert_eq!(claimed, expected, "pages of {page}");
            let counts = BTreeMap::from([(Wait::Aside, 1)]);
            assert_eq!(waiting.counts, counts, "pages of {page}");
            // A round that ends early counts the same.
            let mut waiting = Waiting::default();
            let mut shares = Shares::new(claiming, 2, page);
            let first = shares.next(&mut waiting).await.expect("read");
            assert!(first.is_some());
            shares.count_rest(&mut waiting).await.expect("read");
            assert_eq!(waiting.counts, counts, "pages of {page}");
        }
    }
}
