//! Lines that are valid everywhere but mean different things to different SDKs.

use std::fmt;

use super::document::{Document, UnsafeEdit};
use super::syntax::{self, LineKind, Scanner};

/// A line that SDKs read differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line, from 1.
    pub line: usize,
    /// The section's header text.
    pub section: String,
    /// The key, in lower case.
    pub key: String,
    pub kind: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// botocore has no comments after a value.
    Comment,
    /// JavaScript distinguishes keys by case.
    Capitals,
    /// Go removes quotes around a whole value.
    Quotes,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comment => {
                "has a comment after its value, which the AWS CLI and boto3 read as part of the value"
            }
            Self::Capitals => "is written with capital letters, so the JavaScript SDK does not find it",
            Self::Quotes => "has quotes around its value, which Terraform removes and other tools keep",
        })
    }
}

/// All such lines of a file, as it was read.
pub fn differences(document: &Document) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut scanner = Scanner::new(document.text_before());
    for line in 1.. {
        let Some(scanned) = scanner.next(|_, _| ()) else { break };
        match scanned.kind {
            LineKind::Header => section = syntax::exact_name(scanned.text).0.into_owned(),
            LineKind::Property => found.extend(kind(scanned.text).map(|(key, kind)| Difference {
                line,
                section: section.clone(),
                key,
                kind,
            })),
            _ => {}
        }
    }
    found
}

fn kind(line: &str) -> Option<(String, Dialect)> {
    let property = syntax::property(line).ok()?;
    let is_quoted = |quote| {
        property.value.len() > 1 && property.value.starts_with(quote) && property.value.ends_with(quote)
    };
    let kind = match () {
        () if property.comment.is_some() && !property.value.is_empty() => Dialect::Comment,
        () if !syntax::trim(line).starts_with(&property.key) => Dialect::Capitals,
        () if is_quoted('"') || is_quoted('\'') => Dialect::Quotes,
        () => return None,
    };
    Some((property.key, kind))
}

/// Writes a setting so that all SDKs read it alike: the key in lower case, and a comment on a line of its own.
pub fn normalize(document: &mut Document, section: &str, key: &str) -> Result<(), UnsafeEdit> {
    let Some(value) = document.get(section, key) else { return Ok(()) };
    document.atomically(|document| {
        // Only another value has the line written again.
        document.set(section, key, "-")?;
        document.set(section, key, value.expose()).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_files::AwsFile;

    #[test]
    fn differences_are_found_and_normalized() {
        let text = "# top\n[profile dev]\nregion = us-east-1 # near\nOutput = json\nrole_session_name = \"me\"\n\
            mfa_serial = arn#x\ns3 =\n  Max = 1 # a\nempty = # only\n";
        let mut document = Document::parse(AwsFile::Config, text.as_bytes()).unwrap();
        let found = differences(&document);
        let shown: Vec<_> =
            found.iter().map(|d| (d.line, d.section.as_str(), d.key.as_str(), d.kind)).collect();
        assert_eq!(
            shown,
            [
                (3, "profile dev", "region", Dialect::Comment),
                (4, "profile dev", "output", Dialect::Capitals),
                (5, "profile dev", "role_session_name", Dialect::Quotes),
            ]
        );
        normalize(&mut document, "profile dev", "region").unwrap();
        normalize(&mut document, "profile dev", "output").unwrap();
        let new = text
            .replace("region = us-east-1 # near", "# near\nregion = us-east-1")
            .replace("Output", "output");
        assert_eq!(*document.to_text().expose(), new);
        assert!(normalize(&mut document, "profile dev", "role_session_name").is_err());
        assert_eq!(*document.to_text().expose(), new, "nothing was changed halfway");
    }
}
