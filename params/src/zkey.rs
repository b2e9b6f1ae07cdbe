//! `.zkey` files (snarkjs, Groth16): written after a set-up, read fast if the digest of the bytes
//! is known, and with every point checked otherwise.

mod coefficients;

use std::io::{self, Read, Seek, Write};

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use merits_verifier::groth16::{KeyError, VerifyingKey};
use rayon::prelude::*;

use crate::binfile::{BinFile, BinFileError, RECORDS, Section, SectionWriter, limbs};
use crate::groth16::{MAX_DOMAIN_LOG2, ProvingKey};
use crate::r1cs::{R1cs, SparseMatrix, Term};

const GROTH16: u32 = 1;
const G1_BYTES: usize = 64;
const G2_BYTES: usize = 128;

/// A proving key with the matrices that a prover evaluates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zkey {
    /// The points.
    pub key: ProvingKey,
    /// Left factors, without the rows that bind public inputs.
    pub a: SparseMatrix,
    /// Right factors.
    pub b: SparseMatrix,
    /// The circuit that the contributions section names. For keys made here it is the digest of the
    /// constraint system and 32 zero bytes. All zero if there is no such section.
    pub circuit_hash: [u8; 64],
}

/// How much of a key is checked while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The caller has compared the bytes' digest with that of a key that was checked before. Points
    /// are not checked again; lengths and indexes are.
    Digest,
    /// Nothing is known about the bytes: checks that each number is canonical and each point is on
    /// its curve and in its subgroup. This takes seconds instead of milliseconds.
    Nothing,
}

