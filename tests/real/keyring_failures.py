"""A Secret Service that fails at each step: locked, dismissed, silent, gone, restarted, with odd items. No secret is lost."""

import contextlib
import time

from bench import FakeAws, check, contains, equal, home_of
from keyring_service import session_bus
from secret_service import SecretService
from serve import Server

#: Without a person at the terminal, the keyring has 2 s. A busy computer needs more for everything else.
SOON = 10
#: The lifetime of sessions in seconds.
LIFETIME = 6


def run():
    with FakeAws("--user", "alice", "--session-lifetime", str(LIFETIME)) as aws:
        alice = aws.users[0]
        with home_of(alice, aws.endpoint) as home, session_bus(home) as bus:
            home.env["DBUS_SESSION_BUS_ADDRESS"] = bus
            home.env["AWSMFA_PASSPHRASE_FILE"] = str(home.write("passphrase", "correct horse\n"))
            service = SecretService(bus)
            with service.running():
                imports(home, alice, "--store", "keyring").ended()
            reading(home, alice, service)
            odd_items(home, alice, service)
            restarting(home, service)
            moving(home, alice, service)
            creating(home, alice, service)


def reading(home, alice, service):
    unlock = "unlock the keyring on the desktop and try again"
    for title, failure, reason in (
        ("is locked, and its prompt is dismissed", {"is_locked": True}, "the keyring is locked"),
        ("is locked, and its prompt is not answered", {"is_locked": True, "prompts": "ignore"}, "did not respond within 2 s"),
        ("never opens a session", {"silent": {"OpenSession"}}, "did not respond within 2 s"),
        ("never finds the item", {"silent": {"SearchItems"}}, "did not respond within 2 s"),
        ("never returns the secret", {"silent": {"GetSecret"}}, "did not respond within 2 s"),
    ):
        with check(f"the keyring {title}: `code` fails soon, with a hint"):
            refused(home, service, failure, reason, unlock)
    for method in ("OpenSession", "SearchItems", "GetSecret"):
        with check(f"the keyring ends at {method}: `code` fails soon, with a hint"):
            refused(home, service, {"ends_before": {method}}, "its service ended before it replied", "start the keyring service")
    with check("the keyring locks itself between two requests: `code` says so"):
        refused(home, service, {"errors": {"GetSecret": "IsLocked"}}, "the keyring is locked", unlock)
    with check("the keyring is unlocked at its prompt: `code` prints a code"), failing(service, is_locked=True, prompts="accept"):
        home.awsmfa("code").ended()
    with check("the keyring lacks the item that the registry names: `code` says how to import it"), failing(service):
        kept = dict(service.items)
        service.items.clear()
        lacking = home.awsmfa("code").ended(5)
        contains(lacking.err, f"the secret of `{alice['serial']}` is missing from the keyring store")
        contains(lacking.err, f"awsmfa device import --serial {alice['serial']}")
        service.items.update(kept)


def odd_items(home, alice, service):
    ((path, (_, secret)),) = service.items.items()
    with check("two equal items count as one, and `device import` keeps them equal"), failing(service):
        second = service.add(alice["serial"], secret)
        home.awsmfa("code").ended()
        imports(home, alice).ended()
        equal(service.secrets(), [secret, secret], "secrets")
    with check("of two items with different secrets, none is used, replaced or deleted"), failing(service):
        other = secret.replace(b"secret=", b"secret=AAAA")
        service.items[second] = (service.items[second][0], other)
        for args in (["code"], ["store", "move", "--to", "file"], ["device", "remove", alice["serial"], "--local", "--yes"]):
            contains(home.awsmfa(*args).ended(5).err, "2 items with the same name and different secrets")
        contains(imports(home, alice, "--yes").ended(5).err, "delete the wrong one")
        equal(service.secrets(), sorted([secret, other]), "secrets")
        del service.items[second]
    with check("an item that is not text is an error, and can be imported again"), failing(service):
        service.items[path] = (service.items[path][0], b"\xff\xfe")
        contains(home.awsmfa("code").ended(5).err, "the keyring's item is not text")
        imports(home, alice, "--yes").ended()
        equal(service.secrets(), [secret], "secrets")


def restarting(home, service):
    with check("`serve` renews its session after the keyring was restarted"):
        with contextlib.ExitStack() as stack:
            with service.running():
                server = stack.enter_context(Server(home, "--profile", "dev"))
                equal(server.status(), 200, "status")
            # Once while there is no keyring, so that the connection is known to be dead.
            until(lambda: server.status() != 200)
            with service.running():
                until(lambda: server.status() == 200)
    with check("`serve` renews its session after the keyring was restarted while its prompt was not answered"):
        with contextlib.ExitStack() as stack:
            with service.running():
                server = stack.enter_context(Server(home, "--profile", "dev"))
                equal(server.status(), 200, "status")
            with failing(service, is_locked=True, prompts="ignore"):
                until(lambda: server.status() != 200)
            # Nobody will answer the prompt now.
            with failing(service):
                until(lambda: server.status() == 200)


