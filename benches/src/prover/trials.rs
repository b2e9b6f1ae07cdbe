//! What provers are measured on: a key, a witness for it, and the limits if there are any.

use std::{
    fs,
    io::{BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use merits_bench_circuits::{
    PEERS_CONSTRAINTS, multiplication_chain, multiplication_chain_inputs, poseidon_chain,
    poseidon_chain_inputs, sha256_chain, sha256_chain_inputs, sha256_message_len,
};
use merits_circuits::{builder::Circuit, redeem::RedeemCircuit, ticket::TicketCircuit};
use merits_guard::input;
use merits_params::{
    keystore::{KeyStore, ZKEY_FILE},
    r1cs::file::R1csFile,
    wtns,
    zkey::{Trust, Zkey},
};
use merits_primitives::Fr;
use rand::{SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::super::{
    Effort,
    cases::Case,
    earn::DEV_KEYS,
    people::{redeem_inputs, ticket_inputs},
};
use crate::screen::{thousands, working};

/// Circuits of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Subject {
    /// A chain of 65,520 multiplications: all wires are full-size
    Dense,
    /// A chain of 273 Poseidon hashes
    Poseidon,
    /// SHA-256 of 119 bytes, in two blocks: nearly all wires are bits
    Sha256,
    /// A batch of 16 claims of the scale cycling-week, with real weeks
    Earn,
    /// A person's consent
    Ticket,
    /// A redemption
    Redeem,
}

/// The limits for a prover's time divided by the time of `ark-groth16`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bars {
    /// With vector instructions.
    pub(super) vectors: Option<f64>,
    /// The aim, which is stricter than the limit.
    pub(super) aim: Option<f64>,
    /// Without vector instructions.
    pub(super) words: Option<f64>,
}

/// A key and a witness.
pub(super) struct Trial {
    /// Its name in headings.
    pub(super) name: String,
    pub(super) zkey: Zkey,
    zkey_path: PathBuf,
    pub(super) assignment: Zeroizing<Vec<Fr>>,
    /// Its file, where it came from one.
    wtns_path: Option<PathBuf>,
    /// The circuit, if it is one of ours.
    pub(super) circuit: Option<Circuit>,
    /// Whether `ark-groth16` also runs with a key of its own, as other projects publish it.
    pub(super) own_key_too: bool,
    pub(super) bars: Bars,
}

/// How large a trial is.
pub(super) struct Sizes {
    pub(super) constraints: usize,
    pub(super) domain_log2: u32,
    pub(super) wires: usize,
    pub(super) publics: usize,
    /// Wires that are 0 or 1, of all.
    pub(super) bits: f64,
}

/// The files of a trial, for other processes.
pub(super) struct Files {
    pub(super) zkey: PathBuf,
    pub(super) zkey_length: u64,
    /// In hex.
    pub(super) zkey_sha256: String,
    pub(super) wtns: PathBuf,
}

impl Subject {
    pub(super) const ALL: [Self; 6] = [
        Self::Dense,
        Self::Poseidon,
        Self::Sha256,
        Self::Earn,
        Self::Ticket,
        Self::Redeem,
    ];

    /// The trial with its key, which is made the first time, and a checked witness.
    pub(super) fn trial(self, effort: &Effort) -> anyhow::Result<Trial> {
        let rng = &mut StdRng::seed_from_u64(1);
        let (x, y) = (Fr::from(3u64), Fr::from(5u64));
        let without = Bars::default();
        let (name, circuit, inputs, bars) = match self {
            Self::Dense => (
                "dense chain",
                multiplication_chain(PEERS_CONSTRAINTS),
                multiplication_chain_inputs(PEERS_CONSTRAINTS, x, y).into(),
                Bars {
                    vectors: Some(0.25),
                    aim: Some(0.20),
                    words: Some(0.70),
                },
            ),
            Self::Poseidon => (
                "Poseidon chain",
                poseidon_chain(HASHES),
                poseidon_chain_inputs(HASHES, x, y).into(),
                without,
            ),
            Self::Sha256 => {
                let message: Vec<u8> = (0..).take(sha256_message_len(BLOCKS)).collect();
                (
                    "SHA-256 over bits",
                    sha256_chain(BLOCKS),
                    sha256_chain_inputs(&message).into(),
                    Bars {
                        vectors: Some(0.35),
                        aim: None,
                        words: Some(0.70),
                    },
                )
            }
            Self::Earn => {
                let case = Case::shipped(rng)?;
                let inputs = case.inputs()?;
                (
                    "statement earn",
                    case.circuit.circuit().clone(),
                    inputs,
                    without,
                )
            }
            Self::Ticket => {
                let circuit = TicketCircuit::build().circuit().clone();
                (
                    "statement ticket",
                    circuit,
                    (ticket_inputs(rng)?.all)()?,
                    without,
                )
            }
            Self::Redeem => {
                let circuit = RedeemCircuit::build().circuit().clone();
                (
                    "statement redeem",
                    circuit,
                    (redeem_inputs(rng)?.all)()?,
                    without,
                )
            }
        };
        let bar = working(format!("{name}: the key"));
        let assignment = Zeroizing::new(circuit.program.run(&inputs)?);
        circuit.check(&assignment)?;
        let store = KeyStore::new(&effort.keys);
        let key = store.get_or_set_up(&circuit.r1cs, "merits bench", DEV_KEYS, rng)?;
        bar.finish_and_clear();
        Ok(Trial {
            name: name.to_owned(),
            zkey_path: key.dir.join(ZKEY_FILE),
            zkey: key.zkey,
            assignment,
            wtns_path: None,
            circuit: Some(circuit),
            own_key_too: self == Self::Dense,
            bars,
        })
    }
}

impl Trial {
    /// Any key and witness that belong together, as far as can be checked without proving.
    pub(super) fn from_files(
        zkey_path: &Path,
        wtns_path: &Path,
        r1cs_path: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let bar = working("reading the files");
        let at = |path: &Path| path.display().to_string();
        let open = |path: &Path| input::open(path).with_context(|| at(path));
        // The key is a stranger's, so every point is checked. Neither file is held in memory as a
        // whole.
        let zkey =
            Zkey::read_from(open(zkey_path)?, Trust::Nothing).with_context(|| at(zkey_path))?;
        let assignment = wtns::read_from(open(wtns_path)?).with_context(|| at(wtns_path))?;
        let assignment = Zeroizing::new(assignment);
        ensure!(
            assignment.len() == zkey.n_wires(),
            "{} is for a circuit of {} wires, and {} is the witness of one of {}: they do not \
             belong together. Make the witness again with the circuit that the key was made for",
            at(zkey_path),
            thousands(zkey.n_wires() as u64),
            at(wtns_path),
            thousands(assignment.len() as u64)
        );
        ensure!(
            assignment.first() == Some(&Fr::from(1u64)),
            "{}: its first wire is not one, so it is not a witness: make it again",
            at(wtns_path)
        );
        if let Some(path) = r1cs_path {
            let r1cs = R1csFile::open(open(path)?)
                .and_then(R1csFile::read)
                .with_context(|| at(path))?;
            zkey.check_circuit(&r1cs)
                .with_context(|| format!("{} and {}", at(zkey_path), at(path)))?;
            let satisfied = r1cs.is_satisfied(&assignment);
            let broken = satisfied.err().map(|constraint| constraint.to_string());
            ensure!(
                broken.is_none(),
                "{} breaks constraint {} (counted from 0) of {}: its inputs do not satisfy the \
                 circuit",
                at(wtns_path),
                broken.unwrap_or_default(),
                at(path)
            );
        }
        bar.finish_and_clear();
        let name = zkey_path.file_name().unwrap_or(zkey_path.as_os_str());
        Ok(Self {
            name: merits_text::display::line(&name.to_string_lossy()),
            zkey,
            zkey_path: zkey_path.to_owned(),
            assignment,
            wtns_path: Some(wtns_path.to_owned()),
            circuit: None,
            own_key_too: false,
            bars: Bars::default(),
        })
    }

    pub(super) fn sizes(&self) -> Sizes {
        let (constraints, publics) = (self.zkey.a.rows(), self.zkey.n_public());
        let small = [Fr::from(0u64), Fr::from(1u64)];
        let bits = self.assignment.iter().filter(|v| small.contains(v)).count();
        Sizes {
            constraints,
            domain_log2: self.zkey.key.h.len().ilog2(),
            wires: self.assignment.len(),
            publics,
            bits: bits as f64 / self.assignment.len() as f64,
        }
    }

    /// The public inputs.
    pub(super) fn publics(&self) -> &[Fr] {
        &self.assignment[1..=self.zkey.n_public()]
    }

    /// A name for a directory.
    pub(super) fn slug(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }

    /// Where its files are; a witness that has no file is written to `directory`.
    pub(super) fn files(&self, directory: &Path) -> anyhow::Result<Files> {
        let wtns = match &self.wtns_path {
            Some(path) => path.clone(),
            None => {
                let path = directory.join("witness.wtns");
                let made =
                    merits_guard::create(&path).with_context(|| path.display().to_string())?;
                let mut out = BufWriter::new(made);
                wtns::write(&self.assignment, &mut out)?;
                out.flush()?;
                path
            }
        };
        let mut digest = Sha256::new();
        let at = || self.zkey_path.display().to_string();
        let mut zkey = input::open(&self.zkey_path).with_context(at)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match zkey.read(&mut buffer).with_context(at)? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
        Ok(Files {
            zkey_length: fs::metadata(&self.zkey_path)?.len(),
            zkey_sha256: hex::encode(digest.finalize()),
            zkey: self.zkey_path.clone(),
            wtns,
        })
    }
}

/// Poseidon hashes, 240 constraints each: as many constraints as the dense chain has.
const HASHES: usize = PEERS_CONSTRAINTS / 240;
/// Blocks of SHA-256, about 30,700 constraints each.
const BLOCKS: usize = 2;
