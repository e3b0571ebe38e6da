"""File stores whose key a real age plugin has: `age-plugin-xwing` and `age` open what awsmfa encrypts, and the other way around."""

from bench import PASSPHRASE, XWING, FakeAws, check, contains, equal, home_of, import_secret
from keyring_service import session_bus
from secret_service import SecretService


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        alice = aws.users[0]
        home.file("bin").mkdir()
        home.file("bin/age-plugin-xwing").symlink_to(XWING)
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_NO_INPUT": "1", "PATH": f"{home.file('bin')}:{home.env['PATH']}"}
        identity = home.write("identity.txt", home.run(XWING).ended().out)
        store = home.file(".local/share/awsmfa/store")
        with check("`store init --identity` takes what the plugin prints"):
            contains(home.awsmfa("store", "init", "--identity", identity).ended().err, "`age-plugin-xwing` opens it")
            equal((store / "identity.txt").read_text(), identity.read_text(), "identity")
            assert (store / "recipient").read_text().strip() in identity.read_text()
            equal({oct(path.stat().st_mode & 0o777) for path in store.iterdir()}, {"0o600"}, "modes")
        with check("`device import` and `login` use the store without a prompt"):
            import_secret(home, alice)
            home.awsmfa("login", "-p", "dev").ended()
            (entry,) = store.glob("*.age")
        with check("`age` opens the entry with the same plugin"):
            uri = home.run("age", "-d", "-i", identity, entry).ended().out
            contains(uri, f"secret={alice['seed'].rstrip('=')}")
        with check("awsmfa reads an entry that `age` wrote with the plugin"):
            home.run("age", "-r", (store / "recipient").read_text().strip(), "-o", entry, home.write("uri", uri)).ended()
            entry.chmod(0o600)
            home.awsmfa("login", "-p", "dev", "--force").ended()
        passphrase = home.write("passphrase", PASSPHRASE + "\n")
        with check("`store backup` reads the secrets through the plugin, and `store restore` writes them through it"):
            backed_up = {"AWSMFA_BACKUP_PASSPHRASE_FILE": passphrase}
            home.awsmfa("store", "backup", "backup.age", **backed_up).ended()
            home.awsmfa("device", "remove", "alice", "--local", "--yes").ended()
            equal(list(store.glob("*.age")), [], "entries")
            home.awsmfa("store", "restore", "backup.age", **backed_up).ended()
            equal(home.run("age", "-d", "-i", identity, entry).ended().out, uri, "URI")
        with check("an identity of the same plugin that is not the store's opens nothing, and the entry stays"):
            before = entry.read_bytes()
            other = home.run(XWING).ended().out
            kept = (store / "identity.txt").read_text()
            home.write(store / "identity.txt", other)
            contains(home.awsmfa("code").ended(5).err, "hint: ")
            home.write(store / "identity.txt", kept)
            equal(entry.read_bytes(), before, "entry")
        with check("without the plugin, each command says which program is missing, and nothing changes"):
            home.file("bin/age-plugin-xwing").unlink()
            for args in (["code"], ["login", "-p", "dev", "--force"], ["store", "backup", "other.age"]):
                contains(home.awsmfa(*args, AWSMFA_BACKUP_PASSPHRASE_FILE=passphrase).ended(5).err, "hint: install `age-plugin-xwing`")
            home.file("bin/age-plugin-xwing").symlink_to(XWING)
            home.awsmfa("code").ended()
        move(home, store)


def move(home, store):
    """To a keyring and back."""
    with session_bus(home) as bus:
        home.env["DBUS_SESSION_BUS_ADDRESS"] = bus
        service = SecretService(bus)
        with check("`store move` takes the secret out of the plugin's store and back into it"), service.running():
            home.awsmfa("store", "move", "--to", "keyring").ended()
            equal([len(service.items), list(store.glob("*.age"))], [1, []], "items and entries")
            home.awsmfa("store", "move", "--to", "file").ended()
            equal([len(service.items), len(list(store.glob("*.age")))], [0, 1], "items and entries")
            home.awsmfa("login", "-p", "dev", "--force").ended()
