//! Drawn scales pass often enough, have every construct, and are the same for the same seed.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

fn drawn(seed: u64, cases: usize) -> (Vec<Declarations>, Acceptance) {
    let mut source = StdRng::seed_from_u64(seed);
    let mut dice = Dice::new(&mut source);
    let mut acceptance = Acceptance::default();
    let scales = (0..cases).map(|_| {
        let scale = declarations(&mut dice);
        acceptance.count(&scale, &check(&scale));
        scale
    });
    (scales.collect(), acceptance)
}

#[test]
fn most_scales_pass_and_together_have_every_construct() {
    let (scales, acceptance) = drawn(1, 3000);
    assert_eq!(acceptance.drawn(), 3000);
    assert!(acceptance.accepted > 1000, "{acceptance:?}");
    assert_eq!(acceptance.uncovered(), Vec::<&str>::new(), "{acceptance:?}");
    assert!(scales.iter().any(|scale| scale.measure.is_some()));
    // The same again.
    assert_eq!(drawn(1, 50).0, scales[..50]);
}

#[test]
fn records_and_numbers_are_within_bounds_and_spoilt_ones_are_not() {
    let mut source = StdRng::seed_from_u64(2);
    let mut dice = Dice::new(&mut source);
    let mut acceptance = Acceptance::default();
    let mut ways = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let typed = draw(&mut dice, &mut acceptance);
        let numbers = numbers(&mut dice, &typed);
        let marks = marks(typed.declarations());
        let records = records(&mut dice, typed.schema(), &marks);
        assert_eq!(typed.schema().check_sequence(&records), Ok(()));
        let outputs = typed.eval(&records, &numbers);
        let outputs = outputs.unwrap_or_else(|error| panic!("{error}: {:?}", typed.declarations()));
        assert!(outputs.credits <= typed.max_value());
        assert_eq!(outputs.measure.is_some(), typed.measure().is_some());
        if let Some((wrong, how)) = spoilt(&mut dice, typed.schema(), &records) {
            assert!(
                typed.schema().check_sequence(&wrong).is_err(),
                "{how:?} {wrong:?}"
            );
            ways.insert(how);
        }
    }
    assert_eq!(ways.len(), 5, "{ways:?}");
}

#[test]
fn texts_that_are_no_formulas_are_refused_in_time() {
    let mut source = StdRng::seed_from_u64(3);
    let mut dice = Dice::new(&mut source);
    for _ in 0..400 {
        let mut scale = declarations(&mut dice);
        scale.credits = mutated(&mut dice, &scale.credits);
        if let Some(step) = scale.steps.last_mut().filter(|_| dice.one_in(3)) {
            step.cel = mutated(&mut dice, &step.cel);
        }
        let start = std::time::Instant::now();
        let checked = check(&scale);
        let took = start.elapsed();
        assert!(took.as_secs() < 5, "{took:?} for {:?}", scale.credits);
        if let Err(faults) = checked {
            assert!(!faults.is_empty(), "{:?}", scale.credits);
        }
    }
}
