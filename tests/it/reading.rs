//! AWS files that SDKs read differently: the requested profile is read as in the AWS CLI, bad lines of other profiles
//! do not matter, and an edit is made in place or refused with a line number.

use crate::support::World;

/// A world with a stored secret and with another form of the `[profile dev]` header in the config file.
fn with_header(header: &str) -> World {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    assert!(config.contains("[profile dev]"), "{config}");
    world.home.write_config(&config.replace("[profile dev]", header));
    world
}

#[test]
fn quoted_header_is_edited_in_place() {
    for header in ["[profile 'dev']", "[profile \"dev\"]"] {
        let world = World::new();
        let import = ["device", "import", "--serial", &world.device.serial, "--secret-stdin"];
        world.home.awsmfa(import).stdin(&world.device.seed).run().success();
        let config = format!("{header}\nregion = eu-west-3\n[profile b]\nregion = x\n");
        world.home.write_config(&config);
        world.home.awsmfa(["login", "--profile", "dev"]).run().success();
        let serial = format!("eu-west-3\nmfa_serial = {}\n", world.device.serial);
        assert_eq!(world.home.read(".aws/config"), config.replace("eu-west-3\n", &serial));
    }
}

#[test]
fn quoted_name_with_spaces_is_read() {
    let world = with_header("[profile \"my profile\"]");
    world.home.write_credentials(&world.home.credentials().replace("[dev]", "[my profile]"));
    world.home.awsmfa(["credential-process", "--profile", "my profile"]).run().success();
    let ran = world.home.awsmfa(["login", "--profile", "my profile"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: ~/.aws/credentials: `my profile-long-term` is not a valid name in an AWS file
    hint: rename the profile: names can only contain letters, digits and `_-/.%@:+`
    hint: or write the session to another profile: `awsmfa login --profile 'my profile' --output-profile my-profile-mfa`
    ");
    let ran = world.home.awsmfa(["login", "--profile", "my profil"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: no profile `my profil` in ~/.aws/config or ~/.aws/credentials
    hint: did you mean `--profile 'my profile'`?
    ");
}

/// A bad block before and after the profile, in both files.
#[test]
fn bad_blocks_of_other_profiles_do_not_matter() {
    let named = regex::Regex::new("cannot be edited safely: .*lines? [1-3]").unwrap();
    for bad in [
        "[profile other]\n    region = eu-west-1\n",
        "[profile other]\nword\n",
        "[profile other]\ns3 =\n  word\n",
        "[profile other\nregion = eu-west-1\n",
        "[profile other] and more\nregion = eu-west-1\n",
        "[profile other]\nregion: eu-west-1\n",
        "[profile other]\nregion = a\nregion = b\n",
        "[profile other]\n[profile other]\n",
        "[profile other]\n# \u{0}\n",
        "[profile other]\r# mac\r",
    ] {
        let world = World::imported();
        let around = |text: &str| format!("{bad}{text}{}", bad.replace("other", "third"));
        world.home.write_config(&around(&world.home.read(".aws/config")));
        world.home.write_credentials(&around(&world.home.credentials()).replace("profile ", ""));
        let before = (world.home.read(".aws/config"), world.home.credentials());
        let ran = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
        assert_eq!(ran.err(), "", "{bad}");
        let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().code(3);
        assert!(named.is_match(&ran.err()), "{bad}: {}", ran.err());
        assert_eq!((world.home.read(".aws/config"), world.home.credentials()), before, "{bad}");
    }
}

#[test]
fn bad_blocks_are_listed_with_verbose() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile other]\n  region = a\n  region = b\n[profile third]\nword\n"
    ));
    let ran = world.home.awsmfa(["-v", "credential-process", "--profile", "dev"]).run().success();
    let lines: Vec<String> =
        ran.err().lines().filter(|line| line.starts_with("awsmfa: ~/.aws/")).map(str::to_owned).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    awsmfa: ~/.aws/config: line 5: an indented line without a setting above it
    awsmfa: ~/.aws/config: line 8: no `=` between key and value
    awsmfa: ~/.aws/config: `region` appears twice in section [profile other], on lines 5 and 6
    ");
}

#[test]
fn bad_line_in_a_referenced_section_is_an_error() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    let role = "role_arn = arn:aws:iam::123456789012:role/x\n";
    for (more, profile) in [
        (
            format!("[profile a]\n{role}source_profile = b\n[profile b]\n{role}source_profile = dev\nword\n"),
            "a",
        ),
        (
            "[profile a]\nservices = local\nsource_profile = dev\n[services local]\nsts =\n  word\n"
                .to_owned(),
            "a",
        ),
        ("[profile dev-long-term]\nword\n".to_owned(), "dev"),
    ] {
        world.home.write_config(&format!("{config}{more}"));
        let bad = format!("{config}{more}").lines().count();
        let ran = world.home.awsmfa(["credential-process", "--profile", profile]).run().code(3);
        assert!(
            ran.err().contains(&format!("config, line {bad}: no `=` between key and value")),
            "{}",
            ran.err()
        );
    }
    assert!(world.aws.requests().is_empty(), "a code was used");
}

#[test]
fn section_that_is_not_a_profile_is_reported() {
    let world = World::new();
    let (config, credentials) = (world.home.read(".aws/config"), world.home.credentials());
    let refused = |config: &str, credentials: &str, profile: &str| {
        world.home.write_config(config);
        world.home.write_credentials(credentials);
        world.home.awsmfa(["login", "--profile", profile]).run().code(3).err()
    };
    let bare = config.replace("[profile dev]", "[dev]");
    insta::assert_snapshot!(refused(&bare, "", "dev"), @r"
    error: the AWS SDKs do not read section [dev] as a profile (~/.aws/config:1)
    hint: rename the section to [profile dev]: `perl -pi -e 's/^\[.*?\]/[profile dev]/ if $. == 1' ~/.aws/config`
    ");
    let prefixed = credentials.replace("[dev]", "\n[profile dev]");
    insta::assert_snapshot!(refused("", &prefixed, "dev"), @r"
    error: the AWS SDKs do not read section [profile dev] as a profile (~/.aws/credentials:2)
    hint: rename the section to [dev]: `perl -pi -e 's/^\[.*?\]/[dev]/ if $. == 2' ~/.aws/credentials`
    ");
    let odd = config.replace("[profile dev]", "[profile my dev]");
    insta::assert_snapshot!(refused(&odd, "", "my dev"), @"
    error: the AWS SDKs do not read section [profile my dev] as a profile (~/.aws/config:1)
    hint: rename the profile: names can only contain letters, digits and `_-/.%@:+`
    ");
    insta::assert_snapshot!(refused("", &credentials.replace("[dev]", "[d\u{e9}v]"), "d\u{e9}v"), @"
    error: the AWS SDKs do not read section [dév] as a profile (~/.aws/credentials:1)
    hint: rename the profile: names can only contain letters, digits and `_-/.%@:+`
    ");
    assert!(world.aws.requests().is_empty());
}
