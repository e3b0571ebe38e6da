//! GNOME's keyring on a bus of its own: the real Secret Service.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::{Home, skipped};

const PROGRAMS: [&str; 4] =
    ["/usr/bin/dbus-run-session", "/usr/bin/gnome-keyring-daemon", "/usr/bin/gdbus", "/usr/bin/secret-tool"];

/// A session with an unlocked keyring. It ends with this value.
pub struct Desktop(Child);

impl Desktop {
    /// Starts the session and makes it the home's. `None`, with a message, if a program is missing.
    pub fn start(home: &mut Home) -> Option<Self> {
        if let Some(missing) = PROGRAMS.iter().find(|program| !std::path::Path::new(program).exists()) {
            skipped(missing);
            return None;
        }
        home.write("run/.keep", "");
        home.chmod("run", 0o700);
        home.set("XDG_RUNTIME_DIR", home.join("run").to_str().unwrap());
        let script =
            "printf 'pw\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 90
            echo \"$DBUS_SESSION_BUS_ADDRESS\"
            exec cat";
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "/bin/sh", "-c", script]).env_clear().envs(home.vars()).current_dir(home.path());
        let mut session =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(session.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        assert!(!address.trim().is_empty(), "the keyring did not start");
        home.set("DBUS_SESSION_BUS_ADDRESS", address.trim());
        Some(Self(session))
    }

    /// Locks the keyring. Nobody can unlock it again.
    pub fn lock(&self, home: &Home) {
        let keyrings = "/org/freedesktop/secrets";
        let items = format!("[objectpath '{keyrings}/collection/login']");
        let lock = "org.freedesktop.Secret.Service.Lock";
        let call = ["call", "--session", "--dest", "org.freedesktop.secrets", "--object-path", keyrings];
        run(home, "gdbus", &[&call[..], &["--method", lock, &items]].concat(), "");
    }

    /// What `secret-tool` prints.
    pub fn secret_tool(&self, home: &Home, args: &[&str], stdin: &str) -> String {
        run(home, "secret-tool", args, stdin)
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn run(home: &Home, program: &str, args: &[&str], stdin: &str) -> String {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(home.vars()).current_dir(home.path());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    // `secret-tool search` prints attributes on stderr.
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
}
