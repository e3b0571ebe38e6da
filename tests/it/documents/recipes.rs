//! What docs/ says works: a reader at a terminal follows each document from its first line to its last, with the real binary.
//!
//! The blocks of a document are one bash script. `sh` blocks are its commands. A block whose first line is a comment with a path is
//! that file. Programs that a machine may lack are stand-ins (`stand-in.sh`), which succeed only if they get a session made with
//! MFA. The reader is `alice`, at home in `/home/alice`, and answers awsmfa's prompts.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::LazyLock;

use awsmfa::testing::aws_files::AwsFile;
use awsmfa::testing::aws_files::document::Document;
use fake_aws::RoleSpec;
use regex::Regex;

use super::{recipes, repository};
use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// The programs that `stand-in.sh` stands in for.
const STAND_INS: [&str; 14] = [
    "aws",
    "aws-vault",
    "terraform",
    "code",
    "direnv",
    "docker",
    "python3",
    "node",
    "make",
    "ykman",
    "op",
    "bw",
    "pass",
    "oathtool",
];

/// The languages of blocks that are files and nothing else.
const FILES: [&str; 6] = ["ini", "hcl", "json", "yaml", "toml", "dockerfile"];

/// A fenced block.
#[derive(Debug)]
struct Block {
    line: usize,
    language: String,
    text: String,
    /// Whether the reader is on another computer, with an empty home, from here on.
    elsewhere: bool,
}

impl Block {
    /// The path in a comment on the first line.
    fn file(&self) -> Option<&str> {
        let (first, _) = self.text.split_once('\n')?;
        let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?;
        (name.contains(['.', '/']) && !name.contains(' ')).then_some(name)
    }

    /// The text without the comment that names the file.
    fn content(&self) -> &str {
        self.file().map_or(&self.text, |name| self.text[name.len()..].split_once('\n').unwrap().1)
    }

    /// The commands that this block adds to the script.
    fn script(&self) -> String {
        match (self.file(), self.language.as_str()) {
            // Files elsewhere are only checked.
            (Some(name), _) if name.starts_with('/') => String::new(),
            (Some(name), _) => {
                let path = format!("$HOME/{}", name.trim_start_matches("~/"));
                format!(
                    "mkdir -p \"$(dirname \"{path}\")\"\ncat >\"{path}\" <<'END OF FILE'\n{}END OF FILE\n",
                    self.content()
                )
            }
            (None, "sh") => self.text.clone(),
            // The steps of a workflow.
            (None, "yaml") => {
                let step = |line: &str| {
                    Some(format!("{}\n", line.trim().trim_start_matches("- ").strip_prefix("run: ")?))
                };
                self.text.lines().filter_map(step).collect()
            }
            _ => String::new(),
        }
    }

    /// Why the block is wrong, as far as reading tells.
    fn mistake(&self) -> Option<String> {
        match self.language.as_str() {
            "sh" => None,
            "ini" => {
                let is_credentials = self.file().is_some_and(|file| file.ends_with("credentials"));
                let which = if is_credentials { AwsFile::Credentials } else { AwsFile::Config };
                let read = Document::parse(which, self.text.as_bytes()).map_err(|error| format!("{error:?}"));
                // awsmfa puts up with more than a document should contain.
                let strict = ini::Ini::load_from_str_noescape(&self.text).map_err(|error| error.to_string());
                read.and(strict).err()
            }
            "json" => {
                let read = serde_json::from_str::<serde_json::Value>(self.content());
                read.err().map(|error| error.to_string())
            }
            // Steps are run, so they have to be found.
            "yaml" if self.text.contains("run: |") => Some("a step with several lines is not run".to_owned()),
            language if FILES.contains(&language) => None,
            language => Some(format!("a block in `{language}` is neither run nor checked")),
        }
    }
}

/// Every fenced block of a document.
fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let (mut inside, mut elsewhere) = (false, false);
    for (number, line) in text.lines().enumerate() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                let (line, language, text) = (number + 1, language.to_owned(), String::new());
                found.push(Block { line, language, text, elsewhere: std::mem::take(&mut elsewhere) });
            }
            None if inside => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => elsewhere |= line == "<!-- on another computer -->",
        }
    }
    assert!(!inside, "a block does not end");
    found
}

/// What the reader of a document has at first, which a comment says: `<!-- tested with: … -->`.
fn world(text: &str) -> World {
    let with = text.split_once("<!-- tested with: ").map(|(_, rest)| rest.split_once(" -->").unwrap().0);
    match with {
        None => World::imported(),
        Some("a device on a phone") => World::new(),
        Some("no device and no store") => {
            let mut world = World::new();
            world.aws.remove_device(&world.device.serial);
            world.home.write_config("[profile dev]\nregion = eu-central-1\n");
            world.home.forget_store();
            world.home.unset("AWSMFA_STORE");
            world.home.unset("AWSMFA_PASSPHRASE_FILE");
            world
        }
        Some("the secrets of a pipeline") => {
            let mut world = World::imported();
            world.home.set_keys(&world.key);
            world.home.set("MFA_SECRET", &world.device.seed);
            world.home.set("MFA_SERIAL", &world.device.serial);
            world.home.set("STORE_PASSPHRASE", "a long random text");
            world
        }
        Some(other) => panic!("nothing is known about `{other}`"),
    }
}

