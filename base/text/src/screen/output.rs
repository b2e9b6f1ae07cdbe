//! The one way to standard output and standard error.
//!
//! std's `println!` panics when the disk behind its output is full or its reader has gone. But a
//! command must finish what it has begun: a signature that was made must get into its file. So a
//! text that cannot be written is dropped, with everything after it, and the work goes on.
//! [`finish`] then reports the failure, which determines the command's exit code.

use std::{
    fmt,
    io::{self, Write},
    sync::OnceLock,
};

use thiserror::Error;

/// Why standard output lacks a part of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unprinted {
    /// A pipe whose reader has stopped, as in `merits .. | head`. This is not a fault.
    #[error("nobody reads the standard output any more")]
    ReaderGone,
    /// Anything else, such as a full disk.
    #[error(
        "standard output cannot be written: {0}. A part of the output is missing there. The work of the \
         command is done all the same"
    )]
    Failed(String),
}

impl From<io::Error> for Unprinted {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else if error.kind() == io::ErrorKind::StorageFull {
            // Without the advice to run the command again.
            Self::Failed("there is no room on its disk".to_owned())
        } else {
            Self::Failed(merits_guard::explain::writing(error).to_string())
        }
    }
}

/// The first failure. After it, nothing is written to standard output.
static FIRST: OnceLock<Unprinted> = OnceLock::new();

/// Writes to standard output.
pub fn out(text: fmt::Arguments<'_>) {
    if FIRST.get().is_none()
        && let Err(unprinted) = write(&mut io::stdout().lock(), text)
    {
        // Two threads may fail at once. The first failure counts.
        let _ = FIRST.set(unprinted);
    }
}

/// Records that other code failed to write to standard output.
pub fn failed(error: io::Error) {
    // Two threads may fail at once. The first failure counts.
    let _ = FIRST.set(error.into());
}

/// Writes to standard error. If that fails, there is no other way to report it.
pub fn err(text: fmt::Arguments<'_>) {
    let _ = write(&mut io::stderr().lock(), text);
}

/// Flushes standard output, and returns whether all writes to it succeeded.
///
/// # Errors
/// [`Unprinted`]: the first failure.
pub fn finish() -> Result<(), Unprinted> {
    if FIRST.get().is_none()
        && let Err(error) = io::stdout().lock().flush()
    {
        let _ = FIRST.set(error.into());
    }
    FIRST.get().cloned().map_or(Ok(()), Err)
}

fn write(out: &mut impl Write, text: fmt::Arguments<'_>) -> Result<(), Unprinted> {
    out.write_fmt(text).map_err(Unprinted::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_left_and_a_full_disk_are_distinguished() {
        let write = |kind| write(&mut Broken(kind), format_args!("text")).expect_err("broken");
        assert_eq!(write(io::ErrorKind::BrokenPipe), Unprinted::ReaderGone);
        let full = write(io::ErrorKind::StorageFull);
        assert!(matches!(&full, Unprinted::Failed(_)), "{full:?}");
        assert!(full.to_string().contains("no room on its disk"), "{full}");
    }
}
