//! What a state of a file is known by, and what a file is named by.

use std::fs;
use std::path::Path;

/// What identifies a state of a file for the fast path; any write changes at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Modification time in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Size in bytes.
    pub size: u64,
    /// Inode number; 0 on systems without them.
    pub inode: u64,
}

/// The fingerprint of the file at `path`, symlinks followed; `None` if it cannot be seen.
pub fn fingerprint(path: &Path) -> Option<Fingerprint> {
    fingerprint_of(&fs::metadata(path).ok()?)
}

pub(super) fn fingerprint_of(metadata: &fs::Metadata) -> Option<Fingerprint> {
    let modified_ns = match metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    Some(Fingerprint { modified_ns, size: metadata.len(), inode: inode(metadata) })
}

/// A short name for something that cannot be a file name itself: 32 hexadecimal digits of its SHA-256.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
