//! Reads QR codes from photographs in PNG and JPEG format.
//!
//! A phone's picture may be skewed, out of focus, or in the shade of a hand. One attempt does not
//! find every code, so there are several: the picture unchanged, larger with a local threshold,
//! inverted, smaller, rotated. The first attempt that reads a code ends the search. The code reader
//! (crate `quircs`) finds corners and reads sharp codes. If it finds a code but cannot read it,
//! `modules` fits a grid to the brightness between pixels.
//! `parties/wallet/tests/photographs/measure.sh` compares this with another reader. The number of
//! pixels of each attempt is bounded, so a picture without a code costs seconds.

mod grey;
mod modules;

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use quircs::{Point, Quirc};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use self::grey::Grey;
use crate::attest_code::CodeError;

/// Most pixels of an image that is read: 50 megapixels, more than a photograph has.
const MAX_PIXELS: u64 = 50_000_000;

/// Pixels on a side of the close attempts: a code of version 40 then has 5 for each module, if it
/// fills half of the picture.
const CLOSE: usize = 2_000;

/// Most pixels of an enlarged picture.
const MOST_LARGER: usize = 4_000_000;

/// Most pixels of a picture for an attempt at its own size.
const MOST_WHOLE: usize = 12_000_000;

/// Where a code is, in pixels.
type Corners = [Point; 4];

/// The result of one attempt.
#[derive(Default)]
struct Look {
    read: Vec<(Vec<u8>, Corners)>,
    /// The outlines of unreadable codes.
    damaged: Vec<Corners>,
    sequence: bool,
}

/// The bytes of the one QR code in a photograph: a PNG or JPEG file.
///
/// # Errors
/// [`CodeError`] describes what the image contains instead.
pub fn read_code(file: &[u8]) -> Result<Vec<u8>, CodeError> {
    let picture = decode(file)?;
    let (mut damaged, mut sequence) = (false, false);
    // All attempts except one use the same picture, which is made once.
    let longest = picture.width.max(picture.height).max(1);
    let close = picture.scaled((CLOSE as f32 / longest as f32).min(1.0));
    for look in looks(&picture, &close) {
        let mut look = look_at(&look());
        look.read.sort_by(|one, other| one.0.cmp(&other.0));
        let (bytes, places): (Vec<Vec<u8>>, Vec<Corners>) = look.read.into_iter().unzip();
        let mut bytes = bytes;
        bytes.dedup();
        // It is unknown whether the readable one was meant.
        let another = |lost: &Corners| {
            might_be_code(lost) && places.iter().all(|place| are_apart(place, lost))
        };
        match bytes.len() {
            0 => {}
            1 if look.damaged.iter().any(another) => return Err(CodeError::Another),
            1 => return Ok(bytes.swap_remove(0)),
            found => return Err(CodeError::Several { found }),
        }
        damaged |= !look.damaged.is_empty();
        sequence |= look.sequence;
    }
    Err(if sequence {
        CodeError::Sequence
    } else if damaged {
        CodeError::Damaged
    } else {
        CodeError::NoCode
    })
}

/// A picture in grey, and the same picture prepared for the code reader.
struct Sight {
    soft: Grey,
    hard: Option<Grey>,
}

impl From<Grey> for Sight {
    fn from(soft: Grey) -> Self {
        Self { soft, hard: None }
    }
}

/// The attempts for a picture and its `close` size, the most promising first. Each picture is made
/// when its turn comes.
fn looks<'a>(picture: &'a Grey, close: &'a Grey) -> Vec<Box<dyn Fn() -> Sight + 'a>> {
    // Enlarge it as requested, within the limit for speed.
    let pixels = (close.width * close.height) as f32;
    let most_larger = (MOST_LARGER as f32 / pixels).sqrt();
    let larger = move |wanted: f32| wanted.min(most_larger).max(1.0);
    let by_place = move |close: &Grey| Sight {
        soft: close.scaled(larger(2.0)),
        hard: Some(close.sharpened().scaled(larger(2.0)).by_place(40)),
    };
    let mut looks: Vec<Box<dyn Fn() -> Sight + 'a>> = vec![
        Box::new(|| close.clone().into()),
        Box::new(move || by_place(close)),
        Box::new(|| close.inverted().into()),
        Box::new(|| close.scaled(0.5).into()),
        Box::new(|| {
            let soft = close.scaled(0.5);
            let hard = soft.by_place(20);
            let hard = Some(hard);
            Sight { soft, hard }
        }),
    ];
    for degrees in [22.5, 45.0, 67.5] {
        looks.push(Box::new(move || {
            let factor = larger(1.5);
            let hard = close.sharpened().turned(degrees, factor).by_place(40);
            Sight {
                soft: close.turned(degrees, factor),
                hard: Some(hard),
            }
        }));
    }
    looks.push(Box::new(move || by_place(&close.inverted())));
    // A code that is a small part of a large picture.
    let whole = (MOST_WHOLE as f32 / (picture.width * picture.height) as f32).sqrt();
    if picture.width > close.width {
        looks.push(Box::new(move || picture.scaled(whole.min(1.0)).into()));
    }
    looks
}

