//! Codes from other sources than the store: typed, given with `--code`, or printed by a program. No code is sent twice.

use std::sync::Arc;
use std::time::Duration;

use crate::support::World;
use crate::support::in_process::{InProcess, SharedTime, Typist, in_words};
use crate::support::sessions::{LOGIN, SDK};

/// A world with a frozen clock and a program that prints these codes, one per run, then the last one again and again.
#[cfg(unix)]
fn with_program(codes: impl Fn(&World) -> Vec<String>) -> World {
    let world = World::new();
    world.freeze();
    let script = world.home.join("codes.sh");
    let text = "echo run >>runs; n=$(wc -l <runs); sed -n \"${n}p\" codes | grep . || tail -n 1 codes\n";
    world.home.write("codes.sh", &format!("cd {}\n{text}", world.home.path().display()));
    world.home.write("codes", &(codes(&world).join("\n") + "\n"));
    let serial = &world.device.serial;
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {serial}\nmfa_process = /bin/sh {}\n",
        script.display()
    ));
    world
}

#[cfg(unix)]
fn runs(world: &World) -> usize {
    world.home.read("runs").lines().count()
}

#[test]
fn given_code_is_sent_once() {
    let world = World::new();
    let code = world.code(0);
    let login = || world.home.awsmfa(["login", "-p", "dev", "--force", "--code", &code]).run();
    login().success();
    insta::assert_snapshot!(login().code(4).err(), @"
    error: the code for `arn:aws:iam::123456789012:mfa/alice` was already sent to AWS, which accepts each code only once
    hint: enter the next code that the device shows
    ");
    world.assert_distinct_codes_sent(1);
}

#[test]
fn rejected_given_code_is_not_sent_again() {
    let world = World::new();
    let login = || world.home.awsmfa(["login", "-p", "dev", "--code", "000000"]).run().code(4);
    assert!(login().err().contains("AWS rejected the code"));
    assert!(login().err().contains("was already sent"));
    world.assert_distinct_codes_sent(1);
}

#[test]
fn given_code_can_be_sent_again_if_aws_did_not_check_it() {
    let world = World::new();
    let code = world.code(0);
    let login = || world.home.awsmfa(["login", "-p", "dev", "--code", &code]);
    login().env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run().code(6);
    login().run().success();
}

#[test]
fn given_code_and_stored_secret_share_the_ledger() {
    let world = World::imported();
    world.freeze();
    let given = |code: &str| LOGIN.forced().code(code).get(&world.in_process(0).ctx);
    given(&world.code(0)).unwrap();
    LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.codes_sent()[1], world.code(-1));
    let error = given(&world.code(-1)).unwrap_err();
    assert!(error.message.contains("was already sent"), "{error}");
    world.assert_distinct_codes_sent(2);
}

#[test]
fn shown_code_can_be_given() {
    let world = World::imported();
    let shown = world.home.awsmfa(["code", "-p", "dev"]).run().success().out();
    world.home.awsmfa(["login", "-p", "dev", "--code", shown.trim()]).run().success();
    world.assert_distinct_codes_sent(1);
}

#[test]
#[cfg(unix)]
fn program_that_prints_the_old_code_is_run_again() {
    for ask in [LOGIN.forced(), SDK.forced()] {
        let world = with_program(|world| [0, 0, 0, 1].map(|steps| world.code(steps)).to_vec());
        ask.get(&world.in_process(0).ctx).unwrap();
        let began = world.aws.clock().now();
        ask.get(&world.in_process(0).ctx).unwrap();
        world.assert_distinct_codes_sent(2);
        assert_eq!(runs(&world), 4, "not before the next step, then once a second");
        assert!((world.aws.clock().now() - began).num_seconds() < 35);
    }
}

