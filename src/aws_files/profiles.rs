//! Both AWS files merged into profiles, as the AWS SDKs' reference describes: key by key, the credentials file wins.
//! Keys and session tokens are an exception and are read as a group, because merging would combine one file's keys with
//! the other's token. What a profile *means* is in `resolve`.
//!
//! A profile is merged when it is needed: files can have thousands of profiles, and most commands need a few.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::document::{Document, SectionId, UnsafeEdit};
use super::syntax::{self, is_identifier};
use super::write::{self, FileError};
use super::{AwsFile, Origin, header_of, keeps_keys_of, long_term_name};

mod near;
mod profile;

pub use profile::{BadLine, IncompleteKeys, Profile, StaticKeys, Value};

/// The kinds of the sections that are no profiles.
pub const SSO_SESSION: &str = "sso-session";
pub const SERVICES: &str = "services";

/// A section that the SDKs ignore, for example because of a misplaced `profile` prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The header without brackets.
    pub header: String,
    pub file: AwsFile,
    pub origin: Origin,
}

/// All profiles in the two files. Clones share what was merged.
#[derive(Debug, Clone)]
pub struct Profiles {
    files: Arc<Files>,
    stored: Arc<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Files {
    config: Source,
    credentials: Source,
    /// Merged profiles, each at the index of its first section: first the sections of the config file, then those of
    /// the credentials file. In blocks, because most commands need a few of thousands.
    merged: Vec<OnceLock<Block>>,
    paths: Vec<PathBuf>,
}

type Block = Box<[OnceLock<Box<Profile>>; BLOCK]>;
const BLOCK: usize = 64;

#[derive(Debug)]
struct Source {
    document: Document,
    path: Arc<PathBuf>,
}

/// The sections of a profile, in the order in which they are merged.
type Sections = Vec<(AwsFile, SectionId)>;

impl Default for Profiles {
    fn default() -> Self {
        Self::new(Document::empty(AwsFile::Config), Document::empty(AwsFile::Credentials), [None, None])
    }
}

impl Profiles {
    /// Reads and merges both files. A file that does not exist, or whose path is not known, is empty.
    pub fn load(config: Option<&Path>, credentials: Option<&Path>) -> Result<Self, FileError> {
        let read = |path: Option<&Path>, file| {
            path.map_or_else(|| Ok(Document::empty(file)), |path| write::read(path, file))
        };
        let (first, second) = (read(config, AwsFile::Config)?, read(credentials, AwsFile::Credentials)?);
        Ok(Self::new(first, second, [config, credentials]))
    }

    /// Merges two documents. The paths are only used in origins and messages.
    pub fn from_documents(config: (&Document, &Path), credentials: (&Document, &Path)) -> Self {
        Self::new(config.0.clone(), credentials.0.clone(), [Some(config.1), Some(credentials.1)])
    }

    fn new(config: Document, credentials: Document, paths: [Option<&Path>; 2]) -> Self {
        let count = config.id_count() + credentials.id_count();
        let [one, other] = paths.map(|path| Arc::new(path.unwrap_or(Path::new("")).to_owned()));
        let files = Files {
            config: Source { document: config, path: one },
            credentials: Source { document: credentials, path: other },
            merged: std::iter::repeat_with(OnceLock::new).take(count.div_ceil(BLOCK)).collect(),
            paths: paths.into_iter().flatten().map(Path::to_owned).collect(),
        };
        Self { files: Arc::new(files), stored: Arc::default() }
    }

    /// Adds the long-term keys that are not in the files but in a store: access key IDs by profile.
    #[must_use]
    pub fn with_stored(self, stored: BTreeMap<String, String>) -> Self {
        Self { stored: Arc::new(stored), ..self }
    }

    /// The ID of a profile's access key in a store, if it has one there. `[x-long-term]` is a part of profile `x`.
    pub fn stored_key(&self, profile: &str) -> Option<(&str, &str)> {
        let owner = keeps_keys_of(profile).unwrap_or(profile);
        self.stored.get_key_value(owner).map(|(profile, id)| (profile.as_str(), id.as_str()))
    }

    /// Whether these profiles were merged from these two documents.
    pub(super) fn are_of(&self, config: &Document, credentials: &Document) -> bool {
        self.files.config.document.is_same(config) && self.files.credentials.document.is_same(credentials)
    }

    /// A profile by its name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.files.merged(name, &self.files.sections_of(name))
    }

