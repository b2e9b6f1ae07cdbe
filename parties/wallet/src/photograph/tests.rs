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

#[test]
fn a_jpeg_is_read_too() {
    let file = include_bytes!("../../tests/photographs/turned.jpg");
    assert_eq!(
        read_code(file).expect("read"),
        b"MERITS photograph".repeat(20)
    );
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
    let mut both = Grey::new(
        2 * flat.width,
        flat.height,
        vec![255; 2 * flat.pixels.len()],
    );
    let other = picture(&bytes(299));
    for y in 0..flat.height {
        for x in 0..flat.width {
            both.pixels[y * both.width + x] = flat.pixels[y * flat.width + x];
            if x < other.width && y < other.height {
                both.pixels[y * both.width + flat.width + x] = other.pixels[y * other.width + x];
            }
        }
    }
    let read = read_code(&png_of(&both));
    assert!(
        matches!(read, Err(CodeError::Several { found: 2 })),
        "{read:?}"
    );
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
