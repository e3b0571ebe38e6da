//! `device import`: whose secret it is. An account is checked in the same way wherever it comes from.

use fake_aws::FakeAws;

use crate::support::in_process::Typist;
use crate::support::pictures::{code, uri};
use crate::support::{Home, OTHER_SECRET, World};

const PROFILE: [&str; 3] = ["--profile", "dev", "--no-verify"];

/// Imports an account from standard input, from a picture, and at the prompt of a person who says yes to every question.
/// Returns the errors of the first two, and what the person saw.
fn from_everywhere(world: &World, text: &str, options: &[&str]) -> (Vec<String>, Vec<String>) {
    let import = || world.home.awsmfa(["device", "import"]).args(options);
    world.picture("qr.png", &code(text, 3));
    let runs = [
        import().arg("--uri-stdin").stdin(text).run(),
        import().arg("--secret-stdin").stdin(&format!("the code: {text}\n")).run(),
        import().args(["--image", "qr.png"]).run(),
    ];
    let errors = runs.map(|ran| ran.code(2).err()).into();
    assert!(world.nothing_is_stored());
    world.freeze();
    let typist = Typist::new(&[text]);
    world.import_with(typist.clone(), options).0.unwrap();
    (errors, typist.seen())
}

#[test]
fn account_of_another_issuer_is_noticed_wherever_it_comes_from() {
    let world = World::new();
    let github = format!("otpauth://totp/GitHub:alice?secret={OTHER_SECRET}&issuer=GitHub");
    let (errors, seen) = from_everywhere(&world, &github, &PROFILE);
    for error in errors {
        assert!(error.starts_with("error: `GitHub:alice` was not issued by AWS\nhint: "), "{error}");
    }
    assert_eq!(
        seen,
        [
            "secret key of `arn:aws:iam::123456789012:mfa/alice`:",
            "`GitHub:alice` was not issued by AWS; import it?"
        ]
    );
}

#[test]
fn account_of_another_device_is_noticed_wherever_it_comes_from() {
    for label in ["bob@123456789012", "bob@my-company"] {
        let world = World::new();
        let (errors, seen) = from_everywhere(&world, &uri(label, OTHER_SECRET), &PROFILE);
        for error in &errors {
            let expected = format!(
                "error: `Amazon Web Services:{label}` is for device `bob`, not for `arn:aws:iam::123456789012:mfa/alice`\n"
            );
            assert!(error.starts_with(&expected), "{error}");
        }
        let anyway = format!(
            "`Amazon Web Services:{label}` is for device `bob`, not for `arn:aws:iam::123456789012:mfa/alice`; import it anyway?"
        );
        assert_eq!(seen[1..], [anyway]);
    }
}

#[test]
fn account_in_another_aws_account_is_rejected_wherever_it_comes_from() {
    let world = World::new();
    let text = uri("alice@999999999999", OTHER_SECRET);
    for flag in ["--uri-stdin", "--secret-stdin"] {
        let ran = world.home.awsmfa(["device", "import", flag]).args(PROFILE).stdin(&text).run().code(2);
        let expected =
            "error: `Amazon Web Services:alice@999999999999` is in a different AWS account than `arn:aws:";
        assert!(ran.err().starts_with(expected), "{}", ran.err());
    }
    world.freeze();
    let (result, _) = world.import_with(Typist::new(&[&text]), &PROFILE);
    assert!(result.unwrap_err().contains("is in a different AWS account than"));
    assert!(world.nothing_is_stored());
}

