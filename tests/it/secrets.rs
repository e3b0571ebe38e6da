//! Secrets are only where they belong, whatever command ran, even with `-v` and a umask that forbids nothing.
//!
//! Every command is in the table below. A new one that is not fails the first test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use awsmfa::testing::cli::Cli;
use clap::CommandFactory;
use fake_aws::{Permissions, RoleSpec};

use crate::support::{World, words};

/// A kind of secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Of a device.
    Seed,
    Code,
    /// Of a long-term key.
    Key,
    /// A session's secret key or token.
    Session,
    /// Of the file store.
    Passphrase,
}

use Kind::{Code, Key, Passphrase, Seed, Session};

/// A command and what it prints on stdout.
type Line = (&'static str, &'static [Kind]);

/// Every command, in an order in which each has something to do. Words in capitals are replaced.
const COMMANDS: &[Line] = &[
    ("store init", &[]),
    ("device import -p dev --secret-stdin", &[]),
    ("device list", &[]),
    ("device list --json", &[]),
    ("login -p dev", &[]),
    ("credential-process -p dev", &[Session]),
    ("credential-process --profile=dev", &[Session]),
    ("exec -p dev -- env", &[Session]),
    ("serve -p dev -- env", &[]),
    ("env -p dev", &[Session]),
    ("env --unset", &[]),
    ("console -p adm --print", &[]),
    ("status", &[]),
    ("status --json", &[]),
    ("status --short -p dev", &[]),
    ("code alice", &[Code]),
    ("code alice --pair --json", &[Code]),
    ("device export alice --uri --yes", &[Seed]),
    ("device export alice --uri --output copy.txt --yes", &[]),
    ("device export alice --age RECIPIENT --yes", &[]),
    ("device export alice --qr-file copy.png --yes", &[]),
    ("device resync alice", &[]),
    ("doctor", &[]),
    ("doctor --json --fix", &[]),
    ("keys store -p dev", &[]),
    ("credential-process -p dev", &[Session]),
    ("keys restore -p dev", &[]),
    ("setup -p dev --yes", &[]),
    ("setup -p dev --undo --yes", &[]),
    ("keys rotate -p dev --yes", &[]),
    ("enroll -p admin --user newcomer --create-user --access-key --no-qr", &[]),
    ("login -p newcomer", &[]),
    ("login --all", &[]),
    ("logout -p dev --restore", &[]),
    ("logout --all", &[]),
    ("device remove alice --local --yes", &[]),
    ("store status", &[]),
    ("store status --json", &[]),
    ("store lock", &[]),
    ("store move --to file", &[]),
    ("store passwd", &[]),
    ("store rebuild", &[]),
    ("store backup copy.age", &[]),
    ("store restore copy.age", &[]),
    ("policy", &[]),
    ("completions bash", &[]),
    ("man --out pages", &[]),
];

/// Where secrets may be, as beginnings of paths below the home folder.
fn belongs(kind: Kind, path: &str) -> bool {
    let places: &[&str] = match kind {
        Seed => &["copy.txt"],
        Code => &[],
        Key => &[".aws/credentials"],
        Session => &[".aws/credentials", ".cache/awsmfa/sessions/", ".cache/awsmfa/answers/"],
        Passphrase => &["passphrase"],
    };
    places.iter().any(|place| path.starts_with(place))
        // What `setup` removed from the credentials file, for `--undo`.
        || kind == Session && path.starts_with(".local/state/awsmfa/setups/")
}

/// Prints the passphrase, and saves what other users and other programs can see of awsmfa and of this program.
const PASSPHRASE_COMMAND: &str = "#!/bin/sh
cat /proc/$PPID/cmdline /proc/self/cmdline /proc/self/environ >>\"$HOME/seen\" 2>/dev/null
cat \"$HOME/passphrase\"
";

/// The commands that exist and are not in the table.
fn missing(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
    let mut own = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
    if own.peek().is_none() && !COMMANDS.iter().any(|(line, _)| format!("{line} ").starts_with(path)) {
        missing.push(path.trim_end().to_owned());
    }
    own.for_each(|command| self::missing(command, &format!("{path}{} ", command.get_name()), missing));
}

