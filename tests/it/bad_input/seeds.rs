//! Secrets that cannot belong to an AWS device.

use super::assert_rejected;
use crate::support::World;

const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// The error of `device import` for `given`. It must not contain any part of the secret.
#[track_caller]
fn import(world: &World, flag: &str, given: &str) -> String {
    let run = world.home.awsmfa(["device", "import", "--profile", "dev", flag]).stdin(given);
    let err = assert_rejected(&world.home, run, 2);
    assert!(!err.contains("JBSWY3DP") && !err.contains("hunter2"), "{err}");
    err
}

#[test]
fn invalid_base32_is_rejected() {
    let world = World::new();
    world.home.forget_store();
    let base32 = |given: &str| import(&world, "--secret-stdin", given);
    insta::assert_snapshot!(base32("JBSWY3DPEHPK3PX0JBSWY3DPEHPK3PX1 hunter2"), @"
    error: the secret key is not Base32 (letters A to Z and digits 2 to 7)
    hint: paste the complete secret key, and nothing else, as the console shows it under `Show secret key`
    ");
    for flag in ["--secret-stdin", "--uri-stdin"] {
        insta::allow_duplicates! { insta::assert_snapshot!(import(&world, flag, "\n"), @"
        error: standard input is empty
        hint: check the command before the pipe: it printed no secret
        ") }
    }
    insta::assert_snapshot!(base32("JBSWY3DP"), @"
    error: the secret key is too short: 40 bits; AWS uses 320, and RFC 4226 requires 128
    hint: paste the complete secret key, and nothing else, as the console shows it under `Show secret key`
    ");
    insta::assert_snapshot!(base32("123 456\n"), @"
    error: this is a six-digit code, not the device's secret key
    hint: paste the complete secret key, and nothing else, as the console shows it under `Show secret key`
    ");
    insta::assert_snapshot!(base32(&format!("MFA SECRET KEY {SECRET}")), @"
    error: the text contains more than a secret key
    hint: paste the complete secret key, and nothing else, as the console shows it under `Show secret key`
    ");
    for (length, whole) in [(62, SECRET.repeat(2)), (59, SECRET.repeat(2)), (65, SECRET.repeat(3))] {
        let err = base32(&whole[..length]);
        assert!(err.starts_with("error: the secret key is truncated or mistyped: it has"), "{length}: {err}");
    }
    assert!(!world.home.join(".local/share/awsmfa").exists(), "a store was created");
}

#[test]
fn words_around_a_complete_secret_are_ignored() {
    let world = World::new();
    for around in ["secret=SEED", "SECRET KEY SEED", "{\"Base32StringSeed\": \"SEED\"}", "key: seed."] {
        let given =
            around.replace("SEED", &world.device.seed).replace("seed", &world.device.seed.to_lowercase());
        let args = ["device", "import", "--profile", "dev", "--secret-stdin"];
        world.home.awsmfa(args).stdin(&given).run().success();
    }
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
}

#[test]
fn otpauth_uri_that_no_aws_device_has_is_rejected() {
    let world = World::new();
    world.home.forget_store();
    let uri = |rest: &str| import(&world, "--uri-stdin", &format!("otpauth://{rest}"));
    insta::assert_snapshot!(uri(&format!("hotp/a?secret={SECRET}&counter=1")), @"
    error: `a`: this account is of type `hotp`; AWS devices are of type `totp`
    hint: check that this secret belongs to an AWS MFA device
    ");
    insta::assert_snapshot!(uri(&format!("totp/a?secret={SECRET}&digits=8")), @"
    error: `a`: this account specifies 8 digits; AWS devices use SHA1, 6 digits and a period of 30 seconds
    hint: check that this secret belongs to an AWS MFA device
    ");
    insta::assert_snapshot!(uri(&format!("totp/a?secret={SECRET}&algorithm=SHA256")), @"
    error: `a`: this account specifies algorithm SHA256; AWS devices use SHA1, 6 digits and a period of 30 seconds
    hint: check that this secret belongs to an AWS MFA device
    ");
    insta::assert_snapshot!(uri(&format!("totp/a?secret={SECRET}&algorithm=MD5")), @"
    error: `a`: this account specifies algorithm MD5; AWS devices use SHA1, 6 digits and a period of 30 seconds
    hint: check that this secret belongs to an AWS MFA device
    ");
    insta::assert_snapshot!(uri(&format!("totp/a?secret={SECRET}&period=60")), @"
    error: `a`: this account specifies a period of 60 seconds; AWS devices use SHA1, 6 digits and a period of 30 seconds
    hint: check that this secret belongs to an AWS MFA device
    ");
    insta::assert_snapshot!(uri("totp/a"), @"
    error: `a`: this is not an otpauth:// URI: it has no `secret`
    hint: use a URI such as `otpauth://totp/NAME?secret=BASE32`
    ");
    insta::assert_snapshot!(uri("totp/a?secret=JBSWY3DP1"), @"
    error: `a`: the secret key is not Base32 (letters A to Z and digits 2 to 7)
    hint: paste the complete secret key, and nothing else, as the console shows it under `Show secret key`
    ");
    insta::assert_snapshot!(import(&world, "--uri-stdin", SECRET), @"
    error: this is not an otpauth:// URI: it does not begin with otpauth://
    hint: use a URI such as `otpauth://totp/NAME?secret=BASE32`
    ");
    assert!(!world.home.join(".local/share/awsmfa").exists(), "a store was created");
}

#[test]
fn serial_from_aws_is_not_written_if_the_secret_is_invalid() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    import(&world, "--secret-stdin", "hunter2");
    assert_eq!(world.aws.requests_for("ListMFADevices").len(), 1);
    // With a valid secret, the serial is written.
    world.import();
    assert!(world.home.read(".aws/config").contains(&world.device.serial));
}

#[test]
fn stored_secret_is_not_replaced_by_another() {
    let world = World::imported();
    import(&world, "--secret-stdin", "hunter2");
    let other = ["device", "import", "--profile", "dev", "--secret-stdin"];
    let err = assert_rejected(&world.home, world.home.awsmfa(other).stdin(SECRET), 2);
    insta::assert_snapshot!(err, @"
    error: another secret is stored for `arn:aws:iam::123456789012:mfa/alice`
    hint: use `--yes` to replace the secret; the old secret cannot be recovered
    ");
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run();
    ran.success();
}

#[test]
fn missing_secret_without_a_terminal_is_an_error() {
    let world = World::new();
    let err = assert_rejected(&world.home, world.home.awsmfa(["device", "import", "-p", "dev"]), 2);
    insta::assert_snapshot!(err, @"
    error: the secret key is missing: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: pipe it in: `… | awsmfa device import --profile dev --secret-stdin`
    ");
}
