//! A quorum's half: its key generation by all holders in one process, and an opening's part.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use merits_primitives::{
    dleq::Context,
    ids::{Epoch, Origin, PartyId},
    jubjub::{Point, random_scalar},
};
use merits_threshold::{
    Side,
    ceremony::Ceremony,
    message::Slot,
    participant::Participant,
    quorum::Partial,
    standing::{Board, Outcome, Standing},
};
use rand::RngExt as _;

/// A key generation of `holders`, from the seeds to the shares that all of them confirmed.
fn generation(needed: u16, holders: u8) -> (Ceremony, Vec<Participant>, Outcome) {
    let members: Vec<PartyId> = (1..=holders).map(|number| PartyId([number; 32])).collect();
    let origin = Origin::new("ledger.bench/merits").expect("an origin");
    let ceremony = Ceremony::new(origin, Epoch(1), 1, Side::Witness, needed, members.clone())
        .expect("a ceremony");
    let mut parties: Vec<Participant> = members
        .iter()
        .map(|member| {
            let seed = rand::rng().random::<[u8; 32]>().into();
            Participant::begin(&ceremony, *member, seed).expect("a member")
        })
        .collect();
    let mut board = Board::new();
    loop {
        let mut ends = Vec::new();
        for party in &mut parties {
            let seen = party.advance(&ceremony, &board).expect("a turn");
            let me = party.me();
            let new: Vec<(Slot, Vec<u8>)> = party
                .unpublished(&board)
                .into_iter()
                .map(|(round, bytes)| (Slot { round, party: me }, bytes.to_vec()))
                .collect();
            board.extend(new);
            if let Standing::Done(outcome) = seen {
                ends.push(*outcome);
            }
        }
        if ends.len() == parties.len() {
            return (ceremony, parties, ends.swap_remove(0));
        }
    }
}

fn threshold(c: &mut Criterion) {
    let mut group = c.benchmark_group("threshold");
    group.sample_size(10);
    group.bench_function("key generation, 3 of 5, all holders", |b| {
        b.iter(|| black_box(generation(3, 5)));
    });
    let (ceremony, parties, outcome) = generation(3, 5);
    let shares: Vec<_> = parties
        .iter()
        .map(|party| party.shares(&ceremony).expect("shares"))
        .collect();
    let rng = &mut rand::rng();
    let base = Point::mul_base(&random_scalar(rng)).expect("not zero");
    let context = Context::new("bench", &[]);
    group.bench_function("a partial with its proof", |b| {
        b.iter(|| black_box(shares[0][0].partial(&base, &context, &mut rand::rng())));
    });
    let partials: Vec<Partial> = shares
        .iter()
        .take(3)
        .map(|[claim, _]| claim.partial(&base, &context, &mut rand::rng()))
        .collect();
    group.bench_function("3 partials checked and combined", |b| {
        b.iter(|| black_box(outcome.claim.combine(&base, &partials, |_| context)));
    });
    group.finish();
}

criterion_group!(benches, threshold);
criterion_main!(benches);