    /// The names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of = |file| {
            self.files.source(file).document.ids().filter_map(move |id| self.files.profile_at(file, id))
        };
        of(AwsFile::Config).chain(of(AwsFile::Credentials)).collect::<BTreeSet<&str>>().into_iter()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.names().filter_map(|name| self.get(name))
    }

    /// A `[services x]`.
    pub fn services(&self, name: &str) -> Option<&Profile> {
        self.other(SERVICES, name)
    }

    /// A section of the config file that is no profile, such as `[sso-session x]`.
    pub fn other(&self, kind: &str, name: &str) -> Option<&Profile> {
        let header = syntax::section_header(kind, name);
        let ids = self.files.config.document.find_all(&header);
        let sections: Sections = ids.into_iter().map(|id| (AwsFile::Config, id)).collect();
        self.files.merged(name, &sections)
    }

    /// Up to three names of such sections that are similar to a misspelled one, most similar first.
    pub fn others_near(&self, kind: &str, name: &str) -> Vec<String> {
        let document = &self.files.config.document;
        let others = document.ids().filter_map(|id| {
            let rest = document.name(id).strip_prefix(kind)?.strip_prefix(' ')?;
            syntax::name_in(rest)
        });
        near::near(name, others)
    }

    /// The section with an access key that was meant to be this profile's, if the SDKs ignore it because of its header.
    pub fn misnamed_keys(&self, name: &str) -> Option<Ignored> {
        [AwsFile::Credentials, AwsFile::Config].into_iter().find_map(|file| {
            let Source { document, .. } = self.files.source(file);
            let header = |name: &str| match file {
                AwsFile::Credentials => format!("profile {name}"),
                AwsFile::Config => name.to_owned(),
            };
            let sections = [long_term_name(name), name.to_owned()];
            let ids = sections.iter().flat_map(|name| document.find_all(&header(name)));
            let has_key = |id: SectionId| document.settings(id).iter().any(|s| s.key == "aws_access_key_id");
            let id = ids.into_iter().find(|id| self.files.is_ignored(file, *id) && has_key(*id))?;
            Some(self.files.ignored(file, id))
        })
    }

    /// The section that was meant to be this profile, if the SDKs ignore it because of its header.
    pub fn ignored_as(&self, name: &str) -> Option<Ignored> {
        let meant = |header: &str| header == name || header.strip_prefix("profile ") == Some(name);
        self.ignored().into_iter().find(|ignored| meant(&ignored.header))
    }

    /// All sections that the SDKs ignore.
    pub fn ignored(&self) -> Vec<Ignored> {
        let mut ignored = Vec::new();
        for file in [AwsFile::Config, AwsFile::Credentials] {
            let ids = self.files.source(file).document.ids().filter(|id| self.files.is_ignored(file, *id));
            ignored.extend(ids.map(|id| self.files.ignored(file, id)));
        }
        ignored
    }

    /// Everything invalid in the files, in any profile.
    pub fn obstacles(&self) -> impl Iterator<Item = (&Path, &UnsafeEdit)> {
        [&self.files.config, &self.files.credentials].into_iter().flat_map(|source| {
            source.document.obstacles().iter().map(|obstacle| (source.path.as_path(), obstacle))
        })
    }

    /// The paths of the files, existing or not: config, then credentials.
    pub fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }

    /// Up to three profile names that are similar to a misspelled name, most similar first.
    pub fn near(&self, name: &str) -> Vec<String> {
        near::near(name, self.names())
    }
}

impl Files {
    fn source(&self, file: AwsFile) -> &Source {
        match file {
            AwsFile::Config => &self.config,
            AwsFile::Credentials => &self.credentials,
        }
    }

    fn merged(&self, name: &str, sections: &Sections) -> Option<&Profile> {
        let (file, id) = sections.first()?;
        let before = if *file == AwsFile::Config { 0 } else { self.config.document.id_count() };
        let at = before + id;
        let block =
            self.merged[at / BLOCK].get_or_init(|| Box::new(std::array::from_fn(|_| OnceLock::new())));
        let profile = block[at % BLOCK].get_or_init(|| {
            let mut profile = Profile::new(name);
            for (file, id) in sections {
                let Source { document, path } = self.source(*file);
                profile.add(document, *id, path);
            }
            Box::new(profile)
        });
        Some(profile)
    }

    fn sections_of(&self, name: &str) -> Sections {
        let of = |file: AwsFile| {
            let ids = self.source(file).document.find_all(&header_of(file, name)).into_iter();
            ids.filter(move |id| self.profile_at(file, *id) == Some(name)).map(move |id| (file, id))
        };
        of(AwsFile::Config).chain(of(AwsFile::Credentials)).collect()
    }

    /// The profile that a section belongs to; `None` for other sections and for those that the SDKs ignore.
    fn profile_at(&self, file: AwsFile, id: SectionId) -> Option<&str> {
        let header = self.source(file).document.name(id);
        match (file, header.split_once(' ')) {
            (AwsFile::Config, Some(("profile", rest))) => syntax::name_in(rest),
            (AwsFile::Config, None) if header == "default" && !self.is_default_hidden() => Some(header),
            (AwsFile::Credentials, _) if is_identifier(header) || self.is_quoted(header) => Some(header),
            _ => None,
        }
    }

    fn ignored(&self, file: AwsFile, id: SectionId) -> Ignored {
        let Source { document, path } = self.source(file);
        let origin = Origin { path: Arc::clone(path), line: document.first_line(id) + 1 };
        Ignored { header: document.name(id).to_owned(), file, origin }
    }

    fn is_ignored(&self, file: AwsFile, id: SectionId) -> bool {
        let name = self.source(file).document.name(id);
        let rest = [SSO_SESSION, SERVICES].iter().find_map(|kind| name.strip_prefix(kind)?.strip_prefix(' '));
        let is_other = file == AwsFile::Config && rest.and_then(syntax::name_in).is_some();
        !is_other && self.profile_at(file, id).is_none()
    }

    /// Whether `[default]` is ignored: a `[profile default]` with any value replaces it, wherever it is.
    fn is_default_hidden(&self) -> bool {
        let config = &self.config.document;
        let prefixed = |id: &SectionId| config.name(*id) == "profile default";
        let says = |id: SectionId| config.settings(id).iter().any(|s| !s.value.expose().is_empty());
        config.find_all("default").into_iter().filter(prefixed).any(says)
    }

    /// Whether a section of the credentials file belongs to a profile that has a quoted name in the config file. Only
    /// botocore accepts names with spaces and similar characters, and only there.
    fn is_quoted(&self, section: &str) -> bool {
        let in_quotes = |name: &str| {
            let ids = self.config.document.find_all(&header_of(AwsFile::Config, name));
            ids.into_iter().any(|id| self.profile_at(AwsFile::Config, id) == Some(name))
        };
        in_quotes(section) || keeps_keys_of(section).is_some_and(in_quotes)
    }
}

#[cfg(test)]
mod tests;
