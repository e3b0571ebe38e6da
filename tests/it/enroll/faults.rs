//! Answers that are lost, and an AWS that is busy.

use fake_aws::Fault;

use super::{Bench, USER};

#[test]
fn lost_response_to_create_leaves_a_reported_device() {
    let bench = Bench::new();
    bench.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let ran = bench.by_user().success();
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
    hint: awsmfa login --profile demo
    ");
    bench.check_device("aws_mfa_demo-2");
}

#[test]
fn lost_response_to_create_is_fixed_with_replace() {
    let bench = Bench::new();
    bench.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    bench.home.awsmfa(args).run().success();
    bench.check_one(USER);
}

#[test]
fn lost_response_to_delete_is_looked_up() {
    let bench = Bench::new();
    bench.aws.add_unassigned_device(USER);
    bench.aws.fault(Fault::drop_after().on("DeleteVirtualMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    bench.home.awsmfa(args).run().success();
    bench.check_one(USER);
}

#[test]
fn repeatedly_lost_responses_to_delete_are_an_error() {
    let bench = Bench::new();
    bench.aws.add_unassigned_device(USER);
    bench.aws.fault(Fault::drop_before().on("DeleteVirtualMFADevice").times(10));
    let args = ["--user", USER, "--profile", "admin", "--replace"];
    let error = bench.in_process(0).enroll(&args).unwrap_err();
    assert!(error.message.contains("no complete response to DeleteVirtualMFADevice"), "{error}");
    assert!(error.hints.iter().all(|hint| !hint.contains("code")), "{:?}", error.hints);
    assert_eq!((bench.count("DeleteVirtualMFADevice"), bench.count("CreateVirtualMFADevice")), (5, 0));
}

#[test]
fn device_is_replaced_once() {
    let bench = Bench::new();
    bench.aws.add_unassigned_device(USER);
    bench.aws.fault(Fault::drop_after().on("CreateVirtualMFADevice"));
    let args = ["--user", USER, "--profile", "admin", "--replace"];
    bench.in_process(0).enroll(&args).unwrap();
    assert_eq!(bench.count("DeleteVirtualMFADevice"), 1);
    bench.check_device("aws_mfa_demo-2");
}

#[test]
fn lost_request_is_sent_again() {
    for action in ["CreateVirtualMFADevice", "EnableMFADevice", "GetSessionToken", "ListMFADevices"] {
        let bench = Bench::new();
        bench.aws.fault(Fault::drop_before().on(action));
        bench.by_user().success();
        bench.check_one(USER);
    }
}

#[test]
fn lost_response_to_enable_is_looked_up() {
    let bench = Bench::new();
    bench.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    bench.by_user().success();
    assert_eq!(bench.count("EnableMFADevice"), 1);
    bench.check_one(USER);
    let bench = Bench::new();
    bench.aws.deny("boss", "iam:ListMFADevices");
    bench.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "demo"];
    bench.home.awsmfa(args).run().success();
    bench.check_one(USER);
    // Without the user's keys nothing proves it; that it is enabled is known all the same.
    let bench = Bench::new();
    bench.aws.deny("boss", "iam:ListMFADevices");
    bench.aws.fault(Fault::drop_after().on("EnableMFADevice"));
    let credentials = bench.home.credentials();
    bench.home.write_credentials(&credentials.replace("[demo]", "[elsewhere]"));
    let ran = bench.by_admin().success();
    bench.home.write_credentials(&credentials);
    assert!(
        ran.err().contains("the device is enabled, but not verified: missing permission iam:ListMFADevices"),
        "{}",
        ran.err()
    );
    bench.check_one(USER);
}

#[test]
fn busy_aws_is_waited_for() {
    let busy = |code: &str| Fault::error(409, code, "It is being modified. Please try again.");
    for fault in [
        Fault::throttling(),
        Fault::service_failure(),
        Fault::unavailable(),
        busy("EntityTemporarilyUnmodifiable"),
        busy("ConcurrentModification"),
    ] {
        let bench = Bench::new();
        bench.aws.fault(fault.clone().on("CreateVirtualMFADevice"));
        bench.aws.fault(fault.on("EnableMFADevice"));
        let ran = bench.by_user().success();
        assert!(ran.err().contains("; retrying in 1s"), "{}", ran.err());
        bench.check_one(USER);
    }
}

#[test]
fn enrollment_resumes_after_aws_stayed_busy() {
    let bench = Bench::new();
    bench.aws.fault(Fault::throttling().on("EnableMFADevice").forever());
    let clock = bench.in_process(0);
    let error = clock.enroll(&["--profile", "demo"]).unwrap_err();
    assert_eq!(error.kind as u8, 6, "{error}");
    assert!(error.hints.iter().any(|hint| hint.contains("--resume")), "{:?}", error.hints);
    bench.aws.clear_faults();
    bench.aws.clock().set_offset(0);
    bench.home.awsmfa(["enroll", "--resume"]).run().success();
    assert_eq!(bench.count("CreateVirtualMFADevice"), 1);
    bench.check_one(USER);
}

#[test]
fn enrollment_resumes_after_an_outage() {
    let bench = Bench::new();
    let nowhere = ["enroll", "--profile", "demo"];
    let ran = bench.home.awsmfa(nowhere).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run();
    ran.code(6);
    assert_eq!(bench.aws.devices(), []);
    bench.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    let ran = bench.by_user();
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
    bench.aws.clear_faults();
    bench.home.awsmfa(["enroll", "--resume"]).run().success();
    bench.check_one(USER);
}

#[test]
fn store_is_checked_before_anything_is_created() {
    let bench = Bench::new();
    let args = ["enroll", "--profile", "demo"];
    let ran = bench.home.awsmfa(args).env("AWSMFA_PASSPHRASE_FILE", "/nowhere").run();
    insta::assert_snapshot!(ran.code(5).err(), @"
    error: the file store is locked: AWSMFA_PASSPHRASE_FILE `/nowhere`: No such file or directory (os error [N])
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    assert_eq!(bench.aws.devices(), []);
}

#[test]
fn config_file_is_checked_before_anything_is_created() {
    let bench = Bench::new();
    bench.home.write_config("[profile demo]\nregion = eu-central-1\n[profile demo]\noutput = json\n");
    bench.by_user().code(3);
    assert_eq!(bench.aws.devices(), []);
}

#[test]
fn deleted_device_is_created_again() {
    let bench = Bench::new();
    bench.aws.fault(Fault::drop_before().on("EnableMFADevice").forever());
    bench.by_user().code(6);
    bench.aws.clear_faults();
    bench.aws.remove_device(&bench.serial(USER));
    let ran = bench.by_user().success();
    assert!(ran.err().contains("deleted in the meantime"), "{}", ran.err());
    bench.check_one(USER);
}

#[test]
fn secret_of_an_earlier_device_is_detected() {
    let bench = Bench::new();
    bench.by_user().success();
    bench.aws.remove_device(&bench.serial(USER));
    bench.aws.add_unassigned_device(USER);
    let ran = bench.by_admin();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: AWS rejected the codes of `arn:aws:iam::123456789012:mfa/aws_mfa_demo` (InvalidAuthenticationCode)
    hint: check this computer's clock; it shows [TIME]
    hint: if the stored secret belongs to an earlier device with this name: `awsmfa enroll --user aws_mfa_demo --profile admin --replace`
    ");
    let args = ["enroll", "--user", USER, "--profile", "admin", "--replace"];
    bench.home.awsmfa(args).run().success();
    bench.check_one(USER);
}

#[test]
fn concurrent_runs_enroll_one_device() {
    let bench = Bench::new();
    let start = || {
        let mut command = bench.home.awsmfa(["enroll", "--profile", "demo"]).into_command();
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!((bench.count("CreateVirtualMFADevice"), bench.count("GetSessionToken")), (1, 1));
    bench.check_one(USER);
}
