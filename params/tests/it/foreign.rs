//! Keys, circuits and witnesses in another form, as other tools write them, are read as equal. Real
//! differences are named.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use merits_params::groth16::set_up;
use merits_params::r1cs::{R1cs, SparseMatrix};
use merits_params::zkey::{Trust, Zkey, ZkeyError};
use merits_params::{BinFileError, wtns};
use rand::{Rng, RngExt as _, SeedableRng, rngs::StdRng, seq::SliceRandom as _};

/// Two constraints with some terms, the wires being one, out, x, y, z.
fn circuit() -> R1cs {
    let fr = |n: i64| Fr::from(n);
    let rows = |rows: [&[(u32, i64)]; 2]| {
        let mut matrix = SparseMatrix::default();
        for row in rows {
            matrix.push_row(row.iter().map(|(wire, value)| (*wire, fr(*value))));
        }
        matrix
    };
    R1cs {
        n_public: 1,
        n_private_inputs: 2,
        n_wires: 5,
        a: rows([&[(2, 1), (3, 2)], &[(4, -1)]]),
        b: rows([&[(0, 3), (3, 1)], &[(0, 1), (2, -5), (4, 7)]]),
        c: rows([&[(4, 1)], &[(1, 1)]]),
    }
}

fn zkey() -> (R1cs, Zkey) {
    let r1cs = circuit();
    let key = set_up(&r1cs, &mut StdRng::seed_from_u64(1)).unwrap();
    let zkey = Zkey::new(key, &r1cs);
    (r1cs, zkey)
}

/// Sections of a file, in order.
#[derive(Clone)]
struct File {
    head: [u8; 8],
    sections: Vec<(u32, Vec<u8>)>,
}

impl File {
    fn of(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut at = 12;
        let mut sections = Vec::new();
        for _ in 0..word(8) {
            let length = word(at + 4) as usize;
            sections.push((word(at), bytes[at + 12..][..length].to_vec()));
            at += 12 + length;
        }
        Self {
            head: bytes[..8].try_into().unwrap(),
            sections,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.to_vec();
        bytes.extend((self.sections.len() as u32).to_le_bytes());
        for (id, body) in &self.sections {
            bytes.extend(id.to_le_bytes());
            bytes.extend((body.len() as u64).to_le_bytes());
            bytes.extend(body);
        }
        bytes
    }

    fn section(&mut self, id: u32) -> &mut Vec<u8> {
        let found = self.sections.iter_mut().find(|(section, _)| *section == id);
        &mut found.unwrap().1
    }
}

/// A record of section 4. Values are in their stored form: the map to their meaning is linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Coefficient {
    matrix: u32,
    row: u32,
    wire: u32,
    value: Fr,
}

fn coefficients(file: &mut File) -> Vec<Coefficient> {
    let (records, _) = file.section(4)[4..].as_chunks::<44>();
    let records = records.iter().map(|record| {
        let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        Coefficient {
            matrix: word(0),
            row: word(4),
            wire: word(8),
            value: Fr::from_le_bytes_mod_order(&record[12..]),
        }
    });
    records.collect()
}

fn with_coefficients(file: &File, all: &[Coefficient]) -> File {
    let mut body = (all.len() as u32).to_le_bytes().to_vec();
    for it in all {
        for word in [it.matrix, it.row, it.wire] {
            body.extend(word.to_le_bytes());
        }
        body.extend(it.value.into_bigint().to_bytes_le());
    }
    let mut file = file.clone();
    *file.section(4) = body;
    file
}

fn file_of(zkey: &Zkey) -> File {
    let mut bytes = Vec::new();
    zkey.write(&mut bytes).unwrap();
    File::of(&bytes)
}

/// The same sum in more terms, one of which may be zero.
fn split(value: Fr, rng: &mut impl Rng) -> Vec<Fr> {
    let parts: Vec<Fr> = (0..rng.random_range(0..3))
        .map(|_| Fr::from(rng.random_range(0..4u64)))
        .collect();
    let rest = value - parts.iter().sum::<Fr>();
    [parts, vec![rest]].concat()
}

fn scrambled(file: &File, all: &[Coefficient], rng: &mut StdRng) -> File {
    let mut other = Vec::new();
    for it in all {
        let parts = split(it.value, rng).into_iter();
        other.extend(parts.map(|value| Coefficient { value, ..*it }));
    }
    // Wires whose coefficients sum to zero, in rows of constraints, of public inputs, and in the
    // rest of the domain.
    for _ in 0..rng.random_range(0..6) {
        let it = Coefficient {
            matrix: rng.random_range(0..2),
            row: rng.random_range(0..4),
            wire: rng.random_range(0..5),
            value: Fr::ZERO,
        };
        let parts = split(Fr::ZERO, rng).into_iter();
        other.extend(parts.map(|value| Coefficient { value, ..it }));
    }
    other.shuffle(rng);
    let mut file = with_coefficients(file, &other);
    file.sections.shuffle(rng);
    file
}

