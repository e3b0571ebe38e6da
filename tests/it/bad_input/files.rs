//! AWS files that cannot be read, or cannot be written without harm.

use std::fs;

use super::{login, login_and_sdk, refused};
use crate::support::{Home, Run, World, skipped};

/// The binary bound by modes, which root is not: then without root's privileges.
#[cfg(unix)]
fn bound_by_modes(run: Run) -> Run {
    match rustix::process::geteuid().is_root() {
        true => run.under("setpriv", &["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"]),
        false => run,
    }
}

#[cfg(unix)]
fn login_bound_by_modes(home: &Home) -> String {
    refused(home, bound_by_modes(home.awsmfa(["login", "--profile", "dev"])), 3)
}

/// Every code is still unused.
#[track_caller]
fn no_code_was_spent(world: &World) {
    assert!(world.aws.requests().is_empty(), "a code was spent");
}

#[test]
#[cfg(unix)]
fn unreadable() {
    let world = World::imported();
    world.home.chmod(".aws/credentials", 0o000);
    insta::assert_snapshot!(login_bound_by_modes(&world.home), @"
    error: cannot read ~/.aws/credentials: Permission denied (os error [N])
    hint: ls -l ~/.aws/credentials
    ");
    world.home.chmod(".aws/credentials", 0o600);
    world.home.chmod(".aws/config", 0o000);
    insta::assert_snapshot!(login_bound_by_modes(&world.home), @"
    error: cannot read ~/.aws/config: Permission denied (os error [N])
    hint: ls -l ~/.aws/config
    ");
    no_code_was_spent(&world);
}

#[test]
#[cfg(unix)]
fn below_a_file() {
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
fn a_read_error() {
    let mut world = World::imported();
    world.home.set("AWS_SHARED_CREDENTIALS_FILE", "/proc/self/mem");
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: cannot read /proc/self/mem: Input/output error (os error [N])
    hint: ls -l /proc/self/mem
    ");
}

#[test]
fn a_folder() {
    let world = World::imported();
    fs::remove_file(world.home.join(".aws/credentials")).unwrap();
    fs::create_dir(world.home.join(".aws/credentials")).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials is a folder
    hint: set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file
    ");
    no_code_was_spent(&world);
}

/// What an SDK asks for still works: only an edit of the file would be unsafe.
#[track_caller]
fn still_read(world: &World) {
    no_code_was_spent(world);
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
}

#[test]
fn not_utf8() {
    let world = World::imported();
    let mut bytes = world.home.credentials().into_bytes();
    bytes.extend(b"# Schl\xfcssel\n");
    fs::write(world.home.join(".aws/credentials"), &bytes).unwrap();
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be edited safely: line 4: not UTF-8
    hint: save the file as UTF-8; if it is Latin-1: `(umask 077; iconv -f latin1 -t utf-8 ~/.aws/credentials > ~/.aws/credentials.utf8 && mv ~/.aws/credentials.utf8 ~/.aws/credentials)`
    ");
    still_read(&world);
    bytes.extend(b"region = \xfc\n");
    fs::write(world.home.join(".aws/credentials"), bytes).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials, line 5: not UTF-8
    hint: save the file as UTF-8; if it is Latin-1: `(umask 077; iconv -f latin1 -t utf-8 ~/.aws/credentials > ~/.aws/credentials.utf8 && mv ~/.aws/credentials.utf8 ~/.aws/credentials)`
    ");
}

#[test]
fn utf16() {
    let world = World::imported();
    // As PowerShell's `>` writes it.
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
    insta::assert_snapshot!(run().run().code(3).err(), @"
    error: ~/my files, line 1: the file is UTF-16, which no AWS SDK can read
    hint: save the file as UTF-8: `(umask 077; iconv -f utf-16 -t utf-8 '~/my files' > '~/my files.utf8' && mv '~/my files.utf8' '~/my files')`
    ");
    no_code_was_spent(&world);
}

#[test]
fn a_byte_order_mark() {
    let world = World::imported();
    world.home.write_credentials(&format!("\u{feff}{}", world.home.credentials()));
    insta::assert_snapshot!(login(&world.home, "dev", 3), @r"
    error: ~/.aws/credentials cannot be edited safely: line 1: the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read
    hint: remove the byte order mark: `perl -pi -e 's/^\xEF\xBB\xBF// if $. == 1' ~/.aws/credentials`
    ");
    still_read(&world);
    let world = World::imported();
    world.home.write_config(&format!("\u{feff}{}", world.home.read(".aws/config")));
    still_read(&world);
}

#[test]
fn a_line_that_is_nothing() {
    let world = World::imported();
    world.home.write_credentials(&format!("{}wJalrXUtnFEMI\n", world.home.credentials()));
    let err = login_and_sdk(&world.home, "dev", 3);
    // It may well be half a secret key.
    assert!(!err.contains("wJalr"), "{err}");
    insta::assert_snapshot!(err, @"
    error: ~/.aws/credentials, line 4: no `=` between key and value
    hint: fix that line; every line is `[section]`, `key = value` or `# comment`
    ");
    no_code_was_spent(&world);
}

#[test]
fn a_section_that_is_there_twice() {
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
    still_read(&world);
}

#[test]
fn a_key_that_is_there_twice() {
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
    still_read(&world);
}

#[test]
#[cfg(unix)]
fn marked_read_only() {
    let world = World::imported();
    // Whoever runs this, even root, to whom the mark is no hindrance.
    world.home.chmod(".aws/credentials", 0o400);
    insta::assert_snapshot!(login(&world.home, "dev", 3), @"
    error: ~/.aws/credentials cannot be replaced: it is marked read-only
    hint: check the owner and permissions: `ls -ld ~/.aws/credentials ~/.aws`
    ");
    no_code_was_spent(&world);
}

#[test]
#[cfg(unix)]
fn in_a_read_only_folder() {
    let world = World::imported();
    world.home.chmod(".aws", 0o500);
    insta::assert_snapshot!(login_bound_by_modes(&world.home), @"
    error: ~/.aws/credentials cannot be replaced: cannot create a file in its folder: Permission denied (os error [N])
    hint: check the owner and permissions: `ls -ld ~/.aws/credentials ~/.aws`
    ");
    no_code_was_spent(&world);
    // An SDK only reads them.
    let run = world.home.awsmfa(["credential-process", "--profile", "dev"]);
    bound_by_modes(run).run().success();
    world.home.chmod(".aws", 0o700);
}

#[test]
#[cfg(unix)]
fn a_symlink_to_nothing() {
    let world = World::imported();
    let (link, real) = (world.home.join(".aws/credentials"), world.home.join("elsewhere/credentials"));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    insta::assert_snapshot!(login_and_sdk(&world.home, "dev", 3), @"
    error: ~/.aws/credentials is a dangling symlink
    hint: check where the link points: `ls -l ~/.aws/credentials`
    ");
    assert!(!real.exists() && !real.parent().unwrap().exists());
    no_code_was_spent(&world);
}

#[test]
#[cfg(unix)]
fn a_file_that_may_not_grow() {
    let world = World::imported();
    // Larger than the limit of 32 blocks, whose size is 512 or 1024 bytes; our own files are smaller.
    let comment = "# padding that is there to be kept, every byte of it\n".repeat(1000);
    world.home.write_credentials(&format!("{}{comment}", world.home.credentials()));
    let limited = ["-c", "ulimit -f 32; exec \"$0\" \"$@\""];
    let run = world.home.awsmfa(["login", "--profile", "dev"]).under("/bin/sh", &limited);
    insta::assert_snapshot!(refused(&world.home, run, 1), @"
    error: cannot write ~/.aws/credentials: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
    // The session is not lost: it is in the cache, and no second code is needed.
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert!(ran.err().contains("wrote a session for `dev` to [dev]"), "{}", ran.err());
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
    assert!(world.home.credentials().contains(&comment));
}

#[test]
#[cfg(unix)]
fn a_disk_so_full_that_no_code_can_be_put_on_record() {
    let world = World::imported();
    let limited = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
    let run = world.home.awsmfa(["login", "--profile", "dev"]).under("/bin/sh", &limited);
    insta::assert_snapshot!(refused(&world.home, run, 1), @"
    error: `~/.local/state/awsmfa/ledgers/fb6f2fd2cb1cfddde47ea7665d4d3c4d.json`: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
    // A code is sent only once it is on record as used.
    no_code_was_spent(&world);
}

/// A real full disk: `~/.aws` on a file system of its own, of which the file takes more than half. Where nobody may mount
/// one, the two tests above have to do.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
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
        return skipped(&format!("right to mount: {}", ran.err()));
    }
    let ran = ran.code(1);
    assert_eq!(ran.out(), "mounted\nconfig\ncredentials\n", "something was left");
    insta::assert_snapshot!(ran.err(), @"
    error: cannot write ~/.aws/credentials: No space left on device (os error [N])
    hint: free some space: `df -h ~/.aws`
    ");
}
