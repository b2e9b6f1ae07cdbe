//! The system's errors in words: what is wrong, and what to do.
//!
//! "No such file or directory (os error 2)" says neither what was tried nor how to solve it. Every
//! function of this crate that opens, makes or renames something gives its errors in these words.
//! The caller that shows one adds the path.

use std::io::{self, ErrorKind};

/// The operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// To read a file that should be there.
    Read,
    /// To make, write or rename a file or a folder.
    Write,
}

/// The same error in words, of the same kind. An error that already has words stays unchanged.
pub fn in_words(error: io::Error, attempt: Attempt) -> io::Error {
    let Some(number) = error.raw_os_error() else {
        return error;
    };
    let kind = error.kind();
    #[cfg(unix)]
    if number == rustix::io::Errno::LOOP.raw_os_error() {
        return io::Error::new(
            kind,
            "its links lead in a circle: name the file itself, or repair the links",
        );
    }
    #[cfg(unix)]
    if [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|full| number == full.raw_os_error())
    {
        return io::Error::new(
            kind,
            "too many files are open: raise the limit (ulimit -n), or end other programs",
        );
    }
    let words = match (kind, attempt) {
        (ErrorKind::NotFound, Attempt::Read) => {
            "there is no such file: see that the name is right and the file was made"
        }
        (ErrorKind::NotFound, Attempt::Write) => {
            "its folder is not there: make it first, or name another file"
        }
        (ErrorKind::PermissionDenied, Attempt::Read) => {
            "this user may not read it: see who owns it and the folders on the way to it, and their modes"
        }
        (ErrorKind::PermissionDenied, Attempt::Write) => {
            "this user may not write there: see who owns it and its folder, and their modes"
        }
        (ErrorKind::NotADirectory, _) => {
            "a part of its path is a file, not a folder: name another path"
        }
        (ErrorKind::IsADirectory, _) => "it is a folder, and a file is expected: name a file in it",
        (ErrorKind::AlreadyExists, _) => TAKEN,
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => {
            "there is no room on its disk: make room, then run this again"
        }
        (ErrorKind::ReadOnlyFilesystem, _) => {
            "its disk is mounted read-only: mount it for writing, or name another place"
        }
        (ErrorKind::InvalidFilename, _) => "its name is too long: name another",
        (ErrorKind::FileTooLarge, _) => {
            "it would be larger than the system or its file system admits (ulimit -f): raise the limit, or name \
             another place"
        }
        (ErrorKind::OutOfMemory, _) => "the system has no memory left: end other programs",
        (ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy, _) => {
            "another program uses it now: wait until that has ended, then run this again"
        }
        (ErrorKind::WouldBlock, _) => "it is not ready now: run this again",
        (ErrorKind::CrossesDevices, _) => {
            "source and target are on different disks: choose a target on the same disk"
        }
        (ErrorKind::Unsupported, _) => {
            "its file system cannot do what is needed: name a place on another one"
        }
        (ErrorKind::StaleNetworkFileHandle, _) => {
            "the server of its network disk no longer knows it: mount the disk again"
        }
        _ if number == NO_DEVICE => "nothing is behind it that can be read or written: name a file",
        _ => {
            // "Input/output error (os error 5)".
            let said = error.to_string();
            let said = said.split(" (os error").next().unwrap_or(&said);
            return io::Error::new(
                kind,
                format!("the system says \"{said}\": see the disk and the system's log (dmesg)"),
            );
        }
    };
    io::Error::new(kind, words)
}

/// What a failure of a connection to a server means, and what to do. `None` of kinds that say nothing about it.
pub fn connection(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::ConnectionRefused => {
            "nothing listens there: start the server, or correct the address or its port"
        }
        ErrorKind::TimedOut => {
            "no answer came in time: see that the machine runs, and that no firewall is in between"
        }
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => {
            "no network leads there from here: see this machine's network, and the address"
        }
        ErrorKind::PermissionDenied => {
            "this machine does not let the program reach it: see its firewall"
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::NotConnected => {
            "the connection was cut: the server stopped, something in between cut it, it speaks TLS and the \
             address does not say https, it has all the connections that it takes from this machine's address, \
             or another program has this port"
        }
        _ => return None,
    })
}

