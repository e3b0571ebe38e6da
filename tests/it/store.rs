//! `awsmfa store …`: what the stores hold, and how it is moved.

use crate::support::{World, words};

mod backup;
mod backup_places;
#[cfg(target_os = "linux")]
mod beside;
#[cfg(target_os = "linux")]
mod differences;
#[cfg(unix)]
mod init;
#[cfg(target_os = "linux")]
mod kills;
mod lost;
#[cfg(target_os = "linux")]
mod moving;
mod passwd;
mod rebuild;
mod status;
#[cfg(unix)]
mod unreadable;

const REGISTRY: &str = ".local/share/awsmfa/devices.json";
/// The device's entry in the file store.
const ENTRY: &str = ".local/share/awsmfa/store/arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice.age";
/// The address of a D-Bus that does not exist.
const NO_BUS: &str = "unix:path=/nowhere/bus";

/// A world with a device, without a keyring.
fn world() -> World {
    let mut world = World::imported();
    world.home.set("DBUS_SESSION_BUS_ADDRESS", NO_BUS);
    world
}

/// [`world`] with a stored access key.
fn world_with_key() -> World {
    let world = world();
    world.home.awsmfa(words("keys store -p dev")).run().success();
    world
}
