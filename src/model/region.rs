//! AWS regions: valid names, their partitions, and the known ones.

use std::fmt;
use std::str::FromStr;

/// A region's name. Host names and signatures contain it, so it is checked before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

/// A text that is not a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an AWS region")]
pub struct RegionError {
    pub text: String,
    /// The known region with the most similar name.
    pub near: Option<&'static str>,
}

/// Prefixes of region names and their partitions (from the AWS SDKs' `partitions.json`).
const PREFIXES: [(&str, &str); 8] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
    ("", "aws"),
];

/// The regions to suggest for a mistyped name. Regions that are not listed work too.
const KNOWN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// The partitions with known prefixes.
#[cfg(test)]
pub fn partitions() -> impl Iterator<Item = &'static str> {
    PREFIXES.iter().map(|(_, partition)| *partition)
}

impl Region {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that the name implies.
    pub fn partition(&self) -> &'static str {
        // Pseudo regions such as `aws-cn-global` contain their partition.
        let pseudo = self.0.strip_suffix("-global");
        let named = PREFIXES.iter().find(|(_, partition)| pseudo == Some(partition));
        let prefixed = PREFIXES.iter().find(|(prefix, _)| self.0.starts_with(prefix));
        named.or(prefixed).map_or("aws", |(_, partition)| partition)
    }

    /// Whether the name has the form of an AWS region: `eu-central-1`, `us-gov-west-1`, `aws-global`.
    pub fn has_aws_form(&self) -> bool {
        let parts: Vec<&str> = self.0.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        match parts.split_last() {
            Some((&"global", words)) => words.first() == Some(&"aws") && words.iter().all(word),
            Some((number, words)) => {
                words.len() >= 2
                    && words.iter().all(word)
                    && (1..=2).contains(&number.len())
                    && number.bytes().all(|b| b.is_ascii_digit())
            }
            None => false,
        }
    }

    /// Whether the region is in the list above.
    pub fn is_known(&self) -> bool {
        KNOWN.contains(&self.0.as_str()) || self.0.ends_with("-global")
    }

    /// The error for a region that does not exist in AWS.
    pub fn as_unknown(&self) -> RegionError {
        RegionError { text: self.0.clone(), near: near(&self.0) }
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        // A host name label, as in botocore; servers other than AWS use regions such as `local`.
        let label = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        match label {
            true => Ok(Self(text.to_owned())),
            false => Err(RegionError { text: text.to_owned(), near: near(text) }),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The known region with the most similar name, if one is similar enough.
fn near(text: &str) -> Option<&'static str> {
    let kept = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let lower = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let plain: String = lower.chars().filter(|c| kept(*c)).take(64).collect();
    let distance = |known: &&&str| strsim::damerau_levenshtein(known, &plain);
    KNOWN.iter().min_by_key(distance).filter(|known| distance(known) <= 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str) -> Region {
        text.parse().unwrap()
    }

    #[test]
    fn a_region_is_a_host_name_label() {
        for text in ["us-east-1", "local", "xx-new-9", "aws-global", "US-EAST-1"] {
            assert_eq!(region(text).as_str(), text);
        }
        for text in
            ["", "\"us-east-1\"", "us-east-1 ", "us east 1", "us-east-1 # x", "a.b", "-a", "a-", "é", "a/b"]
        {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    #[test]
    fn known_and_future_regions_have_the_aws_form() {
        for known in KNOWN {
            assert!(region(known).has_aws_form() && region(known).is_known(), "{known}");
        }
        for new in ["xx-southeast-12", "eu-isoe-north-1", "aws-global", "aws-us-gov-global"] {
            assert!(region(new).has_aws_form(), "{new}");
        }
        for other in ["local", "US-EAST-1", "us-east-1a", "us-east", "us-east-1-fips", "frankfurt", "us--1"] {
            assert!(!region(other).has_aws_form(), "{other}");
        }
    }

    #[test]
    fn the_name_implies_the_partition() {
        for (name, partition) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
            ("aws-global", "aws"),
            ("aws-us-gov-global", "aws-us-gov"),
        ] {
            assert_eq!(region(name).partition(), partition, "{name}");
        }
    }

    #[test]
    fn similar_regions_are_suggested() {
        for (text, meant) in [
            ("us-esat-1", Some("us-east-1")),
            ("\"us-east-1\"", Some("us-east-1")),
            ("US_EAST_1", Some("us-east-1")),
            ("eu-central1", Some("eu-central-1")),
            ("us-east-1a", Some("us-east-1")),
            ("frankfurt", None),
            ("", None),
        ] {
            assert_eq!(near(text), meant, "{text}");
        }
    }
}
