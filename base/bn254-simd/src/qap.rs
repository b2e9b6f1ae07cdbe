//! From an assignment to the scalars of the H query, by circom's reduction.
//!
//! Let `A(x)` and `B(x)` be the polynomials of degree below `n` whose values on the domain are the
//! matrices' products with the assignment, and `C(x)` the one whose values there are those of `A*B`.
//! The scalars are `A*B - C` at the points of the odd coset `w^(i + 1/2)`. The key holds the
//! Lagrange polynomials of those points, so no division by the vanishing polynomial is needed.

use std::collections::HashMap;

use ark_bn254::Fr;
use ark_ff::{FftField, Field, One, PrimeField, Zero};
use rayon::prelude::*;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::fft::{
    Plain, decimate_in_frequency, decimate_in_time, domain_generator, odd_twiddles, twiddles,
};
#[cfg(target_arch = "x86_64")]
use crate::fft_ifma::{Chain, FEWEST};
#[cfg(target_arch = "x86_64")]
use crate::field::Limbs8;
use crate::pages::Pages;
use crate::path::{Kind, Path};
use crate::store::Store;

/// One factor of every constraint: a sparse matrix by rows, with its coefficients shared.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Row `i` is `terms[ends[i - 1]..ends[i]]`.
    ends: Store<u32>,
    terms: Store<Term>,
    /// Coefficients other than one and minus one, each once.
    coefficients: Vec<Fr>,
}

/// A wire and the number of its coefficient.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Term {
    pub(crate) wire: u32,
    /// [`ONE`], [`MINUS_ONE`], or two more than the position in the table.
    pub(crate) coefficient: u32,
}

const ONE: u32 = 0;
const MINUS_ONE: u32 = 1;

impl Matrix {
    /// From rows of (wire, coefficient).
    ///
    /// # Panics
    /// At 2^32 terms.
    pub fn from_rows<R>(rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = (u32, Fr)>,
    {
        let mut known = HashMap::from([(Fr::one(), ONE), (-Fr::one(), MINUS_ONE)]);
        let (mut ends, mut terms, mut coefficients) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            for (wire, value) in row {
                let coefficient = *known.entry(value).or_insert_with(|| {
                    coefficients.push(value);
                    coefficients.len() as u32 + 1
                });
                terms.push(Term { wire, coefficient });
            }
            assert!(terms.len() < u32::MAX as usize, "2^32 terms or more");
            ends.push(terms.len() as u32);
        }
        Self::from_parts(ends.into(), terms.into(), coefficients)
    }

    /// From the results of [`ends`](Self::ends), [`terms`](Self::terms) and
    /// [`coefficients`](Self::coefficients).
    pub(crate) fn from_parts(ends: Store<u32>, terms: Store<Term>, coefficients: Vec<Fr>) -> Self {
        Self {
            ends,
            terms,
            coefficients,
        }
    }

    /// Ends of the rows.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Terms of all rows.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Coefficients by their numbers less two.
    pub(crate) fn coefficients(&self) -> &[Fr] {
        &self.coefficients
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The highest wire with a term, if there is a term.
    pub(crate) fn highest_wire(&self) -> Option<u32> {
        self.terms.iter().map(|term| term.wire).max()
    }

    /// The matrix as slices, for loops over its rows: borrowing a mapped array
    /// costs some nanoseconds.
    fn view(&self) -> View<'_> {
        View {
            ends: &self.ends,
            terms: &self.terms,
            coefficients: &self.coefficients,
        }
    }
}

struct View<'a> {
    ends: &'a [u32],
    terms: &'a [Term],
    coefficients: &'a [Fr],
}

impl View<'_> {
    fn row(&self, i: usize, assignment: &[Fr]) -> Fr {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        let mut sum = Fr::zero();
        for term in &self.terms[start as usize..self.ends[i] as usize] {
            let value = &assignment[term.wire as usize];
            match term.coefficient {
                ONE => sum += value,
                MINUS_ONE => sum -= value,
                // Most wires are bits, which need no product.
                other => {
                    let coefficient = &self.coefficients[other as usize - 2];
                    if value.is_one() {
                        sum += coefficient;
                    } else if !value.is_zero() {
                        sum += *coefficient * value;
                    }
                }
            }
        }
        sum
    }
}

/// Tables for one circuit's reduction.
pub(crate) struct Reduction {
    size: usize,
    instance: usize,
    a: Matrix,
    b: Matrix,
    tables: Tables,
}

enum Tables {
    Plain(PlainTables),
    #[cfg(target_arch = "x86_64")]
    Lanes(Box<Chain>),
}

/// Twiddles from values to coefficients, twiddles from those to the coset, and `1/n`, which undoes
/// the transforms' factor.
pub(crate) struct PlainTables {
    back: Vec<Fr>,
    forward: Vec<Fr>,
    scale: Fr,
}

