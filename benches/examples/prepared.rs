//! Measures a prepared key on disk: its size, the time until it is ready, and
//! the memory of a process that maps it.
//!
//! ```text
//! --features timing --example prepared -- write <dir> [constraints] [table bytes]   a dense chain's key, laid out
//! --example prepared -- prove <dir> [table bytes]                 maps it, proves, tells memory
//! ```
//!
//! Two `prove` processes that run at once share the key's pages. `--example footprint` measures
//! how much two concurrent proofs slow each other down.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../../base/bn254-simd/tests/it/circom/mod.rs"]
mod circom;
mod process;

use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::Field;
use circom::{Case, Circuit};
use merits_bn254_simd::{Label, Path, Prepared, PreparedFile, PreparedKey, TableBudget};
use process::{memory, ms, timed};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).and_then(|a| a.parse::<usize>().ok());
    let what = arguments.first().map(String::as_str);
    let dir = arguments.get(1).ok_or("which directory?")?;
    let tables = number(if what == Some("write") { 3 } else { 2 });
    let label = Label {
        // Any name will do, because the key does not come from a `.zkey` file.
        zkey_sha256: [7; 32],
        path: Path::preferred(),
        tables: TableBudget(tables.unwrap_or(0)),
    };
    let file = PreparedFile::new(dir, label);
    match what {
        Some("write") => write(&file, number(2).unwrap_or((1 << 17) - 16)),
        Some("prove") => prove(&file),
        _ => Err("write or prove?".into()),
    }
}

fn write(file: &PreparedFile, constraints: usize) -> Result<()> {
    let case = Case::new(Circuit::Chain(constraints));
    let points = case.points();
    let non_zero = case.taceo.a_num_non_zero + case.taceo.b_num_non_zero + case.instance;
    let g1 = points.a.len() + points.b_g1.len() + points.l.len() + points.h.len();
    let zkey = 64 * g1 + 128 * points.b_g2.len() + 44 * non_zero;
    let (a, b) = (case.matrix(0), case.matrix(1));
    let start = Instant::now();
    let key = PreparedKey::new(file.label().path, points, a, b, file.label().tables)?;
    println!("laid out in {:.0} ms", ms(start));
    let start = Instant::now();
    let attachment = Vec::new();
    file.save(&Prepared { key, attachment })?;
    let length = std::fs::metadata(file.location())?.len();
    println!(
        "written in {:.0} ms: {:.1} MB, and the .zkey has {:.1}",
        ms(start),
        length as f64 / 1e6,
        zkey as f64 / 1e6
    );
    Ok(())
}

fn prove(file: &PreparedFile) -> Result<()> {
    // Start the threads first: that is not part of the measurement.
    rayon::broadcast(|_| ());
    let (prepared, cpu, wall) = timed(|| file.open());
    let prepared = prepared?;
    println!(
        "ready in {wall:.1} ms, {cpu:.1} ms of processor, {} threads",
        rayon::current_num_threads()
    );
    tell_memory("ready")?;
    let assignment = dense(prepared.key.wires());
    for _ in 0..3 {
        let start = Instant::now();
        prepared
            .key
            .prove(&assignment, -Fr::from(3u64), -Fr::from(5u64))?;
        println!("proof in {:.1} ms", ms(start));
    }
    tell_memory("proven")
}

/// Full-size values, as a dense circuit's wires have.
fn dense(wires: usize) -> Vec<Fr> {
    let mut value = Fr::from(3u64).pow([1000]);
    let mut out: Vec<Fr> = (0..wires)
        .map(|_| {
            value = value.square() + Fr::from(7u64);
            value
        })
        .collect();
    out[0] = Fr::from(1u64);
    out
}

fn tell_memory(when: &str) -> Result<()> {
    println!(
        "{when}: at most {:.1} MiB; now {:.1}, of which mapped {:.1}",
        memory("VmHWM")?,
        memory("VmRSS")?,
        memory("RssFile")?
    );
    Ok(())
}
