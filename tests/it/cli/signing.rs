//! `merits source sign`: a signature is final, so only whole periods are signed.

use std::{fs, path::Path};

use crate::cli::run::{Ran, merits};

const PARTY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

const SCALE: &str = r#"
id = "daily-steps"
version = 1
asset = 101
period = "month"
unit = "point"
per_source = false
sdg = [3]
terms = "For tests."
title = { en = "Steps", zh = "步数" }
validity = { from = "2016-04" }
expiry = { lifetime_months = 12, bucket_months = 6 }
batch = { claims = 16 }

[schema]
id = "daily-steps"
list = "days"
max_records = 31
field = [
    { name = "date", type = "day", key = true },
    { name = "steps", type = "int", unit = "step", max = 65_535 },
]

[[constant]]
name = "per_point"
value = "500"
interval = ["100", "5000"]
exponent = 0
unit = "step/point"
source = "test"

[formula]
rounding = "down"
cel = "days.map(d, math.floor(d.steps / per_point)).sum()"
"#;

pub(super) const DAYS: &str = "column = \"ActivityDate\"\nformat = \"%Y-%m-%d\"\n";

/// A source with links for accounts 1 to 30.
pub(super) fn source(time: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    fs::create_dir(path.join("scale")).expect("made");
    fs::write(path.join("scale/scale.toml"), SCALE).expect("written");
    let config = format!(
        "name = \"watch\"\norigin = \"ledger.test/steps\"\n\
         signing_key = \"source.key\"\nsalt_key = \"salts.key\"\nregister_file = \"source.register\"\n\
         links_file = \"links.jsonl\"\nscale = \"scale\"\n\
         [mapping]\nformat = \"csv\"\nsubject = \"Id\"\n[mapping.time]\n{time}\
         [mapping.fields.steps]\ncolumn = \"TotalSteps\"\nunit = \"step\"\n"
    );
    // An editor's byte order mark is accepted.
    let applying = path.join("source.toml");
    fs::write(&applying, format!("\u{feff}{config}")).expect("written");
    let mut links = format!(
        "\u{feff}{{\"merits\":\"links/v1\",\"origin\":\"ledger.test/steps\",\"source\":\"{PARTY}\"}}\n"
    );
    for account in 1..=30 {
        links += &format!(
            "{{\"subject\":\"{account}\",\"h\":\"{account:02}{}\"}}\n",
            "0".repeat(62)
        );
    }
    fs::write(path.join("links.jsonl"), links).expect("written");
    merits(
        path,
        &[
            "source",
            "apply",
            "--config",
            "source.toml",
            "--output",
            "application",
        ],
    )
    .succeeds("wrote");
    // It signs as the party that the links name, as after a change of its key.
    fs::write(applying, format!("\u{feff}party = \"{PARTY}\"\n{config}")).expect("written");
    directory
}

/// 12 April to 12 May 2016 of 30 accounts, as rows.
pub(super) fn rows() -> Vec<String> {
    let april = (12..=30).map(|day| format!("2016-04-{day:02}"));
    let may = (1..=12).map(|day| format!("2016-05-{day:02}"));
    let days: Vec<String> = april.chain(may).collect();
    let of = |account: u32| {
        let days = days.iter().zip(0u32..);
        days.map(move |(day, number)| format!("{account},{day},{}\n", 1000 * account + number))
    };
    (1..=30).flat_map(of).collect()
}

pub(super) fn write(directory: &Path, name: &str, rows: &[String]) {
    let text = format!("Id,ActivityDate,TotalSteps\n{}", rows.concat());
    fs::write(directory.join(name), text).expect("written");
}

pub(super) fn sign(directory: &Path, more: &str) -> Ran {
    let command = format!("source sign --config source.toml {more}");
    merits(directory, &command.split_whitespace().collect::<Vec<_>>())
}

#[track_caller]
fn ends(ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:#?}");
    for part in says {
        assert!(ran.stdout.contains(part), "{part:?} is not in {ran:#?}");
    }
}

/// A file's name that holds a line break makes no line that looks like one of the command's.
#[test]
fn a_files_name_forges_no_line() {
    let source = source(DAYS);
    let ran = merits(
        source.path(),
        &[
            "source",
            "sign",
            "--config",
            "source.toml",
            "--input",
            "x\nzoe: linked",
            "--output",
            "bundle.jsonl",
        ],
    );
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("zoe: linked"), "{ran:#?}");
    let forged = |line: &str| line.starts_with("zoe");
    assert!(!ran.stderr.lines().any(forged), "{ran:#?}");
}

