//! What a file is that people take for a picture.

use std::fmt;

/// A kind of file that cannot be searched for QR codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Avif,
    Bmp,
    Gif,
    /// Photos of iPhones.
    Heic,
    Json,
    Pdf,
    Svg,
    Tiff,
    WebP,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avif => "an AVIF picture",
            Self::Bmp => "a BMP picture",
            Self::Gif => "a GIF picture",
            Self::Heic => "a HEIC picture",
            Self::Json => "a JSON file",
            Self::Pdf => "a PDF document",
            Self::Svg => "an SVG drawing",
            Self::Tiff => "a TIFF picture",
            Self::WebP => "a WebP picture",
        })
    }
}

impl Kind {
    /// Recognizes a file by its first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // Zeros are the reserved fields of the header.
        let is_bmp = bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]);
        match (bytes.get(4..8), bytes.get(8..12)) {
            (Some(b"ftyp"), Some(b"avif" | b"avis")) => return Some(Self::Avif),
            (Some(b"ftyp"), Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1")) => {
                return Some(Self::Heic);
            }
            (_, Some(b"WEBP")) if bytes.starts_with(b"RIFF") => return Some(Self::WebP),
            _ if is_bmp => return Some(Self::Bmp),
            _ => {}
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let start = &text[..text.len().min(1024)];
        let has = |part: &[u8]| start.windows(part.len()).any(|there| there == part);
        match text {
            [b'G', b'I', b'F', b'8', ..] => Some(Self::Gif),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Some(Self::Tiff),
            [b'%', b'P', b'D', b'F', b'-', ..] => Some(Self::Pdf),
            [b'{' | b'[', ..] => Some(Self::Json),
            [b'<', ..] if has(b"<svg") => Some(Self::Svg),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognized_by_their_first_bytes() {
        for (bytes, kind) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], Kind::Heic),
            (b"\0\0\0\x1cftypmif1\0\0\0\0", Kind::Heic),
            (b"\0\0\0\x20ftypavif", Kind::Avif),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Kind::WebP),
            (b"GIF89a\x01\0\x01\0", Kind::Gif),
            (b"BM\x46\0\0\0\0\0\0\0\x36", Kind::Bmp),
            (b"II*\0\x08", Kind::Tiff),
            (b"MM\0*\0", Kind::Tiff),
            (b"%PDF-1.7\n", Kind::Pdf),
            (b"{\"db\": {}}", Kind::Json),
            (b"\xef\xbb\xbf\n[1]", Kind::Json),
            (b"<?xml version=\"1.0\"?>\n<svg>", Kind::Svg),
        ] {
            assert_eq!(Kind::of(bytes), Some(kind), "{kind}");
        }
        for bytes in
            [&b""[..], b"BM", b"BMore than text", b"<html>", b"\0\0\0\x18ftypmp42", b"RIFF\0\0\0\0WAVE"]
        {
            assert_eq!(Kind::of(bytes), None, "{bytes:?}");
        }
    }
}
