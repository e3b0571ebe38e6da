//! Secret values: a wrapper that is wiped on drop, prints as `[redacted]`, and is read only through a call that can be
//! searched for.

use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroize;

/// From this size on, in bytes, a value is wiped in one piece.
const LARGE: usize = 16 * 1024;

/// What a [`Secret`] can hold.
pub trait Wipe {
    /// Overwrites the value in memory.
    fn wipe(&mut self);
    /// Where the value is, and how many bytes it may occupy without moving.
    fn place(&self) -> (*const u8, usize);
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

    fn place(&self) -> (*const u8, usize) {
        (self.as_ptr(), self.capacity())
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        std::mem::take(self).into_bytes().wipe();
    }

    fn place(&self) -> (*const u8, usize) {
        (self.as_ptr(), self.capacity())
    }
}

/// Whether the system refused to lock memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether a secret of this process may be written to swap, because the system refused to lock its memory.
pub fn may_be_swapped() -> bool {
    REFUSED.load(Ordering::Relaxed)
}

/// Keeps memory out of swap until the process ends, if the system allows. It is never unlocked, because pages are locked as a
/// whole and other secrets may be next to this one.
pub fn lock(bytes: &[u8]) {
    lock_place((bytes.as_ptr(), bytes.len()));
}

fn lock_place((start, size): (*const u8, usize)) {
    if size == 0 {
        return;
    }
    match region::lock(start, size) {
        Ok(guard) => std::mem::forget(guard),
        Err(_) => REFUSED.store(true, Ordering::Relaxed),
    }
}

/// A secret value. Wiped on drop, redacted in `Debug`, and readable only through [`Secret::expose`].
///
/// Whatever opens a store or comes out of one is [locked](Self::locked) in memory. Sessions are not: they are on the disk anyway,
/// and locking takes a system call.
///
/// The release profile aborts on panic, so no destructor runs then. The memory returns to the kernel with the process,
/// and there are no core dumps.
pub struct Secret<T: Wipe> {
    value: T,
    is_locked: bool,
}

impl<T: Wipe> Secret<T> {
    pub fn new(value: T) -> Self {
        Self { value, is_locked: false }
    }

    /// A secret that the system does not write to swap, and neither its clones.
    pub fn locked(value: T) -> Self {
        lock_place(value.place());
        Self { value, is_locked: true }
    }

    /// The value. Check every call for leaks.
    pub fn expose(&self) -> &T {
        &self.value
    }
}

impl<T: Wipe + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        match self.is_locked {
            true => Self::locked(self.value.clone()),
            false => Self::new(self.value.clone()),
        }
    }
}

impl<T: Wipe + PartialEq> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Wipe + Eq> Eq for Secret<T> {}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.value.wipe();
    }
}

impl<T: Wipe> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_covers_the_whole_memory() {
        let mut bytes = Vec::with_capacity(LARGE + 9);
        bytes.resize(LARGE, 7);
        bytes.wipe();
        // Smaller ones are left to `zeroize`.
        assert_eq!(bytes, vec![0; LARGE + 9]);
        for size in [1, LARGE] {
            let mut text = "x".repeat(size);
            text.wipe();
            assert_eq!(text, "");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn locked_secret_and_its_clone_stay_out_of_swap() {
        // Large enough for memory of its own, in which no other secret is.
        let locked = Secret::locked("x".repeat(1 << 20));
        let clone = locked.clone();
        if may_be_swapped() {
            return;
        }
        let map = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let is_locked = |secret: &Secret<String>| {
            let place = secret.expose().as_ptr().addr();
            let address = |text: &str| usize::from_str_radix(text, 16).ok();
            let mut lines = map.lines().skip_while(|line| {
                let range = line.split(' ').next().and_then(|range| range.split_once('-'));
                let range = range.and_then(|(start, end)| Some(address(start)?..address(end)?));
                !range.is_some_and(|range| range.contains(&place))
            });
            let flags = lines.find_map(|line| line.strip_prefix("VmFlags:"));
            flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == "lo"))
        };
        assert_eq!([&locked, &clone].map(is_locked), [true, true]);
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "[redacted]");
        assert_eq!(format!("{:?}", Some(Secret::new(vec![1u8, 2]))), "Some([redacted])");
    }
}
