//! Secret values: a wrapper that is wiped on drop, prints as `[redacted]`, and is read only through a call that can be
//! searched for.

use zeroize::Zeroize;

/// A secret value. Wiped on drop, redacted in `Debug`, and readable only through [`Secret::expose`].
///
/// The release profile aborts on panic, so no destructor runs then. The memory returns to the kernel with the process,
/// and on Linux core dumps are disabled at startup.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Check every call for leaks.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
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
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "[redacted]");
        assert_eq!(format!("{:?}", Some(Secret::new(vec![1u8, 2]))), "Some([redacted])");
    }
}
