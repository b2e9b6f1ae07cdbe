//! The order in which a program runs: levels of inversions, kernels in place of instructions.

use std::ops::Range;

use ark_ff::{AdditiveGroup, Field, serial_batch_inversion_and_mul};
use merits_primitives::Fr;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::{
    Fused, Program, Stretch,
    frame::{Code, Frame, OwnValues, Values},
    op::{Fault, HintCall, Op, Operand},
};

/// The order in which a program runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// Inversions, those of one level together.
    inversions: Vec<Op>,
    /// The program's hints and kernels, temporaries renumbered.
    hints: Vec<HintCall>,
    fused: Vec<Fused>,
    stages: Vec<Stage>,
    n_temporaries: u32,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Op(Op),
    /// Number of the kernel.
    Fused(u32),
}

/// Stretches that are independent of each other.
#[derive(Clone, Debug, Default)]
struct Stage {
    stretches: Vec<Planned>,
    /// Whether all have the same number of levels, so that they can run side by side and share
    /// inversions.
    in_step: bool,
}

/// A stretch by its levels.
#[derive(Clone, Debug, Default)]
struct Planned {
    wires: Range<u32>,
    temporaries: Range<u32>,
    levels: Vec<Level>,
}

/// Steps, then inversions of their results.
#[derive(Clone, Debug)]
struct Level {
    steps: Range<usize>,
    inversions: Range<usize>,
}

impl Plan {
    pub(super) fn new(program: &Program) -> Self {
        Planner::new(program).plan()
    }

    /// All wires.
    pub(super) fn run(&self, program: &Program, inputs: &[Fr]) -> Result<Vec<Fr>, Fault> {
        let mut wires = vec![Fr::ZERO; program.n_wires as usize];
        // Sums of secret wires. The caller must wipe the wires themselves.
        let mut temporaries = Zeroizing::new(vec![Fr::ZERO; self.n_temporaries as usize]);
        wires[0] = Fr::ONE;
        let code = Code {
            program,
            hints: &self.hints,
        };
        for stage in &self.stages {
            let Some(first) = stage.stretches.first() else {
                continue;
            };
            let (old_wires, mut new_wires) = wires.split_at_mut(first.wires.start as usize);
            let (old_temporaries, mut new_temporaries) =
                temporaries.split_at_mut(first.temporaries.start as usize);
            let old = Values {
                wires: old_wires,
                temporaries: old_temporaries,
            };
            let mut frames = Vec::with_capacity(stage.stretches.len());
            for stretch in &stage.stretches {
                let (wires, rest) = new_wires.split_at_mut(stretch.wires.len());
                new_wires = rest;
                let (temporaries, rest) = new_temporaries.split_at_mut(stretch.temporaries.len());
                new_temporaries = rest;
                let own = OwnValues {
                    first_wire: stretch.wires.start,
                    wires,
                    first_temporary: stretch.temporaries.start,
                    temporaries,
                };
                frames.push((stretch, Frame::new(code, inputs, old, own)));
            }
            let group = match (stage.in_step, frames.len()) {
                (true, many) => many.div_ceil(rayon::current_num_threads()),
                (false, _) => 1,
            };
            if frames.len() == 1 {
                self.run_together(&mut frames)?;
            } else {
                frames
                    .par_chunks_mut(group)
                    .try_for_each(|group| self.run_together(group))?;
            }
        }
        Ok(wires)
    }

    /// Runs stretches side by side, level by level: one field inversion then serves all inversions of
    /// a level.
    fn run_together(&self, frames: &mut [(&Planned, Frame<'_>)]) -> Result<(), Fault> {
        let n_levels = frames.first().map_or(0, |(first, _)| first.levels.len());
        let mut inverses = Vec::new();
        for level in 0..n_levels {
            inverses.clear();
            for (stretch, frame) in &mut *frames {
                let level = &stretch.levels[level];
                for step in &self.steps[level.steps.clone()] {
                    match step {
                        Step::Op(op) => frame.step(*op)?,
                        Step::Fused(fused) => frame
                            .run_kernel(&self.fused[*fused as usize])
                            .ok_or(Fault::DivisionByZero)?,
                    }
                }
                let inversions = &self.inversions[level.inversions.clone()];
                inverses.extend(inversions.iter().map(|op| frame.divisor(*op)));
            }
            // Leaves zeros alone.
            serial_batch_inversion_and_mul(&mut inverses, &Fr::ONE);
            let mut inverses = inverses.iter();
            for (stretch, frame) in &mut *frames {
                let inversions = &self.inversions[stretch.levels[level].inversions.clone()];
                for (op, inverse) in inversions.iter().zip(&mut inverses) {
                    frame.divide(*op, *inverse)?;
                }
            }
        }
        Ok(())
    }
}

/// Makes a plan.
struct Planner<'a> {
    program: &'a Program,
    plan: Plan,
    /// Whether an instruction outside of all kernels reads the temporary.
    is_read: Vec<bool>,
    /// New numbers of the temporaries.
    renumbered: Vec<u32>,
    /// The length of the chain of inversions that each wire and temporary depends on within its
    /// stage.
    wire_levels: Vec<u32>,
    temporary_levels: Vec<u32>,
}

/// A step with its level.
struct Placed {
    level: u32,
    step: Step,
}

impl<'a> Planner<'a> {
    fn new(program: &'a Program) -> Self {
        let n_temporaries = program.n_temporaries as usize;
        let plan = Plan {
            hints: program.hints.clone(),
            ..Plan::default()
        };
        Self {
            program,
            plan,
            is_read: read_temporaries(program),
            renumbered: vec![0; n_temporaries],
            wire_levels: vec![0; program.n_wires as usize],
            temporary_levels: vec![0; n_temporaries],
        }
    }

