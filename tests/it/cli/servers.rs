//! What all servers have in common: a high-water mark that is never begun twice, a port of their own, and a
//! second run that is told to wait.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use merits_guard::LockedFile;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{founding::Ledger, run::edit};

/// A server of a party that runs.
pub(crate) struct Server {
    child: Child,
    /// Its first line.
    pub(crate) said: String,
    /// Kept open: it may say more.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts `merits ROLE serve`, and waits until it says that it serves.
    pub(crate) fn start(directory: &Path, role: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_merits"))
            .args([role, "serve", "--config"])
            .arg(format!("{role}.toml"))
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let said = lines.next().expect("it serves").expect("text");
        Self {
            child,
            said,
            _said: lines,
        }
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every server of a party.
pub(crate) const SERVERS: [&str; 4] = ["supervisor", "witness", "exchange", "evaluator"];

/// A ledger on which every server can start, each on a free port.
pub(crate) fn with_servers() -> Ledger {
    let ledger = Ledger::found();
    for role in SERVERS {
        let config = ledger.path().join(format!("{role}.toml"));
        let text = fs::read_to_string(&config).expect("a configuration");
        let listen = text.lines().find(|line| line.starts_with("listen"));
        edit(
            &config,
            listen.expect("where to serve"),
            "listen = \"127.0.0.1:0\"",
        );
        if role != "supervisor" {
            ledger.apply(role);
            ledger
                .merits(&format!(
                    "supervisor admit --config supervisor.toml {role}.application"
                ))
                .succeeds("admitted");
        }
    }
    for (command, says) in [
        ("evaluator announce --config evaluator.toml", "announced"),
        (
            "witness half --config witness.toml --epoch 1 --output witness.half",
            "wrote",
        ),
        (
            "supervisor epoch --config supervisor.toml --epoch 1 --witness-half witness.half",
            "opened epoch 1",
        ),
    ] {
        ledger.merits(command).succeeds(says);
    }
    ledger
}

/// The gap: beside a whole copy, a server without its mark began another one without a word.
#[test]
fn a_lost_mark_is_begun_again_on_purpose_only() {
    let ledger = with_servers();
    for role in SERVERS {
        assert!(
            Server::start(ledger.path(), role).stop().success(),
            "{role}"
        );
        let mark = ledger.path().join(format!("{role}.mark"));
        let kept = fs::read(&mark).expect("a mark");
        let serve = format!("{role} serve --config {role}.toml");
        let begin = format!("mark --config {role}.toml --checkpoint {role}-replica/checkpoint.txt");
        ledger
            .merits(&begin)
            .refuses(&[&format!("{role}.mark"), "is there already"]);

        fs::remove_file(&mark).expect("it was made");
        let ran = ledger.merits(&serve);
        ran.refuses(&[
            &format!("{role}.mark"),
            "is not there",
            &format!("{role}-replica"),
            "merits mark",
        ]);
        assert_eq!(ran.stdout, "", "{role}");
        assert!(!mark.exists(), "{role}");
        let nonsense = format!("mark --config {role}.toml --checkpoint {role}.toml");
        ledger
            .merits(&nonsense)
            .refuses(&[&format!("{role}.toml"), "no mark was made"]);
        assert!(!mark.exists(), "{role}");
        ledger.merits(&begin).succeeds("began");
        assert_eq!(fs::read(&mark).expect("a mark"), kept, "{role}");
        assert!(
            Server::start(ledger.path(), role).stop().success(),
            "{role}"
        );
    }
    // The copy of the commands has a mark of its own.
    fs::remove_file(ledger.path().join("supervisor.mark-commands")).expect("it was made");
    let admit = "supervisor admit --config supervisor.toml witness.application";
    ledger
        .merits(admit)
        .refuses(&["supervisor.mark-commands", "merits mark", "--commands"]);
    let checkpoint = "supervisor-replica-commands/checkpoint.txt";
    ledger
        .merits(&format!(
            "mark --config supervisor.toml --commands --checkpoint {checkpoint}"
        ))
        .succeeds("began");
    ledger.merits(admit).succeeds("admitted");
    // A role without such a copy has none to begin.
    ledger
        .merits(&format!(
            "mark --config sponsor.toml --commands --checkpoint {checkpoint}"
        ))
        .refuses(&["there is no copy of the log in", "sponsor-replica-commands"]);
    for made in [
        "sponsor.mark-commands",
        "sponsor.mark-commands.lock",
        "sponsor-replica-commands",
    ] {
        assert!(!ledger.path().join(made).exists(), "{made}");
    }
    // A copy that is new has none yet, and its first start makes it.
    fs::remove_dir_all(ledger.path().join("witness-replica")).expect("it was made");
    fs::remove_file(ledger.path().join("witness.mark")).expect("it was made");
    assert!(Server::start(ledger.path(), "witness").stop().success());
    assert!(ledger.path().join("witness.mark").exists());
}

/// Every server without a high-water mark, or with one inside the copy that it guards.
#[test]
fn a_server_has_a_high_water_mark_outside_its_data() {
    let ledger = with_servers();
    for (role, folder, key) in [
        ("coordinator", "coordinator-data", "`high_water_mark`"),
        ("supervisor", "supervisor-replica", "ledger.high_water_mark"),
        ("witness", "witness-replica", "ledger.high_water_mark"),
        ("exchange", "exchange-replica", "ledger.high_water_mark"),
        ("evaluator", "evaluator-replica", "ledger.high_water_mark"),
    ] {
        let config = ledger.path().join(format!("{role}.toml"));
        let serve = format!("{role} serve --config {role}.toml");
        let whole = fs::read_to_string(&config).expect("a configuration");
        edit(&config, "high_water_mark =", "# high_water_mark =");
        ledger
            .merits(&serve)
            .refuses(&[key, "a server needs one", "name a file outside", folder]);
        fs::write(&config, &whole).expect("written");
        if role != "coordinator" {
            let inside = format!("\"{folder}/mark\"");
            edit(&config, &format!("\"{role}.mark\""), &inside);
            ledger
                .merits(&serve)
                .refuses(&[&format!("{folder}/mark"), "high_water_mark"]);
            fs::write(&config, &whole).expect("written");
        }
    }
}

/// Regression: a server that waited at its start, for another server or for a disk, was not ended by SIGTERM.
#[test]
fn a_signal_ends_a_server_that_is_still_starting() {
    let mut ledger = with_servers();
    ledger.stop();
    // It takes connections and never says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    for role in SERVERS {
        let config = ledger.path().join(format!("{role}.toml"));
        let text = fs::read_to_string(&config).expect("a configuration");
        let coordinator = text.lines().find(|line| line.starts_with("coordinator ="));
        edit(
            &config,
            coordinator.expect("where the ledger is"),
            &format!("coordinator = \"http://{address}\""),
        );
        let child = Command::new(env!("CARGO_BIN_EXE_merits"))
            .args([role, "serve", "--config"])
            .arg(&config)
            .current_dir(ledger.path())
            .env_remove("MERITS_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        // From here on it waits for what the ledger says.
        let connected = silent.accept().expect("it asks the ledger");
        kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
        let ended = child.wait_with_output().expect("it ends");
        drop(connected);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{role}: {said}");
        assert!(
            said.contains("while it was still starting"),
            "{role}: {said}"
        );
        assert!(
            ended.stdout.is_empty(),
            "{role}: it never said that it serves"
        );
    }
}

/// Regression: "Connection refused (os error 111)", and "http2 error: connection error detected".
#[test]
fn who_is_not_there_and_who_is_another_are_told_in_words() {
    let mut ledger = Ledger::found();
    ledger.stop();
    let is_told = |ledger: &Ledger, says: &[&str]| {
        let ran = ledger.merits("kit --config sponsor.toml --output kit");
        ran.refuses(says);
        for jargon in [
            "os error",
            "http2",
            "h2 protocol",
            "transport error",
            "frame",
        ] {
            assert!(!ran.stderr.contains(jargon), "{jargon}: {ran:#?}");
        }
    };
    is_told(
        &ledger,
        &[
            "the coordinator at http://",
            "nothing listens there: start the server",
        ],
    );
    let greetings: [&[u8]; 2] = [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ];
    for greeting in greetings {
        let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = other.local_addr().expect("an address");
        std::thread::spawn(move || {
            // Kept open: who closes first is not the question.
            let mut open = Vec::new();
            for mut stream in other.incoming().flatten() {
                // It may be gone.
                let _ = stream.write_all(greeting);
                open.push(stream);
            }
        });
        let config = ledger.path().join("sponsor.toml");
        let text = fs::read_to_string(&config).expect("a configuration");
        let coordinator = text.lines().find(|line| line.starts_with("coordinator ="));
        edit(
            &config,
            coordinator.expect("where the ledger is"),
            &format!("coordinator = \"http://{address}\""),
        );
        is_told(
            &ledger,
            &["the coordinator", "another program has this port"],
        );
    }
}

/// The gap: "Address already in use (os error 98)", and nothing else.
#[test]
fn a_port_that_is_taken_says_what_to_change() {
    let ledger = with_servers();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for role in SERVERS {
        let config = ledger.path().join(format!("{role}.toml"));
        edit(&config, "\"127.0.0.1:0\"", &format!("\"{address}\""));
        let ran = ledger.merits(&format!("{role} serve --config {role}.toml"));
        ran.refuses(&[&address, "another program has this port", "`listen`"]);
        assert!(!ran.stderr.contains("os error"), "{ran:#?}");
    }
}

/// Two runs of one role at once are the usual case, and not two servers that share a file.
#[test]
fn a_second_run_at_once_is_told_to_wait() {
    let ledger = with_servers();
    for (command, mark) in [
        ("sponsor verify --config sponsor.toml", "sponsor.mark.lock"),
        (
            "distributor run --config distributor.toml",
            "distributor.mark.lock",
        ),
    ] {
        let running = File::create(ledger.path().join(mark)).expect("made");
        let _running = LockedFile::lock(running).expect("nobody else has it");
        ledger.merits(command).refuses(&[
            "another program works with the high-water mark",
            "a second command of the same party",
            "Wait until it has ended",
        ]);
    }
    // The servers themselves, twice.
    for role in SERVERS {
        let first = Server::start(ledger.path(), role);
        ledger
            .merits(&format!("{role} serve --config {role}.toml"))
            .refuses(&[
                &format!(
                    "another program works with the high-water mark {}",
                    ledger_path(&ledger, role)
                ),
                "or its server",
            ]);
        assert!(first.stop().success(), "{role}");
    }
}

fn ledger_path(ledger: &Ledger, role: &str) -> String {
    let mark = ledger.path().join(format!("{role}.mark"));
    mark.canonicalize().expect("a mark").display().to_string()
}

/// What lies beside a store after the server stopped is nothing that a copy of the file would lack.
#[test]
fn a_stopped_exchange_leaves_its_store_in_one_file() {
    let ledger = with_servers();
    let server = Server::start(ledger.path(), "exchange");
    assert!(server.said.contains("takes redemptions"), "{}", server.said);
    let file = |suffix: &str| ledger.path().join(format!("exchange.sqlite{suffix}"));
    let size = |suffix: &str| fs::metadata(file(suffix)).map_or(0, |file| file.len());
    // Its health writes a little every minute.
    for _ in 0..600 {
        if size("-wal") > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(size("-wal") > 0, "something is in the write-ahead log");
    assert!(server.stop().success());
    assert_eq!(size("-wal"), 0);
    assert!(size("") > 4_096, "the store is in its file");
}
