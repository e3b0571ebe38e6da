"""QR codes: ours, read by zbar, as PNG and on a terminal; and those of qrencode, imported from pictures."""

import base64
import re
import signal as signals
import time
import urllib.parse

import pexpect
from PIL import Image, ImageDraw, ImageOps

from bench import AWSMFA, FakeAws, check, contains, equal, home_of, import_secret, profile

OTHER_SCREEN, OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
EXPORT = ["device", "export", "alice", "--yes"]
BLACK, WHITE = 0, 255
#: Gray values of a terminal's default foreground and background.
DARK, LIGHT = (229, 30), (40, 250)


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        seed = aws.users[0]["seed"]
        issuer = "Amazon%20Web%20Services"
        uri = f"otpauth://totp/{issuer}:alice@123456789012?secret={seed}&issuer={issuer}"
        home.use_file_store()
        import_secret(home, aws.users[0])

        with check("zbar reads the PNG, which has mode 0600"):
            home.awsmfa(*EXPORT, "--qr-file", "qr.png").ended()
            equal(zbar(home, "qr.png"), uri, "URI")
            equal(oct(home.file("qr.png").stat().st_mode & 0o777), "0o600", "mode")
        shown = on_terminal(home, *EXPORT, "--qr")
        for name, background in (("dark", DARK), ("light", LIGHT)):
            with check(f"zbar reads the QR code on a terminal with a {name} background"):
                home.write("screen.pgm", pgm(shown, *background))
                equal(zbar(home, "screen.pgm"), uri, "URI")
        with check("zbar reads the QR code without color, for a dark background"):
            plain = on_terminal(home, *EXPORT, "--qr", NO_COLOR="1")
            assert "\x1b[" not in plain, "colors"
            contains(plain, "the code is drawn for a dark one")
            home.write("screen.pgm", pgm(plain, *DARK))
            equal(zbar(home, "screen.pgm"), uri, "URI")
        with check("oathtool generates the code that `awsmfa code` prints, with the secret in the QR code"):
            secret = re.search("secret=([A-Z2-7]+)", zbar(home, "qr.png"))[1]
            # A step may end in between.
            printed, computed = zip(*[code_and_oathtool(home, secret) for _ in range(2)])
            assert any(p == c for p, c in zip(printed, computed)), (printed, computed)
        with check("the QR code goes to the terminal, not into a pipe"):
            piped = on_terminal(home, *EXPORT, "--qr", pipe="piped")
            equal(home.file("piped").read_bytes(), b"", "what the pipe got")
            home.write("screen.pgm", pgm(piped, *DARK))
            equal(zbar(home, "screen.pgm"), uri, "URI")
        with check("the QR code is the default on a terminal, and Enter removes it from the screen"):
            child = dialogue(home, "device", "export", "alice")
            child.expect_exact("[y/N] ")
            child.sendline("y")
            child.expect_exact(OTHER_SCREEN)
            child.expect_exact("press Enter")
            home.write("screen.pgm", pgm(child.before, *DARK))
            equal(zbar(home, "screen.pgm"), uri, "URI")
            child.sendline("")
            child.expect_exact(OWN_SCREEN)
            rest = ended(child, 0)
            assert not set(rest) & set("▀▄█"), rest
        for signal, name in ((None, "Ctrl-C"), (signals.SIGTERM, "TERM"), (signals.SIGHUP, "HUP")):
            with check(f"{name} removes the QR code, too, and restores the terminal"):
                child = dialogue(home, "device", "export", "alice", "--yes")
                child.expect_exact(OTHER_SCREEN)
                child.expect_exact("press Enter")
                assert child.waitnoecho(timeout=10), "typing is echoed"
                if signal is None:
                    child.send("\x03")
                else:
                    home.run("pkill", f"-{int(signal)}", "-P", str(child.pid), "-x", "awsmfa").ended()
                child.expect_exact(OWN_SCREEN)
                settings = ended(child, None).split()
                assert "echo" in settings and "icanon" in settings, settings
        with check("a terminal without an alternate screen keeps the QR code, with a hint"):
            plain = on_terminal(home, *EXPORT, TERM="dumb", AWSMFA_NO_INPUT=None)
            contains(plain, "clear the screen and its history afterward")
            assert OTHER_SCREEN not in plain, plain
        with check("on a narrow terminal, the error states how many columns are needed"):
            narrow = on_terminal(home, *EXPORT, "--qr", columns=40, code=2)
            contains(narrow, "columns, and the terminal has 40")
            contains(narrow, "--qr-file")
            assert not set(narrow) & set("▀▄█"), "the QR code is still shown"
        with check("without a terminal, there is no QR code"):
            ran = home.awsmfa(*EXPORT, "--qr").ended(2)
            equal(ran.out, "", "stdout")
            contains(ran.err, "a terminal is needed")

    imported_pictures()

    with FakeAws("--user", "carol", "--no-device") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        home.write(".aws/config", profile("dev", aws.endpoint))
        with check("enroll offers the QR code; Enter accepts, and another Enter removes it"):
            child = dialogue(home, "enroll", "--profile", "dev")
            child.expect_exact("awsmfa: show a QR code to add this device to a phone? [Y/n] ")
            child.sendline("")
            child.expect_exact(OTHER_SCREEN)
            child.expect_exact("press Enter")
            child.sendline("")
            child.expect_exact(OWN_SCREEN)
            child.expect_exact("every AWS tool? [Y/n] ")
            child.sendline("n")
            ended(child, 0)


