//! Multiples of points inside circuits against the primitives, at the patterns where incomplete
//! addition would break if its argument were wrong, and with every wire perturbed.

use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field};
use merits_circuits::{
    builder::{Builder, Circuit, Lc},
    gadgets::{
        bits,
        jubjub::{
            EdwardsPoint, PointTable, SignedBits, add_constant, assert_edwards, assert_sum,
            edwards_y, fixed_base, fixed_base_u, from_edwards, half_base, to_edwards,
            variable_base, variable_base_once_u, variable_base_u,
        },
    },
};
use merits_primitives::jubjub::EdwardsAffine;
use merits_primitives::{
    Fr,
    jubjub::{Point, Scalar},
    view_encryption::{EXPONENT_BITS, Exponent},
};
use rand::{RngExt, SeedableRng};

fn edwards(x: &Lc, y: &Lc) -> EdwardsPoint {
    EdwardsPoint {
        x: x.clone(),
        y: y.clone(),
    }
}

/// Public: P, k·B8, k·P; then the y of both once more, by the shorter gadgets. Private: the bits of k.
fn multiples_circuit() -> Circuit {
    let mut b = Builder::new();
    let names = [
        "P.x",
        "P.y",
        "fixed.x",
        "fixed.y",
        "variable.x",
        "variable.y",
    ];
    let public = names.map(|name| b.public(name));
    let [px, py, fx, fy, vx, vy] = &public;
    let k = bits::input_bits(&mut b, "k", EXPONENT_BITS);
    let k = SignedBits::new(&mut b, &k);
    let base = from_edwards(&mut b, &edwards(px, py));
    let table = PointTable::new(&mut b, &base, EXPONENT_BITS);
    let fixed = fixed_base(&mut b, &k, &Point::base());
    assert_edwards(&mut b, &fixed, &edwards(fx, fy));
    let variable = variable_base(&mut b, &k, &table);
    assert_edwards(&mut b, &variable, &edwards(vx, vy));
    for (u, y) in [
        (fixed_base_u(&mut b, &k, &Point::base()), fy),
        (variable_base_u(&mut b, &k, &table), vy),
        (variable_base_once_u(&mut b, &k, &base), vy),
    ] {
        let own = edwards_y(&mut b, &u);
        b.assert_equal(&own, y);
    }
    b.finish()
}

fn multiples_inputs(exponent: &Exponent, base: &Point) -> Vec<Fr> {
    let k = exponent.scalar();
    let fixed = (Point::base().projective() * k).into_affine();
    let variable = (base.projective() * k).into_affine();
    let mut inputs = vec![base.x(), base.y(), fixed.x, fixed.y, variable.x, variable.y];
    inputs.extend(exponent.bits().map(Fr::from));
    inputs
}

/// All zeros and all ones drive every partial sum to its largest size; lone bits, alternations
/// and blocks to its smallest, next to the term that is added.
fn patterns() -> Vec<[u8; 32]> {
    let mut patterns = vec![
        [0u8; 32], [0xff; 32], [0x55; 32], [0xaa; 32], [0x0f; 32], [0x33; 32],
    ];
    for bit in [0, 1, 2, 3, 124, 125, 246, 247, 248, 249] {
        let mut lone = [0u8; 32];
        lone[bit / 8] = 1 << (bit % 8);
        patterns.push(lone);
        patterns.push(lone.map(|byte| !byte));
    }
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    patterns.extend((0..8).map(|_| rng.random::<[u8; 32]>()));
    patterns
}

/// Bases whose multiples are related to those of B8 in small ways, and others.
fn bases() -> Vec<Point> {
    let inverse = |n: u64| Scalar::from(n).inverse().expect("l is a large prime");
    let scalars = [
        Scalar::from(1u64),
        -Scalar::from(1u64),
        Scalar::from(2u64),
        inverse(2),
        inverse(3),
        inverse(4),
        -inverse(3),
        Scalar::from(0x1234_5678_9abc_def1u64),
    ];
    scalars
        .iter()
        .map(|s| Point::mul_base(s).expect("not zero"))
        .collect()
}

#[test]
fn multiples_agree_with_the_primitives_at_extreme_exponents() {
    let circuit = multiples_circuit();
    let bases = bases();
    for (i, pattern) in patterns().iter().enumerate() {
        let exponent = Exponent::from_bytes(pattern);
        let base = &bases[i % bases.len()];
        let assignment = circuit
            .program
            .run(&multiples_inputs(&exponent, base))
            .expect("bits");
        circuit
            .check(&assignment)
            .unwrap_or_else(|e| panic!("pattern {pattern:x?}: {e}"));
    }
}

