use super::*;

fn profiles(config: &str, credentials: &str) -> Profiles {
    let parse = |kind, text: &str| Document::parse(kind, text.as_bytes()).unwrap();
    let (config, credentials) = (parse(AwsFile::Config, config), parse(AwsFile::Credentials, credentials));
    Profiles::from_documents((&config, Path::new("conf")), (&credentials, Path::new("cred")))
}

#[test]
fn values_have_their_origin() {
    let p = profiles("[profile a]\nregion = x\noutput = json\n", "\n[a]\nregion = y\n[profile b]\n");
    let a = p.get("a").unwrap();
    assert_eq!((a.get("region"), a.get("output"), a.get("nothing")), (Some("y"), Some("json"), None));
    assert_eq!(a.value("region").unwrap().origin.to_string(), "cred:3");
    assert_eq!(a.value("output").unwrap().origin.to_string(), "conf:3");
    assert_eq!(p.ignored()[0].header, "profile b");
    assert_eq!(p.names().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn keys_are_read_as_a_group_from_one_file() {
    let config =
        "[profile a]\naws_access_key_id = OLD\naws_secret_access_key = old\naws_session_token = stale\n";
    let p = profiles(config, "[a]\naws_access_key_id = NEW\naws_secret_access_key = new\n");
    let keys = p.get("a").unwrap().static_keys().unwrap().unwrap();
    assert_eq!((keys.access_key_id.as_str(), keys.secret.expose().as_str()), ("NEW", "new"));
    assert!(keys.session_token.is_none(), "the other file's token does not belong to these keys");
    let p = profiles("", "[a]\naws_access_key_id = A\naws_secret_access_key = B\naws_security_token = T\n");
    let keys = p.get("a").unwrap().static_keys().unwrap().unwrap();
    assert_eq!(keys.session_token, Some("T".into()));
    let p = profiles("[profile a]\naws_secret_access_key = B", "[a]\naws_access_key_id = A\n");
    let error = p.get("a").unwrap().static_keys().unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile `a` has an incomplete access key: `aws_secret_access_key` is missing (cred:2)"
    );
    assert!(profiles("", "[a]\naws_session_token = T").get("a").unwrap().static_keys().unwrap().is_none());
}

#[test]
fn nested_settings_and_other_sections_are_read() {
    let p = profiles(
        "[profile \"a\"]\nservices = x\n[services x]\nsts =\n  endpoint_url = http://s\n\n  b = C\n[sso-session s]\nk = v\n",
        "",
    );
    assert_eq!(p.services("x").unwrap().nested("sts", "endpoint_url"), Some("http://s"));
    assert_eq!(p.services("x").unwrap().nested("iam", "endpoint_url"), None);
    assert_eq!(p.get("a").unwrap().get("services"), Some("x"));
}

#[test]
fn similar_names_are_found() {
    let p = profiles("[profile production]\n[profile prod]\n[profile dev]\n[profile staging]", "");
    assert_eq!(p.near("prdo"), ["prod"]);
    assert_eq!(p.near("Prod"), ["prod"]);
    assert_eq!(p.near("prodcution"), ["production"]);
    assert_eq!(p.near("xyz"), Vec::<String>::new());
}

#[test]
fn debug_shows_no_values() {
    let p = profiles(
        "",
        "[a]\naws_access_key_id = A\naws_secret_access_key = hidden\naws_session_token = hidden\n",
    );
    let keys = p.get("a").unwrap().static_keys().unwrap();
    assert!(!format!("{p:?} {keys:?}").contains("hidden"));
}

/// The region of `dev` in a config file.
fn region_of_dev(config: &str) -> Option<String> {
    let profiles = profiles(config, "");
    let dev = profiles.get("dev")?;
    dev.check().unwrap();
    dev.get("region").map(str::to_owned)
}

#[test]
fn quoted_headers_are_profiles() {
    for header in [
        "[profile 'dev']",
        "[profile \"dev\"]",
        "[profile\t'dev' ]",
        "[profile 'dev'] # mine",
        "[profile de\\v]",
        "[profile d\"e\"'v']",
    ] {
        assert_eq!(region_of_dev(&format!("{header}\nregion = x\n")).as_deref(), Some("x"), "{header}");
    }
    for header in [
        "[profile 'dev]",
        "[profile 'dev\"]",
        "['dev']",
        "[profile dev #]",
        "[profile 'dev' #]",
        "['profile' dev]",
        "[profile 'd' 'ev']",
    ] {
        assert_eq!(region_of_dev(&format!("{header}\nregion = x\n")), None, "{header}");
    }
    let keys = "aws_access_key_id = A\naws_secret_access_key = B\n";
    let credentials = format!("[a b]\n{keys}[a b-long-term]\n{keys}[c d]\n{keys}");
    let p = profiles("[profile \"a b\"]\nregion = x\n[profile c d]\n", &credentials);
    assert_eq!(p.names().collect::<Vec<_>>(), ["a b", "a b-long-term"]);
    assert!(p.get("a b").unwrap().static_keys().unwrap().is_some());
    assert_eq!(p.ignored().len(), 2, "names with spaces need quotes in the config file");
}

#[test]
fn lines_are_read_as_in_botocore() {
    for config in [
        "[profile dev]\n    region = x\n    output = json\n",
        "[profile dev]\n  s3 =\n    a = b\n  region = x\n",
        "  [profile other]\n    region = y\n  [profile dev]\n    region = x\n",
        "[profile dev] and more\nregion = x\n",
        "[profile dev]\nregion: x\n",
        "[profile dev]\rregion = x\r",
        "[profile dev]\nregion\u{a0}=\u{a0}x\u{a0}\n",
        "\u{feff}[profile dev]\nregion = x\n",
        "[profile dev]\n[odd = y\nregion = x\n",
        "[profile dev]\na # = b\nregion = x\n",
        "[profile dev]\ns3 = # none\n  word\nregion = x\n",
        "[profile dev]\nservices =\n  = b\nregion = x\n",
    ] {
        assert_eq!(region_of_dev(config).as_deref(), Some("x"), "{config:?}");
    }
    for config in ["[profile dev]\nregion =\n  a = x\n", "[profile dev]\ns3 = y\n  region = x\n"] {
        assert_eq!(region_of_dev(config), None, "{config:?}");
    }
}

#[test]
fn bad_line_affects_only_its_own_profile() {
    for (bad, problem) in [
        ("region", "no `=` between key and value"),
        ("= x", "a value without a key"),
        ("  region", "an indented line without a setting above it"),
        ("s3 =\n  word", "no `=` between key and value in a nested setting"),
        ("region = \0", "a NUL byte; is this a text file?"),
    ] {
        let p = profiles(&format!("lost\n[profile bad]\n{bad}\n[profile dev]\nregion = x\n"), "");
        assert_eq!(p.get("dev").unwrap().get("region"), Some("x"), "{bad}");
        p.get("dev").unwrap().check().unwrap();
        let line = 2 + bad.lines().count();
        let error = p.get("bad").unwrap().check().unwrap_err();
        assert_eq!(error.to_string(), format!("conf, line {line}: {problem}"));
        let lines = p.obstacles().map(|(_, obstacle)| obstacle.to_string()).collect::<Vec<_>>();
        assert_eq!(
            lines,
            ["line 1: a setting outside of any [section]".to_owned(), format!("line {line}: {problem}")]
        );
    }
    let p = profiles("[profile bad\nregion = y\n[profile dev]\nregion = x\n", "");
    assert!(p.get("bad").unwrap().check().is_err());
    p.get("dev").unwrap().check().unwrap();
}

#[test]
fn utf16_files_are_told_apart_from_damaged_files() {
    let utf16 = |text: &str, swap: bool| -> Vec<u8> {
        let bytes = |unit: u16| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    };
    let text = "[default]\nregion = \u{fc}x\n";
    for swap in [false, true] {
        for mark in ["\u{feff}", ""] {
            let bytes = utf16(&format!("{mark}{text}"), swap);
            let error = Document::parse(AwsFile::Config, &bytes).unwrap_err();
            assert_eq!(error.to_string(), "line 1: the file is UTF-16, which no AWS SDK can read");
        }
    }
    for bytes in [&b""[..], b"\0", b"\0\0\0\0", b"[a]\nk = \0\0\0\0\0\n", b"[a]\nk = \xff\n"] {
        assert!(Document::parse(AwsFile::Config, bytes).is_ok(), "{bytes:?}");
    }
}