#[test]
#[cfg(unix)]
fn program_that_never_prints_another_code_fails() {
    for (ask, seconds) in [(LOGIN.forced(), 45), (SDK.forced(), 37)] {
        let world = with_program(|world| vec![world.code(0)]);
        ask.get(&world.in_process(0).ctx).unwrap();
        let began = world.aws.clock().now();
        let error = ask.get(&world.in_process(0).ctx).unwrap_err();
        insta::allow_duplicates! { insta::assert_snapshot!(in_words(&error), @"
        error: `mfa_process` printed a code for `arn:aws:iam::123456789012:mfa/alice` that was already sent to AWS, which accepts each code only once
        hint: check that the command prints the current code: run it twice, 30 s apart
        "); }
        assert!((world.aws.clock().now() - began).num_seconds() <= seconds);
        world.assert_distinct_codes_sent(1);
    }
}

/// A world with a program that prints a correct code, then these.
#[cfg(unix)]
fn after_a_right_one(codes: impl Fn(&World) -> Vec<String>) -> World {
    let world = with_program(|world| [vec![world.code(0)], codes(world)].concat());
    LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(30));
    world
}

#[test]
#[cfg(unix)]
fn program_with_a_rejected_code_is_run_again() {
    for (ask, is_told) in [(LOGIN.forced(), true), (SDK.forced(), false)] {
        let world = after_a_right_one(|world| vec!["000000".to_owned(), world.code(2)]);
        let (began, computer) = (world.aws.clock().now(), world.in_process(0));
        ask.get(&computer.ctx).unwrap();
        let said = computer.err.text();
        assert_eq!(said.contains("it is wrong, or another computer used it"), is_told, "{said}");
        assert!(!said.contains("is in use on another computer"), "{said}");
        assert!((world.aws.clock().now() - began).num_seconds() < 35);
        world.assert_distinct_codes_sent(3);
    }
}

#[test]
#[cfg(unix)]
fn two_rejected_codes_from_a_program_are_final() {
    for ask in [LOGIN.forced(), SDK.forced()] {
        let world = after_a_right_one(|_| ["000000", "111111", "222222"].map(str::to_owned).to_vec());
        let error = ask.get(&world.in_process(0).ctx).unwrap_err();
        assert_eq!(error.kind as u8, 4, "{error}");
        world.assert_distinct_codes_sent(3);
    }
}

#[test]
#[cfg(unix)]
fn error_for_a_programs_code_is_about_the_program() {
    for ask in [LOGIN.forced(), SDK.forced()] {
        let world = with_program(|_| vec!["000000".to_owned()]);
        let error = ask.get(&world.in_process(0).ctx).unwrap_err();
        insta::allow_duplicates! { insta::assert_snapshot!(in_words(&error), @"
        error: AWS rejected the code for `arn:aws:iam::123456789012:mfa/alice` that `mfa_process` printed: it is wrong, too old or already used
        hint: check that the command prints this device's current code: run it by hand
        hint: another computer may have used the code: try again in 30 s
        "); }
    }
}

/// A context on a world's home, with a person who types these codes.
fn typing(world: &World, codes: &[&str]) -> (InProcess, Arc<Typist>) {
    let typist = Typist::new(codes);
    let clock = Arc::new(SharedTime::from(world.aws.clock()));
    (InProcess::with_prompt(&world.home, clock, typist.clone()), typist)
}

#[test]
fn rejected_typed_code_is_prompted_for_again_with_the_reason() {
    let world = World::new();
    world.freeze();
    let right = world.code(0);
    let (computer, typist) = typing(&world, &["000000", &right]);
    LOGIN.forced().get(&computer.ctx).unwrap();
    assert_eq!(typist.left(), 0);
    let said = computer.err.text();
    let said: Vec<_> = said.lines().filter(|line| line.starts_with("warning")).collect();
    insta::assert_snapshot!(said.join("\n"), @"warning: AWS rejected this code: it is wrong, too old or already used; enter a new one");
    // An accepted code is recognized without asking AWS.
    let next = world.code(1);
    let (computer, typist) = typing(&world, &[&right, "no code", &next]);
    LOGIN.forced().get(&computer.ctx).unwrap();
    assert_eq!(typist.left(), 0);
    let said = computer.err.text();
    let said: Vec<_> = said.lines().filter(|line| line.starts_with("warning")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    warning: this code was already sent to AWS, which accepts each code only once; enter the next one
    warning: a code has six digits
    ");
    world.assert_distinct_codes_sent(3);
}

#[test]
fn typed_code_with_a_lost_response_is_prompted_for_again() {
    let world = World::new();
    world.freeze();
    world.aws.fault(fake_aws::Fault::drop_after().on("GetSessionToken"));
    let (first, second) = (world.code(0), world.code(1));
    let (computer, typist) = typing(&world, &[&first, &second]);
    LOGIN.forced().get(&computer.ctx).unwrap();
    assert_eq!(typist.left(), 0);
    let said = computer.err.text();
    assert!(
        said.contains("warning: AWS did not respond, and this code may be used up; enter a new one"),
        "{said}"
    );
    world.assert_distinct_codes_sent(2);
}

#[test]
fn three_rejected_typed_codes_are_final_and_blame_no_stored_secret() {
    let world = World::new();
    world.freeze();
    let (computer, typist) = typing(&world, &["000000", "111111", "222222", "333333"]);
    let error = LOGIN.forced().get(&computer.ctx).unwrap_err();
    assert_eq!(typist.left(), 1);
    insta::assert_snapshot!(in_words(&error), @"
    error: AWS rejected the code for `arn:aws:iam::123456789012:mfa/alice`: it is wrong, too old or already used
    hint: enter the code that the device shows now; AWS accepts each code only once
    ");
    assert_eq!(error.kind as u8, 4);
}
