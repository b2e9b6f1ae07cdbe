//! Reads untrusted `.r1cs` files: header first, then constraints as a stream.
//!
//! Opening a file reads only its table of sections and its header, so a wrong field, custom gates
//! or a too large circuit are reported in a millisecond. Nothing is allocated for a number that the
//! file merely claims: the bytes in the file bound the numbers of constraints, terms and wires.

use std::{
    fmt::Write as _,
    io::{BufReader, Read, Seek, SeekFrom},
    ops::Range,
};

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, PrimeField};

use super::{MAX_CONSTRAINTS, R1cs, R1csError, Term, inconsistent};
use crate::binfile::{BinFileError, limbs};

/// Sections.
const HEADER: u32 = 1;
const CONSTRAINTS: u32 = 2;
const LABELS: u32 = 3;
const CUSTOM_GATES: u32 = 4;
const CUSTOM_GATES_USES: u32 = 5;

/// Bytes of a term: wire and coefficient.
const TERM_BYTES: u64 = 36;
/// Bytes of a constraint without terms: three counts.
const CONSTRAINT_BYTES: u64 = 12;
/// Bytes of a wire's label.
const LABEL_BYTES: u64 = 8;
/// More sections than any known format has.
const MAX_SECTIONS: u32 = 64;
/// The most bytes of a prime; no known one has more.
const MAX_FIELD_BYTES: u32 = 128;

/// An opened file whose header was found good.
#[derive(Debug)]
pub struct R1csFile<R> {
    input: R,
    constraints: Range<u64>,
    head: R1csHead,
}

/// The contents of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R1csHead {
    /// Number of wires, the constant one included.
    pub n_wires: u32,
    /// Outputs and public inputs.
    pub n_public: u32,
    /// Private inputs that a caller chooses.
    pub n_private_inputs: u32,
    /// Number of constraints.
    pub n_constraints: u32,
    /// The most terms that all constraints together can have, by the bytes that they take.
    pub most_terms: u64,
}

impl R1csHead {
    /// log2 of the domain: see [`R1cs::domain_log2`].
    #[must_use]
    pub fn domain_log2(&self) -> u32 {
        (u64::from(self.n_constraints) + u64::from(self.n_public) + 1)
            .next_power_of_two()
            .ilog2()
    }

    /// About how many bytes of memory [`set_up`](crate::groth16::set_up) and the key it makes take,
    /// the constraints included. An upper estimate, to refuse a circuit before hours are spent on
    /// it.
    #[must_use]
    pub fn set_up_memory(&self) -> u64 {
        // Terms count twice, because a key keeps its own matrices. Then the scalars and points of
        // each wire, with the query that is being made held twice, and the domain's polynomials and
        // H.
        let domain = 1u64 << self.domain_log2();
        80 * self.most_terms + 640 * u64::from(self.n_wires) + 320 * domain
    }
}

impl<R: Read + Seek> R1csFile<R> {
    /// Reads the table of sections and the header.
    ///
    /// # Errors
    /// [`R1csError`] for anything but a system over BN254's scalar field without custom gates.
    pub fn open(mut input: R) -> Result<Self, R1csError> {
        let length = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut magic = Vec::new();
        input.by_ref().take(4).read_to_end(&mut magic)?;
        if magic != *b"r1cs" {
            return Err(R1csError::File(BinFileError::Magic {
                expected: "r1cs".to_owned(),
                found: magic,
            }));
        }
        let version = u32_of(&mut input, 0)?;
        if version > 1 {
            return Err(R1csError::File(BinFileError::Version {
                kind: "r1cs".to_owned(),
                found: version,
                supported: 1,
            }));
        }
        let count = u32_of(&mut input, 0)?;
        if count > MAX_SECTIONS {
            return Err(torn(0));
        }
        let mut sections = Sections(Vec::new());
        let mut at = 12;
        for _ in 0..count {
            input.seek(SeekFrom::Start(at))?;
            let id = u32_of(&mut input, 0)?;
            let len = u64_of(&mut input, 0)?;
            let start = at + 12;
            let end = start.checked_add(len).filter(|end| *end <= length);
            at = end.ok_or_else(|| torn(0))?;
            sections.0.push((id, start..at));
        }
        if at != length {
            return Err(torn(0));
        }
        let head = head(&mut input, &sections)?;
        Ok(Self {
            constraints: sections.one(CONSTRAINTS)?,
            input,
            head,
        })
    }

