//! Who may read or write a file of ours: one check for keys, secrets, records and prepared keys.
//!
//! A secret that others could read is not a secret, and one that others could replace is theirs: a
//! wallet under another person's seed is that person's wallet. So a file is accepted only if all of
//! this holds:
//!
//! - It belongs to this user or to root.
//! - Nobody else may write it, and nobody else may read it if it is private.
//! - Nobody else may replace it: its folder belongs to this user or to root, and only they may write
//!   into it. A folder with the sticky bit, such as `/tmp`, is accepted too, because nobody replaces
//!   other people's files there.
//!
//! A file that a program keeps, such as a key or a journal, must be a regular file: a pipe would make
//! the program wait, and it stores nothing. Only an input that a person gives a command once, such as
//! a passphrase, may come from a pipe or a terminal ([`Secret::may_be_piped`]). A pipe is then checked
//! like a file, because anybody who may write into it decides what is read. A pipe that a shell made
//! for a command (`<(…)`, `|`) belongs to its user alone. For a device, such as a terminal, owner and
//! folder are checked; its mode says who may write to it, not who types.
//!
//! [`mod@exposed`] warns about a private input that came with a wider mode. [`mod@input`], [`output`] and
//! [`protected`] are for all other files that a command reads or writes: they check the path, limit
//! how much is read, and decide what may be replaced.
//!
//! Out of scope: folders above the file's own, access control lists, root.

pub mod beside;
pub mod explain;
pub mod exposed;
pub mod folder;
pub mod input;
pub mod output;
pub mod protected;

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::Path,
};

mod error;
mod lock;
mod mode;
mod regular;
mod secret;
mod state;

pub use error::{GuardError, Guarded};
pub use folder::{create_folder, create_shared_folder};
pub use lock::LockedFile;
pub use regular::NotRegular;
pub use secret::{Secret, Worth};
pub use state::{open_lock, open_state};

/// The rights of others on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Read it, but not change it.
    Trusted,
    /// Nothing: it holds a secret.
    Private(Secret),
}

/// Most links that lead to one file.
const MOST_LINKS: usize = 40;

/// Opens a file for reading, and checks the opened file and its folder. It is checked before as well: a pipe
/// that somebody else put there would keep the program waiting for a writer.
///
/// # Errors
/// [`GuardError`]: [`GuardError::NoFile`] for a pipe or a device, except for a secret that [may be
/// piped](Secret::may_be_piped).
pub fn open(path: &Path, guard: Guard) -> Result<File, GuardError> {
    let io = GuardError::reading(path);
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) => {
            require_no_dangling_link(path)?;
            return Err(io(error));
        }
    };
    check(path, &found, guard)?;
    let file = if found.is_file() {
        regular::open(path, OpenOptions::new().read(true))
    } else {
        File::open(path)
    }
    .map_err(&io)?;
    check(path, &file.metadata().map_err(&io)?, guard)?;
    Ok(file)
}

/// Refuses everything but a regular file. For a file that another library opens; the functions here
/// that open a file check it themselves.
///
/// # Errors
/// [`GuardError::NoFile`].
pub fn require_file(path: &Path, metadata: &Metadata) -> Result<(), GuardError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(GuardError::NoFile {
        path: path.to_owned(),
        found: NotRegular::of(&metadata.file_type()),
    })
}

/// The same by name, for a file that may be missing. Dangling and circular links are refused too: the file
/// that they should lead to is not lost.
///
/// # Errors
/// [`GuardError`]; of the kind [`GuardError::Io`], in words, for such links and for what cannot be looked at.
pub fn require_file_if_any(path: &Path) -> Result<(), GuardError> {
    match fs::metadata(path) {
        Ok(found) => require_file(path, &found),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GuardError::reading(path)(error))
        }
        Err(_) => require_no_dangling_link(path),
    }
}

/// The same for a folder. A path with a part that is not a folder is refused too.
///
/// # Errors
/// Those of [`require_file_if_any`].
pub fn require_folder_if_any(path: &Path) -> Result<(), GuardError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(found) => Err(GuardError::Io {
            path: path.to_owned(),
            source: io::Error::new(
                io::ErrorKind::NotADirectory,
                format!(
                    "it is {}, and a folder is expected: name a folder, or move this away",
                    input::name(&found.file_type())
                ),
            ),
        }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GuardError::reading(path)(error))
        }
        Err(_) => require_no_dangling_link(path),
    }
}

