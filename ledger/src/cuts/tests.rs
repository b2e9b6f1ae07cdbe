//! The rule against what opened sums say, by trying their combinations.

use merits_primitives::ids::{AssetId, Epoch, PartyId};

use super::*;

const LEAST: u64 = 4;
const RULE: Rule = Rule { least: LEAST };
/// Seeds of random histories.
const HISTORIES: u64 = 1_500;
/// Coefficients that are tried for each opened sum.
const COEFFICIENTS: std::ops::RangeInclusive<i32> = -2..=2;
/// Sums whose combinations are tried: 5^6 of them.
const MOST_SUMS: usize = 6;

fn interval(asset: u64, number: u32) -> Interval {
    Interval {
        asset: AssetId(asset),
        epoch: Epoch(1),
        number,
    }
}

fn portion(asset: u64, number: u32, distributor: u8) -> Portion {
    Portion {
        interval: interval(asset, number),
        distributor: PartyId([distributor; 32]),
    }
}

fn atom(deeds: u64, portions: &[Portion]) -> Atom {
    Atom {
        portions: portions.to_vec(),
        deeds,
    }
}

fn class(found: u64) -> Result<(), CutFault> {
    let least = LEAST;
    Err(CutFault::Class { found, least })
}

fn left_with(distributor: u8, found: u64) -> Result<(), CutFault> {
    Err(CutFault::Distributor {
        distributor: PartyId([distributor; 32]),
        found,
        least: LEAST,
    })
}

#[test]
fn a_sum_over_few_or_nobody_is_not_opened() {
    let check = |atoms: &[Atom]| RULE.check(atoms, |_| false, &interval(1, 0));
    assert_eq!(check(&[]), class(0));
    assert_eq!(check(&[atom(3, &[portion(1, 0, 1)])]), class(3));
    assert_eq!(check(&[atom(4, &[portion(1, 0, 1)])]), Ok(()));
    // Another interval's deeds do not help.
    let other = atom(9, &[portion(1, 1, 1)]);
    assert_eq!(check(&[atom(3, &[portion(1, 0, 1)]), other]), class(3));
    let nobody = Rule { least: 0 };
    assert!(nobody.check(&[], |_| false, &interval(1, 0)).is_err());
}

#[test]
fn a_large_distributor_does_not_learn_a_small_ones_claims() {
    let check = |small| {
        let atoms = [
            atom(100, &[portion(1, 0, 1)]),
            atom(small, &[portion(1, 0, 2)]),
        ];
        RULE.check(&atoms, |_| false, &interval(1, 0))
    };
    assert_eq!(check(1), left_with(1, 1));
    assert_eq!(check(3), left_with(1, 3));
    assert_eq!(check(4), Ok(()));
}

/// It fills the set with its own claims, so that there are enough.
#[test]
fn claims_that_fill_a_set_do_not_count_for_who_made_them() {
    let atoms = [
        atom(1, &[portion(1, 0, 2)]),
        atom(1, &[portion(1, 0, 3)]),
        atom(50, &[portion(1, 0, 1)]),
    ];
    assert_eq!(
        RULE.check(&atoms, |_| false, &interval(1, 0)),
        left_with(1, 2)
    );
}

#[test]
fn another_scales_sum_differs_by_none_or_by_enough() {
    let (first, second) = (portion(1, 0, 1), portion(2, 0, 1));
    let check = |both, only_first, only_second| {
        let atoms = [
            atom(both, &[first, second]),
            atom(only_first, &[first]),
            atom(only_second, &[second]),
        ];
        RULE.check(&atoms, |it| *it == first.interval, &second.interval)
    };
    assert_eq!(check(8, 0, 0), Ok(()));
    assert_eq!(check(8, 1, 0), class(1));
    assert_eq!(check(8, 0, 1), class(1));
    assert_eq!(check(8, 4, 0), Ok(()));
    assert_eq!(check(8, 4, 4), Ok(()));
    assert_eq!(check(1, 8, 8), class(1));
    assert_eq!(check(0, 8, 8), Ok(()));
}