/// A failure to connect, in words.
pub fn connecting(error: io::Error) -> io::Error {
    let kind = error.kind();
    match connection(kind) {
        Some(words) => io::Error::new(kind, words),
        None => in_words(error, Attempt::Read),
    }
}

const TAKEN: &str = "something has this name already: name another, or move it away";

/// A name that is taken, in the same words as when the system says so.
pub fn taken() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, TAKEN)
}

/// ENXIO: a device or a pipe without another side.
const NO_DEVICE: i32 = 6;

/// For `map_err` on an operation that reads.
pub fn reading(error: io::Error) -> io::Error {
    in_words(error, Attempt::Read)
}

/// For `map_err` where a thread is started.
pub fn starting_thread(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock {
        return io::Error::new(
            ErrorKind::WouldBlock,
            "the system admits no more threads of this user now: raise its limit (ulimit -u), or end other programs",
        );
    }
    in_words(error, Attempt::Write)
}

/// For `map_err` on an operation that makes or writes.
pub fn writing(error: io::Error) -> io::Error {
    in_words(error, Attempt::Write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{beside, create, create_folder, create_new, folder, input, output};

    /// Regression: "No such file or directory (os error 2)", and nothing else.
    #[test]
    fn no_error_of_this_crate_is_the_systems_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let none = dir.path().join("none/file");
        let file = dir.path().join("file");
        std::fs::write(&file, "text").expect("written");
        let below = file.join("below");
        let mut errors = Vec::new();
        for path in [&none, &below] {
            errors.extend([
                input::open(path).map(drop).expect_err("none"),
                input::read(path, 1).map(drop).expect_err("none"),
                input::open_stream(path).map(drop).expect_err("none"),
                create(path).map(drop).expect_err("no folder"),
                create_new(path).map(drop).expect_err("no folder"),
                beside::Beside::make(path, output::Readers::Owner)
                    .map(drop)
                    .expect_err("no folder"),
                folder::Folder::of(path).map(drop).expect_err("no folder"),
                output::replace_own(path, output::Readers::Owner, |_| Ok(()))
                    .expect_err("no folder"),
                output::prove_replaceable(path).expect_err("no folder"),
            ]);
        }
        errors.push(create_folder(&below).expect_err("in a file"));
        errors.push(create_folder(&file).expect_err("a file"));
        for error in errors {
            let said = error.to_string();
            assert!(!said.contains("os error"), "{said}");
            assert!(said.contains(": "), "what to do: {said}");
        }
    }

    /// Regression: a person who typed into a non-blocking terminal was told to raise `ulimit -u`.
    #[test]
    fn only_a_thread_that_does_not_start_gives_advice_on_threads() {
        let busy = || io::Error::from_raw_os_error(rustix::io::Errno::AGAIN.raw_os_error());
        assert!(!reading(busy()).to_string().contains("threads"));
        assert!(!writing(busy()).to_string().contains("threads"));
        assert!(starting_thread(busy()).to_string().contains("ulimit -u"));
    }

    #[test]
    fn kinds_stay_and_words_that_are_there_too() {
        for number in 1..=133 {
            for attempt in [Attempt::Read, Attempt::Write] {
                let error = io::Error::from_raw_os_error(number);
                let kind = error.kind();
                let said = in_words(error, attempt);
                assert_eq!(said.kind(), kind);
                let text = said.to_string();
                assert!(text.contains(": ") && !text.contains("os error"), "{text}");
            }
        }
        let own = io::Error::other("words of our own");
        assert_eq!(in_words(own, Attempt::Read).to_string(), "words of our own");
    }
}
