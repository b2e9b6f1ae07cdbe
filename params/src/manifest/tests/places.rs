//! Every refusal of the new keys, and the position in the file that it points at.

use super::language::{RIDES, changed};

/// The faults after a replacement, each with the text that it points at.
fn faults(from: &str, to: &str) -> Vec<(String, String)> {
    let text = RIDES.replacen(from, to, 1);
    let error = changed(from, to).map(|_| ()).unwrap_err();
    let shown = error.faults.into_iter().map(|fault| {
        let at = text[fault.span.clone()].to_owned();
        let line = text[..fault.span.start].matches('\n').count() + 1;
        assert_eq!(fault.line, line, "{fault}");
        (fault.to_string(), at)
    });
    shown.collect()
}

#[test]
fn faults_point_at_their_place() {
    for (from, to, message, at) in [
        // Keys and types.
        ("digits = 1", "digit = 1", "did you mean `digits`", "digit"),
        (
            "type = \"bool\"",
            "type = \"boolean\"",
            "did you mean \"bool\"",
            "\"boolean\"",
        ),
        (
            "type = \"bool\"",
            "type = \"text\"",
            "the types are int",
            "\"text\"",
        ),
        (
            "type = \"bool\"",
            "type = \"bool\"\nmax = 3",
            "takes no `max`",
            "max",
        ),
        (
            "type = \"time\"",
            "type = \"time\"\nmin = 3",
            "those of the period",
            "min",
        ),
        (
            "type = \"bool\"",
            "type = \"bool\"\nunit = \"m\"",
            "leave `unit` out",
            "\"m\"",
        ),
        ("digits = 1", "digits = 19", "at most 18", "19"),
        (
            "max = \"99.9\"",
            "max = \"99.99\"",
            "has 2 digits after the point, and `digits` is 1",
            "\"99.99\"",
        ),
        (
            "max = \"99.9\"",
            "max = \"99.9\"\nmin = \"-1\"",
            "`min` = -1 is below 0",
            "\"-1\"",
        ),
        (
            "max = \"99.9\"",
            "max = \"1844674407370955161.6\"",
            "too large for `digits` = 1",
            "\"1844674407370955161.6\"",
        ),
        (
            "digits = 1\nmax = \"99.9\"",
            "digits = 0\nmax = \"99.9\"",
            "has 1 digit after",
            "\"99.9\"",
        ),
        ("max = \"99.9\"", "max = 99.9", "in quotes", "99.9"),
        (
            "values = [\"bus\", \"metro\"]",
            "values = [\"bus\"]",
            "2 to 64",
            "\"mode\"",
        ),
        (
            "\"2023-01-01\"",
            "\"2023-02-29\"",
            "write it as",
            "\"2023-02-29\"",
        ),
        (
            "\"2023-01-01\"",
            "2023-01-01",
            "date or time without quotes",
            "2023-01-01",
        ),
        (
            "unit = \"km\"",
            "unit = \"metre\"",
            "written `m`",
            "\"metre\"",
        ),
        ("key = true", "key = 1", "true or false is needed", "1"),
        ("key = true", "key = false", "key", "[schema]"),
        // Constants and dates.
        (
            "value = \"3\"",
            "value = \"51\"",
            "outside its interval",
            "\"51\"",
        ),
        (
            "from = \"2024-03-11\"",
            "from = \"11.3.2024\"",
            "not a date",
            "\"11.3.2024\"",
        ),
        (
            "from = \"2024-03-11\"\n",
            "",
            "only the first version",
            "[[constant.version]]",
        ),
        (
            "[[constant.version]]\nvalue = \"3\"",
            "[[constant.version]]\nfrom = \"2024-01-02\"\nvalue = \"3\"",
            "begins with 2024-01",
            "\"2024-01-02\"",
        ),
        (
            "value = \"5\"",
            "value = \"5\"\n\n[[constant.version]]\nfrom = \"2024-03-31\"\nvalue = \"6\"",
            "changes twice inside 2024-03",
            "\"2024-03-31\"",
        ),
        (
            "value = \"5\"",
            "value = \"5\"\n\n[[constant.version]]\nfrom = \"2024-03-11\"\nvalue = \"6\"",
            "in the order of their days",
            "\"2024-03-11\"",
        ),
        (
            "dated = true\ninterval = [\"0\", \"50\"]",
            "interval = [\"0\", \"50\"]",
            "add `dated = true`",
            "version",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "value = \"3\"\ninterval = [\"0\", \"50\"]",
            "have their `value` in",
            "value",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "interval = [\"0\"]",
            "two decimals",
            "[\"0\"]",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "interval = [\"9\", \"5\"]",
            "lower bound",
            "[\"9\", \"5\"]",
        ),
        (
            "name = \"bonus\"",
            "name = \"Bonus\"",
            "not a name",
            "\"Bonus\"",
        ),
        ("name = \"ramp\"", "name = \"rate\"", "taken", "\"rate\""),
        ("name = \"total\"", "name = \"rides\"", "taken", "\"rides\""),
        // Tables.
        (
            "{ metro = \"0.5\", bus = \"1\" }",
            "{ bus = \"1\" }",
            "`metro` of field `mode` has no figure",
            "values",
        ),
        (
            "{ metro = \"0.5\", bus = \"1\" }",
            "{ metro = \"0.5\", bus = \"1\", tram = \"1\" }",
            "`tram` is not a name of field `mode`",
            "values",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\" }",
            "`metro` has no figure",
            "values",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\", metro = \"1.5\", tram = \"1\" }",
            "`tram` is not a name of this table",
            "tram",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\", metro = \"1.55\" }",
            "more than the declared 1",
            "\"1.55\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"[5, 99.9]\"",
            "overlaps the one before",
            "\"[5, 99.9]\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"(6, 99.9]\"",
            "leaves a gap after",
            "\"(6, 99.9]\"",
        ),
        (
            "range = \"[0, 5]\"",
            "range = \"[0, 5)\"",
            "leaves a gap after",
            "\"(5, 99.9]\"",
        ),
        (
            "range = \"[0, 5]\"",
            "range = \"0 to 5\"",
            "not a band",
            "\"0 to 5\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"(5, 5]\"",
            "holds no number",
            "\"(5, 5]\"",
        ),
        (
            "value = \"0.8\" }",
            "value = \"1.1\" }",
            "outside its interval",
            "\"1.1\"",
        ),
        (
            "[\"100\", \"10\"]",
            "[\"100\"]",
            "two decimals",
            "[\"100\"]",
        ),
        (
            "[\"100\", \"10\"]",
            "[\"0\", \"10\"]",
            "increasing",
            "\"0\"",
        ),
        (
            "points = [[\"0\", \"0\"], [\"100\", \"10\"]]",
            "points = [[\"0\", \"0\"]]",
            "at least two",
            "points",
        ),
        (
            "points = [[\"0\", \"0\"], [\"100\", \"10\"]]",
            "",
            "add `bands` or `points`",
            "of",
        ),
        (
            "of = \"km\"\nbands",
            "bands",
            "lacks the key `of`",
            "[[table]]",
        ),
        // Formulas, in each kind of string.
        (
            "rides.filter(r, r.paid)",
            "rides.filter(r, r.payed)",
            "did you mean `paid`",
            "r.payed",
        ),
        (
            "counted.map(r, r.length)",
            "counted.map(r, r.lenght)",
            "did you mean `length`",
            "r.lenght",
        ),
        ("bonus.at(r.start)", "bonus.at(r.begin)", "begin", "r.begin"),
        (
            "total.to(\\\"m\\\")",
            "totals.to(\\\"m\\\")",
            "total",
            "totals",
        ),
        (
            "name = \"counted\"\n",
            "name = \"counted\"\nkey = true\n",
            "has no key `key`",
            "key",
        ),
        (
            "rounding = \"Once, at the end.\"\n",
            "",
            "lacks the key `rounding`",
            "[formula]",
        ),
        (
            "unit = \"m\"\nrounding",
            "unit = \" \"\nrounding",
            "readers need it",
            "\" \"",
        ),
        // A formula's fault about a declaration is reported at the declaration.
        (
            "  + counted.map(r, bonus.at(r.start)).sum()\n",
            "",
            "not used",
            "\"bonus\"",
        ),
        (
            "\n  + ramp[math.least(total, 100)]",
            "",
            "not used",
            "\"ramp\"",
        ),
        ("bonus.at(r.start)", "bonus", "changes on a day", "bonus"),
        (
            "total.to",
            "counted.size().to",
            "to",
            "counted.size().to(\\\"m\\\")",
        ),
        // Examples.
        (
            "length = \"4.5\"",
            "length = 4.5",
            "a decimal in quotes",
            "4.5",
        ),
        (
            "length = \"4.5\"",
            "length = \"4.55\"",
            "declared 1",
            "\"4.55\"",
        ),
        (
            "length = \"4.5\"",
            "length = \"100\"",
            "0 to 99.9 is allowed",
            "\"100\"",
        ),
        (
            "mode = \"bus\"",
            "mode = \"tram\"",
            "bus, metro",
            "\"tram\"",
        ),
        ("mode = \"bus\"", "mode = 0", "one of its names", "0"),
        ("paid = true", "paid = 1", "true or false is needed", "1"),
        (
            "booked = \"2024-01-01\"",
            "booked = 2024-01-01",
            "without quotes",
            "2024-01-01",
        ),
        (
            "booked = \"2024-01-01\"",
            "booked = \"2027-01-01\"",
            "2023-01-01 to 2026-12-31",
            "\"2027-01-01\"",
        ),
        ("on = 14", "on = 32", "as in 14", "32"),
        ("on = 10 }", "on = 0 }", "as in 14", "0"),
        (
            "\"11 00:00\"",
            "\"10 23:59\"",
            "counts once",
            "\"10 23:59\"",
        ),
        ("\"11 00:00\"", "\"10 00:00\"", "in order", "\"10 00:00\""),
        (
            "period = \"2024-03\"",
            "period = \"2023-12\"",
            "is for 2024-01 to further notice",
            "\"2023-12\"",
        ),
        (
            "period = \"2024-03\"",
            "period = \"2024-W10\"",
            "counts by",
            "\"2024-W10\"",
        ),
        ("credits = 26", "credits = 25", "gives 26", "25"),
        ("measure = 4500", "measure = 4499", "gives 4500", "4499"),
    ] {
        let found = faults(from, to);
        let fits = |(text, place): &(String, String)| text.contains(message) && place == at;
        assert!(found.iter().any(fits), "{to:?}: {found:#?}");
    }
}
