//! Schemas: what is refused, order, packing, ids.

use super::*;

pub(crate) fn trips() -> Schema {
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
    let fields = vec![start, int("duration", ""), int("distance", "")];
    Schema::new("cycling-trip", "trips", PeriodKind::Week, fields, 40).unwrap()
}

fn record(values: [u64; 3]) -> Record {
    Record(values.to_vec())
}

#[test]
fn five_trips_fit_an_element() {
    let schema = trips();
    assert_eq!(schema.record_bits(), 14 + 16 + 16);
    assert_eq!(schema.records_per_element(), 5);
    assert_eq!(schema.packed_elements(), 8);
    let records: Vec<Record> = (1..=6).map(|i| record([i, 10 * i, 100 * i])).collect();
    let packed = schema.pack(&records);
    assert_eq!(packed.len(), 8);
    let slot = |i: u64| {
        Fr::from(i) + Fr::from(10 * i) * power_of_two(14) + Fr::from(100 * i) * power_of_two(30)
    };
    let first = (0..5).map(|k| slot(u64::from(k) + 1) * power_of_two(46 * k));
    assert_eq!(packed[0], first.sum::<Fr>());
    assert_eq!(packed[1], slot(6));
    assert!(packed[2..].iter().all(|e| *e == Fr::from(0u64)));
}

#[test]
fn records_outside_the_schema_are_refused() {
    let schema = trips();
    assert_eq!(schema.check_record(&record([10_079, 65_535, 0])), Ok(()));
    let faults = [
        (record([10_080, 0, 0]), "start"),
        (record([0, 65_536, 0]), "duration"),
        (record([0, 0, u64::MAX]), "distance"),
        (Record(vec![0, 0]), "distance"),
        (Record(vec![0, 0, 0, 5]), "(beyond the last)"),
    ];
    for (bad, field) in faults {
        assert_eq!(schema.check_record(&bad).unwrap_err().field, field);
    }
}

#[test]
fn order_and_number_are_checked() {
    let schema = trips();
    let at = |start| record([start, 600, 1000]);
    assert_eq!(schema.check_sequence(&[]), Ok(()));
    assert_eq!(schema.check_sequence(&[at(0), at(1), at(10_079)]), Ok(()));
    for bad in [[at(5), at(5)], [at(5), at(4)]] {
        let error = schema.check_sequence(&bad).unwrap_err();
        assert!(matches!(error, SequenceError::Order { index: 1, .. }));
    }
    let many: Vec<Record> = (0..41).map(at).collect();
    assert_eq!(schema.check_sequence(&many[..40]), Ok(()));
    let error = schema.check_sequence(&many).unwrap_err();
    assert_eq!(error, SequenceError::TooMany { count: 41, max: 40 });
    let error = schema.check_sequence(&[at(1), at(20_000)]).unwrap_err();
    assert!(matches!(error, SequenceError::Record { index: 1, .. }));
}

#[test]
fn wrong_schemas_are_refused() {
    let good = trips();
    let build = |list: &str, fields: Vec<Field>, r| {
        Schema::new("s", list, PeriodKind::Week, fields, r).map_err(|e| e.reason)
    };
    let change = |f: &dyn Fn(&mut Vec<Field>)| {
        let mut fields = good.fields.clone();
        f(&mut fields);
        build("trips", fields, 40).unwrap_err()
    };
    assert!(build("trips", good.fields.clone(), 40).is_ok());
    assert!(
        build("start", good.fields.clone(), 40)
            .unwrap_err()
            .contains("twice")
    );
    assert!(
        build("Trips", good.fields.clone(), 40)
            .unwrap_err()
            .contains("write `trips`")
    );
    assert!(
        build("trips", good.fields.clone(), 0)
            .unwrap_err()
            .contains("max_records")
    );
    assert!(
        build("trips", good.fields.clone(), 513)
            .unwrap_err()
            .contains("max_records")
    );
    assert!(build("trips", vec![], 40).unwrap_err().contains("fields"));
    assert!(change(&|f| f[0].key = false).contains("key"));
    assert!(change(&|f| f[1].key = true).contains("key"));
    assert!(change(&|f| f[1].name = "in".into()).contains("a word"));
    assert!(change(&|f| f[1].kind = FieldKind::Int { min: 2, max: 1 }).contains("min above"));
    let wide = |f: &mut Vec<Field>| {
        let field = |i| Field {
            name: format!("f{i}"),
            kind: FieldKind::Int {
                min: 0,
                max: u64::MAX,
            },
            unit: String::new(),
            key: false,
        };
        f.extend((0..4).map(field));
    };
    assert!(change(&wide).contains("bits"));
    assert!(Schema::new("A b", "t", PeriodKind::Week, good.fields.clone(), 1).is_err());
}

#[test]
fn the_id_covers_bounds_order_and_size() {
    let id = trips().id();
    let changed = |f: &dyn Fn(&mut Schema)| {
        let mut schema = trips();
        f(&mut schema);
        schema.id()
    };
    assert_eq!(id, changed(&|_| {}));
    assert_ne!(id, changed(&|s| s.max_records = 41));
    assert_ne!(id, changed(&|s| s.period = PeriodKind::Month));
    assert_ne!(id, changed(&|s| s.fields.swap(1, 2)));
    assert_ne!(
        id,
        changed(&|s| s.fields[1].kind = FieldKind::Int { min: 0, max: 9 })
    );
    assert_ne!(id, changed(&|s| s.fields[1].unit = "m".into()));
}
