//! The integration tests of this crate, one program, a module a topic.

mod help;
mod prover;

use std::path::Path;

use merits_test_runner::Ran;

/// Runs `merits-bench` with these arguments in a directory, to its end.
#[track_caller]
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_merits-bench");
    merits_test_runner::run(program, &[], directory, arguments)
}
