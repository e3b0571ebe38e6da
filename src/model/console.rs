//! The AWS console: its hosts in each partition, the pages of its services, and the URL that signs a browser in.

use std::fmt;
use std::str::FromStr;

use url::form_urlencoded;

use super::region::Region;
use super::secret::Secret;

/// The hosts of a partition's console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hosts {
    /// Exchanges the credentials of a session for a sign-in token, and the token for a console session.
    pub sign_in: &'static str,
    pub console: &'static str,
}

/// The hosts of a partition's console (from AWS's documentation and the endpoint rules of the SDKs' sign-in client). `None` for
/// an unknown partition.
pub fn hosts(partition: &str) -> Option<Hosts> {
    let (sign_in, console) = match partition {
        "aws" => ("signin.aws.amazon.com", "console.aws.amazon.com"),
        "aws-cn" => ("signin.amazonaws.cn", "console.amazonaws.cn"),
        "aws-us-gov" => ("signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
        "aws-eusc" => ("eusc-de-east-1.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
        "aws-iso" => ("signin.c2shome.ic.gov", "console.c2shome.ic.gov"),
        "aws-iso-b" => ("signin.sc2shome.sgov.gov", "console.sc2shome.sgov.gov"),
        "aws-iso-e" => ("signin.csphome.adc-e.uk", "console.csphome.adc-e.uk"),
        "aws-iso-f" => ("signin.csphome.hci.ic.gov", "console.csphome.hci.ic.gov"),
        _ => return None,
    };
    Some(Hosts { sign_in, console })
}

/// A service's part of the console, such as `s3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service(String);

/// A text that cannot be a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an AWS service (lowercase letters, digits and `-`, such as `s3`)")]
pub struct ServiceError(String);

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = (1..=64).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-');
        if is_name { Ok(Self(text.to_owned())) } else { Err(ServiceError(text.to_owned())) }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Services whose pages are not at `/<name>/home`, by the names of the AWS CLI and others that people use.
const PAGES: &[(&[&str], &str)] = &[
    (&["acm"], "acm/home"),
    (&["billing", "cost", "ce"], "costmanagement/home"),
    (&["cloudfront"], "cloudfront/v4/home"),
    (&["cloudtrail"], "cloudtrailv2/home"),
    (&["codebuild"], "codesuite/codebuild/projects"),
    (&["codecommit"], "codesuite/codecommit/repositories"),
    (&["codedeploy"], "codesuite/codedeploy/applications"),
    (&["codepipeline"], "codesuite/codepipeline/pipelines"),
    (&["cognito", "cognito-idp"], "cognito/v2/home"),
    (&["dynamodb", "ddb"], "dynamodbv2/home"),
    (&["ecr"], "ecr/repositories"),
    (&["ecs"], "ecs/v2/home"),
    (&["efs"], "efs/home"),
    (&["eventbridge", "events"], "events/home"),
    (&["logs"], "cloudwatch/home#logsV2:log-groups"),
    (&["opensearch", "es"], "aos/home"),
    (&["organizations"], "organizations/v2/home"),
    (&["redshift"], "redshiftv2/home"),
    (&["route53"], "route53/v2/home"),
    (&["sns"], "sns/v3/home"),
    (&["sqs"], "sqs/v3/home"),
    (&["ssm"], "systems-manager/home"),
    (&["sso"], "singlesignon/home"),
    (&["stepfunctions", "sfn"], "states/home"),
    (&["vpc"], "vpcconsole/home"),
    (&["waf", "wafv2"], "wafv2/homev2"),
];

/// The page of a service in a region, or the console's home page.
pub fn page(hosts: Hosts, service: Option<&Service>, region: &Region) -> String {
    let path = match service {
        None => "console/home".to_owned(),
        Some(Service(name)) => {
            let known = PAGES.iter().find(|(names, _)| names.contains(&name.as_str()));
            known.map_or_else(|| format!("{name}/home"), |(_, path)| (*path).to_owned())
        }
    };
    let (path, fragment) = path.split_once('#').map_or((path.as_str(), None), |(p, f)| (p, Some(f)));
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("https://{}/{path}?region={region}{fragment}", hosts.console)
}

/// The URL that signs a browser in and sends it to a page. The token makes it as good as a password for 15 minutes.
pub fn sign_in_url(federation: &str, page: &str, token: &Secret<String>) -> Secret<String> {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "login")
        .append_pair("Issuer", "awsmfa")
        .append_pair("Destination", page)
        .append_pair("SigninToken", token.expose())
        .finish();
    Secret::from(format!("{federation}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_in(partition: &str, service: Option<&str>, region: &str) -> String {
        let service = service.map(|name| name.parse().unwrap());
        page(hosts(partition).unwrap(), service.as_ref(), &region.parse().unwrap())
    }

    #[test]
    fn services_have_their_pages() {
        assert_eq!(
            page_in("aws", None, "eu-west-1"),
            "https://console.aws.amazon.com/console/home?region=eu-west-1"
        );
        assert_eq!(
            page_in("aws-cn", Some("s3"), "cn-north-1"),
            "https://console.amazonaws.cn/s3/home?region=cn-north-1"
        );
        assert_eq!(
            page_in("aws", Some("logs"), "us-east-1"),
            "https://console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups"
        );
        assert!(page_in("aws", Some("dynamodb"), "us-east-1").contains("/dynamodbv2/home?"));
    }

    #[test]
    fn service_names_are_checked() {
        for text in ["", "S3", "s3/home", "s3?x", "a b", "-p", "é", "https://example.com", &"a".repeat(65)] {
            assert!(text.parse::<Service>().is_err(), "{text}");
        }
        assert!("iot-core2".parse::<Service>().is_ok());
    }

    #[test]
    fn every_known_partition_has_a_console() {
        for partition in crate::model::region::partitions() {
            assert!(hosts(partition).is_some(), "{partition}");
        }
        assert_eq!(hosts("aws-new"), None);
    }

    #[test]
    fn url_quotes_its_parts() {
        let url = sign_in_url("https://s/federation", "https://c/x?region=r#a", &Secret::from("t+/="));
        assert_eq!(
            url.expose(),
            "https://s/federation?Action=login&Issuer=awsmfa&Destination=https%3A%2F%2Fc%2Fx%3Fregion%3Dr%23a&SigninToken=t%2B%2F%3D"
        );
    }
}
