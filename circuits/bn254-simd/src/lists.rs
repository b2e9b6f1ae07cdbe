//! Sums of many lists of points: the one operation that multi-scalar multiplication is made of.
//!
//! Every list is halved by adding neighbours, all lists at once, until one point is left: so all
//! additions of a level are independent and share inversions, and from the second level on the
//! operands lie side by side in memory.

use std::sync::{Mutex, PoisonError};

use crate::affine::{AddScratch, NEGATIVE, Pair, add_pairs};
use crate::curve::Curve;
use crate::path::Path;

/// References that are halved together: what the first level leaves (half as many points, 1 MiB)
/// should stay in a core's second cache, and an inversion should be shared by thousands.
const fn group<C: Curve>() -> usize {
    (2 << 20) / size_of::<C::Stored>()
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

/// One point a list, where the list's sum is not the identity.
pub(crate) struct Sums<C: Curve> {
    pub(crate) points: Vec<C::Stored>,
    pub(crate) present: Vec<bool>,
}

impl<C: Curve> Sums<C> {
    /// The sum of list `i`, unless it is the identity.
    pub(crate) fn get(&self, i: usize) -> Option<&C::Stored> {
        self.present[i].then(|| &self.points[i])
    }

    fn reset(&mut self, lists: usize) {
        self.present.clear();
        self.present.resize(lists, false);
        if self.points.len() < lists {
            self.points.resize(lists, C::Stored::default());
        }
    }

    fn set(&mut self, i: u32, point: C::Stored) {
        self.points[i as usize] = point;
        self.present[i as usize] = true;
    }
}

impl<C: Curve> Default for Sums<C> {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            present: Vec::new(),
        }
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
pub(crate) struct Halving<C: Curve> {
    lists: Lists,
    add: AddScratch<C>,
    level: Vec<C::Stored>,
    next_level: Vec<C::Stored>,
    active: Vec<Active>,
    pairs: Vec<Pair>,
    vanished: Vec<u32>,
}

impl<C: Curve> Default for Halving<C> {
    fn default() -> Self {
        Self {
            lists: Lists::default(),
            add: AddScratch::default(),
            level: Vec::new(),
            next_level: Vec::new(),
            active: Vec::new(),
            pairs: Vec::new(),
            vanished: Vec::new(),
        }
    }
}

impl<C: Curve> Halving<C> {
    /// Sums `count` lists of points of `source`; `push` appends the references of a list.
    pub(crate) fn sum(
        &mut self,
        path: Path,
        source: &[C::Stored],
        count: usize,
        mut push: impl FnMut(usize, &mut Vec<u32>),
        sums: &mut Sums<C>,
    ) {
        sums.reset(count);
        let mut lists = core::mem::take(&mut self.lists);
        lists.clear();
        let mut first = 0;
        for list in 0..count {
            push(list, &mut lists.references);
            lists.end_list();
            if lists.references.len() >= group::<C>() || list + 1 == count {
                self.sum_group(path, source, &lists, first, sums);
                lists.clear();
                first = list + 1;
            }
        }
        self.lists = lists;
    }

    /// Sums lists that are halved together, `first` being the number of the first.
    fn sum_group(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        first: usize,
        sums: &mut Sums<C>,
    ) {
        let long =
            |list: usize| lists.offsets[list + 1] - lists.offsets[list] > 2 * group::<C>() as u32;
        // Only the last list of a group can be long: it would have ended the group before.
        let short = lists.len() - usize::from(lists.len() > 0 && long(lists.len() - 1));
        self.first_level(path, source, lists, 0..short, first, sums);
        while !self.active.is_empty() {
            self.halve(path, sums);
        }
        if short < lists.len() {
            self.sum_long(path, source, lists, short, first, sums);
        }
    }

    /// Sums a list that would need too much memory at once, piece by piece.
    fn sum_long(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        list: usize,
        first: usize,
        sums: &mut Sums<C>,
    ) {
        let all = lists.offsets[list] as usize..lists.offsets[list + 1] as usize;
        let mut piece = Sums::default();
        let mut points = Vec::new();
        for references in lists.references[all].chunks(group::<C>()) {
            let one = Lists {
                references: references.to_vec(),
                offsets: vec![0, references.len() as u32],
            };
            piece.reset(1);
            self.first_level(path, source, &one, 0..1, 0, &mut piece);
            while !self.active.is_empty() {
                self.halve(path, &mut piece);
            }
            points.extend(piece.get(0).copied());
        }
        self.active.push(Active {
            list: (first + list) as u32,
            start: 0,
            len: points.len() as u32,
        });
        self.level.clear();
        self.level.append(&mut points);
        while !self.active.is_empty() {
            self.halve(path, sums);
        }
    }

    /// From references to points side by side.
    fn first_level(
        &mut self,
        path: Path,
        source: &[C::Stored],
        lists: &Lists,
        range: core::ops::Range<usize>,
        first: usize,
        sums: &mut Sums<C>,
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
        // A point a pair, and one a list of three or more.
        reserve::<C>(
            &mut self.level,
            references / 2 + range.len().min(references / 3),
        );
        let mut position = 0;
        for list in range {
            let all =
                &lists.references[lists.offsets[list] as usize..lists.offsets[list + 1] as usize];
            if let [single] = all {
                sums.set((first + list) as u32, signed(*single));
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
                self.level[position as usize] = signed(*odd);
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
        add_pairs(
            path,
            source,
            &self.pairs,
            &mut self.level,
            &mut self.vanished,
            &mut self.add,
        );
    }

    /// One level down: lists of one point are done, the others halve.
    fn halve(&mut self, path: Path, sums: &mut Sums<C>) {
        self.drop_vanished();
        self.pairs.clear();
        let points: usize = self.active.iter().map(|a| a.len as usize).sum();
        reserve::<C>(&mut self.next_level, points / 2 + self.active.len());
        let mut position = 0;
        let (level, next_level, pairs) = (&self.level, &mut self.next_level, &mut self.pairs);
        self.active.retain_mut(|active| {
            if active.len <= 1 {
                if active.len == 1 {
                    sums.set(active.list, level[active.start as usize]);
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
        add_pairs(
            path,
            &self.level,
            &self.pairs,
            &mut self.next_level,
            &mut self.vanished,
            &mut self.add,
        );
        core::mem::swap(&mut self.level, &mut self.next_level);
    }

    /// Takes the positions whose sum was the identity out of their lists.
    fn drop_vanished(&mut self) {
        if self.vanished.is_empty() {
            return;
        }
        self.vanished.sort_unstable();
        let mut gone = self.vanished.iter().copied().peekable();
        // Lists are in order of their positions.
        for active in &mut self.active {
            let (mut kept, end) = (active.start, active.start + active.len);
            for position in active.start..end {
                if gone.next_if_eq(&position).is_none() {
                    self.level[kept as usize] = self.level[position as usize];
                    kept += 1;
                }
            }
            active.len = kept - active.start;
        }
        self.vanished.clear();
    }
}

/// Makes room without touching what is there: every position that is read is written before.
fn reserve<C: Curve>(points: &mut Vec<C::Stored>, len: usize) {
    if points.len() < len {
        points.resize(len, C::Stored::default());
    }
}

/// Buffers handed from call to call: as many as there have been threads at once.
pub(crate) struct Pool<C: Curve>(Mutex<Vec<Workspace<C>>>);

/// All buffers of one thread's share of a multiplication.
pub(crate) struct Workspace<C: Curve> {
    pub(crate) halving: Halving<C>,
    pub(crate) sums: [Sums<C>; 3],
}

impl<C: Curve> Default for Workspace<C> {
    fn default() -> Self {
        Self {
            halving: Halving::default(),
            sums: Default::default(),
        }
    }
}

impl<C: Curve> Pool<C> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Runs `f` with a workspace of its own. A panic in `f` loses the workspace, nothing else.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Workspace<C>) -> R) -> R {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = taken.unwrap_or_default();
        let result = f(&mut workspace);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(workspace);
        result
    }
}
