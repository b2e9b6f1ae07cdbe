//! The builder's guarantees: costs, witnesses that satisfy the constraints, and refusals that name
//! their section.

use merits_circuits::builder::{Bit, Builder, Circuit, Lc};
use merits_circuits::program::WitnessError;
use merits_primitives::Fr;

fn fr(n: u64) -> Fr {
    Fr::from(n)
}

fn run(circuit: &Circuit, inputs: &[Fr]) -> Vec<Fr> {
    let assignment = circuit.program.run(inputs).unwrap();
    circuit.check(&assignment).unwrap();
    assignment
}

#[test]
fn each_operation_has_the_stated_cost_and_result() {
    let mut b = Builder::new();
    let out = b.public("out");
    let x = b.input("x");
    let y = b.input("y");
    let xy = b.mul(&(&x + fr(1)), &y);
    let bits = b.bits(&x, 8);
    let zero = b.is_zero(&(&x - fr(12)));
    let q = b.quotient(&xy, &y);
    let either = b.or(&bits[0], &zero);
    let odd = b.xor(&bits[2], &bits[3]);
    let both = b.and(&bits[2], &bits[3]);
    let chosen = b.select(&zero, &xy, &q);
    assert_eq!(b.n_constraints(), 1 + 9 + 2 + 1 + 4);
    let all = Lc::sum([&xy, &q, either.lc(), odd.lc(), both.lc(), &chosen]);
    b.assert_equal(&out, &all);
    let circuit = b.finish();
    // x = 12, y = 5: xy = 65, q = 13, either = 1, xor(1, 1) = 0, both = 1, chosen = 65
    run(&circuit, &[fr(65 + 13 + 1 + 1 + 65), fr(12), fr(5)]);
    let wrong = circuit.program.run(&[fr(1), fr(12), fr(5)]).unwrap();
    assert_eq!(circuit.check(&wrong).unwrap_err().constraint, 17);
}

#[test]
fn constants_fold() {
    let mut b = Builder::new();
    let x = b.input("x");
    assert_eq!(b.mul(&x, &Lc::from(3u64)), &x * fr(3));
    assert_eq!(
        b.mul(&Lc::from(2u64), &Lc::from(3u64)).as_constant(),
        Some(fr(6))
    );
    assert_eq!(b.is_zero(&Lc::zero()), Bit::constant(true));
    b.assert_equal(&x, &x);
    b.assert_bool(&Lc::one());
    assert_eq!(b.n_constraints(), 0);
    b.assert_zero(&Lc::one());
    let circuit = b.finish();
    let assignment = circuit.program.run(&[fr(1)]).unwrap();
    assert!(circuit.check(&assignment).is_err(), "1 = 0 must not hold");
}

#[test]
fn is_zero_has_one_answer() {
    for value in [0u64, 1, 7] {
        let mut b = Builder::new();
        let x = b.input("x");
        let z = b.is_zero(&x);
        let z_at = z.lc().as_wire().unwrap().index();
        let circuit = b.finish();
        let mut assignment = run(&circuit, &[fr(value)]);
        assert_eq!(assignment[z_at], fr(u64::from(value == 0)));
        assignment[z_at] = fr(u64::from(value != 0));
        assert!(circuit.check(&assignment).is_err());
    }
}

#[test]
fn hints_agree_with_integers() {
    let mut b = Builder::new();
    let x = b.input("x");
    let y = b.input("y");
    let (q, r) = b.div_rem(&x, &y);
    let le = b.hint_le(&x, &y);
    let product = b.hint_mul(&x, &y);
    fn swap(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
        if inputs[0] == Fr::from(99u64) {
            return Err("ninety-nine is refused");
        }
        outputs.copy_from_slice(&[inputs[1], inputs[0]]);
        Ok(())
    }
    let swapped = b.section("swap", |b| b.hint(&[&x, &(&y + fr(1))], 2, swap));
    let at = |lc: &Lc| lc.as_wire().unwrap().index();
    let places: Vec<usize> = [&q, &r, &le, &product, &swapped[0], &swapped[1]]
        .into_iter()
        .map(at)
        .collect();
    let circuit = b.finish();
    let values = |x: Fr, y: Fr| {
        let assignment = run(&circuit, &[x, y]);
        places.iter().map(|at| assignment[*at]).collect::<Vec<_>>()
    };
    assert_eq!(
        values(fr(17), fr(5)),
        [fr(3), fr(2), fr(0), fr(85), fr(6), fr(17)]
    );
    assert_eq!(values(-fr(1), fr(5))[2], fr(1), "-1 <= 5");
    assert_eq!(values(fr(5), -fr(1))[2], fr(0), "5 <= -1");
    assert_eq!(values(-fr(2), -fr(1))[2], fr(1), "-2 <= -1");
    // -1 = p - 1 = 2 * ((p-1)/2)
    assert_eq!(values(-fr(1), fr(2))[0] * fr(2), -fr(1));
    let refused = circuit.program.run(&[fr(99), fr(1)]).unwrap_err();
    let expected = WitnessError::Hint {
        section: "swap".into(),
        reason: "ninety-nine is refused",
    };
    assert_eq!(refused, expected);
}

