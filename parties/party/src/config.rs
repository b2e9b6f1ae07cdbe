//! The `[ledger]` table of any role's configuration.

use std::path::Path;

use merits_replica::{ConfigFileError, LedgerConfig, read_config};
use serde::Deserialize;

/// Reads the ledger from a configuration of any role: the `[ledger]` table, or the one inside
/// `[holder]`. Paths come back resolved against the file's folder.
///
/// # Errors
/// [`ConfigFileError`]: no such file, no TOML, or no such table.
pub fn ledger_of(config: &Path) -> Result<LedgerConfig, ConfigFileError> {
    #[derive(Deserialize)]
    struct Any {
        ledger: Option<LedgerConfig>,
        holder: Option<Holder>,
    }
    #[derive(Deserialize)]
    struct Holder {
        ledger: LedgerConfig,
    }
    let any: Any = read_config(config)?;
    let ledger = any.ledger.or(any.holder.map(|holder| holder.ledger));
    let ledger = ledger.ok_or_else(|| ConfigFileError {
        path: config.to_owned(),
        reason: "no [ledger] table".to_owned(),
    })?;
    Ok(ledger.relative_to(config.parent().unwrap_or(Path::new(""))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LEDGER: &str = "coordinator = 'http://127.0.0.1:7700'\nlog_key = 'x'\nauthority = 'y'\n\
                          least_claims_per_total = 5\nreplica = 'copy'\n";

    #[test]
    fn the_table_is_found_in_every_roles_configuration_and_its_absence_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("role.toml");
        for table in ["ledger", "holder.ledger"] {
            fs::write(&path, format!("name = 'any'\n[{table}]\n{LEDGER}")).unwrap();
            let ledger = ledger_of(&path).expect(table);
            assert_eq!(ledger.replica, directory.path().join("copy"));
        }
        fs::write(&path, "name = 'any'\n").unwrap();
        let error = ledger_of(&path).expect_err("no table").to_string();
        assert_eq!(error, format!("{}: no [ledger] table", path.display()));
    }
}
