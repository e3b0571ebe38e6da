//! Lists of devices: pages, filters, and no seeds.

use fake_aws::{DeviceKind, FakeAws};

use crate::support::{Answer, Client, frozen};

fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_admin("admin");
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    (aws, admin)
}

/// The serial numbers on all pages, and the number of pages.
fn walk(client: &Client, action: &str, params: &[(&str, &str)]) -> (Vec<String>, usize) {
    let (mut all, mut pages) = (Vec::new(), 0);
    let mut marker: Option<String> = None;
    loop {
        let mut params = params.to_vec();
        if let Some(marker) = &marker {
            params.push(("Marker", marker));
        }
        let answer = client.iam(action, &params).ok();
        all.extend(answer.texts("SerialNumber"));
        pages += 1;
        marker = answer.try_text("Marker");
        assert_eq!(answer.text("IsTruncated") == "true", marker.is_some(), "{}", answer.body);
        if marker.is_none() {
            return (all, pages);
        }
    }
}

fn names(serials: &[String]) -> Vec<&str> {
    serials.iter().map(|serial| serial.rsplit('/').next().unwrap()).collect()
}

#[test]
fn page_size_is_limited_by_the_server() {
    let (aws, admin) = setup();
    for name in ["a", "b", "c", "d", "e"] {
        aws.add_unassigned_device(name);
    }
    let all = |client: &Client, params: &[(&str, &str)]| walk(client, "ListVirtualMFADevices", params);
    assert_eq!(all(&admin, &[]).1, 1);
    let (serials, pages) = all(&admin, &[("MaxItems", "2")]);
    assert_eq!((names(&serials), pages), (vec!["a", "b", "c", "d", "e"], 3));
    aws.set_page_size(1);
    let (serials, pages) = all(&admin, &[("MaxItems", "2")]);
    assert_eq!((serials.len(), pages), (5, 5));
    for (bad, code) in [("0", "ValidationError"), ("1001", "ValidationError"), (" 1 ", "MalformedInput")] {
        admin.iam("ListVirtualMFADevices", &[("MaxItems", bad)]).code(400, code);
    }
    admin.iam("ListVirtualMFADevices", &[("Marker", "nonsense")]).code(400, "ValidationError");
}

#[test]
fn virtual_devices_are_listed_by_assignment_and_without_seeds() {
    let (aws, admin) = setup();
    aws.add_user_with_path("dev", "/eng/");
    aws.add_device("dev", "used");
    aws.add_unassigned_device("stale");
    aws.add_hardware_device("dev", "GAHT12345678");
    let list = |status: &str| admin.iam("ListVirtualMFADevices", &[("AssignmentStatus", status)]).ok();
    let serials = |answer: &Answer| answer.texts("SerialNumber");
    assert_eq!(names(&serials(&list("Assigned"))), ["used"]);
    assert_eq!(names(&serials(&list("Unassigned"))), ["stale"]);
    let any = admin.iam("ListVirtualMFADevices", &[]).ok();
    assert_eq!(names(&serials(&any)), ["used", "stale"]);
    assert_eq!(serials(&list("Any")), serials(&any));
    assert_eq!(any.texts("EnableDate"), ["2026-09-30T12:00:00Z"]);
    assert_eq!(any.texts("Arn"), ["arn:aws:iam::123456789012:user/eng/dev"]);
    for secret in ["Seed", "QRCode"] {
        assert!(!any.body.contains(secret), "{}", any.body);
    }
    let wrong = admin.iam("ListVirtualMFADevices", &[("AssignmentStatus", "any")]);
    wrong.code(400, "ValidationError");
}

#[test]
fn all_kinds_of_devices_are_listed() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let dev = Client::new(&aws, &aws.add_access_key("dev"));
    aws.add_device("dev", "virtual");
    aws.add_hardware_device("dev", "GAHT12345678");
    let fido = aws.add_fido_device("dev", "yubi").serial;
    aws.add_device("admin", "not-mine");
    let own = dev.iam("ListMFADevices", &[]).ok();
    assert_eq!(own.texts("SerialNumber"), ["arn:aws:iam::123456789012:mfa/virtual", "GAHT12345678", &fido]);
    assert!(fido.starts_with("arn:aws:iam::123456789012:u2f/user/dev/yubi-"), "{fido}");
    assert_eq!(own.texts("UserName"), ["dev", "dev", "dev"]);
    aws.set_page_size(2);
    assert_eq!(walk(&admin, "ListMFADevices", &[("UserName", "dev")]).1, 2);
    admin.iam("ListMFADevices", &[("UserName", "nobody")]).code(404, "NoSuchEntity");
    assert_eq!(aws.devices()[1].kind, DeviceKind::Hardware);
}

#[test]
fn get_mfa_device_supports_fido_only() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let serial = aws.add_device("dev", "virtual").serial;
    let fido = aws.add_fido_device("dev", "yubi").serial;
    let get = |serial: &str| admin.iam("GetMFADevice", &[("SerialNumber", serial), ("UserName", "dev")]);
    get(&serial).rejected(
        400,
        "ValidationError",
        "The MFA device serial number sent in the request is invalid or not supported by this API. Currently, only \
         hardware FIDO security keys are supported. Please use the compatible device or API.",
    );
    assert_eq!(get(&fido).ok().text("SerialNumber"), fido);
}
