//! Equal parts are one node, and formulas of the same constraints have the same text.

use super::cycling::{CYCLING, constants, cycling};
use super::*;

#[test]
fn the_canonical_text_ignores_spaces_comments_and_names() {
    let canonical = |source: &str| without_constants(source).unwrap().canonical();
    let plain = canonical("trips.filter(t, t.distance > 0).size()");
    assert_eq!(
        plain,
        canonical("// sum\ntrips . filter( trip , trip.distance>0 ).size( )")
    );
    assert_ne!(plain, canonical("trips.filter(t, t.distance > 1).size()"));
    assert_ne!(plain, canonical("trips.filter(t, t.duration > 0).size()"));
    let mut other = constants();
    other[0].interval[1] = "400".parse().unwrap();
    let narrowed = check(CYCLING, &trips(), &other).unwrap();
    assert_ne!(narrowed.canonical(), cycling().canonical());
}

#[test]
fn equal_parts_are_one_node() {
    let count = |source: &str| without_constants(source).unwrap().node_count();
    let once = count("trips.filter(t, t.distance > 9).map(t, t.distance).sum()");
    // The same list twice, under other names: one sum more, one addition.
    let twice = count(
        "trips.filter(t, t.distance > 9).map(t, t.distance).sum()
         + trips.filter(x, x.distance > 9).map(y, y.distance).sum()",
    );
    assert_eq!(twice, once + 1);
    let other = count(
        "trips.filter(t, t.distance > 9).map(t, t.distance).sum()
         + trips.filter(x, x.distance > 8).map(y, y.distance).sum()",
    );
    assert!(other > twice + 3, "{other} {twice}");
}

#[test]
fn a_step_and_its_text_are_the_same() {
    let with = |steps: Vec<Step>, credits: &str| {
        let declarations = Declarations {
            steps,
            ..Declarations::new(trips(), credits)
        };
        super::super::check(&declarations).unwrap()
    };
    let written = with(
        vec![],
        "math.floor(trips.filter(t, t.distance > 9).size() / 2)",
    );
    let named = with(
        vec![
            step("unit_of_two", "2"),
            step("far", "trips.filter(t, t.distance > 9)"),
            step("n", "far.size()"),
        ],
        "math.floor(n / unit_of_two)",
    );
    assert_eq!(named.canonical(), written.canonical());
    assert_eq!(named.steps().len(), 3);
    // A unit says nothing to a circuit.
    let plain = with(vec![], "trips.size() + 1 + 2");
    let counted = with(vec![], "trips.size() + unit(1, \"\") + 2");
    assert_eq!(plain.canonical(), counted.canonical());
}

#[test]
fn two_names_for_the_elements_of_one_list_do_not_meet() {
    // The inner list is the outer one, and the expressions about them are almost the same.
    let source = "trips.filter(t, t.distance > trips.map(t2, t2.distance).sum() / 3).map(t, t.distance).sum()";
    let typed = without_constants(source).unwrap();
    assert_eq!(worth(&typed, &[[0, 0, 1], [1, 0, 2], [2, 0, 3]], &[]), 3);
    // In a body, the value of a closed part does not disturb the record.
    let source = "trips.map(t, trips.map(u, u.distance).sum() + t.distance + trips.map(u, u.distance).sum()).sum()";
    let typed = without_constants(source).unwrap();
    assert_eq!(worth(&typed, &[[0, 0, 1], [1, 0, 2]], &[]), 7 + 8);
    // One body under one name, another under two.
    let source = "trips.map(a, 1).sum() + trips.pairs(a, b, 1).sum()";
    let typed = without_constants(source).unwrap();
    assert_eq!(worth(&typed, &[[0, 0, 1], [1, 0, 2]], &[]), 3);
}
