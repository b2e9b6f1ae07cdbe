//! A file reader with its own position, so that several threads can read one file at once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

pub(crate) struct Positioned<'f> {
    file: &'f File,
    position: u64,
}

impl<'f> Positioned<'f> {
    pub(crate) const fn new(file: &'f File) -> Self {
        Self { file, position: 0 }
    }
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.position)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.position)?;
        #[cfg(not(any(unix, windows)))]
        let read = no_files(self.file, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// A browser has no files, so none is open here.
#[cfg(not(any(unix, windows)))]
fn no_files(_: &File, _: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, step) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(step) => (self.position, step),
            SeekFrom::End(step) => (self.file.metadata()?.len(), step),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start");
        self.position = base.checked_add_signed(step).ok_or_else(before)?;
        Ok(self.position)
    }
}
