//! Redacts a request's secrets in error responses. Otherwise a proxy or mock that quotes the request would put a code or token
//! on the terminal and into logs.

use std::collections::HashSet;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use url::form_urlencoded;

use crate::model::secret::Secret;

/// Parameters of the Query protocol that are secrets.
const PARAMETERS: [&str; 6] = [
    "TokenCode",
    "AuthenticationCode1",
    "AuthenticationCode2",
    "Password",
    "WebIdentityToken",
    "SAMLAssertion",
];
/// Fields of JSON requests that are secrets; IAM Identity Center uses them.
const FIELDS: [&str; 7] =
    ["clientSecret", "refreshToken", "deviceCode", "code", "codeVerifier", "assertion", "accessToken"];
/// Headers that are secrets.
const HEADERS: [&str; 4] =
    ["x-amz-security-token", "x-amz-sso_bearer_token", "x-aws-ec2-metadata-token", "authorization"];

/// Fragments of a secret are redacted from this length on.
const FRAGMENT: usize = 12;

const REDACTED: &str = "[redacted]";

/// The secrets of a request, in each spelling that a server may quote.
pub(super) struct Carried(Vec<Secret<String>>);

impl Carried {
    /// The secrets of this request.
    pub(super) fn by(request: &HttpRequest) -> Self {
        let mut secrets: Vec<String> =
            HEADERS.iter().filter_map(|name| request.headers().get(name)).map(in_header).collect();
        let body = request.body().bytes().unwrap_or_default();
        if body.starts_with(b"{") {
            let fields: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            secrets.extend(FIELDS.iter().filter_map(|name| fields[name].as_str()).map(str::to_owned));
        } else {
            let parameters = form_urlencoded::parse(body);
            let sensitive = parameters.filter(|(name, _)| PARAMETERS.contains(&name.as_ref()));
            secrets.extend(sensitive.map(|(_, value)| value.into_owned()));
        }
        secrets.retain(|secret| !secret.is_empty());
        Self(secrets.iter().flat_map(|secret| spellings(secret)).map(Secret::new).collect())
    }

    /// The text without these secrets.
    pub(super) fn redacted(&self, text: Vec<u8>) -> Vec<u8> {
        let characters = unescaped(&text);
        let plain: Vec<u8> = characters.iter().map(|(byte, _)| *byte).collect();
        let mut hidden = vec![false; plain.len()];
        for secret in &self.0 {
            mark(&plain, secret.expose().as_bytes(), &mut hidden);
        }
        if !hidden.contains(&true) {
            return text;
        }
        let mut kept = Vec::with_capacity(text.len());
        for (at, (_, written)) in characters.iter().enumerate() {
            match (hidden[at], at > 0 && hidden[at - 1]) {
                (false, _) => kept.extend_from_slice(written),
                (true, false) => kept.extend_from_slice(REDACTED.as_bytes()),
                (true, true) => {}
            }
        }
        kept
    }
}

/// The bytes of a text, each with its spelling: XML and HTML may write any character as a reference.
fn unescaped(text: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut found, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, ..] = rest {
        let (byte, length) = reference(rest).unwrap_or((*first, 1));
        let (written, after) = rest.split_at(length);
        found.push((byte, written));
        rest = after;
    }
    found
}

/// The ASCII character of the reference at the beginning of a text, and the length of the reference.
fn reference(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.strip_prefix(b"&")?.get(..end.checked_sub(1)?)?).ok()?;
    let number = |digits: &str| match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    };
    let byte = match name {
        "amp" => b'&',
        "lt" => b'<',
        "gt" => b'>',
        "quot" => b'"',
        "apos" => b'\'',
        name => number(name.strip_prefix('#')?).filter(u8::is_ascii)?,
    };
    Some((byte, end + 1))
}

/// The secret part of a header. In `Authorization` that is only the signature; AWS's own messages contain the rest.
fn in_header(value: &str) -> String {
    value.rsplit_once("Signature=").map_or(value, |(_, signature)| signature).to_owned()
}