#[test]
fn every_command_is_in_the_table() {
    let mut found = Vec::new();
    missing(&Cli::command(), "", &mut found);
    assert!(found.is_empty(), "add these to COMMANDS in tests/it/secrets.rs: {found:?}");
}

/// The secrets that were seen so far, by kind.
#[derive(Default)]
struct Secrets(BTreeMap<String, Kind>);

impl Secrets {
    fn add(&mut self, kind: Kind, secret: &str) {
        assert!(secret.len() >= 6, "{kind:?}: {secret}");
        self.0.insert(secret.to_owned(), kind);
    }

    /// Adds what the files hold now: sessions from the cache, access keys and seeds.
    fn collect(&mut self, world: &World) {
        for (path, bytes) in world.home.files() {
            if path.starts_with(".cache/awsmfa/sessions/") {
                let Ok(cached) = serde_json::from_slice::<serde_json::Value>(&bytes) else { continue };
                for part in ["secretAccessKey", "sessionToken"] {
                    self.add(Session, cached["session"][part].as_str().unwrap());
                }
            }
        }
        let credentials = ini::Ini::load_from_str_noescape(&world.home.credentials()).unwrap();
        for section in credentials.iter().filter_map(|(name, section)| name.map(|_| section)) {
            if let (Some(secret), None) =
                (section.get("aws_secret_access_key"), section.get("aws_session_token"))
            {
                self.add(Key, secret);
            }
        }
        for device in world.aws.devices() {
            self.add(Seed, &world.aws.seed(&device.serial));
        }
    }

    /// Panics if a text has a secret that it may not have.
    #[track_caller]
    fn check(&self, what: &str, text: &[u8], may_have: impl Fn(Kind) -> bool) {
        for (secret, kind) in &self.0 {
            let has = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!has || may_have(*kind), "{what} has a secret: {kind:?}");
        }
    }
}

fn world() -> World {
    let mut world = World::new();
    let role = world.aws.add_role("adm", RoleSpec::default());
    world.aws.set_permissions("alice", Permissions::Admin);
    world.aws.add_admin("boss");
    let boss = world.aws.add_access_key("boss");
    let (config, credentials) = (world.home.read(".aws/config"), world.home.credentials());
    world.home.write_config(&format!(
        "{config}[profile adm]\nrole_arn = {}\nsource_profile = dev\nregion = eu-west-1\n",
        role.arn
    ));
    world.home.write_credentials(&format!(
        "{credentials}[admin]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        boss.id, boss.secret
    ));
    world.home.chmod(".aws/config", 0o600);
    if cfg!(target_os = "linux") {
        world.home.write_program("ask", PASSPHRASE_COMMAND);
        let ask = world.home.join("ask").to_str().unwrap().to_owned();
        world.home.unset("AWSMFA_PASSPHRASE_FILE");
        world.home.set("AWSMFA_PASSPHRASE_COMMAND", &ask);
    }
    let passphrase = world.home.join("passphrase").to_str().unwrap().to_owned();
    for variable in ["AWSMFA_NEW_PASSPHRASE_FILE", "AWSMFA_BACKUP_PASSPHRASE_FILE"] {
        world.home.set(variable, &passphrase);
    }
    for (name, value) in [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "1")] {
        world.home.set(name, value);
    }
    world
}

