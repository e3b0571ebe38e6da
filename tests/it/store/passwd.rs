//! `store passwd`

use std::sync::Arc;

use awsmfa::testing::context::Context;

use crate::support::in_process::{InProcess, Typist, in_words, store};
use crate::support::{World, words};

/// `store passwd` with these lines typed: the error, if any, and what the terminal showed.
fn passwd(world: &World, typed: &[&str]) -> (String, Vec<String>) {
    let InProcess { ctx, .. } = world.in_process(0);
    let typist = Typist::new(typed);
    let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, Arc::clone(&typist) as _).unwrap();
    let done = store(&ctx, &["passwd"]);
    (done.err().map(|error| in_words(&error)).unwrap_or_default(), typist.seen())
}

#[test]
fn new_passphrase_opens_the_same_secrets() {
    let world = World::imported();
    let before = world.home.files();
    world.home.write("new", "battery staple\n");
    world.home.chmod("new", 0o600);
    let run = world.home.awsmfa(words("store passwd")).env("AWSMFA_NEW_PASSPHRASE_FILE", "new");
    insta::assert_snapshot!(run.run().success().err(), @"
    awsmfa: changed the passphrase of the file store
    warning: ~/passphrase still has the old passphrase
    hint: write the new passphrase to ~/passphrase
    ");
    let after = world.home.files();
    let entries = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
        let is_entry = |name: &str| name.contains("awsmfa/store/") && !name.ends_with("identity.age");
        files.iter().filter(|(name, _)| is_entry(name)).map(|(n, b)| (n.clone(), b.clone())).collect()
    };
    assert_eq!(entries(&after), entries(&before), "only identity.age is written");
    world.home.awsmfa(words("store lock")).run().success();
    world.home.awsmfa(words("code")).run().code(5);
    world.home.awsmfa(words("code")).env("AWSMFA_PASSPHRASE_FILE", "new").run().success();
}

#[test]
fn current_passphrase_is_typed_first_and_may_be_mistyped_twice() {
    let mut world = World::imported();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.set("AWSMFA_UNLOCK_FOR", "0");
    let identity = ".local/share/awsmfa/store/identity.age";
    let before = std::fs::read(world.home.join(identity)).unwrap();
    let (error, seen) =
        passwd(&world, &["wrong", "Wrong", "WRONG", "correct horse", "battery staple", "battery staple"]);
    insta::assert_snapshot!(error, @"
    error: wrong passphrase for the file store
    hint: try again with the right passphrase; nothing was changed
    ");
    assert_eq!(seen.len(), 3, "{seen:?}");
    passwd(&world, &["correct horse", "short", "battery staple", "battery stable"]);
    assert_eq!(std::fs::read(world.home.join(identity)).unwrap(), before, "nothing was changed");
    let (error, seen) = passwd(&world, &["wrong", "correct horse", "battery staple", "battery staple"]);
    assert_eq!(error, "");
    insta::assert_snapshot!(seen.join("\n"), @"
    passphrase for the file store:
    wrong passphrase, try again: passphrase for the file store:
    new passphrase for the file store (at least 8 characters):
    repeat the passphrase:
    ");
    let (error, _) = passwd(&world, &["battery staple", "correct horse", "correct horse"]);
    assert_eq!(error, "");
}

#[test]
fn passphrase_of_a_missing_store_cannot_be_changed() {
    let world = World::new();
    world.home.forget_store();
    insta::assert_snapshot!(world.home.awsmfa(words("store passwd")).run().code(3).err(), @"error: there is no file store, so there is no passphrase to change");
}

#[test]
fn new_passphrase_needs_a_person_or_its_own_variable() {
    let world = World::imported();
    let passwd = || world.home.awsmfa(words("store passwd"));
    insta::assert_snapshot!(passwd().run().code(5).err(), @"
    error: no new passphrase for the file store: cannot prompt (`AWSMFA_NO_INPUT` is set)
    hint: run the command in a terminal, or set `AWSMFA_NEW_PASSPHRASE_FILE` to a file with the new passphrase
    ");
    world.home.write("new", "short\n");
    world.home.chmod("new", 0o600);
    insta::assert_snapshot!(passwd().env("AWSMFA_NEW_PASSPHRASE_FILE", "new").run().code(5).err(), @"
    error: no new passphrase for the file store: it needs at least 8 characters
    hint: run the command in a terminal, or set `AWSMFA_NEW_PASSPHRASE_FILE` to a file with the new passphrase
    ");
}
