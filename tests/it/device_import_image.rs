//! `device import --image`: QR codes in pictures.

use image::{GrayImage, Luma, Rgba, RgbaImage, imageops};

use crate::support::in_process::Typist;
use crate::support::pictures::{code, uri};
use crate::support::{OTHER_SECRET, World};

#[test]
fn screenshot_is_imported_and_its_label_determines_the_device() {
    let world = World::new();
    let mut screen = GrayImage::from_pixel(900, 700, Luma([238]));
    imageops::overlay(&mut screen, &world.own_code(3), 340, 210);
    world.picture("screen.png", &screen);
    let ran = world.home.awsmfa(["device", "import", "--image", "screen.png"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    hint: delete the picture, because anyone who has it can generate your codes: `rm screen.png`
    hint: awsmfa setup --profile dev
    ");
    assert_eq!(world.stored("alice"), world.device.seed);
}

#[test]
fn pictures_may_be_turned_small_inverted_mirrored_transparent_or_compressed() {
    let world = World::new();
    let small = world.own_code(2);
    let large = world.own_code(5);
    let mut inverted = large.clone();
    imageops::invert(&mut inverted);
    let transparent = RgbaImage::from_fn(large.width(), large.height(), |x, y| {
        Rgba([0, 0, 0, 255 - large.get_pixel(x, y)[0]])
    });
    transparent.save(world.home.join("transparent.png")).unwrap();
    let blurred = imageops::blur(&imageops::resize(&large, 230, 230, imageops::FilterType::Triangle), 0.7);
    for (name, picture) in [
        ("small.png", &small),
        ("turned.png", &imageops::rotate90(&large)),
        ("inverted.png", &inverted),
        ("mirrored.png", &imageops::flip_horizontal(&large)),
        ("blurred.jpg", &blurred),
    ] {
        world.picture(name, picture);
    }
    for name in ["small.png", "turned.png", "inverted.png", "mirrored.png", "blurred.jpg", "transparent.png"]
    {
        let args = ["device", "import", "--no-verify", "--yes", "--image", name];
        let ran = world.home.awsmfa(args).run();
        assert!(ran.err().contains("stored the secret of"), "{name}: {}", ran.err());
        assert_eq!(world.stored("alice"), world.device.seed, "{name}");
        world.home.awsmfa(["device", "remove", "alice", "--local", "--yes"]).run().success();
    }
}

#[test]
fn all_aws_accounts_in_one_picture_are_imported() {
    let world = World::new();
    world.aws.add_user("bob");
    let bob = world.aws.add_device("bob", "bob");
    let mut screen = GrayImage::from_pixel(1_000, 360, Luma([255]));
    for (at, text) in [
        uri("alice@123456789012", &world.device.seed),
        "otpauth://totp/GitHub:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=GitHub".to_owned(),
        uri("bob@123456789012", &bob.seed),
    ]
    .iter()
    .enumerate()
    {
        imageops::overlay(&mut screen, &code(text, 4), 330 * at as i64, 10);
    }
    world.picture("all.png", &screen);
    let ran = world.home.awsmfa(["device", "import", "--image", "all.png"]).run().success();
    let err = ran.err();
    let mut lines: Vec<&str> = err.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/bob` in the file store; the ARN is derived from the account's name; not verified, because no profile with keys uses this device
    hint: delete the picture, because anyone who has it can generate your codes: `rm all.png`
    hint: import a secret again with `--serial ARN` if its ARN is wrong
    ");
    assert_eq!((world.stored("alice"), world.stored("bob")), (world.device.seed.clone(), bob.seed));
}

#[test]
fn one_of_several_accounts_is_chosen_by_name() {
    let world = World::new();
    world.picture("alice.png", &world.own_code(3));
    world.picture("bob.png", &code(&uri("bob@123456789012", OTHER_SECRET), 3));
    let import = ["device", "import", "--image", "alice.png", "bob.png"];
    let ran = world.home.awsmfa(import).arg("--account=carol").run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: there is no account named `carol`; there are `Amazon Web Services:alice@123456789012`, `Amazon Web Services:bob@123456789012`
    hint: choose an account by its name: `awsmfa device import --image alice.png --image bob.png --account 'Amazon Web Services:alice@123456789012'`
    ");
    let ran = world.home.awsmfa(import).arg("--account=amazon").run().code(2);
    assert!(ran.err().starts_with("error: several accounts match `amazon`: "), "{}", ran.err());
    assert!(world.nothing_is_stored());
    world.home.awsmfa(import).arg("--account=Bob").arg("--no-verify").run().success();
    assert_eq!(world.stored("bob"), OTHER_SECRET);
    world.home.awsmfa(["device", "export", "alice", "--uri", "--yes"]).run().code(3);
}

#[test]
fn person_picks_accounts_from_a_list() {
    let world = World::new();
    world.freeze();
    let paths: Vec<String> = [
        ("a.png", world.own_code(3)),
        ("b.png", code("otpauth://totp/GitHub:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 3)),
        ("c.png", code("otpauth://hotp/AWS:old?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=1", 3)),
    ]
    .map(|(name, picture)| world.picture(name, &picture).to_str().unwrap().to_owned())
    .into();
    let args: Vec<&str> = ["--image"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let typist = Typist::new(&["4", "none", ""]);
    let (result, err) = world.import_with(typist.clone(), &args);
    result.unwrap();
    insta::assert_snapshot!(typist.seen().join("\n"), @"
      1  Amazon Web Services:alice@123456789012
      2  GitHub:alice  (not AWS)
      3  AWS:old  (not usable with AWS)
    which accounts do you want to import (`1`, `1,3` or `all`)? [all from AWS]
    which accounts do you want to import (`1`, `1,3` or `all`)? [all from AWS]
    which accounts do you want to import (`1`, `1,3` or `all`)? [all from AWS]
    ");
    assert!(err.contains("warning: type numbers from 1 to 3, or `all`"), "{err}");
    assert_eq!(world.stored("alice"), world.device.seed);
    let (result, _) = world.import_with(Typist::new(&["3"]), &args);
    assert!(result.unwrap_err().starts_with("error: `AWS:old`: this account is of type `hotp`"));
}

#[test]
fn account_of_another_issuer_is_imported_only_on_confirmation() {
    let world = World::new();
    let text = format!("otpauth://totp/GitHub:alice?secret={}&issuer=GitHub", world.device.seed);
    let path = world.picture("github.png", &code(&text, 3));
    let args = ["device", "import", "--profile", "dev", "--image", "github.png"];
    let ran = world.home.awsmfa(args).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `GitHub:alice` was not issued by AWS
    hint: choose an account by its name: `awsmfa device import --profile dev --image github.png --account GitHub:alice`
    ");
    assert!(world.nothing_is_stored());
    world.freeze();
    let typist = Typist::new(&[]);
    let (result, _) =
        world.import_with(typist.clone(), &["--profile", "dev", "--image", path.to_str().unwrap()]);
    result.unwrap();
    assert_eq!(typist.seen()[0], "`GitHub:alice` was not issued by AWS; import it?");
    assert_eq!(world.stored("alice"), world.device.seed);
}

#[test]
fn different_secrets_for_one_device_are_an_error() {
    let world = World::new();
    world.picture("old.png", &code(&uri("alice@123456789012", OTHER_SECRET), 3));
    world.picture("new.png", &world.own_code(3));
    let ran = world.home.awsmfa(["device", "import", "--image", "old.png", "new.png"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `Amazon Web Services:alice@123456789012` and `Amazon Web Services:alice@123456789012` have different secrets for one device, `arn:aws:iam::123456789012:mfa/alice`
    hint: import only the account that is in use, such as from a picture of its QR code
    ");
    assert!(world.nothing_is_stored());
    // Two pictures of one code are one account.
    world.picture("again.png", &world.own_code(4));
    world.home.awsmfa(["device", "import", "--image", "new.png", "again.png"]).run().success();
}

#[test]
fn device_with_a_path_is_found_by_its_name_in_the_label() {
    let world = World::new();
    let device = world.aws.add_device("alice", "laptop");
    let serial = device.serial.replace("mfa/laptop", "mfa/eng/laptop");
    world.home.write_config(&format!("[profile dev]\nregion = eu-central-1\nmfa_serial = {serial}\n"));
    for label in ["laptop@123456789012", "laptop@my-company"] {
        world.picture("qr.png", &code(&uri(label, &device.seed), 3));
        let args = ["device", "import", "--no-verify", "--image", "qr.png"];
        let ran = world.home.awsmfa(args).run().success();
        assert!(ran.err().contains(&format!("stored the secret of `{serial}`")), "{}", ran.err());
        world.home.awsmfa(["device", "remove", "laptop", "--local", "--yes"]).run().success();
    }
}

#[test]
fn profile_in_another_account_than_the_label_is_an_error() {
    let world = World::new();
    world.picture("qr.png", &code(&uri("alice@999999999999", OTHER_SECRET), 3));
    let ran = world.home.awsmfa(["device", "import", "--profile", "dev", "--image", "qr.png"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `Amazon Web Services:alice@999999999999` is in a different AWS account than `arn:aws:iam::123456789012:mfa/alice`
    hint: leave out `--profile`, or use the profile of the account's user
    hint: if the account's name is wrong, add the device's ARN: `awsmfa device import --profile dev --serial ARN --image qr.png`
    ");
    // Without a profile, the label determines the ARN.
    let ran = world.home.awsmfa(["device", "import", "--image", "qr.png"]).run().success();
    assert!(ran.err().contains("`arn:aws:iam::999999999999:mfa/alice`"), "{}", ran.err());
}

#[test]
fn pictures_without_a_usable_code_are_errors() {
    let world = World::new();
    world.picture("blank.png", &GrayImage::from_pixel(300, 300, Luma([200])));
    world.picture("wifi.png", &code("WIFI:S:home;T:WPA;P:hunter2;;", 4));
    world.picture(
        "hotp.png",
        &code("otpauth://hotp/AWS:a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=1", 3),
    );
    world.picture(
        "digits.png",
        &code("otpauth://totp/AWS:a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8", 3),
    );
    world.home.write("notes.png", "not a picture");
    let whole = std::fs::read(world.picture("whole.png", &world.own_code(3))).unwrap();
    std::fs::write(world.home.join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    // Small files with the headers of large pictures: of 100 megapixels, and with 8 bytes a pixel.
    for (name, side, kind) in [("bomb.png", 10_000u32, [8, 0]), ("deep.png", 7_000, [16, 6])] {
        let mut bomb = whole.clone();
        bomb[16..24].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
        bomb[24..26].copy_from_slice(&kind);
        let sum = crc32(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&sum);
        std::fs::write(world.home.join(name), bomb).unwrap();
    }
    for (name, message) in [
        ("blank.png", "there is no readable QR code in blank.png"),
        ("wifi.png", "the QR code in wifi.png has no account of an authenticator app"),
        ("hotp.png", "`AWS:a`: this account is of type `hotp`; AWS devices are of type `totp`"),
        (
            "digits.png",
            "`AWS:a`: this account specifies 8 digits; AWS devices use SHA1, 6 digits and a period of 30 seconds",
        ),
        ("notes.png", "cannot read the picture notes.png: it is not a PNG or JPEG picture"),
        ("cut.png", "cannot read the picture cut.png: it is damaged: "),
        (
            "bomb.png",
            "cannot read the picture bomb.png: it has 10000 x 10000 pixels; the limit is 64 million",
        ),
        ("deep.png", "cannot read the picture deep.png: it needs 373 MiB of memory; the limit is 256 MiB"),
        ("missing.png", "cannot read the picture missing.png: No such file or directory"),
        (".", "cannot read the picture .: is a directory"),
    ] {
        let ran = world.home.awsmfa(["device", "import", "--image", name]).run().code(2);
        assert!(ran.err().starts_with(&format!("error: {message}")), "{name}: {}", ran.err());
        assert!(!ran.err().contains("hunter2") && !ran.err().contains("GEZD"), "{}", ran.err());
        assert!(world.nothing_is_stored(), "{name}");
    }
}

/// Each file is one that people try.
#[test]
fn other_files_than_pictures_are_named_with_what_to_do() {
    let world = World::new();
    world.home.write("empty.png", "");
    world.home.write("photo.heic", "\0\0\0\u{18}ftypheic\0\0\0\0mif1heic");
    world.home.write("scan.pdf", "%PDF-1.7\n");
    world.home.write("aegis.png", "{\"version\": 1}");
    world.home.write("a folder/x", "");
    let said: Vec<String> = ["empty.png", "photo.heic", "scan.pdf", "aegis.png", "a folder"]
        .map(|name| world.home.awsmfa(["device", "import", "--image", name]).run().code(2).err())
        .to_vec();
    insta::assert_snapshot!(said.concat(), @"
    error: cannot read the picture empty.png: it is empty
    hint: save the picture again: the file has no content
    error: cannot read the picture photo.heic: it is a HEIC picture, and awsmfa reads PNG and JPEG
    hint: convert it to PNG or JPEG, or take a screenshot of it
    error: cannot read the picture scan.pdf: it is a PDF document, and awsmfa reads PNG and JPEG
    hint: convert it to PNG or JPEG, or take a screenshot of it
    error: cannot read the picture aegis.png: it is a JSON file, and awsmfa reads PNG and JPEG
    hint: import an app's export: `awsmfa device import --export FILE`
    error: cannot read the picture a folder: is a directory
    hint: import the pictures in the folder: `awsmfa device import --image 'a folder'/*`
    ");
    let said = ["empty.png", "a folder"]
        .map(|name| world.home.awsmfa(["device", "import", "--export", name]).run().code(2).err());
    insta::assert_snapshot!(said.concat(), @"
    error: cannot read the export empty.png: it is empty
    hint: save the export again: the file has no content
    error: cannot read the export a folder: is a directory
    hint: use the export in the folder: `ls 'a folder'`
    ");
    assert!(world.nothing_is_stored());
}

#[test]
#[cfg(unix)]
fn standard_input_has_a_name() {
    let world = World::new();
    for option in ["--image", "--google-export", "--export"] {
        let ran = world.home.awsmfa(["device", "import", option, "-"]).run().code(2);
        let hint = format!("hint: read standard input: `awsmfa device import {option} /dev/stdin`\n");
        assert!(ran.err().ends_with(&hint), "{}", ran.err());
    }
    world.picture("qr.png", &world.own_code(4));
    let line = "exec \"$0\" device import --image /dev/stdin --no-verify <qr.png";
    let ran = world.home.awsmfa([""; 0]).under("/bin/sh", &["-c", line]).run().success();
    assert!(
        ran.err().starts_with("awsmfa: stored the secret") && !ran.err().contains("rm "),
        "{}",
        ran.err()
    );
}

/// The checksum of a PNG's chunk.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
