//! Sums of many lists of points: the one operation that multi-scalar multiplication is made of.
//!
//! Every list is halved by adding neighbours, all lists at once, until one point is left. So all
//! additions of a level are independent and share inversions, and from the second level on the
//! operands lie side by side in memory.

use std::sync::{Mutex, PoisonError};

use crate::affine::{AddScratch, NEGATIVE, Pair, add_pairs};
use crate::buffer::Buffer;
use crate::curve::Curve;
use crate::path::Path;

/// References that are halved together. The result of the first level (half as many points, 256 KiB)
/// should stay in a core's second cache, and thousands of additions should share an inversion.
const fn group<C: Curve>() -> usize {
    (1 << 19) / size_of::<C::Stored>()
}

/// Many lists of references to points: list `i` is `references[offsets[i]..offsets[i + 1]]`, and a
/// reference is an index, with [`NEGATIVE`] for the opposite point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    pub(crate) references: Vec<u32>,
    pub(crate) offsets: Vec<u32>,
}

impl Lists {
    /// No lists; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.references.clear();
        self.offsets.clear();
        self.offsets.push(0);
    }

    /// Ends the list that [`references`](Self::references) has been pushed to.
    pub(crate) fn end_list(&mut self) {
        // References are indices of points, of which there are fewer than 2^31.
        self.offsets.push(self.references.len() as u32);
    }

    /// How many lists.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }
}

/// One point for each list whose sum is not the identity.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) points: Buffer,
    pub(crate) present: Vec<bool>,
}

impl Sums {
    /// The sum of list `i`, unless it is the identity.
    pub(crate) fn get<C: Curve>(&self, i: usize) -> Option<&C::Stored> {
        self.present[i].then(|| &self.points.of::<C::Stored>()[i])
    }

    fn reset<C: Curve>(&mut self, lists: usize) {
        self.present.clear();
        self.present.resize(lists, false);
        self.points.reserve::<C::Stored>(lists);
    }

    fn set<C: Curve>(&mut self, i: u32, point: C::Stored) {
        self.points.of_mut::<C::Stored>()[i as usize] = point;
        self.present[i as usize] = true;
    }
}

/// A list that is being halved: `len` points of the current level from `start`.
#[derive(Clone, Copy)]
struct Active {
    list: u32,
    start: u32,
    len: u32,
}

/// Buffers of a thread, kept between calls because fresh pages cost as much as the additions.
#[derive(Default)]
pub(crate) struct Halving {
    lists: Lists,
    add: AddScratch,
    level: Buffer,
    next_level: Buffer,
    active: Vec<Active>,
    pairs: Vec<Pair>,
    vanished: Vec<u32>,
}

impl Halving {
    /// Sums `count` lists of points of `source`; `push` appends the references of a list.
    pub(crate) fn sum<C: Curve>(
        &mut self,
        path: Path,
        source: &[C::Stored],
        count: usize,
        mut push: impl FnMut(usize, &mut Vec<u32>),
        sums: &mut Sums,
    ) {
        sums.reset::<C>(count);
        let mut lists = core::mem::take(&mut self.lists);
        lists.clear();
        let mut first = 0;
        for list in 0..count {
            push(list, &mut lists.references);
            lists.end_list();
            if lists.references.len() >= group::<C>() || list + 1 == count {
                self.sum_group::<C>(path, source, &lists, first, sums);
                lists.clear();
                first = list + 1;
            }
        }
        self.lists = lists;
    }

    /// Sums lists that are halved together. `first` is the number of the first
    /// list.
    fn sum_group<C: Curve>(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        first: usize,
        sums: &mut Sums,
    ) {
        let long =
            |list: usize| lists.offsets[list + 1] - lists.offsets[list] > 2 * group::<C>() as u32;
        // Only the last list of a group can be long: it would have ended the group before.
        let short = lists.len() - usize::from(lists.len() > 0 && long(lists.len() - 1));
        self.first_level::<C>(path, source, lists, 0..short, first, sums);
        while !self.active.is_empty() {
            self.halve::<C>(path, sums);
        }
        if short < lists.len() {
            self.sum_long::<C>(path, source, lists, short, first, sums);
        }
    }

    /// Sums a list that would need too much memory at once, piece by piece.
    fn sum_long<C: Curve>(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        list: usize,
        first: usize,
        sums: &mut Sums,
    ) {
        let all = lists.offsets[list] as usize..lists.offsets[list + 1] as usize;
        let mut piece = Sums::default();
        let mut points: Vec<C::Stored> = Vec::new();
        for references in lists.references[all].chunks(group::<C>()) {
            let one = Lists {
                references: references.to_vec(),
                offsets: vec![0, references.len() as u32],
            };
            piece.reset::<C>(1);
            self.first_level::<C>(path, source, &one, 0..1, 0, &mut piece);
            while !self.active.is_empty() {
                self.halve::<C>(path, &mut piece);
            }
            points.extend(piece.get::<C>(0).copied());
        }
        self.active.push(Active {
            list: (first + list) as u32,
            start: 0,
            len: points.len() as u32,
        });
        self.level.reserve::<C::Stored>(points.len());
        self.level.of_mut::<C::Stored>()[..points.len()].copy_from_slice(&points);
        while !self.active.is_empty() {
            self.halve::<C>(path, sums);
        }
    }

