"""Other programs that write the AWS files at the same time: neither side loses a value."""

import contextlib
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.configloader import raw_config_parse

from bench import AWSMFA, FakeAws, Home, check, contains, equal, import_secret, long_term, profile

HERE = Path(__file__).resolve().parent
ROUNDS = 20
#: How many rounds run at the same time, each in a home of its own. The logins wait most of the time.
LANES = 4
LOGINS = 40
PROFILES = [f"p{i}" for i in range(LOGINS)]
CREDENTIALS, CONFIG = ".aws/credentials", ".aws/config"
DELAY = 2.0


def run():
    # A device for each part, so that no device needs too many codes.
    names = ["alice", "login", "logout", "process", *[f"user{i}" for i in range(8)]]
    with FakeAws(*[f"--user={name}" for name in names]) as aws:
        alice, login, logout, process, *others = aws.users
        with home_with(aws, alice, PROFILES) as home:
            for name, style in (("the AWS CLI's ConfigFileWriter", "cli"), ("an editor that truncates", "editor"), ("sed -i", "sed")):
                rounds = ROUNDS if style == "cli" else ROUNDS // 4
                with check(f"{rounds} rounds of {LOGINS} logins while {name} writes 50 times a second: nothing is lost"):
                    in_lanes(home, rounds, lambda lane, number, style=style: round_of_logins(lane, alice, style, number))
        with check("`login` writes the `mfa_serial` of 8 profiles while the AWS CLI's writer writes: nothing is lost"):
            remembered_beside_a_writer(aws, others)
        for user, *command in (
            [login, "login", "--profile", "dev"],
            [logout, "logout", "--profile", "dev", "--restore"],
            [process, "credential-process", "--profile", "dev"],
        ):
            with check(f"`{command[0]}`, delayed by {DELAY:.0f} s at each system call on the AWS files: nothing is lost"):
                delayed(aws, user, command)


def in_lanes(home, rounds, do):
    """Does the numbered rounds, several at the same time, each in a copy of the home folder."""
    def one(number):
        with copy_of(home) as lane:
            do(lane, number)

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(one, range(rounds)))


def home_with(aws, user, names):
    """A home folder with several profiles that have the same access key, and one cached session for all of them."""
    home = Home()
    home.use_file_store()
    home.write(CREDENTIALS, "".join(long_term(name, user) for name in names))
    home.write(CONFIG, "".join(profile(name, aws.endpoint, mfa_serial=user["serial"]) for name in names))
    import_secret(home, user, names[0])
    home.awsmfa("login", "--profile", names[0]).ended()
    home.awsmfa("logout", "--profile", names[0], "--restore").ended()
    home.awsmfa("credential-process", "--profile", names[0]).ended()
    return home


