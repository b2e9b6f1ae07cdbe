//! Arrays that are either a process's own or a part of a mapped file, read alike.

use core::ops::Deref;

/// Elements of a prepared key.
#[derive(Debug)]
pub(crate) enum Store<T: 'static> {
    /// In this process's memory.
    Owned(Vec<T>),
}

impl<T> Deref for Store<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match self {
            Self::Owned(all) => all,
        }
    }
}

impl<T> From<Vec<T>> for Store<T> {
    fn from(all: Vec<T>) -> Self {
        Self::Owned(all)
    }
}
