//! Runs the command, and judges how it failed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Ran {
    #[allow(dead_code, reason = "shown when an assertion fails")]
    pub(crate) line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `merits` with these arguments in a directory, to its end.
pub(crate) fn merits(directory: &Path, arguments: &[&str]) -> Ran {
    merits_under(&[], directory, arguments)
}

/// The same with variables of the environment.
pub(crate) fn merits_under(
    variables: &[(&str, &str)],
    directory: &Path,
    arguments: &[&str],
) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_merits"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("MERITS_LOG")
        .envs(variables.iter().copied())
        .output()
        .expect("the command starts");
    Ran {
        line: arguments.join(" "),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Ran {
    /// The command did it, and said so.
    #[track_caller]
    pub(crate) fn succeeds(&self, says: &str) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert!(self.stdout.contains(says), "{says:?} is not in {self:#?}");
        self
    }

    /// The command refused with exit code 1, and named all of these on stderr.
    #[track_caller]
    pub(crate) fn refuses(&self, names: &[&str]) -> &Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert!(self.stderr.starts_with("error: "), "{self:#?}");
        for name in names {
            assert!(self.stderr.contains(name), "{name:?} is not in {self:#?}");
        }
        self
    }
}

impl Ran {
    /// The command line itself was refused, with exit code 2, before anything was looked at.
    #[track_caller]
    pub(crate) fn is_misused(&self, names: &[&str]) -> &Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        for name in names {
            assert!(self.stderr.contains(name), "{name:?} is not in {self:#?}");
        }
        self
    }
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
