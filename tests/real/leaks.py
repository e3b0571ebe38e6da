"""Secrets are only where they belong: files, output, arguments and environments of a complete run with -v."""

import base64
import contextlib
import json
import re
import threading
import time
from pathlib import Path

from bench import AWSMFA, PASSPHRASE, FakeAws, check, contains, equal, home_of

#: The passphrase comes from a command, so that the run has a child process. It sleeps, so that it can be observed.
COMMAND = """#!/bin/sh
tr '\\0' '\\n' < /proc/self/environ >> "$HOME/seen/environ"
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >> "$HOME/seen/cmdline"
sleep 0.3
cat "$HOME/passphrase"
"""


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home, sampled_processes() as processes:
        alice = aws.users[0]
        home.write("passphrase", PASSPHRASE + "\n")
        home.write("seen/environ", "")
        home.env |= {
            "AWSMFA_STORE": "file",
            "AWSMFA_PASSPHRASE_COMMAND": str(home.write("ask-pass", COMMAND, mode=0o700)),
            "AWSMFA_NO_INPUT": "1",
            "RUST_LOG": "trace",
            "RUST_BACKTRACE": "1",
        }
        said, printed = whole_run(home, alice)
        secrets = secrets_of(alice, printed)

        with check("every command of the run succeeds"):
            equal([ran.code for ran in said], [0] * len(said), f"exit codes ({[r.err for r in said]})")
        with check("-v shows each step of the login"):
            login = next(ran for ran in said if "login" in ran.args)
            for step in ("long-term keys", "MFA device", "file store", "code for step"):
                contains(login.err, step)

        home_folder = home.path
        with check("the session is in the credentials file, the session cache and the cached response"):
            for name in ("session token", "session's secret key"):
                equal(
                    {kind_of(path, home_folder) for path in holders(home_folder, secrets[name])},
                    {".aws/credentials", ".cache/awsmfa/sessions", ".cache/awsmfa/answers"},
                    name,
                )
        with check("the long-term secret key is only in the credentials file"):
            found = holders(home_folder, secrets["long-term secret key"])
            equal(found, [home.file(".aws/credentials")], "files")
        with check("the seed is in no file: not as Base32, raw, hexadecimal or Base64"):
            for name, secret in secrets.items():
                if name.startswith("seed"):
                    equal(holders(home_folder, secret), [], name)
        with check("the passphrase is only in its own file"):
            equal(holders(home_folder, secrets["passphrase"]), [home.file("passphrase")], "files")
        with check("files with secrets are accessible to the user only"):
            for secret in secrets.values():
                for path in holders(home_folder, secret):
                    equal(oct(path.stat().st_mode & 0o077), "0o0", str(path))
        with check("stdout and stderr contain no secret, except for the credentials from credential-process"):
            for ran in said:
                allowed = {"session token", "session's secret key"} if "credential-process" in ran.args else set()
                for name, secret in secrets.items():
                    assert secret not in ran.err.encode(), f"{name} in stderr of {ran.args}"
                    assert name in allowed or secret not in ran.out.encode(), f"{name} in stdout of {ran.args}"
        with check("no process had a secret in its arguments"):
            seen = processes.cmdlines | {home.file("seen/cmdline").read_bytes()}
            assert any(b"\0login\0" in line for line in processes.cmdlines), "no run was observed"
            for name, secret in secrets.items():
                assert not any(secret in line for line in seen), name
        with check("no process had a secret in its environment"):
            seen = processes.environs | {home.file("seen/environ").read_bytes()}
            assert any(b"AWSMFA_PASSPHRASE_COMMAND" in environ for environ in seen), "no child was observed"
            for name, secret in secrets.items():
                assert not any(secret in environ for environ in seen), name
        started = programs(home)
        with check("every program that any command starts is seen"):
            seen = {Path(program).name for program, _, _ in started}
            equal({"awsmfa", "ask-pass", "cat", "true"} - seen, set(), "programs that were not seen")
        with check("no program is started with a secret in its arguments"):
            for name, secret in (secrets | sessions(home)).items():
                for program, arguments, _ in started:
                    assert secret.decode(errors="replace") not in arguments, f"{name}: {program}"
        with check("only the commands of `exec` get a session in their environment, and none gets another secret"):
            given = [name for name, secret in sessions(home).items() for program, _, env in started if secret.decode() in env]
            assert given, "`exec` gave no session"
            for name, secret in (secrets | sessions(home)).items():
                for program, _, env in started:
                    if program != "/usr/bin/true":
                        assert secret.decode(errors="replace") not in env, f"{name}: {program}"
        with check("after `logout --all`, no file contains the session"):
            home.awsmfa("logout", "--all").ended()
            for name in ("session token", "session's secret key"):
                equal(holders(home_folder, secrets[name]), [], name)


