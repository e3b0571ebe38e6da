//! `login --all` with several devices: they are used side by side, and what is said is in the order of the profiles.

use std::collections::BTreeSet;
use std::process::Stdio;

use fake_aws::{AccessKey, Device, FakeAws, Fault, Gate, RequestOutcome, RoleSpec};

use crate::support::{Home, until};

struct Company {
    aws: FakeAws,
    home: Home,
    keys: Vec<AccessKey>,
    devices: Vec<Device>,
}

/// Users `user0`, `user1`, …, each with a device whose secret is stored. Profile `p0` has the keys of `user0`, and so on.
fn company(users: usize) -> Company {
    with_secrets(users, users)
}

/// [`company`] in which only the first users' secrets are stored.
fn with_secrets(users: usize, stored: usize) -> Company {
    let aws = FakeAws::start();
    let home = Home::new(&aws);
    let (mut config, mut credentials) = (String::new(), String::new());
    let (mut keys, mut devices) = (Vec::new(), Vec::new());
    for number in 0..users {
        let user = format!("user{number}");
        aws.add_user(&user);
        let (key, device) = (aws.add_access_key(&user), aws.add_device(&user, &user));
        if number < stored {
            home.import(&device.serial, &device.seed);
        }
        config += &format!("[profile p{number}]\nmfa_serial = {}\n", device.serial);
        credentials +=
            &format!("[p{number}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        keys.push(key);
        devices.push(device);
    }
    home.write_config(&config);
    home.write_credentials(&credentials);
    Company { aws, home, keys, devices }
}

impl Company {
    /// Adds profile `r<number>` with a role that is assumed with `p<number>`.
    fn add_role(&self, number: usize) {
        let role = RoleSpec { require_mfa: true, ..RoleSpec::default() };
        let arn = self.aws.add_role(&format!("role{number}"), role).arn;
        let config = self.home.read(".aws/config");
        self.home.write_config(&format!(
            "{config}[profile r{number}]\nrole_arn = {arn}\nsource_profile = p{number}\n"
        ));
    }

    /// How many devices' requests wait at a gate. A request that is repeated counts once.
    fn held(&self) -> usize {
        let held = RequestOutcome::Held { processed: false };
        let requests = self.aws.requests().into_iter().filter(|request| request.outcome == held);
        requests.map(|request| request.params.get("SerialNumber").cloned()).collect::<BTreeSet<_>>().len()
    }
}

#[test]
fn each_device_is_used_once_and_outcomes_are_in_order() {
    let company = company(3);
    (0..3).for_each(|number| company.add_role(number));
    let ran = company.home.awsmfa(["login", "--all"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: moved the long-term keys from [p0] to [p0-long-term]
    awsmfa: wrote a session for `p0` to [p0] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    awsmfa: moved the long-term keys from [p1] to [p1-long-term]
    awsmfa: wrote a session for `p1` to [p1] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    awsmfa: moved the long-term keys from [p2] to [p2-long-term]
    awsmfa: wrote a session for `p2` to [p2] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    awsmfa: wrote a session for `r0` to [r0-session] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile r0-session`
    awsmfa: wrote a session for `r1` to [r1-session] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile r1-session`
    awsmfa: wrote a session for `r2` to [r2-session] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile r2-session`
    ");
    for device in &company.devices {
        assert_eq!(company.aws.codes_sent(&device.serial).len(), 1, "one code a device");
    }
    for number in 0..3 {
        assert!(company.home.credential(&format!("p{number}"), "aws_session_token").is_some());
        assert!(company.home.credential(&format!("r{number}-session"), "aws_session_token").is_some());
    }
    let before = company.home.credentials();
    let again = company.home.awsmfa(["login", "--all"]).run().success().err();
    assert_eq!(again.matches("is still valid until").count(), 6, "{again}");
    assert_eq!(company.home.credentials(), before);
    assert_eq!(company.aws.requests_for("AssumeRole").len(), 3);
}

#[test]
fn devices_do_not_wait_for_each_other() {
    let company = company(3);
    let gate = Gate::new();
    company.aws.fault(Fault::held(&gate).on("GetSessionToken").times(3));
    let login = company.home.awsmfa(["login", "--all"]).into_command();
    let login = { login }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| company.held() == 3);
    gate.open();
    assert!(login.wait_with_output().unwrap().status.success());
}

#[test]
fn profiles_that_share_a_device_take_turns() {
    let company = company(2);
    company.add_role(0);
    let gate = Gate::new();
    company.aws.fault(Fault::held(&gate).on("GetSessionToken").times(2));
    let login = company.home.awsmfa(["login", "--all"]).into_command();
    let login = { login }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| company.held() == 2);
    gate.open();
    let output = login.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !err.contains("waiting for another awsmfa process"), "{err}");
}

#[test]
fn failure_of_one_device_does_not_stop_the_others() {
    let company = company(3);
    company.aws.set_key_status(&company.keys[1].id, fake_aws::KeyStatus::Inactive);
    let ran = company.home.awsmfa(["login", "--all"]).run().code(4);
    let err = ran.err().replace(&company.keys[1].id, "[KEY]");
    insta::assert_snapshot!(err, @"
    awsmfa: moved the long-term keys from [p0] to [p0-long-term]
    awsmfa: wrote a session for `p0` to [p0] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    error: profile `p1`: access key `[KEY]` does not exist in AWS, or is inactive or deleted
    hint: check which keys are active: IAM console, Users, Security credentials
    hint: enter both keys again: `aws configure --profile p1`
    awsmfa: moved the long-term keys from [p2] to [p2-long-term]
    awsmfa: wrote a session for `p2` to [p2] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    error: some profiles could not be logged in
    ");
    let has = |number: usize| company.home.credential(&format!("p{number}"), "aws_session_token").is_some();
    assert_eq!([has(0), has(1), has(2)], [true, false, true]);
}

#[test]
fn finished_session_is_written_at_once_and_reported_in_order() {
    let company = company(2);
    let role = company.aws.add_role("first", RoleSpec { require_mfa: true, ..RoleSpec::default() });
    let config = company.home.read(".aws/config");
    company
        .home
        .write_config(&format!("[profile a]\nrole_arn = {}\nsource_profile = p0\n{config}", role.arn));
    let gate = Gate::new();
    company.aws.fault(Fault::held(&gate).on("AssumeRole"));
    let login = company.home.awsmfa(["login", "--all"]).into_command();
    let mut login = { login }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| company.held() == 1 && company.home.credential("p1", "aws_session_token").is_some());
    assert!(login.try_wait().unwrap().is_none(), "the role still waits");
    gate.open();
    let output = login.wait_with_output().unwrap();
    assert!(output.status.success());
    let err = String::from_utf8(output.stderr).unwrap();
    let order = ["`a`", "`p0`", "`p1`"].map(|name| err.find(&format!("wrote a session for {name}")).unwrap());
    assert!(order.is_sorted(), "{err}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_all() {
    use std::os::unix::process::ExitStatusExt;

    let company = company(2);
    company.aws.fault(Fault::held(&Gate::new()).on("GetSessionToken").times(2));
    let login = company.home.awsmfa(["login", "--all"]).into_command();
    let login = { login }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| company.held() == 2);
    rustix::process::kill_process(rustix::process::Pid::from_child(&login), rustix::process::Signal::INT)
        .unwrap();
    let output = login.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2), "{}", output.status);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: interrupted\n");
}

#[test]
fn messages_name_their_profile() {
    let company = company(2);
    company.home.awsmfa(["login", "--all"]).run().success();
    let ran = company.home.awsmfa(["login", "--all", "--force", "-v"]).run().success().err();
    for number in 0..2 {
        let step = format!("awsmfa: profile `p{number}`: code for step ");
        assert!(ran.contains(&step), "{ran}");
    }
}

/// Both devices' secrets are in the file store, which is unlocked once for all threads.
#[test]
fn store_is_unlocked_once() {
    let mut company = company(4);
    let script = "echo run >>ran; echo correct horse";
    company.home.write("pass.sh", script);
    company.home.unset("AWSMFA_PASSPHRASE_FILE");
    let path = company.home.join("pass.sh").to_str().unwrap().to_owned();
    company.home.set("AWSMFA_PASSPHRASE_COMMAND", &format!("/bin/sh {path}"));
    company.home.awsmfa(["login", "--all"]).run().success();
    assert_eq!(company.home.read("ran").lines().count(), 1);
}

/// `login --all` on a terminal: the first device's request is held, and the second device's code is prompted for.
#[cfg(unix)]
fn at_a_prompt(company: &mut Company, gate: &Gate) -> Option<crate::support::screen::Screen> {
    company.aws.fault(Fault::held(gate).on("GetSessionToken"));
    company.home.unset("AWSMFA_NO_INPUT");
    let like = company.home.awsmfa(crate::support::NO_ARGS).into_command();
    let line = format!("{} login --all; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
    let mut screen = crate::support::screen::Screen::run(&line, &like)?;
    screen.sees("code for `arn:aws:iam::123456789012:mfa/user1`").echoes(false);
    until(|| company.held() == 1);
    Some(screen)
}

#[test]
#[cfg(unix)]
fn prompt_is_alone_on_the_terminal() {
    let (mut company, gate) = (with_secrets(2, 1), Gate::new());
    let Some(mut screen) = at_a_prompt(&mut company, &gate) else { return };
    let code = company.aws.code_now(&company.devices[1].serial);
    screen.types(&format!("{code}\n"));
    until(|| company.home.credential("p1", "aws_session_token").is_some());
    gate.open();
    screen.sees("wrote a session for `p0`").sees("wrote a session for `p1`").sees("exit=0").echoes(true);
    let seen = screen.ended();
    assert!(seen.contains("\u{b7} profile `p0`: logging in \u{2026}"), "{seen:?}");
    assert!(!seen.contains(&code), "{seen:?}");
}

/// All profiles have the same device, so they are logged in one after the other.
#[test]
#[cfg(unix)]
fn interrupted_prompt_keeps_what_is_done_and_is_the_last_one() {
    // Ctrl-C, and Ctrl-D, which is no signal.
    for key in ["\x03", "\x04"] {
        let mut company = with_secrets(1, 0);
        for name in ["r0", "r1"] {
            let spec = RoleSpec { require_mfa: true, max_session_duration: 7200, ..RoleSpec::default() };
            let arn = company.aws.add_role(name, spec).arn;
            let config = company.home.read(".aws/config");
            // Longer than an hour, so that each role needs a code.
            let role = format!("role_arn = {arn}\nsource_profile = p0\nduration_seconds = 7200\n");
            company.home.write_config(&format!("{config}[profile {name}]\n{role}"));
        }
        company.home.unset("AWSMFA_NO_INPUT");
        let like = company.home.awsmfa(crate::support::NO_ARGS).into_command();
        let line = format!("trap : INT; {} login --all; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
        let Some(mut screen) = crate::support::screen::Screen::run(&line, &like) else { return };
        screen.sees("code for").echoes(false);
        let code = company.aws.code_now(&company.devices[0].serial);
        screen.types(&format!("{code}\n")).sees("wrote a session for `p0`").sees("code for").echoes(false);
        screen.types(key).sees("interrupted").sees("exit=130").echoes(true);
        let seen = screen.ended();
        assert_eq!(seen.matches("code for").count(), 2, "{seen:?}");
        assert!(company.home.credential("p0", "aws_session_token").is_some());
    }
}

/// The second device's prompt is interrupted while the first device's request waits.
#[test]
#[cfg(unix)]
fn end_of_input_at_a_prompt_does_not_wait_for_other_devices() {
    let (mut company, gate) = (with_secrets(2, 1), Gate::new());
    let Some(mut screen) = at_a_prompt(&mut company, &gate) else { return };
    screen.types("\x04").sees("interrupted").sees("exit=130").echoes(true);
    let seen = screen.ended();
    assert!(!seen.contains("wrote a session") && !seen.contains("`p1`: interrupted"), "{seen:?}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_at_a_prompt_does_not_wait_for_other_devices() {
    let (mut company, gate) = (with_secrets(2, 1), Gate::new());
    let Some(mut screen) = at_a_prompt(&mut company, &gate) else { return };
    screen.types("\x03").sees("error: interrupted").echoes(true);
    let seen = screen.ended();
    assert!(!seen.contains("wrote a session"), "{seen:?}");
    assert_eq!(company.aws.requests_for("GetSessionToken").len(), 1);
}
