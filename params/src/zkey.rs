//! `.zkey` files (snarkjs, Groth16): written after a set-up, read fast where the digest of the
//! bytes is known, and with every point checked where it is not.

use std::io::{self, Write};

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, BigInteger, Field, PrimeField};
use merits_verifier::groth16::{KeyError, VerifyingKey};
use rayon::prelude::*;

use crate::binfile::{BinFile, BinFileError, Section, SectionWriter, limbs};
use crate::groth16::{MAX_DOMAIN_LOG2, ProvingKey};
use crate::r1cs::{R1cs, SparseMatrix};

const GROTH16: u32 = 1;
const G1_BYTES: usize = 64;
const G2_BYTES: usize = 128;
const COEFFICIENT_BYTES: usize = 44;

/// A proving key with the matrices that a prover evaluates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zkey {
    /// The points.
    pub key: ProvingKey,
    /// Left factors, without the rows that bind public inputs.
    pub a: SparseMatrix,
    /// Right factors.
    pub b: SparseMatrix,
    /// What the contributions section names as the circuit; for keys made here the digest of
    /// the constraint system and 32 zero bytes.
    pub circuit_hash: [u8; 64],
}

/// How much of a key is checked while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The caller has compared the bytes' digest with that of a key which was checked before.
    /// Points are taken as they are; lengths and indexes are still checked.
    Digest,
    /// Nothing is known: each number is canonical, each point on its curve and in its subgroup.
    /// Seconds instead of milliseconds.
    Nothing,
}

/// Why a file is not a key that we accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZkeyError {
    /// The container is torn or is another kind of file.
    #[error(transparent)]
    File(#[from] BinFileError),
    /// Not Groth16.
    #[error("the key is for proof system {0}, not Groth16 (1)")]
    ProofSystem(u32),
    /// The numbers in it make no sense together.
    #[error("key file: {what}: make the key again or fetch it again")]
    Inconsistent {
        /// What is wrong.
        what: &'static str,
    },
    /// A point is not what it must be.
    #[error("key file, section {section}, point {index}: not a point of the prime-order group")]
    Point {
        /// Section of the file.
        section: u32,
        /// Number of the point in it.
        index: usize,
    },
    /// The verifying part would let anyone forge.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The matrices are those of another circuit.
    #[error("the key belongs to another circuit (its matrices differ at constraint {constraint})")]
    OtherCircuit {
        /// The first constraint that differs.
        constraint: usize,
    },
    /// The key was made here, for a circuit of another digest.
    #[error("the key names another circuit than the one it is wanted for")]
    OtherDigest,
}

impl Zkey {
    /// A key with its circuit's matrices, ready to be written.
    #[must_use]
    pub fn new(key: ProvingKey, r1cs: &R1cs) -> Self {
        let mut circuit_hash = [0; 64];
        circuit_hash[..32].copy_from_slice(&r1cs.digest());
        Self {
            key,
            a: r1cs.a.clone(),
            b: r1cs.b.clone(),
            circuit_hash,
        }
    }

    /// Digest of the circuit, for keys made here.
    #[must_use]
    pub fn named_circuit(&self) -> Option<[u8; 32]> {
        let (digest, rest) = self.circuit_hash.split_first_chunk()?;
        rest.iter().all(|byte| *byte == 0).then_some(*digest)
    }

    /// Number of wires, the constant one included.
    #[must_use]
    pub fn n_wires(&self) -> usize {
        self.key.a.len()
    }

    /// Number of public inputs.
    #[must_use]
    pub fn n_public(&self) -> usize {
        self.key.vk.public_inputs()
    }

    /// Checks that the key's matrices are those of `r1cs`, and its digest if it names one.
    ///
    /// A key does not hold matrix C in the open: that the points of a foreign key belong to the
    /// circuit is for its ceremony's transcript to show (`snarkjs zkey verify`).
    ///
    /// # Errors
    /// [`ZkeyError::OtherCircuit`], [`ZkeyError::OtherDigest`].
    pub fn check_circuit(&self, r1cs: &R1cs) -> Result<(), ZkeyError> {
        let rows = self.a.rows().max(r1cs.n_constraints());
        let differs =
            |i: &usize| self.a.row(*i) != r1cs.a.row(*i) || self.b.row(*i) != r1cs.b.row(*i);
        let sizes = self.n_wires() == r1cs.n_wires as usize
            && self.n_public() == r1cs.n_public as usize
            && self.a.rows() == r1cs.n_constraints();
        match (0..rows).find(differs) {
            Some(constraint) => Err(ZkeyError::OtherCircuit { constraint }),
            None if !sizes => Err(ZkeyError::OtherCircuit { constraint: rows }),
            None if self
                .named_circuit()
                .is_some_and(|named| named != r1cs.digest()) =>
            {
                Err(ZkeyError::OtherDigest)
            }
            None => Ok(()),
        }
    }