def whole_run(home, user):
    """The results of the commands of a typical day, and the session that was printed."""
    dev = ["--profile", "dev"]
    said = [home.awsmfa("-v", "device", "import", *dev, "--secret-stdin", "--no-verify", stdin=user["seed"])]
    said.append(home.awsmfa("-v", "device", "list"))
    said.append(home.awsmfa("-v", "login", *dev))
    said.append(home.awsmfa("-v", "credential-process", *dev))
    said.append(home.awsmfa("credential-process", *dev))
    said.append(home.awsmfa("-v", "login", *dev))
    said.append(home.awsmfa("-v", "code"))
    said.append(home.awsmfa("-v", "code", "--pair", "--json"))
    return said, said[4].json()


def programs(home):
    """The programs that commands start, awsmfa itself included: path, arguments and environment of each."""
    dev = ["--profile", "dev"]
    trace, started = home.file("trace"), []
    for line in [
        ["login", *dev], ["credential-process", *dev], ["exec", *dev, "--", "/usr/bin/true"],
        ["exec", *dev, "--serve", "--", "/usr/bin/true"], ["env", *dev], ["status"], ["code"], ["doctor", *dev],
        ["device", "list"], ["device", "export", "alice", "--uri", "--yes"], ["keys", "store", *dev], ["login", *dev],
        ["keys", "restore", *dev], ["setup", *dev, "--yes"], ["setup", *dev, "--undo", "--yes"], ["store", "status"], ["store", "lock"],
    ]:  # fmt: skip
        home.run("strace", "-f", "-qq", "-v", "-s", "1000000", "-e", "trace=execve", "-o", trace, AWSMFA, *line)
        for call in re.finditer(r'execve\("(.*?)", \[(.*?)\], \[(.*)\]', trace.read_text(errors="replace")):
            started.append(call.groups())
    trace.unlink()
    return started


def sessions(home):
    """The secrets of all sessions in the cache."""
    found = {}
    for path in home.file(".cache/awsmfa/sessions").iterdir():
        session = json.loads(path.read_text())["session"]
        for part in ("secretAccessKey", "sessionToken"):
            found[f"{part} of session {path.name}"] = session[part].encode()
    return found


def secrets_of(user, session):
    """All secrets of the run by name, in the encodings in which they might leak."""
    seed = user["seed"].rstrip("=")
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    return {
        "seed in Base32": seed.encode(),
        "seed in lowercase Base32": seed.lower().encode(),
        "seed's bytes": raw,
        "seed in hexadecimal": raw.hex().encode(),
        "seed in uppercase hexadecimal": raw.hex().upper().encode(),
        "seed in Base64": base64.b64encode(raw).rstrip(b"="),
        "long-term secret key": user["secret_access_key"].encode(),
        "session's secret key": session["SecretAccessKey"].encode(),
        "session token": session["SessionToken"].encode(),
        "passphrase": PASSPHRASE.encode(),
    }


def holders(folder, secret):
    """The files below the folder that contain the secret."""
    return sorted(path for path in Path(folder).rglob("*") if path.is_file() and secret in path.read_bytes())


def kind_of(path, folder):
    """The path below the home folder or, for cache files, which have generated names, their folder."""
    path = path.relative_to(folder)
    return str(path.parent if path.parts[0] == ".cache" else path)


class Processes:
    """The arguments and environments of all processes that were observed."""

    def __init__(self):
        self.cmdlines, self.environs, self.done = set(), set(), False

    def watch(self):
        while not self.done:
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit():
                    # The process may have exited, or belong to another user.
                    with contextlib.suppress(OSError):
                        self.cmdlines.add((folder / "cmdline").read_bytes())
                    with contextlib.suppress(OSError):
                        environ = (folder / "environ").read_bytes()
                        if b"awsmfa-real-" in environ:
                            self.environs.add(environ)
            time.sleep(0.002)


@contextlib.contextmanager
def sampled_processes():
    processes = Processes()
    watcher = threading.Thread(target=processes.watch)
    watcher.start()
    try:
        yield processes
    finally:
        processes.done = True
        watcher.join()
