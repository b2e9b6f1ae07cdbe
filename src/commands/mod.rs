//! One module for each role.

pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod clearing;
pub(crate) mod coordinator;
pub(crate) mod dates;
pub(crate) mod distributor;
pub(crate) mod dkg;
pub(crate) mod evaluator;
pub(crate) mod exchange;
pub(crate) mod indicators;
pub(crate) mod issuer;
pub(crate) mod kit;
pub(crate) mod mark;
pub(crate) mod numbers;
pub(crate) mod party;
pub(crate) mod passphrase;
pub(crate) mod reason;
pub(crate) mod registrar;
pub(crate) mod scale;
pub(crate) mod setup;
pub(crate) mod source;
pub(crate) mod sponsor;
pub(crate) mod supervisor;
pub(crate) mod tls;
pub(crate) mod verify;
pub(crate) mod wallet;
pub(crate) mod witness;

use std::path::Path;

use merits_party::public_line::{self, PublicLine};

/// Makes an application or a public half for a supervisor, writes it, and prints where.
pub(crate) fn hand_over<T: PublicLine>(
    config: &Path,
    output: &Path,
    make: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<()> {
    public_line::write(config, output, make)?;
    println!("wrote {}", output.display());
    Ok(())
}
