//! The rows of the store's tables. A row of one table is none of another, so code that takes one for
//! the other does not compile.

use std::fmt;

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
            #[sqlx(transparent)]
            pub struct $name(pub(crate) i64);

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

rows! {
    /// A deed's row.
    DeedId
    /// A ticket's row.
    TicketId
    /// A batch's row.
    BatchId
    /// An account's row.
    SubjectId
}
