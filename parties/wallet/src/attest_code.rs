//! Attestations as QR codes: PNG and terminal. [`crate::photograph`] reads them.
//!
//! All bytes are written in byte mode, because readers disagree on other modes, such as those for
//! runs of digits. Error correction is medium (15 %) if that fits, otherwise low (7 %).

use qrcode::{Color, EcLevel, QrCode, Version, bits::Bits};
use thiserror::Error;

/// Light modules around a code: the standard's quiet zone.
const QUIET: usize = 4;

/// Pixels of a module in a PNG: a code of version 40 gets 1,110 pixels.
const SCALE: usize = 6;

/// Largest version of a QR code.
const LAST_VERSION: i16 = 40;

/// Why a code cannot be made or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodeError {
    /// More bytes than a QR code holds.
    #[error("{bytes} bytes do not fit into a QR code, which holds 2,953")]
    TooLong {
        /// Bytes.
        bytes: usize,
    },
    /// The image cannot be written.
    #[error("the image cannot be made: {0}")]
    Writing(#[from] png::EncodingError),
    /// Another kind of file.
    #[error(
        "the file is neither PNG nor JPEG: save the picture as one of the two (phones that keep HEIC \
         share it as JPEG)"
    )]
    Format,
    /// An image that cannot be read.
    #[error("the image is damaged, or of a kind that is not read: {0}")]
    Image(String),
    /// An image over the limit.
    #[error(
        "the image has {pixels} pixels; at most {most} are read: make it smaller, or cut it to the code"
    )]
    TooLarge {
        /// Pixels.
        pixels: u64,
        /// The limit.
        most: u64,
    },
    /// No code in it.
    #[error(
        "there is no QR code in the image (bar codes, Micro QR codes and other kinds are not read): \
         take the picture from nearer, with all of the code and its light border in it"
    )]
    NoCode,
    /// More than one code.
    #[error("the image has {found} QR codes: take a picture of one")]
    Several {
        /// The number of different codes.
        found: usize,
    },
    /// A readable code beside an unreadable one.
    #[error(
        "the image has two QR codes, and one of them is damaged or out of focus: take a picture of the one that \
         you mean, or cut it out"
    )]
    Another,
    /// A code that cannot be read.
    #[error(
        "there is a QR code in the image, but too much of it is damaged or out of focus: take a \
         sharper picture, from straight ahead and in even light"
    )]
    Damaged,
    /// A part of a sequence of codes.
    #[error(
        "the QR code is one part of a sequence of several codes, or holds what no attestation has: \
         an attestation is one code"
    )]
    Sequence,
}

/// A QR code of bytes.
#[derive(Clone)]
pub struct AttestationCode(QrCode);

impl std::fmt::Debug for AttestationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttestationCode")
            .field("version", &self.0.version())
            .field("error_correction", &self.0.error_correction_level())
            .finish()
    }
}

impl AttestationCode {
    /// The smallest code that holds the bytes.
    ///
    /// # Errors
    /// [`CodeError::TooLong`].
    pub fn new(bytes: &[u8]) -> Result<Self, CodeError> {
        for level in [EcLevel::M, EcLevel::L] {
            for version in 1..=LAST_VERSION {
                // The one error is that the bytes do not fit.
                if let Ok(code) = encode(bytes, Version::Normal(version), level) {
                    return Ok(Self(code));
                }
            }
        }
        Err(CodeError::TooLong { bytes: bytes.len() })
    }

    /// The version, 1 to 40: the code has 17 plus 4 times as many modules on a side.
    #[must_use]
    pub fn version(&self) -> i16 {
        match self.0.version() {
            Version::Normal(version) | Version::Micro(version) => version,
        }
    }

    /// Share of the code that may be damaged, in per cent.
    #[must_use]
    pub fn error_correction(&self) -> u8 {
        match self.0.error_correction_level() {
            EcLevel::L => 7,
            EcLevel::M => 15,
            EcLevel::Q => 25,
            EcLevel::H => 30,
        }
    }

    /// Modules a side, quiet zone included.
    fn side(&self) -> usize {
        self.0.width() + 2 * QUIET
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let within = QUIET..QUIET + self.0.width();
        within.contains(&x) && within.contains(&y) && self.0[(x - QUIET, y - QUIET)] == Color::Dark
    }

