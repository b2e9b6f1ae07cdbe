//! One key in a process of its own: how soon it is ready, and how much memory proving takes.
//!
//! In the measuring process, other keys and provers would be counted too.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_circuits::prover::{
    KeyError, Label, PreparedFile, Prover as _, Readiness, SimdPath, SimdProver, TableBudget,
};
use merits_params::{
    wtns,
    zkey::{Trust, Zkey, ZkeyError},
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    super::{
        Effort,
        machine::{memory, processor_time},
    },
    trials::Files,
};

/// What the hidden command takes.
#[derive(Debug, Args)]
pub(in super::super) struct Arguments {
    /// The key
    #[arg(long)]
    zkey: PathBuf,
    /// Its witness
    #[arg(long)]
    wtns: PathBuf,
    /// Directory of prepared keys; without it the key is prepared in memory
    #[arg(long)]
    prepared: Option<PathBuf>,
    /// SHA-256 of the key's file, which names the prepared one: a key store has it in its manifest
    #[arg(long)]
    sha256: String,
    /// Threads
    #[arg(long)]
    threads: usize,
}

/// What the process reports, as one line of JSON.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// Until the prover was ready, in milliseconds.
    pub(super) ready: f64,
    /// Processor time until then, of all threads.
    pub(super) ready_processor: f64,
    /// Peak memory until the proof was made, less the memory that the process had before it read
    /// witness and key, in bytes.
    pub(super) peak: u64,
    /// The part of it that is the program itself, which is read from its file on first use and is
    /// the same for every key.
    pub(super) program: u64,
    /// The memory before that, in bytes.
    pub(super) before: u64,
    /// Whether the key was mapped from a prepared file.
    pub(super) mapped: bool,
}

/// The results of the processes.
pub(super) struct Alone {
    pub(super) zkey_length: u64,
    /// From the `.zkey`, laid out in memory.
    pub(super) from_zkey: Vec<Told>,
    /// From the prepared file.
    pub(super) from_prepared: Vec<Told>,
    /// Length of the prepared file.
    pub(super) prepared_length: u64,
}

impl Told {
    /// The resources that the key and the proof took.
    pub(super) fn own(&self) -> u64 {
        self.peak.saturating_sub(self.program)
    }
}

