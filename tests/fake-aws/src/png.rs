//! The QR code of a new device, as a PNG that scanners and `device import --image` can read.
//!
//! One grayscale byte per pixel, in stored (uncompressed) deflate blocks: simple enough to write without an image
//! crate.

use qrcode::{Color, QrCode};

const SCALE: usize = 4;
const QUIET_ZONE: usize = 4;

/// A black-on-white QR code of `text`.
pub(crate) fn qr(text: &str) -> Vec<u8> {
    let code = QrCode::new(text).expect("an otpauth URI fits a QR code");
    let width = code.width();
    let side = (width + 2 * QUIET_ZONE) * SCALE;
    let dark = |pixel: usize| (pixel / SCALE).checked_sub(QUIET_ZONE).filter(|&module| module < width);
    let mut rows = Vec::with_capacity(side * (side + 1));
    for y in 0..side {
        rows.push(0); // no filter
        rows.extend((0..side).map(|x| match (dark(x), dark(y)) {
            (Some(x), Some(y)) if code[(x, y)] == Color::Dark => 0,
            _ => 255,
        }));
    }
    encode(side, &rows)
}

fn encode(side: usize, rows: &[u8]) -> Vec<u8> {
    let side = u32::try_from(side).expect("a QR code is small").to_be_bytes();
    let mut header = [side, side].concat();
    header.extend([8, 0, 0, 0, 0]); // 8 bits, grayscale, not interlaced
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib(rows)), (b"IEND", Vec::new())] {
        let body = [kind.as_slice(), &data].concat();
        png.extend(u32::try_from(data.len()).expect("a chunk is small").to_be_bytes());
        png.extend(&body);
        png.extend(crc32(&body).to_be_bytes());
    }
    png
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951).
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block has at most 65535 bytes");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (b + a) % 65521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_published_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert!(zlib(b"Wikipedia").ends_with(&0x11e6_0398_u32.to_be_bytes()));
    }

    #[test]
    fn png_is_square() {
        let png = qr("otpauth://totp/x?secret=GEZDGNBV");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(png[16..20], png[20..24]);
        assert!(png.ends_with(b"IEND\xae\x42\x60\x82"));
    }
}