    /// The header.
    #[must_use]
    pub fn head(&self) -> &R1csHead {
        &self.head
    }

    /// Reads the constraints. Terms may be in any order, and a wire may occur more than once in a
    /// row.
    ///
    /// # Errors
    /// [`R1csError`].
    pub fn read(mut self) -> Result<R1cs, R1csError> {
        let (head, Range { start, end }) = (self.head, self.constraints.clone());
        self.input.seek(SeekFrom::Start(start))?;
        let mut body = BufReader::with_capacity(1 << 16, self.input.take(end - start));
        let mut left = end - start;
        let mut r1cs = R1cs {
            n_public: head.n_public,
            n_private_inputs: head.n_private_inputs,
            n_wires: head.n_wires,
            ..R1cs::default()
        };
        let mut row = Vec::new();
        for _ in 0..head.n_constraints {
            for matrix in [&mut r1cs.a, &mut r1cs.b, &mut r1cs.c] {
                read_row(&mut body, &mut left, head.n_wires, &mut row)?;
                matrix.push_row(row.drain(..));
            }
        }
        if left == 0 {
            Ok(r1cs)
        } else {
            Err(torn(CONSTRAINTS))
        }
    }
}

/// Where each section lies.
struct Sections(Vec<(u32, Range<u64>)>);

impl Sections {
    fn all(&self, id: u32) -> impl Iterator<Item = Range<u64>> {
        let found = self.0.iter().filter(move |(section, _)| *section == id);
        found.map(|(_, range)| range.clone())
    }

    fn one(&self, id: u32) -> Result<Range<u64>, R1csError> {
        let mut found = self.all(id);
        match (found.next(), found.count()) {
            (Some(range), 0) => Ok(range),
            (first, more) => Err(R1csError::File(BinFileError::SectionCount {
                kind: "r1cs".to_owned(),
                section: id,
                times: usize::from(first.is_some()) + more,
            })),
        }
    }
}

fn head<R: Read + Seek>(input: &mut R, sections: &Sections) -> Result<R1csHead, R1csError> {
    let range = sections.one(HEADER)?;
    input.seek(SeekFrom::Start(range.start))?;
    let mut rest = input.by_ref().take(range.end - range.start);
    let size = u32_of(&mut rest, HEADER)?;
    if size > MAX_FIELD_BYTES {
        return Err(torn(HEADER));
    }
    let mut prime = vec![0; size as usize];
    exact(&mut rest, &mut prime, HEADER)?;
    if prime != Fr::MODULUS.to_bytes_le() {
        return Err(R1csError::OtherField {
            field: name_of(&prime),
        });
    }
    let n_wires = u32_of(&mut rest, HEADER)?;
    let (outputs, inputs) = (u32_of(&mut rest, HEADER)?, u32_of(&mut rest, HEADER)?);
    let n_private_inputs = u32_of(&mut rest, HEADER)?;
    let _labels = u64_of(&mut rest, HEADER)?;
    let n_constraints = u32_of(&mut rest, HEADER)?;
    if rest.limit() != 0 {
        return Err(torn(HEADER));
    }
    let n_public = outputs.checked_add(inputs).filter(|n| *n < n_wires);
    let n_public = n_public.ok_or_else(|| inconsistent("more public inputs than wires"))?;
    if n_constraints as usize > MAX_CONSTRAINTS {
        return Err(inconsistent("more constraints than BN254 has room for"));
    }
    let length = |range: Range<u64>| range.end - range.start;
    let bytes = length(sections.one(CONSTRAINTS)?);
    let Some(terms) = bytes.checked_sub(CONSTRAINT_BYTES * u64::from(n_constraints)) else {
        return Err(inconsistent("fewer constraints than its header says"));
    };
    let most_terms = terms / TERM_BYTES;
    if most_terms > u64::from(u32::MAX) {
        return Err(inconsistent("more than 2^32 terms"));
    }
    // This keeps a header of a few bytes from demanding memory for 2^32 wires.
    if length(sections.one(LABELS)?) != LABEL_BYTES * u64::from(n_wires) {
        return Err(inconsistent(
            "the number of labels is not the number of wires",
        ));
    }
    for id in [CUSTOM_GATES, CUSTOM_GATES_USES] {
        for range in sections.all(id) {
            input.seek(SeekFrom::Start(range.start))?;
            if u32_of(input, id)? != 0 {
                return Err(R1csError::CustomGates);
            }
        }
    }
    Ok(R1csHead {
        n_wires,
        n_public,
        n_private_inputs,
        n_constraints,
        most_terms,
    })
}

