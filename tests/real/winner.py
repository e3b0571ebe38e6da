"""Which access key signs: for each setup, real clients use the credentials that `login -v` predicts."""

import json
import re
import shutil
import sys
from pathlib import Path

from bench import AWS_CLI_V1, AWS_CLI_V2, AWSMFA, HERE, NODE_MODULES, FakeAws, Home, check, equal, import_secret, long_term

OURS = f"credential_process = {AWSMFA} credential-process --profile dev\n"
UNNAMED = f"credential_process = {AWSMFA} credential-process\n"

#: The name of each client's SDK in awsmfa's messages.
BOTOCORE, JAVASCRIPT = "the AWS CLI and boto3", "the JavaScript SDK"
CLIENTS = {"AWS CLI v1": BOTOCORE, "AWS CLI v2": BOTOCORE, "boto3": BOTOCORE, "JavaScript SDK v3": JAVASCRIPT}


class Setup:
    """A setup: both files, in which `K` stands for the access key, `S` for the serial number, `R` for the role and `E` for the
    region; the profiles to log in to; the profile that clients use, by flag or not; what is added to the config file after
    a first login; and environment variables."""

    def __init__(self, name, config, credentials, login="dev", use=None, flag=True, then="", **variables):
        self.name, self.config, self.credentials, self.login, self.use = name, config, credentials, login, use or login
        self.flag, self.then, self.variables = flag, then, variables


DEV = "[profile dev]\nE\nmfa_serial = S\n"
ASIDE = "[dev-long-term]\nK\n"
OLD = "[dev]\naws_access_key_id = ASIAOLD0000000000000\naws_secret_access_key = s\naws_session_token = t\n"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "ENV_ID", "AWS_SECRET_ACCESS_KEY": "ENV_SECRET"}
APP = "[profile app]\nE\nrole_arn = R\nsource_profile = dev\n"

SETUPS = [
    Setup("a session that login wrote", DEV, "[dev]\nK\n"),
    Setup("credential_process of awsmfa", DEV + OURS, ASIDE),
    Setup("credential_process of awsmfa in the credentials file", DEV, ASIDE + "[dev]\n" + OURS),
    Setup("keys and credential_process of awsmfa", DEV + OURS, "[dev]\nK\n"),
    Setup("keys in the config file and credential_process of awsmfa", DEV + OURS + "K\n", ""),
    Setup("half an access key and credential_process of awsmfa", DEV + OURS, ASIDE + "[dev]\naws_access_key_id = AKIAHALF\n"),
    Setup("another tool's session and credential_process of awsmfa", DEV + OURS, ASIDE + OLD + "expiration = 2020-01-01 00:00:00\n"),
    Setup("a session that awsmfa wrote and its credential_process", DEV, "[dev]\nK\n", then=OURS),
    Setup("a role and credential_process of awsmfa", DEV + OURS + "role_arn = R\n", ASIDE),
    Setup("a role with a source profile and credential_process of awsmfa", DEV + OURS + "role_arn = R\nsource_profile = base\n", "[base]\nK\n"),
    Setup("credential_process without a profile", DEV + UNNAMED, ASIDE),
    Setup("credential_process without a profile, and AWS_PROFILE", DEV + UNNAMED, ASIDE, flag=False, AWS_PROFILE="dev"),
    Setup("credential_process without a profile, for default", DEV.replace("profile dev", "default") + UNNAMED, ASIDE.replace("dev", "default"), "default"),
    Setup("another profile with credential_process of awsmfa", DEV + "[profile app]\nE\n" + OURS, "[dev]\nK\n", use="app"),
    Setup("keys in the environment", DEV, "[dev]\nK\n", **ENVIRONMENT),
    Setup("keys in the environment, and AWS_PROFILE", DEV, "[dev]\nK\n", flag=False, AWS_PROFILE="dev", **ENVIRONMENT),
    Setup("keys in the environment, for default", DEV.replace("profile dev", "default"), "[default]\nK\n", "default", flag=False, **ENVIRONMENT),
    Setup("half an access key in the environment", DEV, "[dev]\nK\n", flag=False, AWS_PROFILE="dev", AWS_ACCESS_KEY_ID="AKIAHALF"),
    Setup("a role with a source profile that is logged in", DEV + APP, "[dev]\nK\n", "dev app", "app"),
    Setup("a session of a role", DEV + APP, "[dev]\nK\n", "app", "app-session"),
    Setup("mfa_serial in a role profile", DEV + APP + "mfa_serial = S\n", "[dev]\nK\n", "app"),
    Setup("a role and its keys in one profile, without mfa_serial", "[profile dev]\nE\nrole_arn = R\nsource_profile = dev\n", "[dev]\nK\n"),
    Setup("a source profile with a role and keys", APP + "[profile dev]\nE\nrole_arn = R\nsource_profile = dev\n", "[dev]\nK\n", "app"),
    Setup("SSO settings and a written session", DEV + "sso_account_id = 123456789012\nsso_role_name = r\nsso_region = us-east-1\nsso_start_url = http://127.0.0.1:1\n", "[dev]\nK\n"),
    Setup("another program", DEV + f"credential_process = /bin/cat PRINTED\n", ASIDE, use="dev"),
]  # fmt: skip


