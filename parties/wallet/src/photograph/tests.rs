use super::*;
use crate::attest_code::AttestationCode;

/// A code as the wallet makes it, out of its own file.
fn picture(bytes: &[u8]) -> Grey {
    let code = AttestationCode::new(bytes).expect("a code");
    decode(&code.png().expect("a picture")).expect("read")
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * i + 7 * i) as u8).collect()
}

fn png_of(picture: &Grey) -> Vec<u8> {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&picture.pixels).expect("rows");
    writer.finish().expect("an end");
    file
}

/// A dimmer picture, with a shadow across it.
fn lit(picture: &Grey, slope: f32) -> Grey {
    let pixels = picture.pixels.iter().enumerate().map(|(at, pixel)| {
        let (x, y) = (at % picture.width, at / picture.width);
        let place = x as f32 / picture.width as f32 - y as f32 / picture.height as f32;
        (20.0 + f32::from(*pixel) * (0.6 + slope * place)).clamp(0.0, 255.0) as u8
    });
    Grey::new(picture.width, picture.height, pixels.collect())
}

/// The cases of the issue and their like: turned, scaled, light on dark, in the shade.
#[test]
fn what_a_phone_photographs_is_read() {
    let data = bytes(604);
    let flat = picture(&data);
    for (name, photograph) in [
        ("as it is", flat.clone()),
        ("inverted", flat.inverted()),
        ("0.73", flat.scaled(0.73)),
        ("0.5", flat.scaled(0.5)),
        ("2", flat.scaled(2.0)),
        ("17 degrees", flat.turned(17.0, 1.0)),
        ("31 degrees, 1.3", flat.turned(31.0, 1.3)),
        ("45 degrees, 0.8", flat.turned(45.0, 0.8)),
        ("in the shade", lit(&flat, 0.3)),
        (
            "12 degrees, in the shade",
            lit(&flat.turned(12.0, 1.0), 0.25),
        ),
        ("upside down", flat.turned(180.0, 1.0)),
    ] {
        let read = read_code(&png_of(&photograph));
        assert_eq!(read.ok().as_ref(), Some(&data), "{name}");
    }
}

/// Numbers from 0 to 1, the same ones every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f32 {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn within(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.next()
    }
}

/// Turned 0 to 45 degrees, scaled 0.5 to 2, seen from the side, blurred, lit unevenly, with noise.
fn photographed(flat: &Grey, chance: &mut Chance) -> (Grey, String) {
    let (scale, degrees) = (chance.within(0.5, 2.0), chance.within(0.0, 45.0));
    let side = chance.within(0.0, 0.15);
    let turned = flat.scaled(scale).turned(degrees, 1.0);
    let middle = turned.height as f32 / 2.0;
    // One edge is further away.
    let mut seen = turned.drawn(turned.width, turned.height, |x, y| {
        let far = (1.0 + side) / (1.0 + side * x / turned.width as f32);
        (x * far, middle + (y - middle) * far)
    });
    // Twice the mean of nine pixels is a blur of 1.2 pixels.
    let blurs = chance.within(0.0, 2.99) as usize;
    for _ in 0..blurs {
        seen = seen.mean(1);
    }
    let mut lit = lit(&seen, chance.within(0.0, 0.35));
    for pixel in &mut lit.pixels {
        *pixel = (f32::from(*pixel) + chance.within(-5.0, 5.0)).clamp(0.0, 255.0) as u8;
    }
    let what = format!("scale {scale}, {degrees} degrees, side {side}, {blurs} blurs");
    (lit, what)
}

/// A small part of `tests/photographs/measure.sh`, from every side too.
#[test]
fn photographs_of_attestations_are_read() {
    let mut chance = Chance(20_261_130);
    for _ in 0..16 {
        let data = bytes(chance.within(600.0, 1_600.0) as usize);
        let (photograph, what) = photographed(&picture(&data), &mut chance);
        let read = read_code(&png_of(&photograph));
        assert!(read.ok().as_ref() == Some(&data), "{what}");
    }
}

/// What the crate's reader cannot read off its own grid is read off the fitted one.
#[test]
fn modules_are_read_off_a_small_blurred_picture() {
    let data = bytes(1_500);
    let small = picture(&data)
        .scaled(0.55)
        .turned(41.0, 1.0)
        .mean(1)
        .mean(1);
    let mut reader = Quirc::default();
    let by_reader = reader
        .identify(small.width, small.height, &small.pixels)
        .filter_map(|code| code.ok()?.decode().ok())
        .count();
    assert_eq!(by_reader, 0, "nothing is left to show here");
    assert_eq!(read_code(&png_of(&small)).ok(), Some(data));
}

#[test]
fn a_jpeg_is_read_too() {
    let file = include_bytes!("../../tests/photographs/turned.jpg");
    assert_eq!(
        read_code(file).expect("read"),
        b"MERITS photograph".repeat(20)
    );
}

