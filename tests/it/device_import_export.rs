//! `device import` from other apps: Google Authenticator's QR codes, and the files of Aegis, 2FAS, andOTP and Bitwarden.

use prost::Message;

use crate::support::World;
use crate::support::in_process::Typist;
use crate::support::pictures::{code, uri};

#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(message, repeated, tag = "1")]
    accounts: Vec<Parameters>,
    #[prost(int32, tag = "2")]
    version: i32,
    #[prost(int32, tag = "3")]
    batch_size: i32,
    #[prost(int32, tag = "4")]
    batch_index: i32,
    #[prost(int32, tag = "5")]
    batch_id: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Parameters {
    #[prost(bytes = "vec", tag = "1")]
    secret: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    issuer: String,
    #[prost(int32, tag = "4")]
    algorithm: i32,
    #[prost(int32, tag = "5")]
    digits: i32,
    #[prost(int32, tag = "6")]
    kind: i32,
}

fn account(issuer: &str, name: &str, secret: &str) -> Parameters {
    let (issuer, name) = (issuer.to_owned(), name.to_owned());
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap().as_bytes().to_vec();
    Parameters { secret, name, issuer, algorithm: 1, digits: 1, kind: 2 }
}

/// One of the QR codes that Google Authenticator shows.
fn part(index: i32, size: i32, accounts: &[Parameters]) -> String {
    let payload = Payload {
        accounts: accounts.to_vec(),
        version: 2,
        batch_size: size,
        batch_index: index,
        batch_id: -1_234_567,
    };
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut data = String::new();
    for chunk in payload.encode_to_vec().chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let letter = |at: usize| char::from(letters[(bits >> (18 - 6 * at) & 63) as usize]);
        data.extend((0..=chunk.len()).map(letter));
        data.extend((chunk.len()..3).map(|_| '='));
    }
    let data = data.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("otpauth-migration://offline?data={data}")
}

const GITHUB: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A world with two devices in AWS, and an export of three parts with both.
fn exported() -> (World, String, [String; 3]) {
    let world = World::new();
    world.aws.add_user("bob");
    let bob = world.aws.add_device("bob", "bob").seed;
    let aws = |name: &str, seed: &str| account("Amazon Web Services", &format!("{name}@123456789012"), seed);
    let parts = [
        part(0, 3, &[account("GitHub", "alice", GITHUB), aws("alice", &world.device.seed)]),
        part(1, 3, &[aws("bob", &bob)]),
        part(2, 3, &[account("Example", "alice@example.com", GITHUB)]),
    ];
    for (name, text) in ["1.png", "2.png", "3.png"].iter().zip(&parts) {
        world.picture(name, &code(text, 3));
    }
    (world, bob, parts)
}

