//! `device import`, `device list` and `code` together.

use fake_aws::FakeAws;

use crate::support::{Home, OTHER_SECRET, World};

const RFC_SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SERIAL: &str = "arn:aws:iam::123456789012:mfa/alice";

fn import(home: &Home, serial: &str, seed: &str) {
    home.awsmfa(["device", "import", "--serial", serial, "--secret-stdin"]).stdin(seed).run().success();
}

#[test]
fn otpauth_uri_is_accepted_like_the_secret() {
    let home = Home::new(&FakeAws::start());
    let uri = format!(
        "otpauth://totp/Amazon%20Web%20Services:alice@1?secret={RFC_SEED}&issuer=Amazon%20Web%20Services"
    );
    home.awsmfa(["device", "import", "--serial", SERIAL, "--uri-stdin"]).stdin(&uri).run().success();
    let by_uri = home.awsmfa(["code", "--pair", SERIAL]).run().success().out();
    let other = Home::new(&FakeAws::start());
    import(&other, SERIAL, RFC_SEED);
    let by_secret = other.awsmfa(["code", "--pair", SERIAL]).run().success().out();
    // A step may end between the two runs.
    assert!(by_uri.lines().any(|code| by_secret.contains(code)), "{by_uri} {by_secret}");
}

#[test]
fn list_is_a_table_or_json() {
    let home = Home::new(&FakeAws::start());
    let ran = home.awsmfa(["device", "list"]).run().success();
    insta::assert_snapshot!(format!("{}{}", ran.out(), ran.err()), @"
    awsmfa: no devices found
    hint: enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`
    ");
    home.write_config("[profile dev]\nregion = eu-central-1\n");
    home.awsmfa([
        "device",
        "import",
        "--serial",
        SERIAL,
        "--profile",
        "dev",
        "--label",
        "work",
        "--secret-stdin",
    ])
    .stdin(RFC_SEED)
    .run()
    .success();
    import(&home, "GAHT12345678", RFC_SEED);
    insta::assert_snapshot!(home.awsmfa(["device", "list"]).run().success().out(), @"
    SERIAL                               KIND      USER  ENABLED  SECRET  PROFILES  LABEL
    arn:aws:iam::123456789012:mfa/alice  virtual   -     -        file    dev       work
    GAHT12345678                         hardware  -     -        file    -         -
    ");
    let json = home.awsmfa(["device", "list", "--json"]).run().success().json();
    assert_eq!(json[0]["serial"], SERIAL);
    assert_eq!(json[0]["profiles"], serde_json::json!(["dev"]));
    assert_eq!(json[1]["label"], serde_json::Value::Null);
}

#[test]
fn profile_keeps_the_last_device_imported_for_it() {
    let world = World::new();
    world.home.write_config("[profile dev]\nregion = eu-central-1\n");
    let other = "arn:aws:iam::123456789012:mfa/other";
    for serial in [other, &world.device.serial] {
        let args = ["device", "import", "--serial", serial, "--profile", "dev", "--secret-stdin"];
        world.home.awsmfa(args).stdin(&world.device.seed).run().success();
    }
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert!(world.aws.requests_for("ListMFADevices").is_empty());
}

#[test]
fn another_secret_of_a_device_needs_confirmation() {
    let home = Home::new(&FakeAws::start());
    import(&home, SERIAL, RFC_SEED);
    // The same secret again needs no confirmation.
    import(&home, SERIAL, RFC_SEED);
    let before = home.files();
    let other = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let args = ["device", "import", "--serial", SERIAL, "--secret-stdin"];
    let ran = home.awsmfa(args).stdin(other).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: another secret is stored for `arn:aws:iam::123456789012:mfa/alice`
    hint: use `--yes` to replace the secret; the old secret cannot be recovered
    ");
    assert_eq!(home.files(), before);
    home.awsmfa(["device", "import", "--serial", SERIAL, "--secret-stdin", "--yes"])
        .stdin(other)
        .run()
        .success();
    assert_ne!(home.files(), before);
}

#[test]
fn codes_match_the_device() {
    let world = World::imported();
    let step = world.aws.clock().step();
    let expected: Vec<String> =
        (step - 1..step + 3).map(|s| world.aws.code(&world.device.serial, s)).collect();
    let pair = world.home.awsmfa(["code", "--pair", "alice"]).run().success().out();
    let pair: Vec<&str> = pair.lines().collect();
    assert!(expected.windows(2).any(|two| two == pair), "{pair:?} {expected:?}");
    let code = world.home.awsmfa(["code"]).run().success();
    assert!(expected.contains(&code.out().trim().to_owned()));
    let told = format!("awsmfa: code for `{SERIAL}`, valid for ");
    assert!(code.err().starts_with(&told), "{}", code.err());
    let json = world.home.awsmfa(["code", "--json", "-p", "dev"]).run().success().json();
    assert!(expected.contains(&json["code"].as_str().unwrap().to_owned()));
    assert!((1..=60).contains(&json["seconds_left"].as_u64().unwrap()));
    // The only device is the default, even if AWS_PROFILE is a profile without one.
    world.home.awsmfa(["code", "--pair"]).env("AWS_PROFILE", "elsewhere").run().success();
    world.home.awsmfa(["code", "--pair", "-p", "elsewhere"]).run().code(3);
    let json = world.home.awsmfa(["code", "--json", "--pair"]).run().success().json();
    assert_eq!(json["codes"].as_array().unwrap().len(), 2);
}

#[test]
fn hints_of_several_devices_have_the_flags_that_were_given() {
    let world = World::imported();
    world.home.import("GAHT12345678", OTHER_SECRET);
    for flags in [&["--pair", "--json"][..], &["--wait", "--copy"], &["--wait", "--json"], &[]] {
        let err = world.home.awsmfa(["code"].iter().chain(flags)).run().code(2).err();
        let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
        let expected = format!(
            "error: several devices are stored here\n\
             hint: awsmfa code {SERIAL}{flags}\n\
             hint: awsmfa code GAHT12345678{flags}\n"
        );
        assert_eq!(err, expected);
    }
}

#[test]
fn code_is_not_shown_twice_while_another_is_valid() {
    let world = World::imported();
    let codes: Vec<String> = (0..2).map(|_| world.home.awsmfa(["code"]).run().success().out()).collect();
    assert_ne!(codes[0], codes[1]);
}

/// `awsmfa code --json` with more arguments: its result and its messages.
fn code(world: &World, args: &[&str]) -> (serde_json::Value, String) {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: awsmfa::testing::commands::code::CodeArgs,
    }
    let line = <Line as clap::Parser>::try_parse_from(["code", "--json"].iter().chain(args)).unwrap();
    let inside = world.in_process(0);
    awsmfa::testing::commands::code::run(&inside.ctx, &line.args).unwrap();
    (serde_json::from_str(&inside.out.text()).unwrap(), inside.err.text())
}

#[test]
fn code_reports_use_and_waits_for_an_unused_one_on_request() {
    let world = World::imported();
    world.freeze();
    let expected = |steps| world.aws.code(&world.device.serial, world.aws.clock().step() + steps);
    let (began, shown) = (world.aws.clock().now(), |json: &serde_json::Value| {
        (json["code"].as_str().unwrap().to_owned(), json["used"].as_bool().unwrap())
    });
    assert_eq!(shown(&code(&world, &["--wait"]).0), (expected(0), false), "nothing to wait for");
    assert_eq!(shown(&code(&world, &[]).0), (expected(1), false));
    let (json, said) = code(&world, &[]);
    assert_eq!(shown(&json), (expected(0), true));
    insta::assert_snapshot!(said.lines().filter(|line| !line.starts_with("awsmfa")).collect::<Vec<_>>().join("\n"), @"
    warning: this code was already used or shown, and AWS accepts each code only once
    hint: get an unused code: `awsmfa code arn:aws:iam::123456789012:mfa/alice --wait`
    ");
    assert_eq!(world.aws.clock().now(), began);
    let (json, said) = code(&world, &["--wait"]);
    // The next code was shown already, so this is the one after it.
    assert_eq!(shown(&json), (expected(1), false));
    assert_eq!((world.aws.clock().now() - began).num_seconds(), 25);
    assert!(said.contains("waiting 25s for the next code"), "{said}");
}

#[test]
fn code_typed_elsewhere_counts_as_used() {
    let world = World::imported();
    world.freeze();
    let typed = world.aws.code_now(&world.device.serial);
    let ctx = world.in_process(0).ctx;
    let mut ledger = ctx.open_ledger(&world.device.serial.parse().unwrap()).unwrap();
    ledger.begin_try(&typed.parse().unwrap(), None, ctx.clock.now()).unwrap();
    drop(ledger);
    let (json, _) = code(&world, &[]);
    assert_ne!(json["code"], typed);
    assert_eq!(json["used"], false);
}

#[test]
fn device_is_found_by_name_or_label() {
    let home = Home::new(&FakeAws::start());
    let ran = home.awsmfa(["code"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: no device is stored here
    hint: enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`
    ");
    import(&home, SERIAL, RFC_SEED);
    import(&home, "arn:aws:iam::210987654321:mfa/alice", RFC_SEED);
    let ran = home.awsmfa(["code", "alice"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: several stored devices are named `alice`
    hint: choose a device by its ARN: arn:aws:iam::123456789012:mfa/alice
    hint: choose a device by its ARN: arn:aws:iam::210987654321:mfa/alice
    ");
    let ran = home.awsmfa(["code", "bob"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: no secret is stored for `bob`
    hint: list the devices: `awsmfa device list`
    ");
    home.awsmfa(["code", SERIAL]).run().success();
}

#[test]
fn secret_moves_to_another_store_only_if_the_store_works() {
    let world = World::imported();
    let args = ["device", "import", "-p", "dev", "--secret-stdin", "--store", "keyring"];
    world.home.awsmfa(args).stdin(&world.device.seed).run().code(5);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
}

/// The person may need the code to repair the computer. awsmfa sends no code that it cannot record.
#[test]
#[cfg(target_os = "linux")]
fn full_or_read_only_disk_is_no_reason_to_withhold_a_code() {
    let world = World::imported();
    let said = |mount: &str| {
        let script = format!(
            "{mount} || exit 99
            echo mounted
            \"$0\" code && \"$0\" code --pair -q || exit 98
            \"$0\" code -q; \"$0\" login -p dev -q"
        );
        let run = world.home.awsmfa([""; 0]);
        let ran = run.under("unshare", &["--map-root-user", "--mount", "/bin/sh", "-c", &script]).run();
        if !ran.out().starts_with("mounted\n") {
            crate::support::skipped(&format!("permission to mount: {}", ran.err()));
            return None;
        }
        let out = ran.out();
        assert!(matches!(ran.exit_code(), Some(1 | 3)), "{}", ran.err());
        let codes: Vec<&str> = out.lines().skip(1).collect();
        assert!(codes.len() == 4 && codes.iter().all(|code| code.len() == 6), "{out}");
        assert!(world.aws.requests().is_empty(), "a code was sent");
        let valid = regex::Regex::new(r"valid for \d+ s").unwrap();
        Some(valid.replace_all(&ran.err(), "valid for [N] s").into_owned())
    };
    let full = "mkdir -p .local/state && mount -t tmpfs -o size=16k,mode=700 none .local/state \
                && head -c 16384 /dev/zero >.local/state/full";
    if let Some(said) = said(full) {
        insta::assert_snapshot!(said, @"
        warning: could not record that this code was shown, so the same code may be shown again: cannot write `~/.local/state/awsmfa/ledgers/fb6f2fd2cb1cfddde47ea7665d4d3c4d.json`: No space left on device (os error [N])
        hint: free some space: `df -h ~/.local/state/awsmfa/ledgers`
        awsmfa: code for `arn:aws:iam::123456789012:mfa/alice`, valid for [N] s
        error: cannot write `~/.local/state/awsmfa/ledgers/fb6f2fd2cb1cfddde47ea7665d4d3c4d.json`: No space left on device (os error [N])
        hint: free some space: `df -h ~/.local/state/awsmfa/ledgers`
        ");
    }
    if let Some(said) = said("mount --bind . . && cd . && mount -o remount,bind,ro .") {
        insta::assert_snapshot!(said, @"
        warning: could not record that this code was shown, so the same code may be shown again: cannot create `~/.local/state/awsmfa/ledgers`: Read-only file system (os error [N])
        hint: check how the disk is mounted: `findmnt --target ~/.local/state/awsmfa`
        awsmfa: code for `arn:aws:iam::123456789012:mfa/alice`, valid for [N] s
        error: ~/.aws/credentials cannot be replaced: cannot create a file in its folder: Read-only file system (os error [N])
        hint: check the owner and permissions: `ls -ld ~/.aws/credentials ~/.aws`
        ");
    }
}