    /// Writes the file: sections 1 to 10, no contributions.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let key = &self.key;
        let n_instance = key.vk.ic.len();
        let mut file = SectionWriter::new(out, *b"zkey", 1, 10)?;
        file.section(1, 4)?.write_all(&GROTH16.to_le_bytes())?;

        let head = file.section(2, 84 + 3 * G1_BYTES as u64 + 3 * G2_BYTES as u64)?;
        for modulus in [Fq::MODULUS.to_bytes_le(), Fr::MODULUS.to_bytes_le()] {
            head.write_all(&32u32.to_le_bytes())?;
            head.write_all(&modulus)?;
        }
        for n in [self.n_wires(), self.n_public(), key.h.len()] {
            head.write_all(&(n as u32).to_le_bytes())?;
        }
        let mut buffer = Vec::new();
        put_g1(&mut buffer, &key.vk.alpha);
        put_g1(&mut buffer, &key.beta_g1);
        put_g2(&mut buffer, &key.vk.beta);
        put_g2(&mut buffer, &key.vk.gamma);
        put_g1(&mut buffer, &key.delta_g1);
        put_g2(&mut buffer, &key.vk.delta);
        head.write_all(&buffer)?;

        write_points(&mut file, 3, &key.vk.ic, G1_BYTES, put_g1)?;

        let coefficients = self.a.non_zero() + self.b.non_zero() + n_instance;
        let body = file.section(4, 4 + (COEFFICIENT_BYTES * coefficients) as u64)?;
        body.write_all(&(coefficients as u32).to_le_bytes())?;
        buffer.clear();
        for row in 0..self.a.rows() {
            for (matrix, terms) in [(0, self.a.row(row)), (1, self.b.row(row))] {
                for (wire, value) in terms {
                    put_coefficient(&mut buffer, matrix, row, *wire, *value);
                }
            }
            if buffer.len() > 1 << 16 {
                body.write_all(&buffer)?;
                buffer.clear();
            }
        }
        for wire in 0..n_instance {
            put_coefficient(&mut buffer, 0, self.a.rows() + wire, wire as u32, Fr::ONE);
        }
        body.write_all(&buffer)?;

        write_points(&mut file, 5, &key.a, G1_BYTES, put_g1)?;
        write_points(&mut file, 6, &key.b_g1, G1_BYTES, put_g1)?;
        write_points(&mut file, 7, &key.b_g2, G2_BYTES, put_g2)?;
        write_points(&mut file, 8, &key.l, G1_BYTES, put_g1)?;
        write_points(&mut file, 9, &key.h, G1_BYTES, put_g1)?;

