//! A proving key that one party makes alone for any circuit of circom, to try provers on it.
//!
//! A `.zkey` has no place to say that its maker can forge proofs under it, so a file beside it says so. That file gets
//! its name first: such a key never exists without it. Circuits that are too large for BN254 or for this machine's
//! memory are refused by their header, before hours are spent.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    input,
    output::{Kind, Output, OutputError, Readers},
};
use merits_verifier::groth16::Provenance;
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use crate::{
    groth16::{MAX_DOMAIN_LOG2, SetupError, set_up},
    r1cs::{
        R1csError,
        file::{R1csFile, R1csHead},
    },
    snarkjs_json,
    zkey::Zkey,
};

/// Keys are never replaced: proofs under the old one could no longer be made.
pub const KEY: Kind<'static> = Kind::new("a new key", Readers::Everybody);

/// Why no key was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrialKeyError {
    /// The circuit's file cannot be opened.
    #[error("{}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The circuit's file is not a circuit over BN254.
    #[error("{}: {source}", .path.display())]
    Circuit {
        /// The file.
        path: PathBuf,
        /// Why.
        source: R1csError,
    },
    /// The circuit is too large.
    #[error("{}: {source}", .path.display())]
    TooLarge {
        /// The circuit's file.
        path: PathBuf,
        /// By what.
        source: TooLarge,
    },
    /// The circuit has no key.
    #[error("{}: {source}", .path.display())]
    SetUp {
        /// The circuit's file.
        path: PathBuf,
        /// Why.
        source: SetupError,
    },
    /// A file that must not be written at its place.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file, while it was written.
    #[error("writing {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A circuit for which no key can be made here.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// For BN254.
    #[error(
        "{constraints} constraints need a domain of 2^{log2}, and BN254 has room for 2^{MAX_DOMAIN_LOG2}: split the \
         circuit"
    )]
    Domain {
        /// Its constraints.
        constraints: u32,
        /// log2 of the domain.
        log2: u32,
    },
    /// For this machine: the set-up would swap for hours, or never end.
    #[error(
        "a set-up of {constraints} constraints, {wires} wires and up to {terms} terms takes about {:.1} GiB of memory, \
         and {:.1} GiB are free: make the key on a larger machine, or split the circuit",
        gib(*.needed), gib(*.free)
    )]
    Memory {
        /// Its constraints.
        constraints: u32,
        /// Its wires.
        wires: u32,
        /// The most terms that it can have.
        terms: u64,
        /// Bytes that the set-up takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Where a trial key and its files go.
#[derive(Debug, Clone)]
pub struct Places {
    /// The circuit, as `circom --r1cs` writes it.
    pub circuit: PathBuf,
    /// The proving key.
    pub key: PathBuf,
    /// The verifying key in snarkjs's form, if it is wanted.
    pub verifying_key: Option<PathBuf>,
}

impl Places {
    /// A key at `key`, or beside the circuit.
    pub fn new(circuit: PathBuf, key: Option<PathBuf>, verifying_key: Option<PathBuf>) -> Self {
        Self {
            key: key.unwrap_or_else(|| circuit.with_extension("zkey")),
            circuit,
            verifying_key,
        }
    }

    /// The file that says how the key was made.
    pub fn marker(&self) -> PathBuf {
        self.key.with_added_extension("json")
    }
}

/// The steps of making a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The constraints are read.
    Reading,
    /// The key is made, on all cores.
    Making,
    /// The files are written.
    Writing,
}

/// A key that was made; the same is in the file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialKeyReport {
    /// The format of the file.
    pub format: &'static str,
    /// Who could forge under it.
    pub provenance: String,
    /// The same in words.
    pub warning: &'static str,
    /// The program.
    pub created_by: &'static str,
    /// Digest of the circuit, in hexadecimal.
    pub circuit: String,
    /// Its constraints.
    pub constraints: usize,
    /// Its wires.
    pub wires: u32,
    /// Its public inputs.
    pub public_inputs: u32,
    /// Bytes of the proving key.
    pub zkey_length: u64,
    /// Digest of the verifying key.
    pub verifying_key: String,
}

