//! Reads the modules of a code from a grey picture.
//!
//! The code reader uses black and white and places its grid at whole pixels. If a module has three
//! pixels and the lens blurred them, it reads too many modules wrong. This module fits the grid to
//! the brightness itself, between pixels, by the patterns that all codes of one size share
//! (finders, timing, alignment). Then it compares each module with those around it.

use quircs::{Capstone, Code, Point, Quirc, VERSION_DB};

use super::grey::Grey;

/// Modules a side of the smallest and the largest code.
const SMALLEST: usize = 21;
const LARGEST: usize = 177;

/// Most corners that are tried as corners of codes: a picture full of squares has many.
const MOST_CORNERS: usize = 9;

/// Most codes that are tried in one attempt.
const MOST_CODES: usize = 3;

/// Modules around a module whose brightness says what is dark there.
const AROUND: usize = 6;

/// How much of the light of its neighbours is taken from a module, in turn: a lens that is out of focus
/// spreads some.
const SHARPER: [f32; 3] = [0.6, 0.0, 1.5];

type ImagePoint = (f64, f64);

/// Corners of a code in a picture, from the one between the other two finders, clockwise, and the
/// modules of a side.
#[derive(Debug, Clone, Copy)]
struct Grid {
    corners: [ImagePoint; 4],
    side: usize,
}

/// Codes whose corners the reader found in a picture. Each is a guess, the likelier first.
pub(super) fn codes(reader: &Quirc, picture: &Grey) -> Vec<Vec<Code>> {
    let mut found: Vec<(f64, Grid)> = Vec::new();
    let corners = reader
        .capstones
        .get(..MOST_CORNERS)
        .unwrap_or(&reader.capstones);
    for (i, middle) in corners.iter().enumerate() {
        for (j, one) in corners.iter().enumerate() {
            for (k, other) in corners.iter().enumerate().skip(j + 1) {
                if i != j && i != k {
                    found.extend(likely(middle, one, other));
                }
            }
        }
    }
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    let by_corners = found.into_iter().map(|(_, grid)| grid).take(MOST_CODES);
    let by_reader = reader.grids.iter().filter_map(from_reader).take(MOST_CODES);
    let starts: Vec<Grid> = by_corners.chain(by_reader).collect();
    if starts.is_empty() {
        return Vec::new();
    }
    let mut fitted = Vec::new();
    for start in starts {
        // The tenth part of a code's side is wide beside a module, and narrow beside a lamp's light.
        let detail = Detail::new(picture, start.length() / 10.0);
        let mut best: Option<(f64, Grid)> = None;
        for more in [0i64, 1, -1, 2, -2] {
            let side = start.side as i64 + 4 * more;
            let Ok(side) = usize::try_from(side) else {
                continue;
            };
            if !(SMALLEST..=LARGEST).contains(&side) {
                continue;
            }
            let fit = fit(&detail, Grid { side, ..start });
            if best.is_none_or(|best| fit.0 > best.0) {
                best = Some(fit);
            }
        }
        if let Some((score, grid)) = best {
            fitted.push((score, grid));
        }
    }
    fitted.sort_by(|one, other| other.0.total_cmp(&one.0));
    fitted.iter().map(|(_, grid)| read(picture, grid)).collect()
}

/// How unlike three corners are to those of one code, and the code; none where they cannot be.
fn likely(middle: &Capstone, one: &Capstone, other: &Capstone) -> Option<(f64, Grid)> {
    let place = |corner: &Capstone| (f64::from(corner.center.x), f64::from(corner.center.y));
    let (origin, mut right, mut down) = (place(middle), place(one), place(other));
    let cross = |a: ImagePoint, b: ImagePoint| {
        (a.0 - origin.0) * (b.1 - origin.1) - (a.1 - origin.1) * (b.0 - origin.0)
    };
    if cross(right, down) < 0.0 {
        std::mem::swap(&mut right, &mut down);
    }
    let (across, along) = (distance(origin, right), distance(origin, down));
    let sizes = [module(middle), module(one), module(other)];
    let smallest = sizes.iter().copied().fold(f64::MAX, f64::min);
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    if smallest < 1.0 || across < 1.0 || along < 1.0 {
        return None;
    }
    let sine = cross(right, down) / (across * along);
    let (longer, larger) = (across.max(along) / across.min(along), largest / smallest);
    if sine < 0.7 || longer > 1.7 || larger > 1.7 {
        return None;
    }
    let modules = (across + along) / 2.0 / (sizes.iter().sum::<f64>() / 3.0) + 7.0;
    // Sides are 17 and a multiple of 4.
    let side = ((modules - 17.0) / 4.0).round().clamp(1.0, 40.0) as usize * 4 + 17;
    // From the middle of one finder to that of the next.
    let span = (side - 7) as f64;
    let at = |u: f64, v: f64| {
        let (u, v) = ((u - 3.5) / span, (v - 3.5) / span);
        (
            origin.0 + u * (right.0 - origin.0) + v * (down.0 - origin.0),
            origin.1 + u * (right.1 - origin.1) + v * (down.1 - origin.1),
        )
    };
    let end = side as f64;
    let corners = [at(0.0, 0.0), at(end, 0.0), at(end, end), at(0.0, end)];
    Some((longer + larger + 2.0 * (1.0 - sine), Grid { corners, side }))
}

