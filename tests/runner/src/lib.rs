//! Runs a program in a test, and judges how it ended.
//!
//! For tests of the workspace's programs (`merits`, `merits-bench`) alone: their crates have it as a
//! dev-dependency. The judgements panic, as assertions do, and show everything that the program printed.

use std::{env, fs, path::Path, process::Command};

/// What a finished program said.
#[derive(Debug)]
pub struct Ran {
    /// Its arguments, for the reader of a failed assertion.
    pub line: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

/// Runs a program to its end with these arguments, in a directory, with these variables of the
/// environment beside the test's own. What the test's environment logs is not passed on.
///
/// # Panics
/// If it does not start, or prints something other than UTF-8.
#[track_caller]
pub fn run(program: &str, variables: &[(&str, &str)], directory: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_remove("MERITS_LOG")
        .envs(variables.iter().copied())
        .output()
        .expect("the program starts");
    Ran {
        line: arguments.join(" "),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Ran {
    /// The program did it, and said so.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn succeeds(&self, says: &str) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert!(self.stdout.contains(says), "{says:?} is not in {self:#?}");
        self
    }

    /// The program refused with exit code 1, and named all of these on standard error.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn refuses(&self, names: &[&str]) -> &Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        // Remarks may come before it.
        let mut said = self
            .stderr
            .lines()
            .skip_while(|line| line.starts_with("note: "));
        let says_why = said.next().is_some_and(|line| line.starts_with("error: "));
        assert!(says_why, "{self:#?}");
        self.names(names)
    }

    /// The command line itself was refused, with exit code 2, before anything was looked at.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn is_misused(&self, names: &[&str]) -> &Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        self.names(names)
    }

    #[track_caller]
    fn names(&self, names: &[&str]) -> &Self {
        for name in names {
            assert!(self.stderr.contains(name), "{name:?} is not in {self:#?}");
        }
        self
    }
}

/// Compares a text with the file that pins it, `file` in the crate's `root`. `MERITS_UPDATE_PINS=1` writes
/// the file again, so that a change is made on purpose.
///
/// # Panics
/// If they differ, or the file cannot be read.
#[track_caller]
pub fn assert_pinned(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    if env::var_os("MERITS_UPDATE_PINS").is_some_and(|update| update == "1") {
        fs::write(&path, text).expect("written");
    }
    let pinned = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert!(
        text == pinned,
        "this differs from {}; MERITS_UPDATE_PINS=1 writes it again:\n{text}",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Ran {
        run("sh", &[("SAYS", "hello")], Path::new("."), &["-c", script])
    }

    #[test]
    fn what_a_program_said_is_judged() {
        shell("echo $SAYS").succeeds("hello");
        shell("echo 'error: no bread' >&2; exit 1").refuses(&["no", "bread"]);
        shell("echo 'usage: none' >&2; exit 2").is_misused(&["usage"]);
    }

    #[test]
    #[should_panic(expected = "bread")]
    fn a_name_that_is_missing_fails() {
        shell("echo 'error: no' >&2; exit 1").refuses(&["bread"]);
    }

    #[test]
    #[should_panic(expected = "Some(3)")]
    fn another_exit_code_fails() {
        shell("echo hello; exit 3").succeeds("hello");
    }
}
