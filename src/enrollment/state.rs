//! An enrollment in progress: what is requested, what is known, what was changed, and how one stage leads to another.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};

use super::journal::{Candidate, Stage};
pub use super::request::{EnrollRequest, NewUser};
use super::target::Target;
use crate::aws::{MfaDevice, VirtualDevice};
use crate::caller::{Caller, OwnKeys};
use crate::context::Context;
use crate::error::CommandError;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::StoreKind;

/// What shows that AWS has the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// AWS issued a session for one of the device's codes; the session is valid until then.
    Session(DateTime<Utc>),
    /// AWS lists the device for the user.
    Listed,
    /// Only AWS's answer to EnableMFADevice: the caller must not list devices.
    Unlisted,
}

/// A finished enrollment.
#[derive(Debug)]
pub struct Enrolled {
    pub user: String,
    pub account: String,
    pub serial: Serial,
    pub seed: Seed,
    pub store: StoreKind,
    /// The profile that uses the device.
    pub profile: Option<String>,
    pub verification: Verification,
    /// Unassigned devices that had the name, and whose secrets are lost.
    pub stale: Vec<Serial>,
    /// Whether this run created the user.
    pub created_user: bool,
    /// The access key that this run created.
    pub access_key_id: Option<String>,
}

/// An enrollment in progress.
pub(super) struct Enrollment<'a> {
    pub(super) ctx: &'a Context,
    /// What the command line asks for, completed by what it asked for when the enrollment was started.
    pub(super) request: EnrollRequest,
    pub(super) caller: Caller,
    pub(super) target: Target,
    pub(super) facts: Facts,
    pub(super) made: Made,
    pub(super) enabled_by: EnabledBy,
}

/// What this run changed in AWS.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) user: bool,
    pub(super) device: bool,
    pub(super) access_key_id: Option<String>,
    /// Devices that were deleted to be created again; each one is deleted at most once.
    pub(super) deleted: Vec<Serial>,
    /// Whether the enrollment was started over because its device was gone, which happens once.
    pub(super) started_over: bool,
}

/// Which run had AWS enable the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnabledBy {
    ThisRun,
    /// The run that is resumed.
    EarlierRun,
    /// Nothing says so: the device was enabled, and no journal was left of it.
    Unknown,
}

/// Where a stage leads.
pub(super) enum Next {
    /// To another stage of the same device.
    Stage(Stage),
    /// To another device.
    Device(Candidate),
    Verified(Verification),
    Done,
}

/// Why a stage failed.
pub(super) enum Failure {
    /// Running the same command again resumes.
    Resumable(CommandError),
    /// Running the same command again would fail in the same way.
    Final(CommandError),
}

impl<E: Into<CommandError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Resumable(error.into())
    }
}

pub(super) type Transition = Result<Next, Failure>;

/// What is known, as far as the caller may know it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The user's devices.
    pub(super) devices: Option<Vec<MfaDevice>>,
    /// The account's virtual devices.
    pub(super) virtuals: Option<Vec<VirtualDevice>>,
    /// The device being enrolled.
    pub(super) serial: Option<Serial>,
    /// Unassigned devices that have the name, and whose secrets are lost.
    pub(super) stale: Vec<Serial>,
    /// The user's own keys, once they were looked for.
    pub(super) own_keys: OnceCell<Option<OwnKeys>>,
    /// Whether signing with MFA was tried.
    pub(super) tried_mfa: bool,
}
