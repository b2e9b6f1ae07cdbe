//! What a command must not write over: the configuration, and what it names.

use std::path::Path;

use merits_guard::protected::Protected;
pub use merits_kit::RECEIPT;
use toml::{Table, Value};

/// Keys whose texts name no file, wherever they stand. Every other text of a configuration may name one.
const NO_FILES: [&str; 9] = [
    "authority",
    "coordinator",
    "description",
    "evaluator",
    "listen",
    "log_key",
    "name",
    "origin",
    "party",
];

/// Tables without names of files: columns of the records.
const NO_FILES_IN: [&str; 1] = ["mapping"];

/// The configuration file itself, and every file and folder that it names.
pub fn of_configuration(config: &Path) -> Protected {
    let mut kept = Protected::new();
    add_configuration(&mut kept, config);
    kept
}

/// Keeps what another configuration names as well. One that cannot be read names nothing: the command says so,
/// and writes nothing.
pub fn add_configuration(kept: &mut Protected, config: &Path) {
    kept.keep(config, "the configuration");
    let table = merits_text::file::read(config)
        .ok()
        .and_then(|text| text.parse::<Table>().ok());
    if let Some(table) = table {
        let base = config.parent().unwrap_or(Path::new(""));
        add_table(kept, base, &table);
    }
}

fn add_table(kept: &mut Protected, base: &Path, table: &Table) {
    for (key, value) in table {
        match value {
            Value::Table(inner) if !NO_FILES_IN.contains(&key.as_str()) => {
                add_table(kept, base, inner);
            }
            // The log's public key has the name that a coordinator has for the file of the secret one.
            Value::String(text) if key == "log_key" && text.contains('+') => {}
            Value::String(text) if key == "log_key" || !NO_FILES.contains(&key.as_str()) => {
                add_file(kept, base, key, text);
            }
            _ => {}
        }
    }
}

fn add_file(kept: &mut Protected, base: &Path, key: &str, text: &str) {
    // A name of a file has one line.
    if text.is_empty() || text.contains(['\n', '\0']) {
        return;
    }
    let path = base.join(text);
    let what = format!("`{key}` of the configuration");
    if !path.is_dir() {
        kept.keep(&path, what);
        return;
    }
    if key == "scale" {
        kept.keep(&path.join("scale.toml"), what);
        return;
    }
    // A folder that the configuration itself lies in is everybody's.
    let holds = |folder: &Path| {
        let (folder, base) = (folder.canonicalize(), beside(base).canonicalize());
        matches!((folder, base), (Ok(folder), Ok(base)) if base.starts_with(&folder))
    };
    if !holds(&path) {
        kept.keep_folder(
            &path,
            format!("in the folder that `{key}` of the configuration names"),
        );
    }
}

fn beside(base: &Path) -> &Path {
    if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        base
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Every sample names its keys and stores: none of them may be an output.
    #[test]
    fn what_a_configuration_names_is_no_output() {
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        for role in ["source", "distributor", "exchange", "evaluator"] {
            let sample =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{role}/{role}.sample.toml"));
            fs::copy(sample, here(&format!("{role}.toml"))).unwrap();
        }
        fs::create_dir(here("exchange-replica")).unwrap();
        for (role, names) in [
            (
                "source",
                &[
                    "source.toml",
                    "source.key",
                    "source-salts.key",
                    "source.register",
                    "links.jsonl",
                ][..],
            ),
            (
                "distributor",
                &[
                    "custody.seed",
                    "store.key",
                    "distributor.sqlite",
                    "distributor.sqlite-wal",
                    "distributor.lock",
                    "distributor.mark",
                ],
            ),
            (
                "exchange",
                &[
                    "exchange-store.key",
                    "exchange-replica/new",
                    "exchange.mark.lock",
                ],
            ),
            ("evaluator", &["evaluator-voprf.key"]),
        ] {
            let mut kept = of_configuration(&here(&format!("{role}.toml")));
            for name in names {
                let error = kept.admit(&here(name), "the output").expect_err(name);
                assert!(error.to_string().contains("configuration"), "{error}");
            }
            // Names of people, columns and addresses are no files.
            for name in ["bike_id", "green-city-app", "127.0.0.1:7704", "application"] {
                kept.admit(&here(name), "the output").expect(name);
            }
        }
    }
}
