//! Reading as a whole: a nasty file, real files, and properties.

use std::io::Cursor;

use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::ids::PeriodKind;
use merits_records::{
    Mapping, Plan, ReadError, ReadOptions, Reading, Reason, Reject, read, reading::Span,
};
use proptest::prelude::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cycling/");

fn trips(max_records: u16) -> Schema {
    let int = |name: &str, unit: &str| Field {
        name: name.into(),
        kind: FieldKind::Int {
            min: 0,
            max: 65_535,
        },
        unit: unit.into(),
        key: false,
    };
    let start = Field {
        name: "start".into(),
        kind: FieldKind::TimeInPeriod,
        unit: "min".into(),
        key: true,
    };
    let fields = vec![start, int("duration", "s"), int("distance", "m")];
    Schema::new(
        "cycling-trip",
        "trips",
        PeriodKind::Week,
        fields,
        max_records,
    )
    .expect("a schema")
}

fn plan(mapping: &str, max_records: u16) -> Plan {
    let text =
        std::fs::read_to_string(format!("{EXAMPLES}{mapping}")).expect("the example is there");
    let mapping = Mapping::from_toml(&text).expect("the example parses");
    Plan::new(&mapping, &trips(max_records)).expect("the mapping fits")
}

fn run(input: &[u8], plan: &Plan) -> (Reading, Vec<Reject>) {
    let mut rejects = Vec::new();
    let reading = read(
        Cursor::new(input),
        plan,
        ReadOptions::default(),
        &mut |reject| {
            rejects.push(reject.clone());
            Ok(())
        },
        &mut |_| {},
    )
    .expect("readable");
    (reading, rejects)
}

const HEADER: &str = "trip_id,bike_id,start_date,duration_s,crow_m\n";