/// Register and salts belong together: with either alone, the same weeks would be signed twice, under other
/// commitments.
#[test]
fn neither_a_register_nor_salts_are_begun_beside_the_other() {
    let source = source(DAYS);
    let path = source.path();
    write(path, "steps.csv", &rows());
    let command = "--input steps.csv --output bundle.jsonl --complete-from 2016-04-01 --complete-until 2016-05-31";
    sign(path, command).succeeds("commitments");
    let bundle = fs::read(path.join("bundle.jsonl")).expect("written");
    for (lost, left) in [
        ("source.register", "salts.key"),
        ("salts.key", "source.register"),
    ] {
        let kept = path.join("kept");
        fs::rename(path.join(lost), &kept).expect("moved");
        sign(path, command).refuses(&[lost, left, "copy"]);
        assert!(!path.join(lost).exists());
        // What a link leads to elsewhere is not lost.
        std::os::unix::fs::symlink(path.join("nothing"), path.join(lost)).expect("linked");
        sign(path, command).refuses(&[lost, "a link to nothing"]);
        fs::remove_file(path.join(lost)).expect("removed");
        assert_eq!(fs::read(path.join("bundle.jsonl")).expect("there"), bundle);
        fs::rename(&kept, path.join(lost)).expect("moved back");
    }
    sign(path, command).succeeds("commitments");
}

/// A file that is sorted newest first, and ends in the middle of a month.
#[test]
fn the_order_of_a_file_does_not_matter_and_its_last_month_is_not_over() {
    let source = source(DAYS);
    let path = source.path();
    let mut rows = rows();
    write(path, "oldest.csv", &rows);
    rows.reverse();
    write(path, "newest.csv", &rows);
    let newest = "--input newest.csv --output newest.jsonl --complete-from 2016-04-01";
    // A source that never signed tries it out, and nothing is made.
    let would = "30 commitments over 570 records would be signed";
    ends(&sign(path, &format!("{newest} --dry-run")), 3, &[would]);
    for made in ["salts.key", "source.register", "newest.jsonl"] {
        assert!(!path.join(made).exists(), "{made}");
    }

    let not_over = "not over: 2016-05 of 30 accounts";
    let april = "930 rows read, 0 rejected; 30 commitments over 570 records";
    ends(
        &sign(path, newest),
        3,
        &[april, not_over, "--complete-until 2016-05-31"],
    );
    let bundle = fs::read(path.join("newest.jsonl")).expect("written");
    ends(
        &sign(
            path,
            "--input oldest.csv --output oldest.jsonl --complete-from 2016-04-01",
        ),
        3,
        &[april],
    );
    assert_eq!(
        fs::read(path.join("oldest.jsonl")).expect("written"),
        bundle
    );

    // An operator who knows says so; the whole month can still be signed.
    let all = "60 commitments over 930 records would be signed";
    let register = fs::read(path.join("source.register")).expect("there");
    let said = format!("{newest} --complete-until 2016-05-31");
    ends(&sign(path, &format!("{said} --dry-run")), 0, &[all]);
    assert_eq!(
        fs::read(path.join("source.register")).expect("there"),
        register
    );
    assert_eq!(fs::read(path.join("newest.jsonl")).expect("there"), bundle);
    ends(
        &sign(path, &said),
        0,
        &["60 commitments over 930 records signed"],
    );
    // Or the file goes on. One row or two may have a wrong date.
    let longer = "--input longer.csv --output longer.jsonl --complete-from 2016-04-01";
    for day in ["2016-06-02", "2016-06-01"] {
        rows.insert(0, format!("1,{day},1\n"));
        write(path, "longer.csv", &rows);
        let stray = "the newest row is of 2016-06-02 (line ";
        let third = "the third of 2016-05-12 (line ";
        let ran = sign(path, &format!("{longer} --dry-run"));
        ends(&ran, 3, &[would, not_over, stray, third]);
    }
    rows.insert(0, "1,2016-06-03,1\n".to_owned());
    write(path, "longer.csv", &rows);
    let longer = sign(path, longer);
    ends(
        &longer,
        3,
        &["60 commitments over 930 records", "2016-06 of 1 accounts"],
    );
    let wrong = sign(path, &format!("{newest} --complete-until 2016-05"));
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
}

