//! A mapping that fits a schema: the columns, and how each is read.

use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::{calendar::Timestamp, ids::PeriodKind};

use crate::{
    field_plan::{FieldPlan, field_plan},
    mapping::{Columns, Format, Mapping, MappingError},
    wall_clock::{Needed, Present, WallClock},
};

/// A mapping checked against a schema, ready to read rows.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
    /// Every mapped column, once; the other members point in here.
    pub(crate) columns: Vec<String>,
    pub(crate) subject: usize,
    pub(crate) row_key: Option<usize>,
    pub(crate) time: usize,
    pub(crate) clock: WallClock,
    /// The schema's fields in its order.
    pub(crate) fields: Vec<FieldPlan>,
    /// Place of the field that orders records.
    pub(crate) key: usize,
    pub(crate) kind: PeriodKind,
    pub(crate) schema: Schema,
}

impl Plan {
    /// The column of the field that orders records.
    pub(crate) fn key_column(&self) -> usize {
        let key = self.fields.get(self.key);
        key.and_then(FieldPlan::column).unwrap_or(self.time)
    }

    /// The local wall clock of the deeds at this time; if the mapping names no zone, all clocks on
    /// Earth.
    pub fn present(&self, time: Timestamp) -> Present {
        self.clock.present(time)
    }

    /// Checks a mapping.
    ///
    /// # Errors
    /// [`MappingError`] names what does not fit.
    pub fn new(mapping: &Mapping, schema: &Schema) -> Result<Self, MappingError> {
        let mut columns = Columns::default();
        let subject = columns.place(&mapping.subject);
        let row_key = mapping.row_key.as_ref().map(|name| columns.place(name));
        let time = columns.place(&mapping.time.column);
        let delimiter = u8::try_from(mapping.delimiter)
            .ok()
            .filter(|b| b.is_ascii() && !b"\"\r\n".contains(b))
            .ok_or(MappingError::Delimiter {
                found: mapping.delimiter,
            })?;
        if let Some(field) = mapping
            .fields
            .keys()
            .find(|name| schema.fields.iter().all(|field| field.name != **name))
        {
            let known: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
            return Err(MappingError::UnknownField {
                field: field.clone(),
                known: known.join(", "),
            });
        }
        let fields = schema
            .fields
            .iter()
            .map(|field| field_plan(field, mapping, &mut columns))
            .collect::<Result<Vec<_>, _>>()?;
        let timed = |field: &Field| field.kind == FieldKind::TimeInPeriod;
        let needed = if schema.fields.iter().any(timed) {
            Needed::Minute
        } else {
            Needed::Day
        };
        Ok(Self {
            format: mapping.format,
            delimiter,
            columns: columns.0,
            subject,
            row_key,
            time,
            clock: WallClock::new(&mapping.time, needed)?,
            fields,
            key: schema.key(),
            kind: schema.period,
            schema: schema.clone(),
        })
    }

    /// The schema that rows are read into.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the scale counts by.
    pub fn period_kind(&self) -> PeriodKind {
        self.kind
    }
}
