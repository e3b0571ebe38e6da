//! Form parameters and the constraints of the API models: length, characters, range, presence.
//!
//! Like AWS, it reports all violations of a request together.

use crate::error::ApiError;

/// The parameters of a request, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(form: &str) -> Self {
        let pairs = form.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The value of a parameter. If a request has it twice, the first one counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// `TagKeys.member.N`, in order of N.
    pub(crate) fn tag_keys(&self) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("TagKeys.member.{n}"))).collect()
    }

    /// `Tags.member.N.Key` and `.Value`, in order of N.
    pub(crate) fn tags(&self) -> Vec<(&str, Option<&str>)> {
        (1..)
            .map_while(|n| self.get(&format!("Tags.member.{n}.Key")).map(|key| (n, key)))
            .map(|(n, key)| (key, self.get(&format!("Tags.member.{n}.Value"))))
            .collect()
    }
}

/// Decodes `%XX` and, in forms, `+`. Malformed sequences stay as they are.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The API model's constraint of a string: its length, and its pattern as text and as code.
pub(crate) struct Rule {
    min: usize,
    max: usize,
    pattern: &'static str,
    matches: fn(&str) -> bool,
}

impl Rule {
    const fn new(min: usize, max: usize, pattern: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { min, max, pattern, matches }
    }

    fn violations(&self, value: &str) -> Vec<String> {
        let length = value.chars().count();
        let mut found = Vec::new();
        if length < self.min {
            found.push(format!("Member must have length greater than or equal to {}", self.min));
        }
        if length > self.max {
            found.push(format!("Member must have length less than or equal to {}", self.max));
        }
        if !(self.matches)(value) {
            found.push(format!("Member must satisfy regular expression pattern: {}", self.pattern));
        }
        found
    }
}

fn word_or(value: &str, others: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || others.contains(c))
}

fn some_word_or(value: &str, others: &str) -> bool {
    !value.is_empty() && word_or(value, others)
}

fn is_path(value: &str) -> bool {
    let inner = value.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    value == "/"
        || inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_graphic()))
}

fn is_tag(value: &str) -> bool {
    value.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
}

