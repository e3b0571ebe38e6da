//! Runs the whole flow in a temporary home against a fake AWS on loopback: `cargo run --example demo`.
//!
//! It runs the real binary and shows everything it prints. The AWS SDK for Rust stands for the tools that use the session, because
//! the AWS CLI may not be installed. No AWS account is involved.

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

/// The argument with which the demo runs itself to be an AWS tool.
const TOOL: &str = "get-caller-identity";

fn main() -> Result {
    if std::env::args().nth(1).is_some_and(|argument| argument == TOOL) {
        return tool();
    }
    // Building may replace this program.
    let tool = std::env::current_exe()?;
    let program = build()?;
    let aws = FakeAws::start();
    let user = aws.add_user("alice");
    let key = aws.add_access_key(&user.name);
    let home = tempfile::tempdir()?;
    prepare_home(home.path(), &key)?;
    let demo = Demo { program, tool, home: home.path().to_owned(), endpoint: aws.endpoint() };

    say("An IAM user has an access key in [dev] and has to use MFA, but has no MFA device yet.");
    demo.show(".aws/config")?;
    demo.show(".aws/credentials")?;

    say(
        "One command creates a virtual device, stores its secret (here in age files), enables it and verifies it.",
    );
    demo.awsmfa(&["enroll", "--profile", "dev", "--no-qr"])?;

    say(
        "Another one connects the profile with awsmfa. It shows what it changes, and that the profile works.",
    );
    demo.awsmfa(&["setup", "--profile", "dev", "--yes"])?;

    say(
        "From now on there is nothing to type. Any AWS tool gets a session; here it is the AWS SDK for Rust:",
    );
    demo.use_aws("dev")?;
    demo.awsmfa(&["status"])?;

    say("Programs that know only environment variables get the session from `exec`:");
    demo.awsmfa(&["exec", "--profile", "dev", "--", "printenv", "AWS_ACCESS_KEY_ID", "AWSMFA_PROFILE"])?;

    say("A code for the console's sign-in page:");
    demo.awsmfa(&["code", "--profile", "dev"])?;

    say("All of this can be undone, byte for byte:");
    demo.awsmfa(&["setup", "--undo", "--yes"])?;
    demo.show(".aws/credentials")?;

    let requests = aws.requests();
    let asked: Vec<&str> = requests.iter().map(|request| request.action.as_str()).collect();
    say(&format!("All of this took {} requests to AWS: {}.", asked.len(), asked.join(", ")));
    Ok(())
}

/// What an AWS tool does: finds credentials as every SDK does, and uses them.
fn tool() -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caller = runtime.block_on(async {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let defaults = aws_config::defaults(aws_config::BehaviorVersion::latest());
        let config = defaults.http_client(http).load().await;
        aws_sdk_sts::Client::new(&config).get_caller_identity().send().await
    })?;
    println!("{}", caller.arn().ok_or("AWS named no caller")?);
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

fn prepare_home(home: &Path, key: &AccessKey) -> Result {
    fs::create_dir(home.join(".aws"))?;
    fs::write(home.join(".aws/config"), "[profile dev]\nregion = eu-central-1\n")?;
    let credentials =
        format!("# my keys\n[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    fs::write(home.join(".aws/credentials"), credentials)?;
    fs::write(home.join("passphrase"), "correct horse battery staple\n")?;
    #[cfg(unix)]
    fs::set_permissions(home.join("passphrase"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

struct Demo {
    program: PathBuf,
    tool: PathBuf,
    home: PathBuf,
    endpoint: String,
}

impl Demo {
    fn awsmfa(&self, args: &[&str]) -> Result {
        self.run(&format!("awsmfa {}", args.join(" ")), Command::new(&self.program).args(args))
    }

    /// Runs a program that uses AWS with this profile.
    fn use_aws(&self, profile: &str) -> Result {
        let words = format!("AWS_PROFILE={profile} {TOOL}");
        self.run(&words, Command::new(&self.tool).arg(TOOL).env("AWS_PROFILE", profile))
    }

    /// Runs a program in the demo's home, and shows the command and its output.
    fn run(&self, words: &str, command: &mut Command) -> Result {
        println!("\n  $ {words}");
        let own: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let output = command
            .env_clear()
            .envs(own)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
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
            false => Err(format!("{words}: {}", output.status).into()),
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
