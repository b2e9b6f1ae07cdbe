//! The issuer: builds and proposes a scale.
