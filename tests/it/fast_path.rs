//! The fast path, when its output cannot be written.

use std::process::Stdio;

use crate::support::World;

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_an_error_in_one_line() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    // Only the ready answer is left.
    std::fs::remove_dir_all(world.home.join(".cache/awsmfa/sessions")).unwrap();
    std::fs::remove_dir_all(world.home.join(".local")).unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = run().into_command().stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "awsmfa: cannot write the result to stdout: No space left on device (os error 28)\n");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn closed_pipe_is_not_an_error() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run().into_command().stdin(Stdio::null()).stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
