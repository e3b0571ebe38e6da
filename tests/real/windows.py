"""The Windows program under wine: the life of a device with both stores, files with CRLF, consoles, variables."""

import re
import time

from bench import PASSPHRASE, FakeAws, check, contains, equal, free_port
from qr import DARK, pgm, zbar
from wine import AWSMFA, TOOLS, Console, Wine

STORES = ("file", "keyring")
LOGIN = ("login", "--profile", "dev")
PROCESS = ("credential-process", "--profile", "dev")


def run():
    with Wine() as wine:
        wine.write("my tools/passphrase.txt", PASSPHRASE + "\r\n")
        wine.env |= {
            "AWSMFA_NO_INPUT": "1",
            # Backslashes and a space, as Windows has them.
            "AWSMFA_PASSPHRASE_COMMAND": rf'cmd /c type "C:\users\{wine.home.name}\my tools\passphrase.txt"',
        }
        for store in STORES:
            with FakeAws("--user", "alice") as aws:
                story(wine, aws, store)
            wine.forget()
        with FakeAws("--user", "alice") as aws:
            set_up(wine, aws)
            variables(wine, aws)
            others(wine, aws)
            consoles(wine, aws)


def set_up(wine, aws, store="file"):
    """The user's files, with the ends of lines that Windows has, and the device's secret in the store."""
    user = aws.users[0]
    wine.env["AWSMFA_STORE"] = store
    wine.write(
        ".aws/config",
        "# alice's laptop\r\n[profile dev]\r\nregion = us-east-1\r\n"
        f"endpoint_url = {aws.endpoint}\r\nmfa_serial = {user['serial']}\r\n",
    )
    wine.write(
        ".aws/credentials",
        f"[dev]\r\naws_access_key_id = {user['access_key_id']}\r\n"
        f"aws_secret_access_key = {user['secret_access_key']}\r\n\r\n# end\r\n",
    )
    return wine.awsmfa("device", "import", "--profile", "dev", "--secret-stdin", stdin=user["seed"] + "\r\n").ended()


def story(wine, aws, store):
    credentials = wine.file(".aws/credentials")
    with check(f"{store}: import stores the device's secret, which AWS accepts"):
        contains(set_up(wine, aws, store).err, f"`{aws.users[0]['serial']}`")
        entries = list(wine.own("data/store").glob("*.age")) if wine.own("data/store").exists() else []
        manager = wine.unix("wine", "reg", "query", r"HKCU\Software\Wine\Credential Manager", "/s")
        equal((bool(entries), "awsmfa" in manager), (store == "file", store == "keyring"), "age files, Credential Manager")
        assert not list(wine.home.rglob("*.tmp")), "temporary files"
    before = credentials.read_bytes()
    with check(f"{store}: login writes a session, and every line still ends in CRLF"):
        wine.awsmfa(*LOGIN).ended()
        after = credentials.read_bytes()
        contains(after, b"[dev-long-term]\r\n")
        contains(after, b"aws_session_token = ")
        contains(after, b"\r\n# end\r\n")
        equal(after.count(b"\n"), after.count(b"\r\n"), "ends of lines that are CRLF")
    with check(f"{store}: credential-process serves that session"):
        first = wine.awsmfa(*PROCESS).ended()
        contains(after.decode(), first.json()["AccessKeyId"])
        equal(len(aws.requests("GetSessionToken")), 1 + verifications(aws), "sessions that AWS issued")
    with check(f"{store}: the second answer is the fast path's, which needs nothing but the answer"):
        # The ordinary path needs the session that it cached.
        hidden = [wine.own(name) for name in ("data", "state")]
        hidden += [path for path in wine.own("cache").iterdir() if path.name != "answers"]
        for path in hidden:
            path.rename(path.with_name(path.name + ".hidden"))
        second = wine.awsmfa(*PROCESS).ended()
        equal((second.out, second.err), (first.out, ""), "answer and stderr")
        left = [path for path in hidden if path.exists()]
        equal(left, [], "what the ordinary path created")
        for path in hidden:
            path.with_name(path.name + ".hidden").rename(path)
    with check(f"{store}: logout --restore gives back every byte"):
        wine.awsmfa("logout", "--profile", "dev", "--restore").ended()
        equal(credentials.read_bytes(), before, "credentials file")
    with check(f"{store}: remove takes the device out of AWS and the secret out of the store"):
        wine.awsmfa("device", "remove", "alice", "--yes").ended()
        manager = wine.unix("wine", "reg", "query", r"HKCU\Software\Wine\Credential Manager", "/s")
        assert "awsmfa" not in manager, manager
        equal(list(wine.own("data/store").glob("entr*.age")), [], "entries")


