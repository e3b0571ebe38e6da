//! The AWS console, opened with a role's session.
//!
//! AWS exchanges the credentials of a role for a sign-in token, but not those of a user's own session (GetSessionToken).

use std::time::Duration;

use crate::aws::{AwsError, AwsErrorKind};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{Instead, KeysError, Resolution, resolve};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::loopback::Redirect;
use crate::model::again::again;
use crate::model::console::{self, Service};
use crate::model::duration::SessionDuration;
use crate::model::region::Region;
use crate::model::secret::Secret;
use crate::model::session_policy::SessionPolicy;
use crate::model::shell::quoted;
use crate::model::validity::Validity;
use crate::model::{duration, partition};
use crate::process::Opener;
use crate::session::{self, Asker, Obtained, Request};

/// What to open.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long the console session lasts, instead of the role's session.
    pub duration: Option<SessionDuration>,
    /// Narrows the role's session.
    pub policy: Option<SessionPolicy>,
    /// The region that the console shows, instead of the profile's.
    pub region: Option<Region>,
    /// The service that the console shows, instead of its home page.
    pub service: Option<Service>,
}

/// A console session that a browser can open within 15 minutes.
pub struct SignIn {
    pub profile: String,
    pub url: Secret<String>,
    /// How long the console session lasts.
    pub lasts: Duration,
}

/// Gets the URL that opens the console for a profile's role.
pub fn sign_in(ctx: &Context, named: Named, options: &Options) -> CommandResult<SignIn> {
    let profiles = ctx.profiles()?;
    let (profile, role) = role_profile(&profiles, named)?;
    let partition = partition::of_arn(&role);
    check_region(options.region.as_ref(), partition)?;
    let request = Request {
        duration: options.duration,
        policy: options.policy.clone(),
        ..Request::person(Named::Flag(&profile))
    };
    let obtained = session::obtain(ctx, &request)?;
    let serial = obtained.device.as_ref().map(|device| &device.serial);
    let settings = session::connection(ctx, &profiles, &obtained.profile, serial, Asker::Person)?.settings;
    let hosts = console::hosts(partition).ok_or_else(|| {
        let message = format!("the console of partition `{partition}` is unknown");
        CommandError::new(ErrorKind::Configuration, message).hint("update awsmfa")
    })?;
    let endpoint = settings.signin_endpoint.as_ref();
    let server = endpoint.map_or_else(|| format!("https://{}", hosts.sign_in), ToString::to_string);
    let federation = format!("{}/federation", server.trim_end_matches('/'));
    let region = options.region.clone().or(obtained.region.as_ref().map(|setting| setting.region.clone()));
    let region = region.unwrap_or_else(|| settings.region.clone());
    // AWS rejects it for a role that was assumed from a session.
    let lasts = options.duration.filter(|duration| is_direct(&obtained, *duration));
    let lasts = lasts.map(|duration| duration.min(SessionDuration::ROLE_MAX));
    let token = ctx.aws(settings)?.signin_token(&federation, &obtained.session, lasts)?;
    let token = token.map_err(|error| refused(error, &profile, &role))?;
    let page = console::page(hosts, options.service.as_ref(), &region);
    let session = Validity { expiration: obtained.session.expiration, offset: obtained.offset };
    let left = session.left(ctx.clock.now()).unwrap_or_default();
    Ok(SignIn {
        profile,
        url: console::sign_in_url(&federation, &page, &token),
        lasts: lasts.map_or(left, |lasts| Duration::from_secs(lasts.seconds().into())),
    })
}

fn check_region(given: Option<&Region>, partition: &str) -> CommandResult {
    match given.filter(|region| partition::is_known(partition) && region.partition() != partition) {
        None => Ok(()),
        Some(region) => {
            let of_region = region.partition();
            let message = format!(
                "region `{region}` belongs to partition `{of_region}`, but the role belongs to `{partition}`"
            );
            let near = partition::default_region(partition);
            Err(CommandError::new(ErrorKind::Usage, message).hint(format!("use `--region {near}`")))
        }
    }
}

/// The profile with the role whose session the console gets, and the role's ARN.
fn role_profile(profiles: &Profiles, named: Named) -> CommandResult<(String, String)> {
    let mut resolution = resolve(profiles, named.name())?;
    if let Err(KeysError::NoLongTermKeys { instead: Some(Instead::Served(other)), .. }) = &resolution.keys {
        resolution = resolve(profiles, other)?;
    }
    match resolution.roles.last() {
        Some(role) => Ok((resolution.profile, role.role_arn.clone())),
        None => Err(needs_role(profiles, &resolution)),
    }
}

/// How many other profiles a hint names.
const CHOICES: usize = 3;

fn needs_role(profiles: &Profiles, resolution: &Resolution) -> CommandError {
    let name = &resolution.profile;
    let message =
        format!("profile `{name}` has no role, and AWS does not open the console for a user's own session");
    let this = CommandError::new(ErrorKind::Configuration, message);
    let of_user = |name: &&str| {
        resolve(profiles, name).is_ok_and(|other| !other.roles.is_empty() && other.base == resolution.base)
    };
    let roles: Vec<&str> = profiles.names().filter(of_user).take(CHOICES).collect();
    if roles.is_empty() {
        let set = |key: &str, value: &str| format!("aws configure set {key} {value} --profile NAME");
        return this
            .hint(format!("create a profile with a role: `{}`", set("role_arn", "ARN")))
            .hint(format!("and its source: `{}`", set("source_profile", &quoted(name))));
    }
    let hint = |this: CommandError, role: &str| {
        this.hint(format!("use a profile with a role: `{}`", again("awsmfa console").profile(role)))
    };
    roles.into_iter().fold(this, hint)
}

/// Whether the role was assumed with long-term keys and a code, not from a session: then, and only then, the console session
/// can last longer than an hour.
fn is_direct(obtained: &Obtained, duration: SessionDuration) -> bool {
    obtained.profile.roles.len() == 1 && duration > SessionDuration::HOUR
}

fn refused(error: AwsError, profile: &str, role: &str) -> CommandError {
    match error.kind {
        AwsErrorKind::Refused => {
            let message = format!("AWS does not open the console for `{role}` ({})", error.message);
            CommandError::new(ErrorKind::Refused, message)
                .hint(format!(
                    "get a new session and try again: `awsmfa login --profile {} --force`",
                    quoted(profile)
                ))
                .because(error)
        }
        _ => error.into(),
    }
}

/// How long the browser may take to start, and how often to look for it.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(20));

/// Opens the console in the person's browser.
pub fn open(ctx: &Context, sign_in: &SignIn) -> CommandResult {
    let page = Redirect::to(sign_in.url.clone())?;
    let url = page.url();
    let mut opener = Opener::of(url.expose(), &ctx.env);
    let failed = |message: &str| {
        let print = again("awsmfa console").profile(&sign_in.profile).with("--print", None);
        CommandError::new(ErrorKind::Failed, message).hint(format!("print the URL instead: `{print}`"))
    };
    if !opener.start_next() {
        return Err(failed("cannot open a browser: no program that opens URLs is installed"));
    }
    let mut waited = Duration::ZERO;
    while waited < PATIENCE.0 {
        if page.answer()? {
            return Ok(());
        }
        if opener.has_failed() && !opener.start_next() {
            return Err(failed("cannot open a browser: every program that opens URLs failed"));
        }
        ctx.clock.sleep(PATIENCE.1);
        waited += PATIENCE.1;
    }
    Err(failed(&format!("no browser opened the page within {}", duration::in_words(PATIENCE.0))))
}
