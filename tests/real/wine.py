"""A temporary wine prefix with the Windows program, and consoles on an emulated terminal."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pexpect
import pyte

from bench import HERE, TARGET, Ran

FOREIGN = TARGET / "ci/foreign"
#: Built by `foreign-targets.sh`. wine lacks this DLL.
PROGRAMS = [FOREIGN / "x86_64-pc-windows-gnu/debug/awsmfa.exe", FOREIGN / "bcryptprimitives.dll", FOREIGN / "hold.exe"]

#: The folder of the programs; its name has a space.
TOOLS = r"C:\my tools"
AWSMFA = rf"{TOOLS}\awsmfa.exe"


class Wine:
    """A wine prefix and the environment for programs in it."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="awsmfa-wine-"))
        self.prefix = self.path / "prefix"
        self.env = {
            # No DISPLAY, and not the real home.
            "HOME": str(self.path),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            # Without these, wine prompts to install .NET and an HTML engine.
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }

    def __enter__(self):
        self.unix("wineboot", "--init")
        # The server stays between programs: starting it takes seconds.
        # The daemon would keep our pipes open.
        subprocess.run(["wineserver", "-p120"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        # wine reports Windows 7 by default; Rust requires Windows 10.
        self.unix("wine", "reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
        [self.home] = [user for user in self.drive("users").iterdir() if user.name != "Public"]
        tools = self.drive("my tools")
        tools.mkdir()
        for program in PROGRAMS:
            shutil.copy(program, tools)
        return self

    def __exit__(self, *_):
        subprocess.run(["wineserver", "-k"], env=self.env, check=False)
        subprocess.run(["wineserver", "-w"], env=self.env, check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def drive(self, rest):
        """A path on drive C."""
        return self.prefix / "drive_c" / rest

    def file(self, rest):
        """A path in the user's home."""
        return self.home / rest

    def write(self, rest, text):
        path = self.file(rest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def forget(self):
        """Removes the AWS files and awsmfa's own files."""
        for path in (self.file(".aws"), self.own(".")):
            shutil.rmtree(path, ignore_errors=True)

    def own(self, rest):
        """A path in awsmfa's data folder."""
        return self.file("AppData/Local/awsmfa") / rest

    def unix(self, *args):
        done = subprocess.run(args, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        if done.returncode:
            raise AssertionError(f"{args} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *args, stdin=subprocess.DEVNULL, **variables):
        """Starts a Windows program without waiting for it. Its output is bytes, so that CR is preserved."""
        return subprocess.Popen(
            ["wine", *map(str, args)], env=self.env | variables, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *args, stdin=None, timeout=120, **variables):
        """Runs a Windows program without a console."""
        process = self.start(*args, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, **variables)
        out, err = process.communicate(None if stdin is None else stdin.encode(), timeout=timeout)
        process.stdout, process.stderr = out.decode(), err.decode()
        return Ran(args, process, 0)

    def awsmfa(self, *args, **options):
        return self.run(AWSMFA, *args, **options)

    def unit_tests(self):
        """Runs the unit tests in this prefix."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}
        env = os.environ | self.env | kept | {"WINEPATH": TOOLS}
        script = HERE / "foreign-targets.sh"
        done = subprocess.run([script, "windows-tests"], env=env, capture_output=True, text=True, timeout=1800)
        if done.returncode:
            raise AssertionError(f"{done.stdout}{done.stderr}")

    def console(self, *args, columns=80, lines=60, **variables):
        return Console(self, args, columns, lines, variables)


class Console:
    """A Windows console program on an emulated terminal."""

    def __init__(self, wine, args, columns, lines, variables):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            "wine", [str(arg) for arg in args], env=wine.env | variables, encoding="utf-8", timeout=60,
            dimensions=(lines, columns),
        )  # fmt: skip

    def shown(self):
        """The text on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).strip("\n")

    def colored(self):
        """The lines of the screen with escape sequences for the QR code's colors."""
        rows = []
        for number in range(self.screen.lines):
            cells = [self.screen.buffer[number][column] for column in range(self.screen.columns)]
            inked = ["\x1b[38;5;16;48;5;231m" if (c.fg, c.bg) == ("000000", "ffffff") else "\x1b[0m" for c in cells]
            rows.append("".join(color + cell.data for color, cell in zip(inked, cells)))
        return rows

    def sees(self, words, timeout=60):
        """Waits until the screen shows the words."""
        end = time.monotonic() + timeout
        while words not in self.shown():
            if time.monotonic() > end or not self.read():
                raise AssertionError(f"{words!r} is not on the screen:\n{self.shown()}")
        return self

    def read(self):
        """Draws new output; False at the end."""
        try:
            self.stream.feed(self.child.read_nonblocking(65536, timeout=1))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            return False
        return True

    def type(self, text):
        self.child.send(text)
        return self

    def ended(self, code=0):
        end = time.monotonic() + 60
        while self.read():
            if time.monotonic() > end:
                self.child.close(force=True)
                raise AssertionError(f"the program did not exit:\n{self.shown()}")
        self.child.close()
        if self.child.exitstatus != code:
            raise AssertionError(f"it ended with {self.child.exitstatus}, not {code}:\n{self.shown()}")
        return self
