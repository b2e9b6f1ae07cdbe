//! `taceo-circom-types`, an independent reader of circom's files, and this crate read back the
//! files that this crate writes. Altered files are refused.

use std::io::Cursor;

use ark_bn254::{Bn254, Fr};
use ark_ff::{AdditiveGroup, Field};
use merits_params::groth16::{ProvingKey, set_up};
use merits_params::r1cs::{R1cs, SparseMatrix};
use merits_params::zkey::{Trust, Zkey, ZkeyError};
use merits_params::{snarkjs_json, wtns};
use merits_verifier::groth16::KeyError;
use rand::{SeedableRng, rngs::StdRng};
use taceo_circom_types::{CheckElement, R1CS, Witness, groth16 as taceo};

/// x^3 + x + 5 = out, with out public: wires one, out, x, x^2, x^3.
fn cubic() -> R1cs {
    let fr = |n: u64| Fr::from(n);
    let rows = |rows: [&[(u32, Fr)]; 3]| {
        let mut matrix = SparseMatrix::default();
        rows.into_iter()
            .for_each(|row| matrix.push_row(row.iter().copied()));
        matrix
    };
    R1cs {
        n_public: 1,
        n_private_inputs: 1,
        n_wires: 5,
        a: rows([&[(2, fr(1))], &[(3, fr(1))], &[]]),
        b: rows([&[(2, fr(1))], &[(2, fr(1))], &[]]),
        c: rows([
            &[(3, fr(1))],
            &[(4, fr(1))],
            &[(0, fr(5)), (1, -fr(1)), (2, fr(1)), (4, fr(1))],
        ]),
    }
}

fn assignment(x: u64) -> Vec<Fr> {
    [1, x * x * x + x + 5, x, x * x, x * x * x]
        .map(Fr::from)
        .to_vec()
}

fn key(r1cs: &R1cs) -> ProvingKey {
    set_up(r1cs, &mut StdRng::seed_from_u64(1)).unwrap()
}

fn zkey_bytes(zkey: &Zkey) -> Vec<u8> {
    let mut bytes = Vec::new();
    zkey.write(&mut bytes).unwrap();
    bytes
}

#[test]
fn satisfaction_is_exactly_that() {
    let r1cs = cubic();
    assert_eq!(r1cs.is_satisfied(&assignment(3)), Ok(()));
    for wire in 1..5 {
        let mut wrong = assignment(3);
        wrong[wire] += Fr::ONE;
        assert!(r1cs.is_satisfied(&wrong).is_err(), "wire {wire}");
    }
    let mut wrong = assignment(3);
    wrong[4] += Fr::ONE;
    assert_eq!(r1cs.is_satisfied(&wrong), Err(1));
    // All zero satisfies products of variables, but wire 0 must be one.
    assert_eq!(r1cs.is_satisfied(&[Fr::ZERO; 5]), Err(0));
    assert_eq!(r1cs.is_satisfied(&assignment(3)[..4]), Err(0));
}

#[test]
fn r1cs_files_are_read_back() {
    let r1cs = cubic();
    let mut bytes = Vec::new();
    r1cs.write(&mut bytes).unwrap();
    assert_eq!(R1cs::read(&bytes).unwrap(), r1cs);

    let read = R1CS::<Bn254>::from_reader(Cursor::new(&bytes)).unwrap();
    assert_eq!(
        (read.num_inputs, read.num_variables, read.n_constraints),
        (2, 5, 3)
    );
    assert_eq!(read.wire_mapping, [0, 1, 2, 3, 4]);
    for (i, (a, b, c)) in read.constraints.iter().enumerate() {
        let ours = r1cs.constraint(i);
        for (theirs, ours) in [(a, ours.a), (b, ours.b), (c, ours.c)] {
            let theirs: Vec<_> = theirs.iter().map(|(wire, f)| (*wire as u32, *f)).collect();
            assert_eq!(theirs, ours);
        }
    }
}