/// Far from each opened set, and one deed from both together.
#[test]
fn a_set_is_compared_with_unions_of_opened_ones() {
    let cut = |it: &Interval| it.asset == AssetId(1);
    let check = |outside, inside| {
        let atoms = [
            atom(10, &[portion(1, 0, 1), portion(2, 0, 1)]),
            atom(10 - outside, &[portion(1, 1, 1), portion(2, 0, 1)]),
            atom(outside, &[portion(1, 1, 1)]),
            atom(inside, &[portion(2, 0, 1)]),
        ];
        RULE.check(&atoms, cut, &interval(2, 0))
    };
    assert_eq!(check(0, 0), Ok(()));
    assert_eq!(check(1, 0), class(1));
    assert_eq!(check(0, 1), class(1));
    assert_eq!(check(4, 4), Ok(()));
}

/// The deeds that two opened scales have in common, against a third.
#[test]
fn a_set_is_compared_with_intersections_of_opened_ones() {
    let (one, two, three) = (portion(1, 0, 1), portion(2, 0, 1), portion(3, 0, 1));
    let atoms = [
        atom(9, &[one, two, three]),
        atom(1, &[one, two]),
        atom(20, &[one]),
        atom(20, &[two]),
        atom(20, &[three]),
    ];
    let cut = |it: &Interval| *it == one.interval || *it == two.interval;
    assert_eq!(RULE.check(&atoms, cut, &three.interval), class(1));
}

/// A deed that a distributor claims under one scale is known to it under the others too.
#[test]
fn a_distributor_knows_its_deeds_under_every_scale() {
    let atoms = [
        atom(9, &[portion(1, 0, 1), portion(2, 0, 2)]),
        atom(2, &[portion(1, 0, 1)]),
        atom(9, &[portion(1, 0, 3)]),
    ];
    let new = interval(1, 0);
    // Distributor 1 has 11 of 20, and distributor 3 has 9. Distributor 2 knows 9 of the first.
    assert_eq!(RULE.check(&atoms, |_| false, &new), Ok(()));
    let atoms = [&atoms[0], &atoms[1]];
    assert_eq!(RULE.check(atoms, |_| false, &new), left_with(2, 2));
}

/// A small generator, so that a history is its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A deed of a model, with the portions in which it was claimed.
#[derive(Debug, Clone, Default)]
struct Deed {
    portions: BTreeSet<Portion>,
}

#[derive(Debug, Default)]
struct Model {
    deeds: Vec<Deed>,
    cut: BTreeSet<Interval>,
    running: BTreeMap<u64, u32>,
    refused: usize,
}

impl Model {
    fn atoms(&self) -> Vec<Atom> {
        let mut atoms: BTreeMap<&BTreeSet<Portion>, u64> = BTreeMap::new();
        for deed in self.deeds.iter().filter(|deed| !deed.portions.is_empty()) {
            *atoms.entry(&deed.portions).or_default() += 1;
        }
        let atom = |(portions, deeds): (&BTreeSet<Portion>, u64)| Atom {
            portions: portions.iter().copied().collect(),
            deeds,
        };
        atoms.into_iter().map(atom).collect()
    }

    fn claim(&mut self, deed: usize, asset: u64, distributor: u8) {
        let taken = |of: &Portion| of.interval.asset == AssetId(asset);
        let number = *self.running.entry(asset).or_default();
        let portions = &mut self.deeds[deed].portions;
        if !portions.iter().any(taken) {
            portions.insert(portion(asset, number, distributor));
        }
    }

    fn cut(&mut self, asset: u64) {
        let number = *self.running.entry(asset).or_default();
        let new = interval(asset, number);
        if RULE
            .check(&self.atoms(), |it| self.cut.contains(it), &new)
            .is_err()
        {
            self.refused += 1;
            return;
        }
        self.cut.insert(new);
        self.running.insert(asset, number + 1);
    }

