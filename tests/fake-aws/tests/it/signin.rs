//! The federation endpoint: which credentials it accepts, and how long a sign-in URL works.

use std::time::Duration;

use fake_aws::{FakeAws, Permissions, RoleSpec, SessionKeys, sigv4};

use crate::support::{Answer, Client, frozen, send};

const CONSOLE: &str = "https://console.aws.amazon.com/";

fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_admin("dev");
    aws.add_role("ops", RoleSpec::default());
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    (aws, client)
}

fn session_json(client: &Client) -> String {
    serde_json::json!({
        "sessionId": client.key, "sessionKey": client.secret, "sessionToken": client.token,
    })
    .to_string()
}

fn query(params: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", sigv4::uri_encode(value));
    params.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn get(aws: &FakeAws, params: &[(&str, &str)]) -> Answer {
    let address = format!("127.0.0.1:{}", aws.port());
    send(&address, "GET", &format!("/federation?{}", query(params)), &[], "").unwrap()
}

fn ask_token(aws: &FakeAws, client: &Client, more: &[(&str, &str)]) -> Answer {
    let session = session_json(client);
    get(aws, &[&[("Action", "getSigninToken"), ("Session", &session)], more].concat())
}

fn token(answer: Answer) -> String {
    let json: serde_json::Value = serde_json::from_str(&answer.ok().body).unwrap();
    json["SigninToken"].as_str().unwrap().to_owned()
}

fn login(aws: &FakeAws, token: &str) -> Answer {
    let issuer = [("Issuer", "awsmfa")];
    let rest = [("Destination", CONSOLE), ("SigninToken", token)];
    get(aws, &[&[("Action", "login")], &issuer[..], &rest].concat())
}

#[track_caller]
fn assert_rejected(answer: &Answer, message: &str) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains(&format!("HTTP Status 400 - {message}<")), "{}", answer.body);
}

fn role_session(aws: &FakeAws) -> Client {
    Client::session(aws, &aws.add_role_session("ops", "me"))
}

#[test]
fn sign_in_url_of_a_role_session_opens_the_console() {
    let (aws, _) = setup();
    let token = token(ask_token(&aws, &role_session(&aws), &[("SessionDuration", "43200")]));
    let answer = login(&aws, &token);
    assert_eq!((answer.status, answer.header("location")), (302, Some(CONSOLE)));
    let opened = &aws.sign_ins()[0];
    assert_eq!(opened.arn, "arn:aws:sts::123456789012:assumed-role/ops/me");
    assert_eq!((opened.issuer.as_deref(), opened.session_duration), (Some("awsmfa"), Some(43_200)));
    assert_eq!(aws.requests_for("getSigninToken").len(), 1);
}

#[test]
fn token_can_be_requested_with_post() {
    let (aws, _) = setup();
    let session = session_json(&role_session(&aws));
    let form = query(&[("Action", "getSigninToken"), ("Session", &session)]);
    let address = format!("127.0.0.1:{}", aws.port());
    let kind = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    token(send(&address, "POST", "/federation", &kind, &form).unwrap());
}

#[test]
fn token_expires_after_fifteen_minutes() {
    let (aws, _) = setup();
    let token = token(ask_token(&aws, &role_session(&aws), &[]));
    aws.clock().advance(Duration::from_secs(899));
    assert_eq!(login(&aws, &token).status, 302);
    aws.clock().advance(Duration::from_secs(1));
    assert_rejected(&login(&aws, &token), "Bad Request");
    assert_rejected(&login(&aws, "invented"), "Bad Request");
    assert_eq!(aws.sign_ins().len(), 1);
}

#[test]
fn credentials_of_get_session_token_are_rejected() {
    let (aws, client) = setup();
    for mfa in [false, true] {
        let keys: SessionKeys = aws.add_session("dev", mfa);
        assert_rejected(&ask_token(&aws, &Client::session(&aws, &keys), &[]), "Bad Request");
    }
    assert_rejected(&ask_token(&aws, &client, &[]), "Bad Request");
}

#[test]
fn session_duration_is_for_roles_assumed_with_long_term_keys() {
    let (aws, client) = setup();
    aws.set_permissions("dev", Permissions::Admin);
    let federated = client.with_session(&client.sts("GetFederationToken", &[("Name", "me")]).ok());
    let assume = [("RoleArn", "arn:aws:iam::123456789012:role/ops"), ("RoleSessionName", "me")];
    let session = Client::session(&aws, &aws.add_session("dev", true));
    let chained = session.with_session(&session.sts("AssumeRole", &assume).ok());
    let direct = client.with_session(&client.sts("AssumeRole", &assume).ok());
    let duration = [("SessionDuration", "3600")];
    for client in [&federated, &chained] {
        assert_rejected(&ask_token(&aws, client, &duration), "Invalid credentials parameter");
        ask_token(&aws, client, &[]).ok();
    }
    ask_token(&aws, &direct, &duration).ok();
    for seconds in ["899", "43201", "1h"] {
        assert_rejected(&ask_token(&aws, &direct, &[("SessionDuration", seconds)]), "Bad Request");
    }
}

#[test]
fn wrong_and_expired_credentials_are_rejected() {
    let (aws, _) = setup();
    let client = role_session(&aws);
    let wrong = Client { secret: "x".repeat(40), ..client.clone() };
    assert_rejected(&ask_token(&aws, &wrong, &[]), "Invalid credentials parameter");
    aws.clock().advance(Duration::from_secs(3600));
    assert_rejected(&ask_token(&aws, &client, &[]), "Invalid credentials parameter");
    assert_rejected(&get(&aws, &[("Action", "getSigninToken"), ("Session", "{}")]), "Bad Request");
    assert_rejected(&get(&aws, &[]), "Bad Request");
}
