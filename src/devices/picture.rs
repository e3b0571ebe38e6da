//! QR codes in pictures: screenshots and photos, with several codes, in any direction, small, blurred or inverted.

mod corners;
mod kind;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use rqrr::PreparedImage;
use zeroize::Zeroizing;

pub use kind::Kind;

use crate::model::secret::Secret;
use corners::{DarkMap, Effort};

/// More pixels than in any screenshot and in most photos. A small file can claim to have many more.
const MAX_PIXELS: u64 = 64_000_000;
/// What a decoded picture may need, in bytes: as much as an 8K screenshot with 16 bits a color.
const MAX_MEMORY: u64 = 256 << 20;
/// The longest side, in pixels, of the versions of a picture that are searched first.
const FIRST_SIDES: [usize; 3] = [1_000, 2_000, 500];
/// The sides, in pixels, of the parts in which a picture is searched.
const TILE: usize = 1_000;
/// The longest side, in pixels, that is searched. In a larger picture, every code that a phone shows or prints is larger, too.
const LONGEST_SIDE: usize = 4_500;
/// How many pixels a version may have that is larger than the picture.
const MAX_ENLARGED: usize = 6_000_000;

/// Why a file is not a picture that can be searched. No variant contains what is in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("it is {0}, and awsmfa reads PNG and JPEG")]
    Unsupported(Kind),
    #[error("it is not a PNG or JPEG picture")]
    NotAPicture,
    #[error("it has {width} x {height} pixels; the limit is {} million", MAX_PIXELS / 1_000_000)]
    TooLarge { width: u32, height: u32 },
    #[error("it needs {mib} MiB of memory; the limit is {} MiB", MAX_MEMORY >> 20)]
    TooMuchMemory { mib: u64 },
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// Width and height, in pixels.
type Size = (usize, usize);

/// What a search found.
pub struct Found {
    /// The texts of the QR codes, each once.
    pub texts: Vec<Secret<String>>,
    /// Whether no part of the search was left out.
    pub is_complete: bool,
}

/// A decoded picture in shades of gray.
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Zeroizing<Vec<u8>>,
}

fn format(bytes: &[u8]) -> Option<ImageFormat> {
    let known = |format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg);
    image::guess_format(bytes).ok().filter(|format| known(*format))
}

