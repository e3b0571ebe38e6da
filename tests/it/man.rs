//! `man`: the pages of all commands, and those that are checked in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fake_aws::FakeAws;

use crate::support::{Home, skipped};

/// The pages in a folder, by file name.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// `UPDATE_MAN=1 cargo test --test it man` writes them again.
#[test]
fn checked_in_pages_match_the_generated_ones() {
    let home = Home::new(&FakeAws::start());
    let ran = home.awsmfa(["man", "--out", "share/man1"]).run().success();
    let generated = pages(&home.join("share/man1"));
    assert_eq!(ran.err(), format!("awsmfa: wrote {} man pages to share/man1\n", generated.len()));
    assert!(generated.len() > 15 && generated.contains_key("awsmfa-device-list.1"), "{:?}", generated.keys());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    if std::env::var_os("UPDATE_MAN").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for old in pages(&folder).keys().filter(|name| !generated.contains_key(*name)) {
            fs::remove_file(folder.join(old)).unwrap();
        }
        generated.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }
    let checked_in = pages(&folder);
    let differing: Vec<_> = generated
        .iter()
        .filter(|(name, text)| checked_in.get(*name) != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty() && checked_in.len() == generated.len(), "UPDATE_MAN=1: {differing:?}");
}

#[test]
fn page_is_printed_and_can_be_read() {
    let home = Home::new(&FakeAws::start());
    let page = home.awsmfa(["man"]).run().success().out();
    assert!(page.contains(".TH awsmfa 1") && page.contains("awsmfa\\-login(1)"), "{page}");
    home.write("awsmfa.1", &page);
    let Ok(read) = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(home.join("awsmfa.1")).output()
    else {
        return skipped("groff");
    };
    assert_eq!(String::from_utf8_lossy(&read.stderr), "");
    assert!(String::from_utf8_lossy(&read.stdout).contains("AWSMFA_STORE"));
}

#[test]
fn folder_that_cannot_be_written_is_reported() {
    let home = Home::new(&FakeAws::start());
    home.write("file", "");
    let error = home.awsmfa(["man", "--out", "file"]).run().code(1).err();
    assert!(error.starts_with("error: cannot write file/awsmfa.1: "), "{error}");
}
