//! Attacks on a server over the wire, and how the server holds up. All run on loopback, with a
//! service that answers as much as it is asked for.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

mod closed_windows;
mod crowds;
mod descriptors;
mod plain_http;
mod scene;
mod stopping;