fn require_no_dangling_link(path: &Path) -> Result<(), GuardError> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if !is_link {
        return Ok(());
    }
    match fs::metadata(path) {
        // The lost file may come back, and a new one in its place would not have its contents.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(GuardError::Io {
            path: path.to_owned(),
            source: io::Error::other(
                "it is a link to nothing: bring back what it leads to, or delete the link",
            ),
        }),
        // Such as links in a circle.
        Err(error) => Err(GuardError::reading(path)(error)),
        Ok(_) => Ok(()),
    }
}

/// Checks an opened file, by its own metadata, and its folder.
///
/// # Errors
/// [`GuardError`].
pub fn check(path: &Path, metadata: &Metadata, guard: Guard) -> Result<(), GuardError> {
    let may_be_piped = matches!(guard, Guard::Private(secret) if secret.may_be_piped());
    if !may_be_piped {
        require_file(path, metadata)?;
    }
    match Kind::of(metadata) {
        Kind::Readable => {
            owned(&Guarded::File(path.to_owned()), metadata)?;
            if let Guard::Private(secret) = guard {
                unread(path, secret, metadata)?;
            }
        }
        Kind::Device => belongs(&Guarded::File(path.to_owned()), metadata)?,
        Kind::Other => {
            return Err(GuardError::NoFile {
                path: path.to_owned(),
                found: NotRegular::of(&metadata.file_type()),
            });
        }
    }
    check_folder(path)
}

/// Makes or empties a file that only its owner reads (mode 0600). The caller that names the place
/// must check it: see [`check_folder`].
///
/// # Errors
/// The system's, in words; of the kind `InvalidInput` if something else than a regular file is
/// there.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    private(path, &mut options)
}

/// Makes such a file; none is overwritten.
///
/// # Errors
/// Those of opening; of the kind `AlreadyExists` if there is one.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(path, &mut options)
}

fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = regular::open(path, options).map_err(explain::writing)?;
    // The umask may have removed the owner's rights, and an existing file would keep its mode. The mode of another
    // user's file cannot be set; then this fails.
    mode::private(&file).map_err(explain::writing)?;
    Ok(file)
}

/// Checks the folder of a file that exists or will be made: nobody else may replace files in it. If the name is a
/// link, this checks the folders of all links on the way to the file, and the file's own.
///
/// # Errors
/// [`GuardError`]: of the kind [`GuardError::Io`], in words, for a link to nothing.
pub fn check_folder(path: &Path) -> Result<(), GuardError> {
    check_one_folder(path, path)?;
    let mut named = path.to_owned();
    // As many links as the system follows.
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&named) else {
            break;
        };
        // A pipe that a shell made (`/dev/fd/63`) leads to no name, but it exists.
        named = folder::folder_of(&named).join(target);
        if fs::symlink_metadata(&named).is_err() {
            break;
        }
        check_one_folder(path, &named)?;
    }
    require_no_dangling_link(path)
}

/// Checks the folder of `named`, which is the file `path` or a link on the way to it.
fn check_one_folder(path: &Path, named: &Path) -> Result<(), GuardError> {
    if named.parent().is_none() {
        return Ok(());
    }
    let folder = folder::folder_of(named);
    let metadata = fs::metadata(folder).map_err(|source| {
        let source = match source.kind() {
            io::ErrorKind::NotFound => io::Error::new(
                io::ErrorKind::NotFound,
                "the folder does not exist: make it first, or name another file",
            ),
            _ => explain::reading(source),
        };
        GuardError::Io {
            path: folder.to_owned(),
            source,
        }
    })?;
    let place = Guarded::Folder {
        folder: folder.to_owned(),
        file: path.to_owned(),
    };
    owned(&place, &metadata)
}

/// The kind of thing under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file or a pipe: its mode says who can write what is read from it.
    Readable,
    /// A terminal, or another device that gives characters.
    #[cfg_attr(not(unix), expect(dead_code))]
    Device,
    /// A folder, a socket, a disk.
    Other,
}

impl Kind {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        if kind.is_file() || kind.is_fifo() {
            Self::Readable
        } else if kind.is_char_device() {
            Self::Device
        } else {
            Self::Other
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        if metadata.is_file() {
            Self::Readable
        } else {
            Self::Other
        }
    }
}