/// Pixels a module, by the outline of a finder.
fn module(corner: &Capstone) -> f64 {
    let places = corner.corners.map(|at| (f64::from(at.x), f64::from(at.y)));
    let outline: f64 = (0..4)
        .map(|i| distance(places[i], places[(i + 1) % 4]))
        .sum();
    outline / 28.0
}

fn distance(one: ImagePoint, other: ImagePoint) -> f64 {
    (one.0 - other.0).hypot(one.1 - other.1)
}

/// The reader's grid.
fn from_reader(grid: &quircs::Grid) -> Option<Grid> {
    let side = usize::try_from(grid.grid_size).ok()?;
    let c = grid.c;
    let at = |u: f64, v: f64| {
        let w = c[6] * u + c[7] * v + 1.0;
        (
            (c[0] * u + c[1] * v + c[2]) / w,
            (c[3] * u + c[4] * v + c[5]) / w,
        )
    };
    let end = side as f64;
    let corners = [at(0.0, 0.0), at(end, 0.0), at(end, end), at(0.0, end)];
    let whole = corners
        .iter()
        .all(|at| at.0.abs() < 1e6 && at.1.abs() < 1e6);
    ((SMALLEST..=LARGEST).contains(&side) && (side - 17) % 4 == 0 && whole)
        .then_some(Grid { corners, side })
}

impl Grid {
    /// Pixels of a side.
    fn length(&self) -> f64 {
        let [a, b, c, d] = self.corners;
        (distance(a, b) + distance(b, c) + distance(c, d) + distance(d, a)) / 4.0
    }

    /// From modules to pixels: the projection that takes a square to four corners.
    fn projection(&self) -> impl Fn(f64, f64) -> ImagePoint + use<> {
        let [p, q, r, s] = self.corners;
        let (x1, y1) = (q.0 - r.0, q.1 - r.1);
        let (x2, y2) = (s.0 - r.0, s.1 - r.1);
        let (x3, y3) = (p.0 - q.0 + r.0 - s.0, p.1 - q.1 + r.1 - s.1);
        let area = x1 * y2 - x2 * y1;
        let (g, h) = ((x3 * y2 - x2 * y3) / area, (x1 * y3 - x3 * y1) / area);
        let (a, b) = (q.0 - p.0 + g * q.0, s.0 - p.0 + h * s.0);
        let (d, e) = (q.1 - p.1 + g * q.1, s.1 - p.1 + h * s.1);
        let side = self.side as f64;
        move |u, v| {
            let (u, v) = (u / side, v / side);
            let w = g * u + h * v + 1.0;
            ((a * u + b * v + p.0) / w, (d * u + e * v + p.1) / w)
        }
    }
}

/// What is darker or lighter than around it.
struct Detail<'a> {
    picture: &'a Grey,
    around: Grey,
}

impl<'a> Detail<'a> {
    fn new(picture: &'a Grey, radius: f64) -> Self {
        let around = picture.mean(radius.clamp(2.0, 500.0) as usize);
        Self { picture, around }
    }

    fn at(&self, (x, y): ImagePoint) -> f64 {
        let (x, y) = (x as f32 - 0.5, y as f32 - 0.5);
        f64::from(self.around.between(x, y)) - f64::from(self.picture.between(x, y))
    }
}