pub(crate) const EXISTING_USER: Rule = Rule::new(1, 128, r"[\w+=,.@-]+", |v| some_word_or(v, "+=,.@-"));
pub(crate) const NEW_USER: Rule = Rule::new(1, 64, r"[\w+=,.@-]+", |v| some_word_or(v, "+=,.@-"));
pub(crate) const DEVICE_NAME: Rule = Rule::new(1, usize::MAX, r"[\w+=,.@-]+", |v| some_word_or(v, "+=,.@-"));
const PATH: Rule = Rule::new(1, 512, "", |_| true);
pub(crate) const SERIAL: Rule = Rule::new(9, 256, r"[\w+=/:,.@-]+", |v| some_word_or(v, "+=/:,.@-"));
pub(crate) const STS_SERIAL: Rule = Rule::new(9, 256, r"[\w+=/:,.@-]*", |v| word_or(v, "+=/:,.@-"));
pub(crate) const CODE: Rule =
    Rule::new(6, 6, r"[\d]+", |v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
pub(crate) const TOKEN_CODE: Rule = Rule::new(6, 6, r"[\d]*", |v| v.bytes().all(|b| b.is_ascii_digit()));
pub(crate) const KEY_ID: Rule = Rule::new(16, 128, r"[\w]+", |v| some_word_or(v, ""));
pub(crate) const STS_KEY_ID: Rule = Rule::new(16, 128, r"[\w]*", |v| word_or(v, ""));
pub(crate) const TAG_KEY: Rule = Rule::new(1, 128, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", is_tag);
pub(crate) const TAG_VALUE: Rule = Rule::new(0, 256, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", is_tag);
pub(crate) const ROLE_ARN: Rule =
    Rule::new(20, 2048, r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF]+", |_| true);
pub(crate) const POLICY_ARN: Rule = Rule::new(20, 2048, "", |_| true);
pub(crate) const SESSION_NAME: Rule = Rule::new(2, 64, r"[\w+=,.@-]*", |v| word_or(v, "+=,.@-"));
pub(crate) const EXTERNAL_ID: Rule = Rule::new(2, 1224, r"[\w+=,.@:\/-]*", |v| word_or(v, "+=,.@:/-"));
pub(crate) const SOURCE_IDENTITY: Rule = Rule::new(2, 256, r"[\w+=,.@-]*", |v| word_or(v, "+=,.@-"));
pub(crate) const FEDERATED_NAME: Rule = Rule::new(2, 32, r"[\w+=,.@-]*", |v| word_or(v, "+=,.@-"));
pub(crate) const SESSION_POLICY: Rule = Rule::new(1, 2048, r"[\u0009\u000A\u000D\u0020-\u00FF]+", |_| true);
pub(crate) const PASSWORD: Rule = Rule::new(1, 128, r"[\u0009\u000A\u000D\u0020-\u00FF]+", |_| true);
pub(crate) const MARKER: Rule = Rule::new(1, 320, r"[\u0020-\u00FF]+", |_| true);

/// Reads parameters and collects violations, which [`done`](Self::done) reports together.
pub(crate) struct Check<'a> {
    params: &'a Params,
    violations: Vec<String>,
    malformed: Option<&'static str>,
    bad_path: bool,
}

impl<'a> Check<'a> {
    pub(crate) fn new(params: &'a Params) -> Self {
        Self { params, violations: Vec::new(), malformed: None, bad_path: false }
    }

    pub(crate) fn optional(&mut self, name: &str, rule: &Rule) -> Option<&'a str> {
        let value = self.params.get(name)?;
        self.value(name, value, rule);
        Some(value)
    }

    /// The value. If it is missing, returns an empty string, and [`done`](Self::done) fails.
    pub(crate) fn required(&mut self, name: &str, rule: &Rule) -> &'a str {
        self.optional(name, rule).unwrap_or_else(|| {
            self.add("null", name, "Member must not be null");
            ""
        })
    }

    pub(crate) fn value(&mut self, name: &str, value: &str, rule: &Rule) {
        for constraint in rule.violations(value) {
            self.add(&format!("'{value}'"), name, &constraint);
        }
    }

    /// The `Path` parameter, `/` if there is none.
    pub(crate) fn path(&mut self) -> &'a str {
        let path = self.optional("Path", &PATH).unwrap_or("/");
        self.bad_path = !is_path(path);
        path
    }

    pub(crate) fn one_of(&mut self, name: &str, choices: &[&str]) -> Option<&'a str> {
        let value = self.params.get(name)?;
        if !choices.contains(&value) {
            let set = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
            self.add(&format!("'{value}'"), name, &set);
        }
        Some(value)
    }

    /// A whole number. Like AWS, it accepts `0900` and `+900`, but rejects ` 900 `, `900.0`, `9e2` and 2³¹ as
    /// MalformedInput.
    pub(crate) fn integer(&mut self, name: &str, min: i32, max: i32) -> Option<i32> {
        let text = self.params.get(name)?;
        let Ok(value) = text.parse::<i32>() else {
            self.malformed = Some(if text.is_empty() { "missing value for decimal type" } else { "" });
            return None;
        };
        if value < min {
            self.add(
                &format!("'{value}'"),
                name,
                &format!("Member must have value greater than or equal to {min}"),
            );
        }
        if value > max {
            self.add(
                &format!("'{value}'"),
                name,
                &format!("Member must have value less than or equal to {max}"),
            );
        }
        Some(value)
    }

    pub(crate) fn done(self) -> Result<(), ApiError> {
        if let Some(message) = self.malformed {
            return Err(ApiError::new(400, "MalformedInput", message));
        }
        let count = self.violations.len();
        match count {
            0 if self.bad_path => Err(ApiError::validation(
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
                 characters and/or / characters.",
            )),
            0 => Ok(()),
            _ => {
                let errors = if count == 1 { "error" } else { "errors" };
                let all = self.violations.join("; ");
                Err(ApiError::validation(format!("{count} validation {errors} detected: {all}")))
            }
        }
    }

    fn add(&mut self, value: &str, name: &str, constraint: &str) {
        let member = member_name(name);
        self.violations
            .push(format!("Value {value} at '{member}' failed to satisfy constraint: {constraint}"));
    }
}

/// A member name in AWS's messages begins with a lowercase letter: `tokenCode`.
fn member_name(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_message(form: &str, name: &str, rule: &Rule) -> Option<String> {
        let params = Params::parse(form);
        let mut check = Check::new(&params);
        check.required(name, rule);
        check.done().err().map(|error| error.message)
    }

    #[test]
    fn forms_are_decoded() {
        let params = Params::parse("a=1%2B1&b=x+y&c=%zz&d&Tags.member.1.Key=k&Tags.member.1.Value=");
        assert_eq!(params.get("a"), Some("1+1"));
        assert_eq!(params.get("b"), Some("x y"));
        assert_eq!(params.get("c"), Some("%zz"));
        assert_eq!(params.get("d"), Some(""));
        assert_eq!(params.tags(), [("k", Some(""))]);
    }

    #[test]
    fn violations_are_reported_together() {
        assert_eq!(
            error_message("TokenCode=12x", "TokenCode", &TOKEN_CODE).as_deref(),
            Some(
                "2 validation errors detected: Value '12x' at 'tokenCode' failed to satisfy constraint: Member must \
                 have length greater than or equal to 6; Value '12x' at 'tokenCode' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\d]*"
            )
        );
        assert_eq!(
            error_message("", "UserName", &EXISTING_USER).as_deref(),
            Some(
                "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not \
                 be null"
            )
        );
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        let accepts = |path: &str| {
            let params = Params::parse(&format!("Path={path}"));
            let mut check = Check::new(&params);
            check.path();
            check.done().is_ok()
        };
        for good in ["/", "/a/", "/a/b-c/"] {
            assert!(accepts(good), "{good}");
        }
        for bad in ["", "a", "/a", "a/", "/a b/"] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
