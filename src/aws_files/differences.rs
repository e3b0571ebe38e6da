//! What an edit changed, key by key, and taking that back after other programs have changed the file, too. Holds no keys, codes
//! or tokens: they are moved back from where the edit moved them.

use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

use super::document::{Document, UnsafeEdit};
use super::log::Position;
use super::session_edits::{SESSION, TOKEN, holds_session};

/// The keys that are a long-term access key.
const KEYS: [&str; 2] = [SESSION[0], SESSION[1]];

/// The difference that an edit made to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Difference {
    /// The key moved to another section.
    Moved { from: String, to: String, key: String },
    /// The key was removed, or has another value. Another section still has its old value.
    Kept { section: String, key: String, at: String },
    /// The key has another value, or none. The values of credentials are empty here.
    Changed { section: String, key: String, before: Option<String>, after: Option<String> },
    /// A section was added.
    Added { section: String },
}

/// What differs between a file before an edit and after it.
pub fn differences(before: &Document, after: &Document) -> Vec<Difference> {
    let mut found = Vec::new();
    let all = |a: &Document, b: &Document| -> Vec<(String, String)> {
        let keys = |section: String| a.keys(&section).into_iter().map(move |key| (section.clone(), key));
        let changed = |(section, key): &(String, String)| a.get(section, key) != b.get(section, key);
        a.sections().into_iter().flat_map(keys).filter(changed).collect()
    };
    let (removed, mut added) = (all(before, after), all(after, before));
    for (section, key) in removed {
        let value = before.get(&section, &key);
        let to = added.iter().position(|(other, k)| *k == key && after.get(other, k) == value);
        let is_gone = after.get(&section, &key).is_none() || SESSION.contains(&key.as_str());
        if let Some(at) = to.filter(|_| is_gone) {
            let (to, _) = added.remove(at);
            found.push(Difference::Moved { from: section, to, key });
            continue;
        }
        if KEYS.contains(&key.as_str())
            && !holds_session(before, &section)
            && let Some(at) = kept_at(before, after, &section, &key)
        {
            found.push(Difference::Kept { section, key, at });
            continue;
        }
        added.retain(|(other, k)| (other, k) != (&section, &key));
        found.push(changed(before, after, section, key));
    }
    found.extend(added.into_iter().map(|(section, key)| changed(before, after, section, key)));
    let new = after.sections().into_iter().filter(|section| !before.has_section(section));
    found.extend(new.map(|section| Difference::Added { section }));
    found
}

/// Another section that has had the key's old value all along.
fn kept_at(before: &Document, after: &Document, section: &str, key: &str) -> Option<String> {
    let value = before.get(section, key);
    let long_term = format!("{section}-long-term");
    std::iter::once(long_term).chain(after.sections()).find(|at| {
        at != section && value.is_some() && before.get(at, key) == value && after.get(at, key) == value
    })
}

fn changed(before: &Document, after: &Document, section: String, key: String) -> Difference {
    let is_secret = SESSION.contains(&key.as_str());
    let text = |document: &Document| {
        let value = document.get(&section, &key)?;
        Some(if is_secret { String::new() } else { value.expose().clone() })
    };
    let (before, after) = (text(before), text(after));
    Difference::Changed { section, key, before, after }
}

/// Takes differences back in a file that has changed since. Returns what stays, in words.
pub fn take_back(document: &mut Document, differences: &[Difference]) -> Result<Vec<String>, UnsafeEdit> {
    document.atomically(|document| {
        let mut left = Vec::new();
        for difference in differences {
            match difference {
                Difference::Moved { from, to, key } => left.extend(move_back(document, from, to, key)?),
                Difference::Kept { section, key, at } => left.extend(copy_back(document, section, key, at)?),
                Difference::Changed { section, key, before, .. } if SESSION.contains(&key.as_str()) => {
                    if key != TOKEN {
                        continue;
                    }
                    if before.is_none() && holds_session(document, section) {
                        document.remove_keys_and_empty_section(section, &SESSION)?;
                    } else if before.is_some() {
                        left.push(format!("the session that was in [{section}] is not restored"));
                    }
                }
                Difference::Changed { section, key, before, after } => {
                    let now = document.get(section, key);
                    let now = now.as_ref().map(Secret::expose);
                    if now == before.as_ref() {
                        continue;
                    }
                    if now != after.as_ref() {
                        left.push(format!("`{key}` in [{section}] has changed since"));
                    } else if let Some(before) = before {
                        document.set(section, key, before)?;
                    } else {
                        document.remove(section, key)?;
                    }
                }
                Difference::Added { .. } => {}
            }
        }
        for difference in differences {
            if let Difference::Added { section } = difference
                && document.has_section(section)
                && document.keys(section).is_empty()
            {
                document.remove_keys_and_empty_section(section, &[])?;
            }
        }
        Ok(left)
    })
}

fn copy_back(
    document: &mut Document,
    section: &str,
    key: &str,
    at: &str,
) -> Result<Option<String>, UnsafeEdit> {
    remove_session(document, section)?;
    if document.get(section, key).is_some() {
        return Ok(None);
    }
    let Some(value) = document.get(at, key) else {
        return Ok(Some(format!("`{key}` is no longer in [{at}]")));
    };
    document.add_section(section, Some(at))?;
    document.set(section, key, value.expose())?;
    Ok(None)
}

/// Removes a session of a later login. It would hide the keys.
fn remove_session(document: &mut Document, section: &str) -> Result<(), UnsafeEdit> {
    if holds_session(document, section) {
        for key in SESSION {
            document.remove(section, key)?;
        }
    }
    Ok(())
}

fn move_back(document: &mut Document, from: &str, to: &str, key: &str) -> Result<Option<String>, UnsafeEdit> {
    if document.get(to, key).is_none() {
        let is_back = document.has(from, key);
        return Ok((!is_back).then(|| format!("`{key}` is no longer in [{to}]")));
    }
    if SESSION.contains(&key) {
        remove_session(document, from)?;
    }
    if document.get(from, key).is_some() {
        return Ok(Some(format!("[{from}] has another `{key}`, so the one in [{to}] stays there")));
    }
    document.add_section(from, Some(to))?;
    document.move_key(to, from, key, Position::End)?;
    Ok(None)
}
