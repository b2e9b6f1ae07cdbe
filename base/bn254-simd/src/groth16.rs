//! A Groth16 prover for circom's keys.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::short_weierstrass::Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::One;

use crate::curve::Group;
use crate::msm::{Bases, G1Bases, G2Bases, LengthMismatch, msm_shared};
use crate::path::Path;
use crate::qap::{LARGEST, Matrix, Reduction, domain_size};
use crate::scalars::Scalars;
use crate::table_shape::TableShape;
use crate::tables::{self, QueryLengths, TableBudget};

/// The points of a proving key, in the form in which readers of `.zkey` files and arkworks' set-up
/// have them. They are borrowed or owned; owned points save memory.
#[derive(Clone, Debug)]
pub struct KeyPoints<'a> {
    /// α in G1.
    pub alpha_g1: G1Affine,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// β in G2.
    pub beta_g2: G2Affine,
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// δ in G2.
    pub delta_g2: G2Affine,
    /// A(τ), one point for each wire.
    pub a: Cow<'a, [G1Affine]>,
    /// B(τ) in G1, one point for each wire.
    pub b_g1: Cow<'a, [G1Affine]>,
    /// B(τ) in G2, one point for each wire.
    pub b_g2: Cow<'a, [G2Affine]>,
    /// One point for each private wire.
    pub l: Cow<'a, [G1Affine]>,
    /// One point for each point of the domain (arkworks leaves the last one out).
    pub h: Cow<'a, [G1Affine]>,
}

/// A proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// First element.
    pub a: G1Affine,
    /// Second element.
    pub b: G2Affine,
    /// Third element.
    pub c: G1Affine,
}

/// The duration of each part of a proof whose parts ran one after another
/// ([`PreparedKey::prove_in_phases`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The matrices' products with the assignment.
    pub matrices: Duration,
    /// The transforms to the odd coset.
    pub transforms: Duration,
    /// Both sets of scalars, cut for their windows. Sorting a window is part of each sum.
    pub scalars: Duration,
    /// The sum of query H.
    pub h: Duration,
    /// The sum of query L.
    pub l: Duration,
    /// The sum of query A.
    pub a: Duration,
    /// The sum of query B in G1.
    pub b_g1: Duration,
    /// The sum of query B in G2.
    pub b_g2: Duration,
}

/// A key laid out for the kernels. Prepare it once, then prove with it from any
/// number of threads.
pub struct PreparedKey {
    pub(crate) path: Path,
    pub(crate) tables: TableBudget,
    pub(crate) alpha_g1: G1Affine,
    pub(crate) beta_g1: G1Affine,
    pub(crate) beta_g2: G2Affine,
    pub(crate) delta_g1: G1Affine,
    pub(crate) delta_g2: G2Affine,
    pub(crate) a: G1Bases,
    pub(crate) b_g1: G1Bases,
    pub(crate) b_g2: G2Bases,
    pub(crate) l: G1Bases,
    pub(crate) h: G1Bases,
    pub(crate) reduction: Reduction,
}

/// Why a key cannot be prepared: its parts do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A query does not have the length that the circuit needs.
    #[error("query {query} has {given} points where the circuit needs {expected}: wrong key")]
    QueryLength {
        /// Which query.
        query: &'static str,
        /// Its length.
        given: usize,
        /// The length that fits the other parts.
        expected: usize,
    },
    /// The matrices have different numbers of rows.
    #[error("matrix A has {a} rows and matrix B {b}: they are of different circuits")]
    Rows {
        /// Rows of A.
        a: usize,
        /// Rows of B.
        b: usize,
    },
    /// A matrix names a wire that the key does not have.
    #[error("a matrix names wire {wire} of a circuit with {wires} wires: wrong key")]
    NoSuchWire {
        /// The wire.
        wire: u32,
        /// Wires of the key.
        wires: usize,
    },
    /// No domain is large enough, or there are no wires at all.
    #[error("a circuit with {constraints} constraints and {wires} wires cannot be proven")]
    Size {
        /// Constraints.
        constraints: usize,
        /// Wires.
        wires: usize,
    },
}

