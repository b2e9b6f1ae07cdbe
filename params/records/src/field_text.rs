//! Field elements and byte strings in JSON: hexadecimal, of the canonical little-endian bytes.

/// For `#[serde(with = "field_text::element")]`.
pub mod element {
    use merits_primitives::{element::Element, field};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// 64 hexadecimal digits.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<E: Element, S: Serializer>(
        value: &E,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(field::to_bytes(value)))
    }

    /// Reads 64 hexadecimal digits of a canonical element.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn deserialize<'de, E: Element, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<E, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text.as_ref(), &mut bytes)
            .map_err(|_| D::Error::custom("64 hexadecimal digits are expected"))?;
        field::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "field_text::bytes")]`: a fixed number of bytes.
pub mod bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Hexadecimal digits.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer, const N: usize>(
        value: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(value))
    }

    /// Reads exactly the bytes.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let mut bytes = [0u8; N];
        hex::decode_to_slice(text.as_ref(), &mut bytes)
            .map_err(|_| D::Error::custom(format!("{} hexadecimal digits are expected", 2 * N)))?;
        Ok(bytes)
    }
}

/// For `#[serde(with = "field_text::period")]`: a period by its name, such as `2014-W36`.
pub mod period {
    use merits_primitives::ids::Period;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// The name.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &Period, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.label())
    }

    /// Reads a name.
    ///
    /// # Errors
    /// If the text does not name a period.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Period::from_label(&text).map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "field_text::day")]`: a day by its number, counted from 1 January 1970.
pub mod day {
    use merits_primitives::calendar::Day;
    use serde::{Deserialize, Deserializer, Serializer};

    /// The number.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &Day, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(value.0)
    }

    /// Reads a number.
    ///
    /// # Errors
    /// If the value is not a number below 2^32.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        u32::deserialize(deserializer).map(Day)
    }
}
