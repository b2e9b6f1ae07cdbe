//! Reads configuration files, and says whose a file is that was given in the place of another.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::Table;

/// Whose configuration a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "they are the roles, and two files that are no role's"
)]
pub enum ConfigKind {
    Coordinator,
    Supervisor,
    Cosigner,
    Witness,
    Source,
    Distributor,
    Exchange,
    Evaluator,
    Registrar,
    Issuer,
    Offer,
    Wallet,
    /// A sponsor's and a clearing house's have the same keys.
    SponsorOrClearing,
}

/// By which keys a file shows whose it is: the first whose keys are all there.
const KEYS: [(ConfigKind, &[&str]); 13] = [
    (ConfigKind::Coordinator, &["data_dir"]),
    (ConfigKind::Supervisor, &["holder"]),
    (ConfigKind::Cosigner, &["key", "state"]),
    (ConfigKind::Witness, &["journal"]),
    (ConfigKind::Source, &["salt_key"]),
    (ConfigKind::Distributor, &["keys"]),
    (ConfigKind::Exchange, &["master_key"]),
    (ConfigKind::Evaluator, &["voprf_key"]),
    (ConfigKind::Registrar, &["evaluators"]),
    (ConfigKind::Issuer, &["key_store", "signing_key"]),
    (ConfigKind::Offer, &["price", "quota"]),
    (ConfigKind::Wallet, &["key_store", "ledger"]),
    (ConfigKind::SponsorOrClearing, &["signing_key", "ledger"]),
];

impl ConfigKind {
    /// Whose, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Coordinator => "a coordinator",
            Self::Supervisor => "a supervisor",
            Self::Cosigner => "a witness that cosigns checkpoints",
            Self::Witness => "a log witness",
            Self::Source => "a source",
            Self::Distributor => "a distributor",
            Self::Exchange => "an exchange",
            Self::Evaluator => "an evaluator",
            Self::Registrar => "a registrar",
            Self::Issuer => "an issuer",
            Self::Offer => "an offer (offer.toml)",
            Self::Wallet => "a wallet",
            Self::SponsorOrClearing => "a sponsor or a clearing house",
        }
    }

    /// Whose configuration this text looks like, even if some of it is wrong.
    pub fn of(text: &str) -> Option<Self> {
        let table: Table = text.parse().ok()?;
        let looks = |keys: &[&str]| keys.iter().all(|key| table.contains_key(*key));
        KEYS.iter()
            .find(|(_, keys)| looks(keys))
            .map(|(kind, _)| *kind)
    }

    /// [`ConfigKind::of`] a file.
    pub fn of_file(path: &Path) -> Option<Self> {
        Self::of(&merits_text::file::read(path).ok()?)
    }
}

/// Why a configuration file cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {reason}")]
pub struct ConfigFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with line and column where there is one.
    pub reason: String,
}

/// Reads a party's configuration file, which must be one of these; paths in it stay as written.
///
/// # Errors
/// [`ConfigFileError`]: no such file, the configuration of somebody else, or the parser's complaint.
pub fn read_config<T: DeserializeOwned>(
    path: &Path,
    expected: &[ConfigKind],
) -> Result<T, ConfigFileError> {
    let fault = |reason: String| ConfigFileError {
        path: path.to_owned(),
        reason,
    };
    let text = merits_text::file::read(path).map_err(|error| fault(error.to_string()))?;
    parse_config(&text, expected).map_err(fault)
}

/// The same of a configuration's text. Without `expected`, anybody's will do.
///
/// # Errors
/// What is wrong, with line and column where there is one.
pub fn parse_config<T: DeserializeOwned>(text: &str, expected: &[ConfigKind]) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        match ConfigKind::of(text).filter(|kind| !expected.is_empty() && !expected.contains(kind)) {
            Some(found) => misplaced(found, expected),
            None => error.to_string(),
        }
    })
}

fn misplaced(found: ConfigKind, expected: &[ConfigKind]) -> String {
    let expected: Vec<&str> = expected.iter().map(|kind| kind.words()).collect();
    format!(
        "this looks like the configuration of {}. Name the configuration of {}",
        found.words(),
        expected.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        #[allow(dead_code, reason = "read by serde")]
        journal: String,
    }

    #[test]
    fn somebody_elses_file_is_told_as_such_and_a_slip_in_the_right_one_as_a_slip() {
        let read = |text| parse_config::<Own>(text, &[ConfigKind::Witness]);
        read("journal = 'x'").unwrap();
        let error = read("data_dir = 'x'\njournal = 'y'").unwrap_err();
        assert_eq!(
            error,
            "this looks like the configuration of a coordinator. Name the configuration of a log witness"
        );
        for text in ["journal = 'x'\ncolour = 1", "colour = 1", "journal = "] {
            let error = read(text).unwrap_err();
            assert!(
                error.contains("line") && !error.contains("looks like"),
                "{error}"
            );
        }
        let any = parse_config::<Own>("data_dir = 'x'", &[]).unwrap_err();
        assert!(any.contains("data_dir"), "{any}");
    }
}
