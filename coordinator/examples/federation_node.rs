//! A coordinator on a free port with a small federation on it: five parties, view keys, an approved
//! scale, a batch of proven claims (the proofs come from the fixture's trapdoor). For trying
//! clients in any language, as `tests/grpc_python/run.sh` does.
//!
//! `cargo run --release -p merits-coordinator --example federation_node -- <empty directory>`
#![allow(clippy::print_stdout, reason = "a program prints for people")]

#[path = "../tests/it/federation/mod.rs"]
mod federation;

use std::{io::Write as _, path::Path};

use federation::{Founding, Node};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: federation_node <empty directory>")?;
    let mut founding = Founding::new(1);
    let config = founding.config(Path::new(&directory));
    let mut node = Node::founded(&founding, config).await;
    node.client.submit(&founding.earn(16)).await?;
    println!("listening on {}", node.coordinator.address());
    std::io::stdout().flush()?;
    signal(SignalKind::terminate())?.recv().await;
    node.coordinator.shutdown().await?;
    println!("stopped");
    Ok(())
}