class Stage:
    """A home folder for all setups. They share one session, because they have the same access key and device."""

    def __init__(self, aws, home):
        self.aws, self.home, self.alice = aws, home, aws.users[0]
        printed = {"Version": 1, "AccessKeyId": self.alice["access_key_id"], "SecretAccessKey": self.alice["secret_access_key"]}
        self.printed = home.write("printed", json.dumps(printed))
        self.models = self.write_models()

    def write_models(self):
        """Debian's AWS CLI does not support endpoint settings, but reads endpoint rules from a folder."""
        endpoint = {"url": self.aws.endpoint, "properties": {}, "headers": {}}
        names = ["Region", "UseDualStack", "UseFIPS", "Endpoint", "UseGlobalEndpoint"]
        parameter = lambda name: {"builtIn": f"AWS::{name}" if name != "Endpoint" else "SDK::Endpoint", "required": False,
                                  "documentation": "", "type": "Boolean" if name.startswith("Use") else "String"}  # fmt: skip
        built_in = {"UseGlobalEndpoint": "AWS::STS::UseGlobalEndpoint"}
        rules = {
            "version": "1.0",
            "parameters": {n: parameter(n) | ({"builtIn": built_in[n]} if n in built_in else {}) for n in names},
            "rules": [{"conditions": [], "endpoint": endpoint, "type": "endpoint"}],
        }
        self.home.write("models/sts/2011-06-15/endpoint-rule-set-1.json", json.dumps(rules))
        return self.home.file("models")

    def fill(self, text):
        keys = "aws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}".format(**self.alice)
        marks = {"K": keys, "S": self.alice["serial"], "R": self.aws.roles[0]["arn"],
                 "E": "region = us-east-1", "PRINTED": str(self.printed),
                 "ENV_ID": self.alice["access_key_id"], "ENV_SECRET": self.alice["secret_access_key"]}  # fmt: skip
        return re.sub(r"\b(K|S|R|E|PRINTED|ENV_ID|ENV_SECRET)(?=\n|$)", lambda found: marks[found[1]], text)

    def play(self, setup):
        """Logs in and returns awsmfa's messages."""
        self.variables = {name: self.fill(value) for name, value in setup.variables.items()}
        self.home.write(".aws/config", self.fill(setup.config))
        self.home.write(".aws/credentials", self.fill(setup.credentials))
        if setup.then:
            self.log_in(setup, setup.login)
            config = self.home.file(".aws/config")
            self.home.write(".aws/config", config.read_text() + self.fill(setup.then))
        for name in setup.login.split():
            said = self.log_in(setup, name)
        if f"--profile {setup.use}`" not in said:
            said += self.home.awsmfa("-v", "credential-process", "--profile", name, **self.variables).ended().err
        return said

    def log_in(self, setup, name):
        flag = ["--profile", name] if setup.flag else []
        return self.home.awsmfa("-v", "login", *flag, **self.variables).ended().err

    def session(self, *flag):
        """The access key of the session that awsmfa prints, or `None` if it fails."""
        printed = self.home.awsmfa("credential-process", *flag, **self.variables)
        return json.loads(printed.out)["AccessKeyId"] if printed.code == 0 else None

    def key_of(self, what):
        """The access key that signs if an SDK uses `what`, in awsmfa's words. For a role, a list with the key of its source."""
        if found := re.fullmatch(r"the (?:access key|session) of `.*` \((.*):(\d+)\)", what):
            return Path(found[1]).read_text().splitlines()[int(found[2]) - 1].split("=")[1].strip()
        if found := re.fullmatch(r"awsmfa's session for `(.*)`", what):
            return self.session("--profile", found[1])
        if what == "awsmfa's session (the command names no profile)":
            return self.session()
        if what == "the credentials in the environment":
            return self.variables["AWS_ACCESS_KEY_ID"]
        if what.startswith("another program"):
            return self.alice["access_key_id"]
        if "prompted code" in what or what.startswith(("nothing: ", "SSO ")):
            return None
        if found := re.fullmatch(r"a role, assumed with (.*)", what):
            return [self.key_of(found[1])]
        raise AssertionError(f"awsmfa says something new: {what}")

    def used_by(self, client, setup, works):
        """The access key with which a client signs GetCallerIdentity. For a role, a list with the key of its source. Without a
        warning from awsmfa, the client must succeed."""
        shutil.rmtree(self.home.file(".aws/cli"), ignore_errors=True)
        before = len(self.aws.requests())
        flag = ["--profile", setup.use] if setup.flag else []
        name = flag[1:]
        ask = ["sts", "get-caller-identity", *flag]
        command = {
            "AWS CLI v1": [AWS_CLI_V1, *ask],
            "AWS CLI v2": [AWS_CLI_V2, *ask],
            "boto3": [sys.executable, HERE / "caller.py", *name],
            "JavaScript SDK v3": ["node", HERE / "caller.cjs", *([*name, "client"] if name else [])],
        }[client]
        ran = self.home.run(*command, AWS_DATA_PATH=self.models, NODE_PATH=NODE_MODULES, **self.variables)
        requests = self.aws.requests()[before:]
        signed = [r["access_key_id"] for r in requests if r["action"] == "GetCallerIdentity"]
        assumed = [r["access_key_id"] for r in requests if r["action"] == "AssumeRole"]
        if works or not signed:
            equal(ran.code == 0, works, f"{client} works: {ran.err}")
        if not signed:
            return None
        # The session of a role that awsmfa assumes for credential_process comes from awsmfa.
        return [assumed[0]] if assumed and signed[0] not in self.served else signed[0]