    /// The least number of deeds, unknown to `viewer`, that a combination of opened sums is about.
    fn least_revealed(&self, viewer: Option<u8>) -> Option<u64> {
        let known = |deed: &Deed| {
            let by = |of: &Portion| viewer.is_some_and(|id| of.distributor == PartyId([id; 32]));
            deed.portions.iter().any(by)
        };
        let unknown = self.deeds.iter().filter(|deed| !known(deed));
        let mut columns: BTreeMap<Vec<bool>, u64> = BTreeMap::new();
        for deed in unknown {
            let lies_in = |it: &Interval| deed.portions.iter().any(|of| of.interval == *it);
            let sums = self.cut.iter().take(MOST_SUMS);
            *columns.entry(sums.map(lies_in).collect()).or_default() += 1;
        }
        let sums = self.cut.len().min(MOST_SUMS);
        let mut least = None;
        let tries = COEFFICIENTS.count().pow(sums as u32);
        for mut code in 0..tries {
            let mut coefficients = [0; MOST_SUMS];
            for coefficient in coefficients.iter_mut().take(sums) {
                *coefficient = COEFFICIENTS.start() + (code % COEFFICIENTS.count()) as i32;
                code /= COEFFICIENTS.count();
            }
            let about = |(column, deeds): (&Vec<bool>, &u64)| {
                let terms = column.iter().zip(coefficients);
                let weight: i32 = terms.map(|(lies, factor)| i32::from(*lies) * factor).sum();
                if weight == 0 { 0 } else { *deeds }
            };
            let about: u64 = columns.iter().map(about).sum();
            if about > 0 {
                least = Some(least.map_or(about, |least: u64| least.min(about)));
            }
        }
        least
    }
}

/// Claims and cuts in a random order: three scales over the same deeds, and four distributors, the first of which
/// makes most of the claims. `of` says which of them claims a deed.
fn history(seed: u64, of: impl Fn(&mut Dice, usize) -> u8) -> Model {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut model = Model {
        deeds: vec![Deed::default(); 24 + dice.below(24) as usize],
        ..Model::default()
    };
    // Often the scales are claimed for nearly the same deeds, one after the other.
    let orderly = dice.below(2) == 0;
    let missed = dice.below(6);
    for round in 0..6 {
        let asset = 1 + if orderly { round / 2 } else { dice.below(3) };
        let half = model.deeds.len() / 2;
        for deed in 0..model.deeds.len() {
            let now = match orderly {
                true => (deed < half) == (round % 2 == 0) && dice.below(40) >= missed,
                false => dice.below(3) == 0,
            };
            if now {
                let distributor = of(&mut dice, deed);
                model.claim(deed, asset, distributor);
            }
        }
        model.cut(asset);
    }
    for asset in 1..=3 {
        model.cut(asset);
    }
    model
}

fn unequal(number: u64) -> u8 {
    match number {
        0..=11 => 1,
        12..=16 => 2,
        17..=18 => 3,
        _ => 4,
    }
}

/// No combination of opened sums is about fewer deeds than the least number, in any history.
#[test]
fn no_combination_of_opened_sums_is_about_few_deeds() {
    let (mut opened, mut refused) = (0, 0);
    for seed in 1..=HISTORIES {
        let model = history(seed, |dice, _| unequal(dice.below(20)));
        let least = model.least_revealed(None);
        assert!(least.is_none_or(|least| least >= LEAST), "seed {seed}");
        opened += model.cut.len();
        refused += model.refused;
    }
    // The histories are about something.
    let histories = HISTORIES as usize;
    assert!(opened > histories, "{opened} sums were opened");
    assert!(refused > histories, "{refused} were refused");
}

/// Nor is one, for a distributor that knows its own deeds.
#[test]
fn no_distributor_learns_a_sum_over_few_deeds_of_others() {
    let mut opened = 0;
    for seed in 1..=HISTORIES {
        let model = history(seed, |_, deed| unequal(deed as u64 * 7 % 20));
        for viewer in 1..=4 {
            let least = model.least_revealed(Some(viewer));
            let enough = least.is_none_or(|least| least >= LEAST);
            assert!(enough, "seed {seed}, distributor {viewer}");
        }
        opened += model.cut.len();
    }
    assert!(opened > HISTORIES as usize / 2, "{opened} sums were opened");
}

/// Comparing sets in pairs, as one might, lets a union differ by one deed. So the trial finds what the rule prevents.
#[test]
fn the_trial_finds_what_comparing_pairs_lets_through() {
    let mut model = Model {
        deeds: vec![Deed::default(); 20],
        ..Model::default()
    };
    for deed in 0..20 {
        model.claim(deed, 1, 1);
        if deed == 9 {
            model.cut(1);
        }
        if deed < 19 {
            model.claim(deed, 2, 1);
        }
    }
    model.cut(1);
    assert_eq!(model.cut.len(), 2);
    model.cut(2);
    assert_eq!(model.refused, 1);
    // What a rule of pairs would have opened: 19 deeds, 9 from one set and 10 from the other.
    model.cut.insert(interval(2, 0));
    assert_eq!(model.least_revealed(None), Some(1));
}
