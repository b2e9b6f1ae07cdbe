//! `merits setup`: a proving key for any circuit of circom, to try the prover on it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;
use clap::Args;
use merits_guard::protected::Protected;
use merits_params::trial_key::{Places, Step, TrialKeyReport, make};

use crate::screen::{thousands, working};

/// What `merits setup` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The circuit, as `circom --r1cs` writes it, over BN254 (circom's default)
    #[arg(long)]
    r1cs: PathBuf,
    /// Make the key here, alone: its maker can forge proofs. For trials only
    #[arg(long)]
    insecure_dev: bool,
    /// Where to write the key; beside the circuit if left out. FILE.json beside it says how it was
    /// made
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the verifying key, as snarkjs does
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        // It keeps all cores busy for seconds.
        tokio::task::spawn_blocking(move || self.run_here()).await?
    }

    fn run_here(self) -> anyhow::Result<ExitCode> {
        ensure!(
            self.insecure_dev,
            "a key that one party makes alone lets that party forge proofs. For a key that others \
             may rely on, run a ceremony of several parties (snarkjs zkey new, contribute, \
             beacon); for trials, say --insecure-dev"
        );
        let places = Places::new(self.r1cs, self.out, self.vkey);
        let mut kept = Protected::new();
        kept.keep(&places.circuit, "the circuit");
        kept.admit(&places.key, "the proving key")?;
        kept.admit(&places.marker(), "what tells how the proving key was made")?;
        if let Some(path) = &places.verifying_key {
            kept.admit(path, "the verifying key")?;
        }
        let mut bar = None;
        let mut progress = |step| {
            let message = match step {
                Step::Reading => "reading the constraints",
                Step::Making => "making the key",
                Step::Writing => "writing",
            };
            bar.get_or_insert_with(|| working(message))
                .set_message(message);
        };
        let made = make(&places, &mut rand::rng(), &mut progress);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        print(&places, &made?);
        Ok(ExitCode::SUCCESS)
    }
}

fn print(places: &Places, made: &TrialKeyReport) {
    println!("made a key for {}", places.circuit.display());
    println!("provenance     {}", made.provenance);
    println!("circuit        {}", made.circuit);
    println!("verifying key  {}", made.verifying_key);
    println!(
        "constraints    {}, wires {}, public inputs {}",
        thousands(made.constraints as u64),
        thousands(made.wires),
        thousands(made.public_inputs)
    );
    println!(
        "files          {} ({} bytes)",
        places.key.display(),
        thousands(made.zkey_length)
    );
    println!("               {}", places.marker().display());
    if let Some(path) = &places.verifying_key {
        println!("               {}", path.display());
    }
    println!("the maker of this key can forge proofs: use it for trials only");
}
