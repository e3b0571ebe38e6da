//! Invalid secrets from AWS. AWS shows a secret only once, so even these are kept.

use super::Setup;

#[test]
fn unreadable_secret_is_kept_unchanged() {
    for (sent, kept) in [
        (&b"JBSWY3DPEHPK3PX0JBSWY3DPEHPK3PX1"[..], "JBSWY3DPEHPK3PX0JBSWY3DPEHPK3PX1"),
        (b"\xff\x00\x10", "hex:ff0010"),
        (b"GEZDGNBV", "GEZDGNBV"),
    ] {
        let setup = Setup::new();
        setup.aws.send_odd_seeds(sent);
        let ran = setup.by_user().code(1);
        let err = ran.err();
        assert!(!err.contains(kept), "the secret is shown: {err}");
        if kept == "GEZDGNBV" {
            insta::assert_snapshot!(err, @"
            error: cannot use the secret that AWS sent for `arn:aws:iam::123456789012:mfa/aws_mfa_demo` (the secret key is too short: 40 bits; AWS uses 320, and RFC 4226 requires 128); the file store keeps the secret unchanged as `unreadable:arn:aws:iam::123456789012:mfa/aws_mfa_demo`
            hint: show the secret: `age -d -i ~/.local/share/awsmfa/store/identity.age '~/.local/share/awsmfa/store/unreadable%3Aarn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Faws_mfa_demo.age'`
            hint: the device is not enabled; delete it: `aws iam delete-virtual-mfa-device --serial-number arn:aws:iam::123456789012:mfa/aws_mfa_demo`
            ");
        }
        // What the hint's command does, with the age crate, because `age` may not be installed.
        let line = err.lines().find_map(|line| line.strip_prefix("hint: show the secret: `")).unwrap();
        let entry = line.trim_end_matches('`').rsplit(['/', '\'']).find(|word| !word.is_empty()).unwrap();
        assert_eq!(setup.home.open_entry(entry).trim_end(), kept);
        assert_eq!(setup.count("DeleteVirtualMFADevice"), 0);
    }
}
