"""The clipboards of a real X server and a real Wayland compositor: `code --copy`, and the clearing afterward."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pexpect

from bench import AWSMFA, FakeAws, check, contains, equal, home_of, import_secret

#: How long `code --copy` leaves the code on the clipboard, in seconds.
CLEARED_AFTER = 30
#: How long the other codes are held.
HELD = 4
HINT = "x-kde-passwordManagerHint"


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home, display() as x, display() as y:
        home.use_file_store()
        import_secret(home, aws.users[0])
        home.env["DISPLAY"] = x

        with check("`code --copy` copies the code, prints nothing, and ends at once"):
            start = time.monotonic()
            ran = home.run("flock", "lock", AWSMFA, "code", "--copy").ended()
            assert time.monotonic() - start < 10
            home.run("flock", "--nonblock", "lock", "true").ended()
            code = paste(home)
            assert code in codes(home, aws.users[0]["seed"]), f"{code} is not a code"
            equal(ran.out, "", "stdout")
            contains(ran.err, "copied the code for")
            assert code not in ran.err, ran.err
        with check("the process that holds the clipboard has neither terminal nor secrets, and clipboard histories skip the code"):
            holder = process_with("hold-clipboard")
            arguments, variables = (read(holder, name) for name in ("cmdline", "environ"))
            equal(arguments[1:], ["hold-clipboard", str(CLEARED_AFTER)], "arguments")
            equal(sorted(v.partition("=")[0] for v in variables), ["DISPLAY", "HOME"], "variables")
            equal(os.getsid(holder), holder, "session")
            contains(paste(home, "TARGETS"), HINT)
            equal(paste(home, HINT), "secret", "hint")
        with check("a code that is still there is cleared, and what was copied since is not"):
            home.env["DISPLAY"] = y
            hold(home, "111111")
            equal(paste(home), "111111", "clipboard")
            until(lambda: paste(home) is None)
            hold(home, "222222")
            subprocess.run(["xclip", "-selection", "clipboard"], input="mine", text=True, env=home.env, check=True, stdout=subprocess.DEVNULL)
            until(lambda: process_with("hold-clipboard", str(HELD)) is None)
            equal(paste(home), "mine", "clipboard")
        with check("a second code replaces the first"):
            for text in ("333333", "444444"):
                hold(home, text)
                equal(paste(home), text, "clipboard")
            until(lambda: paste(home) is None)
        with check("a copy that fails leaves the last code on the clipboard"):
            home.file("bin").mkdir()
            program = str(shutil.copy2(AWSMFA, home.file("bin/awsmfa")))
            screen = pexpect.spawn(program, ["code", "--watch"], env=home.env | {"TERM": "xterm"}, encoding="utf-8", timeout=30)
            screen.expect_exact("c: copy")
            # Only what changes is drawn, so each expectation is a word on an empty line.
            screen.send("c")
            screen.expect_exact("cleared")
            last = paste(home)
            assert last in codes(home, aws.users[0]["seed"]), f"{last} is not a code"
            # Without its program, the next process that holds the clipboard cannot be started.
            home.file("bin/awsmfa").unlink()
            for key, word in (("/", "Enter"), ("\x1b", "quit"), ("c", "cannot")):
                screen.send(key)
                screen.expect_exact(word)
            equal(paste(home), last, "clipboard")
            screen.send("q")
            screen.expect(pexpect.EOF)
        with check("the clipboard of `code --copy` is cleared after 30 seconds"):
            home.env["DISPLAY"] = x
            time.sleep(max(0, start + CLEARED_AFTER - 4 - time.monotonic()))
            still_there = paste(home)
            # Unless this machine is too busy to look in time.
            if time.monotonic() < start + CLEARED_AFTER:
                equal(still_there, code, "clipboard")
            until(lambda: paste(home) is None)
            assert time.monotonic() - start >= CLEARED_AFTER, "too early"
            until(lambda: process_with("hold-clipboard") is None)
        with wayland(home):
            with check("under Wayland, a code is cleared if it is still there, and clipboard histories skip it"):
                home.awsmfa("code", "--copy").ended()
                code = paste_wayland(home)
                assert code in codes(home, aws.users[0]["seed"]), f"{code} is not a code"
                contains(home.run("wl-paste", "--list-types").ended().out, HINT)
                os.kill(process_with("hold-clipboard", str(CLEARED_AFTER)), signal.SIGTERM)
                hold(home, "555555")
                equal(paste_wayland(home), "555555", "clipboard")
                until(lambda: paste_wayland(home) is None)
            with check("under Wayland, what was copied since is not cleared, even if its program does not respond"):
                hold(home, "666666")
                program = subprocess.Popen(["wl-copy", "--foreground", "mine"], env=home.env)
                until(lambda: paste_wayland(home) == "mine")
                program.send_signal(signal.SIGSTOP)
                until(lambda: process_with("hold-clipboard", str(HELD)) is None)
                # The compositor lists the types without the program.
                contains(home.run("wl-paste", "--list-types").ended().out, "text/plain")
                program.kill()
                program.wait(timeout=10)
        with check("a secret key and a picture of a QR code are imported from the clipboard"):
            seed = aws.users[0]["seed"]
            copy(home, seed.encode(), "UTF8_STRING")
            imported = ["device", "import", "--profile", "dev", "--no-verify", "--yes", "--clipboard"]
            contains(home.awsmfa(*imported).ended().err, "stored the secret")
            home.awsmfa("device", "export", "alice", "--qr-file", "qr.png", "--yes").ended()
            home.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
            copy(home, home.file("qr.png").read_bytes(), "image/png")
            contains(home.awsmfa("device", "import", "--no-verify", "--clipboard").ended().err, "stored the secret")
            contains(home.awsmfa("device", "export", "alice", "--uri", "--yes").ended().out, f"secret={seed}&")
        with check("a text that is larger than any secret is not imported"):
            copy(home, b"A" * (2 << 20), "UTF8_STRING")
            contains(home.awsmfa(*imported).ended(1).err, "error: the text on the clipboard is larger than 1 MiB")
        with check("a display that does not exist is an error that says what to do"):
            ran = home.awsmfa("code", "--copy", DISPLAY=":48213").ended(1)
            contains(ran.err, "hint: print the code instead: `awsmfa code")


@contextlib.contextmanager
def display():
    """An X server without a screen. Returns its display."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "64x64x8", "-nolisten", "tcp"],
        pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(writer)
    try:
        with os.fdopen(reader) as ready:
            yield ":" + ready.readline().strip()
    finally:
        server.terminate()
        server.wait(timeout=10)


