//! Memory for a proof's intermediate values, returned to the system as soon as
//! it is dropped.
//!
//! An allocator keeps freed memory in pieces that the next proof's arrays may not fit, so a process
//! that proves for a long time would hold several times what one proof needs. Unmapping the pages
//! also removes the witness data in them. The price is a page fault for each fresh page, so arrays
//! that are large enough ask for huge pages, which also suit the long strides of the transforms.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use zerocopy::FromBytes;

use crate::store::Plain;

/// Bytes from which on an array gets pages of its own.
const FEWEST: usize = 1 << 16;

/// An array in pages of its own.
///
/// Borrowing it as a slice costs a few nanoseconds: do it outside of loops.
pub(crate) enum Pages<T: Plain> {
    /// Zeroed by the system, and unmapped when dropped.
    Own(MmapMut, PhantomData<T>),
    /// From the allocator, because the array is too small or the system
    /// refused.
    Heap(Vec<T>),
}

impl<T: Plain> Pages<T> {
    /// Zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        let own = (bytes >= FEWEST).then(|| MmapMut::map_anon(bytes).ok());
        match own.flatten() {
            Some(map) => {
                #[cfg(target_os = "linux")]
                if bytes >= HUGE {
                    // Only a hint: without it the pages are small.
                    let _ = map.advise(memmap2::Advice::HugePage);
                }
                Self::Own(map, PhantomData)
            }
            None => Self::Heap(vec![T::new_zeroed(); len]),
        }
    }
}

/// Bytes from which on huge pages are worth the memory lost to rounding up.
#[cfg(target_os = "linux")]
const HUGE: usize = 4 << 20;

impl<T: Plain> Deref for Pages<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            // As many bytes as its elements have, at the start of a page: the default is never
            // taken.
            Self::Own(map, _) => <[T]>::ref_from_bytes(map).unwrap_or_default(),
            Self::Heap(all) => all,
        }
    }
}

impl<T: Plain> DerefMut for Pages<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Own(map, _) => <[T]>::mut_from_bytes(map).unwrap_or_default(),
            Self::Heap(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_there_and_zero_at_first() {
        for len in [0, 1, FEWEST / 32 - 1, FEWEST / 32, FEWEST / 32 + 1, 300_001] {
            let mut pages = Pages::<[u64; 4]>::zeroed(len);
            assert_eq!(pages.len(), len);
            assert!(pages.iter().all(|words| *words == [0; 4]));
            for (i, words) in pages.iter_mut().enumerate() {
                *words = [i as u64; 4];
            }
            assert!(
                pages
                    .iter()
                    .enumerate()
                    .all(|(i, words)| words[3] == i as u64)
            );
        }
    }
}
