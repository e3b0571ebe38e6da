//! Lost responses, and AWS being busy.

use fake_aws::Fault;

use super::{Setup, USER};

#[test]
fn lost_response_to_create_leaves_a_reported_device() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let ran = setup.by_user().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: no response from AWS; retrying in 1s
    warning: `arn:aws:iam::123456789012:mfa/aws_mfa_demo` already exists, is assigned to no one, and its secret is not stored here; trying `aws_mfa_demo-2`
    hint: an administrator can delete it: `aws iam delete-virtual-mfa-device --serial-number arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2` for `aws_mfa_demo`
    awsmfa: verified: AWS issued a session for one of the device's codes
    awsmfa: set `mfa_serial` of profile `demo` to `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2`
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo-2`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo-2 --qr`
    hint: awsmfa setup --profile demo
    ");
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn lost_response_to_create_is_fixed_with_replace() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    setup.home.awsmfa(args).run().success();
    setup.check_one(USER);
}

#[test]
fn lost_response_to_delete_is_looked_up() {
    let setup = Setup::new();
    setup.aws.add_unassigned_device(USER);
    setup.aws.fault(Fault::drop_after().on("DeleteVirtualMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    setup.home.awsmfa(args).run().success();
    setup.check_one(USER);
}

#[test]
fn repeatedly_lost_responses_to_delete_are_an_error() {
    let setup = Setup::new();
    setup.aws.add_unassigned_device(USER);
    setup.aws.fault(Fault::drop_before().on("DeleteVirtualMFADevice").times(10));
    let args = ["--user", USER, "--profile", "admin", "--replace"];
    let error = setup.in_process(0).enroll(&args).unwrap_err();
    assert!(error.message.contains("no complete response to DeleteVirtualMFADevice"), "{error}");
    assert!(error.hints.iter().all(|hint| !hint.contains("code")), "{:?}", error.hints);
    assert_eq!((setup.count("DeleteVirtualMFADevice"), setup.count("CreateVirtualMFADevice")), (5, 0));
}

#[test]
fn device_is_replaced_once() {
    let setup = Setup::new();
    setup.aws.add_unassigned_device(USER);
    setup.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let args = ["--user", USER, "--profile", "admin", "--replace"];
    setup.in_process(0).enroll(&args).unwrap();
    assert_eq!(setup.count("DeleteVirtualMFADevice"), 1);
    setup.check_device("aws_mfa_demo-2");
}

#[test]
fn lost_request_is_sent_again() {
    for action in ["CreateVirtualMFADevice", "EnableMFADevice", "GetSessionToken", "ListMFADevices"] {
        let setup = Setup::new();
        setup.aws.fault(Fault::drop_before().on(action));
        setup.by_user().success();
        setup.check_one(USER);
    }
}

#[test]
fn lost_response_to_enable_is_looked_up() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    setup.by_user().success();
    assert_eq!(setup.count("EnableMFADevice"), 1);
    setup.check_one(USER);
    let setup = Setup::new();
    setup.aws.deny("boss", "iam:ListMFADevices");
    setup.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "demo"];
    setup.home.awsmfa(args).run().success();
    setup.check_one(USER);
    // Without the user's keys, the device cannot be verified, but it is known to be enabled.
    let setup = Setup::new();
    setup.aws.deny("boss", "iam:ListMFADevices");
    setup.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    let credentials = setup.home.credentials();
    setup.home.write_credentials(&credentials.replace("[demo]", "[elsewhere]"));
    let ran = setup.by_admin().success();
    setup.home.write_credentials(&credentials);
    assert!(
        ran.err().contains("the device is enabled, but not verified: missing permission iam:ListMFADevices"),
        "{}",
        ran.err()
    );
    setup.check_one(USER);
}

#[test]
fn busy_aws_is_waited_for() {
    let busy = |code: &str| Fault::error(409, code, "It is being modified. Please try again.");
    for (fault, why) in [
        (Fault::throttling(), "throttled by AWS"),
        (Fault::service_failure(), "AWS is unavailable"),
        (Fault::unavailable(), "AWS is unavailable"),
        (busy("EntityTemporarilyUnmodifiable"), "another change is in progress"),
        (busy("ConcurrentModification"), "another change is in progress"),
    ] {
        let setup = Setup::new();
        setup.aws.fault(fault.clone().on("CreateVirtualMFADevice"));
        setup.aws.fault(fault.on("EnableMFADevice"));
        let ran = setup.by_user().success();
        assert_eq!(ran.err().matches(&format!("{why}; retrying in 1s")).count(), 2, "{}", ran.err());
        setup.check_one(USER);
    }
}