#[test]
fn a_key_is_the_same_however_its_coefficients_are_written_down() {
    let (r1cs, zkey) = zkey();
    let mut file = file_of(&zkey);
    let all = coefficients(&mut file);
    for seed in 0..200 {
        let other = scrambled(&file, &all, &mut StdRng::seed_from_u64(seed));
        for trust in [Trust::Nothing, Trust::Digest] {
            let read = Zkey::read(&other.bytes(), trust).unwrap();
            read.check_circuit(&r1cs).unwrap();
            assert_eq!(read, zkey, "seed {seed}");
        }
    }
}

#[test]
fn a_circuit_is_the_same_however_its_terms_are_written_down() {
    let r1cs = circuit();
    let mut bytes = Vec::new();
    r1cs.write(&mut bytes).unwrap();
    let file = File::of(&bytes);
    for seed in 0..200 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut body = Vec::new();
        for i in 0..r1cs.n_constraints() {
            let row = r1cs.constraint(i);
            for terms in [row.a, row.b, row.c] {
                let mut other = Vec::new();
                for (wire, value) in terms {
                    other.extend(split(*value, rng).into_iter().map(|part| (*wire, part)));
                }
                let vanishing = rng.random_range(0..5u32);
                other.extend(
                    split(Fr::ZERO, rng)
                        .into_iter()
                        .map(|part| (vanishing, part)),
                );
                other.shuffle(rng);
                body.extend((other.len() as u32).to_le_bytes());
                for (wire, value) in other {
                    body.extend(wire.to_le_bytes());
                    body.extend(value.into_bigint().to_bytes_le());
                }
            }
        }
        let mut other = file.clone();
        *other.section(2) = body;
        other.sections.shuffle(rng);
        let read = R1cs::read(&other.bytes()).unwrap();
        assert_eq!(read, r1cs, "seed {seed}");
        assert_eq!(read.digest(), r1cs.digest());
    }
}

#[test]
fn a_witness_may_have_its_sections_in_any_order() {
    let values = [1u64, 2, 3].map(Fr::from).to_vec();
    let mut bytes = Vec::new();
    wtns::write(&values, &mut bytes).unwrap();
    let mut file = File::of(&bytes);
    file.sections.reverse();
    assert_eq!(wtns::read(&file.bytes()).unwrap(), values);
}

#[test]
fn another_coefficient_is_named_by_its_constraint_and_wire() {
    let (r1cs, zkey) = zkey();
    let mut file = file_of(&zkey);
    let all = coefficients(&mut file);
    let binding = all.len() - 2;
    let said = |other: &[Coefficient], seed: u64, at: Coefficient| {
        // In every form.
        let other = scrambled(&file, other, &mut StdRng::seed_from_u64(seed));
        let read = Zkey::read(&other.bytes(), Trust::Nothing).unwrap();
        let error = read.check_circuit(&r1cs).unwrap_err();
        let name = ['A', 'B'][at.matrix as usize];
        match error {
            ZkeyError::OtherCircuit {
                constraint,
                matrix,
                wire,
                ..
            } => assert_eq!(
                (constraint, matrix, wire),
                (at.row as usize, name, at.wire),
                "seed {seed}"
            ),
            other => panic!("{other}"),
        }
        error.to_string()
    };
    for (number, at) in all[..binding].iter().enumerate() {
        let seed = number as u64;
        let mut other = all.clone();
        other[number].value += all[0].value;
        said(&other, seed, *at);
        other.remove(number);
        let text = said(&other, seed, *at);
        let names = format!("constraint {}, matrix", at.row);
        let wire = format!("wire {} by 0 in the key", at.wire);
        assert!(text.contains(&names) && text.contains(&wire), "{text}");
        let mut more = all.clone();
        let fresh = Coefficient { wire: 1, ..*at };
        more.push(fresh);
        said(&more, seed, fresh);
    }
    // Negative numbers as people write them.
    let minus = all
        .iter()
        .find(|it| (it.matrix, it.row, it.wire) == (0, 1, 4));
    let mut other = all.clone();
    other.retain(|it| Some(it) != minus);
    let text = said(&other, 0, *minus.unwrap());
    assert!(text.contains("by -1 in the circuit"), "{text}");
}