def imported_pictures():
    """`device import --image` with pictures that other programs made."""
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        seed = aws.users[0]["seed"]
        code = qrencode(home, aws_uri("alice", seed))
        screen = Image.new("L", (3840, 2160), 235)
        draw = ImageDraw.Draw(screen)
        for y in range(0, 2160, 24):
            draw.text((20, y), "2026-01-01 10:00:00 INFO a line of a log on a screen full of text " * 9, fill=60)
        screen.paste(code, (2210, 930))
        # Columns of equal letters look like thousands of corners of QR codes, in regular distances.
        dark = Image.new("L", (3840, 2160), 35)
        for y in range(0, 2160, 22):
            ImageDraw.Draw(dark).text((8, y), "lorem ipsum dolor sit amet 0123456789 " * 20, fill=180)
        dark.paste(code, (1234, 777))
        pictures = {
            "on a dark 4K screenshot of repeated text": (dark, {}),
            "scaled to 60 percent": (code.resize([int(side * 0.6) for side in code.size], Image.Resampling.LANCZOS), {}),
            "scaled by 3.7": (code.resize([int(side * 3.7) for side in code.size], Image.Resampling.BICUBIC), {}),
            "rotated by 15 degrees": (turned(code), {}),
            "as a JPEG of quality 40": (code, {"quality": 40}),
            "rotated, as a JPEG of quality 40": (turned(code), {"quality": 40}),
            "on a 4K screenshot": (screen, {}),
            "inverted": (ImageOps.invert(code), {}),
        }
        for title, (picture, options) in pictures.items():
            with check(f"a QR code of qrencode is imported, {title}"):
                name = "code.jpg" if options else "code.png"
                picture.save(home.file(name), **options)
                contains(home.awsmfa("device", "import", "--no-verify", "--image", name).ended().err, "stored the secret")
                equal(stored(home, "alice"), seed, "secret")
                home.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
        secrets = {"alice": seed, "bob": "J" * 63 + "A", "carol": "K" * 63 + "A"}
        with check("three QR codes in one picture are imported, and the first is verified"):
            codes = [qrencode(home, aws_uri(name, secret)) for name, secret in secrets.items()]
            three = Image.new("L", (3 * codes[0].width, codes[0].height), 255)
            for at, picture in enumerate(codes):
                three.paste(picture, (at * codes[0].width, 0))
            three.save(home.file("three.png"))
            ran = home.awsmfa("device", "import", "--image", "three.png").ended()
            contains(ran.err, "mfa/alice` in the file store; AWS accepts its codes")
            equal({name: stored(home, name) for name in secrets}, secrets, "secrets")
            for name in secrets:
                home.awsmfa("device", "remove", name, "--local", "--yes").ended()
        with check("a Google Authenticator export of three QR codes is imported in a wrong order"):
            for at, (name, secret) in enumerate(secrets.items()):
                qrencode(home, google_export(at, name, secret)).save(home.file(f"part{at}.png"))
            ran = home.awsmfa("device", "import", "--google-export", "part2.png", "part0.png").ended(2)
            contains(ran.err, "the Google Authenticator export has 3 QR codes, and one is missing: 2")
            home.awsmfa("device", "import", "--google-export", "part2.png", "part0.png", "part1.png").ended()
            equal({name: stored(home, name) for name in secrets}, secrets, "secrets")


