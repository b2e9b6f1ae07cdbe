//! Rank-1 constraint systems and their `.r1cs` files (iden3 binary format, version 1).
//!
//! Wires are in circom's order: wire 0 is the constant one, wires `1..=n_public` are the public
//! inputs, the rest are private. Constraint `i` demands `<A_i, w> * <B_i, w> = <C_i, w>`.
//! Format: <https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md>.

pub mod file;

use std::io::{self, Write};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::binfile::{BinFileError, SectionWriter};
use file::R1csFile;

/// One term of a row: wire and its coefficient.
pub type Term = (u32, Fr);

/// The most constraints a system may have: BN254's scalar field has no domain beyond 2^28.
pub const MAX_CONSTRAINTS: usize = 1 << 28;

/// A sparse matrix by rows, all rows in one allocation. Each row is sorted by wire, has each wire
/// at most once, and has no zero coefficient. So equal matrices compare equal, whichever tool wrote
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparseMatrix {
    ends: Vec<u32>,
    terms: Vec<Term>,
}

/// A view of one constraint: rows sorted by wire, without zero coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint<'a> {
    /// The left factor.
    pub a: &'a [Term],
    /// The right factor.
    pub b: &'a [Term],
    /// The product.
    pub c: &'a [Term],
}

/// A rank-1 constraint system over BN254's scalar field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct R1cs {
    /// Number of public inputs (wires `1..=n_public`).
    pub n_public: u32,
    /// Number of private inputs that a caller chooses freely; information only.
    pub n_private_inputs: u32,
    /// Number of wires, the constant one included.
    pub n_wires: u32,
    /// Left factors.
    pub a: SparseMatrix,
    /// Right factors.
    pub b: SparseMatrix,
    /// Products.
    pub c: SparseMatrix,
}

/// Why bytes are not a constraint system that we accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum R1csError {
    /// The container is damaged, or is another kind of file.
    #[error(transparent)]
    File(#[from] BinFileError),
    /// The file cannot be read.
    #[error("constraint system file: {0}")]
    Io(io::Error),
    /// It is over another field.
    #[error(
        "the circuit is over another field than BN254's: {field}; compile it with `--prime bn128`"
    )]
    OtherField {
        /// Its name in circom, or its modulus.
        field: String,
    },
    /// It has constraints that are not of rank 1.
    #[error(
        "the circuit uses custom gates, which Groth16 lacks: compile it without \
         `pragma custom_templates`"
    )]
    CustomGates,
    /// The numbers in it contradict each other.
    #[error("constraint system file: {what}: recompile the circuit or fetch the file again")]
    Inconsistent {
        /// What is wrong.
        what: String,
    },
}

impl From<io::Error> for R1csError {
    fn from(error: io::Error) -> Self {
        Self::Io(merits_guard::explain::reading(error))
    }
}

impl SparseMatrix {
    /// Appends a row. Terms may be in any order, and a wire may occur more than once: terms are
    /// sorted and added up, and zero sums are dropped.
    ///
    /// # Panics
    /// If the matrix would exceed 2^32 terms.
    pub fn push_row(&mut self, terms: impl IntoIterator<Item = Term>) {
        let start = self.terms.len();
        self.terms.extend(terms);
        if !is_normal(&self.terms[start..]) {
            let mut row = self.terms.split_off(start);
            normalise(&mut row);
            self.terms.append(&mut row);
        }
        let end = u32::try_from(self.terms.len()).expect("a matrix has fewer than 2^32 terms");
        self.ends.push(end);
    }

    /// Keeps the first rows.
    pub fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        let terms = self.ends.last().copied().unwrap_or_default();
        self.terms.truncate(terms as usize);
    }

    /// Row `i`; empty if there is no such row.
    #[must_use]
    pub fn row(&self, i: usize) -> &[Term] {
        let Some(&end) = self.ends.get(i) else {
            return &[];
        };
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.terms[start as usize..end as usize]
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Number of terms in all rows.
    #[must_use]
    pub fn non_zero(&self) -> usize {
        self.terms.len()
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Term]> {
        (0..self.rows()).map(|i| self.row(i))
    }
}

impl R1cs {
    /// Number of constraints.
    #[must_use]
    pub fn n_constraints(&self) -> usize {
        self.a.rows()
    }

