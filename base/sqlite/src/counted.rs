//! Decoding of counts.

use sqlx::error::{BoxDynError, UnexpectedNullError};

/// The answer of a query for a number of rows, which is decoded as an `Option` like every aggregate: SQLite gives NULL
/// for most aggregates over no rows, sqlx reads a NULL of SQLite into a plain `i64` as 0, and PostgreSQL makes it an
/// error.
///
/// # Errors
/// [`sqlx::Error::Decode`] for NULL, and for a negative number.
pub fn counted(answer: Option<i64>) -> sqlx::Result<u64> {
    let answer =
        answer.ok_or_else(|| sqlx::Error::Decode(BoxDynError::from(UnexpectedNullError)))?;
    u64::try_from(answer).map_err(|error| sqlx::Error::Decode(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_no_zero() {
        assert_eq!(counted(Some(0)).expect("a number"), 0);
        assert_eq!(counted(Some(7)).expect("a number"), 7);
        for wrong in [None, Some(-1)] {
            assert!(matches!(counted(wrong), Err(sqlx::Error::Decode(_))));
        }
    }
}
