//! Provers in turns on one key and one witness.

use std::hint::black_box;

use anyhow::{Context as _, bail};
use merits_circuits::prover::{CircomProver, Prover, SimdPath, SimdProver};
use merits_primitives::{Fr, field};
use merits_verifier::groth16::{self, Proof};
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    super::{
        Effort,
        earn::dev_key,
        sampling::{Samples, Work, in_turns},
    },
    arkworks::{OwnKey, SameKey},
    trials::{Bars, Trial},
};

/// A prover in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `ark-groth16` on the trial's key.
    ArkSameKey,
    /// `ark-groth16` on a key of its own.
    ArkOwnKey,
    /// `taceo-groth16` on the trial's key.
    Taceo,
    /// Our prover, by this path.
    Ours(SimdPathName),
}

/// The name of a path, and whether it is the one chosen on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SimdPathName {
    pub(super) name: &'static str,
    pub(super) chosen: bool,
}

/// All provers, with their keys ready.
pub(super) struct Field {
    ark: SameKey,
    ark_own: Option<OwnKey>,
    taceo: CircomProver,
    ours: Vec<(SimdPathName, SimdProver)>,
    pool: rayon::ThreadPool,
}

/// The results of a trial.
pub(super) struct Outcome {
    pub(super) name: String,
    /// In the order of the table.
    pub(super) times: Vec<(Who, Samples)>,
    /// For the chosen path: two proofs in a row, and two at once.
    pub(super) two_in_turn: Samples,
    pub(super) two_at_once: Samples,
    /// Medians of the chosen path's phases, and of their sum.
    pub(super) phases: Vec<(&'static str, f64)>,
    pub(super) bars: Bars,
}

impl Field {
    /// Prepares every prover and checks that a proof of each verifies, because the time of an
    /// invalid proof means nothing. Also returns the proof by our chosen path.
    pub(super) fn prepare(trial: &Trial, effort: &Effort) -> anyhow::Result<(Self, Proof)> {
        let rng = &mut StdRng::from_rng(&mut rand::rng());
        let assignment = &trial.assignment;
        let publics = trial.publics();
        let ark_own = match &trial.circuit {
            Some(circuit) if trial.own_key_too => Some(OwnKey::new(circuit, assignment)?),
            _ => None,
        };
        let mut ours = Vec::new();
        for path in SimdPath::all() {
            let name = SimdPathName {
                name: path.name(),
                chosen: path.name() == SimdPath::preferred().name(),
            };
            ours.push((name, SimdProver::on_path(trial.zkey.clone(), path)?));
        }
        let field = Self {
            ark: SameKey::new(trial.zkey.clone()),
            ark_own,
            taceo: CircomProver::new(trial.zkey.clone()),
            ours,
            pool: effort.pool()?,
        };
        let key = dev_key(&trial.zkey.key.vk)?;
        let (mut good, mut bad, mut chosen) = (Vec::new(), Vec::new(), None);
        for who in field.provers() {
            if who == Who::ArkOwnKey {
                continue;
            }
            let proof = field.pool.install(|| field.prove(who, assignment, rng))?;
            if groth16::verify(&key, &proof, publics).is_ok() {
                good.push(who.title());
            } else {
                bad.push(who.title());
            }
            if let Who::Ours(SimdPathName { chosen: true, .. }) = who {
                chosen = Some(proof);
            }
        }
        if let Some(own) = &field.ark_own {
            own.verify(&own.prove(assignment, rng)?, publics)?;
        }
        match (good.is_empty(), bad.is_empty()) {
            (_, true) => Ok((field, chosen.context("one path is chosen")?)),
            (true, false) => bail!(
                "no prover's proof verifies: the witness does not satisfy the key's circuit, or \
                 belongs to another circuit with as many wires. --r1cs names the constraint that \
                 it breaks"
            ),
            (false, false) => bail!(
                "the proof by {} does not verify, while that by {} does: a fault of the prover. \
                 Please report it, with the key",
                bad.join(" and "),
                good.join(" and ")
            ),
        }
    }

    /// In the order of the table.
    fn provers(&self) -> Vec<Who> {
        let mut all = vec![Who::ArkSameKey];
        all.extend(self.ark_own.as_ref().map(|_| Who::ArkOwnKey));
        all.push(Who::Taceo);
        all.extend(self.ours.iter().map(|(path, _)| Who::Ours(*path)));
        all
    }

    fn chosen(&self) -> anyhow::Result<&SimdProver> {
        let mut ours = self.ours.iter();
        let chosen = ours.find(|(path, _)| path.chosen);
        Ok(&chosen.context("one path is chosen")?.1)
    }

    fn prove(&self, who: Who, assignment: &[Fr], rng: &mut StdRng) -> anyhow::Result<Proof> {
        let by = |name: SimdPathName| self.ours.iter().find(|(path, _)| *path == name);
        Ok(match who {
            Who::ArkSameKey => self.ark.prove(assignment, rng)?,
            Who::ArkOwnKey => {
                let own = self.ark_own.as_ref().context("a key of its own")?;
                let proof = own.prove(assignment, rng)?;
                Proof::new(proof.a, proof.b, proof.c)?
            }
            Who::Taceo => self.taceo.prove(assignment, rng)?,
            Who::Ours(name) => by(name).context("a path")?.1.prove(assignment, rng)?,
        })
    }

