//! A prepared key on disk: how large, how soon ready, how much memory a process takes that maps it.
//!
//! ```text
//! --example prepared -- write <dir> [constraints] [table bytes]   a dense chain's key, laid out
//! --example prepared -- prove <dir> [table bytes]                 maps it, proves, tells memory
//! --example prepared -- pair  <dir> [rounds]                      two proofs in turn and at once
//! ```
//!
//! A second process of the second kind beside the first shares its pages.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../tests/circom/mod.rs"]
mod circom;

use std::time::{Duration, Instant};

use ark_bn254::Fr;
use ark_ff::Field;
use circom::{Case, Circuit};
use merits_bn254_simd::{Label, Path, Prepared, PreparedFile, PreparedKey, TableBudget};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).and_then(|a| a.parse::<usize>().ok());
    let what = arguments.first().map(String::as_str);
    let dir = arguments.get(1).ok_or("which directory?")?;
    let tables = number(if what == Some("write") { 3 } else { 2 });
    let label = Label {
        // Any name will do for a key that is in no `.zkey` file.
        zkey_sha256: [7; 32],
        path: Path::preferred(),
        tables: TableBudget(if what == Some("pair") {
            0
        } else {
            tables.unwrap_or(0)
        }),
    };
    let file = PreparedFile::new(dir, label);
    match what {
        Some("write") => write(&file, number(2).unwrap_or((1 << 17) - 16)),
        Some("prove") => prove(&file),
        Some("pair") => pair(&file, number(2).unwrap_or(5)),
        _ => Err("write, prove or pair?".into()),
    }
}

fn write(file: &PreparedFile, constraints: usize) -> Result<()> {
    let case = Case::new(Circuit::Chain(constraints));
    let points = case.points();
    let (a, b) = (case.matrix(0), case.matrix(1));
    let start = Instant::now();
    let key = PreparedKey::new(file.label().path, &points, a, b, file.label().tables)?;
    println!("laid out in {:.0} ms", ms(start.elapsed()));
    let start = Instant::now();
    let attachment = Vec::new();
    file.save(&Prepared { key, attachment })?;
    let length = std::fs::metadata(file.location())?.len();
    let non_zero = case.taceo.a_num_non_zero + case.taceo.b_num_non_zero + case.instance;
    let g1 = points.a.len() + points.b_g1.len() + points.l.len() + points.h.len();
    let zkey = 64 * g1 + 128 * points.b_g2.len() + 44 * non_zero;
    println!(
        "written in {:.0} ms: {:.1} MB, and the .zkey has {:.1}",
        ms(start.elapsed()),
        length as f64 / 1e6,
        zkey as f64 / 1e6
    );
    Ok(())
}

fn prove(file: &PreparedFile) -> Result<()> {
    // Threads are started, which is no part of it.
    rayon::broadcast(|_| ());
    let (start, cpu) = (Instant::now(), cpu_time()?);
    let prepared = file.open()?;
    println!(
        "ready in {:.1} ms, {:.1} ms of processor, {} threads",
        ms(start.elapsed()),
        ms(cpu_time()?.saturating_sub(cpu)),
        rayon::current_num_threads()
    );
    tell_memory("ready")?;
    let assignment = dense(prepared.key.wires());
    for _ in 0..3 {
        let start = Instant::now();
        prepared
            .key
            .prove(&assignment, -Fr::from(3u64), -Fr::from(5u64))?;
        println!("proof in {:.1} ms", ms(start.elapsed()));
    }
    tell_memory("proven")
}

fn pair(file: &PreparedFile, rounds: usize) -> Result<()> {
    let key = file.open()?.key;
    let assignment = dense(key.wires());
    let one = || key.prove(&assignment, -Fr::from(3u64), -Fr::from(5u64));
    one()?;
    let (mut in_turn, mut at_once) = ([Duration::ZERO; 2], [Duration::ZERO; 2]);
    for _ in 0..rounds {
        let (start, cpu) = (Instant::now(), cpu_time()?);
        one()?;
        one()?;
        in_turn[0] += start.elapsed();
        in_turn[1] += cpu_time()? - cpu;
        let (start, cpu) = (Instant::now(), cpu_time()?);
        std::thread::scope(|scope| {
            let threads = [scope.spawn(one), scope.spawn(one)];
            threads.into_iter().try_for_each(|thread| {
                let proof = thread.join().map_err(|_| "a thread panicked")?;
                proof.map(|_| ()).map_err(|_| "no proof")
            })
        })?;
        at_once[0] += start.elapsed();
        at_once[1] += cpu_time()? - cpu;
    }
    let per_round = |time: Duration| ms(time) / rounds as f64;
    println!(
        "two proofs, {} threads: in turn {:.0} ms ({:.0} of processor), at once {:.0} ({:.0})",
        rayon::current_num_threads(),
        per_round(in_turn[0]),
        per_round(in_turn[1]),
        per_round(at_once[0]),
        per_round(at_once[1])
    );
    Ok(())
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

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Of all threads of this process, user's and system's, in ticks of 10 ms.
fn cpu_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(10 * ticks))
}

fn tell_memory(when: &str) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() * 1024.0 / 1e6
    };
    println!(
        "{when}: at most {:.1} MB; now {:.1}, of which mapped {:.1}",
        field("VmHWM:"),
        field("VmRSS:"),
        field("RssFile:")
    );
    Ok(())
}