impl Arguments {
    pub(in super::super) fn run(self) -> anyhow::Result<ExitCode> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()?;
        let (before, program) = (memory("VmHWM")?, self.program_memory()?);
        let assignment = Zeroizing::new(wtns::read_from(File::open(&self.wtns)?)?);
        let (start, processor) = (Instant::now(), processor_time());
        let (prover, mapped) = pool.install(|| self.load())?;
        let ready = start.elapsed().as_secs_f64() * 1e3;
        let ready_processor = processor_time().saturating_sub(processor).as_secs_f64() * 1e3;
        let rng = &mut StdRng::from_rng(&mut rand::rng());
        pool.install(|| prover.prove(&assignment, rng))?;
        let told = Told {
            ready,
            ready_processor,
            peak: memory("VmHWM")?.saturating_sub(before),
            // It only grows.
            program: self.program_memory()?.saturating_sub(program),
            before,
            mapped,
        };
        println!("{}", serde_json::to_string(&told)?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Arguments {
    /// The prover, and whether its key was mapped.
    fn load(&self) -> anyhow::Result<(SimdProver, bool)> {
        let Some(directory) = &self.prepared else {
            return Ok((SimdProver::new(read(&self.zkey)?)?, false));
        };
        let mut zkey_sha256 = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut zkey_sha256).context("--sha256")?;
        let label = Label {
            zkey_sha256,
            path: SimdPath::preferred(),
            tables: TableBudget::default(),
        };
        let file = PreparedFile::new(directory, label);
        let from_zkey = || read(&self.zkey);
        let (prover, readiness) = SimdProver::load(&file, |_| true, from_zkey)?;
        Ok((prover, matches!(readiness, Readiness::Mapped)))
    }

    /// Bytes of the program's file and its libraries that are in memory: of every mapped file
    /// except the key's.
    fn program_memory(&self) -> anyhow::Result<u64> {
        // If there is no such directory yet, none of its files is mapped.
        let directory = self.prepared.as_ref().and_then(|at| at.canonicalize().ok());
        let text = fs::read_to_string("/proc/self/smaps").context("this system tells no memory")?;
        let mut counts = false;
        let mut kib = 0;
        for line in text.lines() {
            if let Some(resident) = line.strip_prefix("Rss:") {
                let resident = resident.split_whitespace().next();
                let resident: u64 = resident.context("an empty Rss")?.parse()?;
                kib += if counts { resident } else { 0 };
            } else if let Some(file) = mapped_file(line) {
                counts = file.is_some_and(|file| {
                    let key = |directory| file.starts_with(directory);
                    !directory.as_ref().is_some_and(key)
                });
            }
        }
        Ok(kib << 10)
    }
}

/// Whether this line of `smaps` begins a mapping, and if so the mapping's file, if it has one.
///
/// Such a line has addresses, permissions, offset, device, inode and then the path; the others have
/// a name, a colon and a value.
fn mapped_file(line: &str) -> Option<Option<&Path>> {
    let mut words = line.splitn(6, ' ');
    let first = words.next()?;
    if first.ends_with(':') {
        return None;
    }
    let path = words.nth(4).unwrap_or_default().trim_start();
    Some(path.starts_with('/').then(|| Path::new(path)))
}

fn read(zkey: &Path) -> Result<Zkey, Failed> {
    // The measuring process has checked every point.
    Ok(Zkey::read_from(File::open(zkey)?, Trust::Digest)?)
}

/// Why the prover could not be loaded.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Zkey(#[from] ZkeyError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Runs the processes, a few of each kind.
pub(super) fn measure(files: &Files, directory: &Path, effort: &Effort) -> anyhow::Result<Alone> {
    let prepared = directory.join("prepared");
    let start = |from: Option<&Path>| start(files, from, effort);
    // The first one writes the file.
    start(Some(&prepared))?;
    let (mut from_zkey, mut from_prepared) = (Vec::new(), Vec::new());
    for _ in 0..effort.proofs.min(MOST_STARTS) {
        from_zkey.push(start(None)?);
        let told = start(Some(&prepared))?;
        ensure!(told.mapped, "the prepared file was made, and yet not taken");
        from_prepared.push(told);
    }
    Ok(Alone {
        zkey_length: files.zkey_length,
        from_zkey,
        from_prepared,
        prepared_length: length(&prepared),
    })
}

fn start(files: &Files, prepared: Option<&Path>, effort: &Effort) -> anyhow::Result<Told> {
    let program = std::env::current_exe().context("where this program lies")?;
    let mut command = Command::new(program);
    command.args(effort.program.words());
    command.arg("load-and-prove");
    command.arg("--zkey").arg(&files.zkey);
    command.arg("--wtns").arg(&files.wtns);
    command.args(["--sha256", &files.zkey_sha256]);
    command.args(["--threads", &effort.threads.to_string()]);
    if let Some(prepared) = prepared {
        command.arg("--prepared").arg(prepared);
    }
    let output = command.output().context("starting a process to measure")?;
    ensure!(
        output.status.success(),
        "the process that only loads and proves failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&told).with_context(|| format!("it told {told:?}"))
}

/// Bytes of all files in a directory.
fn length(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let lengths = entries.filter_map(|entry| entry.metadata().ok());
    lengths.map(|metadata| metadata.len()).sum()
}

/// Starts of each kind.
const MOST_STARTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_told_from_their_fields() {
        let program = "55d0c8a00000-55d0c8c51000 r-xp 00312000 fe:00 6946 /work/the merits";
        assert_eq!(
            mapped_file(program),
            Some(Some(Path::new("/work/the merits")))
        );
        let heap =
            "55d0ca1b5000-55d0ca22d000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(mapped_file(heap), Some(None));
        let anonymous = "7f12b8000000-7f12b8021000 rw-p 00000000 00:00 0 ";
        assert_eq!(mapped_file(anonymous), Some(None));
        assert_eq!(mapped_file("Rss:                5088 kB"), None);
    }
}
