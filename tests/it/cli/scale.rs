//! `merits scale`: from a template to keys, and every fault at its place.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::cli::run::{Ran, edit, merits, root};

const TEMPLATES: [&str; 5] = ["factor", "tariff", "steps", "caps", "event"];

/// The output of `merits scale check` for each file in `tests/it/cli/scale/faults` is beside it.
/// `MERITS_UPDATE_PINS=1` writes it again.
#[test]
fn faults_are_shown_as_pinned() {
    let directory = "tests/it/cli/scale/faults";
    let mut names: Vec<String> = fs::read_dir(root().join(directory))
        .expect("the faults")
        .map(|file| file.expect("a file").file_name().into_string())
        .map(|name| name.expect("UTF-8"))
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 20, "{names:?}");
    let update = std::env::var_os("MERITS_UPDATE_PINS").is_some_and(|update| update == "1");
    for name in names {
        let file = format!("{directory}/{name}");
        let ran = merits(root(), &["scale", "check", &file]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert_eq!(ran.stdout, "", "{name}");
        assert!(
            ran.stderr.starts_with(&format!("error: {file}: ")),
            "{ran:#?}"
        );
        let pin = root().join(&file).with_extension("txt");
        if update {
            fs::write(&pin, &ran.stderr).expect("written");
        }
        let pinned = fs::read_to_string(&pin).unwrap_or_default();
        assert!(
            ran.stderr == pinned,
            "{name}: differs from {}; MERITS_UPDATE_PINS=1 writes it again:\n{}",
            pin.display(),
            ran.stderr
        );
    }
}

/// Regression: a line with a hundred faults was printed a hundred times, half a megabyte for one formula.
#[test]
fn a_line_with_many_faults_is_not_shown_with_each() {
    let file = root().join("tests/it/cli/scale/faults/unknown_field.toml");
    let text = fs::read_to_string(file).expect("a scale");
    let right = "days.map(d, math.floor(d.steps / per_point)).sum()";
    let never: String = (40..70)
        .map(|days| format!("days.size() == {days} ? 1 : "))
        .collect();
    let faulty = text.replace(&right.replace("steps", "step"), &format!("{never}{right}"));
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("big.toml"), faulty).expect("written");
    let ran = merits(directory.path(), &["scale", "check", "big.toml"]);
    ran.refuses(&[
        "30 faults in this scale",
        "and 10 more, without their lines",
    ]);
    assert_eq!(ran.stderr.matches("scale::decided").count(), 20, "{ran:#?}");
    // Every fault is still named at its place.
    let line = text[..text.find("days.map").expect("a formula")]
        .lines()
        .count()
        + 1;
    for (number, days) in (40..70).enumerate() {
        let column = 1 + number * "days.size() == 40 ? 1 : ".len();
        let place = format!("big.toml:{line}:{column}");
        let said = format!("`days.size() == {days}` never holds");
        assert!(
            ran.stderr.contains(&place) && ran.stderr.contains(&said),
            "{place}: {ran:#?}"
        );
    }
}

#[test]
fn every_template_is_written_checked_and_tried() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    for template in TEMPLATES {
        let id = format!("my-{template}");
        scale(here, &["new", &id, "--template", template]).succeeds("wrote");
        scale(here, &["check", &id])
            .succeeds("no faults")
            .succeeds(&format!("{id}, version 1"));
        scale(here, &["eval", &id, "--input", "none.csv"]).refuses(&["none.csv"]);
    }
    let all: Vec<String> = TEMPLATES.iter().map(|name| format!("my-{name}")).collect();
    let mut arguments = vec!["check"];
    arguments.extend(all.iter().map(String::as_str));
    let ran = scale(here, &arguments);
    ran.succeeds("no faults");
    assert_eq!(ran.stdout.matches("no faults").count(), TEMPLATES.len());
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    scale(here, &["new", "mine", "--template", "steps"]).succeeds("wrote");
    let path = here.join("mine/scale.toml");
    fs::write(&path, "my work").expect("written");
    scale(here, &["new", "mine", "--template", "caps"]).refuses(&["mine/scale.toml", "already"]);
    assert_eq!(fs::read_to_string(&path).expect("readable"), "my work");
    scale(here, &["new", "No Name", "--template", "caps"]).refuses(&["No Name"]);
    assert!(!here.join("No Name").exists());
}

