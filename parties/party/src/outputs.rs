//! Files that a command must not overwrite: the configuration, and the files that it names.

use std::path::{Path, PathBuf};

use merits_guard::protected::Protected;
pub use merits_kit::RECEIPT;
use toml::{Table, Value};

/// Keys whose values are never file names, in any table. Every other text of a configuration may be
/// one.
const NO_FILES: [&str; 13] = [
    "authority",
    "coordinator",
    "description",
    "distinct_accounts",
    "evaluator",
    "listen",
    "log_key",
    "name",
    "origin",
    "party",
    "proxies",
    "validating",
    "witnesses",
];

/// Tables without file names: columns of the records.
const NO_FILES_IN: [&str; 1] = ["mapping"];

/// Keys of files of which a party's commands have their own
/// ([`merits_replica::LedgerConfig::of_commands`]).
const OF_COMMANDS: [&str; 2] = ["replica", "high_water_mark"];

/// Keys of files whose key can be changed for a new one: a party's, of a distributor in `[keys]`, and
/// that of TLS.
const KEYS: [&str; 3] = ["signing_key", "signing", "key"];

/// The configuration file itself, and every file and folder that it names.
pub fn of_configuration(config: &Path) -> Protected {
    let mut kept = Protected::new();
    add_configuration(&mut kept, config);
    kept
}

/// Also protects the files that another configuration names. An unreadable one names nothing: the
/// command reports it and writes nothing.
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
        add_value(kept, base, key, value);
    }
}

/// The value of a key: a text, a list of texts, a table, a list of tables.
fn add_value(kept: &mut Protected, base: &Path, key: &str, value: &Value) {
    match value {
        Value::Table(inner) if !NO_FILES_IN.contains(&key) => add_table(kept, base, inner),
        Value::Array(values) if !NO_FILES_IN.contains(&key) => {
            for value in values {
                add_value(kept, base, key, value);
            }
        }
        // The key for the log's public key has the name that a coordinator uses for the file of the
        // secret key.
        Value::String(text) if key == "log_key" && text.contains('+') => {}
        Value::String(text) if key == "log_key" || !NO_FILES.contains(&key) => {
            add_name(kept, base, key, text);
        }
        _ => {}
    }
}

fn add_name(kept: &mut Protected, base: &Path, key: &str, text: &str) {
    // A file name has one line and is not an address.
    if text.is_empty() || text.contains(['\n', '\0']) || text.contains("://") {
        return;
    }
    add_file(kept, base, key, base.join(text));
    // A new key waits there until it is in use, and a party's id stays there.
    if KEYS.contains(&key) {
        for end in [".next", ".party"] {
            let mut beside = base.join(text);
            beside.as_mut_os_string().push(end);
            add_file(kept, base, key, beside);
        }
    }
    // The party's commands keep their own files beside the server's.
    if OF_COMMANDS.contains(&key) {
        let mut commands = base.join(text);
        commands
            .as_mut_os_string()
            .push(merits_replica::COMMANDS_SUFFIX);
        add_file(kept, base, key, commands);
    }
}

/// What a file is that a key of the configuration names: for [`Protected::release`].
pub fn named_by(key: &str) -> String {
    format!("`{key}` of the configuration")
}

fn add_file(kept: &mut Protected, base: &Path, key: &str, path: PathBuf) {
    let what = named_by(key);
    if !path.is_dir() {
        kept.keep(&path, what);
        return;
    }
    if key == "scale" {
        kept.keep(&path.join("scale.toml"), what);
        return;
    }
    // The folder of the configuration itself may hold any files.
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

    /// The keys and stores of every sample must not be outputs.
    #[test]
    fn what_a_configuration_names_is_no_output() {
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        for (party, role) in [
            ("source", "source"),
            ("distributor", "distributor"),
            ("exchange", "exchange"),
            ("evaluator", "evaluator"),
            ("supervisor", "supervisor"),
            ("supervisor", "witness"),
        ] {
            let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("../{party}/{role}.sample.toml"));
            fs::copy(sample, here(&format!("{role}.toml"))).unwrap();
        }
        for folder in ["exchange-replica", "exchange-replica-commands", "requests"] {
            fs::create_dir(here(folder)).unwrap();
        }
        for (role, names) in [
            (
                "source",
                &[
                    "source.toml",
                    "source.key",
                    "source.key.next",
                    "source.key.party",
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
                    "exchange-replica-commands/copy.sqlite",
                    "exchange.mark.lock",
                    "exchange.mark-commands",
                    "exchange.mark-commands.lock",
                ],
            ),
            ("evaluator", &["evaluator-voprf.key"]),
            // The halves are a list.
            (
                "supervisor",
                &[
                    "supervisor-half-1.json",
                    "supervisor-journal.jsonl",
                    "supervisor.key",
                    "supervisor-sealing.key",
                    "supervisor-replica-commands",
                    "supervisor.mark-commands",
                    "requests/1.json",
                ],
            ),
            (
                "witness",
                &[
                    "witness-half-1.json",
                    "witness-journal.jsonl",
                    "witness-sealing.key",
                    "witness-replica",
                    "witness-replica-commands",
                    "witness.mark-commands",
                    "witness.mark.journal",
                ],
            ),
        ] {
            let mut kept = of_configuration(&here(&format!("{role}.toml")));
            for name in names {
                let error = kept.admit(&here(name), "the output").expect_err(name);
                assert!(error.to_string().contains("configuration"), "{error}");
            }
            // Names of people, columns and addresses are not files.
            for name in ["bike_id", "green-city-app", "127.0.0.1:7704", "application"] {
                kept.admit(&here(name), "the output").expect(name);
            }
        }
    }

    /// Lists and tables, however deep.
    #[test]
    fn what_a_list_names_is_no_output() {
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        let text = r#"
            keys = [["a.key"], ["b.key", "c.key"]]
            peers = ["http://127.0.0.1:1"]
            [[stores]]
            file = "d.sqlite"
            [[stores.more]]
            files = ["e.sqlite"]
            [mapping]
            columns = ["column"]
        "#;
        fs::write(here("list.toml"), text).unwrap();
        let mut kept = of_configuration(&here("list.toml"));
        for name in ["a.key", "b.key", "c.key", "d.sqlite", "e.sqlite-wal"] {
            kept.admit(&here(name), "the output").expect_err(name);
        }
        for name in ["column", "http:"] {
            kept.admit(&here(name), "the output").expect(name);
        }
    }
}
