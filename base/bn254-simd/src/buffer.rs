//! Memory that a thread keeps and reuses for different kinds of elements:
//! points of either group, limbs, words.

use zerocopy::{FromBytes, IntoBytes};

use crate::curve::Line;
use crate::store::Plain;

/// Cache lines that hold elements of one kind now, and of another kind later.
#[derive(Default)]
pub(crate) struct Buffer(Vec<Line>);

impl Buffer {
    /// Makes room for this many elements without initializing them. They hold arbitrary values, so
    /// the caller must write each element before reading it.
    pub(crate) fn reserve<T: Plain>(&mut self, len: usize) {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        if self.0.len() < lines {
            self.0.resize(lines, Line::default());
        }
    }

    /// The whole buffer as a slice. Call it outside of loops.
    pub(crate) fn of<T: Plain>(&self) -> &[T] {
        let bytes = whole::<T>(self.0.len());
        // Whole elements at the start of a line: the default is never taken.
        <[T]>::ref_from_bytes(&self.0.as_bytes()[..bytes]).unwrap_or_default()
    }

    /// The same, mutable.
    pub(crate) fn of_mut<T: Plain>(&mut self) -> &mut [T] {
        let bytes = whole::<T>(self.0.len());
        <[T]>::mut_from_bytes(&mut self.0.as_mut_bytes()[..bytes]).unwrap_or_default()
    }
}

/// Bytes of the whole elements that fit. A buffer that was sized for another
/// kind may end within an element.
fn whole<T>(lines: usize) -> usize {
    let bytes = lines * size_of::<Line>();
    bytes - bytes % size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_kind_have_their_room() {
        let mut buffer = Buffer::default();
        assert!(buffer.of::<[u64; 4]>().is_empty());
        buffer.reserve::<[u64; 4]>(3);
        // Two lines: four of these.
        assert_eq!(buffer.of::<[u64; 4]>().len(), 4);
        assert_eq!(buffer.of::<[u64; 40]>().len(), 0);
        buffer.reserve::<[u64; 40]>(2);
        buffer.reserve::<Line>(1);
        assert_eq!(buffer.of::<Line>().len(), 10);
        buffer.of_mut::<[u64; 40]>()[1] = [7; 40];
        assert_eq!(buffer.of::<[u64; 4]>()[10..], [[7; 4]; 10]);
        // Two lines are left over.
        assert_eq!(buffer.of::<[Line; 4]>().len(), 2);
    }
}
