//! Configuration files: the samples fit together, and mistakes are named with file, line and key.

use std::{collections::BTreeMap, fs};

use merits_serve::Limits;
use toml::{Table, Value};

use crate::cli::run::{SAMPLE_LOG_KEY, edit, merits, merits_under, samples, samples_directory};

/// Every command that takes a configuration, with whatever else it demands.
const COMMANDS: [&str; 58] = [
    "coordinator serve",
    "coordinator fsck",
    "supervisor found",
    "supervisor apply --output x",
    "supervisor admit x.application",
    "supervisor suspend --party x --basis y",
    "supervisor approve --scale x --version 1",
    "supervisor epoch --epoch 1 --witness-half x",
    "supervisor open --entry 00 --claim 0 --basis y",
    "supervisor open-redeemer --entry 00 --basis y",
    "supervisor endorse-opening x",
    "supervisor resume x",
    "supervisor reveal x",
    "supervisor check --request x --disclosure y",
    "supervisor total --scale x --period 2014-W36",
    "supervisor serve",
    "witness apply --output x",
    "witness half --epoch 1 --output x",
    "witness serve",
    "issuer apply --output x",
    "issuer propose",
    "source apply --output x",
    "source sign --input x --links y --output z",
    "source link --import x",
    "distributor apply --output x",
    "distributor terms",
    "distributor tickets --import x",
    "distributor links --input x --source y --output z",
    "distributor run",
    "distributor status",
    "distributor forget --subject x",
    "sponsor verify",
    "sponsor offer publish --offer x",
    "sponsor offer close --offer x --basis y",
    "sponsor offer list",
    "sponsor vouchers make --offer x --output y",
    "exchange apply --output x",
    "exchange stock --offer x --vouchers y",
    "exchange serve",
    "clearing audit",
    "evaluator apply --output x",
    "evaluator announce",
    "evaluator serve",
    "registrar apply --output x",
    "registrar register --request x",
    "registrar re-register --request x",
    "registrar retire --commitment 00 --basis y",
    "supervisor adopt --statement ticket --key-store x",
    "kit --output x",
    "board status",
    "board join",
    "board endorse --act 0000000000000000000000000000000000000000000000000000000000000000",
    "board enact --act 0000000000000000000000000000000000000000000000000000000000000000",
    "board propose end --party x --basis y",
    "board propose thresholds --ordinary 1 --trust 1 --delay 0 --consents 0",
    "party rotate-key",
    "tls certificate --ca x",
    "tls request --output x",
];

#[test]
fn a_variable_that_says_nothing_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ran = |name, value| {
        let receipt = ["verify", "no.receipt", "--kit", "no"];
        merits_under(&[(name, value)], directory.path(), &receipt)
    };
    ran("MERITS_BN254_PATH", "Scalar").refuses(&["MERITS_BN254_PATH", "Scalar", "ifma"]);
    ran("MERITS_BN254_PATH", "scalar").refuses(&["no.receipt"]);
    ran("MERITS_LOG", "info=loud=er").refuses(&["MERITS_LOG", "warn,merits_coordinator=debug"]);
    ran("MERITS_LOG", "info").refuses(&["no.receipt"]);
}

#[test]
fn a_missing_configuration_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--config", "nowhere/role.toml"]);
        merits(directory.path(), &arguments)
            .refuses(&["nowhere/role.toml", "there is no such file"]);
    }
    let left = fs::read_dir(directory.path()).expect("readable").count();
    assert_eq!(left, 0, "a refused command leaves nothing");
}

#[test]
fn an_audit_names_a_missing_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for what in ["conservation", "replay"] {
        let arguments = ["audit", what, "--ledger", "nowhere/role.toml"];
        merits(directory.path(), &arguments)
            .refuses(&["nowhere/role.toml", "there is no such file"]);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let directory = samples_directory();
    for (role, _) in samples() {
        let file = format!("{role}.toml");
        let path = directory.path().join(&file);
        let text = fs::read_to_string(&path).expect("readable");
        fs::write(&path, format!("colour = 1\n{text}")).expect("written");
        let command = COMMANDS
            .iter()
            .find(|command| command.starts_with(role))
            .expect("each role has a command");
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--config", &file]);
        merits(directory.path(), &arguments).refuses(&[&file, "line 1", "colour"]);
    }
}

