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

/// The writable memory of a process that has this text, each with whether it is locked. `None` without permission to look.
#[cfg(target_os = "linux")]
fn places_of(text: &str, process: u32) -> Option<Vec<bool>> {
    use std::os::unix::fs::FileExt;
    let memory = std::fs::File::open(format!("/proc/{process}/mem")).ok()?;
    let map = std::fs::read_to_string(format!("/proc/{process}/smaps")).ok()?;
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    for line in map.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            let is_writable = words.next().is_some_and(|access| access.starts_with("rw"));
            let size = if is_writable { address(end) - address(start) } else { 0 };
            bytes = vec![0; usize::try_from(size).unwrap()];
            memory.read_exact_at(&mut bytes, address(start)).ok()?;
        } else if first == "Locked:" {
            let count = bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
            found.extend(std::iter::repeat_n(words.next() != Some("0"), count));
        }
    }
    Some(found)
}

#[test]
#[cfg(target_os = "linux")]
fn piped_secret_is_in_locked_memory_only() {
    use crate::support::until;
    use fake_aws::{Fault, Gate};
    use std::io::Write;
    use std::process::Stdio;
    let world = World::new();
    let gate = Gate::new();
    world.aws.fault(Fault::held(&gate).on("GetSessionToken"));
    let import = ["device", "import", "--profile", "dev", "--secret-stdin"];
    let mut command = world.home.awsmfa(import).into_command();
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(world.device.seed.as_bytes()).unwrap();
    until(|| !world.aws.requests_for("GetSessionToken").is_empty());
    let places = places_of(&world.device.seed, child.id());
    let looked = places_of(&world.key.id, child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    match places {
        Some(places) => {
            assert!(looked.is_some_and(|places| !places.is_empty()), "the memory was not searched");
            assert!(places.iter().all(|is_locked| *is_locked), "{places:?}");
        }
        None => crate::support::skipped("permission to read the memory of a process"),
    }
}
