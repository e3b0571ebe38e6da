//! The plain content of a backup: JSON that a person can use without awsmfa. Secrets of devices are `otpauth://` URIs, as
//! authenticator apps import them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::serial::Serial;
use super::session::LongTermKeys;
use super::totp::{Seed, SeedError};

/// What `format` says.
const FORMAT: &str = "awsmfa-backup";
/// The version of the format that this program reads and writes.
const VERSION: u32 = 1;

/// All that a computer stores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Archive {
    pub devices: Vec<ArchivedDevice>,
    pub keys: Vec<ArchivedKeys>,
    /// What is neither, as the stores have it.
    pub others: Vec<ArchivedOther>,
    /// The devices of users, by access key ID.
    pub device_of_key: BTreeMap<String, Serial>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedDevice {
    pub serial: Serial,
    pub seed: Seed,
    pub user: Option<String>,
    pub label: Option<String>,
    pub profiles: Vec<String>,
}

/// Long-term keys.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedKeys {
    /// The profile that uses them, if one is known.
    pub profile: Option<String>,
    pub keys: LongTermKeys,
}

/// A secret of which only the name is known.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchivedOther {
    pub name: String,
    pub value: Secret<String>,
}

/// Why a text is not the content of a backup. Never quotes the text, which has secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    #[error("it is not a backup by awsmfa")]
    Foreign,
    #[error("it was written by a newer awsmfa (format {0}; this version supports format {VERSION})")]
    Newer(u32),
    #[error("its content is damaged at line {line}, column {column}")]
    Damaged { line: usize, column: usize },
    #[error("the secret of `{serial}` in it is unusable: {why}")]
    Seed { serial: Serial, why: SeedError },
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u32,
    #[serde(borrow)]
    devices: Vec<Device<'a>>,
    #[serde(default, borrow)]
    keys: Vec<Keys<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other<'a>>,
    #[serde(default)]
    device_of_key: BTreeMap<String, Serial>,
}

#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    version: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Device<'a> {
    serial: Serial,
    // Borrowed, so that there is no copy to wipe, unless another program escaped a character.
    #[serde(borrow)]
    uri: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    profiles: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Keys<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    access_key_id: String,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct Other<'a> {
    name: String,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

impl Archive {
    /// As indented JSON with a final newline.
    pub fn render(&self) -> Secret<String> {
        let uris: Vec<Secret<String>> =
            self.devices.iter().map(|device| device.seed.to_uri(&device.serial)).collect();
        let devices = self.devices.iter().zip(&uris).map(|(device, uri)| Device {
            serial: device.serial.clone(),
            uri: uri.expose().into(),
            user: device.user.clone(),
            label: device.label.clone(),
            profiles: device.profiles.clone(),
        });
        let keys = self.keys.iter().map(|ArchivedKeys { profile, keys }| Keys {
            profile: profile.clone(),
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.expose().into(),
        });
        let others = self
            .others
            .iter()
            .map(|ArchivedOther { name, value }| Other { name: name.clone(), value: value.expose().into() });
        let content = Content {
            format: FORMAT.into(),
            version: VERSION,
            devices: devices.collect(),
            keys: keys.collect(),
            others: others.collect(),
            device_of_key: self.device_of_key.clone(),
        };
        let mut text = serde_json::to_string_pretty(&content).expect("strings and numbers can be serialized");
        text.push('\n');
        Secret::locked(text)
    }