@contextlib.contextmanager
def wayland(home):
    """A Wayland compositor without a screen, which is in the home's environment meanwhile."""
    # Sway refuses to run as root, and others cannot enter the home.
    folder = Path(tempfile.mkdtemp(prefix="awsmfa-wayland-", dir="/tmp"))
    user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    env = {"PATH": home.env["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    env |= {"WLR_BACKENDS": "headless", "WLR_LIBINPUT_NO_DEVICES": "1", "WLR_RENDERER": "pixman"}
    server = subprocess.Popen(
        [*user, "sway", "--config", "/dev/null"], env=env, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    before = dict(home.env)
    try:
        until(lambda: (folder / "wayland-1").exists())
        home.env |= {"XDG_RUNTIME_DIR": str(folder), "WAYLAND_DISPLAY": "wayland-1"}
        yield
    finally:
        home.env.clear()
        home.env.update(before)
        server.terminate()
        server.wait(timeout=10)
        shutil.rmtree(folder)


def paste_wayland(home):
    """What is on the clipboard; `None` if it is empty."""
    ran = home.run("wl-paste", "--no-newline", timeout=10)
    return ran.out if ran.code == 0 else None


def paste(home, target="UTF8_STRING"):
    """What is on the clipboard; `None` if it is empty."""
    ran = home.run("xclip", "-selection", "clipboard", "-out", "-target", target, timeout=10)
    return ran.out.strip() if ran.code == 0 else None


def copy(home, data, target):
    subprocess.run(
        ["xclip", "-selection", "clipboard", "-target", target], input=data, env=home.env, check=True, stdout=subprocess.DEVNULL
    )


def hold(home, text):
    """Holds this code for `HELD` seconds."""
    process = subprocess.Popen(
        [AWSMFA, "hold-clipboard", str(HELD)], env=home.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    process.stdin.write(text)
    process.stdin.close()
    equal(process.stdout.readline(), "copied\n", "answer")
    process.stdout.close()


def codes(home, seed):
    """The codes from the previous step to the one after the next."""
    now = int(time.time())
    return [home.run("oathtool", "--totp", "-b", "--now", f"@{now + 30 * step}", seed).ended().out.strip() for step in (-1, 0, 1, 2)]


def process_with(*arguments):
    """The ID of a running awsmfa with these arguments."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = read(name, "cmdline")
            if words[1 : 1 + len(arguments)] == list(arguments) and os.path.samefile(words[0], AWSMFA):
                return int(name)
    return None


def read(process, name):
    with open(f"/proc/{process}/{name}") as file:
        return file.read().rstrip("\0").split("\0")


def until(done):
    for _ in range(600):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("still waiting after 30 s")