    fn plan(mut self) -> Plan {
        for stretches in &self.program.stages {
            let stretches: Vec<Planned> = stretches.iter().map(|at| self.stretch(at)).collect();
            // All of this is done before later steps run.
            self.wire_levels.fill(0);
            self.temporary_levels.fill(0);
            let mut levels = stretches.iter().map(|stretch| stretch.levels.len());
            let first = levels.next();
            let in_step = levels.all(|other| Some(other) == first);
            self.plan.stages.push(Stage { stretches, in_step });
        }
        self.plan
    }

    fn stretch(&mut self, stretch: &Stretch) -> Planned {
        let first_temporary = self.plan.n_temporaries;
        let mut placed = Vec::with_capacity(stretch.ops.len());
        let mut at = stretch.ops.start;
        while at < stretch.ops.end {
            match self.program.fused.get(self.plan.fused.len()) {
                Some(fused) if fused.ops.start == at => {
                    placed.push(self.kernel(fused));
                    for op in &self.program.ops[fused.ops.clone()] {
                        if matches!(op, Op::Linear { .. }) {
                            placed.extend(self.op(*op));
                        }
                    }
                    at = fused.ops.end;
                }
                _ => {
                    placed.extend(self.op(self.program.ops[at]));
                    at += 1;
                }
            }
        }
        let n_levels = placed.iter().map(|placed| placed.level + 1).max();
        let mut levels: Vec<Vec<Step>> = vec![Vec::new(); n_levels.unwrap_or(0) as usize];
        for placed in placed {
            levels[placed.level as usize].push(placed.step);
        }
        Planned {
            wires: stretch.wires.clone(),
            temporaries: first_temporary..self.plan.n_temporaries,
            levels: levels.into_iter().map(|steps| self.level(steps)).collect(),
        }
    }

    fn level(&mut self, all: Vec<Step>) -> Level {
        let (steps, inversions) = (&mut self.plan.steps, &mut self.plan.inversions);
        let starts = (steps.len(), inversions.len());
        for step in all {
            match step {
                Step::Op(op) if op.inverts() => inversions.push(op),
                _ => steps.push(step),
            }
        }
        Level {
            steps: starts.0..steps.len(),
            inversions: starts.1..inversions.len(),
        }
    }

    fn kernel(&mut self, fused: &Fused) -> Placed {
        let level = self.level_of(&fused.inputs);
        for wire in fused.wires.clone() {
            self.wire_levels[wire as usize] = level;
        }
        let inputs = fused.inputs.iter().map(|place| self.renumber(*place));
        let renumbered = Fused {
            inputs: inputs.collect(),
            ..fused.clone()
        };
        self.plan.fused.push(renumbered);
        Placed {
            level,
            step: Step::Fused(self.plan.fused.len() as u32 - 1),
        }
    }

    /// Adds no step for a temporary that nothing reads.
    fn op(&mut self, mut op: Op) -> Option<Placed> {
        let program = self.program;
        let level = match op {
            Op::Linear { start, end, .. } => {
                let terms = &program.terms[start as usize..end as usize];
                let levels = terms
                    .iter()
                    .map(|(wire, _)| self.wire_levels[*wire as usize]);
                levels.max().unwrap_or(0)
            }
            Op::Hint { hint, .. } => self.level_of(&program.hints[hint as usize].inputs),
            _ => op
                .operands()
                .map(|place| self.place_level(*place))
                .max()
                .unwrap_or(0),
        };
        if let Op::Linear { to, .. } = &mut op {
            let old = *to as usize;
            if !self.is_read[old] {
                return None;
            }
            *to = self.plan.n_temporaries;
            self.renumbered[old] = *to;
            self.temporary_levels[old] = level;
            self.plan.n_temporaries += 1;
        }
        for wire in op.wires(&program.hints) {
            self.wire_levels[wire as usize] = level + u32::from(op.inverts());
        }
        for place in op.operands() {
            *place = self.renumber(*place);
        }
        if let Op::Hint { hint, .. } = op {
            let inputs = program.hints[hint as usize].inputs.iter();
            let inputs = inputs.map(|place| self.renumber(*place)).collect();
            self.plan.hints[hint as usize].inputs = inputs;
        }
        Some(Placed {
            level,
            step: Step::Op(op),
        })
    }

    fn level_of(&self, places: &[Operand]) -> u32 {
        let levels = places.iter().map(|place| self.place_level(*place));
        levels.max().unwrap_or(0)
    }

    fn place_level(&self, place: Operand) -> u32 {
        match place.index() {
            Ok(wire) => self.wire_levels[wire],
            Err(temporary) => self.temporary_levels[temporary],
        }
    }

    fn renumber(&self, place: Operand) -> Operand {
        match place.index() {
            Ok(_) => place,
            Err(temporary) => Operand::temporary(self.renumbered[temporary]),
        }
    }
}

fn read_temporaries(program: &Program) -> Vec<bool> {
    let mut is_read = vec![false; program.n_temporaries as usize];
    let mut read = |place: Operand| {
        if let Err(temporary) = place.index() {
            is_read[temporary] = true;
        }
    };
    let mut from = 0;
    let last = program.ops.len()..program.ops.len();
    let regions = program.fused.iter().map(|fused| &fused.ops).chain([&last]);
    for region in regions {
        for op in &program.ops[from..region.start] {
            op.clone().operands().for_each(|place| read(*place));
            if let Op::Hint { hint, .. } = op {
                let inputs = &program.hints[*hint as usize].inputs;
                inputs.iter().for_each(|place| read(*place));
            }
        }
        from = region.end;
    }
    let inputs = program.fused.iter().flat_map(|fused| &fused.inputs);
    inputs.for_each(|place| read(*place));
    is_read
}
