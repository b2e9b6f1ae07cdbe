//! Arrays that are either in a process's own memory or part of a mapped file,
//! with one way to read both.

use core::{fmt, marker::PhantomData, ops::Deref, ops::Range};
use std::sync::Arc;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::map::Map;

/// Types with identical on-disk and in-memory layout: any bytes make one, and it is all bytes.
pub(crate) trait Plain:
    FromBytes + IntoBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static
{
}

impl<T> Plain for T where
    T: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static
{
}

/// Elements of a prepared key.
///
/// Borrowing a mapped one as a slice costs a few nanoseconds: do it outside of
/// loops.
#[derive(Clone)]
pub(crate) enum Store<T: Plain> {
    /// In this process's memory.
    Owned(Vec<T>),
    /// In a file, which processes share.
    Mapped(Mapped<T>),
}

/// Part of a mapped file.
#[derive(Clone)]
pub(crate) struct Mapped<T> {
    map: Arc<Map>,
    bytes: Range<usize>,
    element: PhantomData<fn() -> T>,
}

impl<T: Plain> Store<T> {
    /// The elements in these bytes of a file. `None` if the file is too short, the bytes are not
    /// aligned, or they are not a whole number of elements.
    pub(crate) fn mapped(map: &Arc<Map>, bytes: Range<usize>) -> Option<Self> {
        <[T]>::ref_from_bytes(map.bytes().get(bytes.clone())?).ok()?;
        Some(Self::Mapped(Mapped {
            map: Arc::clone(map),
            bytes,
            element: PhantomData,
        }))
    }
}

impl<T: Plain> Deref for Store<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(all) => all,
            // A map never changes its address or length, so the range that was checked when this was
            // made is still valid. The default is never used.
            Self::Mapped(part) => part
                .map
                .bytes()
                .get(part.bytes.clone())
                .and_then(|bytes| <[T]>::ref_from_bytes(bytes).ok())
                .unwrap_or_default(),
        }
    }
}

impl<T: Plain> From<Vec<T>> for Store<T> {
    fn from(all: Vec<T>) -> Self {
        Self::Owned(all)
    }
}

impl<T: Plain> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Owned(_) => "owned",
            Self::Mapped(_) => "mapped",
        };
        write!(f, "{} elements, {place}", self.len())
    }
}
