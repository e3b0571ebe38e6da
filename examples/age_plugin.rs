//! An age plugin for tests: `age-plugin-awsmfatest` on the `PATH`. It keeps nothing safe: its identity is the key. What it does is
//! set by `AGE_TEST_PLUGIN`: `works` (the default), `asks` for a PIN, `asks-touch`, `refuses`, `crashes`, `hangs` or `babbles`.
//! Without arguments, it prints a new identity.

#![allow(clippy::print_stdout, reason = "its output is for a test")]
#![allow(clippy::disallowed_methods, reason = "a program of its own")]

use std::collections::{HashMap, HashSet};
use std::io;

use age_core::format::{FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt};
use age_core::secrecy::ExposeSecret;
use age_plugin::identity::{self, IdentityPluginV1};
use age_plugin::recipient::{self, RecipientPluginV1};
use age_plugin::{Callbacks, PluginHandler, print_new_identity, run_state_machine};

const NAME: &str = "awsmfatest";
const PIN: &str = "864209";

fn main() -> io::Result<()> {
    let Some(argument) = std::env::args().nth(1) else {
        let key: [u8; 32] = std::array::from_fn(|i| i as u8 ^ std::process::id() as u8);
        print_new_identity(NAME, &key, &key);
        return Ok(());
    };
    match mode().as_str() {
        "crashes" => std::process::exit(101),
        "hangs" => loop {
            std::thread::sleep(std::time::Duration::from_secs(60));
        },
        "babbles" => {
            println!("hello");
            return io::copy(&mut io::stdin(), &mut io::sink()).map(drop);
        }
        _ => {}
    }
    let machine = argument.trim_start_matches("--age-plugin=");
    run_state_machine(machine, Plugin)
}

fn mode() -> String {
    std::env::var("AGE_TEST_PLUGIN").unwrap_or_else(|_| "works".to_owned())
}

struct Plugin;

impl PluginHandler for Plugin {
    type RecipientV1 = Keys;
    type IdentityV1 = Keys;

    fn recipient_v1(self) -> io::Result<Keys> {
        Ok(Keys::default())
    }

    fn identity_v1(self) -> io::Result<Keys> {
        Ok(Keys::default())
    }
}

#[derive(Default)]
struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// Adds a key. Returns whether it is one.
    fn add(&mut self, name: &str, bytes: &[u8]) -> bool {
        let key: Option<[u8; 32]> = bytes.try_into().ok().filter(|_| name == NAME);
        self.0.extend(key);
        key.is_some()
    }
}

impl RecipientPluginV1 for Keys {
    fn add_recipient(&mut self, index: usize, name: &str, bytes: &[u8]) -> Result<(), recipient::Error> {
        let message = "not a recipient".to_owned();
        if self.add(name, bytes) { Ok(()) } else { Err(recipient::Error::Recipient { index, message }) }
    }

    fn add_identity(&mut self, index: usize, name: &str, bytes: &[u8]) -> Result<(), recipient::Error> {
        let message = "not an identity".to_owned();
        if self.add(name, bytes) { Ok(()) } else { Err(recipient::Error::Identity { index, message }) }
    }

    fn labels(&mut self) -> HashSet<String> {
        HashSet::new()
    }

    fn wrap_file_keys(
        &mut self,
        file_keys: Vec<FileKey>,
        _: impl Callbacks<recipient::Error>,
    ) -> io::Result<Result<Vec<Vec<Stanza>>, Vec<recipient::Error>>> {
        let wrap = |key: &[u8; 32], file_key: &FileKey| Stanza {
            tag: NAME.to_owned(),
            args: Vec::new(),
            body: aead_encrypt(key, file_key.expose_secret()),
        };
        let of = |file_key: &FileKey| self.0.iter().map(|key| wrap(key, file_key)).collect();
        Ok(Ok(file_keys.iter().map(of).collect()))
    }
}

impl IdentityPluginV1 for Keys {
    fn add_identity(&mut self, index: usize, name: &str, bytes: &[u8]) -> Result<(), identity::Error> {
        let message = "not an identity".to_owned();
        if self.add(name, bytes) { Ok(()) } else { Err(identity::Error::Identity { index, message }) }
    }

    fn unwrap_file_keys(
        &mut self,
        files: Vec<Vec<Stanza>>,
        mut callbacks: impl Callbacks<identity::Error>,
    ) -> io::Result<HashMap<usize, Result<FileKey, Vec<identity::Error>>>> {
        let complaint = match mode().as_str() {
            "refuses" => Some("no device is connected"),
            "asks" => match callbacks.request_secret("PIN of the test key:")? {
                Ok(pin) if pin.expose_secret() == PIN => None,
                _ => Some("wrong PIN"),
            },
            "asks-touch" => {
                let _ = callbacks.message("touch the test key")?;
                let yes = callbacks.confirm("Is it touched?", "touched", None)?;
                if matches!(yes, Ok(true)) { None } else { Some("the key was not touched") }
            }
            _ => None,
        };
        let mut opened = HashMap::new();
        for (at, stanzas) in files.iter().enumerate() {
            if let Some(message) = complaint {
                let error = identity::Error::Identity { index: 0, message: message.to_owned() };
                opened.insert(at, Err(vec![error]));
                continue;
            }
            let ours = stanzas.iter().filter(|stanza| stanza.tag == NAME);
            let key = ours
                .flat_map(|stanza| self.0.iter().map(move |key| aead_decrypt(key, 16, &stanza.body)))
                .find_map(Result::ok);
            if let Some(key) = key {
                let file_key = FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&key));
                opened.insert(at, Ok(file_key));
            }
        }
        Ok(opened)
    }
}