        let contributions = file.section(10, 68)?;
        contributions.write_all(&self.circuit_hash)?;
        contributions.write_all(&0u32.to_le_bytes())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ZkeyError`]. Whatever the trust, a verifying part under which anyone could forge is
    /// refused.
    pub fn read(bytes: &[u8], trust: Trust) -> Result<Self, ZkeyError> {
        let file = BinFile::parse(bytes, *b"zkey", 1)?;
        let system = file.section(1)?.u32()?;
        if system != GROTH16 {
            return Err(ZkeyError::ProofSystem(system));
        }
        let head = Head::read(&mut file.section(2)?, trust)?;
        let g1 = |id: u32, count: usize| points(file.section(id)?, count, trust, get_g1);
        let g2 = |id: u32, count: usize| points(file.section(id)?, count, trust, get_g2);
        let wires = head.n_wires;
        let ((matrices, (a, b_g1)), (b_g2, (l, h))) = rayon::join(
            || {
                rayon::join(
                    || matrices(file.section(4)?, &head),
                    || (g1(5, wires), g1(6, wires)),
                )
            },
            || {
                rayon::join(
                    || g2(7, wires),
                    || (g1(8, wires - head.n_instance), g1(9, 1 << head.domain_log2)),
                )
            },
        );
        let (a_matrix, b_matrix) = matrices?;
        let vk = VerifyingKey {
            ic: g1(3, head.n_instance)?,
            ..head.vk
        };
        vk.check()?;
        Ok(Self {
            key: ProvingKey {
                vk,
                beta_g1: head.beta_g1,
                delta_g1: head.delta_g1,
                a: a?,
                b_g1: b_g1?,
                b_g2: b_g2?,
                l: l?,
                h: h?,
            },
            a: a_matrix,
            b: b_matrix,
            circuit_hash: file.section(10)?.array()?,
        })
    }
}

struct Head {
    n_wires: usize,
    n_instance: usize,
    domain_log2: u32,
    vk: VerifyingKey,
    beta_g1: G1Affine,
    delta_g1: G1Affine,
}

impl Head {
    fn read(section: &mut Section<'_>, trust: Trust) -> Result<Self, ZkeyError> {
        section.expect_modulus(&Fq::MODULUS.to_bytes_le())?;
        section.expect_modulus(&Fr::MODULUS.to_bytes_le())?;
        let n_wires = section.u32()? as usize;
        let n_instance = section.u32()? as usize + 1;
        let domain = section.u32()?;
        if n_instance > n_wires {
            return Err(ZkeyError::Inconsistent {
                what: "more public inputs than wires",
            });
        }
        if !domain.is_power_of_two() || domain.ilog2() > MAX_DOMAIN_LOG2 {
            return Err(ZkeyError::Inconsistent {
                what: "a domain that BN254 does not have",
            });
        }
        let mut index = 0;
        let mut refuse = |section| {
            index += 1;
            ZkeyError::Point {
                section,
                index: index - 1,
            }
        };
        let mut g1 = |section: &mut Section<'_>| {
            get_g1(section.bytes(G1_BYTES)?, trust).ok_or_else(|| refuse(2))
        };
        let (alpha, beta_g1) = (g1(section)?, g1(section)?);
        let g2 = |section: &mut Section<'_>, index| {
            get_g2(section.bytes(G2_BYTES)?, trust).ok_or(ZkeyError::Point { section: 2, index })
        };
        let (beta, gamma) = (g2(section, 2)?, g2(section, 3)?);
        let delta_g1 = g1(section)?;
        let delta = g2(section, 5)?;
        section.expect_end()?;
        Ok(Self {
            n_wires,
            n_instance,
            domain_log2: domain.ilog2(),
            vk: VerifyingKey {
                alpha,
                beta,
                gamma,
                delta,
                ic: Vec::new(),
            },
            beta_g1,
            delta_g1,
        })
    }
}

/// Matrices A and B. Rows come in order, as snarkjs and we write them; the last rows bind the
/// public inputs and are left out.
fn matrices(
    mut section: Section<'_>,
    head: &Head,
) -> Result<(SparseMatrix, SparseMatrix), ZkeyError> {
    let count = section.u32()? as usize;
    let body = section.bytes(count.saturating_mul(COEFFICIENT_BYTES))?;
    section.expect_end()?;
    let binding = count
        .checked_sub(head.n_instance)
        .ok_or(ZkeyError::Inconsistent {
            what: "no rows bind the public inputs",
        })?;
    let (body, last) = body.split_at(binding * COEFFICIENT_BYTES);
    let rows = coefficient(last.first_chunk().ok_or_else(|| section.torn())?).row as usize;
    for (wire, bytes) in last.as_chunks::<COEFFICIENT_BYTES>().0.iter().enumerate() {
        let it = coefficient(bytes);
        if (it.matrix, it.row as usize, it.wire as usize, it.value)
            != (0, rows + wire, wire, Fr::ONE)
        {
            return Err(ZkeyError::Inconsistent {
                what: "the last rows do not bind the inputs",
            });
        }
    }
    if (rows + head.n_instance).next_power_of_two() != 1 << head.domain_log2 {
        return Err(ZkeyError::Inconsistent {
            what: "the domain does not fit the constraints",
        });
    }
    let mut out = [SparseMatrix::default(), SparseMatrix::default()];
    let mut pending: [Vec<(u32, Fr)>; 2] = Default::default();
    let mut row = 0;
    let mut flush = |until: usize, pending: &mut [Vec<(u32, Fr)>; 2]| {
        while row < until {
            for (matrix, terms) in out.iter_mut().zip(pending.iter_mut()) {
                matrix.push_row(terms.drain(..));
            }
            row += 1;
        }
        row == until
    };
    for bytes in body.as_chunks::<COEFFICIENT_BYTES>().0 {
        let it = coefficient(bytes);
        if it.row as usize >= rows || it.wire as usize >= head.n_wires || it.matrix > 1 {
            return Err(ZkeyError::Inconsistent {
                what: "a coefficient outside the matrices",
            });
        }
        if !flush(it.row as usize, &mut pending) {
            return Err(ZkeyError::Inconsistent {
                what: "the matrices' rows are out of order",
            });
        }
        pending[it.matrix as usize].push((it.wire, it.value));
    }
    flush(rows, &mut pending);
    let [a, b] = out;
    Ok((a, b))
}

struct Coefficient {
    matrix: u32,
    row: u32,
    wire: u32,
    value: Fr,
}

fn coefficient(bytes: &[u8; COEFFICIENT_BYTES]) -> Coefficient {
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let mut value = [0; 32];
    value.copy_from_slice(&bytes[12..]);
    // The file holds v*R^2; taken as a Montgomery form that is v*R, whose integer is again taken
    // as a Montgomery form.
    let once = Fr::new_unchecked(BigInt(limbs(&value)));
    let value = Fr::new_unchecked(once.into_bigint());
    Coefficient {
        matrix: word(0),
        row: word(4),
        wire: word(8),
        value,
    }
}

fn put_coefficient(buffer: &mut Vec<u8>, matrix: u32, row: usize, wire: u32, value: Fr) {
    for word in [matrix, row as u32, wire] {
        buffer.extend_from_slice(&word.to_le_bytes());
    }
    // The Montgomery form of v*R: see `coefficient`.
    let twice = value * Fr::new_unchecked(Fr::R2);
    for limb in twice.0.0 {
        buffer.extend_from_slice(&limb.to_le_bytes());
    }
}

/// Reads a whole section of points.
fn points<C: SWCurveConfig>(
    mut section: Section<'_>,
    count: usize,
    trust: Trust,
    get: impl Fn(&[u8], Trust) -> Option<Affine<C>> + Sync,
) -> Result<Vec<Affine<C>>, ZkeyError> {
    let size = 2 * 32 * C::BaseField::extension_degree() as usize;
    let id = section.id();
    let bytes = section.bytes(count.saturating_mul(size))?;
    section.expect_end()?;
    bytes
        .par_chunks_exact(size)
        .with_min_len(256)
        .enumerate()
        .map(|(index, chunk)| get(chunk, trust).ok_or(ZkeyError::Point { section: id, index }))
        .collect()
}

fn write_points<P, W: Write>(
    file: &mut SectionWriter<'_, W>,
    id: u32,
    points: &[P],
    size: usize,
    put: impl Fn(&mut Vec<u8>, &P),
) -> io::Result<()> {
    let out = file.section(id, (points.len() * size) as u64)?;
    let mut buffer = Vec::with_capacity(1 << 16);
    for chunk in points.chunks(512) {
        buffer.clear();
        chunk.iter().for_each(|point| put(&mut buffer, point));
        out.write_all(&buffer)?;
    }
    Ok(())
}

fn put_fq(buffer: &mut Vec<u8>, value: &Fq) {
    for limb in value.0.0 {
        buffer.extend_from_slice(&limb.to_le_bytes());
    }
}

// An identity is written as (0, 0), which is on neither curve.

fn put_g1(buffer: &mut Vec<u8>, point: &G1Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    put_fq(buffer, &x);
    put_fq(buffer, &y);
}

fn put_g2(buffer: &mut Vec<u8>, point: &G2Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    for value in [x.c0, x.c1, y.c0, y.c1] {
        put_fq(buffer, &value);
    }
}

fn get_fq(bytes: &[u8], trust: Trust) -> Option<Fq> {
    let montgomery = BigInt(limbs(bytes.first_chunk()?));
    (trust == Trust::Digest || montgomery < Fq::MODULUS).then_some(Fq::new_unchecked(montgomery))
}

fn get_g1(bytes: &[u8], trust: Trust) -> Option<G1Affine> {
    let (x, y) = bytes.split_at_checked(32)?;
    point(get_fq(x, trust)?, get_fq(y, trust)?, trust)
}

fn get_g2(bytes: &[u8], trust: Trust) -> Option<G2Affine> {
    let mut values = bytes.chunks_exact(32).map(|chunk| get_fq(chunk, trust));
    let mut next = || values.next().flatten();
    let x = Fq2::new(next()?, next()?);
    let y = Fq2::new(next()?, next()?);
    point(x, y, trust)
}

fn point<C: SWCurveConfig>(x: C::BaseField, y: C::BaseField, trust: Trust) -> Option<Affine<C>> {
    use ark_ff::Zero;
    if x.is_zero() && y.is_zero() {
        return Some(Affine::identity());
    }
    let point = Affine::new_unchecked(x, y);
    let sound = || point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    (trust == Trust::Digest || sound()).then_some(point)
}