impl Picture {
    /// Reads a PNG or JPEG file. The size is checked before anything is decoded.
    pub fn read(bytes: &[u8]) -> Result<Self, PictureError> {
        let format = format(bytes).ok_or_else(|| match Kind::of(bytes) {
            Some(kind) => PictureError::Unsupported(kind),
            None => PictureError::NotAPicture,
        })?;
        let damaged = |error: image::ImageError| PictureError::Damaged(error.to_string());
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_MEMORY);
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(PictureError::TooLarge { width, height });
        }
        if decoder.total_bytes() > MAX_MEMORY {
            return Err(PictureError::TooMuchMemory { mib: decoder.total_bytes() >> 20 });
        }
        Ok(Self::of(DynamicImage::from_decoder(decoder).map_err(damaged)?))
    }

    /// A picture from the clipboard: red, green, blue and opacity of each pixel.
    pub fn from_rgba(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, PictureError> {
        let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let (width, height) = sides.ok_or(PictureError::NotAPicture)?;
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(PictureError::TooLarge { width, height });
        }
        let buffer = image::RgbaImage::from_raw(width, height, pixels).ok_or(PictureError::NotAPicture)?;
        Ok(Self::of(DynamicImage::ImageRgba8(buffer)))
    }

    fn of(image: DynamicImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = match image.color().has_alpha() {
            // Transparent pixels are white, as on the page that most pictures are shown on.
            true => on_white(&image.into_luma_alpha8().into_raw()),
            false => image.into_luma8().into_raw(),
        };
        Self { width, height, pixels: Zeroizing::new(pixels) }
    }

    /// The texts of the QR codes. Searches until `goes_on` is false: a code may be visible only in one of many versions of the
    /// picture.
    pub fn texts(&self, goes_on: impl Fn() -> bool) -> Found {
        let mut found = Found { texts: Vec::new(), is_complete: true };
        // In the first versions, some codes may be found and others not.
        let (first, others) = self.sizes();
        for (is_first, sizes) in [(true, first), (false, others)] {
            if !is_first && !found.texts.is_empty() {
                break;
            }
            for (width, height) in sizes {
                for tile in self.resized(width, height).tiles() {
                    if !goes_on() {
                        return Found { is_complete: false, ..found };
                    }
                    tile.search(&mut found);
                }
                if !is_first && !found.texts.is_empty() {
                    break;
                }
            }
        }
        found
    }

    /// The sizes in which the picture is searched: the usual ones, and those that are tried only if nothing was found.
    fn sizes(&self) -> (Vec<Size>, Vec<Size>) {
        let longest = self.width.max(self.height).max(1);
        let scaled = |side: usize| (self.width * side / longest, self.height * side / longest);
        let mut first =
            vec![if longest > LONGEST_SIDE { scaled(LONGEST_SIDE) } else { (self.width, self.height) }];
        first.extend(FIRST_SIDES.iter().filter(|side| **side < longest).map(|side| scaled(*side)));
        let enlarged = [2, 3, 4].map(|factor| (self.width * factor, self.height * factor));
        let mut others: Vec<_> =
            enlarged.into_iter().filter(|(width, height)| width * height <= MAX_ENLARGED).collect();
        let smaller = [3 * longest / 4, longest / 2, longest / 3, 2 * longest / 3, 1_400, 700, 350];
        others.extend(smaller.iter().filter(|side| **side < longest).map(|side| scaled(*side)));
        for sizes in [&mut first, &mut others] {
            // Nothing smaller has a code.
            sizes.retain(|(width, height)| *width >= 21 && *height >= 21);
        }
        (first, others)
    }

    /// Parts that overlap by half. Their number grows with the picture, the time of a search with the third power of what
    /// resembles a corner, and text repeats itself. A code that is larger than the overlap is in a part of a smaller version.
    fn tiles(&self) -> impl Iterator<Item = Self> + '_ {
        // Two parts that overlap would take longer than the whole.
        let is_small = self.width * self.height <= 2 * TILE * TILE;
        let tile = if is_small { self.width.max(self.height) } else { TILE };
        let starts = move |side: usize| {
            let last = side.saturating_sub(tile);
            (0..last).step_by(tile.div_ceil(2)).chain([last])
        };
        let places = starts(self.height).flat_map(move |y| starts(self.width).map(move |x| (x, y)));
        places.map(move |(x, y)| {
            let (width, height) = (self.width.min(tile), self.height.min(tile));
            let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
            let rows = self.pixels.chunks_exact(self.width).skip(y).take(height);
            rows.for_each(|row| pixels.extend_from_slice(&row[x..][..width]));
            Self { width, height, pixels }
        })
    }

    fn search(&self, found: &mut Found) {
        let (width, height) = (self.width, self.height);
        let middle = self.middle();
        let local = DarkMap { width, dark: self.below_mean() };
        let global = DarkMap { width, dark: self.pixels.iter().map(|value| *value < middle).collect() };
        let mut is_worth_a_search = |map: &DarkMap, light| {
            let effort = map.effort(light);
            found.is_complete &= effort != Effort::TooMuch;
            effort == Effort::Bearable
        };
        for light in [false, true] {
            if is_worth_a_search(&local, light) {
                let value = |x: usize, y: usize| {
                    let value = self.pixels[y * width + x];
                    if light { 255 - value } else { value }
                };
                read_codes!(PreparedImage::prepare_from_greyscale(width, height, value), found.texts);
            }
            if is_worth_a_search(&global, light) {
                let is_ink = |x: usize, y: usize| global.dark[y * width + x] != light;
                read_codes!(PreparedImage::prepare_from_bitmap(width, height, is_ink), found.texts);
            }
        }
    }

    /// Which pixels are darker than their surroundings: a photo is darker in one corner than in another.
    fn below_mean(&self) -> Vec<bool> {
        let (width, height) = (self.width, self.height);
        let reach = (width.min(height) / 16).max(8);
        let mut columns = vec![0u32; width];
        let mut dark = Vec::with_capacity(width * height);
        let row = |y: usize| &self.pixels[y * width..][..width];
        (0..reach.min(height)).for_each(|y| add(&mut columns, row(y)));
        for y in 0..height {
            if y + reach < height {
                add(&mut columns, row(y + reach));
            }
            if y > reach {
                columns.iter_mut().zip(row(y - reach - 1)).for_each(|(sum, value)| *sum -= u32::from(*value));
            }
            let rows = (y + reach + 1).min(height) - y.saturating_sub(reach);
            let mut sum: u64 = columns.iter().take(reach).map(|sum| u64::from(*sum)).sum();
            for (x, value) in row(y).iter().enumerate() {
                sum += columns.get(x + reach).map_or(0, |sum| u64::from(*sum));
                if x > reach {
                    sum -= u64::from(columns[x - reach - 1]);
                }
                let count = rows * ((x + reach + 1).min(width) - x.saturating_sub(reach));
                // A little darker, so that noise on an even surface is light.
                dark.push(u64::from(*value) * count as u64 * 100 < sum * 95);
            }
        }
        dark
    }

    /// The gray value that best separates dark from light pixels (Otsu's method).
    fn middle(&self) -> u8 {
        let mut counts = [0u64; 256];
        self.pixels.iter().for_each(|value| counts[usize::from(*value)] += 1);
        let total: u64 = counts.iter().sum();
        let sum: u64 = counts.iter().zip(0u64..).map(|(count, value)| count * value).sum();
        let (mut dark, mut dark_sum, mut best) = (0u64, 0u64, (0.0, 128u8));
        for value in 0..=254u8 {
            dark += counts[usize::from(value)];
            dark_sum += counts[usize::from(value)] * u64::from(value);
            let light = total - dark;
            if dark == 0 || light == 0 {
                continue;
            }
            let distance = dark_sum as f64 / dark as f64 - (sum - dark_sum) as f64 / light as f64;
            let spread = dark as f64 * light as f64 * distance * distance;
            if spread > best.0 {
                best = (spread, value + 1);
            }
        }
        best.1
    }

    /// The picture in another size: averages of pixels in a smaller one, blends of pixels in a larger one.
    fn resized(&self, width: usize, height: usize) -> Self {
        let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
        if (width, height) == (self.width, self.height) {
            pixels.extend_from_slice(&self.pixels);
        } else if width < self.width {
            for y in 0..height {
                let rows = range(y, height, self.height);
                for x in 0..width {
                    pixels.push(self.average(range(x, width, self.width), rows.clone()));
                }
            }
        } else {
            for y in 0..height {
                for x in 0..width {
                    pixels.push(self.blend(x * self.width, width, y * self.height, height));
                }
            }
        }
        Self { width, height, pixels }
    }

    fn average(&self, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> u8 {
        let count = (columns.len() * rows.len()).max(1);
        let row = |y: usize| &self.pixels[y * self.width..][columns.clone()];
        let sum: usize = rows.flat_map(row).map(|value| usize::from(*value)).sum();
        u8::try_from(sum / count).unwrap_or(u8::MAX)
    }

    /// The value between four pixels, at `x / width` and `y / height`.
    fn blend(&self, x: usize, width: usize, y: usize, height: usize) -> u8 {
        let at = |x: usize, y: usize| {
            let (x, y) = (x.min(self.width - 1), y.min(self.height - 1));
            usize::from(self.pixels[y * self.width + x])
        };
        let (left, right) = (x / width, x % width);
        let (top, bottom) = (y / height, y % height);
        let row = |y| at(left, y) * (width - right) + at(left + 1, y) * right;
        let sum = row(top) * (height - bottom) + row(top + 1) * bottom;
        u8::try_from(sum / (width * height)).unwrap_or(u8::MAX)
    }
}

