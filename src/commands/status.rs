//! `awsmfa status`

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::args::JsonArg;
use crate::answers;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::findings;
use crate::model::session::timestamp;
use crate::model::visible::visible;
use crate::status::{self, Kind, Known, Row, Via};
use crate::ui::{Listing, Page};

/// Show each profile's session: valid until when, its device, and where the secret is
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Lists the profiles with an MFA device, with a session, or with awsmfa as their `credential_process`. Nobody is asked: no \
request to AWS, no prompt.

SESSION is the time left. VIA is how SDKs get the session: `login` from the credentials file, `credential-process` from \
awsmfa. SECRET is the store that holds the device's secret.

Examples:
  awsmfa status
  awsmfa status --profile dev --json
  awsmfa status --short
  awsmfa status --watch")]
#[command(mut_arg("profile", |arg| arg.help("Only this profile [default: all; with `--short`, `AWS_PROFILE`, then `default`]")))]
#[command(mut_arg("name", |arg| arg.help("Only this profile, instead of `--profile`")))]
pub struct StatusArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    #[command(flatten)]
    json: JsonArg,
    /// Print one line for a shell prompt, such as `dev 11h 52m`, or nothing if there is no session
    #[arg(long, conflicts_with = "json")]
    short: bool,
    /// Show the list on the whole terminal and update it every second
    #[arg(long, conflicts_with_all = ["json", "short"])]
    watch: bool,
}

#[derive(Serialize)]
struct RowOutput<'a> {
    profile: &'a str,
    kind: Option<&'static str>,
    via: Option<&'static str>,
    /// `valid`, `expired`, `unknown` or null.
    state: Option<&'static str>,
    expires: Option<String>,
    role: Option<&'a str>,
    device: Option<&'a str>,
    store: Option<String>,
    /// AWS's time minus this computer's.
    clock_offset_seconds: Option<i64>,
    notes: &'a [String],
}

pub fn run(ctx: &Context, args: &StatusArgs) -> CommandResult {
    if args.short {
        return short(ctx, args.profile.name());
    }
    let name = args.profile.name();
    let rows = rows(ctx, name)?;
    if args.watch {
        return watch(ctx, name);
    }
    let now = ctx.clock.now();
    if args.json.json {
        let output: Vec<RowOutput> = rows.iter().map(|row| output(row, now)).collect();
        return Ok(ctx.ui.pretty_json(&output)?);
    }
    if rows.is_empty() {
        ctx.ui.say("there are no AWS profiles");
        ctx.ui.hint("create a profile with your access key: `aws configure`");
        return Ok(());
    }
    ctx.ui.result(&LISTING.on_stdout(&cells(&rows, now)).to_string())?;
    findings::warn_of_files(ctx);
    Ok(())
}

fn rows(ctx: &Context, name: Option<&str>) -> CommandResult<Vec<Row>> {
    name.map_or_else(|| status::all(ctx), |name| Ok(vec![status::of(ctx, name)?]))
}

/// Files that cannot be read for a moment do not end the list.
fn watch(ctx: &Context, name: Option<&str>) -> CommandResult {
    let page = |columns| {
        let now = ctx.clock.now();
        match rows(ctx, name) {
            Ok(rows) => LISTING.page(&cells(&rows, now), Some(columns)),
            Err(error) => Page { head: None, lines: vec![visible(&error.to_string())] },
        }
    };
    ctx.ui
        .live(page)
        .map_err(|error| CommandError::of_watch(error, "list the sessions once: `awsmfa status`"))
}

fn short(ctx: &Context, name: Option<&str>) -> CommandResult {
    let given = answers::of_environment(&ctx.env).filter(|_| name.is_none());
    let name = Named::of(name, &ctx.env).name();
    let validity = given.or_else(|| status::short(ctx, name));
    let line = validity.map(|validity| validity.prompt(name, ctx.clock.now()));
    Ok(ctx.ui.result(&line.unwrap_or_default())?)
}

fn output(row: &Row, now: DateTime<Utc>) -> RowOutput<'_> {
    RowOutput {
        profile: &row.profile,
        kind: row.kind.map(kind),
        via: row.via.map(via),
        state: match row.session {
            Known::NoSession => None,
            Known::NoEnd => Some("unknown"),
            Known::Until(validity) if validity.left(now).is_some() => Some("valid"),
            Known::Until(_) => Some("expired"),
        },
        expires: row.session.validity().map(|validity| timestamp(validity.expiration)),
        role: row.role.as_deref(),
        device: row.device.as_ref().map(crate::model::serial::Serial::as_str),
        store: row.store.map(|store| store.to_string()),
        clock_offset_seconds: row.offset.map(|offset| offset.num_seconds()),
        notes: &row.notes,
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "user",
        Kind::Role => "role",
    }
}

fn via(via: Via) -> &'static str {
    match via {
        Via::Login => "login",
        Via::CredentialProcess => "credential-process",
    }
}

const LISTING: Listing<8> = Listing {
    head: ["PROFILE", "SESSION", "UNTIL", "KIND", "VIA", "DEVICE", "SECRET", "NOTES"],
    // How long the session lasts says the same.
    spare: 2,
};

fn cells(rows: &[Row], now: DateTime<Utc>) -> Vec<[String; 8]> {
    rows.iter().map(|row| cells_of(row, now)).collect()
}

fn cells_of(row: &Row, now: DateTime<Utc>) -> [String; 8] {
    let (left, until) = match row.session {
        Known::NoSession => Default::default(),
        Known::NoEnd => ("unknown".to_owned(), String::new()),
        Known::Until(validity) => (validity.in_words(now), timestamp(validity.expiration)),
    };
    [
        row.profile.clone(),
        left,
        until,
        row.kind.map(kind).unwrap_or_default().to_owned(),
        row.via.map(via).unwrap_or_default().to_owned(),
        row.device.as_ref().map(|serial| serial.device_name().to_owned()).unwrap_or_default(),
        row.store.map(|store| store.to_string()).unwrap_or_default(),
        row.notes.join("; "),
    ]
}
