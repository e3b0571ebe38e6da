//! Nothing is left beside the user's files: what a killed write left goes with the next.

use std::fs;

use crate::support::World;

/// The files of `~/.aws` but `config` and `credentials`.
fn beside(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.home.join(".aws")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name != "config" && name != "credentials").collect()
}

/// A world whose login was killed as it was about to exchange the credentials file for the new one.
#[cfg(target_os = "linux")]
fn killed_login() -> World {
    let world = World::imported();
    let (trace, inject) = ("trace=renameat2".to_owned(), "inject=renameat2:signal=KILL:when=1".to_owned());
    let strace = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let login = world.home.awsmfa(["login", "--profile", "dev"]).under("strace", &strace);
    let ended = login.into_command().stderr(std::process::Stdio::null()).status().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
    assert_eq!(signal, Some(9), "no login was killed in the midst of writing the credentials: {ended}");
    world
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_killed_login_left_goes_with_the_next() {
    let traced = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !traced.is_ok_and(|traced| traced.status.success()) {
        return crate::support::skipped("strace that may trace");
    }
    let killed = killed_login();
    let [left] = &beside(&killed)[..] else { panic!("{:?}", beside(&killed)) };
    assert!(killed.home.read(&format!(".aws/{left}")).contains("aws_session_token"));
    assert!(!killed.home.credentials().contains("aws_session_token"));
    killed.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_eq!(beside(&killed), [""; 0]);
}

#[test]
fn only_what_we_left_is_removed() {
    let world = World::imported();
    let left = |file: &str| format!(".awsmfa-{}-a1B2c3", awsmfa::files::digest(file.as_bytes()));
    let names = [left("credentials"), left("config"), left("other"), ".awsmfa-backup".to_owned()];
    let write = || {
        for name in &names {
            world.home.write(&format!(".aws/{name}"), "[dev]\n");
            world.home.chmod(&format!(".aws/{name}"), 0o600);
        }
    };
    for command in ["login", "logout"] {
        write();
        world.home.awsmfa([command, "--profile", "dev"]).run().success();
        let mut kept = beside(&world);
        kept.sort_unstable();
        // The config file has a lock of its own.
        let mut expected = names[1..].to_vec();
        expected.sort_unstable();
        assert_eq!(kept, expected, "{command}");
    }
}
