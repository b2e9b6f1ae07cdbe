//! Mapping a prepared key, after checking all that the kernels rely on.

use std::path::Path as FilePath;
use std::sync::Arc;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, g1};
use ark_ff::{BigInt, BigInteger, PrimeField};
use rayon::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

use super::{
    ALIGNMENT, CHECKSUM, Header, Label, LayoutError, MAGIC, Prepared, VERSION, form, section,
};
use crate::affine::NEGATIVE;
use crate::curve::{Curve, Group, Line};
use crate::groth16::PreparedKey;
use crate::map::Map;
use crate::modulus::Modulus;
use crate::msm::{Bases, IDENTITY};
use crate::path::{Kind, Path};
use crate::qap::{LARGEST, Matrix, Reduction, Term, domain_size};
use crate::store::{Plain, Store};
use crate::table_shape::TableShape;

/// Elements that a thread checks at a time.
const PART: usize = 1 << 12;

pub(super) fn open(path: &FilePath, label: &Label) -> Result<Prepared, LayoutError> {
    let file = Mapping {
        map: Arc::new(Map::open(path)?),
        path: label.path,
    };
    let header = file.header(label)?;
    let key = file.key(&header, label)?;
    let attachment = file.section::<u8>(&header, section::ATTACHMENT)?.to_vec();
    Ok(Prepared { key, attachment })
}

const fn inconsistent(what: &'static str) -> LayoutError {
    LayoutError::Inconsistent { what }
}

fn ensure(holds: bool, what: &'static str) -> Result<(), LayoutError> {
    if holds {
        return Ok(());
    }
    Err(inconsistent(what))
}

struct Mapping {
    map: Arc<Map>,
    path: Path,
}

impl Mapping {
    /// The header of the file that the label asks for, with the right checksum at its end.
    fn header(&self, label: &Label) -> Result<Header, LayoutError> {
        let torn = |what| LayoutError::Torn { what };
        let bytes = self.map.bytes();
        let (header, _) =
            Header::read_from_prefix(bytes).map_err(|_| torn("it ends within its header"))?;
        if header.magic != MAGIC {
            return Err(torn(
                "it does not begin with the magic bytes of a prepared key",
            ));
        }
        if header.version != VERSION {
            let found = header.version;
            return Err(LayoutError::Version {
                found,
                known: VERSION,
            });
        }
        let other = |what| Err(LayoutError::Other { what });
        if header.form != form(label.path) {
            return other("path");
        }
        if header.zkey_sha256 != label.zkey_sha256 {
            return other(".zkey");
        }
        if header.tables != label.tables.0 as u64 {
            return other("budget for tables");
        }
        if header.length != bytes.len() as u64 {
            return Err(torn("its length is not the one that its header states"));
        }
        let (body, checksum) = bytes
            .len()
            .checked_sub(CHECKSUM)
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or_else(|| torn("it ends before its checksum"))?;
        let found = blake3::Hasher::new().update_rayon(body).finalize();
        if found.as_bytes() != checksum {
            return Err(LayoutError::Altered);
        }
        Ok(header)
    }

    fn section<T: Plain>(&self, header: &Header, number: usize) -> Result<Store<T>, LayoutError> {
        let [offset, length] = header.sections[number];
        let fits = || {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            let within = start >= size_of::<Header>()
                && start.is_multiple_of(ALIGNMENT)
                && end <= self.map.bytes().len().checked_sub(CHECKSUM)?;
            within.then_some(start..end)
        };
        fits()
            .and_then(|bytes| Store::mapped(&self.map, bytes))
            .ok_or(inconsistent(
                "a section lies outside of the file or is misaligned",
            ))
    }