fn look_at(sight: &Sight) -> Look {
    // The reader is third-party code, and the picture is untrusted: a panic counts as an attempt
    // that found nothing.
    let look = catch_unwind(AssertUnwindSafe(|| {
        let mut look = Look::default();
        let mut reader = Quirc::default();
        let picture = sight.hard.as_ref().unwrap_or(&sight.soft);
        let mut codes = 0;
        for code in reader.identify(picture.width, picture.height, &picture.pixels) {
            codes += 1;
            match code.map(|code| (code.decode(), code.corners)) {
                // The reader stops without an error at content that it does not know. In a code
                // that is part of a sequence, such content comes first.
                Ok((Ok(data), _)) if data.data_type.is_none() => look.sequence = true,
                Ok((Ok(data), place)) => look.read.push((data.payload, place)),
                Ok((Err(_), place)) => look.damaged.push(place),
                // Corners that belong to no code.
                Err(_) => {}
            }
        }
        if !look.damaged.is_empty() || codes == 0 {
            for readings in modules::codes(&reader, &sight.soft) {
                let read = readings
                    .iter()
                    .find_map(|code| Some((code.decode().ok()?, code.corners)));
                match read {
                    Some((data, _)) if data.data_type.is_none() => look.sequence = true,
                    Some((data, place)) => look.read.push((data.payload, place)),
                    None => {}
                }
            }
        }
        look
    }));
    look.unwrap_or_default()
}

/// The four sides of a code, each from a corner to the next.
fn sides(code: &Corners) -> [(i64, i64); 4] {
    std::array::from_fn(|side| {
        let (from, to) = (&code[side], &code[(side + 1) % 4]);
        (
            i64::from(to.x) - i64::from(from.x),
            i64::from(to.y) - i64::from(from.y),
        )
    })
}

/// Whether corners can be those of a photographed code: the sides have about the same length, and
/// all corners turn the same way. The reader also reports shapes from marks inside a code, which do
/// not meet this.
fn might_be_code(code: &Corners) -> bool {
    let sides = sides(code);
    let turns = |at: usize| {
        let ((ax, ay), (bx, by)) = (sides[at], sides[(at + 1) % 4]);
        (ax * by - ay * bx).signum()
    };
    let one_way = turns(0) != 0 && (1..4).all(|at| turns(at) == turns(0));
    let lengths = sides.map(|(x, y)| x * x + y * y);
    let (shortest, longest) = lengths.iter().fold((i64::MAX, 0), |(least, most), length| {
        (least.min(*length), most.max(*length))
    });
    // Squares of lengths: no side is more than 2.5 times another.
    one_way && longest * 4 <= shortest * 25
}

/// Whether two codes lie at different places: no corner and no middle of one is within the other.
fn are_apart(one: &Corners, other: &Corners) -> bool {
    let points = |code: &Corners| {
        let sum = |of: fn(&Point) -> i32| code.iter().map(|at| i64::from(of(at))).sum::<i64>();
        let middle = (sum(|at| at.x) / 4, sum(|at| at.y) / 4);
        let [a, b, c, d] = code.map(|at| (i64::from(at.x), i64::from(at.y)));
        [a, b, c, d, middle]
    };
    let within = |code: &Corners, (x, y): (i64, i64)| {
        let sides = sides(code);
        let turn = |side: usize| {
            let (from, (sx, sy)) = (&code[side], sides[side]);
            (sx * (y - i64::from(from.y)) - sy * (x - i64::from(from.x))).signum()
        };
        (0..4).all(|side| turn(side) >= 0) || (0..4).all(|side| turn(side) <= 0)
    };
    !points(other).iter().any(|at| within(one, *at))
        && !points(one).iter().any(|at| within(other, *at))
}

/// The picture's brightness. Its size is bounded before anything is decoded.
fn decode(file: &[u8]) -> Result<Grey, CodeError> {
    match file {
        [0x89, b'P', b'N', b'G', ..] => decode_png(file),
        [0xff, 0xd8, 0xff, ..] => decode_jpeg(file),
        _ => Err(CodeError::Format),
    }
}

fn bounded(width: usize, height: usize) -> Result<(), CodeError> {
    let pixels = width as u64 * height as u64;
    if pixels > MAX_PIXELS {
        return Err(CodeError::TooLarge {
            pixels,
            most: MAX_PIXELS,
        });
    }
    Ok(())
}

fn decode_png(file: &[u8]) -> Result<Grey, CodeError> {
    let damaged = |error: png::DecodingError| CodeError::Image(error.to_string());
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    bounded(info.width as usize, info.height as usize)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| CodeError::Image("it has no size".to_owned()))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let channels = frame.color_type.samples();
    let pixels = samples.chunks_exact(channels).map(luminance);
    Ok(Grey::new(
        width,
        height,
        pixels.take(width * height).collect(),
    ))
}

fn decode_jpeg(file: &[u8]) -> Result<Grey, CodeError> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| CodeError::Image(error.to_string());
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| CodeError::Image("it has no size".to_owned()))?;
    bounded(width, height)?;
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != width * height {
        return Err(CodeError::Image(
            "it has no brightness of its own".to_owned(),
        ));
    }
    Ok(Grey::new(width, height, pixels))
}

/// The brightness of a pixel with one to four channels; transparent pixels are blended with white.
fn luminance(pixel: &[u8]) -> u8 {
    let (luminance, alpha) = match *pixel {
        [grey] => (u32::from(grey), 255),
        [grey, alpha] => (u32::from(grey), u32::from(alpha)),
        [r, g, b] => (weighted(r, g, b), 255),
        [r, g, b, alpha] => (weighted(r, g, b), u32::from(alpha)),
        _ => (255, 255),
    };
    // Both are at most 255, and so is the result.
    ((luminance * alpha + 255 * (255 - alpha)) / 255) as u8
}

fn weighted(r: u8, g: u8, b: u8) -> u32 {
    (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1_000
}

#[cfg(test)]
mod tests;
