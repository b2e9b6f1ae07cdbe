//! The linear combinations that a program has evaluated, so that it evaluates each once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ark_ff::Field;
use merits_primitives::Fr;

use crate::lc::Lc;
use crate::program::{Op, Operand, Program};

/// Temporaries by the combination that they hold, and coefficients by value.
#[derive(Debug)]
pub(crate) struct Evaluations {
    coefficients: HashMap<Fr, u32, BuildHasherDefault<LimbHasher>>,
    /// By content hash. A collision only costs a second evaluation.
    known: HashMap<u64, Evaluation, BuildHasherDefault<LimbHasher>>,
    temporaries: u32,
}

/// A temporary, and the range of its terms in the program's list.
#[derive(Clone, Copy, Debug)]
struct Evaluation {
    temporary: u32,
    start: u32,
    end: u32,
}

impl Evaluations {
    /// No evaluations yet. Puts the coefficients that need no multiplication at their fixed indices.
    pub(crate) fn new(program: &mut Program) -> Self {
        let mut evaluations = Self {
            coefficients: HashMap::default(),
            known: HashMap::default(),
            temporaries: 0,
        };
        evaluations.coefficient(Fr::ONE, program);
        evaluations.coefficient(-Fr::ONE, program);
        evaluations
    }

    /// Number of temporaries so far.
    pub(crate) const fn temporaries(&self) -> u32 {
        self.temporaries
    }

    /// The temporary that holds the value of `lc`. Evaluates it if no visible temporary holds it.
    pub(crate) fn place(
        &mut self,
        lc: &Lc,
        program: &mut Program,
        is_visible: impl Fn(u32) -> bool,
    ) -> Operand {
        let key = content_hash(lc);
        if let Some(known) = self.known.get(&key)
            && is_visible(known.temporary)
            && known.is_of(lc, program)
        {
            return Operand::temporary(known.temporary);
        }
        let start = program.terms.len() as u32;
        for (wire, value) in lc.terms() {
            let coefficient = self.coefficient(*value, program);
            program.terms.push((*wire, coefficient));
        }
        let end = u32::try_from(program.terms.len()).expect("a program has fewer than 2^32 terms");
        let temporary = self.temporaries;
        self.temporaries += 1;
        let to = temporary;
        program.ops.push(Op::Linear { to, start, end });
        let evaluation = Evaluation {
            temporary,
            start,
            end,
        };
        self.known.insert(key, evaluation);
        Operand::temporary(temporary)
    }

    fn coefficient(&mut self, value: Fr, program: &mut Program) -> u32 {
        *self.coefficients.entry(value).or_insert_with(|| {
            program.coefficients.push(value);
            program.coefficients.len() as u32 - 1
        })
    }
}

impl Evaluation {
    fn is_of(self, lc: &Lc, program: &Program) -> bool {
        let terms = &program.terms[self.start as usize..self.end as usize];
        let mut pairs = terms.iter().zip(lc.terms());
        terms.len() == lc.term_count()
            && pairs.all(|((wire, index), (other, coefficient))| {
                wire == other && program.coefficients[*index as usize] == *coefficient
            })
    }
}

fn content_hash(lc: &Lc) -> u64 {
    let terms = lc.terms().iter();
    terms.fold(lc.term_count() as u64, |hash, (wire, coefficient)| {
        let limbs = coefficient.0.0;
        let term = limbs[0] ^ limbs[1].rotate_left(17) ^ limbs[3].rotate_left(31);
        mix(hash ^ term).wrapping_add(u64::from(*wire))
    })
}

const fn mix(x: u64) -> u64 {
    let product = x as u128 * 0x9e37_79b9_7f4a_7c15;
    (product as u64) ^ ((product >> 64) as u64)
}

/// A cheap hasher for field elements and hashes. The keys are our own constants, so nobody can
/// force collisions.
#[derive(Default)]
struct LimbHasher(u64);

impl Hasher for LimbHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut limb = [0; 8];
            limb[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(limb));
        }
    }

    fn write_u64(&mut self, limb: u64) {
        self.0 = mix(self.0 ^ limb);
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
