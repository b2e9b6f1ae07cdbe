//! The stores of exchange and distributor: copied, lost, put back, and never begun again beside the key that
//! sealed them.

use std::{fs, path::Path};

use ed25519_dalek::SigningKey;
use merits_distributor::{
    at_rest::MasterKey as RecordKey,
    store::{NewTicket, Store as RecordStore},
};
use merits_exchange::{
    at_rest::MasterKey as VoucherKey, code_file::CodeLine, store::Store as VoucherStore,
    voucher::Code,
};
use merits_keyfile::KeyKind;
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::{
    Fr,
    ids::{EntryId, Origin, PartyId, Period, ScaleId},
    message::Message,
    nullifier::Nullifier,
    owner::{Handle, OwnerKey},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::cli::{
    configuration::valid_log_key,
    founding::Ledger,
    run::{Ran, SAMPLE_LOG_KEY, edit, merits, samples_directory},
};

/// A directory with a role's keys, the ledger's origin and the party's id.
fn party(role: &str, name: &str) -> (tempfile::TempDir, Origin, PartyId) {
    let directory = samples_directory();
    let path = directory.path();
    let log_key = valid_log_key();
    edit(&path.join(format!("{role}.toml")), SAMPLE_LOG_KEY, &log_key);
    run(
        path,
        &format!("{role} apply --config {role}.toml --output application"),
    )
    .succeeds("wrote");
    let key: SigningKey =
        merits_keyfile::signing_key(&path.join(format!("{role}.key")), KeyKind::Signing)
            .expect("made by the application");
    let origin = Origin::new(log_key.split('+').next().expect("a name")).expect("a log's name");
    let id = PartyAdmitted::apply(&origin, name, Roles::new(&[Role::Exchange]), &key, [0; 32])
        .party(&origin);
    (directory, origin, id)
}

fn run(directory: &Path, command: &str) -> Ran {
    merits(directory, &command.split(' ').collect::<Vec<_>>())
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// The store is gone, with what SQLite keeps beside it.
fn lose(path: &Path, role: &str) {
    let store = format!("{role}.sqlite");
    for entry in fs::read_dir(path).expect("readable") {
        let entry = entry.expect("readable");
        if entry.file_name().to_string_lossy().starts_with(&store) {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
}

/// What every store's `backup` and `restore` do; `holds` is what a copy says that it holds.
fn copied_lost_and_restored(path: &Path, role: &str, key: &str, holds: &str) {
    let store = path.join(format!("{role}.sqlite"));
    let before = fs::read(&store).expect("the store");
    let backup = format!("{role} backup --config {role}.toml --output copy");
    run(path, &backup).succeeds(holds);
    run(path, &backup).refuses(&["copy", "not overwritten"]);
    let restore = format!("{role} restore --config {role}.toml --backup copy");
    run(path, &restore).refuses(&[&format!("{role}.sqlite"), "not overwritten"]);
    assert_eq!(fs::read(&store).expect("the store"), before);

    lose(path, role);
    let copy = fs::read(path.join("copy")).expect("a copy");
    // Not half of it, not something else, and not without the key.
    for (wrong, said) in [
        (&copy[..copy.len() / 2], "ends early"),
        (
            &b"something else"[..],
            "is not a SQLite database (it is a text)",
        ),
        (&b""[..], "is not a SQLite database (it is empty)"),
    ] {
        fs::write(path.join("broken"), wrong).expect("written");
        let command = format!("{role} restore --config {role}.toml --backup broken");
        let ran = run(path, &command);
        ran.refuses(&["broken", said]);
        assert!(!ran.stderr.contains("(code"), "{ran:#?}");
        assert!(!store.exists(), "{ran:#?}");
    }
    run(
        path,
        &format!("{role} restore --config {role}.toml --backup nothing"),
    )
    .refuses(&["there is no file nothing"]);
    fs::rename(path.join(key), path.join("key.away")).expect("moved");
    run(path, &restore).refuses(&["does not exist", key, "backup"]);
    assert!(!store.exists());
    fs::rename(path.join("key.away"), path.join(key)).expect("moved back");

    run(path, &restore).succeeds(holds).succeeds("restored");
    run(
        path,
        &format!("{role} backup --config {role}.toml --output again"),
    )
    .succeeds(holds);
}

#[tokio::test]
async fn an_exchanges_store_is_copied_and_put_back() {
    let (directory, origin, id) = party("exchange", "city-exchange");
    let path = directory.path();
    run(path, "exchange backup --config exchange.toml --output copy")
        .refuses(&["there is no file", "exchange.sqlite"]);
    let secret = merits_keyfile::create(
        &path.join("exchange-store.key"),
        KeyKind::Master,
        &mut rand::rng(),
    );
    let master = VoucherKey::new(secret.expect("a key"));
    let store = VoucherStore::open(&path.join("exchange.sqlite"), &origin, &id, master)
        .await
        .expect("made");
    let codes = CodeLine::numbered(
        (0..3).map(|number| Code::new(format!("BIKE-{number}")).expect("a code")),
    );
    let (offer, sponsor) = (EntryId([1; 32]), PartyId([2; 32]));
    let stocked = store.stock(&offer, &sponsor, 3, &codes, &mut rng()).await;
    assert_eq!(stocked.expect("taken in"), 3);
    store
        .assign(&[(EntryId([3; 32]), offer)])
        .await
        .expect("given");
    store.close().await.expect("folded");
    copied_lost_and_restored(
        path,
        "exchange",
        "exchange-store.key",
        "3 vouchers, 1 of them given",
    );
}

#[tokio::test]
async fn a_distributors_store_is_copied_and_put_back() {
    let (directory, origin, id) = party("distributor", "green-city-app");
    let path = directory.path();
    let create = |file: &str, kind| {
        merits_keyfile::create(&path.join(file), kind, &mut rand::rng()).expect("a key")
    };
    let master = RecordKey::new(create("store.key", KeyKind::Master));
    create("custody.seed", KeyKind::Seed);
    create("ephemeral.seed", KeyKind::Ephemeral);
    let store = RecordStore::open(&path.join("distributor.sqlite"), &origin, &id, master)
        .await
        .expect("made");
    let one = Fr::from(1u64);
    let ticket = NewTicket {
        subject: "bike 7".to_owned(),
        scale: ScaleId::new("cycling-week").expect("a name"),
        period: Period::from_label("2014-W36").expect("a week"),
        source: PartyId([4; 32]),
        nullifier: Nullifier(one),
        message: Message(one),
        entry_id: EntryId([5; 32]),
        envelope: vec![6],
        owner_key: OwnerKey(one),
        handle: Handle(one),
    };
    store
        .insert_ticket(&ticket, &mut rng())
        .await
        .expect("taken in");
    store.close().await.expect("folded");
    let status = "distributor status --config distributor.toml";
    run(path, status).succeeds("1 to deposit");
    copied_lost_and_restored(
        path,
        "distributor",
        "store.key",
        "1 accounts, 0 deeds, 0 batches",
    );
    run(path, status).succeeds("1 to deposit");

    // Lost once more: no command begins an empty one without a word.
    lose(path, "distributor");
    run(path, status).refuses(&[
        "distributor.sqlite",
        "store.key",
        "merits distributor restore",
    ]);
    fs::write(path.join("distributor.sqlite"), "").expect("as a full disk leaves it");
    run(path, status).refuses(&["merits distributor restore"]);
    fs::remove_file(path.join("distributor.sqlite")).expect("removed");
    fs::remove_file(path.join("store.key")).expect("moved away on purpose");
    run(path, status).refuses(&["no store exists", "merits distributor run"]);
}

/// Regression: "no such column: version", in SQLite's own words.
#[test]
fn a_backup_of_another_store_is_named_as_what_it_is() {
    let ledger = Ledger::found();
    let path = ledger.path();
    ledger
        .merits("coordinator backup --config coordinator.toml --output ledger.backup")
        .succeeds("wrote");
    for (role, key) in [
        ("exchange", "exchange-store.key"),
        ("distributor", "store.key"),
    ] {
        run(
            path,
            &format!("{role} apply --config {role}.toml --output {role}.application"),
        )
        .succeeds("wrote");
        merits_keyfile::create(&path.join(key), KeyKind::Master, &mut rand::rng()).expect("made");
        let restore = format!("{role} restore --config {role}.toml --backup");
        ledger
            .merits(&format!("{restore} ledger.backup"))
            .refuses(&[
                "ledger.backup holds a coordinator's ledger; expected: ",
                role,
            ]);
        ledger
            .merits(&format!(
                "{restore} supervisor-replica-commands/copy.sqlite"
            ))
            .refuses(&["holds a party's copy of a ledger; expected: ", role]);
        assert!(!path.join(format!("{role}.sqlite")).exists());
    }
}

/// The gap: an exchange whose store was lost began an empty one, and gave nobody the voucher that they had.
#[test]
fn an_exchange_without_its_store_takes_no_redemptions() {
    let ledger = Ledger::found();
    let config = ledger.path().join("exchange.toml");
    edit(&config, "127.0.0.1:7704", "127.0.0.1:0");
    ledger
        .merits("exchange apply --config exchange.toml --output exchange.application")
        .succeeds("wrote");
    ledger
        .merits("supervisor admit --config supervisor.toml exchange.application")
        .succeeds("admitted");
    merits_keyfile::create(
        &ledger.path().join("exchange-store.key"),
        KeyKind::Master,
        &mut rand::rng(),
    )
    .expect("the key of a store that was there");
    ledger
        .merits("exchange serve --config exchange.toml")
        .refuses(&[
            "exchange.sqlite",
            "exchange-store.key",
            "merits exchange restore",
        ]);
    assert!(!ledger.path().join("exchange.sqlite").exists());
}
