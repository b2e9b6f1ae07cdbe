//! What a command writes takes the place of nothing that somebody needs.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use crate::cli::{
    configuration::valid_log_key,
    founding::Ledger,
    run::{SAMPLE_LOG_KEY, edit, merits, samples_directory},
    signing::{DAYS, rows, sign, source, write},
};

/// Every file of a folder.
fn contents(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("readable");
    entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("read")))
        .collect()
}

fn apply(directory: &Path, role: &str, output: &str) -> crate::cli::run::Ran {
    let config = format!("{role}.toml");
    merits(
        directory,
        &[role, "apply", "--config", &config, "--output", output],
    )
}

#[test]
fn an_application_takes_the_place_of_no_key_and_no_configuration() {
    let directory = samples_directory();
    let here = directory.path();
    let roles = [
        "issuer",
        "distributor",
        "sponsor",
        "exchange",
        "clearing",
        "evaluator",
        "registrar",
        "witness",
    ];
    for role in roles {
        edit(
            &here.join(format!("{role}.toml")),
            SAMPLE_LOG_KEY,
            &valid_log_key(),
        );
    }
    for role in roles {
        // Before there is any key: the place of one, the configuration, a mark, another role's configuration.
        let before = contents(here);
        let key = match role {
            "distributor" => "distributor.key".to_owned(),
            role => format!("{role}.key"),
        };
        for output in [
            key.as_str(),
            &format!("{role}.toml"),
            &format!("{role}.mark"),
            "coordinator.toml",
        ] {
            apply(here, role, output).refuses(&[output]);
        }
        assert_eq!(contents(here), before, "{role}: nothing was made");

        apply(here, role, "application").succeeds("wrote");
        // The same kind again: a party that mended its name applies again.
        apply(here, role, "application").succeeds("wrote");
        let before = contents(here);
        symlink(here.join(&key), here.join("soft")).expect("linked");
        fs::hard_link(here.join(&key), here.join("hard")).expect("linked");
        for output in [key.as_str(), &format!("./{key}"), "soft", "hard"] {
            apply(here, role, output).refuses(&[output]);
        }
        fs::remove_file(here.join("soft")).expect("removed");
        fs::remove_file(here.join("hard")).expect("removed");
        assert_eq!(contents(here), before, "{role}");
    }
}

#[test]
fn a_signing_writes_over_nothing_that_the_source_needs() {
    let source = source(DAYS);
    let here = source.path();
    write(here, "steps.csv", &rows());
    symlink(here.join("steps.csv"), here.join("soft.csv")).expect("linked");
    fs::hard_link(here.join("steps.csv"), here.join("hard.csv")).expect("linked");
    // A file like the rejects file, which is the input.
    fs::write(
        here.join("old-rejects.csv"),
        "line,column,value,reason,detail\n",
    )
    .expect("written");
    let before = contents(here);
    let whole = "--complete-from 2016-04-01 --complete-until 2016-05-31";
    for files in [
        "--input steps.csv --output steps.csv",
        "--input steps.csv --output soft.csv",
        "--input steps.csv --output hard.csv",
        "--input steps.csv --output ./steps.csv",
        "--input soft.csv --output bundle --rejects steps.csv",
        "--input old-rejects.csv --output bundle --rejects old-rejects.csv",
        "--input steps.csv --output bundle --rejects bundle",
        "--input steps.csv --output bundle --rejects ./bundle",
        "--input steps.csv --output source.key",
        "--input steps.csv --output bundle --rejects source.key",
        "--input steps.csv --output salts.key",
        "--input steps.csv --output bundle --rejects salts.key",
        "--input steps.csv --output source.register",
        "--input steps.csv --output links.jsonl",
        "--input steps.csv --output source.toml",
        "--input steps.csv --output scale/scale.toml",
        "--input steps.csv --output application",
    ] {
        let ran = sign(here, &format!("{files} {whole}"));
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
        assert_eq!(contents(here), before, "{files}: nothing was written");
    }
    let files = "--input steps.csv --output bundle --rejects rejects.csv";
    for _ in 0..2 {
        sign(here, &format!("{files} {whole}")).succeeds("commitments");
    }
    for file in ["bundle", "rejects.csv"] {
        let mode = fs::metadata(here.join(file))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let names: Vec<_> = contents(here).into_keys().collect();
    let left = names
        .iter()
        .filter(|name| name.to_string_lossy().contains("part"));
    assert_eq!(left.count(), 0, "{names:?}");
}

/// Regression: `merits wallet register --output wal/seed.key` lost the seed.
#[test]
fn a_wallet_keeps_its_seed_whatever_is_written() {
    let ledger = Ledger::found();
    ledger
        .merits("wallet create --dir wal --ledger sponsor.toml")
        .succeeds("its identity");
    let wallet = ledger.path().join("wal");
    fs::write(ledger.path().join("words"), "wheel salt lantern\n").expect("written");
    fs::set_permissions(
        ledger.path().join("words"),
        fs::Permissions::from_mode(0o600),
    )
    .expect("set");
    ledger.merits("wallet sync --dir wal").succeeds("verified");
    symlink(wallet.join("seed.key"), ledger.path().join("soft")).expect("linked");
    let before = contents(&wallet);
    for output in [
        "wal/seed.key",
        "wal/wallet.toml",
        "wal/wallet.json",
        "wal/found.sealed",
        "wal/replica/new",
        "wal/vouchers/new.json",
        "soft",
        "words",
    ] {
        ledger
            .merits(&format!("wallet register --dir wal --output {output}"))
            .refuses(&[output]);
        let backup = format!("wallet backup --dir wal --output {output} --passphrase-file words");
        ledger.merits(&backup).refuses(&[output]);
        assert_eq!(contents(&wallet), before, "{output}");
    }
    for _ in 0..2 {
        ledger
            .merits("wallet register --dir wal --output request")
            .succeeds("wrote request");
    }
}

/// Under the umask of many systems, files and folders are the group's too.
#[test]
fn others_write_no_file_of_ours_under_any_umask() {
    let directory = samples_directory();
    let here = directory.path();
    edit(&here.join("sponsor.toml"), SAMPLE_LOG_KEY, &valid_log_key());
    let run = |arguments: &str| {
        let ran = Command::new("sh")
            .args(["-c", "umask 000 && exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_merits"))
            .args(arguments.split_whitespace())
            .current_dir(here)
            .output()
            .expect("the command starts");
        assert!(ran.status.success(), "{ran:?}");
    };
    run("sponsor apply --config sponsor.toml --output application");
    run("scale new tariff --template tariff");
    for path in ["application", "tariff", "tariff/scale.toml"] {
        let mode = fs::metadata(here.join(path))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o022, 0, "{path}: {mode:o}");
    }
}
