//! Memory that a proof takes beside the mapped key, and what two proofs at once cost each other:
//! `--example footprint -- <chain|bits> <constraints> <rounds> [table budget in MiB]`.
//!
//! Prepares a key, writes it to a directory of its own, and starts itself again: that process maps
//! the key and proves, so that what it holds is what a worker's process holds.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../tests/circom/mod.rs"]
mod circom;

use std::error::Error;
use std::path::Path as FilePath;
use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use circom::{Case, Circuit};
use merits_bn254_simd::{Label, Path, Prepared, PreparedFile, PreparedKey, TableBudget};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default| {
        arguments
            .get(i)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let (size, rounds) = (number(1, 131_000), number(2, 5));
    let tables = TableBudget(number(3, 0) << 20);
    match arguments.first().map(String::as_str) {
        Some("worker") => {
            let dir = arguments.get(4).ok_or("no directory")?;
            worker(&file(dir.as_ref(), tables), rounds)
        }
        of => {
            let circuit = match of {
                Some("bits") => Circuit::Bits(size),
                _ => Circuit::Chain(size),
            };
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

fn start(
    circuit: Circuit,
    rounds: usize,
    tables: TableBudget,
    dir: &FilePath,
) -> Result<(), Box<dyn Error>> {
    let case = Case::new(circuit);
    let points = case.points();
    // As a `.zkey` has them: 64 bytes a point of G1, 44 a coefficient.
    let terms: usize = case.matrices[..2].iter().flatten().map(Vec::len).sum();
    let zkey = 64 * (points.a.len() + points.b_g1.len() + 2 * points.b_g2.len())
        + 64 * (points.l.len() + points.h.len())
        + 44 * terms;
    let (a, b) = (case.matrix(0), case.matrix(1));
    let key = PreparedKey::new(Path::preferred(), &points, a, b, tables)?;
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

fn worker(file: &PreparedFile, rounds: usize) -> Result<(), Box<dyn Error>> {
    let before = Instant::now();
    let Prepared { key, attachment } = file.open()?;
    println!(
        "  ready in {:.0} ms, resident {:.1} MiB",
        before.elapsed().as_secs_f64() * 1e3,
        status("VmRSS")?
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
    let own = |what: &str| -> Result<(), Box<dyn Error>> {
        println!(
            "  {what}: peak {:.1} MiB in all; now {:.1} MiB of its own and {:.1} MiB of the file",
            status("VmHWM")?,
            status("RssAnon")?,
            status("RssFile")?,
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
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (cpu, wall) = times[rounds / 2];
        println!("  two proofs {name}: {cpu:.0} ms of processor time, {wall:.0} ms passed");
    }
    println!(
        "  at once over in turn: {:.3}",
        together[rounds / 2].0 / alone[rounds / 2].0
    );
    Ok(())
}

/// Milliseconds of processor time and of the clock.
fn timed(f: impl FnOnce()) -> (f64, f64) {
    let (start, cpu) = (Instant::now(), processor_time());
    f();
    (processor_time() - cpu, start.elapsed().as_secs_f64() * 1e3)
}

/// Milliseconds that this process's threads have run. Proofs run on the pool's threads, which stay.
fn processor_time() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e6
}

/// A line of `/proc/self/status`, in MiB.
fn status(line: &str) -> Result<f64, Box<dyn Error>> {
    let all = std::fs::read_to_string("/proc/self/status")?;
    let value = all
        .lines()
        .find_map(|l| {
            l.strip_prefix(line)?
                .strip_prefix(':')?
                .split_whitespace()
                .next()
        })
        .ok_or("no such line")?;
    Ok(value.parse::<f64>()? / 1024.0)
}

fn mib(bytes: f64) -> f64 {
    bytes / (1 << 20) as f64
}
