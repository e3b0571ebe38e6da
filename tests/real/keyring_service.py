"""The real Secret Service: gnome-keyring on a new D-Bus, unlocked, locked and missing."""

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile

from bench import FakeAws, check, contains, equal, home_of

PASSWORD = "keyring password"


def run():
    with FakeAws("--user", "alice") as aws:
        alice = aws.users[0]
        with home_of(alice, aws.endpoint) as home, session_bus(home) as bus:
            home.env["DBUS_SESSION_BUS_ADDRESS"] = bus
            with gnome_keyring(home):
                with check("without AWSMFA_STORE, the secret goes to the working keyring"):
                    contains(imports(home, alice).err, "in the keyring store")
                    assert not home.file(".local/share/awsmfa/store").exists(), "a file store exists, too"
                with check("`secret-tool` prints it as an otpauth URI"):
                    found = home.run("secret-tool", "lookup", "service", "awsmfa", "username", alice["serial"]).ended()
                    equal(found.out[:15], "otpauth://totp/", "URI")
                    contains(found.out, f"secret={alice['seed'].rstrip('=')}")
                with check("the item has a label that a person recognizes"):
                    found = home.run("secret-tool", "search", "--all", "service", "awsmfa").ended()
                    contains(found.out + found.err, f"label = awsmfa: alice ({alice['serial'].split(':')[4]})")
                with check("no test item is left behind in the keyring"):
                    found = home.run("secret-tool", "search", "--all", "service", "awsmfa").ended()
                    equal((found.out + found.err).count("attribute.username"), 1, "items")
                with check("`login` generates the code with it"):
                    home.awsmfa("login", "--profile", "dev").ended()
                    equal(len(aws.requests("GetSessionToken")), 1, "requests")
                with check("`store move` takes the secret to the file store and back"):
                    home.use_file_store()
                    home.awsmfa("store", "move", "--to", "file").ended()
                    found = home.run("secret-tool", "search", "--all", "service", "awsmfa")
                    equal(found.out, "", "items")
                    home.awsmfa("code").ended()
                    home.awsmfa("store", "move", "--to", "keyring").ended()
                    for variable in ("AWSMFA_STORE", "AWSMFA_PASSPHRASE_FILE", "AWSMFA_NO_INPUT"):
                        del home.env[variable]
                    shutil.rmtree(home.file(".local/share/awsmfa/store"))
                    home.awsmfa("code").ended()
                with check("an item that `secret-tool` stored is found by `store rebuild` and read"):
                    uri = home.run("secret-tool", "lookup", "service", "awsmfa", "username", alice["serial"]).ended().out
                    home.run("secret-tool", "clear", "service", "awsmfa", "username", alice["serial"]).ended()
                    args = ["store", "--label=by hand", "service", "awsmfa", "username", alice["serial"]]
                    home.run("secret-tool", *args, stdin=uri).ended()
                    home.file(".local/share/awsmfa/devices.json").unlink()
                    contains(home.awsmfa("store", "rebuild").ended().err, "in the keyring store")
                    home.awsmfa("code").ended()
                awspass(home, alice)
                lock(home)
                with check("if the keyring is locked, `code` and `login` exit quickly with 5 and a hint"):
                    for args in (["code"], ["login", "--profile", "dev", "--force"]):
                        refused = home.awsmfa(*args).ended(5)
                        contains(refused.err, "hint:")
                        assert refused.seconds < 5, f"{refused.seconds:.1f} s"
                with check("if the keyring is locked, credential-process still prints cached credentials"):
                    home.awsmfa("credential-process", "--profile", "dev").ended()
            with check("after a restart of the keyring, the secret is there again"), gnome_keyring(home):
                home.awsmfa("code").ended()

        with home_of(alice, aws.endpoint) as home:
            passphrase = home.write("passphrase", "correct horse\n")
            home.env["AWSMFA_PASSPHRASE_FILE"] = str(passphrase)
            for name, bus in (
                ("no bus", None),
                ("a bus that does not exist", "unix:path=/nowhere/bus"),
                ("an invalid bus address", "nonsense"),
            ):
                with check(f"{name}: awsmfa quickly chooses the file store, and -v shows why"):
                    chosen = imports(home, alice, DBUS_SESSION_BUS_ADDRESS=bus)
                    contains(chosen.err, "in the file store")
                    contains(chosen.err, "using the file store")
                    assert chosen.seconds < 10, f"{chosen.seconds:.1f} s"
                shutil.rmtree(home.file(".local"))
            with check("a bus that never responds: awsmfa quickly chooses the file store"), silent_bus(home) as bus:
                chosen = imports(home, alice, DBUS_SESSION_BUS_ADDRESS=bus)
                contains(chosen.err, "in the file store")
                assert chosen.seconds < 10, f"{chosen.seconds:.1f} s"
            shutil.rmtree(home.file(".local"))
            with check("--store keyring without a keyring: exit code 5, a reason, and nothing is written"):
                refused = imports(home, alice, code=5, AWSMFA_STORE="keyring")
                contains(refused.err, "keyring")
                contains(refused.err, "hint:")
                assert not home.file(".local/share/awsmfa/devices.json").exists()


