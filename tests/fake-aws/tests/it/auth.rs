//! Signatures, clock skew, session tokens and the format of responses.

use std::time::Duration;

use fake_aws::{FakeAws, KeyStatus};

use crate::support::{Client, at, frozen, send};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";

fn user() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_user("dev");
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    (aws, client)
}

#[test]
fn response_has_the_format_of_aws() {
    let (_aws, client) = user();
    let answer = client.sts("GetCallerIdentity", &[]).ok();
    assert!(answer.body.starts_with(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
    ));
    assert_eq!(answer.text("Arn"), "arn:aws:iam::123456789012:user/dev");
    assert_eq!(answer.text("Account"), "123456789012");
    assert!(answer.text("UserId").starts_with("AIDA"));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert_eq!(answer.header("date"), Some("Wed, 30 Sep 2026 12:00:00 GMT"));
    assert_eq!(answer.header("x-amzn-requestid"), Some(&*answer.text("RequestId")));
}

#[test]
fn wrong_secret_gives_a_wrong_signature() {
    let (_aws, mut client) = user();
    client.secret.push('x');
    client.sts("GetCallerIdentity", &[]).rejected(403, "SignatureDoesNotMatch", MISMATCH);
}

/// A change to the headers and the body of a signed request.
type Change = dyn Fn(&mut Vec<(String, String)>, &mut String);