#[test]
fn another_size_is_named() {
    let (r1cs, zkey) = zkey();
    let refused = |other: &R1cs, says: &str| {
        let said = zkey.check_circuit(other).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    };
    let mut other = r1cs.clone();
    other.n_wires += 1;
    refused(&other, "for 5 wires, and the circuit has 6");
    let mut other = r1cs.clone();
    other.n_public += 1;
    refused(&other, "for 1 public inputs, and the circuit has 2");
    let mut other = r1cs.clone();
    for matrix in [&mut other.a, &mut other.b, &mut other.c] {
        matrix.push_row([]);
    }
    refused(&other, "for 2 constraints, and the circuit has 3");
    // C is not in a key. A difference in C alone is found by the digest, for keys made here.
    let mut other = r1cs;
    other.c = other.b.clone();
    refused(&other, "for another circuit");
}

#[test]
fn coefficients_that_no_key_has_are_refused() {
    let (_, zkey) = zkey();
    let mut file = file_of(&zkey);
    let all = coefficients(&mut file);
    let read = |file: &File| Zkey::read(&file.bytes(), Trust::Digest).map(|_| ());
    let inconsistent = |all: &[Coefficient], says: &str| {
        let said = read(&with_coefficients(&file, all))
            .unwrap_err()
            .to_string();
        assert!(said.contains(says), "{said}");
    };
    // Rows that bind the public inputs: the last two.
    let binding = all.len() - 2;
    for number in binding..all.len() {
        let mut other = all.clone();
        other[number].value.double_in_place();
        inconsistent(&other, "do not bind");
        let mut other = all.clone();
        other[number].matrix = 1;
        inconsistent(&other, "do not bind");
        let mut other = all.clone();
        other[number].wire = 2;
        inconsistent(&other, "do not bind");
    }
    inconsistent(&[], "no rows bind");
    for change in [
        |it: &mut Coefficient| it.matrix = 2,
        |it: &mut Coefficient| it.row = 4,
        |it: &mut Coefficient| it.wire = 5,
    ] {
        let mut other = all.clone();
        change(&mut other[0]);
        inconsistent(&other, "outside the matrices");
    }
    // A number with a second spelling: zero as the modulus.
    let mut other = file.clone();
    let value = 4 + 12;
    other.section(4)[value..value + 32].copy_from_slice(&Fr::MODULUS.to_bytes_le());
    let error = read(&other).unwrap_err();
    let beyond = |error: &ZkeyError| {
        matches!(
            error,
            ZkeyError::File(BinFileError::NotCanonical { section: 4, .. })
        )
    };
    assert!(beyond(&error), "{error}");
}

/// Other provers accept it, but its points are those of a larger domain, and the proof would
/// differ.
#[test]
fn a_key_for_a_larger_domain_says_so() {
    let (_, zkey) = zkey();
    let mut file = file_of(&zkey);
    let log2 = zkey.key.h.len().ilog2();
    let domain = 2 * 36 + 8;
    file.section(2)[domain..domain + 4].copy_from_slice(&(2u32 << log2).to_le_bytes());
    let points = file.section(9).clone();
    file.section(9).extend(points);
    for trust in [Trust::Nothing, Trust::Digest] {
        let refused = Zkey::read(&file.bytes(), trust).unwrap_err();
        assert!(
            matches!(refused, ZkeyError::LargerDomain { in_key, needed } if (in_key, needed) == (log2 + 1, log2)),
            "{refused}"
        );
        let said = refused.to_string();
        assert!(said.contains("smallest domain"), "{said}");
    }
}

/// A row in a domain of 2^27 would take a gigabyte if the stated domain were trusted.
#[test]
fn a_domain_without_points_behind_it_allocates_nothing() {
    let (_, zkey) = zkey();
    let mut file = file_of(&zkey);
    let mut all = coefficients(&mut file);
    all[0].row = (1 << 27) - 1;
    let mut other = with_coefficients(&file, &all);
    // Behind proof system, moduli, wires and public inputs.
    let domain = 2 * 36 + 8;
    other.section(2)[domain..domain + 4].copy_from_slice(&(1u32 << 27).to_le_bytes());
    let error = Zkey::read(&other.bytes(), Trust::Digest).unwrap_err();
    let torn = matches!(
        error,
        ZkeyError::File(BinFileError::Torn { section: 9, .. })
    );
    assert!(torn, "{error}");
}

/// Provers need no contributions, and some tools write none.
#[test]
fn a_key_without_contributions_is_read() {
    let (r1cs, zkey) = zkey();
    let mut file = file_of(&zkey);
    file.sections.retain(|(id, _)| *id != 10);
    let read = Zkey::read(&file.bytes(), Trust::Nothing).unwrap();
    assert_eq!(read.named_circuit(), None);
    read.check_circuit(&r1cs).unwrap();
    // Half of the section is neither of the two.
    let mut torn = file_of(&zkey);
    torn.section(10).truncate(63);
    assert!(Zkey::read(&torn.bytes(), Trust::Nothing).is_err());
}
