//! Section 4 of a `.zkey`: matrices A and B, one record for each coefficient.
//!
//! A prover adds up the records, so writers agree on nothing else: records come in any order, a
//! wire may occur in a row more than once, and coefficients may be zero or cancel. This module
//! reads the matrices that such a prover would use, in the unique form of [`SparseMatrix`].

use std::io::{self, Read, Seek, Write};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use rayon::prelude::*;

use super::{Head, ZkeyError};
use crate::binfile::{RECORDS, Section, SectionWriter, limbs};
use crate::r1cs::{SparseMatrix, Term};

const BYTES: usize = 44;

/// Writes the section. After the constraints comes one row for each public wire and the constant.
pub(super) fn write<W: Write>(
    file: &mut SectionWriter<'_, W>,
    a: &SparseMatrix,
    b: &SparseMatrix,
    n_instance: usize,
) -> io::Result<()> {
    let count = a.non_zero() + b.non_zero() + n_instance;
    let body = file.section(4, 4 + (BYTES * count) as u64)?;
    body.write_all(&(count as u32).to_le_bytes())?;
    let mut buffer = Vec::new();
    for row in 0..a.rows() {
        for (matrix, terms) in [(0, a.row(row)), (1, b.row(row))] {
            for (wire, value) in terms {
                put(&mut buffer, matrix, row, *wire, *value);
            }
        }
        if buffer.len() > 1 << 16 {
            body.write_all(&buffer)?;
            buffer.clear();
        }
    }
    for wire in 0..n_instance {
        put(&mut buffer, 0, a.rows() + wire, wire as u32, Fr::ONE);
    }
    body.write_all(&buffer)
}

/// Reads matrices A and B. Their last rows bind the public inputs and are left out.
pub(super) fn read(
    mut section: Section<'_, impl Read + Seek>,
    head: &Head,
) -> Result<(SparseMatrix, SparseMatrix), ZkeyError> {
    let inconsistent = |what| ZkeyError::Inconsistent { what };
    let count = section.u32()? as usize;
    section.expect_left(count, BYTES)?;
    let mut rows = Rows::default();
    let mut buffer = vec![0; BYTES * RECORDS.min(count)];
    let mut done = 0;
    while done < count {
        let bytes = &mut buffer[..BYTES * RECORDS.min(count - done)];
        section.fill(bytes)?;
        let (records, _) = bytes.as_chunks::<BYTES>();
        done += records.len();
        let coefficients = records.par_iter().with_min_len(256).map(coefficient);
        let coefficients: Option<Vec<Coefficient>> = coefficients.collect();
        for it in coefficients.ok_or_else(|| section.not_canonical())? {
            let domain = 1usize << head.domain_log2;
            if it.row as usize >= domain || it.wire as usize >= head.n_wires || it.matrix > 1 {
                return Err(inconsistent("a coefficient outside the matrices"));
            }
            rows.take(it);
        }
    }
    let [mut a, mut b] = rows.finish();
    let used = |row: &usize| !a.row(*row).is_empty() || !b.row(*row).is_empty();
    let used = (0..a.rows()).rev().find(used).map_or(0, |last| last + 1);
    let constraints = used
        .checked_sub(head.n_instance)
        .ok_or(inconsistent("no rows bind the public inputs"))?;
    let binds = |wire: usize| {
        let row = constraints + wire;
        a.row(row) == [(wire as u32, Fr::ONE)] && b.row(row).is_empty()
    };
    if !(0..head.n_instance).all(binds) {
        return Err(inconsistent("the last rows do not bind the inputs"));
    }
    // Never less: each row lies in the domain.
    let needed = used.next_power_of_two().ilog2();
    if needed != head.domain_log2 {
        return Err(ZkeyError::LargerDomain {
            in_key: head.domain_log2,
            needed,
        });
    }
    a.truncate(constraints);
    b.truncate(constraints);
    Ok((a, b))
}

/// Both matrices while they are built. Most files have their rows in order; only rows that come too
/// late are kept separately.
#[derive(Default)]
struct Rows {
    done: [SparseMatrix; 2],
    /// The terms of row number [`open_row`](Self::open_row).
    open: [Vec<Term>; 2],
    open_row: usize,
    late: Vec<Coefficient>,
}

impl Rows {
    fn take(&mut self, it: Coefficient) {
        if it.value == Fr::ZERO {
            return;
        }
        let row = it.row as usize;
        if row < self.open_row {
            self.late.push(it);
            return;
        }
        self.close_until(row);
        self.open[it.matrix as usize].push((it.wire, it.value));
    }

    fn close_until(&mut self, row: usize) {
        while self.open_row < row {
            for (matrix, terms) in self.done.iter_mut().zip(&mut self.open) {
                matrix.push_row(terms.drain(..));
            }
            self.open_row += 1;
        }
    }

    fn finish(mut self) -> [SparseMatrix; 2] {
        self.close_until(self.open_row + 1);
        if self.late.is_empty() {
            return self.done;
        }
        self.late.sort_unstable_by_key(|it| it.row);
        let mut late = self.late.into_iter().peekable();
        let mut whole = [SparseMatrix::default(), SparseMatrix::default()];
        for row in 0..self.open_row {
            for (matrix, terms) in self.done.iter().zip(&mut self.open) {
                terms.extend_from_slice(matrix.row(row));
            }
            while let Some(it) = late.next_if(|it| it.row as usize == row) {
                self.open[it.matrix as usize].push((it.wire, it.value));
            }
            for (matrix, terms) in whole.iter_mut().zip(&mut self.open) {
                matrix.push_row(terms.drain(..));
            }
        }
        whole
    }
}

struct Coefficient {
    matrix: u32,
    row: u32,
    wire: u32,
    value: Fr,
}

/// `None` if its number is not below the modulus.
fn coefficient(bytes: &[u8; BYTES]) -> Option<Coefficient> {
    let word = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let mut value = [0; 32];
    value.copy_from_slice(&bytes[12..]);
    let twice = BigInt(limbs(&value));
    // The file holds v*R^2; taken as a Montgomery form that is v*R, whose integer is again taken
    // as a Montgomery form.
    let once = (twice < Fr::MODULUS).then(|| Fr::new_unchecked(twice))?;
    Some(Coefficient {
        matrix: word(0),
        row: word(4),
        wire: word(8),
        value: Fr::new_unchecked(once.into_bigint()),
    })
}

fn put(buffer: &mut Vec<u8>, matrix: u32, row: usize, wire: u32, value: Fr) {
    for word in [matrix, row as u32, wire] {
        buffer.extend_from_slice(&word.to_le_bytes());
    }
    // The Montgomery form of v*R: see `coefficient`.
    let twice = value * Fr::new_unchecked(Fr::R2);
    for limb in twice.0.0 {
        buffer.extend_from_slice(&limb.to_le_bytes());
    }
}
