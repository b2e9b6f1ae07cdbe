//! Runs the program, and judges how it failed.

use std::{path::Path, process::Command};

/// What the finished program said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `merits-bench` with these arguments in a directory, to its end.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_merits-bench"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Ran {
    /// The program did it, and said so.
    #[track_caller]
    pub(crate) fn succeeds(&self, says: &str) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert!(self.stdout.contains(says), "{says:?} is not in {self:#?}");
        self
    }

    /// The program refused with exit code 1, and named all of these on stderr.
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