#[test]
fn a_faulty_scale_does_not_hide_the_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    for name in ["one", "two"] {
        scale(here, &["new", name, "--template", "steps"]).succeeds("wrote");
    }
    edit(
        &here.join("one/scale.toml"),
        "d.steps >= goal",
        "d.stps >= goal",
    );
    let ran = scale(here, &["check", "one", "two"]);
    ran.refuses(&["one/scale.toml: one fault", "steps"]);
    assert!(ran.stdout.contains("two/scale.toml: no faults"), "{ran:#?}");
    // Every other command shows the same.
    for arguments in [
        &["explain", "one"][..],
        &["test", "one"],
        &["diff", "one", "two"],
        &["diff", "two", "one"],
        &["setup", "one", "--key-store", "keys", "--insecure-dev"],
        &["export", "one", "--output", "out"],
        &["eval", "one", "--input", "records.csv"],
    ] {
        assert_eq!(scale(here, arguments).refuses(&[]).stderr, ran.stderr);
    }
    assert!(!here.join("keys").exists() && !here.join("out").exists());
}

#[test]
fn a_scale_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for arguments in [
        &["check", "nowhere"][..],
        &["explain", "nowhere"],
        &["test", "nowhere"],
        &["diff", "nowhere", "nowhere"],
    ] {
        scale(directory.path(), arguments).refuses(&["nowhere", "there is no such file"]);
    }
}

#[test]
fn records_are_evaluated_in_three_forms_alike() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    scale(here, &["new", "steps", "--template", "steps"]).succeeds("wrote");
    for (file, text) in [
        (
            "r.csv",
            "date,steps,note\n1,5999,x\n2,6000,y\n3,far,z\n2,7000,w\n",
        ),
        (
            "r.jsonl",
            "{\"date\":1,\"steps\":5999,\"note\":1}\n{\"date\":2,\"steps\":\"6000\"}\n\
             {\"date\":3,\"steps\":\"far\"}\n{\"date\":2,\"steps\":7000}\n",
        ),
        (
            "r.toml",
            "note = 1\n[[record]]\ndate = 1\nsteps = 5999\n[[record]]\ndate = 2\nsteps = 6000\n\
             [[record]]\ndate = 3\nsteps = \"far\"\n[[record]]\ndate = 2\nsteps = 7000\n",
        ),
    ] {
        fs::write(here.join(file), text.replace("note = 1\n", "")).expect("written");
        let ran = scale(here, &["eval", "steps", "--input", file]);
        // 11 points, then 12 and 3 more.
        ran.succeeds("2 accepted, 2 rejected")
            .succeeds("walked    23 point")
            .succeeds("goals     1")
            .succeeds("credits   26 point");
        assert_eq!(ran.stdout.matches("rejected  line").count(), 2, "{ran:#?}");
    }
    fs::write(here.join("bad.csv"), "date,steps\n40,1\n").expect("written");
    let ran = scale(here, &["eval", "steps", "--input", "bad.csv"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    scale(
        here,
        &["eval", "steps", "--input", "bad.csv", "--period", "2024-12"],
    )
    .refuses(&["2024-12", "2025-01"]);
    // A day outside of the period is refused.
    let late = "date,steps\n28,5999\n29,6000\n31,6000\n";
    fs::write(here.join("late.csv"), late).expect("written");
    let eval = |period| {
        let arguments = ["eval", "steps", "--input", "late.csv", "--period", period];
        scale(here, &arguments)
    };
    eval("2025-02")
        .succeeds("1 accepted, 2 rejected")
        .succeeds("2025-02 has 28 days")
        .succeeds("credits   11 point");
    eval("2025-03").succeeds("3 accepted, 0 rejected");
    eval("2025-02-30").is_misused(&["2025-02-30", "28 days"]);
    eval("2021-W53").is_misused(&["2021-W53", "52 weeks"]);
    eval("2025-W06").refuses(&["2025-W06"]);
    eval("2025-13").is_misused(&["2025-13"]);
    fs::write(here.join("r.xls"), "").expect("written");
    scale(here, &["eval", "steps", "--input", "r.xls"]).refuses(&["r.xls", "--mapping"]);
}

#[test]
fn a_key_is_made_and_exported_for_other_tools() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    scale(here, &["new", "small", "--template", "steps"]).succeeds("wrote");
    // One claim of three records: a circuit of a few thousand constraints.
    edit(&here.join("small/scale.toml"), "claims = 16", "claims = 1");
    edit(
        &here.join("small/scale.toml"),
        "max_records = 31",
        "max_records = 3",
    );
    let setup = ["setup", "small", "--key-store", "keys"];
    scale(here, &setup).refuses(&["forge", "--insecure-dev"]);
    assert!(!here.join("keys").exists());
    let setup = ["setup", "small", "--key-store", "keys", "--insecure-dev"];
    let made = scale(here, &setup);
    made.succeeds("made the key of small version 1")
        .succeeds("insecure-dev");
    let found = scale(here, &setup);
    found.succeeds("found the key");
    let digest = |ran: &Ran| {
        let line = ran
            .stdout
            .lines()
            .find(|line| line.starts_with("verifying key"));
        line.expect("a digest").to_owned()
    };
    assert_eq!(digest(&made), digest(&found));

    let export = ["export", "small", "--output", "out", "--key-store", "keys"];
    scale(here, &export).refuses(&["insecure-dev"]);
    assert!(!here.join("out").exists());
    let export = [&export[..], &["--allow-dev-keys", "--with-proof"]].concat();
    scale(here, &export).succeeds("circuit.zkey");
    for file in [
        "circuit.r1cs",
        "circuit.sym",
        "circuit.zkey",
        "verification_key.json",
        "public_inputs.txt",
        "witness.wtns",
        "proof.json",
        "public.json",
    ] {
        let length = fs::metadata(here.join("out").join(file)).expect(file).len();
        assert!(length > 0, "{file}");
    }
    let names = fs::read_to_string(here.join("out/public_inputs.txt")).expect("readable");
    assert!(names.starts_with("0 asset\n1 expiry\n"), "{names}");
    let values = fs::read_to_string(here.join("out/public.json")).expect("readable");
    assert_eq!(values.matches('"').count(), 2 * names.lines().count());
    scale(here, &export).refuses(&["out", "not empty"]);
    scale(here, &["export", "small", "--output", "bare"]).succeeds("no key");
    assert!(!here.join("bare/circuit.zkey").exists());
}