/// A row's bytes, and why it is refused, at which column.
type Row<'a> = (&'a [u8], Option<(Reason, &'a str)>);

/// What one system writes in one character and another in two is one account: the ticket that the person's
/// phone made, the link of the source, and the platform's export meet.
#[test]
fn an_account_is_one_however_its_letters_are_composed() {
    let rows = format!(
        "{HEADER}1,Zo\u{e9},2014-09-01T08:00,785,752\n2,Zoe\u{301},2014-09-02T09:00,600,1000\n"
    );
    let (reading, rejects) = run(rows.as_bytes(), &plan("mapping.toml", 40));
    assert_eq!(rejects, []);
    let accounts: Vec<(&str, usize)> = reading
        .groups
        .iter()
        .map(|group| (group.subject.as_str(), group.records.len()))
        .collect();
    assert_eq!(accounts, [("Zo\u{e9}", 2)]);
}

#[test]
fn a_nasty_file_costs_its_bad_rows_only() {
    let mut file = b"\xef\xbb\xbf".to_vec();
    file.extend_from_slice(HEADER.replace('\n', "\r\n").as_bytes());
    let rows: [Row<'_>; 22] = [
        (b"1,568,2014-09-01T08:00,785,752\r\n", None),
        (b"2,568,2014-09-01T09:00,600,1000\n", None),
        (b"\r\n", None),
        // The order of a file does not matter.
        (b"3,568,2014-09-01T08:30,600,1000\n", None),
        (
            b"4,568,2014-09-01T09:00,600,1000\n",
            Some((Reason::Tie, "start_date")),
        ),
        (
            b"2,568,2014-09-01T10:00,600,1000\n",
            Some((Reason::DuplicateKey, "trip_id")),
        ),
        (
            b"5,568,2014-09-01T10:00,,1000\n",
            Some((Reason::Missing, "duration_s")),
        ),
        (
            b"6,568,2014-09-01T10:00,65536,1000\n",
            Some((Reason::OutOfBounds, "duration_s")),
        ),
        (
            b"7,568,2014-09-01T10:00,-5,1000\n",
            Some((Reason::OutOfBounds, "duration_s")),
        ),
        (
            b"8,568,2014-09-01T10:00,600,1e9\n",
            Some((Reason::OutOfBounds, "crow_m")),
        ),
        (
            b"9,568,2014-09-01T10:00,ten,1000\n",
            Some((Reason::Unparsable, "duration_s")),
        ),
        (
            b"10,568,2014-09-01T10:00,600,0.5\n",
            Some((Reason::Unparsable, "crow_m")),
        ),
        (
            b"11,568,01/09/2014 10:00,600,1000\n",
            Some((Reason::Unparsable, "start_date")),
        ),
        (
            b"12,568,2014-02-30T10:00,600,1000\n",
            Some((Reason::Unparsable, "start_date")),
        ),
        (
            b"13,568,1914-09-01T10:00,600,1000\n",
            Some((Reason::OutOfBounds, "start_date")),
        ),
        (
            b"14,568,2014-09-01T10:00,600\n",
            Some((Reason::ColumnCount, "")),
        ),
        (
            b"15,568,2014-09-01T10:00,600,1000,7\n",
            Some((Reason::ColumnCount, "")),
        ),
        (
            b"16,\xff\xfe,2014-09-01T10:00,600,1000\n",
            Some((Reason::NotUtf8, "bike_id")),
        ),
        (
            b"17,\"568\nA\",2014-09-01T10:00,600,1000\n",
            Some((Reason::Unparsable, "bike_id")),
        ),
        (
            b"18,\"568,2014-09-01T10:00,600,1000\n",
            Some((Reason::Quoting, "")),
        ),
        // A quoted subject is the same subject; the row after the stray quote is not lost.
        (b"19,\"568\",\"2014-09-01T10:00\", 600 ,1000\n", None),
        (b"20,569,2014-09-07T23:59,0,0", None),
    ];
    let mut line = 2u64;
    let mut wanted = Vec::new();
    for (row, verdict) in rows {
        file.extend_from_slice(row);
        if let Some((reason, column)) = verdict {
            wanted.push((line, reason, column.to_owned()));
        }
        line += row.iter().filter(|b| **b == b'\n').count() as u64;
    }
    let (reading, rejects) = run(&file, &plan("mapping.toml", 40));
    let mut found: Vec<(u64, Reason, String)> = rejects
        .iter()
        .map(|r| (r.line, r.reason, r.column.clone()))
        .collect();
    // Whether a row counts beside others is known only at the end.
    found.sort_by_key(|(line, ..)| *line);
    assert_eq!(found, wanted);
    assert_eq!(reading.report.rows, 21);
    assert_eq!(reading.report.accepted, 5);
    assert_eq!(reading.report.rejected, 16);
    assert_eq!(reading.report.reasons.values().sum::<u64>(), 16);
    let starts: Vec<Vec<u64>> = reading
        .groups
        .iter()
        .map(|group| group.records.iter().map(|record| record.0[0]).collect())
        .collect();
    assert_eq!(starts, [vec![480, 510, 540, 600], vec![6 * 1440 + 1439]]);
    let at = |line| {
        rejects
            .iter()
            .find(|reject| reject.line == line)
            .expect("a reject")
    };
    assert_eq!(at(9).value, "65536");
    let tie = at(6);
    assert_eq!(tie.value, "2014-09-01T09:00:00");
    assert!(tie.detail.contains("line 3"), "{}", tie.detail);
    assert_eq!(at(7).value, "2");
}

#[test]
fn a_header_without_a_mapped_column_is_refused_before_any_row() {
    let result = read(
        Cursor::new("trip_id,bike_id,start_date,crow_m\n1,2,2014-09-01T10:00,4\n"),
        &plan("mapping.toml", 40),
        ReadOptions::default(),
        &mut |_| panic!("no row may be looked at"),
        &mut |_| {},
    );
    match result {
        Err(ReadError::MissingColumns { missing, .. }) => assert_eq!(missing, ["duration_s"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_example_gives_the_figures_of_its_readme() {
    let file = std::fs::read(format!("{EXAMPLES}trips.csv")).expect("the example is there");
    assert!(file.len() <= 1 << 20);
    let (reading, rejects) = run(&file, &plan("mapping.toml", 40));
    assert_eq!(reading.report.rows, 14_010);
    assert_eq!(reading.report.rejected, 20);
    assert_eq!(reading.report.subjects, 130);
    assert!(
        rejects
            .iter()
            .all(|reject| reject.reason == Reason::OutOfBounds)
    );
    assert_eq!(reading.groups.len(), 981);
    let [refused] = reading.refused.as_slice() else {
        panic!("{:?}", reading.refused)
    };
    assert_eq!(
        (refused.subject.as_str(), refused.count, refused.limit),
        ("609", 42, 40)
    );
    assert_eq!(refused.period.label(), "2014-W43");
}

#[test]
fn both_forms_of_the_example_give_the_same_records() {
    let json = std::fs::read(format!("{EXAMPLES}trips.jsonl")).expect("the example is there");
    let (json, rejects) = run(&json, &plan("mapping-jsonl.toml", 40));
    // Two bikes were out for almost a day: longer than the schema's bound.
    assert_eq!((json.report.rows, rejects.len()), (396, 2));
    let csv = std::fs::read(format!("{EXAMPLES}trips.csv")).expect("the example is there");
    let (csv, _) = run(&csv, &plan("mapping.toml", 40));
    assert!(json.groups.len() > 30);
    for group in &json.groups {
        assert!(
            csv.groups.contains(group),
            "{} {:?}",
            group.subject,
            group.period
        );
    }
}

#[test]
fn mappings_that_do_not_fit_are_refused() {
    let good = std::fs::read_to_string(format!("{EXAMPLES}mapping.toml")).expect("there");
    let fault = |text: &str| match Mapping::from_toml(text) {
        Err(error) => error.to_string(),
        Ok(mapping) => Plan::new(&mapping, &trips(40))
            .expect_err("refused")
            .to_string(),
    };
    for (from, to, says) in [
        ("subject", "colour = 1\nsubject", "colour"),
        ("[fields.distance]", "[fields.length]", "length"),
        (
            "column = \"crow_m\"\nunit = \"m\"",
            "column = \"crow_m\"\nunit = \"s\"",
            "different things",
        ),
        (
            "unit = \"s\"",
            "unit = \"s\"\nscale = \"2\"",
            "both unit and scale",
        ),
        ("unit = \"s\"", "unit = \"parsec\"", "parsec"),
        ("[time]", "[fields.start]\ncolumn = \"x\"\n[time]", "[time]"),
        ("%H:%M", "%H", "no date with hour and minute"),
        (
            "format = \"csv\"",
            "format = \"csv\"\ndelimiter = \"é\"",
            "delimiter",
        ),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let error = fault(&text);
        assert!(error.contains(says), "{error}");
    }
    let cut = &good[..good.find("[fields.distance]").expect("there")];
    assert!(fault(cut).contains("distance"));
}

#[test]
fn only_the_first_subjects_are_read_when_asked() {
    let file = std::fs::read(format!("{EXAMPLES}trips.csv")).expect("the example is there");
    let options = ReadOptions {
        first_subjects: Some(7),
        ..ReadOptions::default()
    };
    let plan = plan("mapping.toml", 40);
    let reading = read(&file[..], &plan, options, &mut |_| Ok(()), &mut |_| {}).expect("readable");
    assert_eq!(reading.report.subjects, 7);
    let report = &reading.report;
    assert_eq!(
        report.rows,
        report.accepted + report.rejected + report.left_out
    );
    // A subject that is read is read in full.
    let (all, _) = run(&file, &plan);
    for group in &reading.groups {
        assert!(all.groups.contains(group));
    }
}

/// A row of the generated files: subject, minute of the two weeks, duration, distance.
fn row() -> impl Strategy<Value = (u8, u32, u64, u64)> {
    (0u8..4, 0u32..14 * 1440, 0u64..70_000, 0u64..70_000)
}

/// A file that is sorted newest first, that repeats rows, or that gives one trip two lengths.
#[test]
fn what_counts_does_not_hang_on_the_order_of_the_file() {
    let rows = [
        "1,568,2014-09-01T08:00,785,752\n",
        "2,568,2014-09-01T09:00,600,1000\n",
        "2,568,2014-09-01T09:00,600,1000\n",
        "3,569,2014-09-02T09:00,500,1000\n",
        "3,568,2014-09-02T09:00,400,1000\n",
        "4,570,2014-09-03T09:00,500,1000\n",
        "5,570,2014-09-03T09:00,400,2000\n",
        "6,571,2014-09-04T09:00,400,2000\n",
    ];
    let plan = plan("mapping.toml", 40);
    let (want, rejects) = run(format!("{HEADER}{}", rows.concat()).as_bytes(), &plan);
    assert_eq!((want.report.accepted, rejects.len()), (5, 3));
    let mut turned = rows;
    for _ in 0..rows.len() {
        turned.rotate_left(3);
        for backwards in [false, true] {
            let mut rows = turned;
            if backwards {
                rows.reverse();
            }
            let (found, _) = run(format!("{HEADER}{}", rows.concat()).as_bytes(), &plan);
            assert_eq!(found.groups, want.groups);
            assert_eq!(found.report, want.report);
            // The lines differ, the moments do not.
            let moments = |span: &Option<Span>| {
                let span = (*span).expect("rows");
                let edges = [
                    Some(span.first),
                    span.begins(),
                    span.ends(),
                    Some(span.last),
                ];
                edges.map(|edge| edge.map(|edge| edge.moment))
            };
            assert_eq!(moments(&found.span), moments(&want.span));
        }
    }
}

#[test]
fn what_has_not_happened_is_refused_and_covers_nothing() {
    let file = format!("{HEADER}1,568,2014-09-01T08:00,785,752\n2,568,2030-09-01T08:00,785,752\n");
    let now = jiff::civil::date(2014, 9, 10).at(0, 0, 0, 0);
    let options = ReadOptions {
        now: Some(now),
        ..ReadOptions::default()
    };
    let mut rejects = Vec::new();
    let mut keep = |reject: &Reject| {
        rejects.push(reject.clone());
        Ok(())
    };
    let plan = plan("mapping.toml", 40);
    let reading = read(file.as_bytes(), &plan, options, &mut keep, &mut |_| {}).expect("readable");
    assert_eq!(reading.report.accepted, 1);
    let [reject] = rejects.as_slice() else {
        panic!("{rejects:?}")
    };
    assert_eq!((reject.line, reject.reason), (3, Reason::Future));
    let span = reading.span.expect("a row");
    assert_eq!((span.last.line, span.ends()), (2, None));
    assert_eq!(
        span.last.moment,
        jiff::civil::date(2014, 9, 1).at(8, 0, 0, 0)
    );
}

proptest! {
    /// Rows are accepted exactly when they are within bounds and alone at their moment, groups hold exactly
    /// the accepted ones, none over the claim's size; and the order of the rows changes nothing.
    #[test]
    fn groups_are_what_the_rules_say(
        rows in prop::collection::vec(row(), 0..120),
        limit in 1u16..12,
        shift in any::<prop::sample::Index>(),
        backwards: bool,
    ) {
        let lines: Vec<String> = rows.iter().enumerate()
            .map(|(i, (subject, minute, duration, distance))| {
                let (day, minute) = (minute / 1440 + 1, minute % 1440);
                format!(
                    "{i},s{subject},2014-09-{day:02}T{:02}:{:02},{duration},{distance}\n",
                    minute / 60, minute % 60
                )
            }).collect();
        let plan = plan("mapping.toml", limit);
        let (reading, rejects) = run(format!("{HEADER}{}", lines.concat()).as_bytes(), &plan);
        let mut wanted: std::collections::BTreeMap<(u32, u8), std::collections::BTreeMap<u64, [u64; 3]>> =
            Default::default();
        for (subject, minute, duration, distance) in &rows {
            if *duration > 65_535 || *distance > 65_535 {
                continue;
            }
            let group = wanted.entry((minute / (7 * 1440), *subject)).or_default();
            let start = u64::from(minute % (7 * 1440));
            let record = [start, *duration, *distance];
            let place = group.entry(start).or_insert(record);
            *place = (*place).min(record);
        }
        let counted: usize = wanted.values().map(|group| group.len()).sum();
        let bad = (rows.len() - counted) as u64;
        let over = wanted.values().filter(|group| group.len() > usize::from(limit)).count();
        wanted.retain(|_, group| group.len() <= usize::from(limit));
        prop_assert_eq!(reading.refused.len(), over);
        prop_assert_eq!(rejects.len() as u64, bad);
        let found: Vec<Vec<Vec<u64>>> = reading.groups.iter()
            .map(|group| group.records.iter().map(|record| record.0.clone()).collect()).collect();
        let wanted: Vec<Vec<Vec<u64>>> = wanted.values()
            .map(|group| group.values().map(|record| record.to_vec()).collect()).collect();
        prop_assert_eq!(found, wanted);

        let mut other = lines.clone();
        if !other.is_empty() {
            let at = shift.index(other.len());
            other.rotate_left(at);
        }
        if backwards {
            other.reverse();
        }
        let (again, other) = run(format!("{HEADER}{}", other.concat()).as_bytes(), &plan);
        prop_assert_eq!(again.groups, reading.groups);
        prop_assert_eq!(again.refused, reading.refused);
        prop_assert_eq!(other.len(), rejects.len());
    }

    /// Any bytes: an error of the file as a whole, or as many outcomes as rows.
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..600), json: bool, header: bool,
    ) {
        let mut file = if header { HEADER.as_bytes().to_vec() } else { Vec::new() };
        file.extend(bytes);
        let plan = plan(if json { "mapping-jsonl.toml" } else { "mapping.toml" }, 40);
        let mut rejects = 0;
        let reading = read(&file[..], &plan, ReadOptions::default(),
            &mut |_| { rejects += 1; Ok(()) }, &mut |_| {});
        if let Ok(reading) = reading {
            prop_assert_eq!(reading.report.rejected, rejects);
            prop_assert_eq!(reading.report.rows, reading.report.accepted + rejects);
        }
    }
}
