//! The conformance cases of the AWS SDKs' shared file reference.

use std::collections::BTreeMap;
use std::path::Path;

use awsmfa::testing::aws_files::AwsFile;
use awsmfa::testing::aws_files::document::{Document, UnsafeEdit};
use awsmfa::testing::aws_files::profiles::{Profile, Profiles};
use awsmfa::testing::aws_files::syntax::{Problem, SyntaxError};
use serde_json::Value;

/// The reference's message for a problem.
fn reference_text(problem: &Problem) -> &'static str {
    match problem {
        Problem::OpenHeader => "Profile definition must end with ']'",
        Problem::OutsideSection => "Expected a profile definition",
        Problem::StrayContinuation => "Expected a property definition, found continuation",
        Problem::NoEquals | Problem::Colon => "Expected an '=' sign defining a property",
        Problem::NoKey => "Property did not have a name",
        Problem::NestedNoEquals => "Expected an '=' sign defining a sub-property",
        Problem::NestedNoKey => "Sub-property did not have a name",
        Problem::ByteOrderMark
        | Problem::Utf16
        | Problem::NotUtf8
        | Problem::NulByte
        | Problem::LoneCarriageReturn
        | Problem::Separator
        | Problem::OddIndentation
        | Problem::IndentedHeader
        | Problem::IndentedSetting => "",
    }
}

/// Cases in which we differ from the reference on purpose, each with its reason. There are none: the cases contain no
/// example of where we differ (an indented comment, an indented header, a quoted profile name).
const DIFFERENCES: &[(&str, &str)] = &[];

#[allow(clippy::disallowed_methods, reason = "asks cargo where a dependency's test data lies")]
fn conformance_cases() -> Vec<Value> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let host = std::process::Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let host = String::from_utf8(host).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "aws-runtime").unwrap();
    let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
    let text = std::fs::read(folder.join("test-data/profile-parser-tests.json")).unwrap();
    let cases: Value = serde_json::from_slice(&text).unwrap();
    cases["tests"].as_array().unwrap().clone()
}

fn load(input: &Value) -> Profiles {
    let text = |name: &str| input[name].as_str().unwrap_or_default().as_bytes().to_vec();
    let config = Document::parse(AwsFile::Config, &text("configFile")).unwrap();
    let credentials = Document::parse(AwsFile::Credentials, &text("credentialsFile")).unwrap();
    let (a, b) = (Path::new("config"), Path::new("credentials"));
    Profiles::from_documents((&config, a), (&credentials, b))
}

/// The first line for which the reference would reject the files.
fn rejected(profiles: &Profiles) -> Option<&SyntaxError> {
    profiles.obstacles().find_map(|(_, obstacle)| match obstacle {
        UnsafeEdit::Syntax(error) => Some(error),
        _ => None,
    })
}

type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn sections<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Sections {
    let settings = |p: &Profile| p.iter().map(|(k, v)| (k.to_owned(), v.text().to_owned())).collect();
    profiles.map(|profile| (profile.name().to_owned(), settings(profile))).collect()
}

fn expected(output: &Value) -> Sections {
    if output.is_null() { Sections::new() } else { serde_json::from_value(output.clone()).unwrap() }
}

#[test]
fn conformance_cases_of_the_sdks_pass() {
    let cases = conformance_cases();
    assert_eq!(cases.len(), 65);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        if DIFFERENCES.iter().any(|(differs, _)| *differs == name) {
            continue;
        }
        let output = &case["output"];
        let profiles = load(&case["input"]);
        match (rejected(&profiles), output["errorContaining"].as_str()) {
            (None, None) => {
                assert_eq!(sections(profiles.iter()), expected(&output["config"]["profiles"]), "{name}");
            }
            (Some(error), Some(text)) => {
                assert!(reference_text(&error.problem).contains(text), "{name}: {error}");
            }
            (None, Some(text)) => panic!("{name}: should be rejected with {text}"),
            (Some(error), None) => panic!("{name}: {error}"),
        }
    }
}
