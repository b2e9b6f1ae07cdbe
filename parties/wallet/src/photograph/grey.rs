//! Grey pictures, and filters that help a code reader.

/// Brightness by rows; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

impl Grey {
    /// A picture of `width * height` pixels; missing ones are white.
    pub(super) fn new(width: usize, height: usize, mut pixels: Vec<u8>) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        pixels.resize(width * height, 255);
        Self {
            width,
            height,
            pixels,
        }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.pixels
            .get(y * self.width + x)
            .map_or(255.0, |pixel| f32::from(*pixel))
    }

    /// Between pixels; outside, the nearest one.
    pub(super) fn between(&self, x: f32, y: f32) -> u8 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (dx, dy) = (x - left as f32, y - top as f32);
        let above = self.at(left, top) * (1.0 - dx) + self.at(right, top) * dx;
        let below = self.at(left, bottom) * (1.0 - dx) + self.at(right, bottom) * dx;
        (above * (1.0 - dy) + below * dy).round() as u8
    }

    /// Transforms a picture: `place` gives the source of each pixel.
    pub(super) fn drawn(
        &self,
        width: usize,
        height: usize,
        place: impl Fn(f32, f32) -> (f32, f32),
    ) -> Self {
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            pixels.extend((0..width).map(|x| {
                let (x, y) = place(x as f32, y as f32);
                self.between(x, y)
            }));
        }
        Self::new(width, height, pixels)
    }

    /// Larger or smaller by a factor.
    pub(super) fn scaled(&self, factor: f32) -> Self {
        if factor == 1.0 {
            return self.clone();
        }
        let size = |side: usize| ((side as f32 * factor).round() as usize).max(1);
        let (width, height) = (size(self.width), size(self.height));
        // When shrinking, details between the sampled pixels would be lost.
        let softened = (factor < 0.75).then(|| self.mean((0.5 / factor) as usize));
        let from = softened.as_ref().unwrap_or(self);
        from.drawn(width, height, |x, y| {
            ((x + 0.5) / factor - 0.5, (y + 0.5) / factor - 0.5)
        })
    }

    /// Turned against the clock, and larger by a factor, on a page that holds all of it.
    pub(super) fn turned(&self, degrees: f32, factor: f32) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (w, h) = (self.width as f32 * factor, self.height as f32 * factor);
        let width = (w * cosine.abs() + h * sine.abs()).ceil() as usize;
        let height = (w * sine.abs() + h * cosine.abs()).ceil() as usize;
        let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
        self.drawn(width, height, |x, y| {
            let (x, y) = (x - middle_x, y - middle_y);
            (
                (x * cosine + y * sine) / factor + self.width as f32 / 2.0,
                (y * cosine - x * sine) / factor + self.height as f32 / 2.0,
            )
        })
    }

    /// Inverts the picture.
    pub(super) fn inverted(&self) -> Self {
        let pixels = self.pixels.iter().map(|pixel| 255 - pixel).collect();
        Self::new(self.width, self.height, pixels)
    }

    /// Sharpens edges that a lens blurred.
    pub(super) fn sharpened(&self) -> Self {
        let mean = self.mean(2);
        let pixels = self.pixels.iter().zip(&mean.pixels).map(|(pixel, mean)| {
            let (pixel, mean) = (i32::from(*pixel), i32::from(*mean));
            (pixel + 2 * (pixel - mean)).clamp(0, 255) as u8
        });
        Self::new(self.width, self.height, pixels.collect())
    }

    /// Black where it is darker than its surroundings, white elsewhere, so that uneven light does
    /// not matter.
    pub(super) fn by_place(&self, radius: usize) -> Self {
        let mean = self.mean(radius);
        let pixels = self.pixels.iter().zip(&mean.pixels);
        let pixels = pixels.map(|(pixel, mean)| if pixel < mean { 0 } else { 255 });
        Self::new(self.width, self.height, pixels.collect())
    }

    /// The mean of the square around each pixel, by a table of sums.
    pub(super) fn mean(&self, radius: usize) -> Self {
        let (width, height) = (self.width, self.height);
        let stride = width + 1;
        let mut sums = vec![0u64; stride * (height + 1)];
        for (y, row) in self.pixels.chunks_exact(width).enumerate() {
            let mut sum = 0;
            for (x, pixel) in row.iter().enumerate() {
                sum += u64::from(*pixel);
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + sum;
            }
        }
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom) = (y.saturating_sub(radius), (y + radius + 1).min(height));
            pixels.extend((0..width).map(|x| {
                let (left, right) = (x.saturating_sub(radius), (x + radius + 1).min(width));
                let sum = sums[bottom * stride + right] + sums[top * stride + left]
                    - sums[top * stride + right]
                    - sums[bottom * stride + left];
                // A mean of bytes is a byte.
                (sum / ((bottom - top) * (right - left)) as u64) as u8
            }));
        }
        Self::new(width, height, pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_what_is_in_them() {
        let pixels = (0..12).map(|i| i * 20).collect();
        let picture = Grey::new(4, 3, pixels);
        assert_eq!(picture.scaled(1.0), picture);
        assert_eq!(picture.inverted().inverted(), picture);
        let twice = picture.scaled(2.0);
        assert_eq!((twice.width, twice.height), (8, 6));
        assert_eq!((twice.pixels[0], twice.pixels[47]), (0, 220));
        let half = Grey::new(4, 4, vec![100; 16]).scaled(0.5);
        assert_eq!(half, Grey::new(2, 2, vec![100; 4]));
        let turned = picture.turned(90.0, 1.0);
        assert!(turned.width >= 3 && turned.height >= 4);
        // A gradient is not an edge, but a dark spot on it is.
        let slope: Vec<u8> = (0..400).map(|i| 100 + (i % 20) as u8 * 5).collect();
        let mut spotted = Grey::new(20, 20, slope);
        spotted.pixels[210] = 20;
        let black = spotted.by_place(4);
        assert_eq!(black.pixels[210], 0);
        // Nothing is left without a pixel.
        assert_eq!(Grey::new(0, 0, vec![]).scaled(0.1).pixels, [255]);
    }
}
