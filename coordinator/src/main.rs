//! A coordinator alone, for whoever runs nothing else: starts from a configuration file, prints
//! its log key and address, serves until SIGTERM or ctrl-c, stops gracefully.
//!
//! ```text
//! merits-coordinator found coordinator.toml
//! merits-coordinator coordinator.toml
//! merits-coordinator fsck coordinator.toml
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to people"
)]

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use merits_coordinator::{Beginning, Config, Coordinator, SystemClock, fsck};
use merits_text::shown::Document;
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    merits_serve::logging::start("info".into(), std::io::stderr().is_terminal());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["fsck", config] => check(Path::new(config)).await,
        ["found", config] => serve(Path::new(config), Beginning::Found).await,
        [config] => serve(Path::new(config), Beginning::GoOn).await,
        _ => Err("usage: merits-coordinator [found | fsck] <configuration file>".into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{}", Document(&error.to_string()));
        ExitCode::from(2)
    })
}

async fn serve(config: &Path, beginning: Beginning) -> Result<ExitCode, Failure> {
    let config = Config::load(config)?;
    let mut coordinator = Coordinator::begin(config, Arc::new(SystemClock), beginning).await?;
    println!("log key {}", coordinator.log_key());
    println!("listening on {}", coordinator.address());
    // Whoever started this process waits for the line.
    std::io::stdout().flush()?;
    let (mut term, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
        failed = coordinator.failed() => {
            failed?;
            return Ok(ExitCode::FAILURE);
        }
    }
    coordinator.shutdown().await?;
    // Nobody may be reading any more.
    let _ = writeln!(std::io::stdout(), "stopped");
    Ok(ExitCode::SUCCESS)
}

/// 0: clean. 1: something is wrong. 2: there was nothing to look at.
async fn check(config: &Path) -> Result<ExitCode, Failure> {
    let report = fsck(&Config::load(config)?, &mut rand::rng()).await?;
    println!("{}", Document(&report.to_string()));
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
