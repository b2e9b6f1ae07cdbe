//! Times in configuration files: whole numbers in the unit that the key's name ends with.
//!
//! A setting is a [`Duration`](std::time::Duration) in the program:
//! `#[serde(rename = "linger_ms", with = "merits_serve::settings::milliseconds")]`.

/// A key that ends with `_s`.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer};

    /// Reads whole seconds.
    ///
    /// # Errors
    /// Those of the format.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

/// A key that ends with `_ms`.
pub mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer};

    /// Reads whole milliseconds.
    ///
    /// # Errors
    /// Those of the format.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