#[test]
fn refusals_name_their_section() {
    let mut b = Builder::new();
    let x = b.input("x");
    b.section("outer", |b| {
        b.section("range", |b| b.bits(&x, 4));
        b.section("ratio", |b| b.quotient(&Lc::one(), &(&x - fr(3))));
    });
    let circuit = b.finish();
    assert_eq!(
        circuit.program.run(&[fr(16)]).unwrap_err(),
        WitnessError::DoesNotFit {
            section: "outer/range".into(),
            bits: 4
        }
    );
    assert_eq!(
        circuit.program.run(&[fr(3)]).unwrap_err(),
        WitnessError::DivisionByZero {
            section: "outer/ratio".into()
        }
    );
    assert_eq!(
        circuit.program.run(&[]).unwrap_err(),
        WitnessError::InputCount {
            expected: 1,
            given: 0
        }
    );
    let mut wrong = circuit.program.run(&[fr(5)]).unwrap();
    wrong[2] = fr(0);
    assert_eq!(circuit.check(&wrong).unwrap_err().section, "outer/range");
    let counts: Vec<_> = circuit
        .sections
        .iter()
        .map(|s| (s.path.as_str(), s.constraints, s.entered))
        .collect();
    assert_eq!(
        counts,
        [
            ("outer", 6, 1),
            ("outer/range", 5, 1),
            ("outer/ratio", 1, 1)
        ]
    );
}

#[test]
fn parallel_segments_share_earlier_wires_and_their_results_are_used_later() {
    let mut b = Builder::new();
    let total = b.public("total");
    let k = b.input("k");
    let shared = b.mul(&(&k + fr(1)), &(&k + fr(1)));
    let parts = b.parallel(5, |b, i| {
        b.section("part", |b| {
            let x = b.input("x");
            let sum = &x + &(&shared + fr(i as u64));
            let square = b.square(&sum);
            // The same combination again: evaluated once.
            b.mul(&sum, &square)
        })
    });
    b.assert_equal(&total, &Lc::sum(&parts));
    let circuit = b.finish();
    let mut inputs = vec![fr(0), fr(2)];
    inputs.extend((0..5).map(|i| fr(10 * i)));
    inputs[0] = (0..5).map(|i| 10 * i + 9 + i).map(|s| fr(s * s * s)).sum();
    run(&circuit, &inputs);
    let section = &circuit.sections[0];
    assert_eq!(
        (section.path.as_str(), section.constraints, section.entered),
        ("part", 10, 5)
    );
    // 2 + 5 inputs, 6 combinations (one shared), 1 + 10 products.
    assert_eq!(circuit.program.len(), 7 + 6 + 11);
}

#[test]
fn segments_that_share_inversions_give_the_same_results_as_alone() {
    // Segments of one shape share inversions; the odd one makes all run alone.
    for odd in [false, true] {
        let mut b = Builder::new();
        let k = b.input("k");
        let outputs = b.parallel(7, |b, i| {
            b.section("segment", |b| {
                let x = b.input("x");
                if odd && i == 3 {
                    b.square(&k);
                }
                let ratio = b.quotient(&k, &(&x + fr(1)));
                let zero = b.is_zero(&x);
                let again = b.quotient(&x, &ratio);
                b.select(&zero, &ratio, &again)
            })
        });
        let outputs: Vec<Lc> = outputs.iter().map(|lc| b.mul(lc, &k)).collect();
        let circuit = b.finish();
        let inputs: Vec<Fr> = [6, 0, 1, 2, 0, 3, 4, 5].map(fr).to_vec();
        let assignment = run(&circuit, &inputs);
        for (output, x) in outputs.iter().zip(&inputs[1..]) {
            // k * k/(x+1) for x = 0, else k * x*(x+1)/k.
            let expected = if *x == fr(0) {
                fr(36)
            } else {
                *x * (*x + fr(1))
            };
            assert_eq!(assignment[output.as_wire().unwrap().index()], expected);
        }
        let mut bad = inputs;
        bad[5] = -fr(1);
        let refused = circuit.program.run(&bad).unwrap_err();
        assert_eq!(
            refused,
            WitnessError::DivisionByZero {
                section: "segment".into()
            }
        );
    }
}

#[test]
#[should_panic(expected = "another segment")]
fn parallel_segments_cannot_see_each_other() {
    let mut b = Builder::new();
    let x = b.input("x");
    let mut seen: Option<Lc> = None;
    b.parallel(2, |b, _| {
        let square = b.square(seen.as_ref().unwrap_or(&x));
        seen = Some(square);
    });
}

#[test]
#[should_panic(expected = "after a private wire")]
fn public_inputs_come_first() {
    let mut b = Builder::new();
    b.input("x");
    b.public("y");
}
