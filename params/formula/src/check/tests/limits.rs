//! Hostile texts: answered, quickly, and without a panic.

use proptest::prelude::*;

use super::*;

#[test]
fn a_long_formula_is_refused_before_it_is_parsed() {
    let source = format!("trips.size(){}", " ".repeat(17_000));
    assert_eq!(
        without_constants(&source).unwrap_err()[0].code,
        Code::TooLong
    );
    let deep = format!("{}1{}", "(".repeat(2000), ")".repeat(2000));
    assert_eq!(without_constants(&deep).unwrap_err()[0].code, Code::TooLong);
}

/// Checks in little time, for any answer.
fn answered(declarations: &Declarations) -> Result<Typed, Vec<Diagnostic>> {
    let start = std::time::Instant::now();
    let answer = super::super::check(declarations);
    let spent = start.elapsed();
    assert!(spent.as_secs() < 5, "{spent:?}");
    answer
}

#[test]
fn long_chains_and_deep_nests_are_refused() {
    let chain = |part: &str, between: &str, times: usize| vec![part; times].join(between);
    for (source, fine) in [
        (chain("trips.size()", " + ", 1200), false),
        (chain("1", "+", 8000), false),
        (chain("trips.size()", " + ", 100), true),
        (
            format!("trips{}.size()", ".filter(t, true)".repeat(900)),
            false,
        ),
        (format!("{}1", "-".repeat(9000)), true),
        (format!("{}true ? 1 : 0", "!".repeat(9000)), true),
        (
            format!("{}true{} ? 1 : 0", "!(".repeat(40), ")".repeat(40)),
            true,
        ),
        (format!("trips{}", "[0]".repeat(4000)), false),
        (format!("trips{}", ".a".repeat(4000)), false),
        (format!("{}1", "true ? 1 : ".repeat(1400)), false),
        (
            format!("trips.size() in [{}1] ? 1 : 0", "1, ".repeat(4000)),
            true,
        ),
        (format!("{}true ? 1 : 0", "true && ".repeat(1900)), true),
    ] {
        let answer = answered(&Declarations::new(trips(), &source));
        assert_eq!(answer.is_ok(), fine, "{}", &source[..30]);
    }
}

#[test]
fn what_is_used_twice_over_and_over_is_checked_once() {
    // Each step doubles the one before: 2^40 parts, if they were not shared.
    let mut steps = vec![step("s0", "trips.map(t, math.abs(t.distance - 5)).sum()")];
    for at in 1..40 {
        let before = format!("s{}", at - 1);
        let cel = format!("math.least({before}, 1000 - {before}) + {before} % 7");
        steps.push(step(&format!("s{at}"), &cel));
    }
    let decl = Declarations {
        steps,
        ..Declarations::new(trips(), "math.greatest(0, s39)")
    };
    match answered(&decl) {
        Ok(typed) => {
            assert!(typed.node_count() < 1000);
            assert!(typed.eval(&records(&[[0, 0, 50]]), &[]).is_ok());
        }
        // The remainder of what may be negative is refused.
        Err(faults) => assert!(faults.iter().all(|fault| fault.code == Code::WrongType)),
    }
    let mut steps = vec![step("s0", "trips.map(t, t.distance).sum()")];
    for at in 1..64 {
        let before = format!("s{}", at - 1);
        steps.push(step(
            &format!("s{at}"),
            &format!("math.least({before}, 70000 - math.least({before}, 60000))"),
        ));
    }
    let decl = Declarations {
        steps,
        ..Declarations::new(trips(), "s63")
    };
    let typed = answered(&decl).unwrap();
    assert!(typed.node_count() < 400, "{}", typed.node_count());
    assert_eq!(worth(&typed, &[[0, 0, 50]], &[]), 50);
    // The same inside an expression about a record, and deep in one text.
    let nested = (0..30).fold("t.distance".to_owned(), |x, _| format!("math.abs({x} - 9)"));
    let typed = answered(&Declarations::new(
        trips(),
        &format!("trips.map(t, {nested}).sum()"),
    ))
    .unwrap();
    let rows: Vec<[u64; 3]> = (0..40).map(|at| [at, 0, at]).collect();
    worth(&typed, &rows, &[]);
}

#[test]
fn steps_on_steps_stay_shallow_enough_to_walk() {
    let mut steps = vec![step("s0", "trips.size()")];
    for at in 1..64 {
        let ones = vec!["1"; 20].join(" + ");
        steps.push(step(&format!("s{at}"), &format!("s{} + {ones}", at - 1)));
    }
    let decl = Declarations {
        steps,
        ..Declarations::new(trips(), "s63")
    };
    let faults = answered(&decl).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, Code::TooLong);
    let deep = Declarations {
        steps: decl.steps[..19].to_vec(),
        ..Declarations::new(trips(), "s18")
    };
    // Walked, not only made.
    let typed = answered(&deep).unwrap();
    assert_eq!(worth(&typed, &[[0, 0, 1]], &[]), 1 + 18 * 20);
    let many: Vec<Step> = (0..65).map(|at| step(&format!("s{at}"), "1")).collect();
    let decl = Declarations {
        steps: many,
        ..Declarations::new(trips(), "1")
    };
    refused(&decl, Code::TooLong, "at most 64");
}

#[test]
fn many_looks_into_a_large_table_are_answered() {
    let points: Vec<String> = (0..256).map(|n| (n * 300).to_string()).collect();
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    let look = |n: usize| {
        let looks: Vec<String> = (0..n).map(|at| format!("x[t.distance + {at}]")).collect();
        let sums: Vec<String> = looks.chunks(90).map(|part| part.join(" + ")).collect();
        let sums = sums.iter().map(|sum| format!("trips.map(t, {sum}).sum()"));
        format!("math.floor({})", sums.collect::<Vec<_>>().join(" + "))
    };
    let with = |n: usize| Declarations {
        tables: vec![table("x", "9", 3, "", curve("", &points))],
        ..Declarations::new(trips(), &look(n))
    };
    assert!(answered(&with(2)).is_ok());
    let faults = answered(&with(600)).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].code, Code::TooLong);
}

#[test]
fn products_of_products_are_refused_before_they_are_large() {
    let steps: Vec<Step> = (1..20)
        .map(|at| step(&format!("s{at}"), &format!("s{} * s{}", at - 1, at - 1)))
        .collect();
    let mut all = vec![step("s0", "trips.map(t, t.distance / 7).sum()")];
    all.extend(steps);
    let decl = Declarations {
        steps: all,
        ..Declarations::new(trips(), "math.floor(s19)")
    };
    let faults = answered(&decl).unwrap_err();
    assert_eq!(faults[0].code, Code::Overflow);
}

proptest! {
    #[test]
    fn any_text_is_answered_without_a_panic(source in "[ -~\n]{0,80}") {
        let _ = without_constants(&source);
    }

    #[test]
    fn any_order_of_words_is_answered_without_a_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "trips", "t", "g", ".filter(", ".map(", ".groups(", ".sum()", ".size()", "day(", ")",
            "t.start", "t.distance", ",", "(", "+", "-", "*", "/", "&&", "!", ">=", "1", "0.5",
            "math.least(", "math.floor(", "true", "-7", "1e30", "?", ":", "%", "in [", "]", "[",
            ".exists(", ".all(", ".pairs(", "a", "b", ".min(", ".max()", "math.round(", "\"bus\"",
            "weekday(", ".at(", ".to(\"km\")", "unit(", "==", "t.start / t.distance",
        ]), 0..25)
    ) {
        let _ = without_constants(&words.concat());
    }
}
