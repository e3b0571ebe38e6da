"""The file store without awsmfa: `age` decrypts its entries, and `oathtool` generates the same codes."""

import subprocess
import sys
import time

import pexpect

from bench import AGE_PLUGIN, AWSMFA, PASSPHRASE, FakeAws, check, contains, equal, home_of, import_secret

#: scrypt needs 128 MiB. Everything else needs far less.
SCRYPT = 128
#: Runs a program and prints its exit code and its peak memory. On Linux, the peak of a process includes what its parent has, so the
#: parent has to be small.
MEASURE = """import os, sys
process = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)"""


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
        with check("a backup opens with `age -d`, and its secrets are otpauth URIs"):
            home.env["AWSMFA_BACKUP_PASSPHRASE_FILE"] = home.env["AWSMFA_PASSPHRASE_FILE"]
            home.awsmfa("store", "backup", "backup.age").ended()
            decrypted(home, "-d", "-o", "plain.json", "backup.age")
            contains(home.file("plain.json").read_text(), '"uri": "otpauth://totp/')
        with check("a backup that `age -p` made restores"):
            encrypt_with_passphrase(home, "plain.json", "again.age")
            home.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
            contains(home.awsmfa("store", "restore", "again.age").ended().err, "restored the secret of")
            home.awsmfa("code").ended()
        with check("a backup for recipients opens with `age -d -i`, and with `store restore --identity`"):
            home.run("age-keygen", "-o", "key.txt").ended()
            recipient = home.run("age-keygen", "-y", "key.txt").ended().out.strip()
            home.awsmfa("store", "backup", "for-key.age", "--recipient", recipient).ended()
            contains(home.run("age", "-d", "-i", "key.txt", "for-key.age").ended().out, "otpauth://totp/")
            home.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
            home.awsmfa("store", "restore", "for-key.age", "--identity", "key.txt").ended()
            home.awsmfa("code").ended()
        with check("after `store passwd`, age opens the identity with the new passphrase only"):
            home.write("new", PASSPHRASE + " again\n")
            home.awsmfa("store", "passwd", AWSMFA_NEW_PASSPHRASE_FILE=home.file("new")).ended()
            contains(age(home, "-d", store / "identity.age", passphrase=PASSPHRASE + " again"), "AGE-SECRET-KEY-1")
            home.awsmfa("code").ended(5)
        plugin_store(aws)
        headless(aws)
        kept_unlocked(aws)


