//! The registry in a temporary folder.

use super::*;

fn registry() -> (tempfile::TempDir, Registry) {
    let home = tempfile::tempdir().unwrap();
    let registry =
        Registry::new(home.path().join("data/devices.json"), home.path().join("state/devices.lock"));
    (home, registry)
}

fn device(name: &str) -> DeviceRecord {
    let serial = format!("arn:aws:iam::123456789012:mfa/{name}").parse().unwrap();
    DeviceRecord { profiles: vec![name.to_owned()], ..DeviceRecord::new(serial, StoreKind::Keyring) }
}

#[test]
fn device_is_found_by_serial_and_profile() {
    let (_home, registry) = registry();
    assert_eq!(registry.load().unwrap(), []);
    registry.update(|devices| devices.extend([device("alice"), device("bob")])).unwrap();
    let bob = device("bob");
    assert_eq!(registry.find(&bob.serial).unwrap(), Some(bob.clone()));
    assert_eq!(registry.for_profile("bob").unwrap(), Some(bob));
    assert_eq!(registry.for_profile("eve").unwrap(), None);
}

#[test]
fn profile_has_the_device_that_it_was_given_last() {
    let (_home, registry) = registry();
    let (alice, bob) = (device("alice").serial, device("bob").serial);
    let dev = |serial| Registration { profile: Some("dev"), ..Registration::of(serial, StoreKind::File) };
    registry.register(Registration { user: Some("alice"), label: Some("phone"), ..dev(&alice) }).unwrap();
    registry.register(Registration { profile: Some("prod"), ..dev(&alice) }).unwrap();
    registry.register(dev(&bob)).unwrap();
    registry.register(dev(&bob)).unwrap();
    assert_eq!(registry.for_profile("dev").unwrap().unwrap().serial, bob);
    let devices = registry.load().unwrap();
    assert_eq!(
        (devices.len(), &devices[0].profiles, &devices[1].profiles),
        (2, &vec!["prod".to_owned()], &vec!["dev".to_owned()])
    );
    assert_eq!((devices[0].user.as_deref(), devices[0].label.as_deref()), (Some("alice"), Some("phone")));
    registry.remove(&bob).unwrap();
    assert_eq!(registry.find(&bob).unwrap(), None);
}

#[test]
fn access_key_remembers_its_users_device() {
    let (_home, registry) = registry();
    let (alice, bob) = (device("alice").serial, device("bob").serial);
    registry.remember("AKIAALICE", &alice).unwrap();
    registry.remember("AKIAOTHER", &alice).unwrap();
    registry.remember("AKIABOB", &bob).unwrap();
    registry.update(|devices| devices.push(device("alice"))).unwrap();
    assert_eq!(registry.for_key("AKIAALICE").unwrap().as_ref(), Some(&alice));
    assert!(registry.forget_key("AKIAALICE").unwrap() && !registry.forget_key("AKIAALICE").unwrap());
    registry.forget_uses(&alice).unwrap();
    assert_eq!(registry.for_key("AKIAOTHER").unwrap(), None);
    assert_eq!(registry.for_key("AKIABOB").unwrap(), Some(bob));
    assert_eq!(registry.load().unwrap()[0].profiles, [""; 0]);
}

#[test]
fn concurrent_changes_lose_nothing() {
    let (_home, registry) = registry();
    std::thread::scope(|scope| {
        for i in 0..20 {
            let registry = registry.clone();
            scope.spawn(move || {
                registry.update(|devices| devices.push(device(&format!("d{i}")))).unwrap();
            });
        }
    });
    let mut names: Vec<_> = registry.load().unwrap().into_iter().flat_map(|device| device.profiles).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);
}

#[test]
fn unknown_fields_are_preserved() {
    let (_home, registry) = registry();
    let text = r#"{"version": 1, "later": [1], "devices": [{"serial": "GAHT12345678", "store": "file", "color": "red"}]}"#;
    files::write_private(&registry.path, text.as_bytes()).unwrap();
    registry.update(|_| ()).unwrap();
    assert_eq!(std::fs::read_to_string(&registry.path).unwrap(), text, "unchanged, so not written");
    registry.update(|devices| devices[0].label = Some("token".to_owned())).unwrap();
    let written: Value = serde_json::from_slice(&std::fs::read(&registry.path).unwrap()).unwrap();
    assert_eq!(written["devices"][0]["color"], "red");
    assert_eq!(written["devices"][0]["label"], "token");
    assert_eq!(written["later"][0], 1);
}

#[test]
fn unreadable_file_is_not_overwritten() {
    let (_home, registry) = registry();
    let newer = br#"{"version": 2, "devices": {"as": "a map"}}"#;
    for (text, is_newer) in
        [(newer.as_slice(), true), (b"{}", false), (b"", false), (b"{\"version\": 1, \"dev", false)]
    {
        files::write_private(&registry.path, text).unwrap();
        let error = registry.update(|devices| devices.push(device("x"))).unwrap_err();
        assert_eq!(matches!(error, RegistryError::Newer { found: 2, .. }), is_newer, "{error}");
        assert_eq!(matches!(error, RegistryError::Damaged { .. }), !is_newer, "{error}");
        assert_eq!(std::fs::read(&registry.path).unwrap(), text);
    }
}

#[test]
#[cfg(unix)]
fn file_is_private_and_a_public_one_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, registry) = registry();
    registry.update(|devices| devices.push(device("x"))).unwrap();
    let mode = std::fs::metadata(&registry.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&registry.path, PermissionsExt::from_mode(0o644)).unwrap();
    let error = registry.update(Vec::clear).unwrap_err();
    assert!(error.to_string().contains("accessible to other users"), "{error}");
}
