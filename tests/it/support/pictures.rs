//! Pictures of QR codes, and imports from them.

use std::path::PathBuf;
use std::sync::Arc;

use awsmfa::testing::context::Context;
use image::{GrayImage, ImageFormat, Luma};

use super::World;
use super::in_process::{InProcess, Typist, device, in_words};

const ISSUER: &str = "Amazon%20Web%20Services";

/// A URI as AWS's QR code has it.
pub fn uri(label: &str, secret: &str) -> String {
    format!("otpauth://totp/{ISSUER}:{label}?secret={secret}&issuer={ISSUER}")
}

/// The QR code of a text, with this many pixels a module.
pub fn code(text: &str, module: u32) -> GrayImage {
    let code = qrcode::QrCode::new(text).unwrap();
    let (width, colors) = (code.width() as u32, code.to_colors());
    GrayImage::from_fn((width + 8) * module, (width + 8) * module, |x, y| {
        let (x, y) = ((x / module).wrapping_sub(4), (y / module).wrapping_sub(4));
        let is_dark = x < width && y < width && colors[(y * width + x) as usize] == qrcode::Color::Dark;
        Luma([if is_dark { 0 } else { 255 }])
    })
}

impl World {
    pub fn picture(&self, name: &str, picture: &GrayImage) -> PathBuf {
        let path = self.home.join(name);
        picture.save_with_format(&path, ImageFormat::from_path(name).unwrap()).unwrap();
        path
    }

    /// A picture with the QR code of the device of `dev`.
    pub fn own_code(&self, module: u32) -> GrayImage {
        code(&uri("alice@123456789012", &self.device.seed), module)
    }

    /// The secret that is stored for a device.
    pub fn stored(&self, name: &str) -> String {
        let exported = self.home.awsmfa(["device", "export", name, "--uri", "--yes"]).run().success().out();
        exported.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    }

    pub fn nothing_is_stored(&self) -> bool {
        !self.home.join(".local/share/awsmfa/devices.json").exists()
    }

    /// `device import` with a person at the terminal.
    pub fn import_with(&self, typist: Arc<Typist>, args: &[&str]) -> (Result<(), String>, String) {
        let InProcess { ctx, err, .. } = self.in_process(0);
        let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, typist).unwrap();
        let result = device(&ctx, &[&["import"], args].concat());
        (result.map_err(|error| in_words(&error)), err.text())
    }
}