    fn key(&self, header: &Header, label: &Label) -> Result<PreparedKey, LayoutError> {
        let number = |value: u64| usize::try_from(value).ok().filter(|n| *n < 1 << 31);
        let numbers = || {
            Some((
                number(header.wires)?,
                number(header.instance)?,
                number(header.constraints)?,
            ))
        };
        let (wires, instance, constraints) =
            numbers().ok_or(inconsistent("2^31 wires or constraints, or more"))?;
        ensure(
            instance > 0 && instance <= wires && constraints + instance <= 1 << LARGEST,
            "no circuit has these numbers of wires, public wires and constraints",
        )?;
        let [wires_shape, h_shape] = header
            .shapes
            .map(|[levels, bits]| TableShape { levels, bits });
        ensure(
            wires_shape.is_valid() && h_shape.is_valid(),
            "no table has this shape",
        )?;
        let size = domain_size(constraints, instance);
        let g1 = |query| self.bases::<g1::Config>(header, query, wires_shape, wires);
        let matrix = |i| self.matrix(header, i, constraints, wires);
        let single = self.section::<[u64; 4]>(header, section::SINGLE)?;
        let mut single = Singles(single.iter());
        Ok(PreparedKey {
            path: self.path,
            tables: label.tables,
            alpha_g1: single.g1()?,
            beta_g1: single.g1()?,
            delta_g1: single.g1()?,
            beta_g2: single.g2()?,
            delta_g2: single.g2()?,
            a: g1(0)?,
            b_g1: g1(1)?,
            l: g1(2)?,
            h: self.bases(header, 3, h_shape, size)?,
            b_g2: self.bases(header, 4, wires_shape, wires)?,
            reduction: Reduction::new(self.path, matrix(0)?, matrix(1)?, instance),
        })
    }

    /// `len` bases, whose slots name stored points and whose coordinates the kernels can take.
    fn bases<C: Group>(
        &self,
        header: &Header,
        query: usize,
        shape: TableShape,
        len: usize,
    ) -> Result<Bases<C>, LayoutError> {
        let points = self.section::<<C as Curve>::Stored>(header, section::points(query))?;
        let slots = self.section::<u32>(header, section::slots(query))?;
        let slots = (!slots.is_empty()).then_some(slots);
        let stored = match &slots {
            None => len,
            Some(slots) => {
                ensure(
                    slots.len() == len,
                    "the number of slots is not the number of bases",
                )?;
                let identity = |slot: &&u32| **slot != IDENTITY;
                slots.par_iter().filter(identity).count()
            }
        };
        let rows = shape.levels as usize;
        ensure(
            stored.checked_mul(rows) == Some(points.len()),
            "the number of points is not what the shape of the tables requires",
        )?;
        // Count identities too, because scalars are cut for all bases.
        ensure(
            len.saturating_mul(rows) < NEGATIVE as usize,
            "2^31 scalars or more",
        )?;
        if let Some(slots) = &slots {
            let named = |slot: &u32| *slot == IDENTITY || (*slot as usize) < stored;
            ensure(
                slots.par_iter().all(named),
                "a slot names a point beyond the stored ones",
            )?;
        }
        let lines = <[Line]>::ref_from_bytes(points.as_bytes())
            .map_err(|_| inconsistent("points that do not fill whole cache lines"))?;
        let limits = Limits::of(self.path);
        ensure(
            lines
                .par_chunks(PART)
                .enumerate()
                .all(|(part, lines)| limits.hold::<C>(part * PART, lines)),
            "a coordinate outside the field",
        )?;
        Ok(Bases {
            path: self.path,
            len,
            shape,
            points,
            slots,
        })
    }

