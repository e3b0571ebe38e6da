"""The Windows program under wine: both stores, CRLF files, environment variables, busy files and consoles."""

import re
import time

from bench import PASSPHRASE, FakeAws, check, contains, equal
from qr import DARK, pgm
from wine import AWSMFA, TOOLS, Wine

STORES = ("file", "keyring")
#: Unix commands that must not be in hints.
FOREIGN = ("chmod", "ls -l", "unset ", "export ", "sudo", "mv ")

LOGIN = ("login", "--profile", "dev")
PROCESS = ("credential-process", "--profile", "dev")


def run():
    with Wine() as wine:
        wine.write("my tools/passphrase.txt", PASSPHRASE + "\r\n")
        wine.env |= {
            "AWSMFA_NO_INPUT": "1",
            # A Windows path with a space.
            "AWSMFA_PASSPHRASE_COMMAND": rf'cmd /c type "C:\users\{wine.home.name}\my tools\passphrase.txt"',
        }
        for store in STORES:
            with FakeAws("--user", "alice", "--allow-all") as aws:
                story(wine, aws, store)
            wine.forget()
        with FakeAws("--user", "alice") as aws:
            set_up(wine, aws)
            variables(wine, aws)
            others(wine, aws)
            consoles(wine, aws)
        with check("the unit tests pass"):
            wine.unit_tests()


def set_up(wine, aws, store="file"):
    """Writes the user's AWS files with CRLF line endings, and imports the device's secret."""
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
    with check(f"{store}: import saves the device's secret in this store only"):
        contains(set_up(wine, aws, store).err, f"`{aws.users[0]['serial']}`")
        entries = list(wine.own("data/store").glob("*.age")) if wine.own("data/store").exists() else []
        equal((bool(entries), in_credential_manager(wine)), (store == "file", store == "keyring"), "age files, Credential Manager")
        assert not list(wine.home.rglob(".awsmfa-*")), "temporary files"
    before = credentials.read_bytes()
    with check(f"{store}: login writes a session and keeps CRLF line endings"):
        wine.awsmfa(*LOGIN).ended()
        after = credentials.read_bytes()
        contains(after, b"[dev-long-term]\r\n")
        contains(after, b"aws_session_token = ")
        contains(after, b"\r\n# end\r\n")
        equal(after.count(b"\n"), after.count(b"\r\n"), "lines that end in CRLF")
    with check(f"{store}: credential-process serves that session"):
        first = wine.awsmfa(*PROCESS).ended()
        contains(after.decode(), first.json()["AccessKeyId"])
        equal(len(aws.requests("GetSessionToken")), 1, "sessions that AWS issued")
    with check(f"{store}: the second credential-process is answered by the fast path"):
        # Only the fast path works without these.
        hidden = [wine.own(name) for name in ("data", "state")]
        hidden += [path for path in wine.own("cache").iterdir() if path.name != "answers"]
        for path in hidden:
            path.rename(path.with_name(path.name + ".hidden"))
        second = wine.awsmfa(*PROCESS).ended()
        equal((second.out, second.err), (first.out, ""), "answer and stderr")
        left = [path for path in hidden if path.exists()]
        equal(left, [], "files that the ordinary path created")
        for path in hidden:
            path.with_name(path.name + ".hidden").rename(path)
    with check(f"{store}: logout --restore restores the credentials file byte for byte"):
        wine.awsmfa("logout", "--profile", "dev", "--restore").ended()
        equal(credentials.read_bytes(), before, "credentials file")
    with check(f"{store}: remove deletes the device in AWS and its secret in the store"):
        wine.awsmfa("device", "remove", "alice", "--yes").ended()
        equal(len(aws.requests("DeleteVirtualMFADevice")), 1, "deletions")
        assert not in_credential_manager(wine), "the secret is still in Credential Manager"
        equal(list(wine.own("data/store").glob("arn*.age")), [], "entries of the file store")


def in_credential_manager(wine):
    """Whether Credential Manager, which wine keeps in the registry, has an item from awsmfa."""
    ran = wine.run("reg", "query", r"HKCU\Software\Wine\Credential Manager", "/s")
    return ".awsmfa" in ran.out


def variables(wine, aws):
    with check("names of environment variables are case-insensitive"):
        ran = wine.awsmfa("login", aws_profile="dev").ended()
        contains(ran.err, "`dev`")
    with check("HOME has precedence over USERPROFILE"):
        # wine does not pass on HOME.
        wine.write("my tools/elsewhere.cmd", f'@set HOME=C:\\elsewhere\r\n@"{AWSMFA}" login --profile dev\r\n')
        ran = wine.run("cmd", "/c", rf"C:\users\{wine.home.name}\my tools\elsewhere.cmd").ended(3)
        contains(ran.err, r"C:\elsewhere\.aws\config")
    with check("AWS_SHARED_CREDENTIALS_FILE accepts ~ and backslashes"):
        wine.awsmfa(*PROCESS, AWS_SHARED_CREDENTIALS_FILE=r"~\.aws\credentials").ended()


