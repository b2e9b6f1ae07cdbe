//! `merits setup`: a proving key for any circuit of circom, to try the prover on it.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_guard::{
    input,
    output::{Kind, Output, Readers},
    protected::Protected,
};
use merits_params::{
    groth16::{MAX_DOMAIN_LOG2, set_up},
    r1cs::file::{R1csFile, R1csHead},
    snarkjs_json,
    zkey::Zkey,
};
use merits_verifier::groth16::Provenance;
use serde::Serialize;

use crate::screen::{thousands, working};

/// Keys are never replaced: proofs under the old one could no longer be made.
const KEY: Kind<'static> = Kind::new("a new key", Readers::Everybody);

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

/// The file beside a key: a `.zkey` has no place to say who could forge under it.
#[derive(Serialize)]
struct Marker {
    format: &'static str,
    provenance: String,
    warning: &'static str,
    created_by: &'static str,
    circuit: String,
    constraints: usize,
    wires: u32,
    public_inputs: u32,
    zkey_length: u64,
    verifying_key: String,
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
        let out = match &self.out {
            Some(out) => out.clone(),
            None => self.r1cs.with_extension("zkey"),
        };
        let marker = out.with_added_extension("json");
        let at = || self.r1cs.display().to_string();
        let mut kept = Protected::new();
        kept.keep(&self.r1cs, "the circuit");
        kept.admit(&out, "the proving key")?;
        kept.admit(&marker, "what tells how the proving key was made")?;
        if let Some(path) = &self.vkey {
            kept.admit(path, "the verifying key")?;
        }
        let create = || {
            let vkey = self.vkey.as_deref().map(|path| Output::begin(path, KEY));
            let vkey = vkey.transpose()?;
            Ok::<_, anyhow::Error>((
                Output::begin(&out, KEY)?,
                Output::begin(&marker, KEY)?,
                vkey,
            ))
        };
        // Before work that takes minutes: a missing folder is found now. The files do not stay
        // meanwhile, in case somebody interrupts the work.
        drop(create()?);
        let circuit = R1csFile::open(input::open(&self.r1cs).with_context(at)?).with_context(at)?;
        admit(circuit.head()).with_context(at)?;
        let bar = working("reading the constraints");
        let r1cs = circuit.read().with_context(at)?;
        bar.set_message("making the key");
        let key = set_up(&r1cs, &mut rand::rng()).with_context(at)?;
        let zkey = Zkey::new(key, &r1cs);
        bar.set_message("writing");
        let (mut zkey_file, mut marker_file, vkey_file) = create()?;
        zkey.write(&mut zkey_file)
            .with_context(|| format!("writing {}", out.display()))?;
        let length = zkey_file.length()?;
        let told = Marker {
            format: "merits-set-up/1",
            provenance: Provenance::InsecureDev.to_string(),
            warning: "made by one party, who can forge proofs under it: for trials only",
            created_by: "merits setup",
            circuit: hex::encode(r1cs.digest()),
            constraints: r1cs.n_constraints(),
            wires: r1cs.n_wires,
            public_inputs: r1cs.n_public,
            zkey_length: length,
            verifying_key: zkey.key.vk.digest().to_string(),
        };
        let text = serde_json::to_string_pretty(&told)? + "\n";
        marker_file
            .write_all(text.as_bytes())
            .with_context(|| format!("writing {}", marker.display()))?;
        // The mark is written first, so that such a key never exists without it.
        marker_file.publish()?;
        zkey_file.publish()?;
        if let Some(mut file) = vkey_file {
            let text = snarkjs_json::verification_key(&zkey.key.vk);
            file.write_all(text.as_bytes())?;
            file.publish()?;
        }
        bar.finish_and_clear();
        println!("made a key for {}", self.r1cs.display());
        println!("provenance     {}", told.provenance);
        println!("circuit        {}", told.circuit);
        println!("verifying key  {}", told.verifying_key);
        println!(
            "constraints    {}, wires {}, public inputs {}",
            thousands(told.constraints as u64),
            thousands(told.wires),
            thousands(told.public_inputs)
        );
        println!(
            "files          {} ({} bytes)",
            out.display(),
            thousands(length)
        );
        println!("               {}", marker.display());
        if let Some(path) = &self.vkey {
            println!("               {}", path.display());
        }
        println!("the maker of this key can forge proofs: use it for trials only");
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a set-up that would swap for hours, or never end.
fn admit(head: &R1csHead) -> anyhow::Result<()> {
    let log2 = head.domain_log2();
    ensure!(
        log2 <= MAX_DOMAIN_LOG2,
        "{} constraints need a domain of 2^{log2}, and BN254 has room for 2^{MAX_DOMAIN_LOG2}: \
         split the circuit",
        thousands(head.n_constraints)
    );
    let needed = head.set_up_memory();
    // If the system does not report its memory, the set-up is allowed.
    let Some(free) = free_memory() else {
        return Ok(());
    };
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    ensure!(
        needed <= free,
        "a set-up of {} constraints, {} wires and up to {} terms takes about {:.1} GiB of memory, \
         and {:.1} GiB are free: make the key on a larger machine, or split the circuit",
        thousands(head.n_constraints),
        thousands(head.n_wires),
        thousands(head.most_terms),
        gib(needed),
        gib(free)
    );
    Ok(())
}

/// Memory that programs can use without swapping, in bytes.
fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}
