//! From a request to a plan: whose keys, which device, and how AWS is reached.

use std::sync::Arc;

use super::base::{Base, Known, Temporary, User};
use super::keys::{self, HeldKeys};
use super::plan::{Plan, Terms};
use super::request::{Request, Subject};
use super::serial::{self, UserDevice};
use super::settings::{Connection, RegionSetting, check_partitions, connection};
use crate::aws::{Aws, Settings};
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{self, Destination, KeysError, Resolution};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;

/// What files, the environment and the registry say about a request. No program is run, and AWS is not asked.
pub(super) struct Outline {
    pub profiles: Profiles,
    pub resolution: Resolution,
    pub keys: Known,
    /// Temporary credentials belong to no device.
    pub serial: Option<Serial>,
}

/// A request with everything that getting the session needs.
pub(super) struct Prepared<'a> {
    pub resolution: Resolution,
    pub region: Option<RegionSetting>,
    pub plan: Plan,
    /// `None` if the session comes from temporary credentials.
    pub device: Option<UserDevice>,
    pub aws: LazyAws<'a>,
}

/// The connection to AWS, set up when first used: a cached session needs neither network nor certificates.
pub(super) struct LazyAws<'a> {
    ctx: &'a Context,
    pub settings: Settings,
}

impl LazyAws<'_> {
    pub fn get(&self) -> CommandResult<Arc<Aws>> {
        self.ctx.aws(self.settings.clone())
    }
}

impl Outline {
    pub fn of(ctx: &Context, request: &Request) -> CommandResult<Self> {
        let profiles = match request.subject {
            Subject::Profile(_) => ctx.profiles()?,
            Subject::Keys(..) => Profiles::default(),
        };
        Self::in_profiles(ctx, request, profiles)
    }

    /// [`of`](Self::of) with the AWS files as they were read before.
    pub fn in_profiles(ctx: &Context, request: &Request, profiles: Profiles) -> CommandResult<Self> {
        let named = match request.subject {
            Subject::Profile(named) => named,
            Subject::Keys(keys, _) => {
                let resolution = unconfigured(ctx.env.profile());
                return Self::of_keys(ctx, request, profiles, resolution, keys.clone());
            }
        };
        if let Some(keys) = keys::environment_keys(ctx, request.asker, named, &profiles)? {
            return Self::of_keys(ctx, request, profiles, unconfigured(named.name()), keys);
        }
        let resolution = resolve::resolve(&profiles, named.name())?;
        let keys = Known::of(ctx, request, &profiles, &resolution)?;
        let serial = match &keys {
            Known::LongTerm(keys) => known(ctx, request, &resolution, Some(keys.access_key_id()))?,
            Known::Printed(_) => known(ctx, request, &resolution, None)?,
            Known::Temporary(_) => None,
        };
        Ok(Self { profiles, resolution, keys, serial })
    }

    fn of_keys(
        ctx: &Context,
        request: &Request,
        profiles: Profiles,
        resolution: Resolution,
        keys: LongTermKeys,
    ) -> CommandResult<Self> {
        let serial = known(ctx, request, &resolution, Some(&keys.access_key_id))?;
        Ok(Self { profiles, resolution, keys: Known::LongTerm(HeldKeys::Read(keys)), serial })
    }

    /// How AWS is reached.
    pub fn connection(&self, ctx: &Context, request: &Request) -> CommandResult<Connection> {
        match request.subject {
            Subject::Keys(_, settings) => Ok(Connection { settings: settings.clone(), region: None }),
            Subject::Profile(_) => {
                connection(ctx, &self.profiles, &self.resolution, self.serial.as_ref(), request.asker)
            }
        }
    }

    /// The terms of the session, for this device.
    pub fn terms(
        &self,
        ctx: &Context,
        request: &Request,
        serial: Option<&Serial>,
        settings: &Settings,
    ) -> CommandResult<Terms> {
        let terms = Terms::of(&ctx.env, &self.profiles, &self.resolution, request, serial, settings)?;
        Ok(if request.without_roles { terms.without_roles() } else { terms })
    }
}

