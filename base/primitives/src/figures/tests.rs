//! The numbers that count in a period, and figures that are refused.

use super::*;

fn day(text: &str) -> u32 {
    (Period::from_label(text).expect("a day").index).0
}

fn period(label: &str) -> Period {
    Period::from_label(label).expect("a period")
}

fn figure(name: &str, schedule: Option<u16>, values: &[u64]) -> Figure {
    Figure {
        name: name.into(),
        exponent: 2,
        low: 10,
        high: 1_000,
        schedule,
        values: values.to_vec(),
    }
}

/// A fixed factor, a dated fare, and two cells of a dated tariff.
fn figures() -> Figures {
    Figures {
        figures: vec![
            figure("factor", None, &[162]),
            figure("fare", Some(0), &[20, 30, 40]),
            figure("tariff[bus]", Some(1), &[50, 60]),
            figure("tariff[metro]", Some(1), &[70, 80]),
        ],
        schedules: vec![
            vec![day("2024-03-01"), day("2024-05-15")],
            vec![day("2024-03-06")],
        ],
    }
}

#[test]
fn a_change_inside_a_period_gives_both_values_and_its_day() {
    for (label, expected) in [
        // Before any change.
        ("2024-02", [162, 20, 20, 50, 50, 70, 70, 0, 0]),
        // The fare changes on the first of March, so for all of March; the tariff on the sixth.
        ("2024-03", [162, 30, 30, 50, 60, 70, 80, 0, 5]),
        ("2024-04", [162, 30, 30, 60, 60, 80, 80, 0, 0]),
        // The fare changes on the fifteenth of May.
        ("2024-05", [162, 30, 40, 60, 60, 80, 80, 14, 0]),
        ("2024-06", [162, 40, 40, 60, 60, 80, 80, 0, 0]),
        // The week of Monday 26 February: the fare changes on its Friday.
        ("2024-W09", [162, 20, 30, 50, 50, 70, 70, 4, 0]),
        // The week of Monday 4 March: the tariff changes on its Wednesday.
        ("2024-W10", [162, 30, 30, 50, 60, 70, 80, 0, 2]),
        ("2024-W11", [162, 30, 30, 60, 60, 80, 80, 0, 0]),
        // The week of Monday 13 May.
        ("2024-W20", [162, 30, 40, 60, 60, 80, 80, 2, 0]),
        // No change falls inside a day: it takes effect at the day's start.
        ("2024-02-29", [162, 20, 20, 50, 50, 70, 70, 0, 0]),
        ("2024-03-01", [162, 30, 30, 50, 50, 70, 70, 0, 0]),
        ("2024-03-05", [162, 30, 30, 50, 50, 70, 70, 0, 0]),
        ("2024-03-06", [162, 30, 30, 60, 60, 80, 80, 0, 0]),
    ] {
        let expected = expected.map(PublicNumber);
        assert_eq!(figures().public(period(label)), expected, "{label}");
    }
}

#[test]
fn the_last_day_of_a_period_is_inside_and_the_next_is_not() {
    for (kind, change, label, expected) in [
        (PeriodKind::Week, "2024-03-10", "2024-W10", [20, 30, 6]),
        (PeriodKind::Week, "2024-03-11", "2024-W10", [20, 20, 0]),
        (PeriodKind::Week, "2024-03-11", "2024-W11", [30, 30, 0]),
        (PeriodKind::Month, "2024-02-29", "2024-02", [20, 30, 28]),
        (PeriodKind::Month, "2024-03-01", "2024-02", [20, 20, 0]),
        // Week 0 begins before 1970.
        (PeriodKind::Week, "1970-01-01", "1970-W01", [20, 30, 3]),
    ] {
        let figures = Figures {
            figures: vec![figure("fare", Some(0), &[20, 30])],
            schedules: vec![vec![day(change)]],
        };
        assert_eq!(figures.check(kind), Ok(()));
        let expected = expected.map(PublicNumber);
        assert_eq!(figures.public(period(label)), expected, "{change} {label}");
    }
}

#[test]
fn every_day_of_ten_years_has_the_version_that_took_effect_last() {
    let figures = figures();
    for at in day("2020-01-01")..day("2030-01-01") {
        let expected = |schedule: usize, values: &[u64]| {
            let versions = figures.schedules[schedule].iter().filter(|d| **d <= at);
            PublicNumber(values[versions.count()])
        };
        for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
            let period = Period::of_day(kind, at);
            let numbers = figures.public(period);
            let offset = u64::try_from(i64::from(at) - period.first_day()).unwrap();
            let offset = PublicNumber(offset);
            // As in the circuit: the later value from the change day on.
            let counts =
                |at: usize, change: usize| numbers[at + usize::from(offset >= numbers[change])];
            assert_eq!(counts(1, 7), expected(0, &[20, 30, 40]));
            assert_eq!(counts(3, 8), expected(1, &[50, 60]));
            assert_eq!(counts(5, 8), expected(1, &[70, 80]));
        }
    }
}

#[test]
fn there_are_as_many_names_as_numbers() {
    let figures = figures();
    assert_eq!(figures.count(), 9);
    assert_eq!(figures.public(period("2024-03")).len(), 9);
    assert_eq!(
        figures.names(),
        [
            "factor",
            "fare (before)",
            "fare (after)",
            "tariff[bus] (before)",
            "tariff[bus] (after)",
            "tariff[metro] (before)",
            "tariff[metro] (after)",
            "change day of fare",
            "change day of tariff",
        ]
    );
}

