//! Sessions that a test asks for in this process, and what AWS saw of them.

use std::collections::BTreeSet;

use awsmfa::testing::choice::Named;
use awsmfa::testing::context::Context;
use awsmfa::testing::error::CommandError;
use awsmfa::testing::files::Lock;
use awsmfa::testing::session::{self, Asker, Obtained, Request, SessionError};

use super::World;

/// `awsmfa login -p dev`.
pub const LOGIN: Ask<'static> = Ask { profile: "dev", sdk: false, force: false, code: None };

/// An SDK that asks for the credentials of `dev`.
pub const SDK: Ask<'static> = Ask { sdk: true, ..LOGIN };

/// A request for a session.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    profile: &'a str,
    sdk: bool,
    force: bool,
    code: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// For this profile instead of `dev`.
    pub const fn profile(self, profile: &'a str) -> Self {
        Self { profile, ..self }
    }

    /// With `--force`.
    pub const fn forced(self) -> Self {
        Self { force: true, ..self }
    }

    /// With `--code`.
    pub const fn code(self, code: &'a str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Gets the session, or the error that the command prints.
    pub fn get(self, ctx: &Context) -> Result<Obtained, CommandError> {
        session::obtain(ctx, &self.request())
    }

    /// Gets the session, or the error that the session module returns.
    pub fn try_get(self, ctx: &Context) -> Result<Obtained, SessionError> {
        session::try_obtain(ctx, &self.request())
    }

    /// Gets a session that verifies the stored secret.
    pub fn verify(self, ctx: &Context) -> Result<Obtained, SessionError> {
        session::try_obtain(ctx, &Request { verification: true, ..self.request() })
    }

    /// Holds the session's lock, as a process that is getting the session does.
    pub fn lock(self, ctx: &Context) -> Lock {
        let key = session::key(ctx, &self.request()).unwrap();
        ctx.cache().lock(&key, &*ctx.clock, || ()).unwrap()
    }

    /// The request that the session module gets.
    pub fn request(self) -> Request<'a> {
        Request {
            asker: if self.sdk { Asker::Sdk } else { Asker::Person },
            code: self.code.map(|code| code.parse().unwrap()),
            force: self.force,
            ..Request::person(Named::Flag(self.profile))
        }
    }
}

impl World {
    /// The codes of the device that STS received, in order.
    pub fn codes_sent(&self) -> Vec<String> {
        self.aws.codes_sent(&self.device.serial)
    }

    /// The device's code for the current step plus `steps`.
    pub fn code(&self, steps: i64) -> String {
        self.aws.code(&self.device.serial, self.aws.clock().step() + steps)
    }

    /// How many requests of this action AWS rejected.
    pub fn rejected(&self, action: &str) -> usize {
        self.aws.requests_for(action).iter().filter(|request| request.error_code().is_some()).count()
    }

    /// Fails if STS received a code twice.
    #[track_caller]
    pub fn assert_no_code_sent_twice(&self) {
        let codes = self.codes_sent();
        let distinct: BTreeSet<_> = codes.iter().collect();
        assert_eq!(codes.len(), distinct.len(), "{codes:?}");
    }

    /// Fails unless STS received this many codes, all different.
    #[track_caller]
    pub fn assert_distinct_codes_sent(&self, count: usize) {
        assert_eq!(self.codes_sent().len(), count, "{:?}", self.codes_sent());
        self.assert_no_code_sent_twice();
    }
}