/// A secret in plain text and form-encoded.
fn spellings(secret: &str) -> HashSet<String> {
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    HashSet::from([secret.to_owned(), form.to_ascii_lowercase(), form])
}

/// Marks the parts of a text that are a secret or a fragment of it.
fn mark(text: &[u8], secret: &[u8], hidden: &mut [bool]) {
    let size = secret.len().min(FRAGMENT);
    let fragments: HashSet<&[u8]> = secret.windows(size).collect();
    // Six digits of a longer number, such as an account ID, are not a code.
    let digits = secret.len() < FRAGMENT && secret.iter().all(u8::is_ascii_digit);
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    for (at, window) in text.windows(size).enumerate() {
        let in_number = digits && (is_digit(at.checked_sub(1)) || is_digit(Some(at + size)));
        if !in_number && fragments.contains(window) {
            hidden[at..at + size].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn carried(headers: &[(&'static str, &'static str)], body: &'static str) -> Carried {
        let mut request = HttpRequest::new(SdkBody::from(body));
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        Carried::by(&request)
    }

    fn redacted(carried: &Carried, text: &str) -> String {
        String::from_utf8(carried.redacted(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn code_is_redacted_and_a_longer_number_is_not() {
        let carried = carried(&[], "Action=GetSessionToken&TokenCode=123456&SerialNumber=s");
        assert_eq!(redacted(&carried, "bad TokenCode=123456&x"), "bad TokenCode=[redacted]&x");
        assert_eq!(redacted(&carried, "123456 and 123456"), "[redacted] and [redacted]");
        let account = "arn:aws:iam::123456789012:mfa/a of GetSessionToken";
        assert_eq!(redacted(&carried, account), account);
    }

    #[test]
    fn token_is_redacted_in_each_spelling_and_in_part() {
        let carried = carried(&[("x-amz-security-token", "IQoJb3JpZ2luX2VjEXAMPLE/+token=")], "");
        for quoted in [
            "IQoJb3JpZ2luX2VjEXAMPLE/+token=",
            "IQoJb3JpZ2luX2VjEXAMPLE%2F%2Btoken%3D",
            "IQoJb3JpZ2luX2",
            "luX2VjEXAMPLE",
        ] {
            assert_eq!(redacted(&carried, &format!("x{quoted}!")), "x[redacted]!");
        }
    }

    #[test]
    fn secret_in_character_references_is_redacted() {
        let code = carried(&[], "TokenCode=123456");
        for quoted in ["&#49;23456", "12345&#x36;", "&#49;&#50;&#51;&#52;&#53;&#54;", "&#x0031;23456"] {
            assert_eq!(redacted(&code, &format!("<a>{quoted}&amp;</a>")), "<a>[redacted]&amp;</a>");
        }
        assert_eq!(redacted(&code, "1&#55;23456 &#;123456"), "1&#55;23456 &#;[redacted]");
        let form = carried(&[], "Password=a%26%22b%27");
        assert_eq!(redacted(&form, "x a&amp;&#34;b&#39; y"), "x [redacted] y");
        for other in ["&", "&;", "&#", "&#x;", "&#300;", "&#xe9;", "&nbsp;", "&#49"] {
            assert_eq!(redacted(&code, &format!("{other} 123456")), format!("{other} [redacted]"));
        }
    }

    #[test]
    fn passwords_signatures_and_json_fields_are_redacted() {
        let form = carried(&[], "Password=a%26b%3Cc");
        assert_eq!(redacted(&form, "a&amp;b&lt;c or a%26b%3Cc"), "[redacted] or [redacted]");
        let authorization =
            "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=0123456789abcdef";
        let signed = carried(&[("authorization", authorization)], "");
        assert_eq!(redacted(&signed, "Credential=AKIA/x 0123456789abcdef"), "Credential=AKIA/x [redacted]");
        let json = carried(&[], r#"{"clientId":"public-client","clientSecret":"hidden-secret"}"#);
        assert_eq!(redacted(&json, "public-client hidden-secret"), "public-client [redacted]");
    }
}