#[test]
fn secrets_are_only_where_they_belong() {
    let world = world();
    let mut secrets = Secrets::default();
    secrets.add(Passphrase, "correct horse");
    let codes = regex::Regex::new(r"\b\d{6}\b").unwrap();
    let mut all = Vec::new();
    for (line, printed) in COMMANDS {
        let recipient = age::x25519::Identity::generate().to_public().to_string();
        let line = line.replace("RECIPIENT", &recipient);
        // `exec` passes what follows `--` on.
        let (own, rest) = line.split_once(" -- ").unwrap_or((&line, ""));
        let mut arguments: Vec<&str> = words(own).chain(["-v"]).collect();
        if !rest.is_empty() {
            arguments.extend(["--"].into_iter().chain(words(rest)));
        }
        let run = world.home.awsmfa(&arguments).stdin(&world.device.seed);
        let run = if cfg!(unix) { run.under("sh", &["-c", "umask 0; exec \"$@\"", "sh"]) } else { run };
        let ran = run.run();
        // There is a store already, because one with full scrypt would make this slow.
        let may_fail = ["doctor", "store init"].iter().any(|command| line.starts_with(command));
        assert!(may_fail || matches!(ran.exit_code(), Some(0)), "{line}: {}", ran.err());
        secrets.collect(&world);
        if printed.contains(&Code) {
            codes.find_iter(&ran.out()).for_each(|code| secrets.add(Code, code.as_str()));
        }
        for kind in [Session, Seed].iter().filter(|kind| printed.contains(kind)) {
            let out = ran.out();
            assert!(
                secrets.0.iter().any(|(secret, of)| of == kind && out.contains(secret)),
                "{line} prints no {kind:?}: the test looks for the wrong thing"
            );
        }
        all.push((format!("stderr of `{line}`"), ran.err().into_bytes(), &[][..]));
        all.push((format!("stdout of `{line}`"), ran.out().into_bytes(), *printed));
        check_files(&world, &secrets, &line);
    }
    // Only now all secrets are known.
    for (what, text, may_have) in &all {
        // The session that `exec` and `env` hand out, and nothing else of the same kind.
        secrets.check(what, text, |kind| may_have.contains(&kind));
    }
    if cfg!(target_os = "linux") {
        let seen = fs::read(world.home.join("seen")).unwrap();
        assert!(seen.windows(5).any(|part| part == b"login"), "the passphrase command was not run");
        secrets.check("what others can see", &seen, |_| false);
    }
    for kind in [Seed, Code, Key, Session, Passphrase] {
        assert!(secrets.0.values().any(|of| *of == kind), "no {kind:?} was seen");
    }
    let told: Vec<u8> = all.iter().flat_map(|(_, text, _)| text.clone()).collect();
    assert!(String::from_utf8_lossy(&told).contains("code for step"), "-v shows the steps");
}

/// Every file is private, and has only secrets that belong there.
#[track_caller]
fn check_files(world: &World, secrets: &Secrets, line: &str) {
    for (path, bytes) in world.home.files() {
        match path.as_str() {
            // The test's own.
            "ask" | "seen" => {}
            page if page.starts_with("pages/") => assert_not_writable(&world.home.join(page), line),
            _ => assert_private(&world.home.join(&path), line),
        }
        // Six digits can occur by chance in ciphertext and timestamps.
        let by_chance = path.ends_with(".age") || path.contains("/ledgers/") || path.ends_with(".png");
        secrets.check(&format!("after `{line}`, {path}"), &bytes, |kind| {
            belongs(kind, &path) || kind == Code && (by_chance || path.starts_with(".cache"))
        });
    }
}

/// Whether a file is closed to others, and so is its folder, if that is awsmfa's.
#[cfg(unix)]
#[track_caller]
fn assert_private(path: &Path, line: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path) & 0o077, 0, "after `{line}`: {}", path.display());
    let folder = path.parent().unwrap();
    if path.components().any(|part| part.as_os_str() == "awsmfa") {
        assert_eq!((mode(path), mode(folder)), (0o600, 0o700), "after `{line}`: {}", path.display());
    }
}

/// Whether nobody else can write to a file or to its folder.
#[cfg(unix)]
#[track_caller]
fn assert_not_writable(path: &Path, line: &str) {
    use std::os::unix::fs::PermissionsExt;
    for path in [path, path.parent().unwrap()] {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o022, 0, "after `{line}`: {}", path.display());
    }
}

#[cfg(not(unix))]
fn assert_private(_: &Path, _: &str) {}

#[cfg(not(unix))]
fn assert_not_writable(_: &Path, _: &str) {}

#[cfg(unix)]
#[test]
fn new_aws_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with_keys_in_environment();
    let run = world.home.awsmfa(words("login")).under("sh", &["-c", "umask 0; exec \"$@\"", "sh"]).run();
    run.success();
    let mode = |path: &str| fs::metadata(world.home.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".aws"), mode(".aws/credentials")), (0o700, 0o600));
}
