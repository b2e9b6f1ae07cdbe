//! The shipped scale, what belongs to its shape, and every refusal.

mod difference;
mod formulas;
mod language;
mod places;
mod shape;

use merits_primitives::figures::PublicNumber;
use merits_primitives::ids::{Credits, Expiry, Period};

use super::{FaultKind, Manifest, ManifestError};

const CYCLING: &str = include_str!("../../../scales/cycling-week/scale.toml");
const CYCLING_NUMBERS: [PublicNumber; 2] = [PublicNumber(16_272), PublicNumber(20_000)];

fn cycling() -> Manifest {
    Manifest::from_toml(CYCLING).unwrap()
}

/// The shipped manifest with one text replaced by another.
fn changed(from: &str, to: &str) -> Result<Manifest, ManifestError> {
    assert!(CYCLING.contains(from), "{from:?} is in the manifest");
    Manifest::from_toml(&CYCLING.replacen(from, to, 1))
}

/// The message of a refusal.
fn refused(from: &str, to: &str) -> String {
    match changed(from, to) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{to:?} is accepted"),
    }
}

fn week(label: &str) -> Period {
    Period::from_label(label).unwrap()
}

#[test]
fn the_shipped_scale_is_what_it_says() {
    let scale = cycling();
    assert_eq!(scale.id().as_str(), "cycling-week");
    assert_eq!(scale.schema().max_records, 40);
    assert_eq!(scale.claims_per_proof(), 16);
    assert_eq!(scale.schema().record_bits(), 46);
    assert_eq!(scale.public_values(week("2014-W36")), CYCLING_NUMBERS);
    assert_eq!(scale.max_credits(), Credits(175_000));
    // V_max times the claims of a proof leaves room for totals of many batches below 2^48.
    assert!(scale.max_credits().0 * 16 < 1 << 48);
    assert_eq!(scale.examples().len(), 6);
    assert_eq!(scale.expiry(week("2014-W36")), Expiry(564));
}

/// Owner keys, and with them the pads that hide credits, come from this digest.
#[test]
fn a_consent_is_to_one_version_of_one_scale() {
    let scale = cycling();
    let others = [
        changed("version = 1", "version = 2"),
        changed("id = \"cycling-week\"", "id = \"cycling-work\""),
        changed("deleted at any time", "deleted never"),
    ];
    for other in others {
        assert_ne!(other.unwrap().terms_digest(), scale.terms_digest());
    }
}

#[test]
fn a_version_is_for_its_periods() {
    let scale = cycling();
    assert_eq!(scale.public_values(week("2099-W01")), CYCLING_NUMBERS);
    assert!(scale.is_valid_at(week("2099-W01")));
    assert!(!scale.is_valid_at(week("2014-W35")));
    let ended = changed(
        "from = \"2014-W36\"",
        "from = \"2014-W36\"\nuntil = \"2014-W40\"",
    )
    .unwrap();
    assert!(ended.is_valid_at(week("2014-W40")));
    assert!(!ended.is_valid_at(week("2014-W41")));
    assert_eq!(ended.validity().words(), "2014-W36 to 2014-W40");
    // A month is not a week.
    assert!(!scale.is_valid_at(week("2014-10")));
}

#[test]
fn another_figure_keeps_the_shape() {
    let shape = cycling().shape().digest();
    // Examples promise the credits of 162.72; 162.7201 would have more digits than declared.
    let examples = CYCLING.find("[[example]]").unwrap();
    let without_examples = &CYCLING[..examples];
    let same = |from: &str, to: &str| {
        assert!(
            without_examples.contains(from),
            "{from:?} is in the manifest"
        );
        let scale = Manifest::from_toml(&without_examples.replacen(from, to, 1)).unwrap();
        scale.shape().digest() == shape
    };
    assert!(same("162.72", "170.51"));
    assert!(same("value = \"20000\"", "value = \"25000\""));
    assert!(same("version = 1", "version = 2"));
    assert!(same("每周骑行减碳量", "骑行"));
    assert!(same("bucket_months = 6", "bucket_months = 12"));
    assert!(same("// Trips of 2 minutes", "// Rides of 2 minutes"));
    assert!(same("t, t.duration >= 120", "t,   t.duration >= 120"));
    assert!(!same("t.duration >= 120", "t.duration >= 121"));
    assert!(!same("claims = 16", "claims = 8"));
    assert!(!same("max_records = 40", "max_records = 20"));
    assert!(!same(
        "interval = [\"0\", \"500\"]",
        "interval = [\"0\", \"400\"]"
    ));
    assert!(!same("exponent = 2", "exponent = 3"));
    assert!(!same("max = 65_535", "max = 32_767"));
}

