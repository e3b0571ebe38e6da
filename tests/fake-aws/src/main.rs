//! `fake-aws`: the server as a program, for tests in other languages and for demonstrations.
//!
//! Prints one line of JSON when it is ready, and serves until stdin closes or, with `--forever`, until it is killed.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use fake_aws::{CodeModel, FakeAws, Permissions, RoleSpec};
use serde::Serialize;

/// A small, strict fake of AWS STS and IAM on loopback, for tests
#[derive(Debug, Parser)]
struct Args {
    /// Port on 127.0.0.1; 0 for any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How codes are verified
    #[arg(long, value_enum, default_value_t = Model::Observed)]
    model: Model,
    /// Seconds until STS sees a change to a device
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    lag: u64,
    /// Seconds until IAM lists show a change to a device or a new access key
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    list_lag: u64,
    /// Seconds until other IAM operations see a new user or device, and until a new access key signs requests
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    creation_lag: u64,
    /// Seconds that the server's clock is ahead of the system clock
    #[arg(long, default_value_t = 0, value_name = "SECONDS", allow_negative_numbers = true)]
    clock_offset: i64,
    /// Lifetime of sessions, whatever a request asks for; if negative, they are issued expired
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    session_lifetime: Option<i64>,
    /// Maximum page size of lists
    #[arg(long, default_value_t = 100, value_name = "N")]
    page_size: usize,
    /// Account ID
    #[arg(long, default_value = "123456789012", value_name = "ID")]
    account: String,
    /// Partition of all ARNs
    #[arg(long, default_value = "aws")]
    partition: String,
    /// Serve TLS with a certificate of a new CA
    #[arg(long)]
    https: bool,
    /// Write the CA certificate to this file, in PEM
    #[arg(long, value_name = "FILE", requires = "https")]
    ca_out: Option<PathBuf>,
    /// Add a user with an access key and an enabled device (repeatable)
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Add users without a device
    #[arg(long)]
    no_device: bool,
    /// Add an administrator with an access key and no device (repeatable)
    #[arg(long, value_name = "NAME")]
    admin: Vec<String>,
    /// Allow users everything, with or without MFA
    #[arg(long)]
    allow_all: bool,
    /// Add a role that trusts every user, with or without MFA (repeatable)
    #[arg(long, value_name = "NAME")]
    role: Vec<String>,
    /// Keep serving when stdin closes
    #[arg(long)]
    forever: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    Observed,
    Strict,
}

#[derive(Serialize)]
struct Ready {
    endpoint: String,
    account: String,
    users: Vec<ReadyUser>,
    roles: Vec<ReadyRole>,
}

#[derive(Serialize)]
struct ReadyRole {
    name: String,
    arn: String,
}

#[derive(Serialize)]
struct ReadyUser {
    name: String,
    arn: String,
    access_key_id: String,
    secret_access_key: String,
    serial: Option<String>,
    seed: Option<String>,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let aws = start(&args)?;
    if let (Some(path), Some(pem)) = (&args.ca_out, aws.ca_pem()) {
        write_file(path, pem)?;
    }
    let roles = args.role.iter().map(|name| aws.add_role(name, RoleSpec::default()));
    let ready = Ready {
        endpoint: aws.endpoint(),
        account: args.account.clone(),
        users: add_users(&aws, &args),
        roles: roles.map(|role| ReadyRole { name: role.name, arn: role.arn }).collect(),
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(&ready)?)?;
    stdout.flush()?;
    drop(stdout);
    if args.forever {
        loop {
            std::thread::park();
        }
    }
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn start(args: &Args) -> io::Result<FakeAws> {
    let model = match args.model {
        Model::Observed => CodeModel::Observed,
        Model::Strict => CodeModel::Strict,
    };
    let builder = FakeAws::builder()
        .port(args.port)
        .account(&args.account)
        .partition(&args.partition)
        .model(model)
        .lag(Duration::from_secs(args.lag))
        .list_lag(Duration::from_secs(args.list_lag))
        .creation_lag(Duration::from_secs(args.creation_lag))
        .page_size(args.page_size);
    let aws = if args.https { builder.https() } else { builder }.try_start()?;
    aws.clock().set_offset(args.clock_offset);
    aws.set_session_lifetime(args.session_lifetime);
    Ok(aws)
}

fn add_users(aws: &FakeAws, args: &Args) -> Vec<ReadyUser> {
    let users = args.user.iter().map(|name| (aws.add_user(name), !args.no_device));
    let admins = args.admin.iter().map(|name| (aws.add_admin(name), false));
    let ready = users.chain(admins).map(|(user, with_device)| {
        if args.allow_all {
            aws.set_permissions(&user.name, Permissions::Admin);
        }
        let key = aws.add_access_key(&user.name);
        let device = with_device.then(|| aws.add_device(&user.name, &user.name));
        let (serial, seed) = device.map(|device| (device.serial, device.seed)).unzip();
        ReadyUser {
            name: user.name,
            arn: user.arn,
            access_key_id: key.id,
            secret_access_key: key.secret,
            serial,
            seed,
        }
    });
    ready.collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test tool writes a public certificate; no secret, nothing to replace"
)]
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)
}