    /// Constraint `i`.
    #[must_use]
    pub fn constraint(&self, i: usize) -> Constraint<'_> {
        Constraint {
            a: self.a.row(i),
            b: self.b.row(i),
            c: self.c.row(i),
        }
    }

    /// Whether the assignment (one value a wire) satisfies every constraint.
    ///
    /// # Errors
    /// The number of the first constraint that fails. An assignment of the wrong length, or whose
    /// wire 0 is not one, fails at constraint 0.
    pub fn is_satisfied(&self, assignment: &[Fr]) -> Result<(), usize> {
        if assignment.len() != self.n_wires as usize || assignment.first() != Some(&Fr::ONE) {
            return Err(0);
        }
        let failed = (0..self.n_constraints())
            .into_par_iter()
            .with_min_len(1024)
            .find_first(|&i| {
                let c = self.constraint(i);
                evaluate(c.a, assignment) * evaluate(c.b, assignment) != evaluate(c.c, assignment)
            });
        failed.map_or(Ok(()), Err)
    }

    /// SHA-256 of the canonical `.r1cs` bytes: the circuit's identity.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = HashWriter(Sha256::new());
        self.write(&mut hasher)
            .expect("writing to a hash does not fail");
        hasher.0.finalize().into()
    }

    /// log2 of the size of the QAP's domain: room for the constraints and one row for each
    /// public wire and the constant.
    #[must_use]
    pub fn domain_log2(&self) -> u32 {
        (self.n_constraints() + self.n_public as usize + 1)
            .next_power_of_two()
            .ilog2()
    }

    /// Writes the system as an `.r1cs` file, with wire numbers as labels.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let terms = self.a.non_zero() + self.b.non_zero() + self.c.non_zero();
        let constraints_len = 12 * self.n_constraints() as u64 + 36 * terms as u64;
        let mut file = SectionWriter::new(out, *b"r1cs", 1, 3)?;

        let head = file.section(1, 64)?;
        head.write_all(&32u32.to_le_bytes())?;
        head.write_all(&Fr::MODULUS.to_bytes_le())?;
        for n in [self.n_wires, 0, self.n_public, self.n_private_inputs] {
            head.write_all(&n.to_le_bytes())?;
        }
        head.write_all(&u64::from(self.n_wires).to_le_bytes())?;
        head.write_all(&(self.n_constraints() as u32).to_le_bytes())?;

        let body = file.section(2, constraints_len)?;
        let mut buffer = Vec::new();
        for i in 0..self.n_constraints() {
            let constraint = self.constraint(i);
            buffer.clear();
            for row in [constraint.a, constraint.b, constraint.c] {
                buffer.extend_from_slice(&(row.len() as u32).to_le_bytes());
                for (wire, coefficient) in row {
                    buffer.extend_from_slice(&wire.to_le_bytes());
                    for limb in coefficient.into_bigint().0 {
                        buffer.extend_from_slice(&limb.to_le_bytes());
                    }
                }
            }
            body.write_all(&buffer)?;
        }

        let map = file.section(3, 8 * u64::from(self.n_wires))?;
        let labels: Vec<u8> = (0..u64::from(self.n_wires))
            .flat_map(u64::to_le_bytes)
            .collect();
        map.write_all(&labels)
    }

    /// Reads an `.r1cs` file, checking every number in it. Circom's outputs count as public
    /// inputs; labels are dropped. Large files are better read by [`R1csFile`].
    ///
    /// # Errors
    /// [`R1csError`] for anything but a sound system over BN254's scalar field.
    pub fn read(bytes: &[u8]) -> Result<Self, R1csError> {
        R1csFile::open(io::Cursor::new(bytes))?.read()
    }
}

/// The value of a row under an assignment.
///
/// # Panics
/// If the row names a wire that the assignment lacks. Callers check both before.
#[must_use]
pub fn evaluate(row: &[Term], assignment: &[Fr]) -> Fr {
    row.iter().fold(Fr::ZERO, |sum, (wire, coefficient)| {
        sum + *coefficient * assignment[*wire as usize]
    })
}

fn is_normal(row: &[Term]) -> bool {
    row.is_sorted_by(|(a, _), (b, _)| a < b) && row.iter().all(|(_, value)| *value != Fr::ZERO)
}

fn normalise(row: &mut Vec<Term>) {
    row.sort_unstable_by_key(|(wire, _)| *wire);
    row.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    row.retain(|(_, value)| *value != Fr::ZERO);
}

pub(crate) fn inconsistent(what: &str) -> R1csError {
    R1csError::Inconsistent {
        what: what.to_owned(),
    }
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