fn read_row(
    body: &mut impl Read,
    left: &mut u64,
    n_wires: u32,
    row: &mut Vec<Term>,
) -> Result<(), R1csError> {
    let count = u64::from(u32_of(body, CONSTRAINTS)?);
    let bytes = 4 + TERM_BYTES * count;
    *left = left.checked_sub(bytes).ok_or_else(|| torn(CONSTRAINTS))?;
    for _ in 0..count {
        let wire = u32_of(body, CONSTRAINTS)?;
        if wire >= n_wires {
            return Err(inconsistent(
                "a constraint names a wire that does not exist",
            ));
        }
        let mut coefficient = [0; 32];
        exact(body, &mut coefficient, CONSTRAINTS)?;
        let coefficient = Fr::from_bigint(BigInt(limbs(&coefficient))).ok_or_else(|| {
            R1csError::File(BinFileError::NotCanonical {
                kind: "r1cs".to_owned(),
                section: CONSTRAINTS,
            })
        })?;
        row.push((wire, coefficient));
    }
    Ok(())
}

fn u32_of(input: &mut impl Read, section: u32) -> Result<u32, R1csError> {
    let mut bytes = [0; 4];
    exact(input, &mut bytes, section)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_of(input: &mut impl Read, section: u32) -> Result<u64, R1csError> {
    let mut bytes = [0; 8];
    exact(input, &mut bytes, section)?;
    Ok(u64::from_le_bytes(bytes))
}

fn exact(input: &mut impl Read, bytes: &mut [u8], section: u32) -> Result<(), R1csError> {
    input.read_exact(bytes).map_err(|error| {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            torn(section)
        } else {
            error.into()
        }
    })
}

fn torn(section: u32) -> R1csError {
    R1csError::File(BinFileError::Torn {
        kind: "r1cs".to_owned(),
        section,
    })
}

/// A prime (little-endian) as circom's `--prime` calls it, else in hexadecimal.
fn name_of(prime: &[u8]) -> String {
    let mut digits = String::new();
    for byte in prime.iter().rev() {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    let digits = digits.trim_start_matches('0');
    let known = PRIMES.iter().find(|(_, prime)| *prime == digits);
    known.map_or_else(
        || format!("the field of 0x{digits}"),
        |(name, _)| (*name).to_owned(),
    )
}

/// The other fields that circom compiles for.
const PRIMES: [(&str, &str); 7] = [
    (
        "bls12381",
        "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001",
    ),
    ("goldilocks", "ffffffff00000001"),
    (
        "grumpkin",
        "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47",
    ),
    (
        "pallas",
        "40000000000000000000000000000000224698fc094cf91b992d30ed00000001",
    ),
    (
        "vesta",
        "40000000000000000000000000000000224698fc0994a8dd8c46eb2100000001",
    ),
    (
        "secq256r1",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    ),
    (
        "bls12377",
        "12ab655e9a2ca55660b44d1e5c37b00159aa76fed00000010a11800000000001",
    ),
];