    /// From references to points side by side.
    fn first_level<C: Curve>(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        range: core::ops::Range<usize>,
        first: usize,
        sums: &mut Sums,
    ) {
        let signed = |reference: u32| {
            let point = &source[(reference & !NEGATIVE) as usize];
            if reference & NEGATIVE == 0 {
                *point
            } else {
                C::negate(path, point)
            }
        };
        self.pairs.clear();
        let references = (lists.offsets[range.end] - lists.offsets[range.start]) as usize;
        // A point for each pair, and one for each list of three or more.
        let room = references / 2 + range.len().min(references / 3);
        self.level.reserve::<C::Stored>(room);
        let level = self.level.of_mut::<C::Stored>();
        let mut position = 0;
        for list in range {
            let all =
                &lists.references[lists.offsets[list] as usize..lists.offsets[list + 1] as usize];
            if let [single] = all {
                sums.set::<C>((first + list) as u32, signed(*single));
                continue;
            }
            let start = position;
            let (pairs, odd) = all.as_chunks::<2>();
            for [a, b] in pairs {
                self.pairs.push(Pair {
                    a: *a,
                    b: *b,
                    out: position,
                });
                position += 1;
            }
            if let [odd] = odd {
                level[position as usize] = signed(*odd);
                position += 1;
            }
            if position > start {
                self.active.push(Active {
                    list: (first + list) as u32,
                    start,
                    len: position - start,
                });
            }
        }
        add_pairs::<C>(
            path,
            source,
            &self.pairs,
            level,
            &mut self.vanished,
            &mut self.add,
        );
    }

    /// One level down: lists of one point are done, the others halve.
    fn halve<C: Curve>(&mut self, path: Path, sums: &mut Sums) {
        self.drop_vanished::<C>();
        self.pairs.clear();
        let points: usize = self.active.iter().map(|a| a.len as usize).sum();
        let room = points / 2 + self.active.len();
        self.next_level.reserve::<C::Stored>(room);
        let mut position = 0;
        let level = self.level.of::<C::Stored>();
        let (next_level, pairs) = (self.next_level.of_mut::<C::Stored>(), &mut self.pairs);
        self.active.retain_mut(|active| {
            if active.len <= 1 {
                if active.len == 1 {
                    sums.set::<C>(active.list, level[active.start as usize]);
                }
                return false;
            }
            let (start, half) = (active.start, active.len / 2);
            for i in 0..half {
                pairs.push(Pair {
                    a: start + 2 * i,
                    b: start + 2 * i + 1,
                    out: position + i,
                });
            }
            active.start = position;
            position += half;
            if active.len % 2 == 1 {
                next_level[position as usize] = level[(start + active.len - 1) as usize];
                position += 1;
            }
            active.len = position - active.start;
            true
        });
        add_pairs::<C>(
            path,
            level,
            pairs,
            next_level,
            &mut self.vanished,
            &mut self.add,
        );
        core::mem::swap(&mut self.level, &mut self.next_level);
    }

    /// Removes the positions whose sum was the identity from their lists.
    fn drop_vanished<C: Curve>(&mut self) {
        if self.vanished.is_empty() {
            return;
        }
        self.vanished.sort_unstable();
        let mut gone = self.vanished.iter().copied().peekable();
        let level = self.level.of_mut::<C::Stored>();
        // Lists are in order of their positions.
        for active in &mut self.active {
            let (mut kept, end) = (active.start, active.start + active.len);
            for position in active.start..end {
                if gone.next_if_eq(&position).is_none() {
                    level[kept as usize] = level[position as usize];
                    kept += 1;
                }
            }
            active.len = kept - active.start;
        }
        self.vanished.clear();
    }
}

/// All buffers of one thread's share of a multiplication, in either group.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) halving: Halving,
    pub(crate) sums: [Sums; 3],
}

impl Workspace {
    /// Runs `f` with its own workspace. As many workspaces are kept as threads have run at once. A
    /// panic in `f` loses the workspace, and nothing else.
    pub(crate) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> R {
        static SPARE: Mutex<Vec<Workspace>> = Mutex::new(Vec::new());
        let spare = || SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = spare().pop();
        let mut workspace = taken.unwrap_or_default();
        let result = f(&mut workspace);
        spare().push(workspace);
        result
    }
}
