//! Whole proofs with the same blinding, against `ark-groth16` and `taceo-groth16`.
//!
//! The peers' provers check nothing, so the key need not come from a set-up. Its points and
//! matrices are drawn at random, and the assignment does not satisfy the circuit. The proof is still
//! computed from the same sums.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;
use ark_groth16::{Groth16, ProvingKey, VerifyingKey};
use ark_relations::utils::matrix::Matrix as ArkMatrix;
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{length, points, scalar, scalars};
use super::transforms::rows;
use super::{Outcome, same};
use crate::circom_reduction::CircomReduction;
use crate::groth16::{KeyPoints, PreparedKey};
use crate::path::Path;
use crate::qap::{Matrix, domain_size};
use crate::tables::TableBudget;

/// A key, two assignments, three blindings.
pub(super) fn proofs(path: Path, rng: &mut StdRng) -> Outcome {
    let most = [30, 200, 1500][rng.gen_range(0..3)];
    let constraints = length(most, rng);
    let wires = length(most, rng).max(1);
    let instance = rng.gen_range(1..=wires.min(5));
    let size = domain_size(constraints, instance);
    let g1 = |len: usize, rng: &mut StdRng| -> Vec<G1Affine> {
        let identities = rng.r#gen();
        points(len, identities, rng)
    };
    let key = ProvingKey::<Bn254> {
        vk: VerifyingKey {
            alpha_g1: g1(1, rng)[0],
            beta_g2: points(1, false, rng)[0],
            gamma_g2: G2Affine::generator(),
            delta_g2: points(1, false, rng)[0],
            gamma_abc_g1: Vec::new(),
        },
        beta_g1: g1(1, rng)[0],
        delta_g1: g1(1, rng)[0],
        a_query: g1(wires, rng),
        b_g1_query: g1(wires, rng),
        b_g2_query: points(wires, true, rng),
        h_query: g1(size - usize::from(rng.r#gen::<bool>()), rng),
        l_query: g1(wires - instance, rng),
    };
    let (a, b) = (rows(constraints, wires, rng), rows(constraints, wires, rng));
    let swap = |rows: &[Vec<(u32, Fr)>]| -> ArkMatrix<Fr> {
        let term = |(wire, value): &(u32, Fr)| (*value, *wire as usize);
        rows.iter()
            .map(|row| row.iter().map(term).collect())
            .collect()
    };
    let matrices = vec![swap(&a), swap(&b), vec![Vec::new(); constraints]];
    let taceo = taceo_groth16::ConstraintMatrices {
        num_instance_variables: instance,
        num_witness_variables: wires - instance,
        num_constraints: constraints,
        a_num_non_zero: a.iter().map(Vec::len).sum(),
        b_num_non_zero: b.iter().map(Vec::len).sum(),
        c_num_non_zero: 0,
        a: matrices[0].clone(),
        b: matrices[1].clone(),
        c: matrices[2].clone(),
    };
    let matrix =
        |rows: &[Vec<(u32, Fr)>]| Matrix::from_rows(rows.iter().map(|r| r.iter().copied()));
    // No tables, a few, or as many as are ever useful.
    let tables = TableBudget([0, 0, 0, 100_000, 1 << 30][rng.gen_range(0..5)]);
    let prepared = PreparedKey::new(path, key_points(&key), matrix(&a), matrix(&b), tables)
        .map_err(|e| e.to_string())?;
    let mut comparisons = 0;
    for _ in 0..2 {
        let mut assignment = scalars(wires, rng);
        assignment[0] = Fr::ONE;
        let (r, s) = (scalar(rng), scalar(rng));
        let say = |peer: &str| {
            format!(
                "{peer}: {constraints} constraints, {wires} wires, {instance} public, r {r}, s {s}"
            )
        };
        let ark = Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            &key,
            r,
            s,
            &matrices,
            instance,
            constraints,
            &assignment,
        )
        .map_err(|e| e.to_string())?;
        let got = prepared
            .prove(&assignment, r, s)
            .map_err(|e| e.to_string())?;
        comparisons += same(&(got.a, got.b, got.c), &(ark.a, ark.b, ark.c), || {
            say("ark")
        })?;
        let peer = taceo_groth16::Groth16::<Bn254>::prove::<taceo_groth16::CircomReduction>(
            &key,
            r,
            s,
            &taceo,
            &assignment,
        )
        .map_err(|e| e.to_string())?;
        comparisons += same(&(got.a, got.b, got.c), &(peer.a, peer.b, peer.c), || {
            say("taceo")
        })?;
        let again = prepared.prove_in_phases(&assignment, r, s);
        let (again, _) = again.map_err(|e| e.to_string())?;
        comparisons += same(&again, &got, || say("phases"))?;
    }
    Ok(comparisons)
}

fn key_points(key: &ProvingKey<Bn254>) -> KeyPoints<'_> {
    KeyPoints {
        alpha_g1: key.vk.alpha_g1,
        beta_g1: key.beta_g1,
        beta_g2: key.vk.beta_g2,
        delta_g1: key.delta_g1,
        delta_g2: key.vk.delta_g2,
        a: (&key.a_query).into(),
        b_g1: (&key.b_g1_query).into(),
        b_g2: (&key.b_g2_query).into(),
        l: (&key.l_query).into(),
        h: (&key.h_query).into(),
    }
}
