//! `login`: sessions in the credentials file.

use crate::support::World;

#[test]
fn a_session_stands_where_the_long_term_keys_were() {
    let world = World::imported();
    let ran = world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    insta::assert_snapshot!(ran.err(), @"");
    assert_eq!(ran.out(), "");
}
