//! QR codes, as half blocks on a terminal and as PNG. Pure: text in, text or bytes out. They show a secret, so both are
//! secrets.

use qrcode::{Color, EcLevel, QrCode};

use crate::model::secret::Secret;

/// The light margin that scanners need, in modules (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;
/// Pixels of a module in the PNG. With one bit a pixel, a module is a byte.
const SCALE: usize = 8;
/// Room for everything in a PNG but its pixels, in bytes.
const FRAME: usize = 1024;

/// Black on white, whatever the terminal's own colors are: entries 16 and 231 of the 256 colors, which themes do not change,
/// unlike the first sixteen.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// How a code is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Black and white through escape sequences: works on every background.
    Color,
    /// Light modules as blocks in the terminal's own color: works on a dark background only.
    Plain,
}

/// A QR code as text, two modules per character.
#[derive(Debug)]
pub struct Drawing {
    /// The lines, each with its end.
    pub text: Secret<String>,
    /// How many columns it takes.
    pub columns: usize,
    /// How many lines it takes.
    pub lines: usize,
}

/// Why a QR code cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    #[error("{0} bytes are too long for a QR code")]
    TooLong(usize),
    #[error("cannot create the PNG: {0}")]
    Png(String),
}

/// Draws `content` for a terminal, as small as possible.
pub fn draw(content: &Secret<String>, ink: Ink) -> Result<Drawing, QrError> {
    let modules = Modules::of(content, EcLevel::L)?;
    let side = modules.side();
    // Large enough from the start: a string that grows leaves copies behind.
    let mut text = String::with_capacity((side * 3 + 32) * side);
    for y in (0..side).step_by(2) {
        if ink == Ink::Color {
            text.push_str(BLACK_ON_WHITE);
        }
        text.extend((0..side).map(|x| half_block(modules.dark(x, y), modules.dark(x, y + 1), ink)));
        if ink == Ink::Color {
            text.push_str(RESET);
        }
        text.push('\n');
    }
    Ok(Drawing { text: Secret::new(text), columns: side, lines: side.div_ceil(2) })
}

/// The character for two modules, one above the other. With color, the ink paints the dark modules, without it the light ones.
fn half_block(upper_dark: bool, lower_dark: bool, ink: Ink) -> char {
    let painted = |dark: bool| dark == (ink == Ink::Color);
    match (painted(upper_dark), painted(lower_dark)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

/// Draws `content` as a PNG with one bit per pixel and eight pixels per module. The code survives a stain on the paper.
pub fn png(content: &Secret<String>) -> Result<Secret<Vec<u8>>, QrError> {
    let modules = Modules::of(content, EcLevel::M)?;
    let side = modules.side();
    let mut pixels = Vec::with_capacity(side * side * SCALE);
    for y in 0..side {
        let row: Vec<u8> = (0..side).map(|x| if modules.dark(x, y) { 0x00 } else { 0xff }).collect();
        (0..SCALE).for_each(|_| pixels.extend_from_slice(&row));
    }
    let pixels = Secret::new(pixels);
    // Large enough from the start: growing would leave copies behind that are not wiped.
    let mut bytes = Vec::with_capacity(pixels.expose().len() + FRAME);
    let size = u32::try_from(side * SCALE).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels.expose()));
    let bytes = Secret::new(bytes);
    written.map_err(|error| QrError::Png(error.to_string()))?;
    Ok(bytes)
}

/// The modules of a code; everything around them is light.
struct Modules {
    width: usize,
    colors: Vec<Color>,
}

impl Modules {
    fn of(content: &Secret<String>, level: EcLevel) -> Result<Self, QrError> {
        let content = content.expose().as_bytes();
        // Bytes can only be too long.
        let code = QrCode::with_error_correction_level(content, level)
            .map_err(|_| QrError::TooLong(content.len()))?;
        Ok(Self { width: code.width(), colors: code.into_colors() })
    }

    /// Modules per side, including the quiet zone.
    fn side(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// Whether a module is dark; coordinates start at the corner of the quiet zone.
    fn dark(&self, x: usize, y: usize) -> bool {
        let inside = QUIET..QUIET + self.width;
        inside.contains(&x)
            && inside.contains(&y)
            && self.colors[(y - QUIET) * self.width + (x - QUIET)] == Color::Dark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=\
        GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amazon%20Web%20Services";

    fn decode(side: usize, dark: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if dark(x, y) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
        image.detect_grids().first().expect("a QR code").decode().unwrap().1
    }

    #[test]
    fn both_inks_are_read_by_another_decoder() {
        for ink in [Ink::Color, Ink::Plain] {
            let drawing = draw(&URI.into(), ink).unwrap();
            let text = drawing.text.expose().replace(BLACK_ON_WHITE, "").replace(RESET, "");
            let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
            assert!(lines.iter().all(|line| line.len() == drawing.columns), "{ink:?}");
            assert_eq!(lines.len(), drawing.lines);
            let dark = |x: usize, y: usize| {
                let (x, y) = (x / 4, y / 4);
                let painted = match lines[y / 2][x] {
                    '█' => true,
                    '▀' => y % 2 == 0,
                    '▄' => y % 2 == 1,
                    _ => false,
                };
                painted == (ink == Ink::Color)
            };
            assert_eq!(decode(drawing.columns * 4, dark), URI, "{ink:?}");
        }
    }

    #[test]
    fn drawing_has_its_own_colors_and_margin() {
        let drawing = draw(&URI.into(), Ink::Color).unwrap();
        let blank = format!("{BLACK_ON_WHITE}{}{RESET}", " ".repeat(drawing.columns));
        let lines: Vec<&str> = drawing.text.expose().lines().collect();
        assert!(lines[..2].iter().all(|line| **line == blank), "two lines are four modules");
        assert!(lines.iter().all(|line| line.starts_with(BLACK_ON_WHITE) && line.ends_with(RESET)));
        assert!(!draw(&URI.into(), Ink::Plain).unwrap().text.expose().contains('\x1b'));
    }

    #[test]
    fn png_is_read_by_another_decoder() {
        let bytes = png(&URI.into()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes.expose())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::One));
        let side = info.width as usize;
        let dark = |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        assert_eq!(decode(side, dark), URI);
        let margin = QUIET * SCALE;
        assert!(
            (0..side).all(|i| !dark(i, margin - 1) && !dark(margin - 1, i)),
            "a quiet zone of four modules"
        );
        assert!(dark(margin, margin), "which is not wider");
    }

    #[test]
    fn secret_is_in_no_error_and_no_debug_output() {
        let error = draw(&"x".repeat(3000).as_str().into(), Ink::Plain).unwrap_err();
        assert_eq!(error.to_string(), "3000 bytes are too long for a QR code");
        assert!(!format!("{:?}", draw(&URI.into(), Ink::Plain).unwrap()).contains('█'));
    }
}