    /// A matrix whose rows follow each other and whose terms name wires and coefficients.
    fn matrix(
        &self,
        header: &Header,
        i: usize,
        rows: usize,
        wires: usize,
    ) -> Result<Matrix, LayoutError> {
        let at = section::ends(i);
        let ends = self.section::<u32>(header, at)?;
        let terms = self.section::<Term>(header, at + 1)?;
        let words = self.section::<[u64; 4]>(header, at + 2)?;
        ensure(
            ends.len() == rows,
            "a matrix whose number of rows is not the number of constraints",
        )?;
        ensure(ends.is_sorted(), "a matrix row that ends before it begins")?;
        let last = ends.last().copied().unwrap_or(0);
        ensure(
            last as usize == terms.len(),
            "a matrix whose rows do not end with its terms",
        )?;
        let canonical = |words: &[u64; 4]| less(words, &Fr::MODULUS.0);
        ensure(
            words.iter().all(canonical),
            "a coefficient outside the field",
        )?;
        let coefficients: Vec<Fr> = words.iter().map(|words| Fr::from_words(*words)).collect();
        let fits = |term: &Term| {
            (term.wire as usize) < wires && (term.coefficient as usize) < coefficients.len() + 2
        };
        ensure(
            terms.par_iter().with_min_len(PART).all(fits),
            "a matrix names a wire or coefficient that does not exist",
        )?;
        Ok(Matrix::from_parts(ends, terms, coefficients))
    }
}

/// The single points, one after another.
struct Singles<'a>(core::slice::Iter<'a, [u64; 4]>);

impl Singles<'_> {
    fn coordinate(&mut self) -> Result<Fq, LayoutError> {
        let words = self
            .0
            .next()
            .filter(|words| less(words, &Fq::MODULUS.0))
            .ok_or(inconsistent("a single point without coordinates"))?;
        Ok(Fq::from_words(*words))
    }

    fn g1(&mut self) -> Result<G1Affine, LayoutError> {
        let (x, y) = (self.coordinate()?, self.coordinate()?);
        if (x, y) == Default::default() {
            return Ok(G1Affine::identity());
        }
        Ok(G1Affine::new_unchecked(x, y))
    }

    fn g2(&mut self) -> Result<G2Affine, LayoutError> {
        let mut pair = || Ok(Fq2::new(self.coordinate()?, self.coordinate()?));
        let (x, y) = (pair()?, pair()?);
        if (x, y) == Default::default() {
            return Ok(G2Affine::identity());
        }
        Ok(G2Affine::new_unchecked(x, y))
    }
}

/// The limits that stored coordinates must be below, so that every bound that
/// the kernels rely on holds.
struct Limits {
    x: [u64; 4],
    y: [u64; 4],
}

impl Limits {
    fn of(path: Path) -> Self {
        // The bounds are those of [`crate::curve`]; all is below 2^256, so nothing carries.
        let p = Fq::MODULUS;
        let plus = |mut sum: BigInt<4>, more: BigInt<4>| {
            sum.add_with_carry(&more);
            sum.add_with_carry(&BigInt::one());
            sum.0
        };
        match path.0 {
            // 1 + 2^-57.
            Kind::Scalar => Self {
                x: plus(p, p >> 57),
                y: plus(p, p >> 57),
            },
            // 1.06 for x (1.0625 here) and 2, itself included, for y.
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(_) => Self {
                x: plus(p, p >> 4),
                y: plus(p, p),
            },
        }
    }

    /// Whether the coordinates of these lines are below the limits. The first line is number `first`.
    fn hold<C: Curve>(&self, first: usize, lines: &[Line]) -> bool {
        // A line of G1 is (x, y); of G2 there is one for x, then one for y.
        let per_point = size_of::<C::Stored>() / size_of::<Line>();
        lines.iter().zip(first..).all(|(line, number)| {
            let (words, _) = line.0.as_chunks::<4>();
            let limits = match (per_point, number % 2) {
                (1, _) => [&self.x, &self.y],
                (_, 0) => [&self.x, &self.x],
                _ => [&self.y, &self.y],
            };
            words
                .iter()
                .zip(limits)
                .all(|(words, limit)| less(words, limit))
        })
    }
}

/// `a < b`, most significant words last.
#[inline(always)]
fn less(a: &[u64; 4], b: &[u64; 4]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}