/// Refuses a file that belongs to anybody but this user and root.
#[cfg(unix)]
fn belongs(place: &Guarded, metadata: &Metadata) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = metadata.uid();
    let user = rustix::process::geteuid().as_raw();
    if owner != user && owner != 0 {
        return Err(GuardError::Foreign {
            place: place.clone(),
            owner,
            user,
        });
    }
    Ok(())
}

/// Refuses a file that belongs to anybody but this user and root, or that others may write.
#[cfg(unix)]
fn owned(place: &Guarded, metadata: &Metadata) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    belongs(place, metadata)?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    // In a sticky folder nobody renames or removes other people's files.
    let sticky = metadata.is_dir() && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !sticky {
        return Err(GuardError::Writable {
            place: place.clone(),
            mode,
            owner,
        });
    }
    Ok(())
}

#[cfg(unix)]
fn unread(path: &Path, secret: Secret, metadata: &Metadata) -> Result<(), GuardError> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(GuardError::Readable {
            path: path.to_owned(),
            secret,
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn belongs(place: &Guarded, _: &Metadata) -> Result<(), GuardError> {
    Err(GuardError::Unsupported {
        path: place.path().to_owned(),
    })
}

#[cfg(not(unix))]
fn owned(place: &Guarded, _: &Metadata) -> Result<(), GuardError> {
    Err(GuardError::Unsupported {
        path: place.path().to_owned(),
    })
}

#[cfg(not(unix))]
fn unread(path: &Path, _: Secret, _: &Metadata) -> Result<(), GuardError> {
    Err(GuardError::Unsupported {
        path: path.to_owned(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::path::PathBuf;

    const SEED: Guard = Guard::Private(Secret::WalletSeed);
    const TYPED: Guard = Guard::Private(Secret::Passphrase);

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn only_the_owner_reads_it_also_over_an_existing_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("bundle.jsonl");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        create(&path).expect("made");
        assert_eq!(mode(), 0o600);
        fs::write(&path, "old").expect("written");
        set(&path, 0o644);
        create(&path).expect("emptied");
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read(&path).expect("read"), b"");
        let again = create_new(&path).expect_err("there already");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn what_others_may_read_write_or_replace_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let folder = dir.path().join("keys");
        fs::create_dir(&folder).expect("made");
        let path = folder.join("seed.key");
        create(&path).expect("made");
        open(&path, SEED).expect("ours alone");
        for (mode, private, trusted) in [
            (0o640, false, true),
            (0o604, false, true),
            (0o620, false, false),
            (0o602, false, false),
            (0o400, true, true),
        ] {
            set(&path, mode);
            assert_eq!(open(&path, SEED).is_ok(), private, "{mode:o}");
            assert_eq!(open(&path, Guard::Trusted).is_ok(), trusted, "{mode:o}");
        }
        set(&path, 0o600);
        for (mode, taken) in [
            (0o770, false),
            (0o777, false),
            (0o1777, true),
            (0o755, true),
        ] {
            set(&folder, mode);
            assert_eq!(open(&path, SEED).is_ok(), taken, "{mode:o}");
            let other = folder.join("other.key");
            assert_eq!(check_folder(&other).is_ok(), taken, "{mode:o}");
        }
        set(&folder, 0o775);
        let said = open(&path, SEED).expect_err("open").to_string();
        let named = format!(
            "{}: its folder {} has mode 775",
            path.display(),
            folder.display()
        );
        assert!(said.starts_with(&named), "{said}");
        let advice = format!("(chmod go-w {})", folder.display());
        assert!(said.ends_with(&advice), "{said}");
        set(&folder, 0o755);
        let missing = open(&folder.join("none"), SEED).expect_err("not there");
        assert!(missing.is_missing());
        // A link does not hide where its file lies.
        let open_folder = dir.path().join("open");
        fs::create_dir(&open_folder).expect("made");
        create(&open_folder.join("seed.key")).expect("made");
        set(&open_folder, 0o777);
        let link = folder.join("link.key");
        std::os::unix::fs::symlink(open_folder.join("seed.key"), &link).expect("linked");
        assert!(matches!(
            open(&link, SEED),
            Err(GuardError::Writable { .. })
        ));
    }

    fn pipe(path: &Path, mode: u32) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo runs").success());
        set(path, mode);
    }

    /// Opening it would wait for a writer, and the test checks that none of these waits.
    #[test]
    fn a_named_pipe_is_checked_before_anything_waits_for_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let folder = dir.path().join("keys");
        fs::create_dir(&folder).expect("made");
        set(&folder, 0o700);
        let path = folder.join("seed.key");
        pipe(&path, 0o660);
        assert!(matches!(
            open(&path, TYPED),
            Err(GuardError::Writable { mode: 0o660, .. })
        ));
        set(&path, 0o644);
        assert!(matches!(
            open(&path, TYPED),
            Err(GuardError::Readable { mode: 0o644, .. })
        ));
        set(&path, 0o600);
        // A file that is kept must not be a pipe, regardless of its owner.
        for kept in [SEED, Guard::Trusted] {
            let error = open(&path, kept).expect_err("a pipe");
            assert!(matches!(error, GuardError::NoFile { .. }), "{error}");
            let said = error.to_string();
            assert!(said.contains("seed.key: it is a pipe"), "{said}");
        }
        set(&folder, 0o770);
        assert!(matches!(
            open(&path, TYPED),
            Err(GuardError::Writable { mode: 0o770, .. })
        ));
        // It is ours alone, so it is read.
        set(&folder, 0o700);
        let writer = std::thread::spawn({
            let path = path.clone();
            move || fs::write(path, "secret")
        });
        let mut text = String::new();
        let mut file = open(&path, TYPED).expect("ours alone");
        io::Read::read_to_string(&mut file, &mut text).expect("read");
        assert_eq!(text, "secret");
        writer.join().expect("ended").expect("written");
    }

    /// Regression: a store that was a link to nothing, or its folder a pipe, was told as lost.
    #[test]
    fn a_path_of_another_kind_is_not_reported_as_missing() {
        let dir = tempfile::tempdir().expect("a directory");
        let here = |name: &str| dir.path().join(name);
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(here(to), here(name)).expect("linked");
        };
        pipe(&here("pipe"), 0o600);
        create(&here("file")).expect("made");
        fs::create_dir(here("folder")).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(here("socket")).expect("bound");
        link("gone", "dangling");
        link("circle", "circle");
        for (name, says) in [
            ("pipe", "it is a pipe"),
            ("socket", "it is a socket"),
            ("/dev/null", "it is a "),
            ("dangling", "a link to nothing"),
            ("circle", "lead in a circle"),
        ] {
            for judge in [require_file_if_any, require_folder_if_any] {
                let said = judge(&here(name)).expect_err(name).to_string();
                assert!(said.contains(says) && said.contains(name), "{said}");
            }
        }
        // A key that lies elsewhere is not a missing one.
        let lost = open(&here("dangling"), SEED).expect_err("nothing");
        assert!(!lost.is_missing() && lost.to_string().contains("a link to nothing"));
        require_file_if_any(&here("folder")).expect_err("a folder");
        require_folder_if_any(&here("file")).expect_err("a file");
        link("file", "to-file");
        link("folder", "to-folder");
        for name in ["none", "file", "to-file"] {
            require_file_if_any(&here(name)).expect(name);
        }
        for name in ["none", "folder", "to-folder"] {
            require_folder_if_any(&here(name)).expect(name);
        }
    }

    #[test]
    fn a_shells_pipe_and_a_device_are_read_and_a_folder_is_not() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        io::Write::write_all(&mut writer, b"secret").expect("written");
        drop(writer);
        let number = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        let mut text = String::new();
        let mut file = open(&path, TYPED).expect("the shell's own");
        io::Read::read_to_string(&mut file, &mut text).expect("read");
        assert_eq!(text, "secret");
        open(Path::new("/dev/null"), TYPED).expect("root's device");
        let dir = tempfile::tempdir().expect("a directory");
        for guard in [SEED, TYPED, Guard::Trusted] {
            let error = open(dir.path(), guard).expect_err("a folder");
            assert!(matches!(error, GuardError::NoFile { .. }), "{error}");
            let said = error.to_string();
            assert!(
                said.contains("it is a folder") && said.contains("name a file in it"),
                "{said}"
            );
        }
    }

    /// Only root can give files away.
    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("seed.key");
        create(&path).expect("made");
        if chown(&path, Some(1), None).is_err() {
            return;
        }
        let foreign = open(&path, SEED).expect_err("another's");
        assert!(matches!(foreign, GuardError::Foreign { owner: 1, .. }));
        chown(&path, Some(0), None).expect("given back");
        chown(dir.path(), Some(1), None).expect("given away");
        assert!(matches!(
            open(&path, SEED),
            Err(GuardError::Foreign { owner: 1, .. })
        ));
    }
}
