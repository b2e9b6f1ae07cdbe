//! Malicious batches. Every test runs over `ark-ec` alone, and with the feature `simd` over the
//! kernels (`MERITS_BN254_PATH=scalar` for those without vector instructions).

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::AdditiveGroup;
use merits_trapdoor::{TrapdoorKey, rerandomise};
use merits_verifier::groth16::{
    BatchError, KeyPolicy, PreparedKey, Proof, Provenance, verify, verify_batch,
};
use merits_verifier::primitives::{Fr, field};
use rand::{SeedableRng, rngs::StdRng};

type Item = (Vec<Fr>, Proof);

struct Fixture {
    trapdoor: TrapdoorKey,
    key: PreparedKey,
    rng: StdRng,
}

impl Fixture {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(31);
        let trapdoor = TrapdoorKey::generate(1, &mut rng);
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        let key = PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, policy)
            .expect("a good key");
        Self { trapdoor, key, rng }
    }

    fn good(&mut self, count: usize) -> Vec<Item> {
        (0..count)
            .map(|_| {
                let inputs = vec![field::random(&mut self.rng)];
                let proof = self.trapdoor.prove(&inputs, &mut self.rng);
                (inputs, proof.expect("a proof"))
            })
            .collect()
    }

    /// The batch names exactly these, and single verification agrees.
    fn expect(&mut self, items: &[Item], bad: &[usize], what: &str) {
        let found = verify_batch(&self.key, items, &mut self.rng);
        let want = if bad.is_empty() {
            Ok(())
        } else {
            Err(BatchError { bad: bad.to_vec() })
        };
        assert_eq!(found, want, "{what}, {} proofs", items.len());
    }
}

fn proof(a: G1Affine, b: G2Affine, c: G1Affine) -> Proof {
    Proof::new(a, b, c).expect("points of the groups")
}

fn negate(point: G1Affine) -> G1Affine {
    -point
}

#[test]
fn every_size_around_the_vectors_verifies_and_names_a_bad_last_one() {
    let mut f = Fixture::new();
    let all = f.good(257);
    for size in (1..=20).chain([255, 256, 257]) {
        f.expect(&all[..size], &[], "good");
        let mut spoilt = all[..size].to_vec();
        spoilt[size - 1].0[0] += Fr::from(1u64);
        f.expect(&spoilt, &[size - 1], "the last is bad");
    }
}

#[test]
fn a_bad_proof_in_each_lane_is_named() {
    let mut f = Fixture::new();
    let good = f.good(24);
    for lane in 0..24 {
        for size in [lane + 1, 24] {
            let mut items = good[..size].to_vec();
            let (a, b, c) = items[lane].1.points();
            items[lane].1 = proof(a, b, negate(c));
            f.expect(&items, &[lane], "-C");
            items[lane].1 = proof(negate(a), b, c);
            f.expect(&items, &[lane], "-A");
            items[lane].1 = proof(a, -b, c);
            f.expect(&items, &[lane], "-B");
        }
    }
}

#[test]
fn faults_that_cancel_under_equal_coefficients_are_named() {
    let mut f = Fixture::new();
    let good = f.good(17);
    let shift = (G1Affine::generator() * field::random::<Fr>(&mut f.rng)).into_affine();
    // C + D and C' - D: the sum of both equations holds. In one vector, in neighbouring ones, in
    // the same lane of two.
    for (one, other) in [(0, 1), (0, 7), (7, 8), (0, 8), (3, 11), (0, 16)] {
        let mut items = good.clone();
        let (a, b, c) = items[one].1.points();
        items[one].1 = proof(a, b, (c + shift).into_affine());
        let (a, b, c) = items[other].1.points();
        items[other].1 = proof(a, b, (c - shift).into_affine());
        f.expect(&items, &[one, other], "C shifted both ways");
    }
    // The same in the inputs, and in A with one B: e(A + D, B) * e(A' - D, B).
    let mut items = good.clone();
    items[2].0[0] += Fr::from(9u64);
    items[10].0[0] -= Fr::from(9u64);
    f.expect(&items, &[2, 10], "inputs shifted both ways");
    let mut items = vec![good[0].clone(); 16];
    let (a, b, c) = good[0].1.points();
    items[4].1 = proof((a + shift).into_affine(), b, c);
    items[12].1 = proof((a - shift).into_affine(), b, c);
    f.expect(&items, &[4, 12], "A shifted both ways");
    // Swapped C: every sum over the batch stays.
    let mut items = good.clone();
    let ((a0, b0, c0), (a1, b1, c1)) = (items[0].1.points(), items[1].1.points());
    items[0].1 = proof(a0, b0, c1);
    items[1].1 = proof(a1, b1, c0);
    f.expect(&items, &[0, 1], "C exchanged");
}