    /// Times everything.
    pub(super) fn run(&self, trial: &Trial, effort: &Effort) -> anyhow::Result<Outcome> {
        let assignment = trial.assignment.as_slice();
        let provers = self.provers();
        let seed = || StdRng::from_rng(&mut rand::rng());
        let mut proofs: Vec<_> = provers
            .iter()
            .map(|who| {
                let mut rng = seed();
                move || {
                    black_box(self.prove(*who, assignment, &mut rng)?);
                    Ok(())
                }
            })
            .collect();
        let mut works: Vec<Work<'_>> = Vec::new();
        for proof in &mut proofs {
            works.push(proof);
        }
        let samples = self.pool.install(|| in_turns(effort.proofs, &mut works))?;

        let chosen = self.chosen()?;
        let (two_in_turn, two_at_once) = self.two(chosen, assignment, effort.proofs)?;
        let phases = self
            .pool
            .install(|| phases(chosen, assignment, effort.proofs))?;
        Ok(Outcome {
            name: trial.name.clone(),
            times: provers.into_iter().zip(samples).collect(),
            two_in_turn,
            two_at_once,
            phases,
            bars: trial.bars,
        })
    }

    /// Two proofs one after the other, and two at once, each from a thread outside the pool, like
    /// two requests to a server.
    fn two(
        &self,
        prover: &SimdProver,
        assignment: &[Fr],
        rounds: usize,
    ) -> anyhow::Result<(Samples, Samples)> {
        let one = |rng: &mut StdRng| {
            let proof = self.pool.install(|| prover.prove(assignment, rng));
            proof.map(|proof| {
                black_box(proof);
            })
        };
        let mut rngs = [(); 3].map(|()| StdRng::from_rng(&mut rand::rng()));
        let [a, b, c] = &mut rngs;
        let mut in_turn = || {
            one(a)?;
            Ok(one(a)?)
        };
        let mut at_once = || {
            let (first, second) = std::thread::scope(|scope| {
                let other = scope.spawn(|| one(b));
                (one(c), other.join())
            });
            first?;
            Ok(second.map_err(|_| anyhow::anyhow!("a prover's thread panicked"))??)
        };
        let samples = in_turns(rounds, &mut [&mut in_turn, &mut at_once])?;
        let [in_turn, at_once] = <[Samples; 2]>::try_from(samples)
            .ok()
            .context("two kinds of work were timed")?;
        Ok((in_turn, at_once))
    }
}

fn phases(
    prover: &SimdProver,
    assignment: &[Fr],
    rounds: usize,
) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let mut runs = Vec::new();
    for _ in 0..rounds {
        let (r, s) = (field::random(&mut rng), field::random(&mut rng));
        let (_, took) = prover.kernels().prove_in_phases(assignment, r, s)?;
        runs.push([
            took.matrices,
            took.transforms,
            took.scalars,
            took.h,
            took.l,
            took.a,
            took.b_g1,
            took.b_g2,
        ]);
    }
    let median = |(at, name): (usize, &'static str)| {
        let times = runs.iter().map(|run| run[at]).collect();
        (name, Samples::of(times).median())
    };
    Ok(PHASES.into_iter().enumerate().map(median).collect())
}

/// The phases of a proof, in the order in which they are timed.
const PHASES: [&str; 8] = [
    "matrices",
    "transforms",
    "scalars",
    "H",
    "L",
    "A",
    "B1",
    "B2",
];

impl Who {
    /// The name of a row.
    pub(super) fn title(self) -> String {
        match self {
            Self::ArkSameKey => "ark-groth16, circom's reduction, this key".to_owned(),
            Self::ArkOwnKey => "ark-groth16, its own reduction and key".to_owned(),
            Self::Taceo => "taceo-groth16, this key".to_owned(),
            Self::Ours(SimdPathName { name, chosen: true }) => {
                format!("ours, {name} (chosen here)")
            }
            Self::Ours(SimdPathName { name, .. }) => format!("ours, {name}"),
        }
    }

    pub(super) fn is_ark(self) -> bool {
        matches!(self, Self::ArkSameKey | Self::ArkOwnKey)
    }
}

impl Outcome {
    /// What the others are compared with: `ark-groth16`, or the faster one if there are two.
    pub(super) fn reference(&self) -> Option<&Samples> {
        let arks = self.times.iter().filter(|(who, _)| who.is_ark());
        let faster = arks.min_by(|(_, a), (_, b)| a.median().total_cmp(&b.median()));
        faster.map(|(_, samples)| samples)
    }

    pub(super) fn of(&self, wanted: impl Fn(Who) -> bool) -> Option<&Samples> {
        let found = self.times.iter().find(|(who, _)| wanted(*who));
        found.map(|(_, samples)| samples)
    }
}
