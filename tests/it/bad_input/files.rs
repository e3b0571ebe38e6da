//! AWS files that cannot be read, or cannot be written safely.

use std::fs;

use super::{Cause, assert_rejected, assert_rejected_for, login, login_and_sdk};
use crate::support::{Home, World, skipped};

#[cfg(unix)]
fn login_with_modes_enforced(home: &Home) -> String {
    assert_rejected(home, home.awsmfa(["login", "--profile", "dev"]).with_modes_enforced(), 3)
}

/// Fails if anything was sent to AWS.
#[track_caller]
fn assert_no_code_used(world: &World) {
    assert!(world.aws.requests().is_empty(), "a code was used");
}

#[test]
#[cfg(unix)]
fn unreadable_file_is_an_error() {
    let world = World::imported();
    world.home.chmod(".aws/credentials", 0o000);
    insta::assert_snapshot!(login_with_modes_enforced(&world.home), @"
    error: cannot read ~/.aws/credentials: Permission denied (os error [N])
    hint: ls -l ~/.aws/credentials
    ");
    world.home.chmod(".aws/credentials", 0o600);
    world.home.chmod(".aws/config", 0o000);
    insta::assert_snapshot!(login_with_modes_enforced(&world.home), @"
    error: cannot read ~/.aws/config: Permission denied (os error [N])
    hint: ls -l ~/.aws/config
    ");
    assert_no_code_used(&world);
}

#[test]
#[cfg(unix)]
fn path_below_a_file_is_an_error() {
    let mut world = World::imported();
    let path = world.home.join("passphrase/credentials");
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap());
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: cannot read ~/passphrase/credentials: Not a directory (os error [N])
    hint: ls -l ~/passphrase/credentials
    ");
}

#[test]
#[cfg(target_os = "linux")]
fn read_error_is_reported() {
    let mut world = World::imported();
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", "/proc/self/mem");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: cannot read /proc/self/mem: Input/output error (os error [N])
    hint: ls -l /proc/self/mem
    ");
}

#[test]
fn folder_instead_of_a_file_is_an_error() {
    let world = World::imported();
    fs::remove_file(world.home.join(".aws/credentials")).unwrap();
    fs::create_dir(world.home.join(".aws/credentials")).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials is a folder
    hint: set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file
    ");
    assert_no_code_used(&world);
}

/// `credential-process` still works: only editing the file would be unsafe.
#[track_caller]
fn assert_still_readable(world: &World) {
    assert_no_code_used(world);
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
}

#[test]
fn file_that_is_not_utf8_is_not_edited() {
    let world = World::imported();
    let mut bytes = world.home.credentials().into_bytes();
    bytes.extend(b"# Schl\xfcssel\n");
    fs::write(world.home.join(".aws/credentials"), &bytes).unwrap();
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: line 4: not UTF-8
    hint: save the file as UTF-8; if it is Latin-1: `(umask 077; iconv -f latin1 -t utf-8 ~/.aws/credentials > ~/.aws/credentials.utf8 && mv ~/.aws/credentials.utf8 ~/.aws/credentials)`
    ");
    assert_still_readable(&world);
    bytes.extend(b"region = \xfc\n");
    fs::write(world.home.join(".aws/credentials"), bytes).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials, line 5: not UTF-8
    hint: save the file as UTF-8; if it is Latin-1: `(umask 077; iconv -f latin1 -t utf-8 ~/.aws/credentials > ~/.aws/credentials.utf8 && mv ~/.aws/credentials.utf8 ~/.aws/credentials)`
    ");
}

#[test]
fn utf16_file_is_rejected() {
    let world = World::imported();
    // PowerShell's `>` writes such files.
    let text = format!("\u{feff}{}", world.home.credentials());
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(world.home.join(".aws/credentials"), bytes).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials, line 1: the file is UTF-16, which no AWS SDK can read
    hint: save the file as UTF-8: `(umask 077; iconv -f utf-16 -t utf-8 ~/.aws/credentials > ~/.aws/credentials.utf8 && mv ~/.aws/credentials.utf8 ~/.aws/credentials)`
    ");
    let blank = world.home.join("my files");
    fs::rename(world.home.join(".aws/credentials"), &blank).unwrap();
    let run = || world.home.awsmfa(["login", "--profile", "dev"]).env("AWS_SHARED_CREDENTIALS_FILE", &blank);
    insta::assert_snapshot!(assert_rejected(&world.home, run(), 3), @"
    error: ~/my files, line 1: the file is UTF-16, which no AWS SDK can read
    hint: save the file as UTF-8: `(umask 077; iconv -f utf-16 -t utf-8 '~/my files' > '~/my files.utf8' && mv '~/my files.utf8' '~/my files')`
    ");
    assert_no_code_used(&world);
}

#[test]
fn file_with_a_byte_order_mark_is_not_edited() {
    let world = World::imported();
    world.home.write_credentials(&format!("\u{feff}{}", world.home.credentials()));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @r"
    error: ~/.aws/credentials cannot be edited safely: line 1: the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read
    hint: remove the byte order mark: `perl -pi -e 's/^\xEF\xBB\xBF// if $. == 1' ~/.aws/credentials`
    ");
    assert_still_readable(&world);
    let world = World::imported();
    world.home.write_config(&format!("\u{feff}{}", world.home.read(".aws/config")));
    assert_still_readable(&world);
}

#[test]
fn line_without_equals_sign_is_an_error() {
    let world = World::imported();
    world.home.write_credentials(&format!("{}wJalrXUtnFEMI\n", world.home.credentials()));
    let err = login_and_sdk(&world.home, "dev", 3);
    // The line may be part of a secret key.
    assert!(!err.contains("wJalr"), "{err}");
    insta::assert_snapshot!(err, @"
    error: ~/.aws/credentials, line 4: no `=` between key and value
    hint: fix that line; every line is `[section]`, `key = value` or `# comment`
    ");
    assert_no_code_used(&world);
}

#[test]
fn file_with_a_duplicate_section_is_not_edited() {
    let world = World::imported();
    let credentials = world.home.credentials();
    world.home.write_credentials(&format!("{credentials}\n[dev]\nregion = eu-west-1\n"));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: section [dev] appears twice, on lines 1 and 5
    hint: merge the duplicates by hand; the AWS CLI cannot read the file as it is
    ");
    world.home.write_credentials(&format!("{credentials}\n[other]\na = b\n\n[other]\na = b\n"));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: section [other] appears twice, on lines 5 and 8
    hint: merge the duplicates by hand; the AWS CLI cannot read the file as it is
    ");
    assert_still_readable(&world);
}

#[test]
fn file_with_a_duplicate_key_is_not_edited() {
    let world = World::imported();
    let credentials = world.home.credentials();
    world.home.write_credentials(&format!("{credentials}aws_access_key_id = AKIAX\n"));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: `aws_access_key_id` appears twice in section [dev], on lines 2 and 4
    hint: merge the duplicates by hand; the AWS CLI cannot read the file as it is
    ");
    world.home.write_credentials(&format!("{credentials}\n[other]\nregion = a\nregion = b\n"));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: `region` appears twice in section [other], on lines 6 and 7
    hint: merge the duplicates by hand; the AWS CLI cannot read the file as it is
    ");
    assert_still_readable(&world);
}

#[test]
#[cfg(unix)]
fn read_only_file_is_not_replaced() {
    let world = World::imported();
    // Rejected even for root, who could write the file.
    world.home.chmod(".aws/credentials", 0o400);
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be replaced: it is marked read-only
    hint: check the owner and permissions: `ls -ld ~/.aws/credentials ~/.aws`
    ");
    assert_no_code_used(&world);
}

#[test]
#[cfg(unix)]
fn file_in_a_read_only_folder_is_not_replaced() {
    let world = World::imported();
    world.home.chmod(".aws", 0o500);
    insta::assert_snapshot!(login_with_modes_enforced(&world.home), @"
    error: ~/.aws/credentials cannot be replaced: cannot create a file in its folder: Permission denied (os error [N])
    hint: check the owner and permissions: `ls -ld ~/.aws/credentials ~/.aws`
    ");
    assert_no_code_used(&world);
    // For an SDK, the files are only read.
    let run = world.home.awsmfa(["credential-process", "--profile", "dev"]);
    run.with_modes_enforced().run().success();
    world.home.chmod(".aws", 0o700);
}

#[test]
#[cfg(unix)]
fn dangling_symlink_is_an_error() {
    let world = World::imported();
    let (link, real) = (world.home.join(".aws/credentials"), world.home.join("elsewhere/credentials"));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials is a dangling symlink
    hint: check where the link points: `ls -l ~/.aws/credentials`
    ");
    assert!(!real.exists() && !real.parent().unwrap().exists());
    assert_no_code_used(&world);
}

#[test]
#[cfg(unix)]
fn file_size_limit_keeps_the_session_in_the_cache() {
    let world = World::imported();
    // Larger than the limit of 32 blocks of 512 or 1024 bytes each. awsmfa's own files are smaller.
    let comment = "# padding that must be preserved, every byte of it\n".repeat(1000);
    world.home.write_credentials(&format!("{}{comment}", world.home.credentials()));
    let limited = ["-c", "ulimit -f 32; exec \"$0\" \"$@\""];
    let run = world.home.awsmfa(["login", "--profile", "dev"]).under("/bin/sh", &limited);
    let above = Cause::Invisible("doctor writes less than the limit allows");
    insta::assert_snapshot!(assert_rejected_for(&world.home, run, 1, above), @"
    error: cannot write ~/.aws/credentials: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
    // The session is in the cache, so no second code is needed.
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert!(ran.err().contains("wrote a session for `dev` to [dev]"), "{}", ran.err());
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
    assert!(world.home.credentials().contains(&comment));
}

#[test]
#[cfg(unix)]
fn full_disk_is_an_error_before_a_code_is_sent() {
    let world = World::imported();
    let limited = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
    let run = world.home.awsmfa(["login", "--profile", "dev"]).under("/bin/sh", &limited);
    insta::assert_snapshot!(assert_rejected(&world.home, run, 1), @"
    error: cannot write `~/.local/state/awsmfa/ledgers/fb6f2fd2cb1cfddde47ea7665d4d3c4d.json`: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
    // A code is sent only after it is recorded as used.
    assert_no_code_used(&world);
}

/// A disk that is really full: `~/.aws` is on a separate file system, more than half of which the file fills. The two tests
/// above cover systems without permission to mount one.
#[test]
#[cfg(target_os = "linux")]
fn full_disk_leaves_the_file_unchanged() {
    let world = World::imported();
    if !std::path::Path::new("/usr/bin/unshare").exists() {
        return skipped("unshare");
    }
    let comment = "# padding\n".repeat(10_000);
    world.home.write_credentials(&format!("{}{comment}", world.home.credentials()));
    let script = "
        mv .aws saved && mkdir .aws && mount -t tmpfs -o size=160k,mode=700 none .aws && cp -p saved/* .aws/ || exit 99
        echo mounted
        \"$0\" \"$@\"
        code=$?
        ls -A .aws
        cmp .aws/credentials saved/credentials || exit 98
        exit $code";
    let run = world.home.awsmfa(["login", "--profile", "dev"]);
    let ran = run.under("unshare", &["--map-root-user", "--mount", "/bin/sh", "-c", script]).run();
    if !ran.out().starts_with("mounted\n") {
        return skipped(&format!("permission to mount: {}", ran.err()));
    }
    let ran = ran.code(1); // The disk is gone already.
    assert_eq!(ran.out(), "mounted\nconfig\ncredentials\n", "a file was left behind");
    insta::assert_snapshot!(ran.err(), @"
    error: cannot write ~/.aws/credentials: No space left on device (os error [N])
    hint: free some space: `df -h ~/.aws`
    ");
}