    /// A PNG file.
    ///
    /// # Errors
    /// [`CodeError::Writing`].
    pub fn png(&self) -> Result<Vec<u8>, CodeError> {
        let pixels = self.side() * SCALE;
        let mut image = Vec::with_capacity(pixels * pixels);
        for y in 0..pixels {
            image.extend((0..pixels).map(|x| {
                if self.is_dark(x / SCALE, y / SCALE) {
                    0
                } else {
                    255
                }
            }));
        }
        let mut file = Vec::new();
        // At most 185 modules of 6 pixels.
        let mut encoder = png::Encoder::new(&mut file, pixels as u32, pixels as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&image)?;
        writer.finish()?;
        Ok(file)
    }

    /// For a terminal with light text on a dark background: each line of text shows two rows of
    /// modules.
    #[must_use]
    pub fn terminal(&self) -> String {
        let side = self.side();
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            for x in 0..side {
                let lower_is_light = y + 1 < side && !self.is_dark(x, y + 1);
                text.push(match (!self.is_dark(x, y), lower_is_light) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

fn encode(bytes: &[u8], version: Version, level: EcLevel) -> qrcode::QrResult<QrCode> {
    let mut bits = Bits::new(version);
    bits.push_byte_data(bytes)?;
    bits.push_terminator(level)?;
    QrCode::with_bits(bits, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photograph::read_code;

    /// Inputs for each QR mode: digits, letters, Kanji, bytes.
    fn bytes(count: usize) -> Vec<u8> {
        let patterns: [&[u8]; 4] = [
            b"0123456789",
            b"MERITS/A",
            &[0x93, 0x5f, 0xe4, 0xaa],
            &[0, 255],
        ];
        (0..count)
            .map(|i| {
                let pattern = patterns[i / 40 % 4];
                pattern[i % pattern.len()]
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read_at_every_size() {
        for (count, correction) in [
            (1, 15),
            (700, 15),
            (1_600, 15),
            (2_331, 15),
            (2_332, 7),
            (2_953, 7),
        ] {
            let code = AttestationCode::new(&bytes(count)).unwrap();
            assert_eq!(code.error_correction(), correction, "{count} bytes");
            let read = read_code(&code.png().unwrap()).unwrap();
            assert_eq!(
                read,
                bytes(count),
                "{count} bytes, version {}",
                code.version()
            );
        }
        assert!(matches!(
            AttestationCode::new(&bytes(2_954)),
            Err(CodeError::TooLong { bytes: 2_954 })
        ));
    }

    #[test]
    fn a_scratch_is_mended_and_an_image_without_a_code_is_refused() {
        let code = AttestationCode::new(&bytes(1_500)).unwrap();
        let side = code.side() * SCALE;
        let image = |spoil: &dyn Fn(usize, usize) -> bool| {
            let mut samples = Vec::new();
            for y in 0..side {
                for x in 0..side {
                    let dark = code.is_dark(x / SCALE, y / SCALE) && !spoil(x, y);
                    let level = if dark { 20 } else { 240 };
                    samples.extend([level, level, level, 255]);
                }
            }
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, side as u32, side as u32);
            encoder.set_color(png::ColorType::Rgba);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&samples).unwrap();
            writer.finish().unwrap();
            file
        };
        let scratch = |x: usize, y: usize| (400..412).contains(&x) && (200..500).contains(&y);
        assert_eq!(read_code(&image(&scratch)).unwrap(), bytes(1_500));
        assert!(matches!(
            read_code(&image(&|_, _| true)),
            Err(CodeError::NoCode)
        ));
    }

    #[test]
    fn the_terminal_shows_the_same_modules() {
        let code = AttestationCode::new(&bytes(60)).unwrap();
        let lines: Vec<Vec<char>> = code
            .terminal()
            .lines()
            .map(|l| l.chars().collect())
            .collect();
        assert_eq!(lines.len(), code.side().div_ceil(2));
        for y in 0..code.side() {
            assert_eq!(lines[y / 2].len(), code.side());
            for (x, shown) in lines[y / 2].iter().enumerate() {
                let light = if y % 2 == 0 {
                    "\u{2588}\u{2580}"
                } else {
                    "\u{2588}\u{2584}"
                };
                assert_eq!(!light.contains(*shown), code.is_dark(x, y));
            }
        }
    }
}
