//! One module a role.

pub(crate) mod audit;
pub(crate) mod clearing;
pub(crate) mod coordinator;
pub(crate) mod dates;
pub(crate) mod distributor;
pub(crate) mod evaluator;
pub(crate) mod exchange;
pub(crate) mod issuer;
pub(crate) mod kit;
pub(crate) mod mark;
pub(crate) mod registrar;
pub(crate) mod scale;
pub(crate) mod setup;
pub(crate) mod source;
pub(crate) mod sponsor;
pub(crate) mod supervisor;
pub(crate) mod verify;
pub(crate) mod wallet;
pub(crate) mod witness;

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use merits_replica::LedgerConfig;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

/// Returns at ctrl-c or SIGTERM.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// The `[ledger]` table of any role's configuration.
pub(crate) fn ledger_of(config: &Path) -> anyhow::Result<LedgerConfig> {
    #[derive(Deserialize)]
    struct Any {
        ledger: Option<LedgerConfig>,
        holder: Option<Holder>,
    }
    #[derive(Deserialize)]
    struct Holder {
        ledger: LedgerConfig,
    }
    let at = || config.display().to_string();
    let text = merits_text::file::read(config).with_context(at)?;
    let any: Any = toml::from_str(&text).with_context(at)?;
    let ledger = any.ledger.or(any.holder.map(|holder| holder.ledger));
    let base = config.parent().unwrap_or(Path::new(""));
    Ok(ledger
        .with_context(|| format!("{}: no [ledger] table", at()))?
        .relative_to(base))
}

/// The time, in milliseconds since 1970.
pub(crate) fn unix_millis() -> u64 {
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
