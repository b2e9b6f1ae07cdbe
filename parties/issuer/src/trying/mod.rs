//! Trying a scale before it is proposed, without a ledger: what records earn, examples in a batch, interpreter
//! against circuit, what proving takes, and the circuit in files of other tools.

mod evaluation;
mod example_batch;
mod export;
mod proving_time;
mod rounds;

pub use evaluation::{
    EvaluatedGroup, EvaluationError, FileEvaluation, Steps, evaluate_file, steps,
};
pub use example_batch::{ExampleBatchError, example_batch};
pub use export::{
    ExportError, ExportReport, Exporting, PUBLIC_INPUTS_FILE, SYMBOLS_FILE, check_empty, export,
};
pub use proving_time::{MACHINE, MeasureError, ProvingTime, expected_proof, measure};
pub use rounds::{Lasting, ROUND, rounds};

use merits_circuits::earn::EarnCircuit;
use merits_params::manifest::Manifest;

/// The circuit of a scale.
pub fn compile(manifest: &Manifest) -> EarnCircuit {
    EarnCircuit::build(manifest.formula(), usize::from(manifest.claims_per_proof()))
}