/// Somebody with the wrong file learns whose it is, not that a key of it is unknown.
#[test]
fn another_roles_configuration_is_told_as_such() {
    let directory = samples_directory();
    let refused = |command: &str, file: &str, names: &[&str]| {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--config", file]);
        merits(directory.path(), &arguments).refuses(names);
    };
    let words = |role: &str| match role {
        "source" | "supervisor" | "coordinator" | "distributor" | "registrar" => {
            format!("a {role}")
        }
        "issuer" | "exchange" | "evaluator" => format!("an {role}"),
        "witness" => "a log witness".to_owned(),
        _ => "a sponsor or a clearing house".to_owned(),
    };
    let two = ["sponsor", "clearing"];
    let mut first = BTreeMap::new();
    for command in COMMANDS {
        let role = command.split(' ').next().expect("a role");
        let wrong = match role {
            "party" | "tls" | "kit" => continue,
            "coordinator" => "issuer",
            _ => "coordinator",
        };
        let found = format!("looks like the configuration of {}", words(wrong));
        let expected = match role {
            "board" => "log witness".to_owned(),
            _ => format!("Name the configuration of {}", words(role)),
        };
        // An act is proposed by a supervisor alone.
        let expected = match command.starts_with("board propose end") {
            true => "Name the configuration of a supervisor".to_owned(),
            false => expected,
        };
        refused(command, &format!("{wrong}.toml"), &[&found, &expected]);
        first.entry(role).or_insert(command);
    }
    for (role, command) in first {
        for (other, _) in samples() {
            let seat = role == "board" && ["supervisor", "witness"].contains(&other);
            if other == role || seat || two.contains(&role) && two.contains(&other) {
                continue;
            }
            let found = format!("looks like the configuration of {}", words(other));
            refused(command, &format!("{other}.toml"), &[&found]);
        }
    }
    let both = "Name the configuration of a supervisor or a log witness";
    refused("board status", "issuer.toml", &[both]);
    refused(
        "board join",
        "supervisor.toml",
        &["a supervisor", "a log witness"],
    );
    refused("mark --journal", "issuer.toml", &[both]);
    refused(
        "witness cosign key",
        "witness.toml",
        &["cosigns checkpoints"],
    );
    refused(
        "party rotate-key",
        "coordinator.toml",
        &["of a coordinator: name that of a party"],
    );
    merits(
        directory.path(),
        &[
            "tls",
            "certificate",
            "--ca",
            "x",
            "--coordinator",
            "supervisor.toml",
        ],
    )
    .refuses(&["of a supervisor", "of a coordinator"]);
}

#[test]
fn a_value_that_cannot_be_is_named() {
    for (role, command, from, to, names) in [
        (
            "coordinator",
            "coordinator serve",
            "listen = \"127.0.0.1:7700\"",
            "listen = \"127.0.0.1\"",
            &["coordinator.toml", "listen"][..],
        ),
        (
            "coordinator",
            "coordinator serve",
            "d75a98",
            "d75a9",
            &["authority", "64 hexadecimal digits"],
        ),
        (
            "coordinator",
            "coordinator serve",
            "batch = 256",
            "batch = 0",
            &["verification.batch", "at least 1"],
        ),
        (
            "sponsor",
            "sponsor verify",
            "d75a98",
            "zz5a98",
            &["ledger.authority", "64 hexadecimal digits"],
        ),
        (
            "source",
            "source apply --output x",
            "origin = \"ledger.example.org/merits\"",
            "origin = \"two words\"",
            &["origin"],
        ),
        (
            "source",
            "source sign --input x --links y --output z",
            "scale = \"cycling-week\"",
            "scale = \"nowhere\"",
            &["nowhere"],
        ),
    ] {
        let directory = samples_directory();
        let file = format!("{role}.toml");
        if role == "sponsor" {
            edit(
                &directory.path().join(&file),
                SAMPLE_LOG_KEY,
                &valid_log_key(),
            );
        }
        edit(&directory.path().join(&file), from, to);
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--config", &file]);
        merits(directory.path(), &arguments).refuses(names);
    }
}

