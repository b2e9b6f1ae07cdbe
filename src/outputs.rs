//! What a command must not write over: files that its configuration names, files that it reads,
//! files of a wallet.

use std::path::Path;

use merits_guard::protected::Protected;
pub(crate) use merits_party::outputs::{add_configuration, named_by, of_configuration};

/// The files of a wallet's directory, not all of which can be made again.
pub(crate) fn of_wallet(directory: &Path) -> Protected {
    let mut kept = Protected::new();
    add_configuration(&mut kept, &directory.join("wallet.toml"));
    kept.keep(&directory.join("seed.key"), "the wallet's seed");
    kept.keep(&directory.join("wallet.json"), "the wallet's notebook");
    kept.keep(
        &directory.join("found.sealed"),
        "what the wallet found in the log",
    );
    kept.keep_folder(
        &directory.join("vouchers"),
        "the folder of the wallet's vouchers",
    );
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallets_seed_is_no_output_even_before_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = of_wallet(directory.path());
        for name in [
            "seed.key",
            "wallet.toml",
            "wallet.json",
            "found.sealed",
            "vouchers/x.json",
        ] {
            assert!(
                kept.admit(&directory.path().join(name), "").is_err(),
                "{name}"
            );
        }
        kept.admit(&directory.path().join("backup.json"), "the backup")
            .unwrap();
    }
}
