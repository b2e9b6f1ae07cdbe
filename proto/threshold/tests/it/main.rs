//! Key generations with n holders in memory, honest and not.

mod cheating;
mod federation;
mod generation;
mod partials;
mod resuming;