def moving(home, alice, service):
    with failing(service):
        (secret,) = service.secrets()
        home.awsmfa("store", "move", "--to", "file").ended()
    for title, failure in (
        ("ends before it creates the item", {"ends_before": {"CreateItem"}}),
        ("ends after it has created the item", {"ends_after": {"CreateItem"}}),
        ("never says that it created the item", {"silent": {"CreateItem"}}),
        ("loses the item", {"forgets": True}),
        ("has its prompt dismissed", {"asks_to_create": True}),
    ):
        with check(f"`store move` to a keyring that {title}: the secret stays in the file store, and the next run moves it"):
            with failing(service, **failure):
                home.awsmfa("store", "move", "--to", "keyring").ended(5)
            home.awsmfa("code").ended()
            with failing(service):
                moved(home, "keyring", "--yes")
                equal(service.secrets(), [secret], "secrets")
                home.awsmfa("code").ended()
                moved(home, "file")
    for title, failure in (
        ("ends before it deletes the item", {"ends_before": {"Delete"}}),
        ("ends after it has deleted the item", {"ends_after": {"Delete"}}),
        ("never says that it deleted the item", {"silent": {"Delete"}}),
    ):
        with check(f"`store move` from a keyring that {title}: the secret is in the file store, and the next run cleans up"):
            with failing(service):
                moved(home, "keyring")
            with failing(service, **failure):
                home.awsmfa("store", "move", "--to", "file").ended(5)
            home.awsmfa("code").ended()
            with failing(service):
                home.awsmfa("store", "move", "--to", "file").ended()
                equal(service.secrets(), [], "secrets")
    with check("`store restore` to a keyring that ends halfway: the next run restores everything"):
        backup = home.file("backup.age")
        home.awsmfa("store", "backup", backup, AWSMFA_BACKUP_PASSPHRASE_FILE=home.env["AWSMFA_PASSPHRASE_FILE"]).ended()
        home.awsmfa("device", "remove", alice["serial"], "--local", "--yes").ended()
        args = ["store", "restore", backup, "--store", "keyring"]
        for code, failure in ((5, {"ends_after": {"CreateItem"}}), (0, {})):
            with failing(service, **failure):
                home.awsmfa(*args, AWSMFA_BACKUP_PASSPHRASE_FILE=home.env["AWSMFA_PASSPHRASE_FILE"]).ended(code)
        with failing(service):
            equal(service.secrets(), [secret], "secrets")
            home.awsmfa("code").ended()


def creating(home, alice, service):
    """A keyring that cannot create an item is not used, unless it was requested."""
    service.items.clear()
    for title, failure, reason in (
        ("has no default collection", {"has_default": False}, "it has no default collection"),
        ("has its prompt dismissed", {"asks_to_create": True}, "the keyring is locked"),
        ("never replies", {"silent": {"CreateItem"}}, "did not respond within 2 s"),
    ):
        with check(f"the keyring {title}: the secret goes to the file store; with `--store keyring`, that is an error"):
            for args, code in (["--store", "keyring"], 5), ([], 0):
                home.run("rm", "-rf", home.file(".local")).ended()
                service.items.clear()
                with failing(service, **failure):
                    tried = imports(home, alice, *args).ended(code)
                if code:
                    contains(tried.err, reason)
                    contains(tried.err, "hint:")
                else:
                    contains(tried.err, "in the file store")
                    home.awsmfa("code").ended()


@contextlib.contextmanager
def failing(service, **failure):
    """Serves, and fails in this way."""
    service.behave()
    vars(service).update(failure)
    with service.running():
        yield
    service.behave()


def refused(home, service, failure, reason, hint):
    with failing(service, **failure):
        tried = home.awsmfa("code").ended(5)
    contains(tried.err, reason)
    contains(tried.err, hint)
    assert tried.seconds < SOON, f"{tried.seconds:.1f} s"


def imports(home, user, *args):
    return home.awsmfa("device", "import", "--profile", "dev", "--secret-stdin", "--no-verify", *args, stdin=user["seed"])


def moved(home, store, *args):
    home.awsmfa("store", "move", "--to", store, *args).ended()


def until(done):
    for _ in range(300):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("still waiting after 30 s")
