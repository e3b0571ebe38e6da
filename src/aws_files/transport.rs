//! How a profile connects to AWS: endpoints and certificates.

use super::profiles::Profiles;
use super::resolve::{Setting, setting};

/// A profile's endpoint for a service (`sts`, `iam`): from `[services x]`, then `endpoint_url`. `None` if
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;
    use crate::aws_files::document::Document;
    use std::path::Path;

    #[test]
    fn endpoints_come_from_services_then_the_profile() {
        let config = "[profile dev]\nservices = x\nendpoint_url = http://all\nuse_fips_endpoint = True\n\
            [services x]\nsts =\n  endpoint_url = http://sts\n[profile off]\nendpoint_url = http://all\n\
            ignore_configured_endpoint_urls = true\n";
        let parse = |file, text: &str| Document::parse(file, text.as_bytes()).unwrap();
        let (config, credentials) = (parse(AwsFile::Config, config), parse(AwsFile::Credentials, ""));
        let p = Profiles::from_documents((&config, Path::new("conf")), (&credentials, Path::new("cred")));
        let endpoint = |profile, service| service_endpoint(&p, profile, service).map(|s| s.text);
        assert_eq!(endpoint("dev", "sts").as_deref(), Some("http://sts"));
        assert_eq!(endpoint("dev", "iam").as_deref(), Some("http://all"));
        assert_eq!(endpoint("off", "sts"), None);
        assert_eq!(use_fips_endpoint(&p, "dev"), Some(true));
        assert_eq!(use_dualstack_endpoint(&p, "dev"), None);
        assert!(ca_bundle(&p, "dev").is_none());
    }
}
