//! Reads `otpauth://` URIs (Google Authenticator's Key URI Format). Apps write them differently, and only four parameters
//! affect the codes, so everything else is ignored. A parameter that would change the codes is rejected by name.

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::seed_error::SeedError;
use super::step::STEP_SECONDS;

const SCHEME: &str = "otpauth://";
/// The scheme in the QR codes that Google Authenticator exports.
const EXPORT_SCHEME: &str = "otpauth-migration://";
const DIGITS: u64 = 6;

/// The first `otpauth://` or export URI in a text, up to the end of the line. Spaces do not end it: apps leave them in labels.
pub fn find(text: &str) -> Option<&str> {
    let at = (0..text.len()).find(|at| {
        let stands = |scheme: &str| starts_with(text.get(*at..).unwrap_or_default(), scheme);
        stands(SCHEME) || stands(EXPORT_SCHEME)
    })?;
    text[at..].split(['\n', '\r', '"', '`', '<', '>']).next()
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// All such URIs in a text, in order.
pub fn find_all(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(uri) = find(rest) {
        found.push(uri);
        // The URI is a part of `rest`.
        let end = uri.as_ptr() as usize - rest.as_ptr() as usize + uri.len();
        rest = &rest[end..];
    }
    found
}

/// Whether a text begins with such a URI.
pub fn is_list(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    starts_with(text, SCHEME) || starts_with(text, EXPORT_SCHEME)
}

/// Whether this is a QR code of a Google Authenticator export.
pub fn is_export(uri: &str) -> bool {
    starts_with(uri.trim(), EXPORT_SCHEME)
}

/// The parameter `data` of an export's URI.
pub(super) fn export_data(uri: &str) -> Option<Zeroizing<String>> {
    let (_, query) = uri.trim().split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("data="))?;
    let data = percent_decode_str(value).decode_utf8().ok()?;
    Some(Zeroizing::new(data.into_owned()))
}

/// Checks the type of an account and the parameters of its codes, by the names that they have in a URI.
pub(super) fn check_type_and_parameters(kind: &str, parameters: &[(&str, &str)]) -> Result<(), SeedError> {
    check_type(kind).map_err(|error| match error {
        SeedError::Hotp => SeedError::Hotp,
        _ => SeedError::Foreign("a nonstandard type".to_owned()),
    })?;
    parameters.iter().try_for_each(|(name, value)| check_parameter(name, value))
}

/// The issuer and the name of a URI's account; both may be empty. The parameter `issuer` takes precedence over the label.
pub(super) fn label(uri: &str) -> (String, String) {
    let uri = uri.trim();
    let rest = uri.get(SCHEME.len()..).unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let label = path.split_once('/').map_or("", |(_, label)| label);
    // In a name, a `+` is a `+`: names of users can have one.
    let label = percent_decode_str(label).decode_utf8_lossy();
    let (prefix, name) = label.split_once(':').unwrap_or(("", &label));
    let parameter = query.split('#').next().unwrap_or_default().split('&').find_map(|pair| {
        let (name, value) = pair.strip_prefix("amp;").unwrap_or(pair).split_once('=')?;
        name.eq_ignore_ascii_case("issuer").then(|| decoded(value).trim().to_owned())
    });
    let issuer = parameter.filter(|issuer| !issuer.is_empty());
    (issuer.unwrap_or_else(|| prefix.replace('+', " ").trim().to_owned()), name.trim().to_owned())
}

/// The `secret` parameter of an AWS device's URI, as written.
pub(super) fn secret(uri: &str) -> Result<Zeroizing<String>, SeedError> {
    let uri = uri.trim();
    if starts_with(uri, EXPORT_SCHEME) {
        return Err(SeedError::Export);
    }
    if !starts_with(uri, SCHEME) {
        return Err(SeedError::NotOtpauth("it does not begin with otpauth://"));
    }
    let rest = &uri[SCHEME.len()..];
    check_type(rest.split(['/', '?']).next().unwrap_or_default())?;
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let mut secret: Option<Zeroizing<String>> = None;
    for pair in query.split('&') {
        // In a URI copied from a web page's source, `&` is `&amp;`.
        let pair = pair.strip_prefix("amp;").unwrap_or(pair);
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        match name.trim().to_ascii_lowercase().as_str() {
            "secret" if secret.as_ref().is_some_and(|other| *other != value) => {
                return Err(SeedError::NotOtpauth("it has two different secrets"));
            }
            "secret" => secret = Some(value),
            name => check_parameter(name, value.trim())?,
        }
    }
    secret.filter(|secret| !secret.trim().is_empty()).ok_or(SeedError::NotOtpauth("it has no `secret`"))
}

