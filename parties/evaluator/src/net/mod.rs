//! The network: the `Uniqueness` service.

mod service;

pub use service::{Renew, UniquenessService, serve};