/// Why there is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The assignment is for another circuit.
    #[error("the assignment does not fit the key: {0}")]
    WireCount(#[from] LengthMismatch),
    /// Wire 0 is the constant one by convention.
    #[error("wire 0 of the assignment is not one: pass the full assignment in wire order")]
    NoOne,
}

impl core::fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedKey")
            .field("path", &self.path.name())
            .field("wires", &self.a.len())
            .field("domain", &self.reduction.size())
            .finish_non_exhaustive()
    }
}

impl PreparedKey {
    /// Lays a key out. `a` and `b` are the matrices without the rows that bind public inputs.
    ///
    /// Checks that the parts fit together. It does not check that points are on their
    /// curves: the reader of the key must do that.
    ///
    /// `tables` bounds the memory for multiples of the points beside the points themselves. Owned
    /// queries are freed once converted.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(
        path: Path,
        key: KeyPoints<'_>,
        a: Matrix,
        b: Matrix,
        tables: TableBudget,
    ) -> Result<Self, KeyError> {
        let wires = key.a.len();
        let instance = wires.saturating_sub(key.l.len());
        let length = |query, given, expected| {
            if given == expected {
                return Ok(());
            }
            Err(KeyError::QueryLength {
                query,
                given,
                expected,
            })
        };
        if key.l.len() > wires {
            length("L", key.l.len(), wires)?;
        }
        length("B in G1", key.b_g1.len(), wires)?;
        length("B in G2", key.b_g2.len(), wires)?;
        if a.rows() != b.rows() {
            return Err(KeyError::Rows {
                a: a.rows(),
                b: b.rows(),
            });
        }
        if instance == 0 || (a.rows() + instance) as u64 > 1 << LARGEST {
            return Err(KeyError::Size {
                constraints: a.rows(),
                wires,
            });
        }
        if let Some(wire) = a.highest_wire().max(b.highest_wire())
            && wire as usize >= wires
        {
            return Err(KeyError::NoSuchWire { wire, wires });
        }
        let size = domain_size(a.rows(), instance);
        if key.h.len() + 1 != size {
            length("H", key.h.len(), size)?;
        }

        let reduction = Reduction::new(path, a, b, instance);
        let h_point = |position| key.h.get(reduction.point_at(position));
        let present = |points: &[G1Affine]| points.iter().filter(|p| !p.is_zero()).count();
        let shapes = tables::plan(
            tables,
            &QueryLengths {
                wires,
                domain: size,
                wires_g1: present(&key.a) + present(&key.b_g1) + present(&key.l),
                wires_g2: key.b_g2.iter().filter(|p| !p.is_zero()).count(),
                h: (0..size)
                    .filter_map(h_point)
                    .filter(|p| !p.is_zero())
                    .count(),
            },
        );
        // Lay out the largest query first and the copied one last: this order
        // needs the least memory at once.
        let b_g2 = lay_out(path, key.b_g2, shapes.wires);
        let b_g1 = lay_out(path, key.b_g1, shapes.wires);
        let a = lay_out(path, key.a, shapes.wires);
        // These have one point for each wire, so all queries but H share their scalars.
        let mut l = key.l.into_owned();
        l.splice(..0, core::iter::repeat_n(G1Affine::identity(), instance));
        let l = lay_out(path, Cow::Owned(l), shapes.wires);
        // In the order in which the reduction leaves its values.
        let h: Vec<G1Affine> = (0..size)
            .map(|position| h_point(position).copied().unwrap_or_default())
            .collect();
        let h = G1Bases::with_tables(path, &h, shapes.h);
        Ok(Self {
            path,
            tables,
            alpha_g1: key.alpha_g1,
            beta_g1: key.beta_g1,
            beta_g2: key.beta_g2,
            delta_g1: key.delta_g1,
            delta_g2: key.delta_g2,
            a,
            b_g1,
            b_g2,
            l,
            h,
            reduction,
        })
    }

    /// The number of wires that an assignment must have.
    pub fn wires(&self) -> usize {
        self.a.len()
    }

    /// Proves that an assignment (all wires, in wire order, the constant one first) satisfies the
    /// circuit, blinded by `r` and `s`, which must be uniform and never used twice.
    ///
    /// An assignment that does not satisfy the circuit gives a proof that does not verify. It is
    /// not constant-time: the time depends on the assignment. Runs on the rayon pool it is called
    /// from.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(&self, assignment: &[Fr], r: Fr, s: Fr) -> Result<Proof, ProveError> {
        self.check(assignment)?;
        // This runs alone on all threads, so that its vectors are freed before
        // the sums allocate theirs.
        let values = self.reduction.products(assignment).scalars();
        let quotient = || self.h.msm_integers(values);
        let wires = || {
            let scalars = Scalars::for_shape(self.a.shape, assignment);
            msm_shared(&scalars, [&self.a, &self.b_g1, &self.l], &self.b_g2)
        };
        let (h, wires) = rayon::join(quotient, wires);
        let (h, ([a, b_g1, l], b_g2)) = (h?, wires?);
        let sums = Sums {
            a,
            b_g1,
            b_g2,
            l,
            h,
        };
        Ok(self.blind(sums, r, s))
    }

    /// The same proof for measurements: its phases run one after another, each on the whole pool,
    /// and it returns how long each took. It takes longer in total than [`prove`](Self::prove),
    /// whose phases overlap and whose sums over wires sort each window once for all four.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_in_phases(
        &self,
        assignment: &[Fr],
        r: Fr,
        s: Fr,
    ) -> Result<(Proof, Phases), ProveError> {
        self.check(assignment)?;
        let (products, matrices) = timed(|| self.reduction.products(assignment));
        let (values, transforms) = timed(|| products.scalars());
        let ((wires, quotient), scalars) = timed(|| {
            let wires = Scalars::for_shape(self.a.shape, assignment);
            let values: &[[u64; 4]] = &values;
            let quotient = Scalars::cut(self.h.shape, values.len(), |i| values[i]);
            (wires, quotient)
        });
        let (h_sum, h) = timed(|| self.h.msm_prepared(&quotient));
        let (l_sum, l) = timed(|| self.l.msm_prepared(&wires));
        let (a_sum, a) = timed(|| self.a.msm_prepared(&wires));
        let (b_g1_sum, b_g1) = timed(|| self.b_g1.msm_prepared(&wires));
        let (b_g2_sum, b_g2) = timed(|| self.b_g2.msm_prepared(&wires));
        let sums = Sums {
            a: a_sum?,
            b_g1: b_g1_sum?,
            b_g2: b_g2_sum?,
            l: l_sum?,
            h: h_sum?,
        };
        let phases = Phases {
            matrices,
            transforms,
            scalars,
            h,
            l,
            a,
            b_g1,
            b_g2,
        };
        Ok((self.blind(sums, r, s), phases))
    }

    fn check(&self, assignment: &[Fr]) -> Result<(), ProveError> {
        if assignment.len() != self.wires() {
            return Err(ProveError::WireCount(LengthMismatch {
                bases: self.wires(),
                scalars: assignment.len(),
            }));
        }
        if !assignment[0].is_one() {
            return Err(ProveError::NoOne);
        }
        Ok(())
    }

    fn blind(&self, sums: Sums, r: Fr, s: Fr) -> Proof {
        let a = sums.a + self.alpha_g1 + self.delta_g1 * r;
        let b_g1 = sums.b_g1 + self.beta_g1 + self.delta_g1 * s;
        let b_g2 = sums.b_g2 + self.beta_g2 + self.delta_g2 * s;
        let c: G1Projective = sums.l + sums.h + a * s + b_g1 * r - self.delta_g1 * (r * s);
        Proof {
            a: a.into_affine(),
            b: b_g2.into_affine(),
            c: c.into_affine(),
        }
    }
}

/// A query's points. Owned points are freed once they are converted.
fn lay_out<C: Group>(path: Path, points: Cow<'_, [Affine<C>]>, shape: TableShape) -> Bases<C> {
    Bases::with_tables(path, &points, shape)
}

/// The queries' sums, before blinding.
struct Sums {
    a: G1Projective,
    b_g1: G1Projective,
    b_g2: G2Projective,
    l: G1Projective,
    h: G1Projective,
}

fn timed<T>(phase: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = phase();
    (result, start.elapsed())
}
