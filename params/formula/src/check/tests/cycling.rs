//! The shipped scale's formula, against cases by hand and against itself written in Rust.

use merits_primitives::figures::PublicNumber;
use proptest::prelude::*;

use super::{check, constant, records};
use crate::constant::ConstantDecl;
use crate::eval::{EvalError, Outputs};
use crate::schema::{Schema, tests::trips};
use crate::typed::Typed;

pub(super) fn constants() -> Vec<ConstantDecl> {
    vec![
        constant("factor", "0", "500", 2),
        constant("daily_cap", "0", "50000", 0),
    ]
}

pub(super) const CYCLING: &str = "
    // grams of CO2e; rounded down once, at the end
    math.floor(
      trips
        .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
        .groups(t, day(t.start))
        .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
        .sum()
      * factor / 1000)
";

/// 162.72 g/km and 20 km a day.
const VALUES: [PublicNumber; 2] = [PublicNumber(16_272), PublicNumber(20_000)];

pub(super) fn cycling() -> Typed {
    check(CYCLING, &trips(), &constants()).unwrap()
}

fn credits(rows: &[[u64; 3]]) -> u64 {
    cycling().eval(&records(rows), &VALUES).unwrap().credits
}

const MONDAY: u64 = 0;
const TUESDAY: u64 = 1440;
const SUNDAY_LAST: u64 = 10_079;

#[test]
fn credits_by_hand() {
    // 3 km on Monday: 3 * 162.72 = 488.16.
    assert_eq!(credits(&[[MONDAY + 490, 600, 3000]]), 488);
    assert_eq!(credits(&[]), 0);
    // Rounded down once: 2 * 488.16 = 976.32, and 3 * 488.16 = 1464.48 over two days.
    assert_eq!(credits(&[[490, 600, 3000], [1000, 600, 3000]]), 976);
    let three = [[490, 600, 3000], [1000, 600, 3000], [TUESDAY, 600, 3000]];
    assert_eq!(credits(&three), 1464);
    // 1 m is 0.16272 g: 6 m are 0.97632, 7 m are 1.13904.
    assert_eq!(credits(&[[0, 600, 6]]), 0);
    assert_eq!(credits(&[[0, 600, 7]]), 1);
}

#[test]
fn the_duration_counts_from_2_minutes_to_3_hours() {
    for (duration, counts) in [
        (0, false),
        (119, false),
        (120, true),
        (121, true),
        (10_799, true),
        (10_800, true),
        (10_801, false),
        (65_535, false),
    ] {
        let expected = if counts { 162 } else { 0 };
        assert_eq!(credits(&[[0, duration, 1000]]), expected, "{duration} s");
    }
}

#[test]
fn at_most_20_km_a_day_count() {
    // 20 km are 3254.4 g.
    assert_eq!(credits(&[[0, 600, 19_999]]), 3254); // 3254.23728
    assert_eq!(credits(&[[0, 600, 20_000]]), 3254);
    assert_eq!(credits(&[[0, 600, 20_001]]), 3254);
    assert_eq!(credits(&[[0, 600, 10_000], [1, 600, 10_000]]), 3254);
    assert_eq!(credits(&[[0, 600, 15_000], [1439, 600, 15_000]]), 3254);
    // Two days: 30 km count, 4881.6 g.
    assert_eq!(credits(&[[1439, 600, 15_000], [1440, 600, 15_000]]), 4881);
    // Sunday 23:59 is still this week's seventh day.
    assert_eq!(credits(&[[SUNDAY_LAST, 600, 25_000]]), 3254);
    // A trip that does not count does not use up the cap.
    assert_eq!(credits(&[[0, 60, 20_000], [1, 600, 1000]]), 162);
}

#[test]
fn a_full_week_is_within_v_max() {
    let rows: Vec<[u64; 3]> = (0..40).map(|i| [i * 251, 600, 65_535]).collect();
    // Seven days of 20 km: 22780.8 g.
    assert_eq!(credits(&rows), 22_780);
    // V_max by the intervals: 7 * 50 km * 500 g/km.
    assert_eq!(cycling().max_value(), 175_000);
    let most = [50_000, 50_000].map(PublicNumber);
    let most = cycling().eval(&records(&rows), &most).unwrap();
    let expected = Outputs {
        credits: 175_000,
        measure: None,
    };
    assert_eq!(most, expected);
}

#[test]
fn records_and_constants_outside_their_declared_bounds_are_refused() {
    let typed = cycling();
    let fine = records(&[[0, 600, 1000]]);
    let eval = |rows: &[[u64; 3]], values: &[PublicNumber]| typed.eval(&records(rows), values);
    assert!(typed.eval(&fine, &VALUES).is_ok());
    assert!(matches!(
        eval(&[[10_080, 600, 0]], &VALUES),
        Err(EvalError::Records(_))
    ));
    assert!(matches!(
        eval(&[[5, 600, 0], [5, 600, 0]], &VALUES),
        Err(EvalError::Records(_))
    ));
    assert!(matches!(
        typed.eval(&fine, &[50_001, 1].map(PublicNumber)),
        Err(EvalError::Constant(_))
    ));
    let missing = typed.eval(&fine, &VALUES[..1]);
    assert!(matches!(
        missing,
        Err(EvalError::ConstantCount {
            given: 1,
            declared: 2
        })
    ));
}

/// What the formula says, written down a second time in plain integer Rust.
fn by_hand(rows: &[[u64; 3]], [factor, cap]: [u64; 2]) -> u64 {
    let mut days = [0u64; 7];
    for [start, duration, distance] in rows {
        if (120..=10_800).contains(duration) {
            days[(start / 1440) as usize] += distance;
        }
    }
    let metres: u64 = days.iter().map(|day| day.min(&cap)).sum();
    // g/km in hundredths, metres: 100 * 1000 to a gram.
    metres * factor / 100_000
}

fn week(schema: &Schema) -> impl Strategy<Value = Vec<[u64; 3]>> + use<> {
    let most = usize::from(schema.max_records);
    let duration = prop_oneof![0..=65_535u64, 118..=122u64, 10_798..=10_802u64];
    let distance = prop_oneof![Just(0u64), 0..=65_535u64, 0..=3000u64, 19_990..=20_010u64];
    let trip = (0..=10_079u64, duration, distance).prop_map(|(a, b, c)| [a, b, c]);
    prop::collection::vec(trip, 0..=most).prop_map(|mut rows| {
        rows.sort_unstable();
        rows.dedup_by_key(|row| row[0]);
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_formula_is_what_it_says(
        rows in week(&trips()),
        factor in 0..=50_000u64,
        cap in 0..=50_000u64,
    ) {
        let typed = cycling();
        let values = [factor, cap].map(PublicNumber);
        let credits = typed.eval(&records(&rows), &values).unwrap();
        prop_assert_eq!(credits.credits, by_hand(&rows, [factor, cap]));
        prop_assert!(credits.credits <= typed.max_value());
    }

}