#[test]
fn parts_of_a_google_export_are_imported_in_any_order() {
    let (world, bob, _) = exported();
    let import = ["device", "import", "--google-export"];
    let ran = world.home.awsmfa(import).arg("3.png").arg("1.png").arg("2.png").run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/bob` in the file store; the ARN is derived from the account's name; not verified, because no profile with keys uses this device
    hint: import a secret again with `--serial ARN` if its ARN is wrong
    hint: delete the pictures, because anyone who has them can generate your codes: `rm 3.png 1.png 2.png`
    ");
    assert_eq!((world.stored("alice"), world.stored("bob")), (world.device.seed.clone(), bob));
}

#[test]
fn missing_parts_of_a_google_export_are_listed() {
    let (world, _, _) = exported();
    let ran = world.home.awsmfa(["device", "import", "--google-export", "2.png"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: the Google Authenticator export has 3 QR codes, and some are missing: 1, 3
    hint: add the pictures of all QR codes, in any order: `--google-export FILE FILE …`
    ");
    world.picture("4.png", &code(&uri("alice@123456789012", &world.device.seed), 3));
    let ran = world.home.awsmfa(["device", "import", "--google-export", "4.png"]).run().code(2);
    assert!(ran.err().starts_with("error: the QR code in 4.png has no part of a Google"), "{}", ran.err());
    world.picture("5.png", &code("otpauth-migration://offline?data=ICEK", 4));
    let ran = world.home.awsmfa(["device", "import", "--image", "5.png"]).run().code(2);
    assert!(ran.err().starts_with("error: the QR code of the Google Authenticator export is damaged"));
    assert!(world.nothing_is_stored());
}

#[test]
fn google_export_is_read_wherever_a_uri_is() {
    let (world, _, parts) = exported();
    for flag in ["--uri-stdin", "--secret-stdin"] {
        let args = ["device", "import", "--profile", "dev", flag];
        let ran = world.home.awsmfa(args).stdin(&parts.join("\n")).run().success();
        assert!(ran.err().contains("AWS accepts its codes"), "{}", ran.err());
        assert!(!ran.err().contains("mfa/bob"), "only the profile's device: {}", ran.err());
    }
    world.freeze();
    let typist = Typist::new(&[&parts.join(" \"\" ")]);
    let (result, err) = world.import_with(typist, &["--profile", "dev"]);
    assert!(result.is_ok() && err.contains("AWS accepts its codes"), "{result:?} {err}");
    assert_eq!(world.stored("alice"), world.device.seed);
}

/// What the apps export, as in their documentation and test data.
fn export(app: &str, seed: &str) -> String {
    let template = match app {
        "aegis" => {
            r#"{
    "version": 1,
    "header": {"slots": null, "params": null},
    "db": {
        "version": 3,
        "entries": [
            {"type": "totp", "uuid": "3ae6f1ad-2e65-4ed2-a953-1ec0dff2386d", "name": "alice", "issuer": "GitHub", "note": "", "favorite": false,
             "icon": null, "info": {"secret": "GITHUB", "algo": "SHA1", "digits": 6, "period": 30}, "groups": []},
            {"type": "totp", "uuid": "84b55971-a3d2-4173-a5bb-0aea113dbc17", "name": "alice@123456789012", "issuer": "Amazon Web Services", "note": "",
             "favorite": false, "icon": null, "info": {"secret": "SEED", "algo": "SHA1", "digits": 6, "period": 30}, "groups": []},
            {"type": "hotp", "uuid": "0a8c0571-ff6f-4b02-aa4b-50553b4fb4fe", "name": "old", "issuer": "AWS", "note": "", "favorite": false,
             "icon": null, "info": {"secret": "GITHUB", "algo": "SHA1", "digits": 6, "counter": 1}, "groups": []},
            {"type": "steam", "uuid": "5b11ae3b-6fc3-4d46-8ca7-cf0aea7de920", "name": "Sophia", "issuer": "Steam", "note": "", "favorite": false,
             "icon": null, "info": {"secret": "GITHUB", "algo": "SHA1", "digits": 5, "period": 30}, "groups": []}
        ],
        "groups": []
    }
}"#
        }
        "2fas" => {
            r#"{"services": [
  {"name": "Amazon", "secret": "SEED", "updatedAt": 1704874073731,
   "otp": {"link": "otpauth://totp/x", "label": "Amazon Web Services:alice@123456789012", "account": "alice@123456789012", "issuer": "Amazon Web Services",
           "digits": 6, "period": 30, "algorithm": "SHA1", "tokenType": "TOTP", "source": "Link"},
   "order": {"position": 0}, "icon": {"selected": "Label", "label": {"text": "AM", "backgroundColor": "Orange"}}},
  {"name": "Deno", "secret": "GITHUB", "otp": {"account": "Mason", "issuer": "Deno", "digits": 8, "tokenType": "TOTP", "source": "Manual"}, "order": {"position": 1}}
 ], "groups": [], "updatedAt": 1704874073800, "schemaVersion": 4, "appVersionCode": 5000018, "appVersionName": "5.0.1", "appOrigin": "android"}"#
        }
        "andotp" => {
            r#"[{"secret":"GITHUB","issuer":"Deno","label":"Mason","digits":6,"type":"TOTP","algorithm":"SHA1","thumbnail":"Default","last_used":1608146844162,"used_frequency":0,"period":30,"tags":[]},
{"secret":"SEED","issuer":"Amazon Web Services","label":"alice@123456789012","digits":6,"type":"TOTP","algorithm":"SHA1","thumbnail":"Amazon","last_used":1608146848740,"used_frequency":2,"period":30,"tags":["work"]},
{"secret":"GITHUB","issuer":"Boeing","label":"Sophia","digits":5,"type":"STEAM","algorithm":"SHA1","thumbnail":"Default","last_used":1608146877325,"used_frequency":0,"tags":[]}]"#
        }
        "bitwarden" => {
            r#"{"encrypted": false, "folders": [], "items": [
  {"id": "ffdea2cc-923d-47a0-be99-ae7800fd51e4", "organizationId": null, "folderId": null, "type": 1, "name": "AWS console", "notes": null, "favorite": false,
   "login": {"uris": [{"match": null, "uri": "https://console.aws.amazon.com"}], "username": "alice", "password": "hunter2",
             "totp": "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=SEED&issuer=Amazon%20Web%20Services"}, "collectionIds": null},
  {"id": "0f954b25-dbe9-4b38-b8ff-ae7800fd784d", "type": 2, "name": "a note", "notes": "x", "secureNote": {"type": 0}},
  {"id": "eb10632a-3bfd-40cd-9e4c-8c01c020b944", "type": 1, "name": "Steam", "login": {"username": null, "password": null, "totp": "steam://GITHUB"}}
]}"#
        }
        _ => unreachable!(),
    };
    template.replace("SEED", seed).replace("GITHUB", GITHUB)
}

#[test]
fn exports_of_other_apps_are_imported() {
    for app in ["aegis", "2fas", "andotp", "bitwarden"] {
        let world = World::new();
        world.home.write("export.json", &export(app, &world.device.seed));
        let ran = world.home.awsmfa(["device", "import", "--export", "export.json"]).run().success();
        let stored = "stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes";
        assert!(ran.err().contains(stored), "{app}: {}", ran.err());
        assert!(ran.err().contains("hint: delete export.json"), "{app}: {}", ran.err());
        let skipped = "warning: skipped `AWS:old`: this account is of type `hotp`";
        assert_eq!(ran.err().contains(skipped), app == "aegis", "{app}: {}", ran.err());
        assert_eq!(world.stored("alice"), world.device.seed, "{app}");
        assert!(world.home.join("export.json").exists(), "it belongs to the person");
    }
}

#[test]
fn rejected_secret_of_an_export_is_not_stored() {
    let world = World::new();
    world.home.write("export.json", &export("andotp", GITHUB));
    let ran = world.home.awsmfa(["device", "import", "--export", "export.json"]).run().code(4);
    assert!(ran.err().starts_with("error: AWS rejects the codes"), "{}", ran.err());
    assert!(world.nothing_is_stored() && !ran.err().contains("hint: delete"));
}

#[test]
fn files_that_are_no_plain_exports_are_errors() {
    let world = World::new();
    let aegis = r#"{"version": 1, "header": {"slots": [{"type": 1, "key": "aa"}], "params": {"nonce": "aa", "tag": "bb"}}, "db": "c2VjcmV0"}"#;
    let whole = export("2fas", &world.device.seed);
    for (text, message) in [
        (aegis, "it is an encrypted export of Aegis\nhint: export again in Aegis"),
        (
            r#"{"services": [], "servicesEncrypted": "YQ==:YQ==:YQ==", "schemaVersion": 4}"#,
            "it is an encrypted export of 2FAS\nhint: export again in 2FAS",
        ),
        (
            r#"{"encrypted": true, "passwordProtected": true, "salt": "x", "data": "2.a|b|c"}"#,
            "it is an encrypted export of Bitwarden\nhint: export again in Bitwarden",
        ),
        (r#"{"encrypted": false, "items": []}"#, "it has no account with a secret key"),
        (
            r#"{"db": {"version": 3, "entries": {}}}"#,
            "it looks like an export of Aegis, but is damaged or in another format",
        ),
        (&whole[..whole.len() / 2], "it is not an export of Aegis, 2FAS, andOTP or Bitwarden"),
        ("\u{0}\u{1}", "it is not an export of Aegis, 2FAS, andOTP or Bitwarden"),
        // A list of URIs is an export, but not with something else around them.
        (&format!("{{\"x\": \"{}\"", uri("alice@123456789012", GITHUB)), "it is not an export of Aegis"),
    ] {
        world.home.write("export.json", text);
        let ran = world.home.awsmfa(["device", "import", "--export", "export.json"]).run().code(2);
        let expected = format!("error: cannot read the export export.json: {message}");
        assert!(ran.err().starts_with(&expected), "{text}: {}", ran.err());
        assert!(world.nothing_is_stored());
    }
}

#[test]
fn secrets_of_another_tool_are_moved_and_its_file_is_deleted_on_request() {
    let world = World::new();
    world.freeze();
    let text = format!("secrets:\n- profile: dev\n  value: {}\n", world.device.seed);
    world.home.write(".aws/awsmfa.yml", &text);
    let path = world.home.join(".aws/awsmfa.yml");
    // Without a terminal, and if it is not verified, it stays.
    let args = ["device", "import", "--no-verify", "--export", ".aws/awsmfa.yml"];
    let ran = world.home.awsmfa(args).run().success();
    assert!(ran.err().contains("hint: delete .aws/awsmfa.yml"), "{}", ran.err());
    let typist = Typist::new(&[]);
    let args = ["--no-verify", "--export", path.to_str().unwrap()];
    world.import_with(typist.clone(), &args).0.unwrap();
    assert!(typist.seen().is_empty() && path.exists(), "{:?}", typist.seen());
    let typist = Typist::new(&[]);
    world.import_with(typist.clone(), &args[1..]).0.unwrap();
    assert!(
        typist.seen()[0].ends_with(".aws/awsmfa.yml, which has the secrets in the clear?"),
        "{:?}",
        typist.seen()
    );
    assert!(!path.exists());
    assert_eq!(world.stored("alice"), world.device.seed);
}

/// Deleting it would lose a secret, or would not delete any.
#[test]
fn file_of_another_tool_is_kept_if_it_was_not_read_completely_or_is_a_link() {
    let world = World::new();
    world.freeze();
    let entry = format!("- profile: dev\n  value: {}\n", world.device.seed);
    world.home.write("part.yml", &format!("secrets:\n{entry}- value: {GITHUB}\n"));
    let ran = world.home.awsmfa(["device", "import", "--export", "part.yml"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: cannot read the export part.yml: it is not an export of Aegis, 2FAS, andOTP or Bitwarden
    hint: write each entry of `secrets` as a `profile` and a `value`, or import one secret key: `awsmfa device import --profile NAME`
    ");
    world.home.write("dotfiles/awsmfa.yml", &format!("secrets:\n{entry}"));
    let link = world.home.join("awsmfa.yml");
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink("dotfiles/awsmfa.yml", &link).unwrap();
        let typist = Typist::new(&[]);
        world.import_with(typist.clone(), &["--export", link.to_str().unwrap()]).0.unwrap();
        assert!(typist.seen().is_empty() && link.exists(), "{:?}", typist.seen());
    }
}

#[test]
fn google_export_without_accounts_and_endless_input_are_errors() {
    let world = World::new();
    let run = |text: &str| {
        world.home.awsmfa(["device", "import", "--uri-stdin", "-p", "dev"]).stdin(text).run().code(2).err()
    };
    for data in ["", "EAE%3D"] {
        let err = run(&format!("otpauth-migration://offline?data={data}"));
        assert!(err.starts_with("error: the Google Authenticator export has no accounts\n"), "{err}");
    }
    let err = run(&"x".repeat(1024 * 1024 + 1));
    assert!(err.starts_with("error: standard input is larger than 1 MiB\n"), "{err}");
}

#[test]
fn name_of_two_accounts_chooses_neither() {
    let world = World::new();
    let title = "Amazon Web Services:alice@123456789012";
    let texts = [uri("alice@123456789012", GITHUB), uri("alice@123456789012", &world.device.seed)].join("\n");
    let import = ["device", "import", "--no-verify", "--uri-stdin", "--account", title];
    let ran = world.home.awsmfa(import).stdin(&texts).run().code(2);
    assert!(ran.err().starts_with(&format!("error: several accounts match `{title}`: ")), "{}", ran.err());
    assert!(ran.err().contains("\nhint: import only the account that is in use"), "{}", ran.err());
    assert!(world.nothing_is_stored());
}

#[test]
#[cfg(all(unix, not(target_os = "macos")))]
fn clipboard_without_a_display_is_an_error() {
    let world = World::new();
    let ran = world.home.awsmfa(["device", "import", "--clipboard"]).run().code(1);
    insta::assert_snapshot!(ran.err(), @"
    error: cannot read the clipboard: there is no display here
    hint: save the QR code as a picture and import that: `awsmfa device import --image FILE`
    ");
}

#[test]
fn uri_with_the_name_of_its_device_needs_no_profile() {
    let world = World::new();
    world.aws.add_user("bob");
    let bob = world.aws.add_device("bob", "bob");
    let text = uri("bob@123456789012", &bob.seed);
    world.home.awsmfa(["device", "import", "--uri-stdin"]).stdin(&text).run().success();
    assert_eq!(world.stored("bob"), bob.seed);
}

/// Aegis and Ente Auth can export one, too.
#[test]
fn list_of_uris_is_an_export() {
    for start in ["", "\u{feff}\r\n"] {
        let world = World::new();
        let aws = uri("alice@123456789012", &world.device.seed);
        let github = format!("otpauth://totp/GitHub:alice?secret={GITHUB}&issuer=GitHub");
        world.home.write("uris.txt", &format!("{start}{github}\r\n{aws}\r\n"));
        let ran = world.home.awsmfa(["device", "import", "--export", "uris.txt"]).run().success();
        assert!(ran.err().contains("\nhint: delete uris.txt once"), "{}", ran.err());
        assert_eq!(world.stored("alice"), world.device.seed);
    }
}

#[test]
fn account_whose_name_shows_no_device_needs_one() {
    let world = World::new();
    let aws = uri("alice@123456789012", &world.device.seed);
    let renamed = format!("otpauth://totp/AWS:work?secret={GITHUB}&issuer=AWS");
    world.home.write("uris.txt", &format!("{aws}\n{renamed}\n"));
    let ran = world.home.awsmfa(["device", "import", "--export", "uris.txt"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    error: `AWS:work` does not contain the number of its AWS account
    hint: add the device's ARN: `awsmfa device import --serial ARN --account AWS:work --export uris.txt`
    hint: or choose the profile that uses the device: `--profile NAME`
    error: imported 1 of 2 accounts
    ");
    assert_eq!(world.stored("alice"), world.device.seed);
    // The default profile's device is the one that is meant.
    let world = World::new();
    world.home.write(".aws/config", &world.home.read(".aws/config").replace("[profile dev]", "[default]"));
    world.home.write(".aws/credentials", &world.home.read(".aws/credentials").replace("[dev]", "[default]"));
    let renamed = renamed.replace(GITHUB, &world.device.seed);
    let ran = world.home.awsmfa(["device", "import", "--uri-stdin"]).stdin(&renamed).run().success();
    assert!(ran.err().contains("AWS accepts its codes"), "{}", ran.err());
}
