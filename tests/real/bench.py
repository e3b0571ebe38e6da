"""What the suites share: counted checks, a home folder for each test, fake-aws as a process, and the real clients.

A suite is a module with `run()`. It states what it checks with `with check("…"):`. A failure inside is counted and printed,
and the suite continues.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

#: The binary to test.
AWSMFA = Path(os.environ.get("AWSMFA_BIN", TARGET / "release/awsmfa"))
FAKE_AWS = TARGET / "debug/fake-aws"
#: Built with the tests.
AGE_PLUGIN = TARGET / "debug/examples/age_plugin"
#: An age plugin by others that needs no hardware.
XWING = TARGET / "ci/plugins/bin/age-plugin-xwing"

# The suites use a server on loopback, never AWS.
for variable in [name for name in os.environ if name.startswith("AWS")]:
    del os.environ[variable]
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

#: The suites run in the virtual environment with AWS CLI v1 and boto3. AWS CLI v2 is Debian's.
AWS_CLI_V1 = Path(sys.prefix) / "bin/aws"
AWS_CLI_V2 = Path("/usr/bin/aws")
MOTO_SERVER = Path(sys.prefix) / "bin/moto_server"
NODE_MODULES = TARGET / "ci/node/node_modules"

#: All programs that the suites run. A missing one is a failure.
TOOLS = [
    AWSMFA, FAKE_AWS, AGE_PLUGIN, XWING, AWS_CLI_V1, AWS_CLI_V2, MOTO_SERVER, NODE_MODULES / "@aws-sdk/client-sts", NODE_MODULES / ".bin/nu",
    "node", "age", "age-keygen", "oathtool", "gpg", "pass", "zbarimg", "qrencode", "bash", "zsh", "fish", "tmux", "strace", "dbus-daemon", "gnome-keyring-daemon", "keyctl",
    "secret-tool", "wine", "Xvfb", "xclip", "sway", "wl-paste", "/usr/share/bash-completion/bash_completion",
]  # fmt: skip

PASSPHRASE = "correct horse battery staple"

passed = 0
failures = []


@contextlib.contextmanager
def check(title):
    """Counts the block as one check."""
    global passed
    start = time.monotonic()
    try:
        yield
    except Exception as error:  # noqa: BLE001 - any error is a failed check
        failures.append(title)
        print(f"  FAIL  {title}\n{explain(error)}", flush=True)
    else:
        passed += 1
        print(f"  ok    {title} ({time.monotonic() - start:.1f} s)", flush=True)


def explain(error):
    """The error with the lines of the suite that led to it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent == HERE]
    where = "".join(f"        {Path(f.filename).name}:{f.lineno}: {f.line}\n" for f in frames[1:])
    text = f"{type(error).__name__}: {error}".replace("\n", "\n        ")
    return f"{where}        {text}"