/// What cannot be so is refused before anything is read, signed or made.
#[test]
fn days_that_cannot_be_whole_are_refused() {
    let source = source(DAYS);
    let path = source.path();
    write(path, "steps.csv", &rows());
    for (said, says) in [
        ("--complete-until 2999-12-31", "is not over"),
        ("--complete-until 9999-12-31", "the clock of UTC-12"),
        ("--complete-from 2999-01-01", "in the future"),
        (
            "--complete-from 2016-05-02 --complete-until 2016-05-01",
            "mixed up",
        ),
        ("--complete-from 2016-03-31", "begins on 2016-04-01"),
        ("--complete-until 1999-12-31", "begins on 2016-04-01"),
    ] {
        let command = format!("--input steps.csv --output bundle.jsonl {said}");
        sign(path, &command).refuses(&[says]);
    }
    for word in ["yesterday", "31.05.2016", "1969-12-31"] {
        let command = format!("--input steps.csv --output bundle.jsonl --complete-until {word}");
        let ran = sign(path, &command);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(ran.stderr.contains("such as 2026-05-31"), "{ran:#?}");
    }
    for made in ["salts.key", "source.register", "bundle.jsonl"] {
        assert!(!path.join(made).exists(), "{made}");
    }
}

/// Eleven days of April are not in the file. A month that is signed without them stays without them.
#[test]
fn a_file_that_begins_inside_a_month_signs_nothing_of_it() {
    let source = source(DAYS);
    let path = source.path();
    let mut rows = rows();
    rows.extend((1..=3).map(|account| format!("{account},2016-06-01,1\n")));
    write(path, "steps.csv", &rows);
    let command = "--input steps.csv --output bundle.jsonl";
    let says = [
        "no beginning: 2016-04 of 30 accounts: the oldest row is of 2016-04-12 (line 2), the third of 2016-04-12",
        "--complete-from 2016-04-01",
        "30 commitments over 360 records signed",
    ];
    ends(&sign(path, command), 3, &says);
    // A day too late is as good as nothing; the whole month is still free to be signed.
    let late = format!("{command} --complete-from 2016-04-02");
    ends(&sign(path, &late), 3, &says);
    let said = format!("{command} --complete-from 2016-04-01 --complete-until 2016-06-30");
    let all = "63 commitments over 933 records signed";
    ends(&sign(path, &said), 0, &[all]);
    // A row with a wrong date does not count as the beginning.
    rows.push("1,1970-01-01,1\n".to_owned());
    write(path, "stray.csv", &rows);
    let stray = "the oldest row is of 1970-01-01 (line 935), the third of 2016-04-12";
    let ran = sign(path, "--input stray.csv --output stray.jsonl");
    ends(&ran, 3, &["no beginning: 2016-04 of 30 accounts", stray]);
    // Days before the scale's first: another version may be for them, or their dates are wrong.
    let years = rows[..19]
        .iter()
        .map(|row| row.replace("2016-04", "1970-01"));
    let mut early: Vec<String> = years.collect();
    early.extend((1..=3).map(|day| format!("1,1970-02-0{day},1\n")));
    early.extend((1..=3).map(|account| format!("{account},1970-01-01,1\n")));
    write(path, "early.csv", &early);
    let ran = sign(path, "--input early.csv --output early.jsonl --dry-run");
    let says = "outside the scale: 3 commitments are of periods from 1970-01 to 1970-01, and daily-steps version 1";
    ends(&ran, 3, &[says, "begins with 2016-04"]);
    // A file that has nothing but a part of one month.
    write(path, "april.csv", &rows[..19]);
    let april = sign(path, "--input april.csv --output april.jsonl");
    let both = [
        "no beginning: 2016-04",
        "not over: 2016-04",
        "NOTHING WAS SIGNED",
    ];
    ends(&april, 4, &both);
}

#[test]
fn a_row_of_the_future_covers_nothing() {
    let source = source(DAYS);
    let mut rows = rows();
    rows.push("7,2999-01-01,5\n".to_owned());
    write(source.path(), "stray.csv", &rows);
    let stray = "--input stray.csv --output bundle.jsonl --complete-from 2016-04-01";
    let ran = sign(source.path(), stray);
    ends(
        &ran,
        3,
        &[
            "1 rejected",
            "rejected: 1: future",
            "not over: 2016-05",
            "30 commitments",
        ],
    );
}