def others(wine, aws):
    with check("six processes at once share one STS call"):
        wine.awsmfa("logout", "--profile", "dev", "--restore").ended()
        before = len(aws.requests("GetSessionToken"))
        started = [wine.start(AWSMFA, *PROCESS) for _ in range(6)]
        answers = [process.communicate(timeout=120) for process in started]
        equal([process.returncode for process in started], [0] * 6, f"exit codes of {answers}")
        equal(len({out for out, _ in answers}), 1, "distinct answers")
        equal(len(aws.requests("GetSessionToken")) - before, 1, "calls")
    with check("a file that another program holds open briefly is written once it is free"):
        held = hold(wine, rf"C:\users\{wine.home.name}\.aws\credentials", 700)
        ran = wine.awsmfa(*LOGIN).ended()
        equal(held.wait(timeout=60), 0, f"exit code of the other program; login printed {ran.err}")
        contains(wine.file(".aws/credentials").read_text(), "aws_session_token")
    with check("a file that stays open in another program is an error, and no hint names a Unix command"):
        held = hold(wine, rf"C:\users\{wine.home.name}\.aws\credentials", 60_000)
        ran = wine.awsmfa(*LOGIN, "--force").ended(3)
        held.kill()
        contains(ran.err, "another program has it open")
        for foreign in FOREIGN:
            assert foreign not in ran.err, ran.err
    with check("a background process that a program leaves behind is killed"):
        holds = rf"start /b {TOOLS[:2]}\hold.exe C:\held 30000"
        wine.unix("cp", str(wine.drive("my tools/hold.exe")), str(wine.drive("hold.exe")))
        (wine.drive("users") / wine.home.name / "my tools/code.cmd").write_text(f"@echo off\r\n{holds}\r\necho 123456\r\n")
        start = time.monotonic()
        command = rf'cmd /c "C:\users\{wine.home.name}\my tools\code.cmd"'
        wine.awsmfa("device", "export", "alice", "--uri", "--yes", AWSMFA_PASSPHRASE_COMMAND=command)
        assert time.monotonic() - start < 20, "awsmfa waited for the background process"
        hold(wine, r"C:\held", 0).wait(timeout=30)


def hold(wine, path, milliseconds):
    """Starts a program that holds the file open exclusively."""
    process = wine.start(rf"{TOOLS}\hold.exe", path, milliseconds)
    said = process.stdout.readline()
    if not said.startswith(b"held"):
        raise AssertionError(f"{path} is in use: {process.communicate()}")
    return process


def consoles(wine, aws):
    export = (AWSMFA, "device", "export", "alice", "--yes", "--qr")
    seed = aws.users[0]["seed"]
    with check("zbar reads the QR code on a console, with and without color"):
        colored = [row for row in wine.console(*export).ended().colored() if "48;5;231" in row]
        contains(scanned(wine, "\r\n".join(colored)), seed)
        plain = wine.console(*export, NO_COLOR="1").ended()
        contains(scanned(wine, plain.shown().replace("\n", "\r\n")), seed)
    with check("a console too narrow for the QR code is an error that names the columns needed"):
        console = wine.console(*export, columns=40).ended(2)
        contains(unwrapped(console), "columns, and the terminal has 40")
        assert not set(console.shown()) & set("▀▄█"), "a QR code was drawn"
    with check("consoles show colors, not escape sequences"):
        console = wine.console(AWSMFA, "device", "export", "bob").ended(3)
        equal(console.screen.buffer[0][0].fg, "red", "color of `error:`")
        assert not re.search(r"\[\d*m", unwrapped(console)), console.shown()
    with check("a secret typed at the prompt is hidden and stored"):
        wine.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
        console = wine.console(AWSMFA, "device", "import", "--profile", "dev", AWSMFA_NO_INPUT="0")
        console.sees("secret key").type(seed + "\r").sees("stored the secret")
        assert seed not in unwrapped(console), console.shown()
        console.sees("set up `dev`").type("y\r").sees("make these changes?").type("y\r").ended()
        wine.awsmfa("code", "alice").ended()
    config = wine.file(".aws/config")
    with check("setup has connected the profile, and can be undone"):
        assert "credential_process = " in config.read_text(), config.read_text()
        wine.awsmfa("setup", "--profile", "dev", "--yes").ended()
        wine.awsmfa("setup", "--undo", "--yes").ended()
        assert "credential_process = " not in config.read_text(), config.read_text()


def unwrapped(console):
    return console.shown().replace("\n", "")


def scanned(wine, screen):
    """What zbar reads on the screen."""
    file = wine.path / "screen.pgm"
    file.write_bytes(pgm(screen, *DARK))
    return wine.unix("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(file))