fn known(
    ctx: &Context,
    request: &Request,
    resolution: &Resolution,
    access_key_id: Option<&str>,
) -> CommandResult<Option<Serial>> {
    match &request.serial {
        Some(serial) => Ok(Some(serial.clone())),
        None => serial::known_serial(ctx, resolution, access_key_id),
    }
}

/// Prepares a request. Asks AWS only for the device's serial, and only if nothing here names it.
pub(super) fn prepare<'a>(ctx: &'a Context, request: &Request) -> CommandResult<Prepared<'a>> {
    let mut outline = Outline::of(ctx, request)?;
    if let Known::Printed(_) = &outline.keys {
        outline.keys = Known::printed(ctx, request, &outline.resolution)?;
    }
    match outline.keys.clone() {
        Known::LongTerm(keys) => of_user(ctx, request, outline, keys),
        Known::Temporary(base) => of_temporary(ctx, request, outline, base),
        Known::Printed(_) => unreachable!("the program was run"),
    }
}

fn of_user<'a>(
    ctx: &'a Context,
    request: &Request,
    mut outline: Outline,
    mut keys: HeldKeys,
) -> CommandResult<Prepared<'a>> {
    if outline.serial.is_none() {
        outline.serial = serial::remembered_serial(ctx, keys.access_key_id())?;
    }
    let Connection { settings, region } = outline.connection(ctx, request)?;
    let aws = LazyAws { ctx, settings };
    let (is_news, serial) = match &outline.serial {
        Some(serial) => (false, serial.clone()),
        None => {
            let read = keys.read(ctx)?;
            let serial = serial::ask_aws(ctx, &*aws.get()?, &read, &outline.resolution)?;
            keys = HeldKeys::Read(read);
            (true, serial)
        }
    };
    let terms = outline.terms(ctx, request, Some(&serial), &aws.settings)?;
    if serial.is_virtual() {
        // It may have been looked up in AWS only now.
        check_partitions(&aws.settings, None, [serial.as_str()])?;
    }
    let home = serial::home(&outline.profiles, &outline.resolution);
    let device =
        UserDevice { serial: serial.clone(), access_key_id: keys.access_key_id().to_owned(), is_news, home };
    let mfa_process = outline.resolution.mfa_process.as_ref().map(|setting| setting.text.clone());
    let plan = Plan { base: Base::User(User { keys, serial, mfa_process }), terms };
    Ok(Prepared { resolution: outline.resolution, region, plan, device: Some(device), aws })
}

fn of_temporary<'a>(
    ctx: &'a Context,
    request: &Request,
    outline: Outline,
    base: Temporary,
) -> CommandResult<Prepared<'a>> {
    if request.serial.is_some() || request.code.is_some() {
        let message = format!(
            "the role is assumed with temporary credentials of `{}`, to which AWS cannot add MFA",
            base.profile
        );
        return Err(CommandError::new(ErrorKind::Usage, message).hint("omit `--serial` and `--code`"));
    }
    if let Some(setting) = &outline.resolution.serial {
        let (base, origin) = (&base.profile, &setting.origin);
        ctx.ui.detail(format_args!(
            "`mfa_serial` ({origin}) is not used: AWS cannot add MFA to the temporary credentials of `{base}`"
        ));
    }
    let Connection { settings, region } = outline.connection(ctx, request)?;
    let terms = outline.terms(ctx, request, None, &settings)?;
    let plan = Plan { base: Base::Temporary(base), terms };
    let aws = LazyAws { ctx, settings };
    Ok(Prepared { resolution: outline.resolution, region, plan, device: None, aws })
}

/// The resolution of a profile that is not configured, for keys in the environment.
pub fn unconfigured(name: &str) -> Resolution {
    Resolution {
        profile: name.to_owned(),
        roles: Vec::new(),
        base: name.to_owned(),
        keys: Err(KeysError::NoLongTermKeys {
            profile: name.to_owned(),
            looked_in: Vec::new(),
            instead: None,
        }),
        serial: None,
        mfa_process: None,
        duration_seconds: None,
        region: None,
        target: Destination::Section(name.to_owned()),
        chain: vec![name.to_owned()],
    }
}
