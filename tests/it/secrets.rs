//! Secrets are only where they belong, even if every command runs with `-v`.

use crate::support::World;

#[test]
fn secrets_are_only_where_they_belong() {
    let world = World::new();
    let mut err = String::new();
    let mut run = |args: &[&str], stdin: &str| {
        let command = world.home.awsmfa(args).arg("-v");
        let ran = command.stdin(stdin).run();
        err += &ran.err();
        ran.out()
    };
    run(&["device", "import", "-p", "dev", "--secret-stdin"], &world.device.seed);
    run(&["login", "-p", "dev"], "");
    let printed = run(&["credential-process", "-p", "dev"], "");
    run(&["credential-process", "--profile=dev"], "");
    let code = run(&["code", "alice"], "");
    run(&["login", "-p", "nowhere"], "");
    let session: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let text = |key: &str| session[key].as_str().unwrap().to_owned();
    let secrets = [
        ("seed", world.device.seed.clone(), vec![]),
        ("secret key", world.key.secret.clone(), vec![".aws/credentials"]),
        (
            "session's secret",
            text("SecretAccessKey"),
            vec![".aws/credentials", ".cache/awsmfa/sessions/", ".cache/awsmfa/answers/"],
        ),
        (
            "session token",
            text("SessionToken"),
            vec![".aws/credentials", ".cache/awsmfa/sessions/", ".cache/awsmfa/answers/"],
        ),
        ("passphrase", "correct horse".to_owned(), vec!["passphrase"]),
        ("code", code.trim().to_owned(), vec![]),
    ];
    for (what, secret, places) in secrets {
        assert!(secret.len() >= 6);
        assert!(!err.contains(&secret), "the {what} was printed:\n{err}");
        let mut found = 0;
        for (path, bytes) in world.home.files() {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            // Six digits can occur by chance in ciphertext and timestamps.
            if holds && !(what == "code" && (path.ends_with(".age") || path.contains("ledgers"))) {
                assert!(places.iter().any(|place| path.starts_with(place)), "the {what} is in {path}");
                found += 1;
            }
        }
        assert!(
            found >= places.len().min(1),
            "the {what} is not where it should be: the test looks for the wrong thing"
        );
    }
    assert!(err.contains("code for step"), "-v shows the steps");
}

#[cfg(unix)]
#[test]
fn every_file_of_awsmfa_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    for path in world.home.files().keys().filter(|p| p.contains("awsmfa")) {
        let path = world.home.join(path);
        let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
}
