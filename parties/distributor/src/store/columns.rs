//! Columns that may be NULL. sqlx returns a missing value as an empty one, or as 0, without an
//! error. So columns that may be NULL are read as such, and a missing value is an error where it is
//! required.

use merits_primitives::ids::Period;
use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};

use super::StoreError;

/// The value of a column that is required in this row.
pub(super) fn needed<'r, T>(
    row: &'r SqliteRow,
    column: &'static str,
    what: &'static str,
) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get::<Option<T>, _>(column)?
        .ok_or(StoreError::Missing { what })
}

/// A period as a number of SQLite.
pub(super) fn stored(period: Period) -> i64 {
    period.to_u64() as i64
}

/// The period in a row.
pub(super) fn period(row: &SqliteRow) -> Result<Period, StoreError> {
    let number: i64 = row.try_get("period")?;
    u64::try_from(number)
        .ok()
        .and_then(Period::from_u64)
        .ok_or(StoreError::Malformed { what: "period" })
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn a_missing_value_is_no_empty_one() {
        let mut db = SqliteConnection::connect("sqlite::memory:")
            .await
            .expect("memory");
        let row = sqlx::query(
            "SELECT NULL AS a, max(b) AS most, sum(b) AS total FROM (SELECT 1 AS b) WHERE 0",
        )
        .fetch_one(&mut db)
        .await
        .expect("one row");
        // What sqlx makes of it: if it says so itself one day, this module may go.
        assert!(row.try_get::<Vec<u8>, _>("a").expect("silent").is_empty());
        assert_eq!(row.try_get::<i64, _>("most").expect("silent"), 0);
        for missing in [
            needed::<Vec<u8>>(&row, "a", "batch's envelope").err(),
            needed::<&[u8]>(&row, "a", "batch's envelope").err(),
            needed::<String>(&row, "a", "batch's envelope").err(),
            needed::<i64>(&row, "most", "batch's envelope").err(),
            needed::<i64>(&row, "total", "batch's envelope").err(),
        ] {
            let said = missing.expect("a fault").to_string();
            assert!(said.contains("has lost a batch's envelope"), "{said}");
        }
    }
}
