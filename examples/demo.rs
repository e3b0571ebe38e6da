//! Runs the whole flow in a temporary home against a fake AWS on loopback: `cargo run --example demo`.
//!
//! It runs the real binary and shows everything it prints. No AWS account is involved.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it prints a session for a person to read"
)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fake_aws::{AccessKey, FakeAws};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let program = build()?;
    let aws = FakeAws::start();
    let (user, admin) = (aws.add_user("aws_mfa_demo"), aws.add_admin("admin"));
    let (key, admin_key) = (aws.add_access_key(&user.name), aws.add_access_key(&admin.name));
    let home = tempfile::tempdir()?;
    prepare_home(home.path(), &key, &admin_key)?;
    let demo = Demo { program, home: home.path().to_owned(), endpoint: aws.endpoint() };

    say("An IAM user has an access key in [dev] and has to use MFA, but has no MFA device yet.");
    demo.show(".aws/config")?;
    demo.show(".aws/credentials")?;

    say(
        "One command creates a virtual device, stores its secret (here in age files), enables it and verifies it.",
    );
    demo.run(&["enroll", "--user", "aws_mfa_demo", "--profile", "admin", "--for-profile", "dev", "--no-qr"])?;
    demo.run(&["device", "list", "--profile", "admin", "--user", "aws_mfa_demo"])?;

    say("From now on there is nothing to type. Get a session for the AWS CLI and every SDK:");
    demo.run(&["login", "--profile", "dev"])?;
    demo.show(".aws/credentials")?;

    say(
        "Or let the AWS CLI and the SDKs get it themselves with `credential_process = awsmfa credential-process --profile dev`:",
    );
    demo.run(&["credential-process", "--profile", "dev"])?;

    say("A code for the console's sign-in page:");
    demo.run(&["code", "--profile", "dev"])?;

    say("Log out and restore the file byte for byte:");
    demo.run(&["logout", "--profile", "dev", "--restore"])?;
    demo.show(".aws/credentials")?;

    let requests = aws.requests();
    let asked: Vec<&str> = requests.iter().map(|request| request.action.as_str()).collect();
    say(&format!("All of this took {} requests to AWS: {}.", asked.len(), asked.join(", ")));
    Ok(())
}

/// Builds the binary, which `cargo run --example` does not, in the profile that is running.
fn build() -> Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let folder = examples.ancestors().nth(2).ok_or("the example is not in a target folder")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Together with the example, so that the features are the same as in the build that is running.
    cargo.args(["build", "--quiet", "--bin", "awsmfa", "--example", "demo"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    if !cargo.status()?.success() {
        return Err("cannot build the binary".into());
    }
    Ok(folder.join(format!("awsmfa{}", std::env::consts::EXE_SUFFIX)))
}

fn prepare_home(home: &Path, key: &AccessKey, admin_key: &AccessKey) -> Result {
    fs::create_dir(home.join(".aws"))?;
    fs::write(home.join(".aws/config"), "[profile dev]\nregion = eu-central-1\n")?;
    let section = |name: &str, key: &AccessKey| {
        format!("[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret)
    };
    let credentials = format!("# my keys\n{}\n{}", section("dev", key), section("admin", admin_key));
    fs::write(home.join(".aws/credentials"), credentials)?;
    fs::write(home.join("passphrase"), "correct horse battery staple\n")?;
    #[cfg(unix)]
    fs::set_permissions(home.join("passphrase"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

struct Demo {
    program: PathBuf,
    home: PathBuf,
    endpoint: String,
}

impl Demo {
    /// Runs the binary and shows the command and its output.
    fn run(&self, args: &[&str]) -> Result {
        println!("\n  $ awsmfa {}", args.join(" "));
        let output = Command::new(&self.program)
            .args(args)
            .env_clear()
            .env("HOME", &self.home)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWSMFA_STORE", "file")
            .env("AWSMFA_PASSPHRASE_FILE", self.home.join("passphrase"))
            .stdin(Stdio::null())
            .output()?;
        self.print(&String::from_utf8(output.stdout)?);
        self.print(&String::from_utf8(output.stderr)?);
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("awsmfa {}: {}", args.join(" "), output.status).into()),
        }
    }

    fn show(&self, file: &str) -> Result {
        println!("\n  $ cat ~/{file}");
        self.print(&fs::read_to_string(self.home.join(file))?);
        Ok(())
    }

    fn print(&self, text: &str) {
        for line in text.replace(&*self.home.to_string_lossy(), "~").lines() {
            println!("  {}", shortened(line));
        }
    }
}

/// Leaves out the middle of session tokens.
fn shortened(line: &str) -> String {
    let long = |word: &str| word.len() > 120 && !word.contains("arn:");
    let words = line.split_inclusive(['"', ' ']).map(|word| match long(word) {
        true => format!("{}…{}", &word[..24], &word[word.len() - 12..]),
        false => word.to_owned(),
    });
    words.collect()
}

fn say(text: &str) {
    println!("\n{text}");
}