#[test]
fn an_example_that_does_not_hold_is_refused() {
    let error = refused("credits = 488", "credits = 489");
    assert!(
        error.contains("promises 489 credits") && error.contains("gives 488"),
        "{error}"
    );
    assert!(refused("value = \"162.72\"", "value = \"170.51\"").contains("example"));
    assert!(refused("Mon 08:10", "Moon 08:10").contains("is not a time"));
    assert!(refused("Mon 08:10", "Mon 24:10").contains("is not a time"));
    assert!(refused("distance = 3000", "distance = 70000").contains("out of bounds"));
    assert!(refused("distance = 3000", "distance = \"far\"").contains("whole number"));
    assert!(refused("duration = 600, ", "").contains("missing"));
    assert!(refused("duration = 600", "duration = 600, colour = 1").contains("no field"));
    assert!(refused("Mon 18:02", "Mon 08:10").contains("counts once"));
    assert!(refused("Mon 18:02", "Mon 08:09").contains("in order"));
}

#[test]
fn unknown_and_missing_keys_are_errors_with_their_place() {
    let error = refused("version = 1", "version = 1\ncolour = \"green\"");
    assert!(
        error.starts_with("scale.toml:8:1") && error.contains("colour"),
        "{error}"
    );
    assert!(refused("[batch]", "[batch]\nrecords = 3").contains("records"));
    let constant = "name = \"factor\"";
    assert!(refused(constant, "name = \"factor\"\nvalidity = 1").contains("validity"));
    assert!(refused("[[example]]", "[[example]]\nnote = 1").contains("note"));
    assert!(refused("asset = 1\n", "").contains("asset"));
    assert!(refused("version = 1", "version = -1").contains("scale.toml:7:11"));
    // Decimals are texts: a float would not be exact.
    assert!(refused("value = \"162.72\"", "value = 162.72").contains("string"));
    assert!(refused("id =", "id").contains("scale.toml:6:"));
}

#[test]
fn values_out_of_place_are_refused() {
    for (from, to, word) in [
        ("\"cycling-week\"", "\"Cycling week\"", "`id`"),
        ("version = 1", "version = 0", "from 1"),
        ("claims = 16", "claims = 0", "batch.claims"),
        ("claims = 16", "claims = 65", "batch.claims"),
        ("sdg = [3, 11, 13]", "sdg = [18]", "1 to 17"),
        ("sdg = [3, 11, 13]", "sdg = [3, 11, 3]", "each once"),
        ("supply_cap = 10_000_000_000", "supply_cap = 0", "cap of 0"),
        ("unit = \"g CO2e\"", "unit = \" \"", "empty"),
        ("\"2014-W36\"", "\"2014-09\"", "counts by"),
        ("\"2014-W36\"", "\"2014-W99\"", "not a period"),
        (
            "\"2014-W36\"",
            "\"2014-W36\"\nuntil = \"2014-W35\"",
            "before",
        ),
        ("bucket_months = 6", "bucket_months = 0", "bucket_months"),
        ("max_records = 40", "max_records = 0", "max_records"),
        ("key = true", "key = false", "key"),
        ("max = 65_535", "min = 9", "lacks the key `max`"),
        (
            "unit = \"min\"",
            "unit = \"min\"\nmax = 3",
            "those of the period",
        ),
        (
            "value = \"162.72\"",
            "value = \"500.01\"",
            "outside its interval",
        ),
        (
            "value = \"162.72\"",
            "value = \"162.725\"",
            "more than the declared 2",
        ),
        ("value = \"162.72\"", "value = \"1,5\"", "not a decimal"),
        ("[\"0\", \"500\"]", "[\"9\", \"5\"]", "lower bound"),
        (
            "\"Decision of the issuer: at most 20 km of cycling a day replace driving\"",
            "\"\"",
            "source of the figure",
        ),
        ("name = \"daily_cap\"", "name = \"factor\"", "taken"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(word), "{to}: {error}");
    }
    let long = format!("{CYCLING}\n#{}", "x".repeat(super::MAX_BYTES));
    let error = Manifest::from_toml(&long).unwrap_err();
    assert_eq!(error.faults[0].kind, FaultKind::TooLong);
}

#[test]
fn faults_in_the_formula_are_shown_at_their_line_of_the_manifest() {
    let error = changed("t.duration >= 120", "t.duraton >= 120").unwrap_err();
    let faults = &error.faults;
    let line = CYCLING
        .lines()
        .position(|line| line.contains("t.duration >= 120"));
    assert_eq!(Some(faults[0].line - 1), line);
    assert_eq!(faults[0].column, 16);
    let text = CYCLING.replacen("t.duration >= 120", "t.duraton >= 120", 1);
    assert_eq!(&text[faults[0].span.start..faults[0].span.end], "t.duraton");
    assert!(
        error.to_string().contains("did you mean `duration`"),
        "{error}"
    );
}
