//! Core dumps. One of awsmfa would hold seeds and keys; what other programs do with theirs is not awsmfa's concern.

#[cfg(unix)]
pub use unix::{allowed, forbid};

#[cfg(unix)]
mod unix {
    use std::sync::OnceLock;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// The limit with which awsmfa was started.
    static BEFORE: OnceLock<Rlimit> = OnceLock::new();

    /// From now on, a crash leaves no dump. On Linux, no other process of the user can read this one's memory, either.
    pub fn forbid() {
        // The limit does not apply to dumps that go to a program, such as systemd's; this does. exec resets it.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        let before = getrlimit(Resource::Core);
        let _ = BEFORE.set(before);
        set_none(before);
    }

    /// Starts a program with the limit with which awsmfa was started.
    pub fn allowed<T>(start: impl FnOnce() -> T) -> T {
        let Some(before) = BEFORE.get() else { return start() };
        let _ = setrlimit(Resource::Core, *before);
        let started = start();
        set_none(*before);
        started
    }

    /// Only the soft limit: a hard one could not be raised again.
    fn set_none(before: Rlimit) {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..before });
    }
}

/// Windows writes dumps only if an administrator turned that on.
#[cfg(not(unix))]
pub fn forbid() {}

#[cfg(not(unix))]
pub fn allowed<T>(start: impl FnOnce() -> T) -> T {
    start()
}
