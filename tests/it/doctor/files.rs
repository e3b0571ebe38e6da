//! Faults in the AWS files.

use super::{add_config, add_credentials, assert_fixed, found, good, noted};

#[test]
fn lines_that_an_sdk_rejects_are_found() {
    let world = good();
    add_credentials(&world, "[dev]\nregion = eu-west-1\n[DEFAULT]\n  padded = 1\nnoequals");
    add_config(&world, "[profile a]\nregion: eu-west-1\n  x = 1");
    insta::assert_snapshot!(found(&world.home), @"
    error: the AWS CLI and boto3 cannot read ~/.aws/credentials: line 8: no `=` between key and value
      fix: fix that line; every line is `[section]`, `key = value` or `# comment`
    error: the AWS CLI and boto3 cannot read ~/.aws/credentials: section [dev] appears twice, on lines 1 and 4 (~/.aws/credentials:4)
      fix: merge the duplicates by hand; the AWS CLI cannot read the file as it is

    warning: ~/.aws/config: line 6: `:` where `=` is needed (the AWS CLI accepts `:`, most SDKs do not)
      fix: fix that line; every line is `[section]`, `key = value` or `# comment`
    warning: ~/.aws/config: line 7: an indented setting, which some SDKs read as part of the value above
      fix: remove the indentation
    warning: ~/.aws/credentials: line 7: an indented line without a setting above it
      fix: remove the indentation
    warning: ~/.aws/credentials: line 6: the AWS CLI applies [DEFAULT] to every profile; [default] is the default profile
      fix: rename the section to [default]
    warning: `region` of profile `a` is `eu-west-1\\nx = 1`, which is not a known AWS region (~/.aws/config:6)
      fix: aws configure set region REGION --profile a
    ");
}

#[test]
fn headers_that_sdks_ignore_are_found() {
    let world = good();
    add_config(&world, "[ops]\nregion = eu-west-1\n[plugins]\ncli = x");
    add_credentials(&world, "[profile web]\naws_access_key_id = AKIAX\naws_secret_access_key = s");
    insta::assert_snapshot!(found(&world.home), @r"
    warning: the AWS SDKs do not read section [ops] as a profile (~/.aws/config:5)
      fix: rename the section to [profile ops]: `perl -pi -e 's/^\[.*?\]/[profile ops]/ if $. == 5' ~/.aws/config`
    warning: the AWS SDKs do not read section [profile web] as a profile (~/.aws/credentials:4)
      fix: rename the section to [web]: `perl -pi -e 's/^\[.*?\]/[web]/ if $. == 4' ~/.aws/credentials`
    ");
}

#[test]
fn two_default_profiles_are_found() {
    let world = good();
    add_config(&world, "[default]\nregion = eu-west-1\n[profile default]\nregion = eu-west-2");
    insta::assert_snapshot!(found(&world.home), @"
    warning: ~/.aws/config: [default] and [profile default] are one profile, on lines 5 and 7, and tools differ in which they read (~/.aws/config:7)
      fix: merge the two sections by hand into [default]
    ");
}

#[test]
fn headers_that_the_aws_cli_does_not_find_are_found() {
    let world = good();
    add_config(&world, "[ profile web ]\nregion = eu-west-1");
    insta::assert_snapshot!(found(&world.home), @"
    warning: ~/.aws/config: line 5: the header of section [profile web] must be exactly `[profile web]` to be edited
      fix: correct the section header; a comment after the header needs a space before the `#`
    ");
}

#[test]
fn unreadable_files_are_found() {
    let world = good();
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    std::fs::create_dir(world.home.join(".aws/config")).unwrap();
    insta::assert_snapshot!(found(&world.home), @"
    error: ~/.aws/config is a folder
      fix: set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file
    ");
}

#[test]
#[cfg(unix)]
fn files_that_others_can_use_are_found_and_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = good();
    world.home.chmod(".aws/credentials", 0o644);
    world.home.chmod(".aws/config", 0o666);
    world.home.chmod(".aws", 0o777);
    insta::assert_snapshot!(found(&world.home), @"
    warning: `~/.aws/config` is writable by every user
      fix: make the file private: `chmod 600 ~/.aws/config`
    warning: `~/.aws` is writable by every user
      fix: make the folder private: `chmod 700 ~/.aws`
    warning: `~/.aws/credentials` is accessible to other users
      fix: make the file private: `chmod 600 ~/.aws/credentials`
    ");
    assert_fixed(&world.home);
    let mode = std::fs::metadata(world.home.join(".aws/credentials")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
#[cfg(unix)]
fn leftover_temp_files_are_found_and_removed() {
    use std::time::{Duration, SystemTime};
    let world = good();
    let left = |name: &str, hours: u64| {
        world.home.write(name, "keys");
        world.home.chmod(name, 0o600);
        let file = std::fs::File::open(world.home.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    left(".aws/.awsmfa-0123-abc", 2);
    left(".local/share/awsmfa/store/.awsmfa-4567-def", 2);
    left(".aws/.awsmfa-89ab-young", 0);
    insta::assert_snapshot!(found(&world.home), @"
    warning: ~/.aws/.awsmfa-0123-abc was left by an awsmfa process that was killed, and may contain keys
      fix: rm ~/.aws/.awsmfa-0123-abc
    warning: ~/.local/share/awsmfa/store/.awsmfa-4567-def was left by an awsmfa process that was killed, and may contain keys
      fix: rm ~/.local/share/awsmfa/store/.awsmfa-4567-def
    ");
    assert_fixed(&world.home);
    assert!(world.home.join(".aws/.awsmfa-89ab-young").exists());
    assert_eq!(noted(&world.home), "no problems found in 1 profile and 1 device\n");
}

#[test]
fn settings_that_sdks_read_differently_are_found_and_normalized() {
    let world = good();
    add_config(
        &world,
        "[profile web]\nRegion = eu-west-1 # near\nrole_session_name = \"me\"\noutput = json ; all",
    );
    insta::assert_snapshot!(found(&world.home), @"
    warning: `region` in [profile web] has a comment after its value, which the AWS CLI and boto3 read as part of the value (~/.aws/config:6)
      fix: move the comment to a line of its own
    warning: `role_session_name` in [profile web] has quotes around its value, which Terraform removes and other tools keep (~/.aws/config:7)
      fix: remove the quotes
    warning: `output` in [profile web] has a comment after its value, which the AWS CLI and boto3 read as part of the value (~/.aws/config:8)
      fix: move the comment to a line of its own
    ");
    let ran = world.home.awsmfa(["doctor", "--offline", "--fix"]).run().code(1);
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: fixed: `region` in [profile web] has a comment after its value, which the AWS CLI and boto3 read as part of the value (~/.aws/config:6)
    awsmfa: fixed: `output` in [profile web] has a comment after its value, which the AWS CLI and boto3 read as part of the value (~/.aws/config:8)
    awsmfa: AWS was not asked: `--offline`
    error: found 1 warning
    ");
    let config = world.home.read(".aws/config");
    assert!(
        config.ends_with(
            "[profile web]\n# near\nregion = eu-west-1\nrole_session_name = \"me\"\n; all\noutput = json\n"
        ),
        "{config}"
    );
}

#[test]
fn byte_order_marks_are_found_and_removed() {
    let world = good();
    let (config, credentials) = (world.home.read(".aws/config"), world.home.credentials());
    world.home.write_config(&format!("\u{feff}{config}"));
    // The other repairs of the file come after that.
    world.home.write_credentials(&format!(
        "\u{feff}{}",
        credentials.replace("aws_access_key_id", "AWS_ACCESS_KEY_ID")
    ));
    insta::assert_snapshot!(found(&world.home), @r"
    error: the AWS CLI and boto3 cannot read ~/.aws/config: line 1: the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read
      fix: remove the byte order mark: `perl -pi -e 's/^\xEF\xBB\xBF// if $. == 1' ~/.aws/config`
    error: the AWS CLI and boto3 cannot read ~/.aws/credentials: line 1: the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read
      fix: remove the byte order mark: `perl -pi -e 's/^\xEF\xBB\xBF// if $. == 1' ~/.aws/credentials`

    warning: `aws_access_key_id` in [dev] is written with capital letters, so the JavaScript SDK does not find it (~/.aws/credentials:2)
      fix: write the key in lower case
    ");
    assert_fixed(&world.home);
    assert_eq!(world.home.read(".aws/config"), config);
    assert_eq!(world.home.credentials(), credentials);
}