#[test]
fn label_is_overridden_by_the_arn_or_by_yes_with_a_warning() {
    for option in ["--serial=arn:aws:iam::123456789012:mfa/alice", "--yes"] {
        let world = World::new();
        let import = world.home.awsmfa(["device", "import", "--uri-stdin", option]).args(PROFILE);
        let ran = import.stdin(&uri("bob@123456789012", OTHER_SECRET)).run().success();
        let warning = "warning: `Amazon Web Services:bob@123456789012` is for device `bob`, not for `arn:aws:iam::123456789012:mfa/alice`\n";
        assert!(ran.err().starts_with(warning), "{}", ran.err());
        assert_eq!(world.stored("alice"), OTHER_SECRET);
    }
    // The hint can be pasted.
    let world = World::new();
    let text = uri("bob@123456789012", OTHER_SECRET);
    let import = world.home.awsmfa(["device", "import", "--uri-stdin"]).args(PROFILE);
    insta::assert_snapshot!(import.stdin(&text).run().code(2).err(), @"
    error: `Amazon Web Services:bob@123456789012` is for device `bob`, not for `arn:aws:iam::123456789012:mfa/alice`
    hint: import the secret for this device anyway: `… | awsmfa device import --profile dev --serial arn:aws:iam::123456789012:mfa/alice --uri-stdin --no-verify`
    hint: or import the secret for another device: `--serial ARN`
    ");
}

#[test]
fn secret_key_alone_needs_no_name() {
    let world = World::new();
    for (flag, text) in [
        ("--secret-stdin", world.device.seed.clone()),
        ("--uri-stdin", format!("otpauth://totp/?secret={}", world.device.seed)),
        ("--uri-stdin", format!("otpauth://totp/alice?secret={}", world.device.seed)),
        ("--uri-stdin", format!("otpauth://totp/aws%20work?secret={}", world.device.seed)),
    ] {
        world.home.awsmfa(["device", "import", "--profile", "dev", flag]).stdin(&text).run().success();
        assert_eq!(world.stored("alice"), world.device.seed, "{text}");
    }
}

#[test]
fn account_without_a_known_device_stops_no_other_account() {
    let world = World::new();
    world.picture("alice.png", &world.own_code(3));
    world.picture("alias.png", &code(&uri("carol@my-company", OTHER_SECRET), 3));
    let import = ["device", "import", "--no-verify", "--image", "alias.png", "alice.png"];
    let ran = world.home.awsmfa(import).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `Amazon Web Services:carol@my-company` does not contain the number of its AWS account
    hint: add the device's ARN: `awsmfa device import --serial ARN --account 'Amazon Web Services:carol@my-company' --image alias.png --image alice.png --no-verify`
    hint: or choose the profile that uses the device: `--profile NAME`
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store
    error: imported 1 of 2 accounts
    ");
    assert_eq!(world.stored("alice"), world.device.seed);
}

#[test]
fn two_secrets_for_one_device_stop_no_other_account() {
    let world = World::new();
    let texts = [
        uri("bob@123456789012", OTHER_SECRET),
        uri("bob@123456789012", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        uri("alice@123456789012", &world.device.seed),
    ];
    let import = world.home.awsmfa(["device", "import", "--uri-stdin"]).stdin(&texts.join("\n"));
    insta::assert_snapshot!(import.run().code(2).err(), @"
    error: `Amazon Web Services:bob@123456789012` and `Amazon Web Services:bob@123456789012` have different secrets for one device, `arn:aws:iam::123456789012:mfa/bob`
    hint: import only the account that is in use, such as from a picture of its QR code
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    error: imported 1 of 2 accounts
    ");
    assert_eq!(world.stored("alice"), world.device.seed);
    world.home.awsmfa(["device", "export", "bob", "--uri", "--yes"]).run().code(3);
}

#[test]
fn name_without_an_account_number_fits_only_one_known_device() {
    let world = World::new();
    world.home.write_config(&format!(
        "[profile dev]\nregion = eu-central-1\nmfa_serial = {}\n[profile other]\nmfa_serial = arn:aws:iam::999999999999:mfa/alice\n",
        world.device.serial
    ));
    let text = uri("alice@my-company", OTHER_SECRET);
    let import = || world.home.awsmfa(["device", "import", "--uri-stdin", "--no-verify"]).stdin(&text);
    insta::assert_snapshot!(import().env("AWS_PROFILE", "dev").run().code(2).err(), @"
    error: `Amazon Web Services:alice@my-company` could belong to several devices: `arn:aws:iam::123456789012:mfa/alice`, `arn:aws:iam::999999999999:mfa/alice`
    hint: choose a device: `… | awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --uri-stdin --no-verify`
    ");
    assert!(world.nothing_is_stored());
    import().args(["--profile", "other"]).run().success();
}

#[test]
fn arn_that_is_only_derived_from_a_name_is_marked_unless_aws_accepts_the_codes() {
    let world = World::new();
    let import = |text: &str, option: &str| {
        let ran = world.home.awsmfa(["device", "import", "--uri-stdin", option]).stdin(text).run();
        ran.success().err()
    };
    insta::assert_snapshot!(import(&uri("carol@999999999999", OTHER_SECRET), "-q"), @"");
    insta::assert_snapshot!(import(&uri("carol@999999999999", OTHER_SECRET), "--yes"), @"
    awsmfa: stored the secret of `arn:aws:iam::999999999999:mfa/carol` in the file store; not verified, because no profile with keys uses this device
    hint: awsmfa code --pair arn:aws:iam::999999999999:mfa/carol
    ");
    insta::assert_snapshot!(import(&uri("alice@my-company", &world.device.seed), "--no-verify"), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; the ARN is derived from the account's name
    hint: import a secret again with `--serial ARN` if its ARN is wrong
    hint: awsmfa setup --profile dev
    ");
    let err = import(&uri("alice@my-company", &world.device.seed), "--yes");
    assert!(err.contains("AWS accepts its codes") && !err.contains("derived"), "{err}");
}

#[test]
fn own_name_is_for_one_device() {
    let world = World::new();
    world.picture("alice.png", &world.own_code(3));
    world.picture("bob.png", &code(&uri("bob@123456789012", OTHER_SECRET), 3));
    let import = ["device", "import", "--label", "laptop", "--image", "alice.png", "bob.png"];
    insta::assert_snapshot!(world.home.awsmfa(import).run().code(2).err(), @"
    error: `--label` is for one device, and there are several: `Amazon Web Services:alice@123456789012`, `Amazon Web Services:bob@123456789012`
    hint: choose an account by its name: `awsmfa device import --label laptop --image alice.png --image bob.png --account 'Amazon Web Services:alice@123456789012'`
    ");
    assert!(world.nothing_is_stored());
    world.home.awsmfa(import).args(["--account", "alice"]).run().success();
}

#[test]
fn yes_answers_the_question_about_the_issuer_too() {
    let world = World::new();
    let text = format!("otpauth://totp/GitHub:alice?secret={}&issuer=GitHub", world.device.seed);
    let import = ["device", "import", "--profile", "dev", "--uri-stdin", "--yes"];
    world.home.awsmfa(import).stdin(&text).run().success();
    world.freeze();
    let path = world.picture("github.png", &code(&text, 3));
    let typist = Typist::new(&[]);
    let args = ["--profile", "dev", "--yes", "--no-verify", "--image", path.to_str().unwrap()];
    world.import_with(typist.clone(), &args).0.unwrap();
    assert!(typist.seen().is_empty(), "{:?}", typist.seen());
}

#[test]
fn profile_chooses_among_several_accounts_without_a_list() {
    let world = World::new();
    world.freeze();
    let texts = [
        uri("bob@123456789012", OTHER_SECRET),
        uri("alice@123456789012", &world.device.seed),
        "otpauth://totp/GitHub:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned(),
    ];
    let path = world.picture("qr.png", &code(&texts.join("\n"), 3));
    let typist = Typist::new(&[]);
    world.import_with(typist.clone(), &["--profile", "dev", "--image", path.to_str().unwrap()]).0.unwrap();
    assert!(typist.seen().is_empty(), "{:?}", typist.seen());
    assert_eq!(world.stored("alice"), world.device.seed);
}

#[test]
fn keys_in_the_environment_verify_a_device_given_by_its_arn() {
    let aws = FakeAws::start();
    aws.add_user("alice");
    aws.add_user("bob");
    let (key, device) = (aws.add_access_key("alice"), aws.add_device("alice", "alice"));
    let bobs = aws.add_device("bob", "bob");
    let mut home = Home::new(&aws);
    home.set_keys(&key);
    let import = |serial: &str, secret: &str| {
        home.awsmfa(["device", "import", "--secret-stdin", "--serial", serial]).stdin(secret).run()
    };
    let ran = import(&device.serial, OTHER_SECRET).code(4);
    assert!(ran.err().starts_with("error: AWS rejects the codes"), "{}", ran.err());
    let ran = import(&device.serial, &device.seed).success();
    assert!(ran.err().contains("; AWS accepts its codes"), "{}", ran.err());
    // Other people's devices cannot be verified with these keys.
    let ran = import(&bobs.serial, &bobs.seed).success();
    assert!(
        ran.err().contains("not verified, because no profile with keys uses this device"),
        "{}",
        ran.err()
    );
    let sessions = aws.requests_for("GetSessionToken").len();
    home.awsmfa(["login"]).run().success();
    assert_eq!(aws.requests_for("GetSessionToken").len(), sessions, "the session of the import is cached");
}

#[test]
fn keys_in_the_environment_are_all_that_an_import_needs() {
    let aws = FakeAws::start();
    aws.add_user("alice");
    let (key, device) = (aws.add_access_key("alice"), aws.add_device("alice", "alice"));
    let mut home = Home::new(&aws);
    home.set_keys(&key);
    let ran = home.awsmfa(["device", "import", "--secret-stdin"]).stdin(&device.seed).run().success();
    assert!(ran.err().contains("; AWS accepts its codes"), "{}", ran.err());
}

#[test]
fn person_learns_where_the_secret_still_is() {
    let world = World::new();
    world.picture("a screen.png", &world.own_code(3));
    let import = ["device", "import", "--image", "a screen.png"];
    insta::assert_snapshot!(world.home.awsmfa(import).run().success().err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    hint: delete the picture, because anyone who has it can generate your codes: `rm 'a screen.png'`
    hint: awsmfa setup --profile dev
    ");
    // Without its folder, this would be an option.
    world.picture("-r.png", &world.own_code(3));
    let ran = world.home.awsmfa(["device", "import", "--no-verify", "--image=-r.png"]).run().success();
    assert!(ran.err().contains("`rm ./-r.png`"), "{}", ran.err());
}

/// The hint is pasted, with the device's ARN.
#[test]
fn account_whose_name_begins_like_an_option_can_be_chosen() {
    let world = World::new();
    let uri = format!("otpauth://totp/-rf?secret={}&issuer=--yes", world.device.seed);
    world.home.write("uris.txt", &format!("{uri}\n"));
    let err = world.home.awsmfa(["device", "import", "--export", "uris.txt"]).run().code(2).err();
    let command = err.split('`').find(|part| part.starts_with("awsmfa device import")).unwrap();
    let words = shlex::split(command).unwrap();
    world.home.awsmfa(&words[1..]).args(["--serial", &world.device.serial]).run().success();
    assert_eq!(world.stored("alice"), world.device.seed);
}