def plugin_store(aws):
    """A store whose key an age plugin has, opened by age with the same plugin."""
    alice = aws.users[0]
    with home_of(alice, aws.endpoint) as home:
        home.file("bin").mkdir()
        home.file("bin/age-plugin-awsmfatest").symlink_to(AGE_PLUGIN)
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_NO_INPUT": "1", "PATH": f"{home.file('bin')}:{home.env['PATH']}"}
        identity = home.write("identity.txt", home.run(AGE_PLUGIN).ended().out)
        store = home.file(".local/share/awsmfa/store")
        with check("`store init --identity` creates a store that needs no passphrase"):
            home.awsmfa("store", "init", "--identity", identity).ended()
            import_secret(home, alice)
            printed, (_, current, _) = codes(home, alice["seed"])
            equal(printed, [current])
        entries = list(store.glob("*.age"))
        with check("age opens its entry with the same plugin"):
            equal(len(entries), 1, "entries")
            uri = home.run("age", "-d", "-i", identity, entries[0]).ended().out
            contains(uri, f"secret={alice['seed'].rstrip('=')}")
        with check("awsmfa reads an entry that age wrote for the plugin's recipient"):
            recipient = (store / "recipient").read_text().strip()
            other = uri.replace(alice["seed"].rstrip("="), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
            home.run("age", "-r", recipient, "-o", entries[0], home.write("uri", other)).ended()
            entries[0].chmod(0o600)
            printed, (previous, current, _) = codes(home, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "--pair")
            equal(printed, [previous, current])


def headless(aws):
    """No D-Bus, no terminal."""
    with home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        with check("without D-Bus and a terminal, the file store works with a passphrase file"):
            home.awsmfa("credential-process", "-p", "dev", AWSMFA_STORE=None).ended()
        with check("without a passphrase file, it is locked: exit 5 within a second, with a hint"):
            nothing = {"AWSMFA_STORE": None, "AWSMFA_PASSPHRASE_FILE": None, "AWSMFA_NO_INPUT": None}
            ran = home.awsmfa("login", "-p", "dev", "--force", **nothing)
            equal(ran.ended(5).seconds < 1, True, f"{ran.seconds:.2f} s")
            contains(ran.err, "hint: ")
            contains(ran.err, "AWSMFA_PASSPHRASE_FILE")


def kept_unlocked(aws):
    """The peak memory of a process shows whether it ran scrypt."""
    with home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        home.awsmfa("store", "lock").ended()
        with check("`AWSMFA_UNLOCK_FOR=0`: with a passphrase file, each process pays for scrypt"):
            for _ in range(2):
                assert peak(home, "code", AWSMFA_UNLOCK_FOR="0") > SCRYPT
        if not kernel_keyring_works():
            with check("this machine has no kernel keyring: each process pays for scrypt"):
                for _ in range(2):
                    assert peak(home, "code") > SCRYPT
            return
        with check("with a passphrase file, the first process pays for scrypt, and the following do not"):
            assert peak(home, "code") > SCRYPT
            for args in (["code"], ["credential-process", "-p", "dev"]):
                memory = peak(home, *args)
                assert memory < SCRYPT / 2, f"{args}: {memory:.0f} MiB"
        with check("after `store lock`, the next process pays again"):
            home.awsmfa("store", "lock").ended()
            assert peak(home, "code") > SCRYPT
        with check("a shorter `AWSMFA_UNLOCK_FOR` counts for what is unlocked already"):
            time.sleep(2)
            assert peak(home, "code", AWSMFA_UNLOCK_FOR="1s") > SCRYPT
        with check("the unlocked store opens for no other source: a person is prompted, and a command is run"):
            peak(home, "code")
            home.awsmfa("code", AWSMFA_PASSPHRASE_FILE=None).ended(5)
            home.awsmfa("code", AWSMFA_PASSPHRASE_FILE=None, AWSMFA_PASSPHRASE_COMMAND="false").ended(5)
        home.awsmfa("store", "lock").ended()


def peak(home, *args, **variables):
    """The peak memory of awsmfa in MiB."""
    ran = home.run(sys.executable, "-c", MEASURE, AWSMFA, *args, **variables).ended()
    code, kib = ran.err.split()[-2:]
    equal(code, "0", f"exit code of {args}")
    return int(kib) / 1024


def kernel_keyring_works():
    """Whether the kernel keeps a key for the user's other processes, as many containers do not."""
    added = subprocess.run(["keyctl", "add", "user", "awsmfa-test", "kept", "@u"], capture_output=True, text=True)
    key = added.stdout.strip()
    works = added.returncode == 0 and subprocess.run(["keyctl", "pipe", key], capture_output=True, text=True).stdout == "kept"
    subprocess.run(["keyctl", "unlink", key, "@u"], capture_output=True)
    return works


def decrypted(home, *args, passphrase=PASSPHRASE):
    """The lines that `age` prints; it reads the passphrase from the terminal only."""
    child = pexpect.spawn("age", [str(a) for a in args], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60)
    child.expect("passphrase")
    child.sendline(passphrase)
    child.expect(pexpect.EOF)
    child.close()
    equal(child.exitstatus, 0, f"exit code of age after {child.before!r}")
    # Skip the end of the prompt line, escape sequences that clear it, and comments.
    lines = [line.rsplit("\x1b[K", 1)[-1].strip() for line in child.before.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def age(home, *args, passphrase=PASSPHRASE):
    """The last line that `age` prints."""
    return decrypted(home, *args, passphrase=passphrase)[-1]


def encrypt_with_passphrase(home, plain, sealed):
    """`age -p`, which asks twice on the terminal."""
    child = pexpect.spawn("age", ["-p", "-o", sealed, plain], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60)
    for prompt in ("Enter passphrase", "Confirm passphrase"):
        child.expect(prompt)
        child.sendline(PASSPHRASE)
    child.expect(pexpect.EOF)
    child.close()
    equal(child.exitstatus, 0, f"exit code of age after {child.before!r}")


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
