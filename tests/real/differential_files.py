"""Odd AWS files for the differential suite, as people, editors and tools write them, with one or a few oddities each."""

BLANKS = ["\u00a0", "\u2003", "\u3000", "\u0085", "\ufeff", "\v", "\f", "\x1c"]
NAMES = ["dev", "default", "prod", "dev-long-term", "base", "team/ops.1@x", "a b", "größe"]
ARN = "arn:aws:iam::123456789012"
VALUES = {
    "region": ["eu-west-1", "us-east-1", "ap-south-2"],
    "output": ["json", "text"],
    "mfa_serial": [f"{ARN}:mfa/alice", f"{ARN}:mfa/path/bob"],
    "role_arn": [f"{ARN}:role/admin", f"{ARN}:role/x/y"],
    "source_profile": ["dev", "base", "default", "nowhere"],
    "external_id": ["42", "a=b", "x:y"],
    "duration_seconds": ["3600", "43200"],
    "endpoint_url": ["http://127.0.0.1:4566", "https://a.example/b?c=d#e"],
    "credential_process": ["awsmfa credential-process --profile dev", '"/opt/my tool" --x "a b"', "cat 'a;b' # c"],
    "aws_access_key_id": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "aws_secret_access_key": ["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a;b#c/d+e=f=="],
    "aws_session_token": ["IQoJb3JpZ2luX2VjE//////////wEaCXVz==", "t" * 300],
}
CONFIG_KEYS = [key for key in VALUES if not key.startswith("aws_")]
SECRET_KEYS = [key for key in VALUES if key.startswith("aws_")]


class Writer:
    """Writes one file. `odd` is the probability that a choice is odd."""

    def __init__(self, random, kind, odd):
        self.random, self.kind, self.odd = random, kind, odd
        self.newline = self.often("\n", "\r\n")

    def chance(self, factor=1.0):
        return self.random.random() < self.odd * factor

    def often(self, usual, *others):
        return self.random.choice(others) if self.chance() else usual

    def file(self):
        random = self.random
        text = "".join(self.trivia() for _ in range(random.randrange(3)))
        names = random.sample(NAMES, random.randrange(1, 5))
        if self.chance(0.15):
            names.append(random.choice(names))
        if self.kind == "config" and self.chance(0.3):
            names = [name for name in names if name != "default"] + ["default", "profile default"]
            random.shuffle(names)
        if self.chance(0.1):
            text += random.choice(["stray = 1\n", "word\n", "  region = x\n"])
        for name in names:
            text += self.section(name)
        return self.bytes(text)

    def bytes(self, text):
        if self.chance(0.5):
            text = text.rstrip("\n")
        if self.newline != "\n":
            # Several editors may leave mixed line endings.
            text = "".join(line + self.often(self.newline, "\n") for line in text.split("\n"))
        if self.chance(0.05):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + "\r" + text[at:]
        data = text.encode()
        if self.chance(0.03):
            at = self.random.randrange(len(data) + 1)
            data = data[:at] + self.random.choice([b"\xff", b"\xfc", b"\0", b"\xc3"]) + data[at:]
        if self.chance(0.05):
            data = b"\xef\xbb\xbf" + data
        if self.chance(0.02):
            data = text.encode(self.random.choice(["utf-16", "utf-16-le", "utf-16-be"]))
        return data

    def section(self, name):
        random = self.random
        indent = self.often("", "  ", "    ", "\t", random.choice(BLANKS))
        head = self.often("", indent) + self.header(name)
        lines = [head + self.often("", " # note", "\t; note", "# note", " ", " and more", " # see [1]", "]", " ]")]
        mixed = CONFIG_KEYS + (SECRET_KEYS if self.chance() else [])
        keys = mixed if self.kind == "config" else SECRET_KEYS[: random.choice([2, 2, 3])] + (mixed if self.chance() else [])
        keys = random.sample(keys, random.randrange(min(6, len(keys)) + 1)) if self.kind == "config" or self.chance() else keys
        if keys and self.chance(0.15):
            keys.append(random.choice(keys))
        for key in keys:
            own = self.often(indent, "", " ", "   ", "\t", "      ")
            lines.append(own + self.setting(key))
            lines += self.below(own)
            if self.chance():
                lines.append(self.odd_line())
        return "".join(line + "\n" for line in lines) + "".join(self.trivia() for _ in range(random.randrange(2)))

    def header(self, name):
        if name == "profile default":
            return "[profile default]"
        prefix = "" if self.kind == "credentials" or name == "default" else "profile "
        quote = random_quote(self.random) if self.chance() or (" " in name and self.kind == "config") else ""
        if self.chance(0.2):
            prefix = self.random.choice(["", "profile ", "profile\t", "profile  ", "sso-session ", "services ", "Profile ", "profile"])
        named = f"{prefix}{quote}{name}{quote}"
        return self.often(f"[{named}]", f"[ {named}]", f"[{named} ]", f"[{named}", f"[{named}#x]", f"[{named} # x]", f"[{named};x]", f"[{named}\u00a0]")

    def setting(self, key):
        value = self.random.choice(VALUES[key])
        key = self.often(key, key.upper(), key.title(), f"{key} x", f"{key}.x")
        equals = self.often(" = ", "=", "\t=  ", "= ", ": ", " : ", f"{self.random.choice(BLANKS)}={self.random.choice(BLANKS)}", " ", " == ")
        value = self.often(
            value, "", f'"{value}"', f"'{value}'", f"{value} # note", f"{value}\t; note", f"{value}# note", f"# {value}",
            f"{value}  ", f"{value}{self.random.choice(BLANKS)}", f"[{value}]", f"{value}\\", value * 40, f"ü{value}",
            f"{value}\u00a0# note", f"{value}=x", f"{value} = x",
        )  # fmt: skip
        line = f"{key}{equals}{value}"
        return self.often(line, f"= {value}", key, line) if self.chance(0.2) else line

    def below(self, own):
        """Lines below a setting: a continued value, nested settings or comments."""
        if not self.chance(0.6):
            return []
        deeper = own + self.random.choice(["  ", "\t", " ", "    "])
        block = [
            [f"{deeper}addressing_style = path", f"{deeper}region = nested"],
            [f"{deeper}-continued"],
            [f"{deeper}# comment", f"{deeper}more"],
            ["", f"{deeper}x = 1", "# between", f"{deeper}y = 2"],
            [f"{deeper}[profile dev]", f"{deeper}region = x"],
            [f"{deeper}= x"],
            [f"{deeper}a: b=c"],
        ]
        lines = self.random.choice(block)
        return [f"{own}{self.random.choice(['s3', 'sts', 'services'])} =", *lines] if self.chance(2) else lines

    def odd_line(self):
        return self.random.choice(
            ["# region = comment", "  ; region = comment", ";", "#[profile dev]", "\t", "\u00a0", "", "word", "a # = b", "[odd = x", "[]", "= "]
        )  # fmt: skip

    def trivia(self):
        return self.random.choice(["\n", "\n", "# comment\n", "; [profile dev]\n", "\t \n", "\u00a0\n" if self.chance() else "\n"])


def random_quote(random):
    return random.choice(["'", '"', '"', "'", "`"])


def pair(random):
    """A config and a credentials file, as bytes."""
    odd = random.choice([0.02, 0.05, 0.1, 0.25])
    return tuple(Writer(random, kind, odd).file() for kind in ("config", "credentials"))
