//! Measures how long the opening of the largest total takes: `cargo run --release -p merits-bench
//! --features timing --example largest_total`. Tests find sums of every kind in smaller ranges; this
//! uses the largest range that a ledger allows, near its far end, with its 64 MiB of baby steps.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program prints for people"
)]

use std::{process::ExitCode, time::Instant};

use ark_ec::CurveGroup;
use merits_primitives::jubjub::{Point, Scalar};
use merits_supervisor::discrete_log::{MAX_SUM, discrete_log};

fn main() -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("v from v·B8, {threads} threads");
    for bound in [1 << 32, 1 << 40, MAX_SUM] {
        let v = bound - 12_345;
        let target = (Point::base().projective() * Scalar::from(v)).into_affine();
        let start = Instant::now();
        let found = discrete_log(&target, bound);
        let seconds = start.elapsed().as_secs_f64();
        println!("range 2^{:<2}  {seconds:>7.3} s", bound.ilog2());
        if found != Some(v) {
            eprintln!("{v} was not found: {found:?}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
