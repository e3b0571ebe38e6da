//! `awsmfa store status`

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::commands::args::JsonArg;
use crate::context::Context;
use crate::custody::status::{self, Held, Kind, OpenedBy, Overview, Presence, Reason, State, Store};
use crate::env::AWSMFA_STORE;
use crate::error::CommandResult;
use crate::model::duration::in_words;
use crate::model::session::timestamp;
use crate::model::shell::CommandLine;
use crate::ui::{self, Listing};
use crate::vault;

/// Show the stores, whether they work, and the secrets that they hold
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A store is the OS keyring or a folder of files that are encrypted with a passphrase. No secret is shown, and none is \
decrypted. The OS may prompt you to unlock the keyring.

STATE of a secret is `missing` if the registry of devices refers to it and the store does not have it, `unregistered` if the \
store has it and the registry does not refer to it, `copy` if the registry refers to the one in the other store, and `unreadable` \
if its file is damaged or accessible to other users.

Examples:
  awsmfa store status
  awsmfa store status --json | jq -r '.secrets[] | select(.state == \"missing\") | .name'")]
pub struct StatusArgs {
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Serialize)]
struct Output<'a> {
    default: &'static str,
    default_reason: &'static str,
    stores: Vec<StoreOutput<'a>>,
    secrets: Vec<SecretOutput<'a>>,
}

#[derive(Serialize)]
struct StoreOutput<'a> {
    store: &'static str,
    place: Option<&'a str>,
    state: &'static str,
    reason: Option<&'a str>,
    unlocked_until: Option<String>,
}

#[derive(Serialize)]
struct SecretOutput<'a> {
    name: &'a str,
    kind: &'static str,
    store: &'static str,
    state: &'static str,
    profiles: &'a [String],
}

pub fn run(ctx: &Context, args: &StatusArgs) -> CommandResult {
    let overview = status::overview(ctx)?;
    if args.json.json {
        return Ok(ctx.ui.pretty_json(&output(&overview))?);
    }
    ctx.ui.result(&text(&overview, ctx.clock.now()))?;
    for store in &overview.stores {
        if let State::Unavailable { hints, .. } = &store.state {
            hints.iter().for_each(|hint| ctx.ui.hint(hint));
        }
    }
    hints(ctx, &overview);
    Ok(())
}

/// What to do about secrets that are not where they should be. Nothing can be done about one of an unknown kind.
fn hints(ctx: &Context, overview: &Overview) {
    let find = |state, kind| overview.secrets.iter().find(|held| held.state == state && held.kind == kind);
    let missing = (find(Presence::Missing, Kind::Device), find(Presence::Missing, Kind::AccessKey));
    if missing.0.or(missing.1).is_some() {
        ctx.ui.hint("restore a missing secret from a backup: `awsmfa store restore FILE`");
    }
    if let Some(device) = missing.0 {
        let import = CommandLine::new("awsmfa device import").option("--serial", Some(&device.name));
        ctx.ui.hint(format_args!("or import the secret again: `{import}`"));
    }
    if let Some(profile) = missing.1.and_then(|key| key.profiles.first()) {
        let [enter, store] = vault::enter_key_again(profile);
        ctx.ui.hint(format_args!("or {enter}"));
        ctx.ui.hint(store);
    }
    for kind in [Kind::Device, Kind::AccessKey] {
        if let Some(copy) = find(Presence::Copy, kind) {
            let delete =
                CommandLine::new("awsmfa store move").option("--to", Some(copy.store.other().name()));
            ctx.ui.hint(format_args!("delete the copy: `{}`", delete.arg(&copy.name)));
        }
    }
    if overview.secrets.iter().any(|held| held.state == Presence::Unreadable) {
        ctx.ui.hint("find out why a secret is unreadable: `awsmfa doctor`");
    }
    if find(Presence::Unregistered, Kind::Device).or(find(Presence::Unregistered, Kind::AccessKey)).is_some()
    {
        ctx.ui.hint("register what the stores hold: `awsmfa store rebuild`");
    }
}

fn output(overview: &Overview) -> Output<'_> {
    Output {
        default: overview.default.name(),
        default_reason: match overview.reason {
            Reason::Variable => AWSMFA_STORE,
            Reason::KeyringWorks => "the keyring works",
            Reason::KeyringDoesNotWork => "the keyring does not work",
        },
        stores: overview.stores.iter().map(store_output).collect(),
        secrets: overview.secrets.iter().map(secret_output).collect(),
    }
}

fn store_output(store: &Store) -> StoreOutput<'_> {
    let (state, reason, until) = match &store.state {
        State::Works => ("available", None, None),
        State::NotCreated => ("not created", None, None),
        State::Unlocked { until } => ("unlocked", None, Some(*until)),
        State::Locked { opened_by: OpenedBy::Nothing } => ("locked", None, None),
        State::Locked { opened_by: OpenedBy::This(what) | OpenedBy::NotThis { why: what } } => {
            ("locked", Some(what.as_str()), None)
        }
        State::Unavailable { why, .. } => ("unavailable", Some(why.as_str()), None),
    };
    let (place, unlocked_until) = (store.place.as_deref(), until.map(timestamp));
    StoreOutput { store: store.kind.name(), place, state, reason, unlocked_until }
}

fn secret_output(held: &Held) -> SecretOutput<'_> {
    SecretOutput {
        name: &held.name,
        kind: match held.kind {
            Kind::Device => "device",
            Kind::AccessKey => "access key",
            Kind::Unknown => "unknown",
        },
        store: held.store.name(),
        state: match held.state {
            Presence::Stored => "stored",
            Presence::Missing => "missing",
            Presence::Copy => "copy",
            Presence::Unregistered => "unregistered",
            Presence::Unreadable => "unreadable",
            Presence::Unknown => "unknown",
        },
        profiles: &held.profiles,
    }
}

fn text(overview: &Overview, now: DateTime<Utc>) -> String {
    let default = match overview.reason {
        Reason::Variable => "yes (AWSMFA_STORE)",
        Reason::KeyringWorks | Reason::KeyringDoesNotWork => "yes",
    };
    let store_row = |store: &Store| {
        let StoreOutput { store: name, place, state, reason, .. } = store_output(store);
        let default = if store.kind == overview.default { default } else { "" };
        let notes = match (&store.state, reason) {
            (State::Unlocked { until }, _) => {
                format!("for {}", in_words((*until - now).to_std().unwrap_or_default()))
            }
            (State::Locked { opened_by: OpenedBy::This(what) }, _) => format!("{what} unlocks it"),
            (_, reason) => reason.unwrap_or_default().to_owned(),
        };
        [name.to_owned(), default.to_owned(), state.to_owned(), place.unwrap_or_default().to_owned(), notes]
    };
    let listing = Listing { head: ["STORE", "DEFAULT", "STATE", "FOLDER", "NOTES"], spare: 3 };
    let rows: Vec<_> = overview.stores.iter().map(store_row).collect();
    let stores = listing.on_stdout(&rows).to_string();
    if overview.secrets.is_empty() {
        return stores;
    }
    let secret_row = |held: &Held| {
        let SecretOutput { name, kind, store, state, profiles } = secret_output(held);
        [name, kind, store, state, &profiles.join(",")].map(str::to_owned)
    };
    let head = ["SECRET", "KIND", "STORE", "STATE", "PROFILES"];
    format!("{stores}\n{}", ui::table(head, overview.secrets.iter().map(secret_row)))
}
