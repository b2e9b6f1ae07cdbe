//! Runs the command in tests, on the sample configurations.

use std::path::{Path, PathBuf};

pub(crate) use merits_test_runner::Ran;

/// Runs `merits` with these arguments in a directory, to its end.
#[track_caller]
pub(crate) fn merits(directory: &Path, arguments: &[&str]) -> Ran {
    merits_under(&[], directory, arguments)
}

/// The same with variables of the environment.
#[track_caller]
pub(crate) fn merits_under(
    variables: &[(&str, &str)],
    directory: &Path,
    arguments: &[&str],
) -> Ran {
    let program = env!("CARGO_BIN_EXE_merits");
    merits_test_runner::run(program, variables, directory, arguments)
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All sample configurations, by the name that they have in a deployment.
pub(crate) fn samples() -> Vec<(&'static str, PathBuf)> {
    [
        ("coordinator", "coordinator"),
        ("supervisor", "parties/supervisor"),
        ("witness", "parties/supervisor"),
        ("issuer", "parties/issuer"),
        ("source", "parties/source"),
        ("distributor", "parties/distributor"),
        ("sponsor", "parties/sponsor"),
        ("exchange", "parties/exchange"),
        ("clearing", "parties/clearing"),
        ("evaluator", "parties/evaluator"),
        ("registrar", "parties/registrar"),
    ]
    .map(|(role, directory)| {
        let path = root().join(directory).join(format!("{role}.sample.toml"));
        (role, path)
    })
    .to_vec()
}

/// What the samples have for the log key, which nobody can sign for.
pub(crate) const SAMPLE_LOG_KEY: &str =
    "ledger.example.org/merits+00000000+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh";

/// What the samples have for the authority.
pub(crate) const SAMPLE_AUTHORITY: &str =
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A directory with every sample as `<role>.toml`.
pub(crate) fn samples_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (role, sample) in samples() {
        std::fs::copy(sample, directory.path().join(format!("{role}.toml"))).expect("copied");
    }
    directory
}

/// Replaces text in a file; the text must be there.
#[track_caller]
pub(crate) fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a readable file");
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    std::fs::write(path, text.replace(from, to)).expect("written");
}