def claim(said, client, setup):
    """What awsmfa says the client would use."""
    sdk = re.escape(CLIENTS[client])
    line = lambda how: re.search(rf"{how}, {sdk} would use (.*)", said)
    found = line(re.escape(f"with `--profile {setup.use}`"))
    if not setup.flag:
        found = line("without `--profile`") or found
    return found[1]


def run():
    with FakeAws("--user", "alice", "--allow-all", "--role", "deploy") as aws, Home(AWS_DEFAULT_REGION="us-east-1", AWS_REGION="us-east-1") as home:
        home.use_file_store()
        home.env["AWS_ENDPOINT_URL"] = aws.endpoint
        home.write(".aws/credentials", long_term("dev", aws.users[0]))
        import_secret(home, aws.users[0])
        stage = Stage(aws, home)
        for setup in SETUPS:
            with check(f"{setup.name}: awsmfa logs in"):
                said = stage.play(setup)
            stage.served = {stage.session("--profile", name) for name in setup.login.split()}
            for client in CLIENTS:
                with check(f"{setup.name}: {client} uses what awsmfa predicts"):
                    what = claim(said, client, setup)
                    equal(stage.used_by(client, setup, "warning: " not in said), stage.key_of(what), what)
                    if "warning: " not in said and (f", in [{setup.use}] of" in said or "serves it" in said):
                        equal(stage.key_of(what) in stage.served, True, "without a warning, the client uses the session")