#[test]
fn every_part_of_a_request_is_signed() {
    let (_aws, client) = user();
    let (headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    let try_with = |change: &Change| {
        let (mut headers, mut body) = (headers.clone(), body.clone());
        change(&mut headers, &mut body);
        send(&client.address, "POST", "/", &headers, &body).unwrap()
    };
    try_with(&|_, _| {}).ok();
    try_with(&|_, body| body.push_str("&a=b")).rejected(403, "SignatureDoesNotMatch", MISMATCH);
    try_with(&|headers, _| headers[1].1.push_str("; charset=utf-8")).code(403, "SignatureDoesNotMatch");
    try_with(&|headers, _| headers[2].1 = "20260930T120001Z".into()).code(403, "SignatureDoesNotMatch");
    let unsigned = "'x-amz-meta' must be a 'SignedHeader' in the AWS Authorization.";
    try_with(&|headers, _| headers.push(("x-amz-meta".into(), "0".into()))).rejected(
        403,
        "SignatureDoesNotMatch",
        unsigned,
    );
    try_with(&|headers, _| headers[3].1 = headers[3].1.replace("aws4_request", "aws5_request"))
        .code(403, "SignatureDoesNotMatch");
    try_with(&|headers, _| headers[3].1 = headers[3].1.replace("content-type;host;", "content-type;"))
        .rejected(
            403,
            "SignatureDoesNotMatch",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        );
}

#[test]
fn payload_hash_must_match_the_body() {
    let (_aws, client) = user();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let stating =
        |hash: String| Client { extra: vec![("x-amz-content-sha256".into(), hash)], ..client.clone() };
    stating(fake_aws::sigv4::payload_hash(body.as_bytes())).sts("GetCallerIdentity", &[]).ok();
    let wrong = stating(fake_aws::sigv4::payload_hash(b"")).sts("GetCallerIdentity", &[]);
    wrong.rejected(403, "SignatureDoesNotMatch", MISMATCH);
}

#[test]
fn unknown_and_inactive_keys_are_rejected() {
    let (aws, client) = user();
    let unknown = Client { key: "AKIAAAAAAAAAAAAAAAAA".into(), ..client.clone() };
    unknown.sts("GetCallerIdentity", &[]).rejected(403, "InvalidClientTokenId", INVALID_TOKEN);
    // IAM ends the sentence without a period.
    let message = INVALID_TOKEN.trim_end_matches('.');
    unknown.iam("GetUser", &[]).rejected(403, "InvalidClientTokenId", message);
    aws.set_key_status(&client.key, KeyStatus::Inactive);
    client.sts("GetCallerIdentity", &[]).rejected(403, "InvalidClientTokenId", INVALID_TOKEN);
    aws.set_key_status(&client.key, KeyStatus::Active);
    client.sts("GetCallerIdentity", &[]).ok();
}

#[test]
fn clocks_may_differ_by_15_minutes() {
    let (aws, mut client) = user();
    client.clock = fake_aws::Clock::new();
    client.clock.freeze(at("2026-09-30T11:45:00Z"));
    client.sts("GetCallerIdentity", &[]).ok();
    client.clock.freeze(at("2026-09-30T12:15:00Z"));
    client.sts("GetCallerIdentity", &[]).ok();
    client.clock.freeze(at("2026-09-30T11:44:59Z"));
    client.sts("GetCallerIdentity", &[]).rejected(
        403,
        "SignatureDoesNotMatch",
        "Signature expired: 20260930T114459Z is now earlier than 20260930T114500Z (20260930T120000Z - 15 min.)",
    );
    client.clock.freeze(at("2026-09-30T12:15:01Z"));
    client.sts("GetCallerIdentity", &[]).rejected(
        403,
        "SignatureDoesNotMatch",
        "Signature not yet current: 20260930T121501Z is still later than 20260930T121500Z (20260930T120000Z + 15 \
         min.)",
    );
    aws.clock().advance(Duration::from_secs(1));
    client.sts("GetCallerIdentity", &[]).ok();
}

#[test]
fn credential_scope_must_match() {
    let (_aws, client) = user();
    let wrong = client.call("iam", "2011-06-15", "GetCallerIdentity", &[]).unwrap();
    wrong.rejected(403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ");
    let (mut headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    headers[3].1 = headers[3].1.replace("/20260930/", "/20260929/");
    send(&client.address, "POST", "/", &headers, &body).unwrap().rejected(
        403,
        "SignatureDoesNotMatch",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260929' \
         != '20260930', from '20260930T120000Z'.",
    );
    let nowhere = Client { region: String::new(), ..client.clone() };
    let message = "Credential should be scoped to a valid region. ";
    nowhere.sts("GetCallerIdentity", &[]).rejected(403, "SignatureDoesNotMatch", message);
    let anywhere = Client { region: "us-gov-west-1".into(), ..client };
    anywhere.sts("GetCallerIdentity", &[]).ok();
}

#[test]
fn missing_and_incomplete_signatures_are_rejected() {
    let (_aws, client) = user();
    let (mut headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    headers[3].1 = "AWS4-HMAC-SHA256 Credential=x".into();
    send(&client.address, "POST", "/", &headers, &body).unwrap().code(400, "IncompleteSignature");
    headers.remove(3);
    let answer = send(&client.address, "POST", "/", &headers, &body).unwrap();
    answer.code(403, "MissingAuthenticationToken");
}

#[test]
fn session_needs_its_token_and_expires() {
    let (aws, client) = user();
    let keys = aws.add_session("dev", true);
    let session = Client::session(&aws, &keys);
    session.sts("GetCallerIdentity", &[]).ok();
    let bare = Client { token: None, ..session.clone() };
    bare.sts("GetCallerIdentity", &[]).code(403, "InvalidClientTokenId");
    let wrong = Client { token: Some("x".into()), ..session.clone() };
    wrong.sts("GetCallerIdentity", &[]).code(403, "InvalidClientTokenId");
    let mixed = Client { token: session.token.clone(), ..client };
    mixed.sts("GetCallerIdentity", &[]).code(403, "InvalidClientTokenId");
    aws.clock().advance(Duration::from_secs(43_199));
    session.sts("GetCallerIdentity", &[]).ok();
    aws.clock().advance(Duration::from_secs(1));
    session.sts("GetCallerIdentity", &[]).rejected(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
}

#[test]
fn unknown_operations_and_versions_are_rejected() {
    let (_aws, client) = user();
    client.sts("GetNothing", &[]).rejected(
        400,
        "InvalidAction",
        "Could not find operation GetNothing for version 2011-06-15",
    );
    let form = |form: &str| {
        let (headers, _) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
        send(&client.address, "POST", "/", &headers, form).unwrap()
    };
    form("Action=GetSessionToken").rejected(
        400,
        "InvalidAction",
        "Could not find operation GetSessionToken for version NO_VERSION_SPECIFIED",
    );
    let no_action = form("Version=2011-06-15");
    assert_eq!((no_action.status, no_action.header("location")), (302, Some("https://aws.amazon.com/iam")));
    client.call("sts", "2010-05-08", "GetSessionToken", &[]).unwrap().code(400, "InvalidAction");
    client.call("sts", "2000-01-01", "GetSessionToken", &[]).unwrap().code(400, "InvalidAction");
    let (headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    assert_eq!(send(&client.address, "POST", "/elsewhere", &headers, &body).unwrap().status, 404);
    let answer = client.iam("GetNothing", &[]);
    assert!(answer.body.contains("xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\""), "{}", answer.body);
}

#[test]
fn log_contains_requests_and_outcomes() {
    let (aws, client) = user();
    client.sts("GetSessionToken", &[("SerialNumber", "x+y/12345"), ("TokenCode", "000000")]);
    client.sts("GetCallerIdentity", &[]).ok();
    let log = aws.requests();
    assert_eq!(log.len(), 2);
    let first = &aws.requests_for("GetSessionToken")[0];
    assert_eq!(first.access_key_id.as_deref(), Some(&*client.key));
    assert_eq!(first.param("TokenCode"), Some("000000"));
    assert_eq!(first.header("user-agent"), Some("fake-aws-tests"));
    assert_eq!((first.status(), first.error_code()), (Some(403), Some("AccessDenied")));
    assert_eq!(first.time, at("2026-09-30T12:00:00Z"));
    assert_eq!((log[1].status(), log[1].error_code()), (Some(200), None));
    assert_eq!(aws.codes_sent("x+y/12345"), ["000000"]);
    aws.clear_requests();
    assert!(aws.requests().is_empty());
}

#[test]
fn checks_have_the_order_of_sts() {
    let (aws, client) = user();
    let call = |client: &Client| client.sts("GetCallerIdentity", &[]);
    let mut session = Client::session(&aws, &aws.add_session("dev", true));
    aws.clock().advance(Duration::from_secs(43_200));
    session.clock = fake_aws::Clock::new();
    session.clock.freeze(at("2026-09-30T12:00:00Z"));
    session.secret.push('x');
    call(&session).code(403, "ExpiredToken");
    let mut unknown = Client { key: "ASIAAAAAAAAAAAAAAAAA".into(), ..session.clone() };
    call(&unknown).code(403, "InvalidClientTokenId");
    unknown.region.clear();
    let message = "Credential should be scoped to a valid region. ";
    call(&unknown).rejected(403, "SignatureDoesNotMatch", message);
    // The time is checked after the key.
    let late = Client { clock: session.clock.clone(), ..client.clone() };
    assert!(call(&late).text("Message").starts_with("Signature expired: "));
    aws.set_key_status(&client.key, KeyStatus::Inactive);
    call(&late).code(403, "InvalidClientTokenId");
}

#[test]
fn regional_hosts_accept_their_own_region() {
    let (_aws, client) = user();
    let call = |host: &str, region: &str, service: &str| {
        let client = Client { region: region.into(), host: Some(host.into()), ..client.clone() };
        client.sts_or_iam(service)
    };
    for (host, region, service) in [
        ("sts.eu-west-1.amazonaws.com", "eu-west-1", "sts"),
        ("sts.amazonaws.com:443", "us-east-1", "sts"),
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1", "sts"),
        ("iam.amazonaws.com", "us-east-1", "iam"),
        ("iam.us-gov.amazonaws.com", "us-gov-west-1", "iam"),
        ("iam.global.api.aws", "us-east-1", "iam"),
    ] {
        call(host, region, service).ok();
        call(host, "eu-central-1", service).code(403, "SignatureDoesNotMatch");
    }
}
