//! Files that commands read.
//!
//! A name that somebody types may be a file of 3 GB, a folder, `/dev/zero`, which never ends, or a
//! pipe that nobody writes into, which keeps the program waiting. So the kind of a file is checked
//! before anything is read. A file that is read whole has a size limit, and no more than that is
//! ever read.
//!
//! Secrets are opened by [`crate::open`] and read by [`whole`]: some may come from a pipe.

use std::{
    fs::{self, File, FileType, OpenOptions},
    io::{self, Read},
    path::Path,
};

use crate::{NotRegular, explain};

/// Most bytes of a file that people write by hand, such as a configuration: 1 MiB.
pub const MOST_TEXT: u64 = 1 << 20;

/// Opens a regular file for reading, and nothing else. It never waits.
///
/// # Errors
/// The system's, in words; of the kind `InvalidInput`, in words, for something that is not a
/// regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_as(path, FileType::is_file)
}

/// Opens a regular file or a pipe, for a reader that goes through it piece by piece and bounds each piece.
///
/// # Errors
/// Those of [`open`].
pub fn open_stream(path: &Path) -> io::Result<File> {
    open_as(path, |kind| kind.is_file() || is_pipe(kind))
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// Those of [`open`]; of the kind `FileTooLarge`, in words, for a larger one.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata().map_err(explain::reading)?.len();
    if length > most {
        return Err(too_large(most));
    }
    // The file may grow meanwhile, and a file of the system has no length.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    whole(file, &mut bytes, most)?;
    Ok(bytes)
}

/// Reads all of an input of at most `most` bytes into `bytes`. If these are a secret, the caller
/// must reserve room for all of them, because a vector that grows leaves copies behind.
///
/// # Errors
/// The system's, in words; of the kind `FileTooLarge` for a larger one.
pub fn whole(input: impl Read, bytes: &mut Vec<u8>, most: u64) -> io::Result<()> {
    let before = bytes.len();
    let mut input = input.take(most.saturating_add(1));
    input.read_to_end(bytes).map_err(explain::reading)?;
    if (bytes.len() - before) as u64 > most {
        return Err(too_large(most));
    }
    Ok(())
}

fn too_large(most: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it has more than {most} bytes, the most that is read here: is it the right file?"),
    )
}

fn open_as(path: &Path, taken: impl Fn(&FileType) -> bool) -> io::Result<File> {
    let found = fs::metadata(path).map_err(explain::reading)?;
    open_found(path, found.file_type(), taken)
}

/// Opens a path whose kind was found, if that kind is accepted and the path still is of that kind.
fn open_found(path: &Path, found: FileType, taken: impl Fn(&FileType) -> bool) -> io::Result<File> {
    let judge = |kind: FileType| {
        if taken(&kind) {
            return Ok(());
        }
        let kind = NotRegular::of(&kind);
        Err(io::Error::new(io::ErrorKind::InvalidInput, kind))
    };
    // Opening some devices has an effect, so they are checked before.
    judge(found)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    if !is_pipe(&found) {
        // Does not wait for a pipe that was put there meanwhile.
        let never_wait = rustix::fs::OFlags::NONBLOCK.bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, never_wait.cast_signed());
    }
    let file = options.open(path).map_err(explain::reading)?;
    let opened = file.metadata()?.file_type();
    judge(opened)?;
    // A pipe that nobody waits for would be read as an empty file.
    if is_pipe(&opened) != is_pipe(&found) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "something else was put in its place while it was opened: see who writes there, and try again",
        ));
    }
    Ok(file)
}

#[cfg(unix)]
fn is_pipe(kind: &FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(kind)
}

#[cfg(not(unix))]
fn is_pipe(_: &FileType) -> bool {
    false
}

/// The kind of thing under a name, in words.
pub fn name(kind: &FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a link"
    } else if is_pipe(kind) {
        "a pipe"
    } else if kind.is_file() {
        "a file"
    } else if is_socket(kind) {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(unix)]
fn is_socket(kind: &FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(kind)
}

#[cfg(not(unix))]
fn is_socket(_: &FileType) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo runs").success());
    }

    #[test]
    fn a_file_over_its_limit_is_refused_and_one_at_it_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("text");
        fs::write(&path, "1234").expect("written");
        assert_eq!(read(&path, 4).expect("at the limit"), b"1234");
        let error = read(&path, 3).expect_err("over it");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("more than 3 bytes"), "{error}");
        // A file without a length, as those of the system are: the limit holds in what is read.
        let error = read(Path::new("/proc/self/status"), 8).expect_err("over it");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        // 1 TiB of a sparse file takes no memory.
        let sparse = File::create(dir.path().join("sparse")).expect("made");
        sparse.set_len(1 << 40).expect("set");
        assert!(read(&dir.path().join("sparse"), MOST_TEXT).is_err());
        let mut bytes = Vec::new();
        whole(io::repeat(0), &mut bytes, 10).expect_err("it never ends");
        assert!(bytes.len() <= 11);
    }

    /// Regression: the kind was asked for twice, and a pipe that came in between was waited for.
    #[test]
    fn a_pipe_that_was_put_in_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("text");
        fs::write(&path, "text").expect("written");
        let found = fs::metadata(&path).expect("there").file_type();
        fs::remove_file(&path).expect("removed");
        pipe(&path);
        let error = open_found(&path, found, FileType::is_file).expect_err("a pipe");
        assert!(error.to_string().contains("a pipe"), "{error}");
        let error = open_found(&path, found, |kind| kind.is_file() || is_pipe(kind));
        let error = error.expect_err("it would be read as empty");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("in its place"), "{error}");
    }

    /// Opening the pipe must not wait for a writer, and the test checks that too.
    #[test]
    fn what_is_no_file_is_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let fifo = dir.path().join("pipe");
        pipe(&fifo);
        for (path, what) in [
            (fifo.as_path(), "a pipe"),
            (Path::new("/dev/zero"), "a device"),
            (dir.path(), "a folder"),
        ] {
            let error = read(path, MOST_TEXT).expect_err("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
            assert!(error.to_string().contains(what), "{error}");
        }
        assert!(open_stream(Path::new("/dev/zero")).is_err());
        assert!(open_stream(dir.path()).is_err());
        let write = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::write(fifo, "a,b")
        });
        let mut bytes = Vec::new();
        let opened = open_stream(&fifo).expect("a pipe with a writer");
        whole(opened, &mut bytes, 3).expect("read");
        assert_eq!(bytes, b"a,b");
        write.join().expect("ends").expect("written");
        let missing = read(&dir.path().join("none"), 1).expect_err("none");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
