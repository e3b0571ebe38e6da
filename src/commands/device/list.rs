//! `awsmfa device list`: the devices that are stored here, joined with those that AWS has.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::aws::{AwsError, AwsErrorKind};
use crate::aws_files::resolve::{ResolveError, resolve};
use crate::caller::Caller;
use crate::choice::Named;
use crate::context::Context;
use crate::devices::inventory::{self, Entry, Kind, State};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::session::timestamp;
use crate::ui;

/// List the devices that are stored here and those that AWS has
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
AWS is asked for the devices of the profile's user, or of `--user`, and for virtual devices that are
nobody's: such a one is left behind by an enrolment that went wrong, and keeps its name taken. Where
AWS cannot be asked, the devices that are stored here are listed all the same.

ENABLED says since when AWS takes the device's codes; `unassigned` that the device is nobody's, and
`missing` that AWS has none of that serial. SECRET says in which store its secret is.

Examples:
  awsmfa device list
  awsmfa device list --profile admin --user alice
  awsmfa device list --local --json")]
pub struct ListArgs {
    #[command(flatten)]
    profile: crate::commands::ProfileArg,
    /// The user whose devices are listed [default: the profile's own]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// Do not ask AWS
    #[arg(short, long, conflicts_with_all = ["profile", "user"])]
    local: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct DeviceOutput<'a> {
    serial: &'a str,
    kind: &'static str,
    user: Option<&'a str>,
    label: Option<&'a str>,
    state: &'static str,
    enabled: Option<String>,
    store: Option<String>,
    profiles: &'a [String],
}

pub fn run(ctx: &Context, args: &ListArgs) -> CommandResult {
    let local = inventory::local(ctx)?;
    let entries = if args.local { local } else { joined(ctx, args, local)? };
    if args.json {
        let output: Vec<DeviceOutput> = entries.iter().map(output).collect();
        return Ok(ctx.ui.pretty_json(&output)?);
    }
    if entries.is_empty() {
        ctx.ui.say("no device is known");
        ctx.ui.hint("make one with `awsmfa enroll`; one that exists: `awsmfa device import --profile NAME`");
        return Ok(());
    }
    Ok(ctx.ui.result(&table(&entries))?)
}

/// With what AWS says. What it does not say is one note; the list is there in any case.
fn joined(ctx: &Context, args: &ListArgs, local: Vec<Entry>) -> CommandResult<Vec<Entry>> {
    let profile = args.profile.profile.clone().or_else(|| super::profile_of_any(ctx, &local));
    if profile.is_none() && args.user.is_none() && !super::somebody_is_configured(ctx) {
        // The SDK would look for a machine's role, which takes its time and has no devices.
        if !local.is_empty() {
            ctx.ui.say("only what is stored here is listed: name a profile whose credentials may ask AWS");
        }
        return Ok(local);
    }
    check_profile(ctx, args)?;
    let asked = Caller::find(ctx, profile.as_deref()).and_then(|mut caller| {
        inventory::ask(ctx, &mut caller, args.user.as_deref()).map_err(|error| told(args, error))
    });
    let remote = match asked {
        Ok(remote) => remote,
        Err(error) if error.kind == ErrorKind::Usage || error.kind == ErrorKind::Interrupted => {
            return Err(error);
        }
        Err(error) => {
            ctx.ui.say(format_args!("only what is stored here is listed: {error}"));
            inventory::Remote::default()
        }
    };
    if let Some(gap) = &remote.gap {
        ctx.ui.say(format_args!("not everything is listed: {gap}"));
    }
    let mut entries = inventory::join(ctx, local, &remote);
    if let Some(user) = &args.user {
        // Whose an entry is may not be known; then it may be this user's.
        entries.retain(|entry| entry.user.as_ref().is_none_or(|of| of.eq_ignore_ascii_case(user)));
    }
    Ok(entries)
}

/// A profile that does not exist was mistyped: no list answers that. With keys in the environment, `AWS_PROFILE` names
/// settings at most.
fn check_profile(ctx: &Context, args: &ListArgs) -> CommandResult {
    let named = Named::of(args.profile.profile.as_deref(), &ctx.env);
    // Files that cannot be read are told with the list.
    let (Some(name), Ok(profiles)) = (named.whose_credentials(&ctx.env), ctx.profiles()) else {
        return Ok(());
    };
    match resolve(&profiles, name) {
        Err(error @ (ResolveError::NoSuchProfile { .. } | ResolveError::Ignored { .. })) => Err(error.into()),
        _ => Ok(()),
    }
}

/// A user who does not exist was mistyped: no list answers that.
fn told(args: &ListArgs, error: AwsError) -> CommandError {
    match &args.user {
        Some(user) if error.kind == AwsErrorKind::NotFound => {
            CommandError::new(ErrorKind::Usage, format!("there is no IAM user `{user}`"))
                .hint("list the users: `aws iam list-users --query 'Users[].UserName'`")
        }
        _ => error.into(),
    }
}

fn output(entry: &Entry) -> DeviceOutput<'_> {
    DeviceOutput {
        serial: &entry.serial,
        kind: match Kind::of(&entry.serial) {
            Kind::Virtual => "virtual",
            Kind::Hardware => "hardware",
            Kind::SecurityKey => "fido",
        },
        user: entry.user.as_deref(),
        label: entry.label.as_deref(),
        state: match entry.state {
            State::Enabled(_) => "enabled",
            State::Unassigned => "unassigned",
            State::Missing => "missing",
            State::Unknown => "unknown",
        },
        enabled: since(entry).map(timestamp),
        store: entry.store.map(|store| store.to_string()),
        profiles: &entry.profiles,
    }
}

fn since(entry: &Entry) -> Option<DateTime<Utc>> {
    match entry.state {
        State::Enabled(since) => since,
        _ => None,
    }
}

fn table(entries: &[Entry]) -> String {
    let head = ["SERIAL", "KIND", "USER", "ENABLED", "SECRET", "PROFILES", "LABEL"];
    ui::table(head, entries.iter().map(row))
}

fn row(entry: &Entry) -> [String; 7] {
    let kind = match Kind::of(&entry.serial) {
        Kind::Virtual => "virtual",
        Kind::Hardware => "hardware",
        Kind::SecurityKey => "security key",
    };
    let enabled = match entry.state {
        State::Enabled(Some(since)) => since.format("%Y-%m-%d").to_string(),
        State::Enabled(None) => "yes".to_owned(),
        State::Unassigned => "unassigned".to_owned(),
        State::Missing => "missing".to_owned(),
        State::Unknown => String::new(),
    };
    [
        entry.serial.clone(),
        kind.to_owned(),
        entry.user.clone().unwrap_or_default(),
        enabled,
        entry.store.map(|store| store.to_string()).unwrap_or_default(),
        entry.profiles.join(","),
        entry.label.clone().unwrap_or_default(),
    ]
}
