//! QR codes, read back by a decoder that shares no code with the encoder.

use std::sync::{Arc, Mutex};

use awsmfa::testing::context::Context;
use awsmfa::testing::error::CommandResult;
use awsmfa::testing::model::secret::Secret;
use awsmfa::testing::ui::{Prompt, PromptError, Style, Ui};

use crate::support::World;
use crate::support::in_process::{Captured, device};

/// A terminal of a given size, with a person who answers yes or no.
pub struct Screen {
    size: Option<(u16, u16)>,
    answer: bool,
    /// Whether it can clear what it shows.
    clears: bool,
    cleared: Mutex<Vec<String>>,
    shown: Mutex<String>,
    asked: Mutex<Vec<String>>,
}

impl Prompt for Screen {
    fn can_ask(&self) -> bool {
        true
    }
    fn secret(&self, _: &str) -> Result<Secret<String>, PromptError> {
        Err(PromptError::Interrupted)
    }
    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        self.asked.lock().unwrap().push(question.to_owned());
        Ok(self.answer)
    }
    fn can_show(&self) -> bool {
        true
    }
    fn show(&self, drawing: &Secret<String>) -> Result<(), PromptError> {
        self.shown.lock().unwrap().push_str(drawing.expose());
        Ok(())
    }
    fn can_clear(&self) -> bool {
        self.clears
    }
    fn show_until_enter(&self, drawing: &Secret<String>, question: &str) -> Result<(), PromptError> {
        assert!(self.clears);
        self.cleared.lock().unwrap().push(format!("{}{question}", drawing.expose()));
        Ok(())
    }
    fn size(&self) -> Option<(u16, u16)> {
        self.size
    }
}

/// A command that ran in this process, with its screen.
struct Shown {
    result: CommandResult,
    screen: Arc<Screen>,
    out: Captured,
    err: Captured,
}

fn show(world: &World, color: bool, size: Option<(u16, u16)>, answer: bool, args: &[&str]) -> Shown {
    let screen = Screen {
        size,
        answer,
        clears: false,
        cleared: Mutex::default(),
        shown: Mutex::default(),
        asked: Mutex::default(),
    };
    show_on(world, color, screen, args)
}

fn show_on(world: &World, color: bool, screen: Screen, args: &[&str]) -> Shown {
    let screen = Arc::new(screen);
    let (out, err) = (Captured::default(), Captured::default());
    let style = Style { color_on_device: color, ..Style::default() };
    let inside = world.in_process(0);
    let ctx = Context::new(
        inside.ctx.env.clone(),
        inside.ctx.clock.clone(),
        Ui::new(style, Box::new(out.clone()), Box::new(err.clone())),
        screen.clone(),
    )
    .unwrap();
    Shown { result: device(&ctx, args), screen, out, err }
}

impl Shown {
    fn picture(&self) -> String {
        self.screen.shown.lock().unwrap().clone()
    }
}

/// What AWS's own QR code says.
fn uri(world: &World) -> String {
    format!(
        "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={}&issuer=Amazon%20Web%20Services",
        world.device.seed
    )
}

fn decode(side: usize, grey: impl FnMut(usize, usize) -> u8) -> String {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
    image.detect_grids().first().expect("a QR code").decode().unwrap().1
}

/// Half blocks as a terminal shows them, with these colors for the foreground and the background.
fn rasterize(picture: &str, foreground: u8, background: u8) -> String {
    let escapes = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let text = escapes.replace_all(picture, "");
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let side = lines[0].len();
    decode(side * 4, |x, y| {
        let (x, y) = (x / 4, y / 4);
        let painted = match lines.get(y / 2).map(|line| line[x]) {
            Some('█') => true,
            Some('▀') => y % 2 == 0,
            Some('▄') => y % 2 == 1,
            _ => false,
        };
        if painted { foreground } else { background }
    })
}