#[test]
fn a_scale_is_explained_and_tried() {
    let explained = merits(root(), &["scale", "explain", "params/scales/cycling-week"]);
    explained
        .succeeds("cycling-week version 1")
        .succeeds("162.72")
        .succeeds("claim")
        .succeeds("under the bar of 7,500")
        .succeeds("proving: about");
    merits(
        root(),
        &[
            "scale",
            "explain",
            "params/scales/cycling-week",
            "--period",
            "2014-W01",
        ],
    )
    .refuses(&["2014-W01", "2014-W36"]);
    let tried = [
        "scale",
        "test",
        "params/scales/cycling-week",
        "--random",
        "20",
        "--seed",
        "7",
    ];
    let first = merits(root(), &tried);
    first
        .succeeds("holds  488 g CO2e")
        .succeeds("seed 7")
        .succeeds("20  claims on which interpreter and circuit agree");
    let counts = |ran: &Ran| -> Vec<String> {
        let lines = ran
            .stdout
            .lines()
            .filter(|line| !line.contains("no difference"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(counts(&first), counts(&merits(root(), &tried)));
}

#[test]
fn versions_are_compared() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    scale(here, &["new", "v1", "--template", "steps"]).succeeds("wrote");
    edit(&here.join("v1/scale.toml"), "id = \"v1\"", "id = \"steps\"");
    let next = |name: &str, changes: &[(&str, &str)]| {
        let path = here.join(name);
        fs::create_dir(&path).expect("a directory");
        let path = path.join("scale.toml");
        fs::copy(here.join("v1/scale.toml"), &path).expect("copied");
        for (from, to) in changes {
            edit(&path, from, to);
        }
    };
    let later = ("from = \"2025-01\"", "from = \"2025-06\"");
    next(
        "figure",
        &[("version = 1", "version = 2"), later, ("\"3\"", "\"4\"")],
    );
    edit(
        &here.join("figure/scale.toml"),
        "credits = 26",
        "credits = 27",
    );
    edit(
        &here.join("figure/scale.toml"),
        "credits = 23",
        "credits = 24",
    );
    let ran = scale(here, &["diff", "v1", "figure"]);
    ran.succeeds("steps version 1 -> steps version 2")
        .succeeds("3 -> 4")
        .succeeds("26 credits -> 27 credits")
        .succeeds("the same:");
    next(
        "shape",
        &[
            ("version = 1", "version = 2"),
            later,
            ("max_records = 31", "max_records = 30"),
        ],
    );
    scale(here, &["diff", "v1", "shape"])
        .succeeds("31 -> 30")
        .succeeds("a new one");
    next("other", &[("asset = 1", "asset = 9")]);
    scale(here, &["diff", "v1", "other"]).refuses(&["cannot follow", "asset"]);
}

#[test]
fn many_claims_are_read_by_a_mapping() {
    let ran = merits(
        root(),
        &[
            "scale",
            "eval",
            "params/scales/cycling-week",
            "--input",
            "examples/cycling/trips.csv",
            "--mapping",
            "examples/cycling/mapping.toml",
            "--period",
            "2014-W36",
        ],
    );
    ran.succeeds("14,010 rows: 13,990 accepted, 20 rejected")
        .succeeds("109 claims")
        .succeeds("line 1257, duration_s = \"71965\"");
}

/// `merits .. | head` is not reported as a failure.
#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_merits"))
        .args(["scale", "check", "params/scales/cycling-week"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(141), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

fn scale(directory: &Path, arguments: &[&str]) -> Ran {
    merits(directory, &[&["scale"], arguments].concat())
}
