"""Codes from other programs: `mfa_process` with the real oathtool and pass."""

import shutil

from bench import FakeAws, check, contains, equal, home_of

USERS = ["--user", "alice", "--user", "bob"]


def run():
    with FakeAws(*USERS) as aws:
        alice, bob = aws.users
        with home_of(alice, aws.endpoint) as home:
            seed = home.write("secret", alice["seed"] + "\n")
            with check("oathtool: a session with a code from a secret in a file"):
                logged_in(home, aws, f"oathtool --totp --base32 @{seed}")
            with check("oathtool: a secret from a substitution is an error that says what to do"):
                use(home, f"oathtool --totp --base32 $(cat {seed})")
                refused = home.awsmfa("login", "--profile", "dev", "--force").ended(3)
                contains(refused.err, "put the command line in a script")
                assert refused.seconds < 5, f"it waited for a code ({refused.seconds} s)"
        with home_of(bob, aws.endpoint) as home, gpg_key(home):
            uri = f"otpauth://totp/aws?secret={bob['seed'].rstrip('=')}&issuer=AWS\n"
            home.run("pass", "init", "bob").ended()
            home.run("pass", "otp", "insert", "aws/bob", stdin=uri + uri).ended()
            with check("pass: a session with a code from pass-otp"):
                logged_in(home, aws, "pass otp aws/bob")
            with check("pass: doctor finds nothing wrong with the program"):
                doctor = home.awsmfa("doctor", "--profile", "dev")
                contains(doctor.out + doctor.err, "come from `mfa_process`")
                assert "error:" not in doctor.out + doctor.err, doctor.err


def use(home, program):
    """Sets `mfa_process` of `dev`."""
    config = home.file(".aws/config")
    lines = [line for line in config.read_text().splitlines() if not line.startswith("mfa_process")]
    config.write_text("\n".join([lines[0], f"mfa_process = {program}", *lines[1:]]) + "\n")


def logged_in(home, aws, program):
    use(home, program)
    before = len(aws.codes())
    home.awsmfa("login", "--profile", "dev", "--force").ended()
    equal(len(aws.codes()) - before, 1, "codes that were sent")


class gpg_key:  # noqa: N801 - used like a function
    """A key without a passphrase for `bob`. Its agent ends with it."""

    def __init__(self, home):
        self.home = home

    def __enter__(self):
        # The path of the agent's socket must be short.
        self.home.write(".gnupg/gpg-agent.conf", "", mode=0o600).parent.chmod(0o700)
        self.home.run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "bob", "default", "default", "never").ended()

    def __exit__(self, *_):
        self.home.run(shutil.which("gpgconf"), "--kill", "all")