def equal(actual, expected, what="value"):
    """Fails unless the two are equal."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {actual!r}")


def contains(text, part):
    """Fails unless `text` contains `part`."""
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


class Ran:
    """The result of a program."""

    def __init__(self, args, done, seconds):
        self.args, self.code, self.out, self.err, self.seconds = args, done.returncode, done.stdout, done.stderr, seconds

    def ended(self, code=0):
        """Fails unless this is the exit code."""
        if self.code != code:
            words = " ".join(str(a) for a in self.args)
            raise AssertionError(f"`{words}` exited with {self.code}, not {code}\nstdout: {self.out}\nstderr: {self.err}")
        return self

    def json(self):
        """Stdout as JSON."""
        return json.loads(self.ended().out)


class Home:
    """A home folder and an environment with only the variables that it needs."""

    def __init__(self, **variables):
        self.path = Path(tempfile.mkdtemp(prefix="awsmfa-real-"))
        # awsmfa is in PATH, as if it were installed.
        self.env = {
            "HOME": str(self.path),
            "PATH": f"{AWSMFA.parent}:{Path(shutil.which('node') or '/usr/bin/node').parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, rest):
        return self.path / rest

    def write(self, rest, text, mode=0o600):
        path = self.file(rest)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def use_file_store(self):
        """Uses the file store, with its passphrase in a file, and no prompts."""
        path = self.write("passphrase", PASSPHRASE + "\n")
        self.env |= {"AWSMFA_STORE": "file", "AWSMFA_PASSPHRASE_FILE": str(path), "AWSMFA_NO_INPUT": "1", "AWSMFA_UNLOCK_FOR": "10m"}

    def run(self, *args, stdin=None, timeout=120, **variables):
        """Runs a program in this home folder, without a terminal."""
        env = {k: str(v) for k, v in (self.env | variables).items() if v is not None}
        args = [str(a) for a in args]
        start = time.monotonic()
        done = subprocess.run(
            args, env=env, cwd=self.path, capture_output=True, text=True, timeout=timeout, start_new_session=True,
            **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}),
        )  # fmt: skip
        return Ran(args, done, time.monotonic() - start)

    def awsmfa(self, *args, **options):
        return self.run(AWSMFA, *args, **options)

    def start(self, *args, **variables):
        """Starts a program without waiting for it."""
        env = {k: str(v) for k, v in (self.env | variables).items() if v is not None}
        return subprocess.Popen(
            [str(a) for a in args], env=env, cwd=self.path, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


class FakeAws:
    """fake-aws as a process. It exits when its stdin closes, even if this process is killed."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [FAKE_AWS, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        ready = json.loads(self.process.stdout.readline())
        self.endpoint, self.users, self.roles = ready["endpoint"], ready["users"], ready["roles"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)

    def requests(self, action=None):
        """All requests so far, oldest first."""
        with urllib.request.urlopen(f"{self.endpoint}/_fake/requests", timeout=10) as answer:
            return [r for r in json.load(answer) if action in (None, r["action"])]

    def codes(self):
        """The codes that STS received, in order."""
        return [r["params"]["TokenCode"] for r in self.requests("GetSessionToken")]

    def refused(self):
        """The outcomes of requests that failed."""
        return [r["outcome"] for r in self.requests() if r["outcome"].get("answered", {}).get("status") != 200]


def long_term(name, user):
    """A section of the credentials file with a user's access key."""
    return (
        f"[{name}]\naws_access_key_id = {user['access_key_id']}\n"
        f"aws_secret_access_key = {user['secret_access_key']}\n"
    )


def profile(name, endpoint, **keys):
    """A section of the config file."""
    lines = {"region": "us-east-1", "endpoint_url": endpoint, **keys}
    return f"[profile {name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())


def home_of(user, endpoint, **variables):
    """A home folder with the user's access key in `[dev]`, the device in `mfa_serial`, and `[profile auto]`, which gets its
    credentials from `awsmfa credential-process`."""
    home = Home(**variables)
    home.write(".aws/credentials", long_term("dev", user))
    home.write(
        ".aws/config",
        profile("dev", endpoint, mfa_serial=user["serial"])
        + profile("auto", endpoint, credential_process=f"{AWSMFA} credential-process --profile dev"),
    )
    return home


def import_secret(home, user, name="dev"):
    home.awsmfa("device", "import", "--profile", name, "--secret-stdin", "--no-verify", stdin=user["seed"] + "\n").ended()


#: Real clients: name → function of home, profile and endpoint that returns the `Arn` of GetCallerIdentity.
CLIENTS = {
    "AWS CLI v1": lambda home, name, _: home.run(
        AWS_CLI_V1, "sts", "get-caller-identity", "--output", "json", "--profile", name
    ).json()["Arn"],
    # Version 2.9 of Debian does not support `endpoint_url` in a profile.
    "AWS CLI v2": lambda home, name, endpoint: home.run(
        AWS_CLI_V2, "sts", "get-caller-identity", "--output", "json", "--profile", name, "--endpoint-url", endpoint
    ).json()["Arn"],
    "boto3": lambda home, name, _: home.run(sys.executable, HERE / "caller.py", name).json()["Arn"],
    "JavaScript SDK v3": lambda home, name, _: home.run(
        "node", HERE / "caller.cjs", name, NODE_PATH=NODE_MODULES
    ).json()["Arn"],
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def missing_tools():
    """The names of the missing tools."""
    return [str(tool) for tool in TOOLS if not (shutil.which(tool) or Path(tool).exists())]


# On SIGTERM, stop servers and delete temporary folders, too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
