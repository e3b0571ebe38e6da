"""The file store without awsmfa: `age` decrypts its entries, and `oathtool` generates the same codes."""

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
        with check("the store has one entry, and all files are private"):
            equal(len(entries), 1, "entries")
            equal({oct(path.stat().st_mode & 0o777) for path in store.iterdir()}, {"0o600"}, "modes")
            equal(oct(store.stat().st_mode & 0o777), "0o700", "mode of the folder")
        with check("`age -d -i identity.age ENTRY.age` asks for the passphrase and prints the otpauth URI"):
            uri = age(home, "-d", "-i", store / "identity.age", entries[0])
            equal(uri[:15], "otpauth://totp/", "URI")
            contains(uri, f"secret={alice['seed'].rstrip('=')}")
        with check("the recipient is the one that `age-keygen -y` computes"):
            identity = home.write("identity", age(home, "-d", store / "identity.age") + "\n")
            recipient = home.run("age-keygen", "-y", identity).ended().out
            equal((store / "recipient").read_text(), recipient, "recipient")
        with check("oathtool computes the code that `awsmfa code` prints"):
            printed, (_, current, _) = codes(home, alice["seed"])
            equal(printed, [current])
        with check("the next code follows"):
            printed, (_, current, following) = codes(home, alice["seed"])
            # The current one, if a step ended in between.
            assert printed in ([current], [following]), (printed, current, following)
        with check("`--pair` prints the codes of the previous and the current step"):
            printed, (previous, current, _) = codes(home, alice["seed"], "--pair")
            equal(printed, [previous, current])
        with check("awsmfa reads an entry that age wrote"):
            recipient = (store / "recipient").read_text().strip()
            other = uri.replace(alice["seed"].rstrip("="), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
            plain = home.write("uri", other)
            home.run("age", "-r", recipient, "-o", entries[0], plain).ended()
            entries[0].chmod(0o600)
            printed, (previous, current, _) = codes(home, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "--pair")
            equal(printed, [previous, current])


def age(home, *args):
    """The output of `age`, which reads the passphrase from the terminal only."""
    child = pexpect.spawn("age", [str(a) for a in args], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60)
    child.expect("passphrase")
    child.sendline(PASSPHRASE)
    child.expect(pexpect.EOF)
    child.close()
    equal(child.exitstatus, 0, f"exit code of age after {child.before!r}")
    # Skip the end of the prompt line, escape sequences that clear it, and comments.
    lines = [line.rsplit("\x1b[K", 1)[-1].strip() for line in child.before.splitlines()]
    return [line for line in lines if line and not line.startswith("#")][-1]


def codes(home, seed, *args):
    """The codes that awsmfa prints, and those that oathtool computes for the previous, the current and the next step."""
    while True:
        step = int(time.time()) // 30
        printed = home.awsmfa("code", "--json", *args).json()
        # Otherwise the step of the code is unknown.
        if int(time.time()) // 30 == step:
            break
    times = [30 * (step + k) for k in (-1, 0, 1)]
    computed = [home.run("oathtool", "--totp", "-b", "-N", f"@{at}", seed).ended().out.strip() for at in times]
    return printed.get("codes") or [printed["code"]], computed