/// log2 of the largest domain. The coset is in a domain of twice the size.
pub(crate) const LARGEST: u32 = <Fr as FftField>::TWO_ADICITY - 1;

impl Reduction {
    /// For two matrices with the same number of rows, and an instance (public wires and the constant)
    /// of `instance` wires. The caller must have checked the domain's size against [`LARGEST`].
    pub(crate) fn new(path: Path, a: Matrix, b: Matrix, instance: usize) -> Self {
        let size = domain_size(a.rows(), instance);
        let log = size.ilog2();
        let tables = match path.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(isa) if size >= 8 * FEWEST => {
                Tables::Lanes(Box::new(Chain::new(isa, size / 8)))
            }
            _ => {
                let root = domain_generator(log);
                Tables::Plain(PlainTables {
                    back: twiddles(root.pow([size as u64 - 1]), size, |w| w),
                    forward: odd_twiddles(domain_generator(log + 1), size, |w| w),
                    // A power of two, which is not zero.
                    scale: Fr::from(size as u64).inverse().unwrap_or_default(),
                })
            }
        };
        Self {
            size,
            instance,
            a,
            b,
            tables,
        }
    }

    /// The left factors.
    pub(crate) fn a(&self) -> &Matrix {
        &self.a
    }

    /// The right factors.
    pub(crate) fn b(&self) -> &Matrix {
        &self.b
    }

    /// Public wires and the constant one.
    pub(crate) fn instance(&self) -> usize {
        self.instance
    }

    /// Points of the domain.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The point of the coset whose value is number `position` of [`Products::scalars`].
    pub(crate) fn point_at(&self, position: usize) -> usize {
        match &self.tables {
            Tables::Plain(_) => position,
            #[cfg(target_arch = "x86_64")]
            Tables::Lanes(chain) => chain.element_at(position),
        }
    }

    /// The matrices' products with the assignment, at the points of the domain.
    pub(crate) fn products(&self, assignment: &[Fr]) -> Products<'_> {
        let (a, b) = (self.a.view(), self.b.view());
        let rows = self.a.rows();
        let a = |i: usize| match i.checked_sub(rows) {
            None => a.row(i, assignment),
            // Rows that bind the public inputs.
            Some(j) if j < self.instance => assignment[j],
            Some(_) => Fr::zero(),
        };
        let b = |i: usize| {
            if i < rows {
                b.row(i, assignment)
            } else {
                Fr::zero()
            }
        };
        match &self.tables {
            Tables::Plain(tables) => {
                let all = || (0..self.size).into_par_iter().with_min_len(1 << 10);
                let (a, b) = (all().map(a).collect(), all().map(b).collect());
                Products::Plain { tables, a, b }
            }
            #[cfg(target_arch = "x86_64")]
            Tables::Lanes(chain) => {
                let (a, b) = (chain.load(a), chain.load(b));
                Products::Lanes { chain, a, b }
            }
        }
    }
}

/// Both factors of every constraint on the domain, and the tables for the next steps.
pub(crate) enum Products<'r> {
    Plain {
        tables: &'r PlainTables,
        a: Vec<Fr>,
        b: Vec<Fr>,
    },
    #[cfg(target_arch = "x86_64")]
    Lanes {
        chain: &'r Chain,
        a: Pages<Limbs8>,
        b: Pages<Limbs8>,
    },
}

impl Products<'_> {
    /// The scalars of the H query as integers.
    pub(crate) fn scalars(self) -> Pages<[u64; 4]> {
        match self {
            Self::Plain {
                tables,
                mut a,
                mut b,
            } => {
                let mut c: Vec<Fr> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
                let to_coset = |data: &mut Vec<Fr>| {
                    decimate_in_frequency(&Plain, data, &tables.back);
                    decimate_in_time(&Plain, data, &tables.forward);
                };
                rayon::join(
                    || to_coset(&mut a),
                    || rayon::join(|| to_coset(&mut b), || to_coset(&mut c)),
                );
                // Each of the three is n times the true value.
                let scale = tables.scale;
                let mut out = Pages::zeroed(a.len());
                let all = out.par_iter_mut().zip(&a).zip(b.par_iter().zip(&c));
                all.for_each(|((out, a), (b, c))| {
                    *out = ((*a * b * scale - c) * scale).into_bigint().0;
                });
                out
            }
            #[cfg(target_arch = "x86_64")]
            Self::Lanes {
                chain,
                mut a,
                mut b,
            } => {
                let mut c = chain.multiply(&a, &b);
                for data in [&mut a, &mut b, &mut c] {
                    chain.to_coset(data);
                }
                chain.odd_values(&a, &b, &c)
            }
        }
    }
}

/// The number of points of a circuit's domain.
pub(crate) fn domain_size(constraints: usize, instance: usize) -> usize {
    (constraints + instance).next_power_of_two()
}