#[test]
fn enrollment_resumes_after_aws_stayed_busy() {
    let setup = Setup::new();
    setup.aws.fault(Fault::throttling().on("EnableMFADevice").forever());
    let clock = setup.in_process(0);
    let error = clock.enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(error.kind as u8, 6, "{error}");
    assert!(error.hints.iter().any(|hint| hint.contains("--resume")), "{:?}", error.hints);
    setup.aws.clear_faults();
    setup.aws.clock().set_offset(0);
    setup.home.awsmfa(["enroll", "--resume"]).run().success();
    assert_eq!(setup.count("CreateVirtualMFADevice"), 1);
    setup.check_one(USER);
}

#[test]
fn enrollment_resumes_after_an_outage() {
    let setup = Setup::new();
    let nowhere = ["enroll", "--profile", "demo"];
    let ran = setup.home.awsmfa(nowhere).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run();
    ran.code(6);
    assert_eq!(setup.aws.devices(), []);
    setup.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    let ran = setup.by_user();
    insta::assert_snapshot!(ran.code(6).err(), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    awsmfa: no response from AWS; retrying in 1s
    awsmfa: no response from AWS; retrying in 2s
    awsmfa: no response from AWS; retrying in 4s
    awsmfa: no response from AWS; retrying in 8s
    error: no complete response to EnableMFADevice from `[AWS]`: connection closed before message completed
    hint: try again; the code that was sent will not be used again
    hint: nothing is lost; resume with `awsmfa enroll --resume --user aws_mfa_demo --profile demo`
    ");
    setup.aws.clear_faults();
    setup.home.awsmfa(["enroll", "--resume"]).run().success();
    setup.check_one(USER);
}

#[test]
fn enrollment_resumes_after_an_outage_during_create() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_before().on("CreateVirtualMFADevice").forever());
    let error = setup.in_process(0).enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(error.kind as u8, 6, "{error}");
    assert!(error.hints.iter().any(|hint| hint.contains("--resume")), "{:?}", error.hints);
    setup.aws.clear_faults();
    setup.aws.clock().set_offset(0);
    setup.home.awsmfa(["enroll", "--resume"]).run().success();
    setup.check_one(USER);
}

#[test]
fn store_is_checked_before_anything_is_created() {
    let setup = Setup::new();
    let args = ["enroll", "--profile", "demo"];
    let ran = setup.home.awsmfa(args).env("AWSMFA_PASSPHRASE_FILE", "/nowhere").run();
    insta::assert_snapshot!(ran.code(5).err(), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `/nowhere`: No such file or directory (os error [N])
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    assert_eq!(setup.aws.devices(), []);
}

#[test]
fn config_file_is_checked_before_anything_is_created() {
    let setup = Setup::new();
    setup.home.write_config("[profile demo]\nregion = eu-central-1\n[profile demo]\noutput = json\n");
    setup.by_user().code(3);
    assert_eq!(setup.aws.devices(), []);
}

#[test]
fn deleted_device_is_created_again() {
    let setup = Setup::new();
    setup.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    setup.by_user().code(6);
    setup.aws.clear_faults();
    setup.aws.remove_device(&setup.serial(USER));
    let ran = setup.by_user().success();
    assert!(ran.err().contains("deleted in the meantime"), "{}", ran.err());
    setup.check_one(USER);
}

#[test]
fn secret_of_an_earlier_device_is_detected() {
    let setup = Setup::new();
    setup.by_user().success();
    setup.aws.remove_device(&setup.serial(USER));
    setup.aws.add_unassigned_device(USER);
    let ran = setup.by_admin();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: AWS rejected the codes of `arn:aws:iam::123456789012:mfa/aws_mfa_demo` (InvalidAuthenticationCode)
    hint: check this computer's clock; it shows [TIME]
    hint: if the stored secret belongs to an earlier device with this name: `awsmfa enroll --user aws_mfa_demo --profile admin --replace`
    ");
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    setup.home.awsmfa(args).run().success();
    setup.check_one(USER);
}

#[test]
fn concurrent_runs_enroll_one_device() {
    let setup = Setup::new();
    let start = || {
        let mut command = setup.home.awsmfa(["enroll", "--profile", "demo"]).into_command();
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!((setup.count("CreateVirtualMFADevice"), setup.count("GetSessionToken")), (1, 1));
    setup.check_one(USER);
}