/// The pixels that become pixel `at` of `count`.
fn range(at: usize, count: usize, all: usize) -> std::ops::Range<usize> {
    at * all / count..((at + 1) * all / count).min(all)
}

fn on_white(luma_alpha: &[u8]) -> Vec<u8> {
    let blend = |pair: &[u8]| {
        let (value, opacity) = (u32::from(pair[0]), u32::from(pair[1]));
        u8::try_from((value * opacity + 255 * (255 - opacity)) / 255).unwrap_or(u8::MAX)
    };
    luma_alpha.chunks_exact(2).map(blend).collect()
}

fn add(columns: &mut [u32], row: &[u8]) {
    columns.iter_mut().zip(row).for_each(|(sum, value)| *sum += u32::from(*value));
}

/// Adds the texts of the QR codes in a prepared picture. The type of the picture has no public name.
macro_rules! read_codes {
    ($image:expr, $found:expr) => {{
        let mut image = $image;
        for grid in image.detect_grids() {
            let text = grid.decode().map(|(_, text)| Secret::locked(text));
            $found.extend(text.ok().filter(|text| !$found.contains(text)));
        }
    }};
}
use read_codes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_or_impossible_pictures_of_the_clipboard_are_rejected() {
        let error = |width, height, bytes| Picture::from_rgba(width, height, vec![0; bytes]).err();
        assert_eq!(error(8_001, 8_000, 4), Some(PictureError::TooLarge { width: 8_001, height: 8_000 }));
        assert_eq!(error(2, 2, 15), Some(PictureError::NotAPicture));
        assert_eq!(error(2, 2, 16), None);
    }
}
