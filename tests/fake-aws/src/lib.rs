//! A small, strict fake of AWS STS, IAM and the federation endpoint, on loopback, for tests.
//!
//! ```no_run
//! use fake_aws::{FakeAws, Fault};
//!
//! let aws = FakeAws::start();
//! let user = aws.add_user("dev");
//! let key = aws.add_access_key("dev");
//! let device = aws.add_device("dev", "dev");
//! aws.fault(Fault::throttling().on("GetSessionToken"));
//! // … run awsmfa with AWS_ENDPOINT_URL = aws.endpoint() …
//! assert_eq!(aws.requests_for("GetSessionToken").len(), 2);
//! ```
//!
//! It verifies SigV4, accepts and rejects MFA codes as AWS was observed to, and sends AWS's error texts. Each rule is
//! in the module that applies it: `auth.rs` (signatures, clock skew, expiry), `mfa.rs` (codes, budgets), `view.rs`
//! (propagation), `policy.rs` (permissions), `params.rs` (constraints of the API models), `sts.rs` and `iam/`
//! (operations), `signin.rs` (federation endpoint), `portal.rs` (Identity Center and containers). `dispatch.rs` ties them together. Only `http.rs`, `wire.rs` and
//! `background.rs` are async. Tests use `server.rs` and `setup.rs`.
//!
//! It shares no code with awsmfa on purpose. Its arithmetic is tested with published vectors.

mod account;
mod auth;
mod background;
mod clock;
mod control;
mod dispatch;
mod error;
mod faults;
mod http;
mod iam;
mod log;
mod mfa;
mod params;
mod png;
mod policy;
mod portal;
mod proxy;
mod random;
mod server;
mod session;
mod session_policy;
mod setup;
mod signin;
pub mod sigv4;
mod sts;
mod tls;
pub mod totp;
mod view;
mod wire;
mod xml;

pub use account::{KeyStatus, RoleSpec};
pub use clock::{Clock, compact, iso, step_of};
pub use faults::{Cut, Endless, Fault, Gate};
pub use log::{Request, RequestOutcome};
pub use mfa::{CodeModel, DeviceKind};
pub use policy::Permissions;
pub use proxy::{Proxy, ProxyBuilder, Target};
pub use server::{Builder, FakeAws};
pub use setup::{AccessKey, Device, DeviceState, Role, SessionKeys, User};
pub use signin::SignIn;