/// Kernels fill the same wires as the instructions: for points of the curve and for others, with
/// divisions by zero, and with bits that are not 0 or 1.
#[test]
fn kernels_give_the_same_wires_as_the_instructions() {
    let circuit = multiples_circuit();
    let same = |inputs: &[Fr]| {
        let program = &circuit.program;
        assert!(program.run(inputs) == program.run_plainly(inputs));
    };
    for (pattern, base) in patterns().iter().zip(bases().iter().cycle()) {
        let inputs = multiples_inputs(&Exponent::from_bytes(pattern), base);
        same(&inputs);
        for (x, y) in [(0u64, 0u64), (0, 1), (1, 0), (1, 1), (3, 7)] {
            let mut others = inputs.clone();
            (others[0], others[1]) = (x.into(), y.into());
            same(&others);
        }
        let mut others = inputs.clone();
        others[0] += Fr::ONE;
        same(&others);
        let mut others = inputs;
        let last = others.len() - 1;
        others[last] = Fr::from(2u64);
        same(&others);
    }
}

#[test]
fn another_multiple_is_refused() {
    let circuit = multiples_circuit();
    let exponent = Exponent::from_bytes(&[7; 32]);
    let base = bases()[7];
    let inputs = multiples_inputs(&exponent, &base);
    // The opposite points have the same y and another x.
    for at in [2, 3, 4, 5] {
        let mut wrong = inputs.clone();
        wrong[at] = -wrong[at];
        let assignment = circuit.program.run(&wrong).expect("bits");
        assert!(circuit.check(&assignment).is_err(), "public {at} negated");
    }
}

#[test]
fn no_wire_is_free() {
    let circuit = multiples_circuit();
    let inputs = multiples_inputs(&Exponent::from_bytes(&[0x6b; 32]), &bases()[7]);
    let mut assignment = circuit.program.run(&inputs).expect("bits");
    circuit.check(&assignment).expect("satisfied");
    for wire in 1..assignment.len() {
        let kept = assignment[wire];
        for changed in [kept + Fr::ONE, -kept - Fr::ONE, Fr::ONE - kept] {
            if changed != kept {
                assignment[wire] = changed;
                assert!(circuit.check(&assignment).is_err(), "wire {wire} is free");
            }
        }
        assignment[wire] = kept;
    }
}

/// V·B8 from n bits of V through half of B8, then added to another point completely.
fn total_circuit(n: usize) -> Circuit {
    let mut b = Builder::new();
    let names = ["Q.x", "Q.y", "sum.x", "sum.y"];
    let public = names.map(|name| b.public(name));
    let [qx, qy, sx, sy] = &public;
    let v = bits::input_bits(&mut b, "V", n);
    let v = SignedBits::new(&mut b, &v);
    let (half, offset) = half_base(n);
    let multiple = fixed_base(&mut b, &v, &half);
    let multiple = to_edwards(&mut b, &multiple);
    let multiple = add_constant(&mut b, &multiple, &offset.into_affine());
    assert_sum(&mut b, &multiple, &edwards(qx, qy), &edwards(sx, sy));
    b.finish()
}

#[test]
fn totals_pass_through_zero_doubling_and_cancellation() {
    const N: usize = 40;
    let circuit = total_circuit(N);
    let base = Point::base().projective();
    for v in [0u64, 1, 2, 3, 1 << 39, (1 << 40) - 1, 123_456_789] {
        let multiple = base * Scalar::from(v);
        let others = [
            base * Scalar::from(7u64),
            multiple,
            -multiple,
            multiple.double(),
            base - base,
        ];
        for other in others {
            let (q, sum) = (other.into_affine(), (multiple + other).into_affine());
            let mut inputs = vec![q.x, q.y, sum.x, sum.y];
            inputs.extend((0..N).map(|i| Fr::from(v >> i & 1)));
            let assignment = circuit.program.run(&inputs).expect("bits");
            circuit
                .check(&assignment)
                .unwrap_or_else(|e| panic!("{v}: {e}"));
            // And only this sum.
            let wrong: EdwardsAffine = (multiple + other + base).into_affine();
            (inputs[2], inputs[3]) = (wrong.x, wrong.y);
            let assignment = circuit.program.run(&inputs).expect("bits");
            assert!(circuit.check(&assignment).is_err());
        }
    }
}
