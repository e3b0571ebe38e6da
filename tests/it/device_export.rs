//! `device export`: only with confirmation, and readable by no one else. The QR codes are in `qr`.

use age::x25519;

use crate::support::World;

fn uri(world: &World) -> String {
    format!(
        "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={}&issuer=Amazon%20Web%20Services",
        world.device.seed
    )
}

#[test]
fn export_needs_confirmation() {
    let world = World::imported();
    for form in ["--uri", "--qr-file=qr.png"] {
        let run = world.home.awsmfa(["device", "export", "alice", form]).run().code(2);
        assert_eq!(run.out(), "");
        assert!(!run.err().contains(&world.device.seed), "{}", run.err());
        assert!(run.err().contains("hint: use `--yes` to export the secret without confirmation"));
    }
    let run = world.home.awsmfa(["device", "export", "alice", "--yes"]).run().code(2);
    insta::assert_snapshot!(run.err(), @"
    error: choose what to export: a QR code is the default only on a terminal
    hint: add `--qr-file FILE`, `--uri` or `--age RECIPIENT`
    ");
}

#[test]
fn uri_goes_to_stdout_or_to_a_private_file() {
    let world = World::imported();
    let run = world.home.awsmfa(["device", "export", &world.device.serial, "--uri", "--yes"]).run().success();
    assert_eq!((run.out(), run.err()), (format!("{}\n", uri(&world)), String::new()));
    let run = world
        .home
        .awsmfa(["device", "export", "alice", "--uri", "--yes", "--output", "seed"])
        .run()
        .success();
    assert_eq!(run.out(), "");
    assert_eq!(world.home.read("seed"), format!("{}\n", uri(&world)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(world.home.join("seed")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn age_file_opens_for_its_recipient_and_imports_again() {
    let world = World::imported();
    let key = x25519::Identity::generate();
    let recipient = key.to_public().to_string();
    let run = world.home.awsmfa(["device", "export", "alice", "--age", &recipient, "--yes"]).run().success();
    assert!(!run.out().contains(&world.device.seed));
    let opened = String::from_utf8(age::decrypt(&key, run.out().as_bytes()).unwrap()).unwrap();
    assert_eq!(opened, format!("{}\n", uri(&world)));
    let other = World::new();
    let import = ["device", "import", "--serial", &world.device.serial, "--uri-stdin", "--no-verify"];
    other.home.awsmfa(import).stdin(&opened).run().success();
    let again = other.home.awsmfa(["device", "export", "alice", "--uri", "--yes"]).run().success();
    assert_eq!(again.out(), opened);
}

#[test]
fn invalid_recipient_or_device_is_an_error() {
    let world = World::imported();
    let run = world.home.awsmfa(["device", "export", "alice", "--age", "bob", "--yes"]).run().code(2);
    assert!(run.err().contains("an age recipient looks like `age1…`"), "{}", run.err());
    let run = world.home.awsmfa(["device", "export", "bob", "--uri", "--yes"]).run().code(3);
    insta::assert_snapshot!(run.err(), @"
    error: no secret is stored for `bob`
    hint: list the devices: `awsmfa device list`
    ");
}