#[test]
fn phone_reads_the_code_in_color() {
    let world = World::imported();
    let shown = show(&world, true, Some((80, 40)), true, &["export", "alice", "--qr"]);
    shown.result.as_ref().unwrap();
    let picture = shown.picture();
    // Black on white, whatever the colors of the terminal are.
    assert!(
        picture.lines().all(|line| line.starts_with("\x1b[38;5;16;48;5;231m") && line.ends_with("\x1b[0m"))
    );
    assert_eq!(rasterize(&picture, 0, 255), uri(&world));
    assert_eq!(shown.out.text(), "", "nothing on stdout");
    assert!(!shown.err.text().contains('█'), "nothing on stderr");
    insta::assert_snapshot!(shown.err.text(), @"
    awsmfa: scan the QR code with an authenticator app to add `arn:aws:iam::123456789012:mfa/alice`
    hint: clear the screen and its history afterward: anyone who sees the code can generate your codes
    ");
}

#[test]
fn code_that_fits_the_window_is_cleared() {
    let world = World::imported();
    let on = |lines: u16| {
        let (shown, asked, cleared) = (Mutex::default(), Mutex::default(), Mutex::default());
        let screen = Screen { size: Some((80, lines)), answer: true, clears: true, cleared, shown, asked };
        let shown = show_on(&world, true, screen, &["export", "alice", "--qr"]);
        shown.result.as_ref().unwrap();
        shown
    };
    let high = on(29);
    let cleared = high.screen.cleared.lock().unwrap().join("");
    let (picture, question) = cleared.rsplit_once('\n').unwrap();
    assert_eq!(rasterize(picture, 0, 255), uri(&world));
    assert_eq!(question, "scan the QR code with an authenticator app, then press Enter to clear the screen");
    assert_eq!(high.picture(), "", "nothing remains");
    insta::assert_snapshot!(high.err.text(), @"awsmfa: showed the secret of `arn:aws:iam::123456789012:mfa/alice` as a QR code and cleared the screen");
    let low = on(28);
    assert!(low.screen.cleared.lock().unwrap().is_empty());
    assert_eq!(rasterize(&low.picture(), 0, 255), uri(&world), "it can be scrolled back to");
}

#[test]
fn code_without_color_is_readable_on_a_dark_background() {
    let world = World::imported();
    let shown = show(&world, false, Some((80, 40)), true, &["export", "alice", "--qr"]);
    shown.result.as_ref().unwrap();
    let picture = shown.picture();
    assert!(!picture.contains('\x1b'));
    assert_eq!(rasterize(&picture, 255, 0), uri(&world));
    assert!(shown.err.text().contains("drawn for a dark one"), "{}", shown.err.text());
}

#[test]
fn narrow_terminal_is_an_error_with_the_needed_width() {
    let world = World::imported();
    let shown = show(&world, true, Some((40, 40)), true, &["export", "alice", "--qr"]);
    assert_eq!(shown.picture(), "");
    let error = shown.result.unwrap_err();
    // It depends on the secret.
    let needed = error.message.strip_prefix("the QR code needs ");
    let needed = needed.and_then(|rest| rest.strip_suffix(" columns, and the terminal has 40"));
    let needed: u16 = needed.unwrap_or_else(|| panic!("{}", error.message)).parse().unwrap();
    assert!(error.hints.iter().any(|hint| hint.contains("--qr-file")), "{:?}", error.hints);
    assert!(shown.screen.asked.lock().unwrap().is_empty(), "reported before the prompt");
    let low = show(&world, true, Some((needed, 24)), true, &["export", "alice", "--qr"]);
    low.result.as_ref().unwrap();
    let lines = format!("it has {} lines, and the terminal has 24", needed.div_ceil(2));
    assert!(low.err.text().contains(&lines), "{}", low.err.text());
}

#[test]
fn answer_no_draws_nothing() {
    let world = World::imported();
    let shown = show(&world, true, None, false, &["export", "alice", "--qr"]);
    assert_eq!(shown.result.as_ref().unwrap_err().message, "canceled; nothing was changed");
    assert_eq!(shown.picture(), "");
    assert_eq!(shown.screen.asked.lock().unwrap().len(), 1);
}

/// The text of a PNG of one bit a pixel, and how many pixels it is wide.
fn read_png(path: &std::path::Path) -> (String, usize) {
    let file = std::fs::File::open(path).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let side = info.width as usize;
    let white = |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0;
    (decode(side, |x, y| if white(x, y) { 255 } else { 0 }), side)
}

#[test]
fn enroll_gives_the_requested_copy() {
    let world = World::new();
    world.aws.remove_device(&world.device.serial);
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    // A copy that is not possible is reported before anything is created.
    let refused = ["enroll", "--profile", "dev", "--qr-file", "no/such/folder/qr.png"];
    world.home.awsmfa(refused).run().code(3);
    world.home.write("old.png", "mine");
    let ran = world.home.awsmfa(["enroll", "--profile", "dev", "--qr-file", "old.png"]).run().code(2);
    assert!(ran.err().contains("`old.png` already exists"), "{}", ran.err());
    assert!(world.aws.requests_for("CreateVirtualMFADevice").is_empty());
    world.home.awsmfa(["enroll", "--profile", "dev", "--qr-file", "qr.png"]).run().success();
    let serial = world.aws.devices_of("alice").pop().unwrap();
    let (text, _) = read_png(&world.home.join("qr.png"));
    assert!(text.contains(&format!("secret={}&", world.aws.seed(&serial))), "the new device's secret");
}

#[test]
fn phone_reads_the_png() {
    let world = World::imported();
    let run =
        world.home.awsmfa(["device", "export", "alice", "--qr-file", "qr.png", "--yes"]).run().success();
    insta::assert_snapshot!(run.err(), @"
    awsmfa: wrote the QR code of `arn:aws:iam::123456789012:mfa/alice` to qr.png
    hint: delete the file once the phone has the code, or keep it safe: anyone who reads it can generate your codes
    ");
    assert_eq!(run.out(), "");
    let file = std::fs::File::open(world.home.join("qr.png")).unwrap();
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o7777,
        0o600
    );
    let (text, side) = read_png(&world.home.join("qr.png"));
    // Version 8 and a quiet zone of four, eight pixels a module.
    assert_eq!(side, (49 + 8) * 8);
    assert_eq!(text, uri(&world));
}

#[test]
fn file_is_overwritten_only_on_confirmation() {
    let world = World::imported();
    world.home.write("qr.png", "a holiday");
    let export = |extra| {
        show(
            &world,
            true,
            None,
            extra,
            &["export", "alice", "--qr-file", world.home.join("qr.png").to_str().unwrap()],
        )
    };
    let refused = export(false);
    assert!(refused.result.is_err());
    assert_eq!(world.home.read("qr.png"), "a holiday");
    let asked = export(true);
    asked.result.as_ref().unwrap();
    assert!(asked.screen.asked.lock().unwrap()[1].ends_with("already exists; overwrite it?"));
    assert_ne!(std::fs::read(world.home.join("qr.png")).unwrap(), b"a holiday");
}

#[test]
#[cfg(target_os = "linux")]
fn missing_terminal_is_an_error() {
    let world = World::imported();
    // A new session has no controlling terminal, however this test is run.
    let run = world.home.awsmfa(["device", "export", "alice", "--qr", "--yes"]);
    let output = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(run.into_command().get_program())
        .args(["device", "export", "alice", "--qr", "--yes"])
        .env_clear()
        .envs(world.home.vars())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.starts_with("error: a terminal is needed to show a QR code\nhint: write the QR code"),
        "{err}"
    );
}

#[test]
fn unwritable_file_is_reported_before_the_prompt() {
    let world = World::imported();
    let path = world.home.join("no/such/folder/qr.png");
    let shown = show(&world, true, None, true, &["export", "alice", "--qr-file", path.to_str().unwrap()]);
    let error = shown.result.unwrap_err();
    assert!(error.message.contains("cannot write"), "{error}");
    assert!(shown.screen.asked.lock().unwrap().is_empty());
    assert!(!world.home.join("no").exists());
}
