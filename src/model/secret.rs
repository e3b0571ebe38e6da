//! Secret values: a wrapper that is wiped on drop, prints as `[redacted]`, and is read only through a call that can be
//! searched for.

use zeroize::Zeroize;

/// From this size on, in bytes, a value is wiped in one piece.
const LARGE: usize = 16 * 1024;

/// What a [`Secret`] can hold.
pub trait Wipe {
    /// Overwrites the value in memory.
    fn wipe(&mut self);
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        if self.capacity() < LARGE {
            return self.zeroize();
        }
        // Whole AWS files: `zeroize` writes each byte separately, which takes as long as parsing the file.
        self.clear();
        self.resize(self.capacity(), 0);
        // Otherwise, the compiler may leave out what nobody reads.
        std::hint::black_box(&mut *self);
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        std::mem::take(self).into_bytes().wipe();
    }
}

/// A secret value. Wiped on drop, redacted in `Debug`, and readable only through [`Secret::expose`].
///
/// The release profile aborts on panic, so no destructor runs then. The memory returns to the kernel with the process,
/// and there are no core dumps.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Wipe>(T);

impl<T: Wipe> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Check every call for leaks.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_covers_the_whole_memory() {
        for size in [1, LARGE] {
            let mut bytes = Vec::with_capacity(size + 9);
            bytes.resize(size, 7);
            bytes.wipe();
            bytes.resize(bytes.capacity(), 0);
            assert_eq!(bytes, vec![0; size + 9]);
            let mut text = "x".repeat(size);
            text.wipe();
            assert_eq!(text, "");
        }
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "[redacted]");
        assert_eq!(format!("{:?}", Some(Secret::new(vec![1u8, 2]))), "Some([redacted])");
    }
}