    /// Reads what [`render`](Self::render) wrote.
    pub fn parse(text: &str) -> Result<Self, ArchiveError> {
        let header: Header = serde_json::from_str(text).map_err(|error| match error.is_eof() {
            true => damaged(&error),
            false => ArchiveError::Foreign,
        })?;
        match (header.format.as_deref(), header.version) {
            (Some(FORMAT), Some(version)) if version > VERSION => return Err(ArchiveError::Newer(version)),
            (Some(FORMAT), Some(_)) => {}
            _ => return Err(ArchiveError::Foreign),
        }
        let content: Content = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        let devices = content.devices.into_iter().map(|device| {
            let Device { serial, uri, user, label, profiles } = device;
            match Seed::from_uri(&uri) {
                Ok(seed) => Ok(ArchivedDevice { serial, seed, user, label, profiles }),
                Err(why) => Err(ArchiveError::Seed { serial, why }),
            }
        });
        let keys = content.keys.into_iter().map(|Keys { profile, access_key_id, secret_access_key }| {
            let secret_access_key = Secret::locked(secret_access_key.into_owned());
            ArchivedKeys { profile, keys: LongTermKeys { access_key_id, secret_access_key } }
        });
        let others = content
            .others
            .into_iter()
            .map(|Other { name, value }| ArchivedOther { name, value: Secret::locked(value.into_owned()) });
        Ok(Self {
            devices: devices.collect::<Result<_, _>>()?,
            keys: keys.collect(),
            others: others.collect(),
            device_of_key: content.device_of_key,
        })
    }
}

/// Without serde's message, which quotes what it found.
fn damaged(error: &serde_json::Error) -> ArchiveError {
    ArchiveError::Damaged { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        let serial: Serial = "arn:aws:iam::123456789012:mfa/alice".parse().unwrap();
        Archive {
            devices: vec![ArchivedDevice {
                serial: serial.clone(),
                seed: Seed::from_base32("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").unwrap(),
                user: Some("alice".to_owned()),
                label: None,
                profiles: vec!["dev".to_owned()],
            }],
            keys: vec![ArchivedKeys {
                profile: Some("dev".to_owned()),
                keys: LongTermKeys {
                    access_key_id: "AKIAX".to_owned(),
                    secret_access_key: "se/cr+et".into(),
                },
            }],
            others: Vec::new(),
            device_of_key: BTreeMap::from([("AKIAX".to_owned(), serial)]),
        }
    }

    #[test]
    fn backup_is_readable_without_awsmfa() {
        insta::assert_snapshot!(archive().render().expose(), @r#"
        {
          "format": "awsmfa-backup",
          "version": 1,
          "devices": [
            {
              "serial": "arn:aws:iam::123456789012:mfa/alice",
              "uri": "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Amazon%20Web%20Services",
              "user": "alice",
              "profiles": [
                "dev"
              ]
            }
          ],
          "keys": [
            {
              "profile": "dev",
              "access_key_id": "AKIAX",
              "secret_access_key": "se/cr+et"
            }
          ],
          "device_of_key": {
            "AKIAX": "arn:aws:iam::123456789012:mfa/alice"
          }
        }
        "#);
        assert_eq!(Archive::parse(archive().render().expose()), Ok(archive()));
    }

    #[test]
    fn secrets_that_nothing_uses_are_kept_as_they_are() {
        let mut archive = archive();
        archive.keys[0].profile = None;
        archive.others.push(ArchivedOther { name: "note".to_owned(), value: "{\"a\": \"b\"}\n".into() });
        assert_eq!(Archive::parse(archive.render().expose()), Ok(archive));
    }

    #[test]
    fn other_texts_are_rejected_without_being_quoted() {
        let text = archive().render().expose().clone();
        let complaint = |text: &str| Archive::parse(text).unwrap_err().to_string();
        for foreign in
            ["", "otpauth://totp/x?secret=JBSWY3DP", "[]", "{}", r#"{"format": "x", "version": 1}"#]
        {
            let found = complaint(foreign);
            assert!(found.contains("not a backup") || found.contains("damaged at"), "{foreign}: {found}");
        }
        assert!(complaint(&text.replace("\"version\": 1", "\"version\": 2")).contains("newer awsmfa"));
        let broken =
            complaint(&text.replace("\"JBSW", "7,\"JBSW").replace("\"uri\": ", "\"uri\": 7, \"x\": "));
        assert!(broken.contains("damaged at line") && !broken.contains("JBSW"), "{broken}");
        let seed = complaint(&text.replace("secret=JBSWY3DPEHPK3PXP", "secret=1"));
        assert!(seed.contains("alice` in it is unusable"), "{seed}");
    }
}
