//! Changes that IAM shows late: in its lists, and new users and devices.

use std::time::Duration;

use fake_aws::FakeAws;

use crate::support::{Answer, Client, at, frozen};

const LAG: Duration = Duration::from_secs(10);
const SERIAL: &str = "arn:aws:iam::123456789012:mfa/dev";
const SECOND: Duration = Duration::from_secs(1);

/// A server with a user `dev`, and the client of an administrator.
fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_user("dev");
    aws.add_admin("admin");
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    (aws, admin)
}

fn create(admin: &Client) -> Answer {
    admin.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "dev")])
}

fn enable(aws: &FakeAws, admin: &Client) -> Answer {
    let code = |offset| aws.code(SERIAL, aws.clock().step() + offset);
    let (first, second) = (code(-1), code(0));
    let codes = [("AuthenticationCode1", &*first), ("AuthenticationCode2", &*second)];
    let params = [[("UserName", "dev"), ("SerialNumber", SERIAL)], codes].concat();
    admin.iam("EnableMFADevice", &params)
}

/// The number of devices in ListMFADevices, and in ListVirtualMFADevices by assignment.
fn listed(admin: &Client) -> (usize, usize, usize) {
    let count = |action: &str, name: &str, value: &str| {
        admin.iam(action, &[(name, value)]).ok().texts("SerialNumber").len()
    };
    (
        count("ListMFADevices", "UserName", "dev"),
        count("ListVirtualMFADevices", "AssignmentStatus", "Assigned"),
        count("ListVirtualMFADevices", "AssignmentStatus", "Unassigned"),
    )
}

#[test]
fn lists_show_each_change_after_their_lag() {
    let (aws, admin) = setup();
    aws.set_list_lag(LAG);
    let changes: [(&dyn Fn() -> Answer, _); 4] = [
        (&|| create(&admin), (0, 0, 1)),
        (&|| enable(&aws, &admin), (1, 1, 0)),
        (&|| admin.iam("DeactivateMFADevice", &[("UserName", "dev"), ("SerialNumber", SERIAL)]), (0, 0, 1)),
        (&|| admin.iam("DeleteVirtualMFADevice", &[("SerialNumber", SERIAL)]), (0, 0, 0)),
    ];
    let mut before = (0, 0, 0);
    for (change, after) in changes {
        change().ok();
        aws.clock().advance(LAG - SECOND);
        assert_eq!(listed(&admin), before, "{after:?} should not be visible yet");
        aws.clock().advance(SECOND);
        assert_eq!(listed(&admin), after);
        before = after;
    }
}

#[test]
fn undone_change_is_visible_for_as_long_as_it_lasted() {
    let (aws, admin) = setup();
    create(&admin).ok();
    aws.set_list_lag(LAG);
    enable(&aws, &admin).ok();
    aws.clock().advance(2 * SECOND);
    admin.iam("DeactivateMFADevice", &[("UserName", "dev"), ("SerialNumber", SERIAL)]).ok();
    aws.clock().advance(LAG - SECOND);
    assert_eq!(listed(&admin), (1, 1, 0));
    aws.clock().advance(SECOND);
    assert_eq!(listed(&admin), (0, 0, 1));
}

#[test]
fn setup_is_listed_at_once() {
    let aws = FakeAws::builder().list_lag(LAG).creation_lag(LAG).start();
    aws.clock().freeze(at("2026-09-30T12:00:00Z"));
    aws.add_user("dev");
    aws.add_admin("admin");
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    create(&admin).ok();
    let spare = aws.add_device("dev", "spare").serial;
    assert_eq!(listed(&admin), (1, 1, 0));
    admin.iam("TagMFADevice", &[("SerialNumber", &spare)]).ok();
    aws.remove_device(&spare);
    assert_eq!(listed(&admin), (0, 0, 0));
}

#[test]
fn lag_of_lists_is_not_the_lag_of_sts() {
    let (aws, admin) = setup();
    let dev = Client::new(&aws, &aws.add_access_key("dev"));
    aws.set_list_lag(LAG);
    create(&admin).ok();
    enable(&aws, &admin).ok();
    let code = aws.code_now(SERIAL);
    dev.sts("GetSessionToken", &[("SerialNumber", SERIAL), ("TokenCode", &code)]).ok();
    assert_eq!(listed(&admin), (0, 0, 0));
}

#[test]
fn new_device_is_visible_after_the_lag() {
    let (aws, admin) = setup();
    aws.set_creation_lag(LAG);
    create(&admin).ok();
    let message = format!("VirtualMFADevice with serial number {SERIAL} does not exist.");
    aws.clock().advance(LAG - SECOND);
    enable(&aws, &admin).rejected(404, "NoSuchEntity", &message);
    let serial = [("SerialNumber", SERIAL)];
    for action in ["TagMFADevice", "ListMFADeviceTags"] {
        admin.iam(action, &serial).rejected(404, "NoSuchEntity", &message);
    }
    admin.iam("DeleteVirtualMFADevice", &serial).code(404, "NoSuchEntity");
    create(&admin).code(409, "EntityAlreadyExists");
    assert_eq!(listed(&admin), (0, 0, 1), "the lists have their own lag");
    aws.clock().advance(SECOND);
    enable(&aws, &admin).ok();
}

#[test]
fn new_user_is_visible_after_the_lag() {
    let (aws, admin) = setup();
    aws.set_creation_lag(LAG);
    let user = [("UserName", "new")];
    admin.iam("CreateUser", &user).ok();
    let policy = [("UserName", "new"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")];
    let all = |policy| {
        ["GetUser", "CreateAccessKey", "ListAccessKeys", "ListMFADevices", "CreateLoginProfile"]
            .map(|action| admin.iam(action, &[("UserName", "new"), ("Password", "secret-enough")]))
            .into_iter()
            .chain([admin.iam("AttachUserPolicy", policy)])
            .collect::<Vec<_>>()
    };
    aws.clock().advance(LAG - SECOND);
    for answer in all(&policy) {
        answer.rejected(404, "NoSuchEntity", "The user with name new cannot be found.");
    }
    admin.iam("CreateUser", &user).code(409, "EntityAlreadyExists");
    aws.clock().advance(SECOND);
    for answer in all(&policy) {
        answer.ok();
    }
}