fn check_type(kind: &str) -> Result<(), SeedError> {
    match kind.to_ascii_lowercase().as_str() {
        "totp" => Ok(()),
        "hotp" => Err(SeedError::Hotp),
        _ => Err(SeedError::NotOtpauth("its type is not `totp`")),
    }
}

/// Refuses what would change the codes. An empty value is the default; unknown names do not matter.
fn check_parameter(name: &str, value: &str) -> Result<(), SeedError> {
    let foreign = |what: String| Err(SeedError::Foreign(what));
    match name {
        _ if value.is_empty() => Ok(()),
        "digits" => match whole_number(value) {
            None => Err(SeedError::NotOtpauth("`digits` is not a number")),
            Some(digits) if digits != DIGITS => foreign(format!("{digits} digits")),
            Some(_) => Ok(()),
        },
        "period" => match whole_number(value) {
            None => Err(SeedError::NotOtpauth("`period` is not a number of seconds")),
            Some(period) if period != STEP_SECONDS => foreign(format!("a period of {period} seconds")),
            Some(_) => Ok(()),
        },
        "algorithm" => match hash(value).as_str() {
            "SHA1" | "SHA" => Ok(()),
            known @ ("SHA224" | "SHA256" | "SHA384" | "SHA512" | "MD5") => {
                foreign(format!("algorithm {known}"))
            }
            // Not shown: in a broken URI it may be anything.
            _ => foreign("a nonstandard algorithm".to_owned()),
        },
        "counter" => foreign("a counter".to_owned()),
        "encoder" => foreign("a nonstandard encoder".to_owned()),
        _ => Ok(()),
    }
}

/// `30`, and `30.0` as JavaScript and Python write it.
fn whole_number(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.bytes().all(|b| b.is_ascii_digit()) && fraction.bytes().all(|b| b == b'0');
    digits.then(|| whole.parse().ok()).flatten()
}

/// A hash function's name without what libraries put around it: `HmacSHA1`, `SHA-1` and `sha1` are the same.
fn hash(text: &str) -> String {
    let name: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    name.strip_prefix("HMAC").unwrap_or(&name).to_owned()
}

