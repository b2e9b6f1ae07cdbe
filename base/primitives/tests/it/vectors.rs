//! Poseidon, Baby Jubjub, identities and groups against what circomlibjs and Semaphore's identity
//! and group packages compute. The numbers are in `vectors/vectors.json`, made by `vectors/generate.mjs`
//! (`npm ci && npm run -s generate > vectors.json` in that folder).

use std::str::FromStr;

use ark_ec::CurveGroup;
use merits_primitives::{
    Fr,
    group::{Group, GroupRoot},
    identity::{IdentityCommitment, IdentityLeaf, Secret},
    jubjub::{Point, PointError, Scalar},
    poseidon,
    tags::{self, Tag},
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/vectors.json")).expect("the file is JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("numbers are decimal strings")
}

fn element(value: &Value) -> Fr {
    Fr::from_str(text(value)).expect("a decimal below p")
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_str(text(value)).expect("a decimal below l")
}

fn point(value: &Value) -> Point {
    Point::from_xy(element(&value["x"]), element(&value["y"])).expect("in the subgroup")
}

fn list(value: &Value) -> &Vec<Value> {
    let list = value.as_array().expect("a list");
    assert!(!list.is_empty(), "an empty list of vectors tests nothing");
    list
}

#[test]
fn poseidon_agrees_with_circomlib_at_every_width_and_with_initial_state() {
    let vectors = vectors();
    let mut widths = std::collections::BTreeSet::new();
    for vector in list(&vectors["permutations"]) {
        let tag: Tag = match text(&vector["tag"]) {
            "" => tags::PLAIN,
            "REC" => tags::REC,
            "SCOPE" => tags::SCOPE,
            other => panic!("unknown tag {other}"),
        };
        let inputs: Vec<Fr> = list(&vector["inputs"]).iter().map(element).collect();
        let lanes: Vec<Fr> = list(&vector["lanes"]).iter().map(element).collect();
        assert_eq!(poseidon::permute(tag, &inputs)[..2], lanes[..]);
        widths.insert(inputs.len());
    }
    assert_eq!(widths, (1..=12).collect());
}

#[test]
fn baby_jubjub_agrees_with_circomlib() {
    let vectors = vectors();
    assert_eq!(point(&vectors["base8"]), Point::base());
    for vector in list(&vectors["multiples"]) {
        let product = Point::mul_base(&scalar(&vector["scalar"])).expect("not zero");
        assert_eq!(product, point(vector));
    }
    for vector in list(&vectors["sums"]) {
        let sum = point(&vector["a"]).projective() + point(&vector["b"]).projective();
        let expected = &vector["sum"];
        let sum = sum.into_affine();
        assert_eq!(
            (sum.x, sum.y),
            (element(&expected["x"]), element(&expected["y"]))
        );
    }
}

#[test]
fn points_of_the_full_group_are_outside_the_subgroup() {
    for vector in list(&vectors()["outside"]) {
        let (x, y) = (element(&vector["x"]), element(&vector["y"]));
        assert_eq!(Point::from_xy(x, y), Err(PointError::OutsideSubgroup));
    }
}

#[test]
fn identity_commitments_are_semaphores() {
    for vector in list(&vectors()["identities"]) {
        let secret = scalar(&vector["secret_scalar"]);
        assert_eq!(Point::mul_base(&secret), Some(point(vector)));
        let commitment = Secret::from_scalar(secret).commitment();
        let expected = IdentityCommitment(element(&vector["commitment"]));
        assert_eq!(commitment, Some(expected));
    }
}

fn leaf(digits: &Value) -> IdentityLeaf {
    IdentityLeaf(element(digits))
}

/// Leaves, root, and paths: the existing siblings, each on its side.
fn same_group(group: &Group, expected: &Value) {
    let leaves = list(&expected["leaves"]).iter().map(leaf);
    assert_eq!(group.leaves(), leaves.collect::<Vec<_>>());
    let root = GroupRoot(element(&expected["root"]));
    assert_eq!(group.root(), Some(root));
    for proof in list(&expected["proofs"]) {
        let number = |name: &str| proof[name].as_u64().expect("a small number");
        let path = group.path(number("leaf_index")).expect("a leaf");
        let steps = path.steps.iter().flatten();
        // The only person's path has none.
        let siblings = proof["siblings"].as_array().expect("a list");
        let siblings: Vec<Fr> = siblings.iter().map(element).collect();
        assert!(steps.clone().map(|step| step.sibling).eq(siblings));
        let sides = (0..)
            .zip(steps)
            .map(|(i, step)| u64::from(step.is_right) << i);
        assert_eq!(sides.sum::<u64>(), number("sides"));
    }
}

#[test]
fn groups_are_semaphores_with_people_removed_and_added() {
    let mut sizes = Vec::new();
    for vector in list(&vectors()["groups"]) {
        let mut group = Group::new();
        let people = list(&vector["full"]["leaves"]);
        for person in people {
            group.push(leaf(person)).expect("room");
        }
        same_group(&group, &vector["full"]);
        let removed = vector["removed"].as_u64().expect("an index");
        group
            .update(removed, IdentityLeaf::RETIRED)
            .expect("a leaf");
        same_group(&group, &vector["reduced"]);
        let grown = list(&vector["grown"]["leaves"]);
        let newcomer = leaf(grown.last().expect("people"));
        assert_eq!(group.push(newcomer), Ok(people.len() as u64));
        same_group(&group, &vector["grown"]);
        sizes.push(people.len());
    }
    assert!(sizes.contains(&1) && sizes.contains(&16) && sizes.contains(&33));
}
