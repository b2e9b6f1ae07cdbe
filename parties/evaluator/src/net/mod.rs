//! The network: the `Uniqueness` service.

mod service;

pub use service::{UniquenessService, serve};
