//! A party whose signing key was succeeded by another stays the same party in everything that it does.

use std::{fs, path::Path};

use merits_clearing::config::ClearingConfig;
use merits_distributor::config::DistributorConfig;
use merits_evaluator::config::EvaluatorConfig;
use merits_exchange::config::ExchangeConfig;
use merits_issuer::config::IssuerConfig;
use merits_keyfile::KeyKind;
use merits_party::{config::holder_of, identity::PartyConfig};
use merits_primitives::ids::PartyId;
use merits_registrar::config::RegistrarConfig;
use merits_source::config::SourceConfig;
use merits_sponsor::config::SponsorConfig;
use merits_supervisor::{
    acts::EntrySigner,
    config::{SupervisorConfig, WitnessConfig},
};

use crate::cli::{
    configuration::valid_log_key,
    founding::Ledger,
    run::{SAMPLE_AUTHORITY, SAMPLE_LOG_KEY, edit, merits, samples_directory},
    servers::Server,
};

const ROLES: [&str; 10] = [
    "supervisor",
    "witness",
    "issuer",
    "source",
    "distributor",
    "sponsor",
    "exchange",
    "evaluator",
    "registrar",
    "clearing",
];

/// Who a party is in its own acts, by its configuration.
fn acts_as(role: &str, config: &Path) -> Vec<PartyId> {
    fn of(config: &impl PartyConfig) -> PartyId {
        config.identity().expect("its keys").party()
    }
    match role {
        "supervisor" | "witness" => {
            let holder = match role {
                "supervisor" => SupervisorConfig::load(config).expect("valid").holder,
                _ => WitnessConfig::load(config).expect("valid"),
            };
            let seat = WitnessConfig::of_a_holder(config).expect("valid");
            let identity = seat.identity().expect("its keys");
            vec![of(&holder), EntrySigner::of(&identity).party()]
        }
        "issuer" => vec![of(&IssuerConfig::load(config).expect("valid"))],
        "source" => {
            let source = SourceConfig::load(config).expect("valid");
            vec![source.party_id().expect("its key")]
        }
        "distributor" => vec![of(&DistributorConfig::load(config).expect("valid"))],
        "sponsor" => vec![of(&SponsorConfig::load(config).expect("valid"))],
        "exchange" => vec![of(&ExchangeConfig::load(config).expect("valid"))],
        "evaluator" => vec![of(&EvaluatorConfig::load(config).expect("valid"))],
        "registrar" => vec![of(&RegistrarConfig::load(config).expect("valid"))],
        "clearing" => vec![of(&ClearingConfig::load(config).expect("valid"))],
        other => panic!("{other}"),
    }
}

/// Regression: supervisors and witnesses took the id of their present key, and were not admitted any more.
#[test]
fn every_role_is_the_same_party_after_a_rotation() {
    let directory = samples_directory();
    let here = directory.path();
    let log_key = valid_log_key();
    let ran = |command: &str| merits(here, &command.split(' ').collect::<Vec<_>>());
    for role in ROLES {
        let config = here.join(format!("{role}.toml"));
        if role == "source" {
            // It signs without a ledger too, and changes its key by this table.
            let text = fs::read_to_string(&config).expect("readable");
            let table = format!(
                "[ledger]\ncoordinator = \"http://127.0.0.1:7700\"\nlog_key = \"{log_key}\"\n\
                 authority = \"{SAMPLE_AUTHORITY}\"\nleast_claims_per_total = 5\nreplica = \"copy\"\n"
            );
            fs::write(&config, format!("{text}\n{table}")).expect("written");
        } else {
            edit(&config, SAMPLE_LOG_KEY, &log_key);
        }
        let apply = format!("{role} apply --config {role}.toml --output {role}.application");
        ran(&apply).succeeds("wrote");
        let id = acts_as(role, &config)[0];
        // What a rotation leaves beside the new key.
        let key = holder_of(&config).expect(role).signing_key;
        let beside = |end: &str| {
            let mut name = key.clone();
            name.as_mut_os_string().push(end);
            name
        };
        fs::rename(&key, beside(".1")).expect("renamed");
        fs::write(beside(".party"), hex::encode(id.0)).expect("written");
        merits_keyfile::create(&key, KeyKind::Signing, &mut rand::rng()).expect("a new key");
        let ids = acts_as(role, &config);
        assert!(ids.iter().all(|found| *found == id), "{role}: {ids:?}");
        assert_eq!(holder_of(&config).expect(role).party, id, "{role}");
        fs::remove_file(here.join(format!("{role}.application"))).expect("written");
        ran(&apply).refuses(&[&format!("{role}.key"), "applies no second time"]);
    }
}

