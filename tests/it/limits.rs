//! Few file descriptors, and file systems without locks: a command works, or reports the problem before a code is used.

use crate::support::{Ran, World};

/// Runs a login under this `ulimit`.
fn login_under(limit: &str, world: &World) -> Ran {
    let limited = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    world.home.awsmfa(["login", "--profile", "dev"]).under("sh", &["-c", &limited]).run()
}

#[test]
fn lack_of_file_descriptors_is_an_error_before_a_code_is_used() {
    // With fewer than four, the dynamic linker cannot load libraries.
    for limit in 4..40 {
        let world = World::imported();
        let ran = login_under(&format!("-n {limit}"), &world);
        if world.aws.requests().is_empty() {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.code(1).err(), @"
                error: the limit on open files is too low: Too many open files (os error [N])
                hint: raise the limit: `ulimit -n 256`
                ");
            }
        } else {
            ran.success();
        }
    }
}

#[test]
fn soft_limit_on_file_descriptors_is_raised() {
    let world = World::imported();
    login_under("-S -n 8", &world).success();
}

/// Runs a login under strace, which makes each `flock` fail.
#[cfg(target_os = "linux")]
fn login_without_locks(world: &World, error: &str, arguments: &str) -> Ran {
    let inject = format!("inject=flock:error={error}{arguments}");
    let strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", &inject];
    world.home.awsmfa(["login", "--profile", "dev"]).under("strace", &strace).run()
}

#[test]
#[cfg(target_os = "linux")]
fn file_system_without_locks_is_an_error() {
    let traced = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !traced.is_ok_and(|traced| traced.status.success()) {
        return crate::support::skipped("strace with permission to trace");
    }
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let world = World::imported();
        let err = login_without_locks(&world, error, "").code(1).err();
        let place = "error: cannot lock `~/.local/state/awsmfa/locks/session-";
        assert!(err.starts_with(place), "{err}");
        let hint =
            "\nhint: keep awsmfa's locks on a local disk: `export XDG_STATE_HOME=/path/on/a/local/disk`\n";
        assert!(err.ends_with(hint), "{error}: {err}");
        assert!(world.aws.requests().is_empty(), "a code was used");
    }
    // A library may install a signal handler.
    let world = World::imported();
    login_without_locks(&world, "EINTR", ":when=1..3").success();
}

/// The size of the memory that is locked while `serve` runs, as Linux reports it. `limit` goes before the command.
#[cfg(target_os = "linux")]
fn locked_by_serve(world: &World, limit: &str) -> String {
    let shown = ["serve", "--profile", "dev", "--", "sh", "-c", "grep VmLck /proc/$PPID/status"];
    let limited = format!("{limit} \"$0\" \"$@\"");
    world.home.awsmfa(shown).under("sh", &["-c", &limited]).run().success().out()
}

#[test]
#[cfg(target_os = "linux")]
fn secrets_are_locked_in_memory() {
    let world = World::imported();
    assert!(!locked_by_serve(&world, "exec").ends_with(" 0 kB\n"), "nothing is locked");
}

#[test]
#[cfg(target_os = "linux")]
fn without_permission_to_lock_memory_everything_works() {
    /// root may lock memory without a limit.
    const NOTHING: &str =
        "ulimit -l 0; p='setpriv --bounding-set -ipc_lock'; $p true 2>/dev/null || p=; exec $p";
    let world = World::imported();
    assert_eq!(locked_by_serve(&world, NOTHING), "VmLck:\t       0 kB\n");
    let limited = format!("{NOTHING} \"$0\" \"$@\"");
    let code = world.home.awsmfa(["code", "-v", "--profile", "dev"]).under("sh", &["-c", &limited]).run();
    let err = code.success().err();
    assert!(err.contains("the system does not lock memory for awsmfa"), "{err}");
}