/// Makes a key. Its maker can forge proofs under it: for trials only.
///
/// # Errors
/// [`TrialKeyError`]. After an error in the middle of the last step, a marker may be there without its key.
pub fn make(
    places: &Places,
    rng: &mut impl CryptoRng,
    progress: &mut dyn FnMut(Step),
) -> Result<TrialKeyReport, TrialKeyError> {
    // Before work that takes minutes: a missing folder is found now. The files do not stay
    // meanwhile, in case somebody interrupts the work.
    drop(Files::begin(places)?);
    let path = || places.circuit.clone();
    let input = input::open(&places.circuit).map_err(|source| TrialKeyError::Open {
        path: path(),
        source,
    })?;
    let refused = |source| TrialKeyError::Circuit {
        path: path(),
        source,
    };
    let circuit = R1csFile::open(input).map_err(refused)?;
    admit(circuit.head(), free_memory()).map_err(|source| TrialKeyError::TooLarge {
        path: path(),
        source,
    })?;
    progress(Step::Reading);
    let r1cs = circuit.read().map_err(refused)?;
    progress(Step::Making);
    let key = set_up(&r1cs, rng).map_err(|source| TrialKeyError::SetUp {
        path: path(),
        source,
    })?;
    let zkey = Zkey::new(key, &r1cs);
    progress(Step::Writing);
    let writing = |path: &Path| {
        let path = path.to_owned();
        move |source| TrialKeyError::Write { path, source }
    };
    let mut files = Files::begin(places)?;
    zkey.write(&mut files.key).map_err(writing(&places.key))?;
    let report = TrialKeyReport {
        format: "merits-set-up/1",
        provenance: Provenance::InsecureDev.to_string(),
        warning: "made by one party, who can forge proofs under it: for trials only",
        created_by: "merits setup",
        circuit: hex::encode(r1cs.digest()),
        constraints: r1cs.n_constraints(),
        wires: r1cs.n_wires,
        public_inputs: r1cs.n_public,
        zkey_length: files.key.length().map_err(writing(&places.key))?,
        verifying_key: zkey.key.vk.digest().to_string(),
    };
    let marker = places.marker();
    serde_json::to_writer_pretty(&mut files.marker, &report)
        .map_err(io::Error::from)
        .and_then(|()| files.marker.write_all(b"\n"))
        .map_err(writing(&marker))?;
    // The mark gets its name first, so that such a key never exists without it.
    files.marker.publish()?;
    files.key.publish()?;
    if let (Some(mut file), Some(path)) = (files.verifying_key, &places.verifying_key) {
        let text = snarkjs_json::verification_key(&zkey.key.vk);
        file.write_all(text.as_bytes()).map_err(writing(path))?;
        file.publish()?;
    }
    Ok(report)
}

/// The files that are being written.
struct Files<'k> {
    key: Output<'k>,
    marker: Output<'k>,
    verifying_key: Option<Output<'k>>,
}

impl Files<'_> {
    fn begin(places: &Places) -> Result<Self, OutputError> {
        let verifying_key = places.verifying_key.as_deref();
        let verifying_key = verifying_key.map(|path| Output::begin(path, KEY));
        Ok(Self {
            verifying_key: verifying_key.transpose()?,
            key: Output::begin(&places.key, KEY)?,
            marker: Output::begin(&places.marker(), KEY)?,
        })
    }
}

/// Refuses a set-up that would swap for hours, or never end. `free` is the memory in bytes that programs can use
/// without swapping; a system that does not report it stops nothing.
fn admit(head: &R1csHead, free: Option<u64>) -> Result<(), TooLarge> {
    let (constraints, log2) = (head.n_constraints, head.domain_log2());
    if log2 > MAX_DOMAIN_LOG2 {
        return Err(TooLarge::Domain { constraints, log2 });
    }
    let needed = head.set_up_memory();
    match free {
        Some(free) if needed > free => Err(TooLarge::Memory {
            constraints,
            wires: head.n_wires,
            terms: head.most_terms,
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(n_constraints: u32) -> R1csHead {
        R1csHead {
            n_wires: 10,
            n_public: 1,
            n_private_inputs: 2,
            n_constraints,
            most_terms: 30,
        }
    }

    #[test]
    fn circuits_beyond_the_curve_or_the_memory_are_refused() {
        let small = head(6);
        let needed = small.set_up_memory();
        for free in [None, Some(needed), Some(u64::MAX)] {
            assert_eq!(admit(&small, free), Ok(()));
        }
        let refused = admit(&small, Some(needed - 1));
        assert!(
            matches!(refused, Err(TooLarge::Memory { wires: 10, .. })),
            "{refused:?}"
        );
        let most = 1u32 << MAX_DOMAIN_LOG2;
        assert_eq!(admit(&head(most - 2), None), Ok(()));
        let refused = admit(&head(most - 1), None).expect_err("too many");
        assert!(refused.to_string().contains("2^28"), "{refused}");
    }
}
