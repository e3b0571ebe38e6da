"""Credentials files as people write them: botocore reads the same after `login` and `logout` as before."""

from botocore.configloader import raw_config_parse

from bench import FakeAws, Home, check, equal, import_secret, long_term, profile

#: Name → file, where KEYS stands for the two lines of the user's access key.
FILES = {
    "comments and blank lines": "# mine\n\n[dev]\n# the keys\nKEYS\n; old\n\n\n[other]\naws_access_key_id = AKIAX\n",
    "no last newline": "[other]\na = 1\n\n[dev]\nKEYS",
    "CRLF": "[other]\r\na = 1\r\n\r\n[dev]\r\nKEYS\r\n# end\r\n",
    "odd spacing": "[dev]\n\nKEYS\nregion=  eu-west-1  \n[other]\na=1\nb =2\n",
    "nested blocks": "[dev]\nKEYS\ns3 =\n  max_concurrent_requests = 20\n  addressing_style = path\n[z]\ns3 =\n\tx = 1\n",
    "the profile last, others' sessions before": "[a]\naws_access_key_id = ASIA1\naws_session_token = t//==\n[dev]\nKEYS\n",
    "long-term keys moved before": "[dev-long-term]\nKEYS\n[other]\na = 1\n",
    "words in other scripts": "# für Müller, 日本\n[dev]\nKEYS\n[größe]\nname = ü # kept\n",
    "a percent sign and an equals sign in values": "[other]\naws_secret_access_key = a%b=c/+==\n[dev]\nKEYS\n",
}
USERS = [f"user{i}" for i in range(len(FILES))]


def run():
    with FakeAws(*[f"--user={user}" for user in USERS]) as aws, Home() as home:
        home.use_file_store()
        for (name, text), user in zip(FILES.items(), aws.users):
            lines = long_term("", user).splitlines()[1:]
            newline = "\r\n" if "\r\n" in text else "\n"
            before = text.replace("KEYS", newline.join(lines)).encode()
            path = home.write("files/credentials", before)
            home.env["AWS_SHARED_CREDENTIALS_FILE"] = str(path)
            home.write(".aws/config", profile("dev", aws.endpoint, mfa_serial=user["serial"]))
            parsed = raw_config_parse(str(path))
            with check(f"{name}: `login` writes a session"):
                import_secret(home, user)
                home.awsmfa("login", "--profile", "dev").ended()
                during = raw_config_parse(str(path))
                equal(during["dev"]["aws_access_key_id"][:4], "ASIA", "key")
                equal(others(during), others(parsed), "other sections")
            with check(f"{name}: after `logout`, everything is as before"):
                home.awsmfa("logout", "--profile", "dev", *restore(parsed)).ended()
                equal(raw_config_parse(str(path)), parsed, "as botocore reads it")
                equal(path.read_bytes(), before, "bytes")


def restore(parsed):
    """The sections, with the long-term keys back in `[dev]`."""
    return ["--restore"] if "dev" in parsed else []


def others(parsed):
    return {name: keys for name, keys in parsed.items() if name not in ("dev", "dev-long-term")}
