//! Modes of what is made here, whatever the umask says.
//!
//! The umask takes rights away when something is made, also those of its owner: under the umask 0777 a backup has
//! mode 000, and nobody enters a new folder. So a mode is set once more after the making.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

/// The rights that a mode gives to the owner.
const OWNERS: u32 = 0o700;

/// Sets the mode of a file that was just made to be its owner's alone.
#[cfg(unix)]
pub(crate) fn private(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

/// Gives the owner of a file that was just made the rights in `mode`; the umask said what others have of it.
#[cfg(unix)]
pub(crate) fn shared(file: &File, mode: u32) -> io::Result<()> {
    match missing(&file.metadata()?, mode) {
        None => Ok(()),
        Some(mode) => file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode)),
    }
}

/// The same of a folder.
#[cfg(unix)]
pub(crate) fn shared_folder(path: &Path, mode: u32) -> io::Result<()> {
    match missing(&fs::symlink_metadata(path)?, mode) {
        None => Ok(()),
        Some(mode) => fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)),
    }
}

/// The mode with the owner's rights of `mode`, if they are not there.
#[cfg(unix)]
fn missing(metadata: &Metadata, mode: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let (has, owners) = (metadata.mode() & 0o7777, mode & OWNERS);
    (has & OWNERS != owners).then_some((has & !OWNERS) | owners)
}

#[cfg(not(unix))]
pub(crate) fn private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn shared(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn shared_folder(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
