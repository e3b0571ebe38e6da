"""The file store without awsmfa: `age` opens what it keeps, and `oathtool` makes the same codes."""

import json
import time

import pexpect

from bench import PASSPHRASE, FakeAws, check, contains, equal, home_of, import_secret


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        alice = aws.users[0]
        home.use_file_store()
        import_secret(home, alice)
        store = home.file(".local/share/awsmfa/store")
        entries = [path for path in store.glob("*.age") if path.name != "identity.age"]
        with check("there is one entry, and every file is private"):
            equal(len(entries), 1, "entries")
            equal({oct(path.stat().st_mode & 0o777) for path in store.iterdir()}, {"0o600"}, "modes")
            equal(oct(store.stat().st_mode & 0o777), "0o700", "mode of the folder")
        with check("`age -d -i identity.age ENTRY.age` asks for the passphrase and prints the otpauth URI"):
            uri = age(home, "-d", "-i", store / "identity.age", entries[0])
            equal(uri[:15], "otpauth://totp/", "URI")
            contains(uri, f"secret={alice['seed'].rstrip('=')}")
        with check("the recipient is the identity's, as `age-keygen -y` computes it"):
            identity = home.write("identity", age(home, "-d", store / "identity.age") + "\n")
            recipient = home.run("age-keygen", "-y", identity).ended().out
            equal((store / "recipient").read_text(), recipient, "recipient")
        with check("oathtool computes the code that `awsmfa code` prints"):
            equal(*codes(home, alice["seed"]))
        with check("and both codes of `--pair`, of this step and the one before"):
            printed, computed = codes(home, alice["seed"], "--pair")
            equal(printed, computed)
        with check("an entry that age wrote is read"):
            recipient = (store / "recipient").read_text().strip()
            other = uri.replace(alice["seed"].rstrip("="), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
            plain = home.write("uri", other)
            home.run("age", "-r", recipient, "-o", entries[0], plain).ended()
            entries[0].chmod(0o600)
            equal(*codes(home, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))


def age(home, *args):
    """What `age` prints after the passphrase was typed. It reads it from the terminal only."""
    child = pexpect.spawn("age", [str(a) for a in args], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60)
    child.expect("passphrase")
    child.sendline(PASSPHRASE)
    child.expect(pexpect.EOF)
    child.close()
    equal(child.exitstatus, 0, f"exit code of age, which said {child.before!r}")
    # Not the line that ends the prompt, nor the escapes that clear it, nor a comment.
    lines = [line.rsplit("\x1b[K", 1)[-1].strip() for line in child.before.splitlines()]
    return [line for line in lines if line and not line.startswith("#")][-1]


def codes(home, seed, *args):
    """What awsmfa prints, and what oathtool computes for the same time: with `--pair` two codes."""
    while time.time() % 30 > 25:
        time.sleep(0.5)
    printed = json.loads(home.awsmfa("code", "--json", *args).ended().out)
    now = int(time.time())
    steps = [now - 30, now] if "--pair" in args else [now]
    computed = [home.run("oathtool", "--totp", "-b", "-N", f"@{at}", seed).ended().out.strip() for at in steps]
    return printed.get("codes") or [printed["code"]], computed