def verifications(aws):
    """How many codes the import sent to see whether AWS accepts them."""
    return 0


def variables(wine, aws):
    with check("the names of variables are the same in any case, as Windows has them"):
        ran = wine.awsmfa("login", aws_profile="dev").ended()
        contains(ran.err, "`dev`")
    with check("HOME counts before USERPROFILE, as for the AWS SDKs"):
        ran = wine.run("cmd", "/c", rf'set HOME=C:\elsewhere&& "{AWSMFA}" login --profile dev')
        equal(ran.code, 3, "exit code")
        contains(ran.err, "profile `dev`")
    with check("~ and a backslash in AWS_SHARED_CREDENTIALS_FILE lead to the home"):
        wine.awsmfa(*PROCESS, AWS_SHARED_CREDENTIALS_FILE=r"~\.aws\credentials").ended()
    with check("hints have commands of this system"):
        ran = wine.awsmfa(*LOGIN, "--force", AWS_PROFILE="other", AWS_ENDPOINT_URL_STS=f"http://127.0.0.1:{free_port()}")
        equal(ran.code, 6, f"exit code after {ran.err}")
        for foreign in ("chmod", "ls -l", "unset ", "export "):
            assert foreign not in ran.err, ran.err


def others(wine, aws):
    with check("six processes that ask at once get one session from one call"):
        wine.awsmfa("logout", "--profile", "dev", "--restore").ended()
        before = len(aws.requests("GetSessionToken"))
        started = [wine.start(AWSMFA, *PROCESS) for _ in range(6)]
        answers = [process.communicate(timeout=120) for process in started]
        equal([process.returncode for process in started], [0] * 6, f"exit codes of {answers}")
        equal(len({out for out, _ in answers}), 1, "different answers")
        equal(len(aws.requests("GetSessionToken")) - before, 1, "calls")
    with check("a file that another program has open for a moment is written when it is free"):
        held = hold(wine, rf"C:\users\{wine.home.name}\.aws\credentials", 700)
        ran = wine.awsmfa(*LOGIN).ended()
        equal(held.wait(timeout=60), 0, f"exit code of the other program; login said {ran.err}")
        contains(wine.file(".aws/credentials").read_text(), "aws_session_token")
    with check("what a program leaves running with its output does not outlive awsmfa"):
        holds = rf"start /b {TOOLS[:2]}\hold.exe C:\held 30000"
        wine.unix("cp", str(wine.drive("my tools/hold.exe")), str(wine.drive("hold.exe")))
        (wine.drive("users") / wine.home.name / "my tools/code.cmd").write_text(f"@echo off\r\n{holds}\r\necho 123456\r\n")
        start = time.monotonic()
        command = rf'cmd /c "C:\users\{wine.home.name}\my tools\code.cmd"'
        wine.awsmfa("device", "export", "alice", "--uri", "--yes", AWSMFA_PASSPHRASE_COMMAND=command)
        assert time.monotonic() - start < 20, "it waited for what was left running"
        hold(wine, r"C:\held", 0).wait(timeout=30)


def hold(wine, path, milliseconds):
    """Another program that has this file open so that nobody else can open it."""
    process = wine.start(rf"{TOOLS}\hold.exe", path, milliseconds)
    said = process.stdout.readline()
    if not said.startswith(b"held"):
        raise AssertionError(f"{path} is in use: {process.communicate()}")
    return process


def consoles(wine, aws):
    export = (AWSMFA, "device", "export", "alice", "--yes", "--qr")
    seed = aws.users[0]["seed"]
    with check("the QR code in a console is readable"):
        console = wine.console(*export).ended()
        screen = wine.path / "screen.pgm"
        screen.write_bytes(pgm(console.shown().replace("\n", "\r\n"), *DARK))
        contains(zbar_of(wine, screen), seed)
    with check("a console that is too narrow for it is told how many columns are needed"):
        console = wine.console(*export, columns=40).ended(2)
        contains(unwrapped(console), "columns, and the terminal has 40")
        assert not set(console.shown()) & set("▀▄█"), "drawn all the same"
    with check("no escape sequence is seen in a console, and the words are whole"):
        console = wine.console(AWSMFA, "device", "export", "bob").ended(1)
        shown = unwrapped(console)
        contains(shown, "error: ")
        assert not re.search(r"\[\d*m", shown), shown


def unwrapped(console):
    return console.shown().replace("\n", "")


def zbar_of(wine, file):
    return wine.unix("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(file))
