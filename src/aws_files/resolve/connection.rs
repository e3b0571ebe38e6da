//! How a profile reaches AWS: endpoints, certificates, and which kind of endpoint.

use super::super::profiles::Profiles;
use super::{Setting, setting};

/// The endpoint that a profile's settings give a service (`sts`, `iam`): `[services x]`, then `endpoint_url`. `None` where
/// `ignore_configured_endpoint_urls` is on.
pub fn service_endpoint(profiles: &Profiles, profile: &str, service: &str) -> Option<Setting> {
    let profile = profiles.get(profile)?;
    if profile.flag("ignore_configured_endpoint_urls") == Some(true) {
        return None;
    }
    let services = profile.get("services").and_then(|name| profiles.services(name));
    let nested = services.and_then(|services| {
        let text = services.nested(service, "endpoint_url")?.to_owned();
        Some(Setting { text, origin: services.block(service)?.origin.clone() })
    });
    nested.or_else(|| setting(profile, "endpoint_url"))
}

/// `ca_bundle` of a profile: a PEM file.
pub fn ca_bundle(profiles: &Profiles, profile: &str) -> Option<Setting> {
    setting(profiles.get(profile)?, "ca_bundle")
}

/// `use_fips_endpoint` of a profile.
pub fn use_fips_endpoint(profiles: &Profiles, profile: &str) -> Option<bool> {
    profiles.get(profile)?.flag("use_fips_endpoint")
}

/// `use_dualstack_endpoint` of a profile.
pub fn use_dualstack_endpoint(profiles: &Profiles, profile: &str) -> Option<bool> {
    profiles.get(profile)?.flag("use_dualstack_endpoint")
}
