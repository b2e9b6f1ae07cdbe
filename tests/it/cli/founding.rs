//! A ledger of a coordinator and a supervisor, each a process of its own, and what both say to
//! mistakes. No scale is proposed: that would make a key.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use merits_keyfile::KeyKind;

use crate::cli::run::{
    Ran, SAMPLE_AUTHORITY, SAMPLE_LOG_KEY, edit, merits, root, samples, samples_directory,
};

/// A running coordinator with a founded ledger, in a directory with every role's configuration.
pub(crate) struct Ledger {
    directory: tempfile::TempDir,
    coordinator: Child,
}

impl Ledger {
    pub(crate) fn found() -> Self {
        // That of many systems, under which files are their group's too.
        Self::found_under("002")
    }

    /// With a coordinator under this umask.
    pub(crate) fn found_under(umask: &str) -> Self {
        Self::found_by(umask, |_| None)
    }

    /// With the board that `board` gives for the directory, in the words of the configurations, or one of the
    /// authority alone.
    pub(crate) fn found_by(umask: &str, board: impl FnOnce(&Path) -> Option<String>) -> Self {
        let directory = samples_directory();
        let path = directory.path();
        let init = "supervisor init --name city-supervisor --origin ledger.example.org/merits";
        let ran = merits(path, &init.split(' ').collect::<Vec<_>>());
        let authority = ran.succeeds("").stdout.trim().to_owned();
        let board = board(path);
        for (role, _) in samples().into_iter().filter(|(role, _)| *role != "source") {
            let file = path.join(format!("{role}.toml"));
            match &board {
                Some(board) if role == "coordinator" => {
                    edit(&file, SAMPLE_AUTHORITY, &authority);
                    edit(&file, "board = \"alone\"", &format!("board = \"{board}\""));
                }
                Some(board) => {
                    let facts = format!("{authority}\"\nboard = \"{board}");
                    edit(&file, SAMPLE_AUTHORITY, &facts);
                }
                None => edit(&file, SAMPLE_AUTHORITY, &authority),
            }
        }
        edit(
            &path.join("coordinator.toml"),
            "127.0.0.1:7700",
            "127.0.0.1:0",
        );
        let (coordinator, address, log_key) = serve(path, umask);
        for (role, _) in samples()
            .into_iter()
            .filter(|(role, _)| !["coordinator", "source"].contains(role))
        {
            let file = path.join(format!("{role}.toml"));
            edit(&file, "127.0.0.1:7700", &address);
            edit(&file, SAMPLE_LOG_KEY, &log_key);
        }
        let ledger = Self {
            directory,
            coordinator,
        };
        ledger
            .merits("supervisor found --config supervisor.toml")
            .succeeds("founded the ledger");
        ledger
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a command in the ledger's directory; its words are separated by spaces.
    pub(crate) fn merits(&self, command: &str) -> Ran {
        merits(self.path(), &command.split(' ').collect::<Vec<_>>())
    }

    /// Makes the keys of a role, as it does when it asks to be admitted.
    pub(crate) fn apply(&self, role: &str) {
        self.merits(&format!(
            "{role} apply --config {role}.toml --output {role}.application"
        ))
        .succeeds("wrote");
    }

    pub(crate) fn stop(&mut self) {
        // It may have ended.
        let _ = self.coordinator.kill();
        let _ = self.coordinator.wait();
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the coordinator of a directory; answers address and log key.
fn serve(directory: &Path, umask: &str) -> (Child, String, String) {
    let mut child = Command::new("sh")
        .args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_merits"))
        .args([
            "coordinator",
            "serve",
            "--config",
            "coordinator.toml",
            "--found",
        ])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the coordinator starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut after = |prefix: &str| {
        let line = lines.next().expect("a line").expect("text");
        line.strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{prefix:?}: {line}"))
            .to_owned()
    };
    let (address, log_key) = (after("listening on "), after("log key "));
    (child, address, log_key)
}

#[test]
fn founding_twice_is_founding_once() {
    let ledger = Ledger::found();
    let again = ledger.merits("supervisor found --config supervisor.toml");
    again.succeeds("founded the ledger");
    ledger
        .merits("kit --config sponsor.toml --output kit")
        .succeeds("wrote 1 receipts");
    ledger
        .merits("kit --config sponsor.toml --output kit")
        .refuses(&["kit is there already"]);
}

#[test]
fn an_altered_application_is_refused() {
    let ledger = Ledger::found();
    ledger
        .merits("sponsor apply --config sponsor.toml --output sponsor.application")
        .succeeds("wrote");
    let file = ledger.path().join("sponsor.application");
    let good = fs::read_to_string(&file).expect("an application");
    fs::write(&file, &good[..good.len() / 2]).expect("written");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .refuses(&["sponsor.application"]);
    ledger
        .merits("supervisor admit --config supervisor.toml lost.application")
        .refuses(&["lost.application", "there is no such file"]);
    // What a witness hands over is not an application.
    ledger.apply("witness");
    ledger
        .merits("witness half --config witness.toml --epoch 1 --output half")
        .succeeds("wrote half");
    ledger
        .merits("supervisor admit --config supervisor.toml half")
        .refuses(&["half"]);
    fs::write(&file, good).expect("written");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .succeeds("admitted green-bank");
}

#[test]
fn an_application_to_another_ledger_is_refused() {
    let (ledger, other) = (Ledger::found(), Ledger::found());
    edit(
        &other.path().join("source.toml"),
        "ledger.example.org/merits",
        "other.example.org/merits",
    );
    other
        .merits("source apply --config source.toml --output source.application")
        .succeeds("wrote");
    let application = other.path().join("source.application");
    let admit = ["supervisor", "admit", "--config", "supervisor.toml"];
    let mut arguments = admit.to_vec();
    arguments.push(application.to_str().expect("UTF-8"));
    merits(ledger.path(), &arguments).refuses(&[
        "bay-area-bike-share",
        "not signed by its own key for this log",
    ]);
}

#[test]
fn what_the_ledger_does_not_know_is_named() {
    let ledger = Ledger::found();
    ledger
        .merits("supervisor suspend --config supervisor.toml --party nobody --basis test")
        .refuses(&["nobody", "city-supervisor"]);
    ledger
        .merits("supervisor approve --config supervisor.toml --scale cycling-week --version 1")
        .refuses(&["nobody proposed cycling-week version 1"]);
    ledger
        .merits("supervisor total --config supervisor.toml --scale cycling-week --period 2014-W36")
        .refuses(&["cycling-week"]);
    for (entry, name) in [
        ("12", "first 8"),
        ("0123456789", "has no entry 0123456789"),
        ("xyz45678", "hexadecimal"),
    ] {
        ledger
            .merits(&format!(
                "supervisor open --config supervisor.toml --entry {entry} --claim 0 --basis test"
            ))
            .refuses(&[name]);
    }
    ledger
        .merits("distributor run --config distributor.toml")
        .refuses(&["no approved version of cycling-week"]);
    assert!(!ledger.path().join("distributor.sqlite").exists());
}

#[test]
fn a_period_is_written_as_its_label() {
    let ledger = Ledger::found();
    for period in ["2014-W54", "2014-36", "W36", "2014-13", "soon"] {
        ledger
            .merits(&format!(
                "supervisor total --config supervisor.toml --scale cycling-week --period {period}"
            ))
            .is_misused(&[period, "2026-W22"]);
    }
}

#[test]
fn a_party_that_was_not_admitted_has_no_say() {
    let ledger = Ledger::found();
    // Somebody else's keys under the supervisor's name.
    for key in ["supervisor.key", "supervisor-sealing.key"] {
        fs::remove_file(ledger.path().join(key)).expect("removed");
    }
    ledger
        .merits("supervisor init --name city-supervisor --origin ledger.example.org/merits")
        .succeeds("");
    ledger
        .merits("sponsor apply --config sponsor.toml --output sponsor.application")
        .succeeds("wrote");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .refuses(&["refuses", "party"]);
}

#[test]
fn a_ledger_founded_otherwise_is_not_followed() {
    let ledger = Ledger::found();
    let config = ledger.path().join("sponsor.toml");
    let text = fs::read_to_string(&config).expect("readable");
    let line = text
        .lines()
        .find(|line| line.starts_with("authority"))
        .expect("the authority");
    edit(
        &config,
        line,
        &format!("authority = \"{}\"", "ab".repeat(32)),
    );
    ledger
        .merits("sponsor verify --config sponsor.toml")
        .refuses(&["`authority`", "founding facts"]);
}

#[test]
fn another_log_under_the_same_address_is_refused() {
    let ledger = Ledger::found();
    let other = crate::cli::configuration::valid_log_key();
    let config = ledger.path().join("sponsor.toml");
    let text = fs::read_to_string(&config).expect("readable");
    let line = text
        .lines()
        .find(|line| line.starts_with("log_key"))
        .expect("the log key");
    edit(&config, line, &format!("log_key = \"{other}\""));
    ledger
        .merits("sponsor verify --config sponsor.toml")
        .refuses(&["not signed by"]);
}

#[test]
fn an_empty_copy_says_how_to_fill_it() {
    let ledger = Ledger::found();
    let custody = ledger.path().join("custody.seed");
    merits_keyfile::load_or_create(&custody, KeyKind::Custody, &mut rand::rng()).expect("made");
    ledger
        .merits("wallet custody-credits --seed custody.seed --account 568 --ledger sponsor.toml")
        .refuses(&["sponsor-replica is empty", "merits sponsor verify"]);
    ledger
        .merits("kit --offline --config sponsor.toml --output kit")
        .refuses(&["sponsor-replica is empty"]);
    assert!(!ledger.path().join("kit").exists());
}

#[test]
fn a_coordinator_that_is_down_is_told_as_such() {
    let mut ledger = Ledger::found();
    ledger.stop();
    for command in [
        "sponsor verify --config sponsor.toml",
        "distributor run --config distributor.toml",
    ] {
        ledger
            .merits(command)
            .refuses(&["nothing listens there: start the server"]);
    }
    ledger
        .merits("coordinator fsck --config coordinator.toml")
        .succeeds("clean");
}

/// Regression: the folder of a party from before an update was told that no server listens, and not that its copy is old.
#[test]
fn a_copy_of_another_version_is_told_before_a_coordinator_is_asked() {
    let mut ledger = Ledger::found();
    let kit = "kit --config sponsor.toml --output kit";
    ledger.merits(kit).succeeds("wrote");
    fs::remove_dir_all(ledger.path().join("kit")).expect("made");
    ledger.stop();
    let copy = ledger.path().join("sponsor-replica/copy.sqlite");
    let good = fs::read(&copy).expect("a copy");
    // Where SQLite keeps the version of a program's tables.
    for (version, advice) in [
        (1, "delete the copy's directory"),
        (250, "nothing was changed"),
    ] {
        let mut other = good.clone();
        other[60..64].copy_from_slice(&[0, 0, 0, version]);
        fs::write(&copy, &other).expect("written");
        for command in [kit, "sponsor verify --config sponsor.toml"] {
            let ran = ledger.merits(command);
            let found = format!("schema version {version}");
            ran.refuses(&["sponsor-replica/copy.sqlite", &found, advice]);
            assert!(!ran.stderr.contains("start the server"), "{ran:#?}");
            assert_eq!(ran.stderr.contains("older"), version == 1, "{ran:#?}");
            assert_eq!(ran.stderr.contains("elete"), version == 1, "{ran:#?}");
        }
        assert_eq!(fs::read(&copy).expect("a copy"), other);
    }
    fs::write(&copy, good).expect("written");
    ledger.merits(kit).refuses(&["start the server"]);
}

#[test]
fn a_directory_has_one_coordinator_and_an_address_one_server() {
    let ledger = Ledger::found();
    ledger
        .merits("coordinator serve --config coordinator.toml")
        .refuses(&["coordinator.lock", "in use by another coordinator"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let config = ledger.path().join("second.toml");
    fs::copy(ledger.path().join("coordinator.toml"), &config).expect("copied");
    edit(&config, "127.0.0.1:0", &address);
    edit(&config, "coordinator-data", "second-data");
    edit(&config, "coordinator.mark", "second.mark");
    ledger
        .merits("coordinator serve --config second.toml --found")
        .refuses(&["cannot listen", &address]);
    assert!(!ledger.path().join("second-data").exists());
    ledger
        .merits("coordinator fsck --config second.toml")
        .refuses(&["second-data"]);
}

#[test]
fn records_that_are_not_there_are_named() {
    let ledger = Ledger::found();
    edit(
        &ledger.path().join("source.toml"),
        "scale = \"cycling-week\"",
        &format!(
            "scale = \"{}\"",
            root().join("params/scales/cycling-week").display()
        ),
    );
    ledger
        .merits("source sign --config source.toml --input lost.csv --links links.jsonl --output bundle.jsonl")
        .refuses(&["lost.csv", "there is no such file"]);
    fs::write(ledger.path().join("trips.csv"), "trip_id,bike_id\n1,2\n").expect("written");
    ledger
        .merits("source sign --config source.toml --input trips.csv --links links.jsonl --output bundle.jsonl")
        .refuses(&["trips.csv", "start_date"]);
    let trips = root().join("examples/cycling/trips.csv");
    ledger.apply("source");
    ledger
        .merits(&format!("source sign --config source.toml --input {} --links lost.jsonl --output bundle.jsonl --subjects 1", trips.display()))
        .refuses(&["lost.jsonl", "there is no such file"]);
    assert!(!ledger.path().join("bundle.jsonl").exists());
}

/// A holder's journal begins with its first half, and never again.
#[test]
fn a_holder_without_its_journal_answers_nothing() {
    let ledger = Ledger::found();
    let config = ledger.path().join("witness.toml");
    edit(&config, "127.0.0.1:7702", "127.0.0.1:0");
    ledger.apply("witness");
    ledger
        .merits("witness half --config witness.toml --epoch 1 --output half.public")
        .succeeds("wrote");
    let journal = ledger.path().join("witness-journal.jsonl");
    fs::remove_file(&journal).expect("it was begun with the half");
    let ran = ledger.merits("witness serve --config witness.toml");
    ran.refuses(&["witness-journal.jsonl", "is not there", "copy"]);
    assert_eq!(ran.stdout, "", "it says that it answers when it does");
    assert!(!journal.exists());
}

/// A name that people would take for another party's is looked at by somebody before it is admitted.
#[test]
fn a_name_that_looks_like_another_partys_is_admitted_on_purpose_only() {
    let ledger = Ledger::found();
    ledger.apply("sponsor");
    let admit = "supervisor admit --config supervisor.toml";
    ledger
        .merits(&format!("{admit} sponsor.application"))
        .succeeds("admitted green-bank");
    // Cyrillic letters, another case, letters that run together, and the founding supervisor's own name.
    for (number, name) in [
        "green-b\u{430}nk",
        "Green-Bank",
        "gr\u{435}\u{435}n-bank",
        "city-supervis\u{43e}r",
    ]
    .into_iter()
    .enumerate()
    {
        let role = format!("sponsor-{number}");
        let config = ledger.path().join(format!("{role}.toml"));
        fs::copy(ledger.path().join("sponsor.toml"), &config).expect("copied");
        edit(
            &config,
            "name = \"green-bank\"",
            &format!("name = \"{name}\""),
        );
        edit(&config, "\"sponsor.key\"", &format!("\"{role}.key\""));
        edit(
            &config,
            "\"sponsor-sealing.key\"",
            &format!("\"{role}-sealing.key\""),
        );
        ledger
            .merits(&format!(
                "sponsor apply --config {role}.toml --output {role}.application"
            ))
            .succeeds("wrote");
        let application = format!("{role}.application");
        let ran = ledger.merits(&format!("{admit} {application}"));
        ran.refuses(&["looks like", "--distinct"]);
        ledger
            .merits(&format!("{admit} --distinct {application}"))
            .succeeds("admitted");
    }
    // One that is like none needs no word.
    ledger.apply("issuer");
    ledger
        .merits(&format!("{admit} issuer.application"))
        .succeeds("admitted");
}
