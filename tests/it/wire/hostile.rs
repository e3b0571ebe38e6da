//! Unusual values in every variable and setting that the SDK uses: an error or a success, never a panic.

use fake_aws::Proxy;

use crate::support::{Ran, World};

const VALUES: [&str; 12] = [
    " ",
    "\n",
    "a\r\nHost: evil",
    "\u{1b}[31m",
    "\u{7f}",
    "é",
    "\u{a0}",
    "%",
    "http://[",
    "http://a:b@c:99999/?#",
    "{{{",
    "\u{202e}x\u{0}",
];

const VARIABLES: [&str; 20] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "_X_AMZN_TRACE_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

const SETTINGS: [&str; 14] = [
    "region",
    "endpoint_url",
    "ca_bundle",
    "services",
    "use_fips_endpoint",
    "role_arn",
    "role_session_name",
    "external_id",
    "duration_seconds",
    "mfa_serial",
    "web_identity_token_file",
    "credential_source",
    "sso_start_url",
    "sso_region",
];

#[track_caller]
fn assert_no_panic(ran: &Ran, what: &str) {
    let err = ran.err();
    assert!(ran.exit_code().is_some_and(|code| code <= 6), "{what}: {err}");
    assert!(!err.contains("internal error") && !err.contains("panicked"), "{what}: {err}");
}

#[test]
fn variables_with_any_value_do_not_panic() {
    let mut world = World::imported();
    let proxy = Proxy::start();
    world.home.set("HTTP_PROXY", &proxy.url());
    // With keys in the environment, the other variables are read, too.
    world.home.set_keys(&world.key);
    for variable in VARIABLES {
        for value in VALUES.iter().filter(|value| !value.contains('\0')) {
            let what = format!("{variable}={value:?}");
            assert_no_panic(&world.home.awsmfa(["device", "list"]).env(variable, value).run(), &what);
        }
    }
}

#[test]
fn settings_with_any_value_do_not_panic() {
    let world = World::imported();
    for setting in SETTINGS {
        for value in VALUES {
            world.home.write_config(&format!(
                "[profile dev]\nmfa_serial = {}\n[profile odd]\nsource_profile = dev\n{setting} = x{value}\n",
                world.device.serial
            ));
            let what = format!("{setting} = {value:?}");
            // Some settings are read by the SDK's own credential chain, the others by awsmfa.
            let chain =
                ["web_identity", "credential_source", "sso_"].iter().any(|own| setting.starts_with(own));
            let command = if chain { ["device", "list"] } else { ["login", "--quiet"] };
            let run = world.home.awsmfa(command).arg("--profile").arg("odd");
            assert_no_panic(&run.env("HTTPS_PROXY", "http://127.0.0.1:9").run(), &what);
        }
    }
}