#[test]
fn torn_and_altered_r1cs_files_are_refused() {
    let mut bytes = Vec::new();
    cubic().write(&mut bytes).unwrap();
    for cut in 0..bytes.len() {
        assert!(R1cs::read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(R1cs::read(&longer).is_err());
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert!(
        R1cs::read(&other)
            .unwrap_err()
            .to_string()
            .contains("not a `r1cs` file")
    );
    // The modulus begins behind magic, version, count, section head and field size.
    let mut field = bytes;
    field[12 + 12 + 4] ^= 1;
    assert!(
        R1cs::read(&field)
            .unwrap_err()
            .to_string()
            .contains("another field")
    );
}

#[test]
fn witness_files_are_read_back() {
    let values = [assignment(7), vec![-Fr::ONE, Fr::ZERO]].concat();
    let mut bytes = Vec::new();
    wtns::write(&values, &mut bytes).unwrap();
    assert_eq!(wtns::read(&bytes).unwrap(), values);
    assert_eq!(
        Witness::<Fr>::from_reader(Cursor::new(&bytes))
            .unwrap()
            .values,
        values
    );
    assert!(wtns::read(&bytes[..bytes.len() - 1]).is_err());
    let beyond = bytes.len() - 32;
    bytes[beyond..].fill(0xff);
    assert!(
        wtns::read(&bytes)
            .unwrap_err()
            .to_string()
            .contains("beyond the modulus")
    );
}

#[test]
fn zkey_files_are_read_back() {
    let r1cs = cubic();
    let zkey = Zkey::new(key(&r1cs), &r1cs);
    let bytes = zkey_bytes(&zkey);
    for trust in [Trust::Digest, Trust::Nothing] {
        let read = Zkey::read(&bytes, trust).unwrap();
        assert_eq!(read, zkey);
        read.check_circuit(&r1cs).unwrap();
        assert_eq!(read.circuit_hash[..32], r1cs.digest());
    }
    let theirs = taceo::Zkey::<Bn254>::from_reader(Cursor::new(&bytes), CheckElement::Yes).unwrap();
    assert_eq!(
        (theirs.n_public, theirs.pow, theirs.num_constraints),
        (1, 3, 3)
    );
    assert_eq!(theirs.a_query, zkey.key.a);
    assert_eq!(theirs.b_g1_query, zkey.key.b_g1);
    assert_eq!(theirs.b_g2_query, zkey.key.b_g2);
    assert_eq!(theirs.l_query, zkey.key.l);
    assert_eq!(theirs.h_query, zkey.key.h);
    assert_eq!(theirs.ic, zkey.key.vk.ic);
    assert_eq!(
        (theirs.alpha_g1, theirs.beta_g1),
        (zkey.key.vk.alpha, zkey.key.beta_g1)
    );
    assert_eq!(
        (theirs.delta_g1, theirs.delta_g2),
        (zkey.key.delta_g1, zkey.key.vk.delta)
    );
    for (theirs, ours) in [(&theirs.a_matrix, &r1cs.a), (&theirs.b_matrix, &r1cs.b)] {
        for (row, terms) in theirs.iter().enumerate() {
            let terms: Vec<_> = terms.iter().map(|(f, wire)| (*wire as u32, *f)).collect();
            assert_eq!(terms, ours.row(row));
        }
    }
}

#[test]
fn torn_zkey_files_are_refused() {
    let r1cs = cubic();
    let bytes = zkey_bytes(&Zkey::new(key(&r1cs), &r1cs));
    for cut in (0..bytes.len()).step_by(7) {
        assert!(
            Zkey::read(&bytes[..cut], Trust::Digest).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn points_outside_the_group_are_refused_without_trust() {
    use ark_bn254::{Fq2, G1Affine, G2Affine};
    let r1cs = cubic();
    let good = Zkey::new(key(&r1cs), &r1cs);
    let refused = |change: fn(&mut ProvingKey), section: u32| {
        let mut zkey = good.clone();
        change(&mut zkey.key);
        match Zkey::read(&zkey_bytes(&zkey), Trust::Nothing) {
            Err(ZkeyError::Point { section: found, .. }) => assert_eq!(found, section),
            other => panic!("{other:?}"),
        }
    };
    fn off_curve(point: &mut G1Affine) {
        point.y += ark_bn254::Fq::ONE;
    }
    refused(|key| off_curve(&mut key.a[2]), 5);
    refused(|key| off_curve(&mut key.b_g1[2]), 6);
    refused(|key| off_curve(&mut key.l[1]), 8);
    refused(|key| off_curve(&mut key.h[1]), 9);
    refused(|key| off_curve(&mut key.vk.ic[1]), 3);
    refused(|key| off_curve(&mut key.delta_g1), 2);
    // On the twist, outside the subgroup: its cofactor is far from one.
    refused(
        |key| {
            key.b_g2[2] = (1u64..)
                .filter_map(|x| {
                    let x = Fq2::new(x.into(), Fq2::ONE.c0);
                    G2Affine::get_point_from_x_unchecked(x, false)
                })
                .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
                .unwrap();
        },
        7,
    );
}

#[test]
fn forgeable_keys_are_refused_always() {
    let r1cs = cubic();
    let good = Zkey::new(key(&r1cs), &r1cs);
    let read = |zkey: &Zkey| Zkey::read(&zkey_bytes(zkey), Trust::Digest).unwrap_err();
    let mut zkey = good.clone();
    zkey.key.vk.delta = ark_ec::AffineRepr::generator();
    assert!(matches!(
        read(&zkey),
        ZkeyError::Key(KeyError::DeltaIsGenerator)
    ));
    let mut zkey = good;
    zkey.key.vk.gamma = zkey.key.vk.delta;
    assert!(matches!(
        read(&zkey),
        ZkeyError::Key(KeyError::DeltaIsGamma)
    ));
}

#[test]
fn a_key_of_another_circuit_is_noticed() {
    let r1cs = cubic();
    let zkey = Zkey::new(key(&r1cs), &r1cs);
    let mut other = cubic();
    other.a = other.b.clone();
    assert!(zkey.check_circuit(&other).is_err());
    let mut more = cubic();
    for matrix in [&mut more.a, &mut more.b, &mut more.c] {
        matrix.push_row([]);
    }
    assert!(zkey.check_circuit(&more).is_err());
}

#[test]
fn every_set_up_is_another_one() {
    let r1cs = cubic();
    let two = set_up(&r1cs, &mut StdRng::seed_from_u64(2)).unwrap();
    let one = key(&r1cs);
    assert_ne!(one.vk.delta, two.vk.delta);
    assert_ne!(one.a[1], two.a[1]);
    one.vk.check().unwrap();
}

#[test]
fn verification_keys_are_read_back() {
    let vk = key(&cubic()).vk;
    let json = snarkjs_json::verification_key(&vk);
    assert_eq!(snarkjs_json::read_verification_key(&json).unwrap(), vk);
    let theirs: taceo::VerificationKey<Bn254> = serde_json::from_str(&json).unwrap();
    assert_eq!((theirs.alpha_1, theirs.delta_2), (vk.alpha, vk.delta));
    assert_eq!(theirs.ic, vk.ic);

    let alter = |from: &str, to: &str| {
        snarkjs_json::read_verification_key(&json.replacen(from, to, 1))
            .unwrap_err()
            .to_string()
    };
    assert!(alter("groth16", "plonk").contains("plonk"));
    assert!(alter("bn128", "bls12381").contains("bls12381"));
    assert!(alter("\"nPublic\": 1", "\"nPublic\": 2").contains("2 public inputs"));
    let y = vk.alpha.y.to_string();
    assert!(alter(&y, "1").contains("vk_alpha_1"));
    assert!(alter(&y, &format!("0{y}")).contains("not a decimal number"));
}

#[test]
fn public_inputs_have_one_spelling() {
    let inputs = vec![Fr::ZERO, Fr::ONE, -Fr::ONE];
    let json = snarkjs_json::public(&inputs);
    assert_eq!(snarkjs_json::read_public(&json).unwrap(), inputs);
    let modulus = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    for wrong in [modulus, "-1", "01", "", "0x1", "1 "] {
        assert!(
            snarkjs_json::read_public(&format!("[\"{wrong}\"]")).is_err(),
            "{wrong}"
        );
    }
}
