//! Tests of fake-aws through its socket. Each rule has a test that fails if the rule is broken.

#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their helpers")]

mod auth;
mod binary;
mod devices;
mod faults;
mod lag;
mod lists;
mod permissions;
mod propagation;
mod proxy;
mod roles;
mod sessions;
mod signin;
mod support;
mod tls;
mod users;
