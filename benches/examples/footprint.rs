//! Measures the memory that a proof takes beside the mapped key, and how much two concurrent proofs
//! slow each other down: `--features timing --example footprint -- <chain|bits> <constraints>
//! <rounds> [table budget in MiB]`.
//!
//! Prepares a key, writes it to its own directory, and starts itself again. That second process
//! maps the key and proves, so it holds what a worker's process holds.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../../base/bn254-simd/tests/it/circom/mod.rs"]
mod circom;
mod process;

use std::error::Error;
use std::path::Path as FilePath;
use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use circom::{Case, Circuit, number};
use merits_bn254_simd::{Label, Path, Prepared, PreparedFile, PreparedKey, TableBudget};
use process::{memory, ms, timed};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (size, rounds) = (number(&arguments, 1, 131_000), number(&arguments, 2, 5));
    let tables = TableBudget(number(&arguments, 3, 0) << 20);
    match arguments.first().map(String::as_str) {
        Some("worker") => {
            let dir = arguments.get(4).ok_or("no directory")?;
            worker(&file(dir.as_ref(), tables), rounds)
        }
        of => {
            let circuit = Circuit::named(of, size);
            let dir = std::env::temp_dir().join(format!("footprint-{}", std::process::id()));
            let done = start(circuit, rounds, tables, &dir);
            std::fs::remove_dir_all(&dir)?;
            done
        }
    }
}

fn file(dir: &FilePath, tables: TableBudget) -> PreparedFile {
    let label = Label {
        zkey_sha256: [7; 32],
        path: Path::preferred(),
        tables,
    };
    PreparedFile::new(dir, label)
}

fn start(circuit: Circuit, rounds: usize, tables: TableBudget, dir: &FilePath) -> Result<()> {
    let case = Case::new(circuit);
    let points = case.points();
    // As a `.zkey` has them: 64 bytes for each point of G1, 44 for each coefficient.
    let terms: usize = case.matrices[..2].iter().flatten().map(Vec::len).sum();
    let zkey = 64 * (points.a.len() + points.b_g1.len() + 2 * points.b_g2.len())
        + 64 * (points.l.len() + points.h.len())
        + 44 * terms;
    let (a, b) = (case.matrix(0), case.matrix(1));
    let key = PreparedKey::new(Path::preferred(), points, a, b, tables)?;
    let words = case.assignment.iter().flat_map(|x| x.into_bigint().0);
    let prepared = Prepared {
        key,
        attachment: words.flat_map(u64::to_le_bytes).collect(),
    };
    let file = file(dir, tables);
    file.save(&prepared)?;
    println!(
        "{circuit:?}, {}, {} threads: .zkey {:.1} MiB, prepared {:.1} MiB",
        Path::preferred().name(),
        rayon::current_num_threads(),
        mib(zkey as f64),
        mib(std::fs::metadata(file.location())?.len() as f64)
    );
    let status = std::process::Command::new(std::env::current_exe()?)
        .arg("worker")
        .args([0, rounds, tables.0 >> 20].map(|n| n.to_string()))
        .arg(dir)
        .status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| "the worker failed".into())
}

fn worker(file: &PreparedFile, rounds: usize) -> Result<()> {
    let before = Instant::now();
    let Prepared { key, attachment } = file.open()?;
    println!(
        "  ready in {:.0} ms, resident {:.1} MiB",
        ms(before),
        memory("VmRSS")?
    );
    let assignment: Vec<Fr> = attachment
        .as_chunks::<32>()
        .0
        .iter()
        .map(|bytes| {
            let (words, _) = bytes.as_chunks::<8>();
            let words = core::array::from_fn(|i| u64::from_le_bytes(words[i]));
            Fr::from_bigint(BigInt(words)).unwrap_or_default()
        })
        .collect();
    drop(attachment);
    let (r, s) = (-Fr::from(0x1234_5678_u64), -Fr::from(0x8765_4321_u64));
    let prove = || {
        let _ = std::hint::black_box(key.prove(&assignment, r, s));
    };
    let own = |what: &str| -> Result<()> {
        println!(
            "  {what}: peak {:.1} MiB in all; now {:.1} MiB of its own and {:.1} MiB of the file",
            memory("VmHWM")?,
            memory("RssAnon")?,
            memory("RssFile")?,
        );
        Ok(())
    };
    prove();
    own("after one proof")?;
    for _ in 0..rounds {
        prove();
    }
    own("after more")?;

    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(timed(|| {
            prove();
            prove();
        }));
        together.push(timed(|| {
            std::thread::scope(|scope| {
                scope.spawn(prove);
                scope.spawn(prove);
            });
        }));
    }
    own("after pairs at once")?;
    for (name, times) in [("in turn", &mut alone), ("at once", &mut together)] {
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        let ((), cpu, wall) = times[rounds / 2];
        println!("  two proofs {name}: {cpu:.0} ms of processor time, {wall:.0} ms passed");
    }
    println!(
        "  at once over in turn: {:.3}",
        together[rounds / 2].1 / alone[rounds / 2].1
    );
    Ok(())
}

fn mib(bytes: f64) -> f64 {
    bytes / (1 << 20) as f64
}