def aws_uri(name, secret):
    issuer = "Amazon%20Web%20Services"
    return f"otpauth://totp/{issuer}:{name}@123456789012?secret={secret}&issuer={issuer}"


def qrencode(home, text):
    home.run("qrencode", "-o", "made.png", "-s", "4", "-l", "M", text).ended()
    with Image.open(home.file("made.png")) as picture:
        return picture.convert("RGBA").convert("L")


def turned(picture):
    return picture.rotate(15, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)


def stored(home, name):
    uri = home.awsmfa("device", "export", name, "--uri", "--yes").ended().out
    return re.search("secret=([A-Z2-7]+)", uri)[1]


def google_export(index, name, secret):
    """A part of three, in the wire format of protocol buffers."""
    account = field(1, base64.b32decode(secret)) + field(2, f"Amazon Web Services:{name}@123456789012") + field(3, "Amazon Web Services")
    account += bytes([4 << 3, 1, 5 << 3, 1, 6 << 3, 2])
    data = base64.b64encode(field(1, account) + bytes([2 << 3, 1, 3 << 3, 3, 4 << 3, index, 5 << 3, 77]))
    return "otpauth-migration://offline?data=" + urllib.parse.quote(data, safe="")


def field(number, value):
    value = value if isinstance(value, bytes) else value.encode()
    length = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])
    return bytes([number << 3 | 2]) + length + value


def on_terminal(home, *args, columns=80, code=0, pipe=None, **variables):
    """Everything that awsmfa prints on a terminal."""
    line = " ".join([str(AWSMFA), *args]) + (f" | cat >{pipe}" if pipe else "")
    child = pexpect.spawn(
        "bash", ["--norc", "-c", f"set -o pipefail; {line}; echo exit=$?"], env=environment(home, variables),
        cwd=str(home.path), encoding="utf-8", timeout=60, dimensions=(60, columns),
    )  # fmt: skip
    text = child.read()
    child.close()
    contains(text, f"exit={code}")
    return text


def environment(home, variables):
    return {name: value for name, value in (home.env | variables).items() if value is not None}


def dialogue(home, *args):
    """awsmfa on a new terminal, with prompts."""
    line = " ".join([str(AWSMFA), *args])
    return pexpect.spawn(
        "bash", ["--norc", "-c", f"trap : INT HUP; {line}; echo exit=$?; stty -a"], cwd=str(home.path),
        env=environment(home, {"AWSMFA_NO_INPUT": None}), encoding="utf-8", timeout=60, dimensions=(40, 80),
    )  # fmt: skip


def ended(child, code):
    """The rest of the output, with the terminal's settings at the end."""
    text = child.read()
    child.close()
    if code is not None:
        contains(text, f"exit={code}")
    return text


def pgm(shown, foreground, background):
    """The part of the screen with the QR code as an image, with a margin in the terminal's default colors."""
    lines = [line for line in shown.split("\r\n") if re.search("[▀▄█]|\x1b\\[38;5;16;48;5;231m", line)]
    rows = []
    for line in lines:
        upper, lower = [], []
        ink, paper = foreground, background
        for escape, character in re.findall("\x1b\\[([0-9;]*)m|(.)", line):
            if not character:
                ink, paper = {"38;5;16;48;5;231": (BLACK, WHITE), "0": (foreground, background)}[escape]
                continue
            upper.append(ink if character in "█▀" else paper)
            lower.append(ink if character in "█▄" else paper)
        rows += [upper, lower]
    width = max(map(len, rows))
    margin = [[background] * (width + 8)] * 4
    rows = margin + [[background] * 4 + row + [background] * (width - len(row) + 4) for row in rows] + margin
    pixels = b"".join(bytes(value for value in row for _ in range(4)) * 4 for row in rows)
    return f"P5 {4 * len(rows[0])} {4 * len(rows)} 255\n".encode() + pixels


def zbar(home, file):
    return home.run("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).ended().out.strip()


def code_and_oathtool(home, secret):
    # `awsmfa code` marks the code as used.
    printed = home.awsmfa("code").ended().out.strip()
    return printed, home.run("oathtool", "--totp", "--base32", f"--now=@{int(time.time())}", secret).ended().out.strip()