/// An account is one whether its letters are composed in the records and apart in the links, or the other way.
#[test]
fn an_account_is_signed_however_its_letters_were_composed() {
    let source = source(DAYS);
    let path = source.path();
    let links = fs::read_to_string(path.join("links.jsonl")).expect("written");
    let header = links.lines().next().expect("a header");
    for (one, other) in [("Zo\u{e9}", "Zoe\u{301}"), ("Zoe\u{301}", "Zo\u{e9}")] {
        let link = format!("{{\"subject\":\"{one}\",\"h\":\"99{}\"}}", "0".repeat(62));
        fs::write(path.join("links.jsonl"), format!("{header}\n{link}\n")).expect("written");
        let rows = rows();
        let of_one = rows.iter().filter_map(|row| row.strip_prefix("1,"));
        let rows: Vec<String> = of_one.map(|row| format!("{other},{row}")).collect();
        write(path, "steps.csv", &rows);
        let signed = sign(
            path,
            "--input steps.csv --output bundle.jsonl --complete-from 2016-04-01 --complete-until 2016-05-31",
        );
        ends(
            &signed,
            0,
            &["31 rows read, 0 rejected; 2 commitments over 31 records signed"],
        );
    }
}

#[test]
fn of_a_file_that_cannot_be_read_nothing_is_signed() {
    let source = source(DAYS);
    let path = source.path();
    let mut rows = rows();
    for row in rows.iter_mut().take(60) {
        *row = row.replace(",2016-", ",16/");
    }
    write(path, "mixed.csv", &rows);
    let mixed =
        "--input mixed.csv --output bundle.jsonl --rejects rejects.csv --complete-from 2016-04-01";
    let ran = sign(path, mixed);
    ends(
        &ran,
        4,
        &[
            "60 rejected",
            "NOTHING WAS SIGNED: 60 of 930 rows were rejected, more than 5 in a hundred",
        ],
    );
    // Of account 1 every row is bad, so the first two subjects are 2 and 3.
    let share = "60 of 93 rows (not counting 837 of subjects that are left out) were rejected";
    let first = sign(path, &format!("{mixed} --subjects 2"));
    ends(&first, 4, &["930 rows read", share]);
    assert!(!path.join("bundle.jsonl").exists() && !path.join("source.register").exists());
    let rejects = fs::read_to_string(path.join("rejects.csv")).expect("written");
    assert_eq!(rejects.lines().count(), 61);
    let ran = sign(path, &format!("{mixed} --most-rejects-percent 7"));
    ends(&ran, 3, &["60 rejected", "rejected: 60: unparsable"]);
    assert!(path.join("bundle.jsonl").exists());
    // A bundle that is there outlives a file of nothing.
    write(path, "empty.csv", &[]);
    let ran = sign(path, "--input empty.csv --output bundle.jsonl");
    ends(&ran, 4, &["NOTHING WAS SIGNED"]);
    assert!(path.join("bundle.jsonl").exists());
}

/// Regression: a mapping's zone was any file of the machine's, so that two machines signed other periods.
#[test]
fn a_zone_that_is_no_place_is_refused() {
    for zone in ["localtime", "posix/Asia/Shanghai", "Factory", "Etc/Unknown"] {
        let time = format!("column = \"ActivityDate\"\nformat = \"rfc3339\"\nzone = \"{zone}\"\n");
        let source = source(&time);
        let row = "1,2016-04-12T10:00:00Z,1000\n".to_owned();
        write(source.path(), "steps.csv", &[row]);
        sign(source.path(), "--input steps.csv --output bundle.jsonl").refuses(&[
            zone,
            "is not a place",
            "Europe/Berlin",
        ]);
    }
}

#[test]
fn a_time_that_came_twice_is_named_with_both_instants() {
    let time = "column = \"ActivityDate\"\nformat = \"%Y-%m-%dT%H:%M\"\n\
                recorded_in = \"Europe/Berlin\"\nzone = \"Asia/Shanghai\"\n";
    let source = source(time);
    let path = source.path();
    let rows = [
        "1,2025-03-30T02:30,1\n",
        "2,2025-10-26T02:30,2\n",
        "3,2025-03-31T00:30,3\n",
        "3,2025-12-31T00:30,\"=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\n",
    ];
    write(path, "clock.csv", &rows.map(str::to_owned));
    let ran = sign(
        path,
        "--input clock.csv --output b.jsonl --rejects r.csv --most-rejects-percent 100 --complete-from 2025-03-01 --complete-until 2025-12-31",
    );
    ends(
        &ran,
        3,
        &[
            "rejected: 1: time-twice",
            "rejected: 1: time-skipped",
            "1 commitments",
        ],
    );
    let rejects = fs::read_to_string(path.join("r.csv")).expect("written");
    for part in [
        "2025-10-26T02:30+02:00",
        "2025-10-26T02:30+01:00",
        "2025-03-30T02:30 never existed in Europe/Berlin",
        "\"'=HYPERLINK(",
    ] {
        assert!(rejects.contains(part), "{part} is not in {rejects}");
    }
}