/// Why a file is not a key that we accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZkeyError {
    /// The container is damaged, or is another kind of file.
    #[error(transparent)]
    File(#[from] BinFileError),
    /// Not Groth16.
    #[error("the key is for proof system {0}, not Groth16 (1)")]
    ProofSystem(u32),
    /// The numbers in it contradict each other.
    #[error("key file: {what}: make the key again or fetch it again")]
    Inconsistent {
        /// What is wrong.
        what: &'static str,
    },
    /// The key is for a larger domain than its circuit needs.
    #[error(
        "the key is for an evaluation domain of 2^{in_key} points, and its circuit needs 2^{needed}: some \
         provers take such a key, and this one takes the smallest domain only. Make the key again for \
         this circuit (`snarkjs groth16 setup` takes the smallest domain)"
    )]
    LargerDomain {
        /// log2 of the key's domain.
        in_key: u32,
        /// log2 of the smallest domain with room for the constraints.
        needed: u32,
    },
    /// A point is not what it must be.
    #[error("key file, section {section}, point {index}: not a point of the prime-order group")]
    Point {
        /// Section of the file.
        section: u32,
        /// Number of the point in it.
        index: usize,
    },
    /// The verifying part would let anybody forge proofs.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The circuit has another size.
    #[error(
        "the key belongs to another circuit: it is for {in_key} {what}, and the circuit has {in_circuit}"
    )]
    OtherSize {
        /// The unit that is counted.
        what: &'static str,
        /// How many the key is for.
        in_key: usize,
        /// How many the circuit has.
        in_circuit: usize,
    },
    /// The matrices are those of another circuit.
    #[error(
        "the key belongs to another circuit: in constraint {constraint}, matrix {matrix} multiplies \
         wire {wire} by {} in the key, and by {} in the circuit (constraints and wires are counted \
         from 0)",
        signed(.in_key), signed(.in_circuit)
    )]
    OtherCircuit {
        /// The first constraint that differs.
        constraint: usize,
        /// Which of its factors: `A` or `B`.
        matrix: char,
        /// The first wire in it with another coefficient.
        wire: u32,
        /// The coefficient in the key, 0 if the wire does not occur.
        in_key: Fr,
        /// The coefficient in the circuit.
        in_circuit: Fr,
    },
    /// The key was made here, for a circuit of another digest.
    #[error("the key is for another circuit than the one it is used for")]
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
        let ours = rest.iter().all(|byte| *byte == 0) && *digest != [0; 32];
        ours.then_some(*digest)
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
    /// A key does not contain matrix C in readable form. Only the transcript of its ceremony can
    /// show that the points of a foreign key belong to the circuit (`snarkjs zkey verify`).
    ///
    /// # Errors
    /// [`ZkeyError::OtherSize`], [`ZkeyError::OtherCircuit`], [`ZkeyError::OtherDigest`].
    pub fn check_circuit(&self, r1cs: &R1cs) -> Result<(), ZkeyError> {
        let sizes = [
            ("wires", self.n_wires(), r1cs.n_wires as usize),
            ("public inputs", self.n_public(), r1cs.n_public as usize),
            ("constraints", self.a.rows(), r1cs.n_constraints()),
        ];
        for (what, in_key, in_circuit) in sizes {
            if in_key != in_circuit {
                return Err(ZkeyError::OtherSize {
                    what,
                    in_key,
                    in_circuit,
                });
            }
        }
        let matrices = [('A', &self.a, &r1cs.a), ('B', &self.b, &r1cs.b)];
        for constraint in 0..r1cs.n_constraints() {
            for (matrix, ours, theirs) in matrices {
                let (ours, theirs) = (ours.row(constraint), theirs.row(constraint));
                if let Some((wire, in_key, in_circuit)) = difference(ours, theirs) {
                    return Err(ZkeyError::OtherCircuit {
                        constraint,
                        matrix,
                        wire,
                        in_key,
                        in_circuit,
                    });
                }
            }
        }
        match self.named_circuit() {
            Some(named) if named != r1cs.digest() => Err(ZkeyError::OtherDigest),
            _ => Ok(()),
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

        coefficients::write(&mut file, &self.a, &self.b, n_instance)?;

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
    /// [`ZkeyError`]. A verifying part under which anybody could forge is always refused.
    pub fn read(bytes: &[u8], trust: Trust) -> Result<Self, ZkeyError> {
        Self::read_from(io::Cursor::new(bytes), trust)
    }

    /// The same, piece by piece from a file: it is never in memory as a whole.
    ///
    /// # Errors
    /// As [`read`](Self::read), and those of the file.
    pub fn read_from(input: impl Read + Seek, trust: Trust) -> Result<Self, ZkeyError> {
        let mut file = BinFile::open(input, *b"zkey", 1)?;
        let system = file.section(1)?.u32()?;
        if system != GROTH16 {
            return Err(ZkeyError::ProofSystem(system));
        }
        let head = Head::read(&mut file.section(2)?, trust)?;
        let wires = head.n_wires;
        let vk = VerifyingKey {
            ic: points(file.section(3)?, head.n_instance, trust, get_g1)?,
            ..head.vk
        };
        vk.check()?;
        let head = Head {
            vk: vk.clone(),
            ..head
        };
        // A row of the matrices takes memory, so it is only allowed if H has a point for it.
        file.section(9)?
            .expect_left(1 << head.domain_log2, G1_BYTES)?;
        let (a, b) = coefficients::read(file.section(4)?, &head)?;
        let mut g1 = |id, count| points(file.section(id)?, count, trust, get_g1);
        let (a_query, b_g1) = (g1(5, wires)?, g1(6, wires)?);
        let (l, h) = (
            g1(8, wires - head.n_instance)?,
            g1(9, 1 << head.domain_log2)?,
        );
        Ok(Self {
            key: ProvingKey {
                vk,
                beta_g1: head.beta_g1,
                delta_g1: head.delta_g1,
                a: a_query,
                b_g1,
                b_g2: points(file.section(7)?, wires, trust, get_g2)?,
                l,
                h,
            },
            a,
            b,
            circuit_hash: match file.section(10) {
                Ok(mut contributions) => contributions.array()?,
                // Provers need none, and some tools write none.
                Err(BinFileError::SectionCount { times: 0, .. }) => [0; 64],
                Err(error) => return Err(error.into()),
            },
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
    fn read(section: &mut Section<'_, impl Read + Seek>, trust: Trust) -> Result<Self, ZkeyError> {
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
        // Six points; an error names the number of the faulty one.
        let point = |index| ZkeyError::Point { section: 2, index };
        let mut g1 = |index| get_g1(&section.array::<G1_BYTES>()?, trust).ok_or(point(index));
        let (alpha, beta_g1) = (g1(0)?, g1(1)?);
        let mut g2 = |index| get_g2(&section.array::<G2_BYTES>()?, trust).ok_or(point(index));
        let (beta, gamma) = (g2(2)?, g2(3)?);
        let delta_g1 = get_g1(&section.array::<G1_BYTES>()?, trust).ok_or(point(4))?;
        let delta = get_g2(&section.array::<G2_BYTES>()?, trust).ok_or(point(5))?;
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

/// The first wire on which two rows differ, with its coefficient in each. Rows are sorted.
fn difference(ours: &[Term], theirs: &[Term]) -> Option<(u32, Fr, Fr)> {
    let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    match (ours.get(at), theirs.get(at)) {
        (None, None) => None,
        (Some((a, in_key)), Some((b, in_circuit))) if a == b => Some((*a, *in_key, *in_circuit)),
        (Some((a, in_key)), other) if other.is_none_or(|(b, _)| a < b) => {
            Some((*a, *in_key, Fr::ZERO))
        }
        (_, Some((b, in_circuit))) => Some((*b, Fr::ZERO, *in_circuit)),
        (Some(_), None) => None,
    }
}

/// A coefficient as readable text: most are small, some negative.
fn signed(value: &Fr) -> String {
    let opposite = -*value;
    if opposite.into_bigint() < value.into_bigint() {
        format!("-{opposite}")
    } else {
        value.to_string()
    }
}

/// Reads a whole section of points.
fn points<C: SWCurveConfig>(
    mut section: Section<'_, impl Read + Seek>,
    count: usize,
    trust: Trust,
    get: impl Fn(&[u8], Trust) -> Option<Affine<C>> + Sync,
) -> Result<Vec<Affine<C>>, ZkeyError> {
    let size = 2 * 32 * C::BaseField::extension_degree() as usize;
    let id = section.id();
    section.expect_left(count, size)?;
    let mut points = Vec::with_capacity(count);
    let mut buffer = vec![0; size * RECORDS.min(count)];
    while points.len() < count {
        let first = points.len();
        let bytes = &mut buffer[..size * RECORDS.min(count - first)];
        section.fill(bytes)?;
        let piece: Result<Vec<_>, ZkeyError> = bytes
            .par_chunks_exact(size)
            .with_min_len(256)
            .enumerate()
            .map(|(i, chunk)| {
                let index = first + i;
                get(chunk, trust).ok_or(ZkeyError::Point { section: id, index })
            })
            .collect();
        points.append(&mut piece?);
    }
    Ok(points)
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