/// The patterns that codes of this size share: the middle of a module, and 1 where it is dark, else -1.
fn pattern(side: usize) -> Vec<(f64, f64, f64)> {
    let mut modules = Vec::new();
    let mut put = |x: usize, y: usize, dark: bool| {
        let sign = if dark { 1.0 } else { -1.0 };
        modules.push((x as f64 + 0.5, y as f64 + 0.5, sign));
    };
    // Rings around a middle: whether one is dark, by its distance.
    for (left, top) in [(0, 0), (side - 7, 0), (0, side - 7)] {
        for y in 0..7usize {
            for x in 0..7usize {
                let ring = x.abs_diff(3).max(y.abs_diff(3));
                put(left + x, top + y, ring != 2);
            }
        }
    }
    for i in 8..side - 8 {
        put(i, 6, i % 2 == 0);
        put(6, i, i % 2 == 0);
    }
    // Alignment: the table has zeros after the last one.
    let version = VERSION_DB.get((side - 17) / 4);
    let places: Vec<usize> = version
        .iter()
        .flat_map(|version| version.apat)
        .filter_map(|at| usize::try_from(at).ok().filter(|at| *at >= 6))
        .collect();
    for top in &places {
        for left in &places {
            let finder = |at: usize| at < 9;
            let far = |at: usize| at + 9 > side;
            if (finder(*left) && (finder(*top) || far(*top))) || (far(*left) && finder(*top)) {
                continue;
            }
            for y in 0..5usize {
                for x in 0..5usize {
                    let ring = x.abs_diff(2).max(y.abs_diff(2));
                    put(left + x - 2, top + y - 2, ring != 1);
                }
            }
        }
    }
    modules
}

/// Moves the corners until the patterns fit best. Returns the fit for each module.
fn fit(detail: &Detail<'_>, mut grid: Grid) -> (f64, Grid) {
    let pattern = pattern(grid.side);
    let score = |grid: &Grid| {
        let place = grid.projection();
        let sum: f64 = pattern
            .iter()
            .map(|(x, y, sign)| sign * detail.at(place(*x, *y)))
            .sum();
        sum / pattern.len() as f64
    };
    let mut best = score(&grid);
    let mut step = 1.5 * grid.length() / grid.side as f64;
    for _ in 0..7 {
        for _ in 0..3 {
            let before = best;
            for corner in 0..4 {
                for (x, y) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                    let mut moved = grid;
                    moved.corners[corner].0 += x * step;
                    moved.corners[corner].1 += y * step;
                    let score = score(&moved);
                    if score > best {
                        (best, grid) = (score, moved);
                    }
                }
            }
            if best == before {
                break;
            }
        }
        step *= 0.5;
    }
    (best, grid)
}

/// Several readings of the modules. The code's error correction decides which is right.
fn read(picture: &Grey, grid: &Grid) -> Vec<Code> {
    let place = grid.projection();
    let side = grid.side;
    let mut light = vec![0f32; side * side];
    for (i, light) in light.iter_mut().enumerate() {
        let (x, y) = ((i % side) as f64 + 0.5, (i / side) as f64 + 0.5);
        // Around the middle: one pixel has noise.
        for dy in [-0.2, 0.0, 0.2] {
            for dx in [-0.2, 0.0, 0.2] {
                let (x, y) = place(x + dx, y + dy);
                *light += f32::from(picture.between(x as f32 - 0.5, y as f32 - 0.5)) / 9.0;
            }
        }
    }
    let corners = grid.corners.map(|(x, y)| Point {
        x: x.round() as i32,
        y: y.round() as i32,
    });
    SHARPER
        .iter()
        .map(|share| Code {
            corners,
            ..code(&sharper(&light, side, *share), side)
        })
        .collect()
}

/// Modules without the light that their four neighbours spread into them.
fn sharper(light: &[f32], side: usize, share: f32) -> Vec<f32> {
    let at = |x: usize, y: usize| light[y.min(side - 1) * side + x.min(side - 1)];
    let around = |x: usize, y: usize| {
        (at(x.saturating_sub(1), y) + at(x + 1, y) + at(x, y.saturating_sub(1)) + at(x, y + 1))
            / 4.0
    };
    (0..side * side)
        .map(|i| {
            let (x, y) = (i % side, i / side);
            at(x, y) + share * (at(x, y) - around(x, y))
        })
        .collect()
}

/// A module is dark where it is nearer to the dark ones around it than to the light ones.
fn code(light: &[f32], side: usize) -> Code {
    let mut code = Code {
        size: side as i32,
        ..Code::default()
    };
    for i in 0..side * side {
        let (x, y) = (i % side, i / side);
        let rows = y.saturating_sub(AROUND)..(y + AROUND + 1).min(side);
        let columns = x.saturating_sub(AROUND)..(x + AROUND + 1).min(side);
        let around = || {
            rows.clone()
                .flat_map(|row| &light[row * side..][columns.clone()])
        };
        let mean = around().sum::<f32>() / around().count() as f32;
        let (mut dark, mut darks, mut bright, mut brights) = (0.0, 0.0f32, 0.0, 0.0f32);
        for light in around() {
            if *light < mean {
                (dark, darks) = (dark + light, darks + 1.0);
            } else {
                (bright, brights) = (bright + light, brights + 1.0);
            }
        }
        let threshold = (dark / darks.max(1.0) + bright / brights.max(1.0)) / 2.0;
        if light[i] < threshold {
            code.cell_bitmap[i >> 3] |= 1 << (i & 7);
        }
    }
    code
}
