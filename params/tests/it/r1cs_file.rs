//! `.r1cs` files of other tools, over other fields, and malicious ones.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Cursor;

use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField};
use merits_params::{
    r1cs::file::R1csFile,
    r1cs::{R1cs, R1csError},
};

/// A file of these sections.
fn file(sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"r1cs".to_vec();
    for word in [1, sections.len() as u32] {
        bytes.extend(word.to_le_bytes());
    }
    for (id, body) in sections {
        bytes.extend(id.to_le_bytes());
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(body);
    }
    bytes
}

fn header(prime: &[u8], [wires, outputs, inputs, private, constraints]: [u32; 5]) -> Vec<u8> {
    let mut body = (prime.len() as u32).to_le_bytes().to_vec();
    body.extend(prime);
    for n in [wires, outputs, inputs, private] {
        body.extend(n.to_le_bytes());
    }
    body.extend(u64::from(wires).to_le_bytes());
    body.extend(constraints.to_le_bytes());
    body
}

fn bn254() -> Vec<u8> {
    Fr::MODULUS.to_bytes_le()
}

fn row(terms: &[(u32, Fr)]) -> Vec<u8> {
    let mut body = (terms.len() as u32).to_le_bytes().to_vec();
    for (wire, value) in terms {
        body.extend(wire.to_le_bytes());
        body.extend(value.into_bigint().to_bytes_le());
    }
    body
}

fn labels(wires: u32) -> Vec<u8> {
    vec![0; 8 * wires as usize]
}

fn error(bytes: &[u8]) -> R1csError {
    R1csFile::open(Cursor::new(bytes))
        .and_then(R1csFile::read)
        .unwrap_err()
}

/// One constraint, wire 2 squared is wire 1, with its rows as given.
fn square(a: &[(u32, Fr)]) -> Vec<u8> {
    let body = [row(a), row(&[(2, Fr::ONE)]), row(&[(1, Fr::ONE)])].concat();
    // Circom does not write the header first.
    file(&[
        (2, body),
        (1, header(&bn254(), [3, 1, 0, 1, 1])),
        (3, labels(3)),
    ])
}

#[test]
fn terms_may_come_in_any_order_and_more_than_once() {
    let one = Fr::ONE;
    let plain = R1cs::read(&square(&[(0, -one), (2, one)])).unwrap();
    assert_eq!((plain.n_public, plain.n_wires), (1, 3));
    for mixed in [
        &[(2, one), (0, -one)][..],
        &[(2, -one), (0, -one), (2, one + one)],
        &[(0, -one), (1, one), (2, one), (1, -one)],
        &[(0, -one), (1, Fr::from(0u64)), (2, one)],
    ] {
        assert_eq!(R1cs::read(&square(mixed)).unwrap(), plain);
    }
}

#[test]
fn sizes_are_known_before_anything_is_read() {
    let bytes = square(&[(2, Fr::ONE)]);
    let file = R1csFile::open(Cursor::new(&bytes)).unwrap();
    let head = *file.head();
    assert_eq!((head.n_constraints, head.most_terms), (1, 3));
    assert_eq!(head.domain_log2(), file.read().unwrap().domain_log2());
}

#[test]
fn other_fields_are_named() {
    let goldilocks = 0xffff_ffff_0000_0001u64.to_le_bytes();
    let sections = |prime: &[u8]| file(&[(1, header(prime, [1, 0, 0, 0, 0]))]);
    let said = error(&sections(&goldilocks)).to_string();
    assert!(
        said.contains("goldilocks") && said.contains("--prime bn128"),
        "{said}"
    );
    let bls = hex::decode("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
    let bls: Vec<u8> = bls.unwrap().into_iter().rev().collect();
    assert!(error(&sections(&bls)).to_string().contains("bls12381"));
    let said = error(&sections(&[7, 1])).to_string();
    assert!(said.contains("the field of 0x107"), "{said}");
}

#[test]
fn custom_gates_are_refused_unless_there_are_none() {
    let with = |uses: u32| {
        let mut sections = vec![
            (1, header(&bn254(), [1, 0, 0, 0, 0])),
            (2, Vec::new()),
            (3, labels(1)),
        ];
        sections.push((4, 0u32.to_le_bytes().to_vec()));
        sections.push((5, uses.to_le_bytes().to_vec()));
        file(&sections)
    };
    assert!(R1cs::read(&with(0)).is_ok());
    assert!(matches!(error(&with(1)), R1csError::CustomGates));
}

/// Each of these would take gigabytes if the numbers were trusted.
#[test]
fn claims_without_bytes_behind_them_allocate_nothing() {
    let most = u32::MAX;
    let sections = |head: [u32; 5], body: &[u8], wires: u32| {
        file(&[
            (1, header(&bn254(), head)),
            (2, body.to_vec()),
            (3, labels(wires)),
        ])
    };
    for (bytes, says) in [
        (sections([most, 0, 0, 0, 0], &[], 1), "label"),
        (sections([1, 0, 0, 0, 1 << 28], &[], 1), "fewer constraints"),
        (sections([1, 0, 0, 0, most], &[], 1), "room"),
        (sections([1, most, 1, 0, 0], &[], 1), "public inputs"),
        (
            sections(
                [1, 0, 0, 0, 1],
                &[&most.to_le_bytes()[..], &[0; 8]].concat(),
                1,
            ),
            "torn",
        ),
        (sections([1, 0, 0, 0, 0], &[0; 5], 1), "torn"),
    ] {
        let said = error(&bytes).to_string();
        assert!(said.contains(says), "{says}: {said}");
    }
    // A section that ends beyond the file, and one that ends beyond all numbers.
    for length in [1u64 << 40, u64::MAX] {
        let mut bytes = file(&[(1, Vec::new())]);
        bytes[16..24].copy_from_slice(&length.to_le_bytes());
        assert!(error(&bytes).to_string().contains("torn"));
    }
}