/// Two pictures in one.
fn beside(one: &Grey, other: &Grey) -> Grey {
    let (width, height) = (one.width + other.width, one.height.max(other.height));
    let mut both = Grey::new(width, height, vec![255; width * height]);
    for (picture, from) in [(one, 0), (other, one.width)] {
        for (y, row) in picture.pixels.chunks_exact(picture.width).enumerate() {
            let start = y * width + from;
            both.pixels[start..start + row.len()].copy_from_slice(row);
        }
    }
    both
}

/// Shapes that the reader made of marks inside of one code, in three photographs with a single code that were
/// refused as pictures of two.
#[test]
fn shapes_within_one_code_are_not_another() {
    let corners = |at: [(i32, i32); 4]| at.map(|(x, y)| Point { x, y });
    let read = corners([(578, 526), (1379, 576), (1329, 1379), (527, 1328)]);
    assert!(might_be_code(&read));
    for made in [
        [(580, 568), (665, 292), (1278, 572), (1306, 621)],
        [(69, 917), (801, 377), (888, 890), (390, 1315)],
    ] {
        let made = corners(made);
        assert!(
            !might_be_code(&made) || !are_apart(&read, &made),
            "{made:?}"
        );
    }
    let read = corners([(68, 136), (724, 68), (793, 724), (136, 792)]);
    for made in [
        [(69, 129), (317, 104), (181, 734), (132, 743)],
        [(232, 238), (1, 2), (714, -107), (729, 99)],
    ] {
        let made = corners(made);
        assert!(
            !might_be_code(&made) || !are_apart(&read, &made),
            "{made:?}"
        );
    }
    let read = corners([(154, 919), (1079, 153), (1847, 1078), (920, 1846)]);
    for made in [
        [(1128, 121), (1576, 152), (213, 901), (1477, 1004)],
        [(1284, 145), (1349, 106), (-2552, 2932), (1319, 179)],
        [(1448, 478), (1688, 1132), (1157, 542), (376, 130)],
        [(0, 1123), (1277, 1287), (-5070, 14125), (109, 1484)],
    ] {
        let made = corners(made);
        assert!(
            !might_be_code(&made) || !are_apart(&read, &made),
            "{made:?}"
        );
    }
}

/// A code that is read twice, or in part, does not count as a second code.
#[test]
fn codes_at_one_place_are_not_apart() {
    let square = |x: i32, y: i32, side: i32| {
        [(x, y), (x + side, y), (x + side, y + side), (x, y + side)].map(|(x, y)| Point { x, y })
    };
    assert!(!are_apart(&square(0, 0, 100), &square(2, -3, 101)));
    assert!(!are_apart(&square(0, 0, 100), &square(10, 10, 20)));
    assert!(are_apart(&square(0, 0, 100), &square(120, 0, 100)));
    assert!(are_apart(&square(0, 0, 100), &square(0, 300, 500)));
}

#[test]
fn what_there_is_instead_is_said_in_words() {
    let flat = picture(&bytes(300));
    let none = Grey::new(200, 200, vec![255; 40_000]);
    assert!(matches!(read_code(&png_of(&none)), Err(CodeError::NoCode)));
    // Corners whole, content blotted out.
    let mut blotted = flat.clone();
    for y in 120..300 {
        for x in 120..300 {
            blotted.pixels[y * flat.width + x] = 0;
        }
    }
    let read = read_code(&png_of(&blotted));
    assert!(matches!(read, Err(CodeError::Damaged)), "{read:?}");
    let sequence = include_bytes!("../../tests/photographs/part-of-three.png");
    assert!(matches!(read_code(sequence), Err(CodeError::Sequence)));
    let other = picture(&bytes(299));
    let both = beside(&flat, &other);
    let read = read_code(&png_of(&both));
    assert!(
        matches!(read, Err(CodeError::Several { found: 2 })),
        "{read:?}"
    );
    // Regression: one that can be read was taken without a word about the one that cannot.
    for (one, two) in [(&other, &blotted), (&blotted, &other)] {
        let read = read_code(&png_of(&beside(one, two)));
        assert!(matches!(read, Err(CodeError::Another)), "{read:?}");
    }
    for (file, says) in [
        (&b"no image"[..], "neither PNG nor JPEG"),
        (b"\x89PNG\r\n\x1a\nrubbish", "damaged"),
        (b"\xff\xd8\xff\xe0rubbish", "damaged"),
    ] {
        let said = read_code(file).expect_err("no image").to_string();
        assert!(said.contains(says), "{said}");
    }
}

/// Nobody's memory is spent on a picture that only claims to be large.
#[test]
fn a_large_picture_is_refused_by_its_header() {
    let mut file = png_of(&Grey::new(1, 1, vec![0]));
    file[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    // The checksum of the header, which has to fit.
    let checksum = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert!(matches!(read_code(&file), Err(CodeError::TooLarge { .. })));
    let mut jpeg = include_bytes!("../../tests/photographs/turned.jpg").to_vec();
    // The frame's header: marker, length, precision, height, width.
    let frame = jpeg
        .windows(2)
        .position(|at| at == [0xff, 0xc0])
        .expect("a frame");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let refused = read_code(&jpeg);
    assert!(
        matches!(
            refused,
            Err(CodeError::TooLarge { .. } | CodeError::Image(_))
        ),
        "{refused:?}"
    );
}

/// CRC-32 of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}
