//! Files that commands write under names that their users give.
//!
//! A name that somebody types may be that of a key, a register, the command's own input. Overwriting one may
//! lose it, so a file is written only by these rules:
//!
//! - An existing file is replaced only by a file of the same [`Kind`], which its first bytes show, and only if
//!   that kind may be replaced. Every other file stays unchanged, and the error says what to do.
//! - It is written under another name beside its own, flushed to the disk, and gets its name when
//!   it is complete ([`Output`]). A crash leaves the old file or the new one.
//! - It must not be a file that the command reads or that its configuration names, and not another output of the
//!   command ([`crate::protected`]).
//! - Only its owner can read a secret file (mode 0600). A public file has the mode that the umask
//!   gives; others can never write it, and its owner always can.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

pub use crate::beside::Readers;
use crate::{beside::Beside, explain, folder::folder_of, input};

/// The kind of a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind<'k> {
    what: &'k str,
    readers: Readers,
    begins: Option<&'k [u8]>,
}

impl<'k> Kind<'k> {
    /// A file that never replaces another. `what` names it, in words with an article.
    pub const fn new(what: &'k str, readers: Readers) -> Self {
        Self {
            what,
            readers,
            begins: None,
        }
    }

    /// The same, and it replaces a file that begins with these bytes, as all of its kind do.
    #[must_use]
    pub const fn replacing(mut self, begins: &'k [u8]) -> Self {
        self.begins = Some(begins);
        self
    }
}

/// Why a file is not written. Except for [`OutputError::Unconfirmed`], an existing file is
/// unchanged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The system's answer.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It was written under its name, and then the disk failed.
    #[error(
        "{} is written whole under its name, but the system did not confirm that the name is on the disk: \
         {source}. A power cut may take the file away: copy it to another disk",
        path.display()
    )]
    Unconfirmed {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It would have to be made in a folder that does not exist.
    #[error("{}: its folder is not there: make it first, or name another file", .0.display())]
    NoFolder(PathBuf),
    /// Not the name of a file.
    #[error("{} is {found}, and a file is to be written: name a file", path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// There is a file, and this kind never replaces one.
    #[error(
        "{} exists already and stays as it is: {what} never replaces a file. Name another file, or move \
         this one away",
        path.display()
    )]
    There {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        what: String,
    },
    /// There is a file of another kind.
    #[error(
        "{} exists already and is not {what}, so it is not replaced. Name another file, or move this one away",
        path.display()
    )]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        what: String,
    },
    /// A file that this command reads or needs.
    #[error("{} is {what}, and nothing else is written there: name another file", path.display())]
    Protected {
        /// What was named.
        path: PathBuf,
        /// What it is.
        what: String,
    },
}

/// A file on its way to its name. Dropped before [`Output::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Output<'k> {
    path: PathBuf,
    kind: Kind<'k>,
    beside: Beside,
    out: BufWriter<File>,
}