/// Adds a party to a ledger, but for its founder.
fn admit(ledger: &Ledger, role: &str) {
    ledger.apply(role);
    ledger
        .merits(&format!(
            "supervisor admit --config supervisor.toml {role}.application"
        ))
        .succeeds("admitted");
}

fn rotate(ledger: &Ledger, role: &str, hours: u32) {
    let said = match hours {
        0 => "no earlier key signs anything any more",
        _ => "it signs until",
    };
    ledger
        .merits(&format!(
            "party rotate-key --config {role}.toml --grace-hours {hours}"
        ))
        .succeeds(said);
}

/// Each signs its next change of keys as the same party, and what else it can without a scale.
#[test]
fn every_role_acts_after_a_rotation() {
    for grace in [0, 24] {
        let ledger = Ledger::found();
        let here = ledger.path();
        let exchange = here.join("exchange.toml");
        edit(&exchange, "127.0.0.1:7704", "127.0.0.1:0");
        // A source has no table of its ledger here.
        for role in ROLES.into_iter().filter(|role| *role != "source") {
            if role != "supervisor" {
                admit(&ledger, role);
            }
            rotate(&ledger, role, grace);
        }
        for act in [
            "supervisor suspend --config supervisor.toml --party climate-office --basis test",
            "supervisor reinstate --config supervisor.toml --party climate-office --basis test",
            "supervisor suspend --config supervisor.toml --party climate-office --basis test --emergency",
            "supervisor reinstate --config supervisor.toml --party climate-office --basis test",
            "evaluator announce --config evaluator.toml",
            "sponsor verify --config sponsor.toml",
            "clearing audit --config clearing.toml",
        ] {
            ledger.merits(act).succeeds("");
        }
        // The rules look who asks before they look for the person.
        let nobody = "01".repeat(32);
        ledger
            .merits(&format!(
                "registrar retire --config registrar.toml --commitment {nobody} --basis test"
            ))
            .refuses(&["no identity in force has this commitment"]);
        for server in ["exchange", "evaluator"] {
            let config = here.join(format!("{server}.toml"));
            if server == "evaluator" {
                edit(&config, "127.0.0.1:7703", "127.0.0.1:0");
            }
            assert!(Server::start(here, server).stop().success(), "{server}");
        }
        for role in ROLES.into_iter().filter(|role| *role != "source") {
            rotate(&ledger, role, 0);
        }
        ledger
            .merits(
                "board propose end --config supervisor.toml --party climate-office --basis test",
            )
            .succeeds("");
        // It admitted itself once, by its first key.
        ledger
            .merits("supervisor found --config supervisor.toml")
            .refuses(&["supervisor.key", "applies no second time"]);
    }
}

/// Regression: a second rotation cut the first key off at once, although the first had said that it signs for hours.
#[test]
fn another_rotation_keeps_the_promise_of_the_first() {
    let ledger = Ledger::found();
    rotate(&ledger, "supervisor", 24);
    let rotate_again = "party rotate-key --config supervisor.toml";
    for more in ["", " --grace-hours 1", " --grace-hours 168"] {
        ledger.merits(&format!("{rotate_again}{more}")).refuses(&[
            "before its present one signs until",
            "wait until then",
            "a grace of 0",
        ]);
    }
    // After a theft.
    ledger
        .merits(&format!("{rotate_again} --grace-hours 0"))
        .succeeds("no earlier key signs anything any more")
        .succeeds("this cut off")
        .succeeds("supervisor.key.1, which was to sign until");
    admit(&ledger, "sponsor");
    // Nothing is in its grace now.
    rotate(&ledger, "supervisor", 24);
}
