//! What a panic says: that it is a bug, and where. Its payload may hold a secret, a backtrace helps nobody who has no
//! source, and an abort would be a signal where SDKs and scripts expect an exit code.

use std::io::{self, Write};
use std::panic::Location;

use crate::error::ErrorKind;
use crate::{contained, interrupt};

/// From now on, a panic on any thread that is not [`contained`] ends the process with exit code 1 and two lines, or one for an SDK.
#[allow(clippy::disallowed_methods, reason = "returning from the hook aborts")]
pub fn report(for_sdk: impl Fn() -> bool + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        contained::end_if_contained();
        interrupt::restore_terminal();
        // If stderr is closed, nobody can see the report.
        let _ = io::stderr().write_all(words(panic.location(), for_sdk()).as_bytes());
        std::process::exit(ErrorKind::Failed as i32);
    }));
}

fn words(location: Option<&Location>, one_line: bool) -> String {
    let place = location.map_or("an unknown place".to_owned(), |at| {
        format!("{}:{}:{}", shortened(at.file()), at.line(), at.column())
    });
    let version =
        format!("awsmfa {}, {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    match one_line {
        true => format!("awsmfa: internal error at {place}; please report it; hint: include {version}\n"),
        false => format!("error: internal error at {place}; please report it\nhint: include {version}\n"),
    }
}

/// The path of a dependency's source without the folders of the machine that built it.
fn shortened(file: &str) -> &str {
    match file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, rest)) => rest,
        None => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_the_place_and_the_version() {
        let here = Location::caller();
        let said = words(Some(here), false);
        assert!(
            said.starts_with(&format!("error: internal error at src/panics.rs:{}:", here.line())),
            "{said}"
        );
        assert!(said.contains("please report it\nhint: include awsmfa 0."), "{said}");
        assert_eq!(words(Some(here), true).lines().count(), 1);
    }

    #[test]
    fn dependency_is_named_without_the_builders_home() {
        let file = "/home/b/.cargo/registry/src/index.crates.io-1949/age-0.12.0/src/lib.rs";
        assert_eq!(shortened(file), "age-0.12.0/src/lib.rs");
        assert_eq!(shortened("src/ui.rs"), "src/ui.rs");
    }
}