#[test]
fn people_read_which_version_counts() {
    let figures = figures();
    let words = |label| figures.in_words(period(label));
    let expected = [
        ("factor", "1.62"),
        ("fare", "0.3"),
        ("tariff[bus]", "0.5, from 2024-03-06 0.6"),
        ("tariff[metro]", "0.7, from 2024-03-06 0.8"),
    ];
    assert_eq!(
        words("2024-03"),
        expected.map(|(name, text)| (name, text.to_owned()))
    );
    assert_eq!(words("2024-06")[1], ("fare", "0.4".to_owned()));
    let mut whole = figure("cap", None, &[20]);
    whole.exponent = 0;
    assert_eq!(whole.decimal(PublicNumber(20)), "20");
    whole.exponent = 18;
    assert_eq!(whole.decimal(PublicNumber(5)), "0.000000000000000005");
    assert_eq!(whole.decimal(PublicNumber(0)), "0");
}

#[test]
fn a_dated_figure_without_a_change_yet_keeps_its_room() {
    let figures = Figures {
        figures: vec![figure("fare", Some(0), &[20])],
        schedules: vec![vec![]],
    };
    assert_eq!(figures.check(PeriodKind::Month), Ok(()));
    assert_eq!(
        figures.public(period("2024-03")),
        [20, 20, 0].map(PublicNumber)
    );
    let mut later = figures.clone();
    later.schedules[0].push(day("2025-01-01"));
    later.figures[0].values.push(30);
    assert!(figures.same_shape(&later));
    later.figures[0].schedule = None;
    assert!(!figures.same_shape(&later));
    later = figures.clone();
    later.figures[0].high += 1;
    assert!(!figures.same_shape(&later));
    later = figures.clone();
    later.schedules.push(vec![]);
    assert!(!figures.same_shape(&later));
}

#[test]
fn each_rule_has_its_refusal() {
    let refuse = |change: fn(&mut Figures)| {
        let mut figures = figures();
        assert_eq!(figures.check(PeriodKind::Month), Ok(()));
        change(&mut figures);
        figures.check(PeriodKind::Month).expect_err("refused")
    };
    let fare = || "fare".to_owned();
    for (change, expected) in [
        (
            (|f| f.figures = vec![f.figures[0].clone(); MAX_FIGURES + 1]) as fn(&mut Figures),
            FiguresError::TooMany {
                what: "figures",
                found: 257,
                most: 256,
            },
        ),
        (
            |f| f.schedules.resize(MAX_SCHEDULES + 1, Vec::new()),
            FiguresError::TooMany {
                what: "schedules",
                found: 33,
                most: 32,
            },
        ),
        (
            |f| {
                f.schedules[0] = (0..=MAX_CHANGES as u32).map(|i| i * 400).collect();
                f.figures[1].values = vec![20; MAX_CHANGES + 2];
            },
            FiguresError::TooMany {
                what: "changes of a schedule",
                found: 65,
                most: 64,
            },
        ),
        (
            |f| f.figures[2].name.clear(),
            FiguresError::Name { index: 2 },
        ),
        (
            |f| f.figures[2].name = "x".repeat(MAX_FIGURE_NAME + 1),
            FiguresError::Name { index: 2 },
        ),
        (
            |f| f.figures[2].name = "fare".into(),
            FiguresError::NameTwice { name: fare() },
        ),
        (
            |f| f.figures[1].exponent = 19,
            FiguresError::Exponent {
                name: fare(),
                found: 19,
            },
        ),
        (
            |f| f.figures[1].values[2] = 9,
            FiguresError::Outside {
                name: fare(),
                value: 9,
                low: 10,
                high: 1_000,
            },
        ),
        (
            |f| f.figures[1].values[1] = 1_001,
            FiguresError::Outside {
                name: fare(),
                value: 1_001,
                low: 10,
                high: 1_000,
            },
        ),
        (
            |f| f.figures[1].schedule = Some(2),
            FiguresError::NoSchedule {
                name: fare(),
                schedule: 2,
                schedules: 2,
            },
        ),
        (
            |f| f.figures[1].values.truncate(2),
            FiguresError::Values {
                name: fare(),
                expected: 3,
                found: 2,
            },
        ),
        (
            |f| f.figures[0].values.push(20),
            FiguresError::Values {
                name: "factor".into(),
                expected: 1,
                found: 2,
            },
        ),
        (
            |f| f.schedules.push(Vec::new()),
            FiguresError::ScheduleUnused { schedule: 2 },
        ),
        (
            |f| f.schedules[0].reverse(),
            FiguresError::Days { schedule: 0 },
        ),
        (
            |f| f.schedules[0][1] = f.schedules[0][0],
            FiguresError::Days { schedule: 0 },
        ),
        (
            |f| f.schedules[1][0] = LAST_DAY + 1,
            FiguresError::Days { schedule: 1 },
        ),
        (
            |f| f.schedules[0][1] = day("2024-03-31"),
            FiguresError::TwoChanges {
                schedule: 0,
                period: "2024-03".into(),
            },
        ),
    ] {
        assert_eq!(refuse(change), expected);
    }
    // The same days fit a scale that counts by weeks.
    let mut weekly = figures();
    weekly.schedules[0][1] = day("2024-03-31");
    assert_eq!(weekly.check(PeriodKind::Week), Ok(()));
    assert_eq!(day_of(Date::new(9999, 12, 31).unwrap()), LAST_DAY);
}