/// The log key in a sample is an example that nobody can sign for; an operator who forgets to put
/// the ledger's own there is told so.
#[test]
fn the_sample_log_key_is_refused() {
    let directory = samples_directory();
    for command in [
        "sponsor verify",
        "clearing audit",
        "distributor run",
        "supervisor found",
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        let file = format!("{}.toml", arguments[0]);
        arguments.extend(["--config", &file]);
        merits(directory.path(), &arguments).refuses(&["ledger.log_key"]);
    }
}

#[test]
fn a_configuration_without_a_ledger_is_told_so() {
    let directory = samples_directory();
    merits(
        directory.path(),
        &["kit", "--config", "source.toml", "--output", "kit"],
    )
    .refuses(&["source.toml", "no [ledger] table"]);
}

/// All samples in one directory start a federation: they name the same ledger, each other's
/// ports, and no file twice.
#[test]
fn the_samples_agree() {
    let tables: BTreeMap<&str, Table> = samples()
        .into_iter()
        .map(|(role, path)| {
            let text = fs::read_to_string(path).expect("readable");
            (role, text.parse().expect("TOML"))
        })
        .collect();
    let coordinator = &tables["coordinator"];
    let origin = text(&coordinator["origin"]);
    let listening = |table: &Table| format!("http://{}", text(&table["listen"]));
    let mut files = BTreeMap::new();
    for (role, table) in &tables {
        if *role == "coordinator" {
            continue;
        }
        let own = table
            .get("holder")
            .map_or(table, |holder| holder.as_table().expect("a table"));
        if let Some(ledger) = own.get("ledger") {
            assert_eq!(
                text(&ledger["coordinator"]),
                listening(coordinator),
                "{role}"
            );
            assert!(
                text(&ledger["log_key"]).starts_with(&format!("{origin}+")),
                "{role}"
            );
            assert_eq!(ledger["authority"], coordinator["authority"], "{role}");
            assert_eq!(
                ledger["least_claims_per_total"], coordinator["least_claims_per_total"],
                "{role}"
            );
            assert_eq!(ledger["allow_dev_keys"], Value::Boolean(false), "{role}");
        } else {
            assert_eq!(text(&own["origin"]), origin, "{role}");
        }
        if own.contains_key("listen") {
            assert_eq!(own.get("server"), coordinator.get("server"), "{role}");
        }
        let mut named = Vec::new();
        for key in [
            "signing_key",
            "sealing_key",
            "salt_key",
            "voprf_key",
            "master_key",
            "register_file",
            "journal",
            "store",
        ] {
            named.extend(own.get(key));
        }
        named.extend(own.get("ledger").map(|ledger| &ledger["replica"]));
        named.extend(own.get("ledger").map(|ledger| &ledger["high_water_mark"]));
        named.extend(own.get("high_water_mark"));
        named.extend(
            own.get("shares")
                .into_iter()
                .flat_map(|s| s.as_array().expect("files")),
        );
        if let Some(keys) = own.get("keys") {
            named.extend(keys.as_table().expect("a table").values());
        }
        for file in named {
            if let Some(other) = files.insert(text(file), *role) {
                panic!("{role} and {other} both name {file}");
            }
        }
    }
    // One set of limits for all servers, and the samples say what a server without it takes.
    let limits: Limits = coordinator["server"].clone().try_into().expect("limits");
    assert_eq!(limits, Limits::default());
    let holders: Vec<&str> = tables["supervisor"]["holders"]
        .as_array()
        .expect("addresses")
        .iter()
        .map(text)
        .collect();
    let own = tables["supervisor"]["holder"].as_table().expect("a table");
    assert_eq!(holders, [listening(own), listening(&tables["witness"])]);
    assert_eq!(
        text(&tables["registrar"]["evaluators"][0]),
        listening(&tables["evaluator"])
    );
    assert_eq!(
        tables["issuer"]["key_store"],
        tables["distributor"]["key_store"]
    );
    for part in ["format", "subject", "row_key", "time"] {
        let (source, distributor) = (&tables["source"], &tables["distributor"]);
        assert_eq!(
            source["mapping"][part], distributor["mapping"][part],
            "{part}"
        );
    }
}

/// A log key whose id fits, which no coordinator has.
pub(crate) fn valid_log_key() -> String {
    let kit = fs::read_to_string(crate::cli::receipts::fixtures().join("kit/ledger.toml"));
    let kit: Table = kit.expect("readable").parse().expect("TOML");
    text(&kit["log_key"]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
