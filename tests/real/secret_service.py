"""A Secret Service that fails on command: its prompts, its silences and its deaths are scripted. Its items are in memory."""

import contextlib
import hashlib
import hmac
import os
import threading

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

ROOT = "/org/freedesktop/secrets"
COLLECTION = ROOT + "/collection/login"
PREFIX = "org.freedesktop.Secret."
# The group of RFC 2409 §6.2, which the specification requires.
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6D"
    "F25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381"
    "FFFFFFFFFFFFFFFF",
    16,
)


class NoSession(Exception):
    """The client uses a session that it did not open."""


class SecretService:
    """The items, and what goes wrong. Set the attributes, then run awsmfa."""

    def __init__(self, bus):
        self.bus, self.items, self.count = bus, {}, 0
        self.behave()

    def behave(self):
        """Nothing goes wrong from now on."""
        #: Methods that get no reply.
        self.silent = set()
        #: Methods at which the service ends: before or after it has done what was asked.
        self.ends_before, self.ends_after = set(), set()
        #: Errors of the specification that methods return.
        self.errors = {}
        self.is_locked, self.has_default = False, True
        #: What becomes of a prompt: "dismiss", "accept" or "ignore".
        self.prompts = "dismiss"
        #: Whether creating an item needs a prompt, and whether what is saved is lost.
        self.asks_to_create, self.forgets = False, False

    def add(self, name, secret):
        """Adds an item of awsmfa, also if one exists."""
        self.count += 1
        path = f"{COLLECTION}/{self.count}"
        self.items[path] = ({"service": "awsmfa", "username": name}, secret)
        return path

    def secrets(self):
        return sorted(secret for _, secret in self.items.values())

    @contextlib.contextmanager
    def running(self):
        """Serves until the block ends, or until the script says so. Knows no session of an earlier run."""
        self.session, self.count = f"{ROOT}/session/{self.count}", self.count + 1
        self.key = None
        connection = open_dbus_connection(self.bus)
        connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.secrets"))
        thread = threading.Thread(target=self.serve, args=[connection])
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(2)
            thread.join()
            connection.close()

    def serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError):
            while True:
                message = connection.receive()
                if message.header.message_type != MessageType.method_call:
                    continue
                fields = message.header.fields
                method = fields[HeaderFields.member]
                if method in self.ends_before:
                    break
                reply, *signals = self.reply(message, fields[HeaderFields.path], method)
                if method in self.ends_after:
                    break
                if method not in self.silent:
                    connection.send(reply)
                    for signal in signals:
                        connection.send(signal)
            connection.sock.shutdown(2)

    def reply(self, message, path, method):
        act = getattr(self, f"on_{method}", None)
        if method in self.errors:
            return [new_error(message, f"{PREFIX}Error.{self.errors[method]}", "s", ("scripted",))]
        if act is None:
            return [new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (f"no method {method}",))]
        try:
            signature, body, *signals = act(path, *message.body)
        except KeyError:
            return [new_error(message, PREFIX + "Error.NoSuchObject", "s", (f"no such item: {path}",))]
        except NoSession:
            return [new_error(message, PREFIX + "Error.NoSession", "s", ("no such session",))]
        return [new_method_return(message, signature, body), *signals]

    # org.freedesktop.Secret.Service

    def on_OpenSession(self, _, __, theirs):
        private = int.from_bytes(os.urandom(128), "big")
        shared = pow(int.from_bytes(theirs[1], "big"), private, PRIME).to_bytes(128, "big")
        extracted = hmac.digest(bytes(32), shared, hashlib.sha256)
        self.key = hmac.digest(extracted, b"\x01", hashlib.sha256)[:16]
        ours = pow(2, private, PRIME).to_bytes(128, "big")
        return "vo", (("ay", ours), self.session)

    def on_SearchItems(self, _, wanted):
        found = [path for path, (attributes, _) in self.items.items() if wanted.items() <= attributes.items()]
        return "aoao", ([], found) if self.is_locked else (found, [])

    def on_Unlock(self, _, objects):
        return "aoo", ([], ROOT + "/prompt/unlock") if self.is_locked else (objects, "/")

    def on_ReadAlias(self, _, __):
        return "o", (COLLECTION if self.has_default else "/",)

    # org.freedesktop.Secret.Prompt

    def on_Prompt(self, path, _):
        if self.prompts == "ignore":
            return None, ()
        accepted = self.prompts == "accept"
        if accepted and path.endswith("unlock"):
            self.is_locked = False
        completed = DBusAddress(path, interface=PREFIX + "Prompt")
        return None, (), new_signal(completed, "Completed", "bv", (not accepted, ("o", COLLECTION)))

    # org.freedesktop.Secret.Collection

    def on_CreateItem(self, _, properties, secret, __):
        if self.asks_to_create:
            return "oo", ("/", ROOT + "/prompt/create")
        attributes = properties[PREFIX + "Item.Attributes"][1]
        path = self.add(attributes["username"], self.opened(secret))
        if self.forgets:
            self.items[path] = (attributes, b"")
        return "oo", (path, "/")

    # org.freedesktop.Secret.Item

    def on_GetSecret(self, path, session):
        self.check(session)
        initial, secret = os.urandom(16), self.items[path][1]
        padding = 16 - len(secret) % 16
        encryptor = self.cipher(initial).encryptor()
        return "(oayays)", ((session, initial, encryptor.update(secret + bytes([padding]) * padding), "text/plain"),)

    def on_SetSecret(self, path, secret):
        self.items[path] = (self.items[path][0], self.opened(secret))
        return None, ()

    def on_Delete(self, path):
        del self.items[path]
        return "o", ("/",)

    # org.freedesktop.DBus.Properties

    def on_Get(self, path, _, name):
        values = {
            "Locked": ("b", self.is_locked),
            "Label": ("s", "login"),
            "Collections": ("ao", [COLLECTION]),
            "Attributes": ("a{ss}", self.items[path][0] if name == "Attributes" else {}),
        }
        return "v", (values[name],)

    def opened(self, secret):
        session, initial, sealed, _ = secret
        self.check(session)
        decryptor = self.cipher(initial).decryptor()
        plain = decryptor.update(bytes(sealed))
        return plain[: -plain[-1]]

    def check(self, session):
        if self.key is None or session != self.session:
            raise NoSession

    def cipher(self, initial):
        return Cipher(algorithms.AES(self.key), modes.CBC(bytes(initial)))