impl<'k> Output<'k> {
    /// Checks whether the file may be written, and writes nothing.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn check(path: &Path, kind: Kind<'_>) -> Result<(), OutputError> {
        judge(path, kind).map(|_| ())
    }

    /// Checks whether the file may be written, and begins it under another name beside its own.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn begin(path: &Path, kind: Kind<'k>) -> Result<Self, OutputError> {
        judge(path, kind)?;
        let (beside, out) = Beside::make(path, kind.readers).map_err(at(path))?;
        Ok(Self {
            path: path.to_owned(),
            kind,
            beside,
            out: BufWriter::with_capacity(1 << 16, out),
        })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn write(path: &Path, kind: Kind<'k>, bytes: &[u8]) -> Result<(), OutputError> {
        let mut output = Self::begin(path, kind)?;
        output.write_all(bytes).map_err(at(path))?;
        output.publish()
    }

    /// How many bytes were written, all of which are in the file.
    ///
    /// # Errors
    /// The system's.
    pub fn length(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.out.get_ref().metadata()?.len())
    }

    /// Puts the file on the disk and gives it its name.
    ///
    /// # Errors
    /// [`OutputError`]: also when another file came to be there meanwhile.
    pub fn publish(mut self) -> Result<(), OutputError> {
        self.put_on_disk()?;
        self.take_name()?;
        self.confirm_name()
    }

    fn confirm_name(&self) -> Result<(), OutputError> {
        let synced = self.beside.folder().sync(self.out.get_ref());
        synced.map_err(|source| OutputError::Unconfirmed {
            path: self.path.clone(),
            source,
        })
    }

    /// Publishes many files of one folder. They are put on the disk at the same time and the folder once, so
    /// this takes a fraction of publishing one after the other. Each file has its name only when all are whole.
    ///
    /// # Errors
    /// As for [`Output::publish`], with the first file that failed. The files before it have their names.
    pub fn publish_all(mut outputs: Vec<Self>) -> Result<(), OutputError> {
        let share = outputs.len().div_ceil(SYNCS).max(1);
        let written = std::thread::scope(|scope| {
            let syncing = outputs
                .chunks_mut(share)
                .map(|outputs| scope.spawn(|| outputs.iter_mut().try_for_each(Self::put_on_disk)));
            let syncing: Vec<_> = syncing.collect();
            let mut done = syncing.into_iter().map(|part| part.join());
            done.try_for_each(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        written?;
        for output in &mut outputs {
            output.take_name()?;
        }
        match outputs.last() {
            Some(last) => last.confirm_name(),
            None => Ok(()),
        }
    }

    fn put_on_disk(&mut self) -> Result<(), OutputError> {
        let written = self.out.flush();
        let written = written.and_then(|()| self.out.get_ref().sync_all());
        written.map_err(at(&self.path))
    }

    fn take_name(&mut self) -> Result<(), OutputError> {
        let failed = at(&self.path);
        if judge(&self.path, self.kind)? {
            return self.beside.rename().map_err(&failed);
        }
        match self.beside.take_name() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(OutputError::There {
                path: self.path.clone(),
                what: self.kind.what.to_owned(),
            }),
            linked => linked.map_err(failed),
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Replaces a file of the program's own state, such as a mark: the program chose its name, so
/// nothing is checked. A crash leaves the old file or the new one; both the file and its name are
/// on the disk afterwards.
///
/// # Errors
/// The system's, in words, and those of `write`. Then the old file is still there. Only if the disk
/// fails at the end, it is the new file, which may not be on the disk.
pub fn replace_own(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let (mut beside, out) = Beside::make(path, readers)?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    write(&mut out).map_err(explain::writing)?;
    let file = out
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .map_err(explain::writing)?;
    file.sync_all().map_err(explain::writing)?;
    beside.rename()?;
    beside.folder().sync(&file).map_err(explain::writing)
}

/// Makes a file of the program's own state that is never replaced, such as a key. It has its name only when it is
/// whole: a full disk leaves no part of it under the name.
///
/// # Errors
/// The system's, in words, and those of `write`; of the kind `AlreadyExists` where the name is taken. After any error
/// no file of this call is left.
pub fn make_own(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let taken = explain::taken;
    if fs::symlink_metadata(path).is_ok() {
        return Err(taken());
    }
    let (mut beside, mut file) = Beside::make(path, readers)?;
    write(&mut file)
        .and_then(|()| file.sync_all())
        .map_err(explain::writing)?;
    beside.take_name()?;
    beside.folder().sync(&file).map_err(|error| {
        // A power cut could take it away after it was used.
        let _ = fs::remove_file(path);
        explain::writing(error)
    })
}

/// Checks that [`replace_own`] will be able to replace the file: makes the file that it would
/// rename, and deletes it.
///
/// # Errors
/// The system's, in words.
pub fn prove_replaceable(path: &Path) -> io::Result<()> {
    let (mut beside, out) = Beside::make(path, Readers::Owner)?;
    let written = out.sync_all();
    beside.delete().map_err(explain::writing)?;
    written.map_err(explain::writing)
}

/// Files that are put on the disk at the same time: the file system then writes its journal once for several of them.
const SYNCS: usize = 16;

/// Whether a file exists that may be replaced; `false` if no file exists.
fn judge(path: &Path, kind: Kind<'_>) -> Result<bool, OutputError> {
    let what = || kind.what.to_owned();
    let path = || path.to_owned();
    let found = match fs::symlink_metadata(path()) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_named = path().file_name().is_some();
            return match fs::metadata(folder_of(&path())) {
                Ok(folder) if folder.is_dir() && is_named => Ok(false),
                _ => Err(OutputError::NoFolder(path())),
            };
        }
        Err(error) => return Err(at(&path())(error)),
    };
    if !found.is_file() {
        let found = input::name(&found.file_type());
        return Err(OutputError::NoFile {
            path: path(),
            found,
        });
    }
    let Some(begins) = kind.begins else {
        return Err(OutputError::There {
            path: path(),
            what: what(),
        });
    };
    let mut beginning = Vec::with_capacity(begins.len());
    input::open(&path())
        .and_then(|file| file.take(begins.len() as u64).read_to_end(&mut beginning))
        .map_err(at(&path()))?;
    if beginning != begins {
        return Err(OutputError::OtherKind {
            path: path(),
            what: what(),
        });
    }
    Ok(true)
}

fn at(path: &Path) -> impl Fn(io::Error) -> OutputError + use<> {
    let path = path.to_owned();
    move |source| OutputError::Io {
        path: path.clone(),
        source: explain::writing(source),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const TICKET: Kind<'_> = Kind::new("a ticket", Readers::Owner).replacing(b"ticket/v1 ");
    const APPLICATION: Kind<'_> = Kind::new("an application", Readers::Everybody);

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a directory")
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("readable")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    /// Regression: `--output` of any command could be `seed.key`.
    #[test]
    fn only_a_file_of_the_same_kind_is_replaced() {
        let dir = folder();
        let path = dir.path().join("seed.key");
        fs::write(&path, "merits-secret seed 00").expect("written");
        let error = Output::write(&path, TICKET, b"ticket/v1 new").expect_err("refused");
        assert!(matches!(error, OutputError::OtherKind { .. }), "{error}");
        let error = Output::write(&path, APPLICATION, b"new").expect_err("refused");
        assert!(matches!(error, OutputError::There { .. }), "{error}");
        assert_eq!(fs::read(&path).expect("read"), b"merits-secret seed 00");
        // A file that has only a part of this kind's beginning, or that is empty, is not replaced
        // either.
        for text in ["", "ticket/v1"] {
            fs::write(&path, text).expect("written");
            let error = Output::begin(&path, TICKET).expect_err("refused");
            assert!(matches!(error, OutputError::OtherKind { .. }), "{error}");
        }
        assert_eq!(names(dir.path()), ["seed.key"]);

        let path = dir.path().join("ticket");
        for text in ["ticket/v1 old", "ticket/v1 new"] {
            Output::write(&path, TICKET, text.as_bytes()).expect("written");
            assert_eq!(fs::read(&path).expect("read"), text.as_bytes());
            assert_eq!(mode(&path), 0o600);
        }
        assert_eq!(names(dir.path()), ["seed.key", "ticket"]);
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let dir = folder();
        let target = dir.path().join("target");
        fs::write(&target, "ticket/v1 ").expect("written");
        let link = dir.path().join("link");
        symlink(&target, &link).expect("linked");
        let to_nothing = dir.path().join("to-nothing");
        symlink(dir.path().join("nothing"), &to_nothing).expect("linked");
        for path in [&link, &to_nothing, dir.path(), Path::new("/dev/null")] {
            for kind in [TICKET, APPLICATION] {
                let error = Output::begin(path, kind).expect_err("refused");
                assert!(matches!(error, OutputError::NoFile { .. }), "{error}");
            }
        }
        // Regression: it was said that the folder `/proc` is not there.
        let error = Output::begin(Path::new("/proc/merits-output"), TICKET).expect_err("refused");
        assert!(error.to_string().contains("takes no new files"), "{error}");
        let missing = dir.path().join("none/file");
        let error = Output::begin(&missing, TICKET).expect_err("refused");
        assert!(matches!(error, OutputError::NoFolder(_)), "{error}");
        assert_eq!(fs::read(&target).expect("read"), b"ticket/v1 ");
    }

    /// Regression: a full disk left an empty key under the key's name, which blocked every later start.
    #[test]
    fn what_is_never_replaced_has_its_name_only_when_it_is_whole() {
        let dir = folder();
        let key = dir.path().join("a.key");
        let full = make_own(&key, Readers::Owner, |file| {
            file.write_all(b"half")?;
            Err(io::Error::from(rustix::io::Errno::NOSPC))
        });
        let full = full.expect_err("no room");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(full.to_string().contains("no room"), "{full}");
        assert!(names(dir.path()).is_empty());
        make_own(&key, Readers::Owner, |file| file.write_all(b"key")).expect("made");
        assert_eq!(
            (fs::read(&key).expect("read"), mode(&key)),
            (b"key".to_vec(), 0o600)
        );
        let link = dir.path().join("link");
        symlink(dir.path().join("nothing"), &link).expect("linked");
        for taken in [&key, &link] {
            let error = make_own(taken, Readers::Owner, |file| file.write_all(b"other"));
            let error = error.expect_err("taken");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        // Somebody makes it while this one is written.
        let other = dir.path().join("other");
        let raced = make_own(&other, Readers::Owner, |_| fs::write(&other, "somebody's"));
        assert_eq!(
            raced.expect_err("taken").kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&other).expect("read"), b"somebody's");
        assert_eq!(fs::read(&key).expect("read"), b"key");
        assert_eq!(names(dir.path()), ["a.key", "link", "other"]);
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = folder();
        let path = dir.path().join("ticket");
        Output::write(&path, TICKET, b"ticket/v1 old").expect("written");
        let mut output = Output::begin(&path, TICKET).expect("begun");
        output.write_all(b"ticket/v1 ne").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"ticket/v1 old");
        drop(output);
        assert_eq!(names(dir.path()), ["ticket"]);
        // A file that was created there meanwhile stays.
        let other = dir.path().join("application");
        let output = Output::begin(&other, APPLICATION).expect("begun");
        fs::write(&other, "somebody's").expect("written");
        let error = output.publish().expect_err("refused");
        assert!(matches!(error, OutputError::There { .. }), "{error}");
        assert_eq!(fs::read(&other).expect("read"), b"somebody's");
        assert_eq!(names(dir.path()), ["application", "ticket"]);
    }

    #[test]
    fn many_files_have_their_names_only_when_all_are_whole() {
        let dir = folder();
        let begin = |name: &str, text: &str| {
            let mut output = Output::begin(&dir.path().join(name), TICKET).expect("begun");
            output.write_all(text.as_bytes()).expect("written");
            output
        };
        Output::publish_all(Vec::new()).expect("nothing to do");
        let names_of: Vec<String> = (10..60).map(|number| format!("ticket-{number}")).collect();
        let all: Vec<OsString> = names_of.iter().map(OsString::from).collect();
        for text in ["ticket/v1 old", "ticket/v1 new"] {
            let outputs = names_of.iter().map(|name| begin(name, text)).collect();
            Output::publish_all(outputs).expect("published");
            assert_eq!(names(dir.path()), all);
            for name in &names_of {
                let path = dir.path().join(name);
                assert_eq!(fs::read(&path).expect("read"), text.as_bytes());
                assert_eq!(mode(&path), 0o600);
            }
        }
        // One of them may not be written: nothing is left of it and those after it.
        let outputs = ["a", "b", "c"].map(|name| begin(name, "ticket/v1 "));
        fs::write(dir.path().join("b"), "somebody's").expect("written");
        let error = Output::publish_all(outputs.into()).expect_err("refused");
        assert!(matches!(&error, OutputError::OtherKind { path, .. } if path.ends_with("b")));
        assert_eq!(fs::read(dir.path().join("b")).expect("read"), b"somebody's");
        assert_eq!(names(dir.path())[..2], ["a", "b"]);
        assert_eq!(names(dir.path())[2..], all);
    }

    /// A drop box: files are made in it, and nobody lists them.
    #[test]
    fn a_folder_that_cannot_be_read_takes_files() {
        let dir = folder();
        let boxed = dir.path().join("box");
        fs::create_dir(&boxed).expect("made");
        let set = |mode| {
            fs::set_permissions(&boxed, fs::Permissions::from_mode(mode)).expect("set");
        };
        set(0o1333);
        let written = Output::write(&boxed.join("ticket"), TICKET, b"ticket/v1 new");
        let again = Output::write(&boxed.join("ticket"), TICKET, b"ticket/v1 newer");
        let replaced = replace_own(&boxed.join("mark"), Readers::Owner, |out| {
            out.write_all(b"1")
        });
        set(0o700);
        written.and(again).expect("it has its name");
        replaced.expect("it has its name");
        assert_eq!(
            fs::read(boxed.join("ticket")).expect("read"),
            b"ticket/v1 newer"
        );
        assert_eq!(names(&boxed), ["mark", "ticket"]);
    }

    #[test]
    fn others_never_write_a_public_file() {
        let dir = folder();
        let path = dir.path().join("application");
        Output::write(&path, APPLICATION, b"new").expect("written");
        assert_eq!(mode(&path) & 0o133, 0, "{:o}", mode(&path));
        let mark = dir.path().join("mark");
        let replace = |text: &[u8]| replace_own(&mark, Readers::Owner, |out| out.write_all(text));
        for text in [b"1", b"2"] {
            replace(text).expect("replaced");
            assert_eq!(
                (fs::read(&mark).expect("read"), mode(&mark)),
                (text.to_vec(), 0o600)
            );
        }
        // One of a more open mode gets the right one.
        fs::set_permissions(&mark, fs::Permissions::from_mode(0o664)).expect("set");
        replace(b"3").expect("replaced");
        assert_eq!(mode(&mark), 0o600);
        // A replacement that cannot be finished leaves the old file, and nothing beside it.
        let broken = |out: &mut BufWriter<File>| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        replace_own(&mark, Readers::Owner, broken).expect_err("broken");
        assert_eq!(fs::read(&mark).expect("read"), b"3");
        assert_eq!(names(dir.path()), ["application", "mark"]);
    }
}