@contextlib.contextmanager
def writer(home, path, style="cli", pause=0.02):
    """Runs another program that keeps writing the file. Yields a dict that contains its last values after the program has exited."""
    program = subprocess.Popen(
        [sys.executable, HERE / "other_writer.py", style, home.file(path), str(pause)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    written = {}
    try:
        program.stdout.readline()
        yield written
    finally:
        out, _ = program.communicate("", timeout=60)
        if style != "sed":
            written["sections"], written["counter"] = (int(word) for word in out.split())
        else:
            written["counter"] = int(out.split()[1])


class ManyWriter:
    """One process with the AWS CLI's writer for many files. A process for each of hundreds of runs would take minutes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.program = subprocess.Popen(
            [sys.executable, HERE / "other_writer.py", "many"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.communicate("", timeout=60)

    def ask(self, *words):
        with self.lock:
            print(*words, file=self.program.stdin, flush=True)
            return int(self.program.stdout.readline())

    @contextlib.contextmanager
    def at(self, *files):
        """Keeps writing these files. Yields a dict that contains the last values at the end."""
        written = {}
        for header, path in files:
            self.ask("add", path, header)
        try:
            yield written
        finally:
            for header, path in files:
                written[header] = self.ask("remove", path)


def round_of_logins(home, user, style, number):
    home.write(CREDENTIALS, "".join(long_term(name, user) for name in PROFILES) + "[other]\ncounter = 0\n")
    with writer(home, CREDENTIALS, style) as written:
        for name in PROFILES:
            said = home.awsmfa("login", "--profile", name).ended().err
            contains(said, "moved the long-term keys")
    found = raw_config_parse(str(home.file(CREDENTIALS)))
    where = f"round {number}"
    for name in PROFILES:
        equal(found[name]["aws_access_key_id"][:4], "ASIA", f"{where}: session of {name}")
        equal(found[f"{name}-long-term"]["aws_secret_access_key"], user["secret_access_key"], f"{where}: keys of {name}")
    assert written["counter"] > 3, "the other program wrote too rarely"
    check_written(found, written, where)


def check_written(found, written, where):
    equal(found["other"]["counter"], str(written["counter"]), f"{where}: the last value of the other program")
    for section in range(written.get("sections", 0)):
        equal(found[f"new-{section}"]["value"], str(section), f"{where}: a section of the other program")


def remembered_beside_a_writer(aws, users):
    with Home() as home:
        home.use_file_store()
        home.write(CREDENTIALS, "".join(long_term(user["name"], user) for user in users))
        home.write(CONFIG, "[profile other]\ncounter = 0\n" + "".join(profile(user["name"], aws.endpoint) for user in users))
        for user in users:
            home.awsmfa("device", "import", "--serial", user["serial"], "--secret-stdin", "--no-verify", stdin=user["seed"]).ended()
        with writer(home, CONFIG, "cli-config") as written:
            for user in users:
                home.awsmfa("login", "--profile", user["name"]).ended()
        found = raw_config_parse(str(home.file(CONFIG)))
        for user in users:
            equal(found[f"profile {user['name']}"]["region"], "us-east-1", "region")
        equal(found["profile other"]["counter"], str(written["counter"]), "the last value of the other program")
        sessions = raw_config_parse(str(home.file(CREDENTIALS)))
        equal([sessions[u["name"]]["aws_access_key_id"][:4] for u in users], ["ASIA"] * len(users), "sessions")


def delayed(aws, user, command):
    """For each of its system calls on the AWS files, runs the command with a delay there, while another program writes."""
    with template(aws, user, command) as home:
        calls = calls_on_aws_files(home, command)
        assert len(calls) > 5, calls
        with ManyWriter() as other, ThreadPoolExecutor(20) as pool:
            results = list(pool.map(lambda call: one_delay(home, user, other, command, *call), calls))
    for _, problem in results:
        assert problem is None, problem
    # The other program's writes may change the course of a run, so that the system call does not occur.
    delays = sum(seconds > DELAY for seconds, _ in results)
    print(f"        {len(calls)} system calls, {delays} of them delayed")
    assert delays > len(calls) * 0.6, "most calls were not delayed"


def template(aws, user, command):
    home = home_with(aws, user, ["dev"])
    home.write(CREDENTIALS, long_term("dev", user) + "[other]\ncounter = 0\n")
    home.write(CONFIG, profile("dev", aws.endpoint, mfa_serial=user["serial"]) + "[profile other]\ncounter = 0\n")
    if command[0] == "logout":
        home.awsmfa("login", "--profile", "dev").ended()
    if command[0] == "credential-process":
        # Remove the device, so that its serial number is looked up in AWS and written.
        home.write(CONFIG, profile("dev", aws.endpoint) + "[profile other]\ncounter = 0\n")
        shutil.rmtree(home.file(".local/share/awsmfa"))
        shutil.rmtree(home.file(".cache/awsmfa/answers"), ignore_errors=True)
    return home


def traced(home, command, log, *options):
    # -y shows the paths of open files.
    return home.run("strace", "-f", "-y", "-o", log, *options, AWSMFA, *command)


#: How many system calls watch the old file once.
LOOP = 4
CALL = re.compile(r"^(\d+) +(\w+)\(")


def calls_on_aws_files(home, command):
    """The system calls of the command on files in `.aws`, as name and number among the calls of this name. It watches the old
    file for a while; of those repetitions, only the first two count."""
    with copy_of(home) as trial:
        traced(trial, command, trial.file("log")).ended()
        counts, calls, shapes, main = Counter(), [], [], None
        for line in trial.file("log").read_text().splitlines():
            match = CALL.match(line)
            main = main or match[1]
            # strace counts per thread.
            if match and match[1] == main:
                name = match[2]
                counts[name] += 1
                if f"{trial.path}/.aws" in line:
                    shapes.append(line.split(",")[0])
                    if not shapes[-LOOP:] == shapes[-2 * LOOP : -LOOP] == shapes[-3 * LOOP : -2 * LOOP]:
                        calls.append((name, counts[name]))
        return calls


@contextlib.contextmanager
def copy_of(home):
    with Home() as copy:
        shutil.rmtree(copy.path)
        shutil.copytree(home.path, copy.path, symlinks=True)
        copy.env = {name: value.replace(str(home.path), str(copy.path)) for name, value in home.env.items()}
        yield copy


def one_delay(home, user, other, command, name, number):
    where = f"{command[0]} at {name} no. {number}"
    with copy_of(home) as trial:
        inject = f"inject={name}:delay_enter={int(DELAY * 1e6)}:when={number}"
        files = [("other", trial.file(CREDENTIALS)), ("profile other", trial.file(CONFIG))]
        with other.at(*files) as written:
            ran = traced(trial, command, "/dev/null", "-e", f"trace={name}", "-e", inject)
        if ran.code != 0:
            return ran.seconds, f"{where}: {ran.err}"
        found = raw_config_parse(str(trial.file(CREDENTIALS)))
        configured = raw_config_parse(str(trial.file(CONFIG)))
        try:
            equal(found["other"]["counter"], str(written["other"]), f"{where}: the other program's value")
            equal(configured["profile other"]["counter"], str(written["profile other"]), f"{where}: config")
            equal(configured["profile dev"]["region"], "us-east-1", f"{where}: region")
            keys = "dev-long-term" if command[0] == "login" else "dev"
            equal(found[keys]["aws_secret_access_key"], user["secret_access_key"], f"{where}: long-term keys")
            equal("aws_session_token" in found["dev"], command[0] == "login", f"{where}: session")
            if command[0] == "credential-process":
                equal(configured["profile dev"].get("mfa_serial"), user["serial"], f"{where}: serial")
        except (AssertionError, KeyError) as error:
            return ran.seconds, f"{where}: {error!r}"
    return ran.seconds, None