/// The reader's home, with programs, and without what only tests need. Also has the keys of an administrator.
fn move_in(world: &mut World) {
    let (home, aws, key) = (&mut world.home, &world.aws, &world.key);
    for folder in [".cargo/bin", "stand-ins"] {
        fs::create_dir_all(home.join(folder)).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_awsmfa"), home.join(".cargo/bin/awsmfa")).unwrap();
    home.write_program("stand-ins/stand-in.sh", include_str!("stand-in.sh"));
    for program in STAND_INS {
        symlink("stand-in.sh", home.join("stand-ins").join(program)).unwrap();
    }
    let (id, secret) = (&key.id, &key.secret);
    home.write(
        "stand-ins/keys.json",
        &format!(r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}}"#),
    );
    aws.add_admin("boss");
    let boss = aws.add_access_key("boss");
    let credentials = home.credentials();
    home.write("windows/.aws/credentials", &credentials);
    home.write_credentials(&format!(
        "{credentials}\n[admin]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        boss.id, boss.secret
    ));
    let path = |folder: &str| home.join(folder).to_str().unwrap().to_owned();
    let path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", path(".cargo/bin"), path("stand-ins"));
    home.set("PATH", &path);
    home.set("TERM", "xterm");
    home.unset("AWSMFA_NO_INPUT");
    for role in ["admin", "readonly"] {
        let spec = RoleSpec { require_mfa: true, max_session_duration: 43_200, ..RoleSpec::default() };
        aws.add_role(role, spec);
    }
}

/// The document as a script. Each block says where it begins, so that a failure is found.
fn script(name: &str, blocks: &[Block], world: &World, mut code: impl FnMut() -> String) -> String {
    let mut script = "set -eE -o pipefail\ncd\n".to_owned();
    for block in blocks {
        if block.elsewhere {
            script.push_str("HOME=$(mktemp -d \"$HOME/other.XXXX\")\ncd\n");
        }
        script.push_str(&format!("echo '-- {name}:{}'\n{}", block.line, block.script()));
    }
    script.push_str("echo '-- the end'\n");
    let home = world.home.path().to_str().unwrap().trim_end_matches('/');
    let script = script
        .replace("/home/alice", home)
        .replace("/mnt/c/Users/alice", &format!("{home}/windows"))
        .replace("AKIAIOSFODNN7EXAMPLE", &world.key.id)
        .replace("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &world.key.secret);
    Regex::new(r"\b123456\b").unwrap().replace_all(&script, |_: &regex::Captures<'_>| code()).into_owned()
}

/// Follows a document. Returns what the terminal showed.
fn follow(name: &str, text: &str) -> Option<String> {
    static PROMPT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"awsmfa: [^\n]*(\]|:) $").unwrap());
    let mut world = world(text);
    move_in(&mut world);
    let mut steps = -1..1;
    let mut code = || world.code(steps.next().expect("a person types two codes at most"));
    let script = script(name, &blocks(text), &world, &mut code);
    let mut screen = Screen::run(&script, &world.home.awsmfa(NO_ARGS).into_command())?;
    screen.converse(|shown| {
        let prompt = PROMPT.find(shown)?.as_str();
        Some(match prompt {
            _ if prompt.contains("code for") => code(),
            _ if prompt.contains("secret key of") => world.device.seed.clone(),
            _ if prompt.contains("to a phone?") => "n".to_owned(),
            _ => "y".to_owned(),
        })
    });
    Some(screen.ended())
}

fn is_complete(seen: &str) -> bool {
    seen.trim_end().ends_with("-- the end")
}

#[test]
fn documents_work_from_the_first_line_to_the_last() {
    let documents = recipes();
    assert!(documents.len() > 5, "the documents were not found");
    let fails = |name: &String| follow(name, &repository(name)).filter(|seen| !is_complete(seen));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = documents.iter().map(|name| (name, scope.spawn(move || fails(name)))).collect();
        let failed =
            |(name, run): (&String, std::thread::ScopedJoinHandle<'_, Option<String>>)| match run.join() {
                Ok(seen) => seen.map(|seen| format!("{name} fails:\n{seen}")),
                Err(_) => Some(format!("{name} panics")),
            };
        runs.into_iter().filter_map(failed).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_block_is_run_or_checked() {
    for name in recipes() {
        let blocks = blocks(&repository(&name));
        assert!(blocks.iter().any(|block| !block.script().is_empty()), "{name} runs nothing");
        for block in &blocks {
            let mistake = block.mistake();
            assert!(mistake.is_none(), "{name}:{}: {}", block.line, mistake.unwrap_or_default());
        }
    }
}

#[test]
fn document_that_does_not_work_is_noticed() {
    for wrong in [
        "awsmfa loginn",
        "aws s3 ls --profile dev",
        "awsmfa login --profile nobody | cat",
        "awsmfa login --profile dev\nfalse",
        "exit 0",
    ] {
        let Some(seen) = follow("x.md", &format!("```sh\n{wrong}\n```\n")) else { return };
        assert!(!is_complete(&seen), "{wrong}");
    }
    let right = follow("x.md", "```sh\nawsmfa login --profile dev\naws s3 ls --profile dev\n```\n");
    assert!(right.is_none_or(|seen| is_complete(&seen)));
    assert!(blocks("```\nx\n```\n")[0].mistake().is_some());
    assert!(blocks("```ini\n[profile dev\n```\n")[0].mistake().is_some());
}