/// Without percent signs and with `+` for blanks. What is not UTF-8 then is not Base32 either.
fn decoded(text: &str) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(
        text.split('+')
            .enumerate()
            .flat_map(|(i, part)| (i > 0).then_some(b' ').into_iter().chain(percent_decode_str(part))),
    );
    let text = std::str::from_utf8(&bytes).unwrap_or("\u{fffd}");
    Zeroizing::new(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::totp::Seed;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn uri(rest: &str) -> Result<Seed, SeedError> {
        Seed::from_uri(&rest.replace("KEY", KEY))
    }

    #[test]
    fn parameters_that_do_not_affect_the_codes_are_ignored() {
        let seed = Seed::from_base32(KEY).unwrap();
        for text in [
            "otpauth://totp/x?secret=KEY",
            "otpauth://totp/?secret=KEY",
            "otpauth://totp?secret=KEY",
            "otpauth://totp/AWS%20prod:alice?secret=KEY&issuer=Amazon%20Web%20Services",
            "otpauth://totp/AWS:alice?secret=KEY&issuer=",
            "otpauth://totp/Amazon+Web+Services:a@1?issuer=Amazon+Web+Services&secret=KEY",
            "otpauth://totp/Amazon Web Services:a@1?secret=KEY&issuer=Amazon Web Services",
            "OTPAUTH://TOTP/x?SECRET=KEY&Digits=6&PERIOD=30&Algorithm=sha1",
            "otpauth://totp/x?secret=KEY&digits=&period=&algorithm=",
            "otpauth://totp/x?secret=KEY&digits&period&algorithm&counter=",
            "otpauth://totp/x?secret=KEY&algorithm=SHA-1&period=30.0&digits=6.0",
            "otpauth://totp/x?secret=KEY&algorithm=HMACSHA1",
            "otpauth://totp/x?secret=KEY&algorithm=Hmac-SHA-1",
            "otpauth://totp/x?secret=KEY====&image=https%3A%2F%2Fexample.com%2Fa.png&color=red",
            " otpauth://totp/x?secret=gezdgnbvgy3tqojqgezdgnbvgy3tqojq%3D%3D&issuer=a\n",
            "otpauth://totp/x?issuer=a&amp;secret=KEY&amp;digits=6#fragment",
            "otpauth://totp/%FF%zz?secret=KEY&secret=KEY&issuer=%FF",
        ] {
            assert_eq!(uri(text), Ok(seed.clone()), "{text}");
        }
    }

    #[test]
    fn parameters_that_change_the_codes_are_rejected_by_name() {
        for (parameter, name) in [
            ("digits=8", "8 digits"),
            ("DIGITS=7", "7 digits"),
            ("amp;digits=8", "8 digits"),
            ("digits=6&digits=8", "8 digits"),
            ("algorithm=SHA256", "algorithm SHA256"),
            ("algorithm=hmac-sha-512", "algorithm SHA512"),
            ("algorithm=MD5", "algorithm MD5"),
            ("algorithm=WHIRLPOOL", "a nonstandard algorithm"),
            ("period=60", "a period of 60 seconds"),
            ("period=0", "a period of 0 seconds"),
            ("counter=1", "a counter"),
            ("encoder=steam", "a nonstandard encoder"),
        ] {
            let text = format!("otpauth://totp/x?secret=KEY&{parameter}");
            assert_eq!(uri(&text), Err(SeedError::Foreign(name.to_owned())), "{parameter}");
        }
        assert_eq!(uri("otpauth://hotp/x?secret=KEY&counter=1"), Err(SeedError::Hotp));
        assert_eq!(uri("OTPAUTH://HOTP/x?secret=KEY"), Err(SeedError::Hotp));
    }

    #[test]
    fn other_uris_are_rejected() {
        for text in [
            "otpauth://totp/x",
            "otpauth://totp/x?secret=",
            "otpauth://totp/x?secret=KEY&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "otpauth://totp/x?secret=KEY&digits=six",
            "otpauth://totp/x?secret=KEY&period=30.5",
            "otpauth://steam/x?secret=KEY",
            "https://totp/x?secret=KEY",
        ] {
            assert!(matches!(uri(text), Err(SeedError::NotOtpauth(_))), "{text}: {:?}", uri(text));
        }
        assert_eq!(uri("otpauth-migration://offline?data=KEY"), Err(SeedError::Export));
        assert_eq!(uri("otpauth://totp/x?secret=GEZDGNBVGY3TQOJ1"), Err(SeedError::NotBase32));
    }

    #[test]
    fn issuer_is_found_however_a_uri_is_written() {
        let aws = ("AWS".to_owned(), "alice".to_owned());
        for text in [
            "otpauth://totp/alice?secret=KEY&amp;issuer=AWS",
            "otpauth://totp/x:alice?Issuer=AWS&secret=KEY",
            "otpauth://totp/AWS:alice?secret=KEY&issuer=#fragment",
        ] {
            assert_eq!(label(text), aws, "{text}");
        }
        assert_eq!(label("otpauth://totp/Amazon+Web+Services:a+b").0, "Amazon Web Services");
        assert_eq!(label("otpauth://totp/Amazon+Web+Services:a+b").1, "a+b");
    }

    #[test]
    fn uri_is_found_inside_a_text() {
        assert_eq!(find("URI: OtpAuth://totp/x"), Some("OtpAuth://totp/x"));
        assert_eq!(find("{\"uri\": \"otpauth://totp/a b\"}"), Some("otpauth://totp/a b"));
        assert_eq!(find("otpauth://totp/O'Brien\nbye"), Some("otpauth://totp/O'Brien"));
        assert_eq!(
            find("see Otpauth-Migration://offline?data=x"),
            Some("Otpauth-Migration://offline?data=x")
        );
        assert_eq!(find("ü otpauth:/x"), None);
    }

    proptest! {
        #[test]
        fn every_seed_survives_its_uri(bytes in prop::collection::vec(any::<u8>(), 16..64), name in "[a-zA-Z0-9+=,.@_-]{1,20}") {
            let seed = Seed::from_base32(&totp_rs::Secret::from(bytes).to_base32()).unwrap();
            let serial = format!("arn:aws:iam::123456789012:mfa/{name}").parse().unwrap();
            prop_assert_eq!(Seed::from_uri(seed.to_uri(&serial).expose()), Ok(seed));
        }

        #[test]
        fn labels_issuers_and_unknown_parameters_do_not_matter(
            label in "[^?#\r\n]{0,20}",
            issuer in "[^&#\r\n]{0,20}",
            name in "x-[a-z]{1,8}",
            value in "[^&#\r\n]{0,20}",
        ) {
            let text = format!("otpauth://totp/{label}?{name}={value}&secret={KEY}&issuer={issuer}");
            prop_assert_eq!(uri(&text), Seed::from_base32(KEY));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(?i:otpauth://)?.{0,60}") {
            let _ = Seed::from_uri(&text);
            let _ = find(&text);
        }
    }
}