def awspass(home, user):
    """Items as keytar stores them, with libsecret's attributes `service` and `account`."""
    item = {"keyId": user["access_key_id"], "secretKey": user["secret_access_key"], "mfaDevice": user["serial"]}
    for name, content in (
        ("profile dev", json.dumps(item | {"mfaKey": user["seed"].rstrip("=")})),
        ("profile auto", json.dumps(item)),
        ("profile unknown", json.dumps(item | {"mfaKey": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"})),
    ):
        home.run("secret-tool", "store", "--label=@aws", "service", "@aws", "account", name, stdin=content).ended()
    with check("`device import --awspass` imports the secret and the device of the profile that awspass has both for"):
        home.awsmfa("device", "remove", user["serial"], "--local", "--yes").ended()
        done = home.awsmfa("device", "import", "--awspass", "--no-verify", AWSMFA_NO_INPUT="1").ended()
        equal(done.err.splitlines()[0], f"awsmfa: stored the secret of `{user['serial']}` in the keyring store", "message")
        uri = home.run("secret-tool", "lookup", "service", "awsmfa", "username", user["serial"]).ended().out
        contains(uri, f"secret={user['seed'].rstrip('=')}")
    with check("awspass's items stay, and are not awsmfa's"):
        kept = home.run("secret-tool", "lookup", "service", "@aws", "account", "profile dev").ended().out
        contains(kept, "mfaKey")
        equal(len(home.awsmfa("store", "status", "--json").json()["secrets"]), 1, "secrets")
    with check("a profile for which awspass has no secret is an error"):
        refused = home.awsmfa("device", "import", "--awspass", "--profile", "auto").ended(3)
        contains(refused.err, "awspass has no MFA secrets")


def imports(home, user, code=0, **variables):
    args = ["-v", "device", "import", "--profile", "dev", "--secret-stdin", "--no-verify"]
    return home.awsmfa(*args, stdin=user["seed"], **variables).ended(code)


@contextlib.contextmanager
def session_bus(home):
    """Starts a bus that has only the services that are started here. Yields its address."""
    runtime = tempfile.mkdtemp(prefix="awsmfa-run-")
    home.env["XDG_RUNTIME_DIR"] = runtime
    # Without service activation: otherwise a keyring that was stopped would start again.
    config = home.write(
        "bus.conf",
        f"""<busconfig><type>session</type><listen>unix:tmpdir={runtime}</listen><auth>EXTERNAL</auth>
        <policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy>
        </busconfig>""",
    )
    args = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"]
    bus = subprocess.Popen(args, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield bus.stdout.readline().strip()
    finally:
        end(bus)
        bus.stdout.close()
        shutil.rmtree(runtime, ignore_errors=True)


@contextlib.contextmanager
def gnome_keyring(home):
    """Runs the keyring daemon with an unlocked login collection."""
    # A copy has no file capabilities, which a container may deny.
    daemon = home.file("gnome-keyring-daemon")
    shutil.copyfile(shutil.which("gnome-keyring-daemon"), daemon)
    daemon.chmod(0o700)
    keyring = subprocess.Popen(
        [daemon, "--unlock", "--foreground", "--components=secrets"],
        env=home.env, cwd=home.path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        keyring.stdin.write(PASSWORD.encode())
        keyring.stdin.close()
        wait_until_it_serves(home)
        yield
    finally:
        end(keyring)


@contextlib.contextmanager
def silent_bus(home):
    """The address of a bus that accepts connections and never responds."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home.file("mute")))
        listener.listen()
        yield f"unix:path={home.file('mute')}"


def lock(home):
    """Locks the login collection. (`secret-tool lock` crashes on Debian 12.)"""
    path = "/org/freedesktop/secrets"
    home.run(
        "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", path,
        "org.freedesktop.Secret.Service.Lock", f"array:objpath:{path}/collection/login",
    ).ended()  # fmt: skip


def wait_until_it_serves(home):
    script = "for i in $(seq 100); do secret-tool search service nothing 2>/dev/null && exit; sleep 0.1; done; exit 1"
    home.run("sh", "-c", script).ended()


def end(process):
    process.terminate()
    process.wait(timeout=10)
