//! The one way to standard output and standard error.
//!
//! std's `println!` ends a program by a panic when the disk behind its output is full or its reader has gone. What a
//! command has begun it must end all the same: a signature that is made must get into its file. So a text that
//! cannot be written is dropped, with everything after it, and the work goes on; [`finish`] then says how it went,
//! and the command's exit code follows it.

use std::{
    fmt,
    io::{self, Write},
    sync::OnceLock,
};

use thiserror::Error;

/// Why standard output lacks a part of what was said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unprinted {
    /// A pipe whose reader has had enough, as of `merits .. | head`. That is nobody's fault.
    #[error("nobody reads the standard output any more")]
    ReaderGone,
    /// Anything else, such as a full disk.
    #[error(
        "standard output cannot be written: {0}. A part of what the command says is missing there. What it did is \
         done and stays: do not take it for undone"
    )]
    Failed(String),
}

impl From<io::Error> for Unprinted {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// The first failure; nothing is written to standard output after it.
static FIRST: OnceLock<Unprinted> = OnceLock::new();

/// Writes to standard output.
pub fn out(text: fmt::Arguments<'_>) {
    if FIRST.get().is_none()
        && let Err(unprinted) = write(&mut io::stdout().lock(), text)
    {
        // Two threads may fail at once: the first one counts.
        let _ = FIRST.set(unprinted);
    }
}

/// Notes that somebody else's writing to standard output failed.
pub fn failed(error: io::Error) {
    // Two threads may fail at once: the first one counts.
    let _ = FIRST.set(error.into());
}

/// Writes to standard error. Where that fails there is nobody left to tell.
pub fn err(text: fmt::Arguments<'_>) {
    let _ = write(&mut io::stderr().lock(), text);
}

/// Puts out what is held back, and says how all writing to standard output went.
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
    fn a_reader_that_left_is_told_from_a_full_disk() {
        let write = |kind| write(&mut Broken(kind), format_args!("text")).expect_err("broken");
        assert_eq!(write(io::ErrorKind::BrokenPipe), Unprinted::ReaderGone);
        let full = write(io::ErrorKind::StorageFull);
        assert!(matches!(&full, Unprinted::Failed(_)), "{full:?}");
        assert!(full.to_string().contains("no storage space"), "{full}");
    }
}
