//! The federation endpoint of AWS's sign-in service, which opens the console. It is not part of the SDK, and its requests are not
//! signed: they contain the session's credentials. Hence POST: a URL would end up in the logs of proxies.

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use url::form_urlencoded;

use super::client::Aws;
use super::errors::{AwsError, AwsErrorKind};
use super::settings::ClientError;
use super::transport::http_connector;
use crate::model::duration::SessionDuration;
use crate::model::secret::Secret;
use crate::model::session::Session;

const OPERATION: &str = "getSigninToken";

/// Credentials as the endpoint reads them.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    session_id: &'a str,
    session_key: &'a str,
    session_token: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SigninToken")]
    token: String,
}

impl Aws {
    /// Exchanges a role's session for a sign-in token, which is valid for 15 minutes. The console session lasts as long as the
    /// role's session, or for `duration`, which AWS accepts only if the role was assumed with long-term keys.
    pub fn signin_token(
        &self,
        federation: &str,
        session: &Session,
        duration: Option<SessionDuration>,
    ) -> Result<Result<Secret<String>, AwsError>, ClientError> {
        let connector = http_connector(self.settings())?;
        let token = request(federation, session, duration).and_then(|request| {
            let answered = self.block_on(async { connector.call(request).await });
            answered
                .map_err(|error| AwsError::from_connector(OPERATION, &error))
                .and_then(|answer| token(&answer))
        });
        let server = || self.server(federation).map(Box::new);
        Ok(token.map_err(|error| AwsError { server: server(), ..error }))
    }
}

fn request(
    federation: &str,
    session: &Session,
    duration: Option<SessionDuration>,
) -> Result<HttpRequest, AwsError> {
    let malformed = |_| AwsError::new(AwsErrorKind::NotAws, OPERATION, "the endpoint is not a valid URI");
    let credentials = Credentials {
        session_id: &session.access_key_id,
        session_key: session.secret_access_key.expose(),
        session_token: session.session_token.expose(),
    };
    let credentials = serde_json::to_string(&credentials).expect("strings are serialized");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", OPERATION).append_pair("Session", &credentials);
    if let Some(duration) = duration {
        form.append_pair("SessionDuration", &duration.seconds().to_string());
    }
    let mut request = HttpRequest::new(SdkBody::from(form.finish()));
    request.set_method("POST").map_err(malformed)?;
    request.set_uri(federation).map_err(malformed)?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    request.headers_mut().insert("user-agent", concat!("awsmfa/", env!("CARGO_PKG_VERSION")));
    Ok(request)
}

/// The token in an answer. An error does not quote the answer, which may repeat the credentials.
fn token(answer: &HttpResponse) -> Result<Secret<String>, AwsError> {
    let status = answer.status().as_u16();
    let kind = match status {
        200 => {
            let answer: Option<Answer> =
                answer.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
            let token = answer.map(|answer| Secret::from(answer.token)).filter(|t| !t.expose().is_empty());
            return token.ok_or_else(|| AwsError::not_aws(OPERATION));
        }
        429 => AwsErrorKind::Throttled,
        500.. => AwsErrorKind::Unavailable,
        400 | 403 => AwsErrorKind::Refused,
        _ => AwsErrorKind::NotAws,
    };
    Err(AwsError::new(kind, OPERATION, format!("HTTP status {status}")))
}