#[test]
fn equal_and_opposite_points_across_proofs() {
    let mut f = Fixture::new();
    let good = f.good(16);
    // A = C in a proof: false, and equal points meet in the multiplications.
    let mut items = good.clone();
    let (_, b, c) = items[5].1.points();
    items[5].1 = proof(c, b, c);
    f.expect(&items, &[5], "A = C");
    let (a, b, _) = items[6].1.points();
    items[6].1 = proof(a, b, negate(a));
    f.expect(&items, &[5, 6], "C = -A");
    // -A of one proof in another.
    let mut items = good.clone();
    let (a, _, _) = items[0].1.points();
    let (_, b, c) = items[9].1.points();
    items[9].1 = proof(negate(a), b, c);
    f.expect(&items, &[9], "A = -A'");
    // (-A, -B, C) is another proof of the same statement.
    let mut items = good.clone();
    for (_, holds) in items.iter_mut().step_by(2) {
        let (a, b, c) = holds.points();
        *holds = proof(negate(a), -b, c);
    }
    f.expect(&items, &[], "(-A, -B)");
    // Generators everywhere.
    let (g, h) = (G1Affine::generator(), G2Affine::generator());
    let mut items = good;
    for position in [0, 3, 8] {
        items[position].1 = proof(g, h, g);
    }
    f.expect(&items, &[0, 3, 8], "generators");
}

#[test]
fn a_proof_with_its_other_forms_in_one_batch() {
    let mut f = Fixture::new();
    let good = f.good(4);
    let mut items = good.clone();
    for item in &good {
        let (a, b, c) = item.1.points();
        let again = rerandomise(&item.1, Fr::from(5u64)).expect("a proof");
        items.push(item.clone());
        items.push((item.0.clone(), proof(negate(a), -b, c)));
        items.push((item.0.clone(), again));
    }
    f.expect(&items, &[], "identical, negated, rerandomised");
    // One of the forms with another's C is the only fault.
    let (a, b, _) = items[6].1.points();
    let (_, _, c) = good[3].1.points();
    items[6].1 = proof(a, b, c);
    f.expect(&items, &[6], "another's C");
}

#[test]
fn one_proof_256_times_and_one_b_in_all_lanes() {
    let mut f = Fixture::new();
    let one = f.good(1).remove(0);
    let mut items = vec![one.clone(); 256];
    f.expect(&items, &[], "the same proof");
    items[200].0[0] = Fr::ZERO;
    f.expect(&items, &[200], "the same proof, one with other inputs");
    // All bad and all the same: nothing cancels.
    let mut bad = one.clone();
    bad.0[0] += Fr::from(1u64);
    let all: Vec<usize> = (0..40).collect();
    f.expect(&vec![bad; 40], &all, "the same bad proof");
    // Different proofs with one B: a proof rerandomised back to it.
    let (_, b, _) = one.1.points();
    let same_b: Vec<Item> = (0..16u64)
        .map(|k| {
            let factor = Fr::from(k + 2);
            let other = rerandomise(&one.1, factor).expect("a proof");
            let (a, _, c) = other.points();
            // e(A/f, B) is not e(A, B): only with f*B it holds.
            (one.0.clone(), proof(a, b, c))
        })
        .collect();
    let all: Vec<usize> = (0..16).collect();
    f.expect(&same_b, &all, "one B, other A");
    let mut mixed = vec![one; 16];
    mixed[..8].clone_from_slice(&same_b[..8]);
    f.expect(&mixed, &all[..8], "one B, half of them good");
}

#[test]
fn batches_and_single_verification_agree_on_spoilt_proofs() {
    let mut f = Fixture::new();
    let mut items = f.good(12);
    for (position, item) in items.iter_mut().enumerate() {
        let (a, b, c) = item.1.points();
        item.1 = match position % 4 {
            0 => item.1,
            1 => proof(c, b, a),
            2 => rerandomise(&item.1, Fr::from(7u64)).expect("a proof"),
            _ => proof(a, (b + b).into_affine(), c),
        };
    }
    let bad: Vec<usize> = (0..items.len())
        .filter(|i| verify(&f.key, &items[*i].1, &items[*i].0).is_err())
        .collect();
    assert_eq!(bad, [1, 3, 5, 7, 9, 11]);
    f.expect(&items, &bad, "spoilt");
}
