"""A person at a terminal: prompts are on the terminal device, answers are hidden, and Ctrl-C restores the terminal."""

import json

import pexpect

from bench import AWSMFA, PASSPHRASE, FakeAws, check, contains, equal, home_of, profile

IMPORT = f"{AWSMFA} device import --profile dev --no-verify"
SECRET_KEY, NEW = "awsmfa: secret key of", "awsmfa: new passphrase for the file store"
AGAIN, OLD = "awsmfa: repeat the passphrase", "awsmfa: passphrase for the file store"


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        alice = aws.users[0]
        # The passphrase is not kept in the kernel, so that each run prompts.
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_UNLOCK_FOR": "0"}

        with check("without a terminal, a prompt is an error that names the flag"):
            contains(home.awsmfa("device", "import", "--profile", "dev").ended(2).err, "--secret-stdin")
            contains(home.awsmfa("login", "--profile", "dev").ended(3).err, "awsmfa device import")
        with check("with AWSMFA_NO_INPUT, a prompt is an error on a terminal, too"):
            child = Dialogue(home, f"AWSMFA_NO_INPUT=1 {IMPORT}").ended(2)
            contains(child.text, "--secret-stdin")
            contains(child.text, "AWSMFA_NO_INPUT")
        with check("Ctrl-C at the prompt for the secret exits with 130 and restores the terminal"):
            Dialogue(home, IMPORT).asked(SECRET_KEY).interrupt().ended(130).echoes()
        with check("Ctrl-C at the prompt for the passphrase exits with 130 and leaves no files"):
            child = Dialogue(home, IMPORT).asked(SECRET_KEY).type(alice["seed"]).asked(NEW).interrupt()
            child.ended(130).echoes()
            left = [str(path) for path in home.file(".local/share").rglob("*") if path.is_file()]
            equal(left, [], "files")
        with check("with stdin and stdout in pipes, the prompts for secret and new passphrase are on the terminal"):
            child = Dialogue(home, f"echo no | {IMPORT} 2>&1 | cat")
            child.asked(SECRET_KEY).type(alice["seed"])
            child.asked("the file store keeps secrets in", hidden=False)
            child.asked(NEW).type("short").asked("too short, try again").type("one thing").asked(AGAIN).type("another")
            child.asked("they do not match, try again").type(PASSPHRASE).asked(AGAIN).type(PASSPHRASE)
            child.asked("every AWS tool? [Y/n]", hidden=False).type("n")
            contains(child.ended().text, "stored the secret")
        with check("nothing that was typed is visible"):
            for secret in (alice["seed"], "one thing", "another", PASSPHRASE):
                assert secret not in child.text, child.text
            child.echoes()
        with check("a wrong passphrase is asked for again, even if stdout is a pipe"):
            child = Dialogue(home, f"{AWSMFA} code --json </dev/null | cat")
            child.asked(OLD).type("wrong").asked("try again").type(PASSPHRASE)
            code = json.loads(child.ended().last_line())
            equal(code["serial"], alice["serial"], "serial")
        with check("credential-process prompts on the terminal, too, and prints only JSON on stdout"):
            child = Dialogue(home, f"{AWSMFA} credential-process --profile dev </dev/null >out")
            child.asked(OLD).type(PASSPHRASE).ended()
            equal(json.loads(home.file("out").read_text())["Version"], 1, "Version")
        with check("without a terminal, a locked store is exit code 5, with the variable to set"):
            contains(home.awsmfa("code").ended(5).err, "AWSMFA_PASSPHRASE_FILE")
        with check("if the kernel keeps no keys, as in many containers, one hint names the variable"):
            denied = "strace -f -qq -o /dev/null -e trace=add_key,keyctl -e inject=add_key,keyctl:error=EPERM"
            child = Dialogue(home, f"AWSMFA_UNLOCK_FOR=8h {denied} {AWSMFA} code")
            child.asked(OLD).type(PASSPHRASE).ended()
            equal(child.text.count("AWSMFA_PASSPHRASE_FILE"), 1, "hints")
            contains(child.text, "this system cannot keep the store unlocked")
        with check("replacing a stored secret prompts, and `n` changes nothing"):
            before = {path: path.read_bytes() for path in home.file(".local/share").rglob("*") if path.is_file()}
            child = Dialogue(home, IMPORT).asked(SECRET_KEY).type("A" * 64).asked(OLD).type(PASSPHRASE)
            child.asked("[y/N]", hidden=False).type("n").ended(1)
            contains(child.text, "nothing was changed")
            equal({path: path.read_bytes() for path in before}, before, "files")
        with check("without a terminal, replacing a stored secret is an error that names --yes"):
            passphrase = home.write("passphrase", PASSPHRASE)
            args = ["device", "import", "--profile", "dev", "--secret-stdin"]
            refused = home.awsmfa(*args, stdin="A" * 64, AWSMFA_PASSPHRASE_FILE=passphrase).ended(2)
            contains(refused.err, "--yes")

    with FakeAws("--user", "bob") as aws, home_of(aws.users[0], aws.endpoint) as home:
        with check("without a stored secret, `login` prompts for the code, twice if it is malformed"):
            code = home.run("oathtool", "--totp", "-b", aws.users[0]["seed"]).ended().out.strip()
            child = Dialogue(home, f"{AWSMFA} login --profile dev").asked("code for").type("12345")
            child.asked("code for").type(code).ended()
            equal(aws.codes(), [code], "codes sent")
        with check("an `mfa_process` can prompt on the terminal"):
            ask = "bash -c 'read -rsp \"code, please: \" code </dev/tty; echo $code'"
            config = home.file(".aws/config").read_text()
            home.write(".aws/config", config.replace("[profile dev]", f"[profile dev]\nmfa_process = {ask}"))
            child = Dialogue(home, f"{AWSMFA} login --profile dev --force").asked("code, please:").type("123456")
            # The code may be mistyped or used elsewhere, so the program runs once more, for the code of the next step.
            child.sees("it is wrong, or another computer used it").asked("code, please:").type("654321")
            contains(child.ended(4).text, "AWS rejected the code")
            equal(aws.codes(), [code, "123456", "654321"], "codes sent")

    with FakeAws("--user", "carol", "--no-device", "--lag", "600") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_UNLOCK_FOR": "0"}
        home.write(".aws/config", profile("dev", aws.endpoint))
        enroll = f"{AWSMFA} enroll --profile dev --no-qr"

        with check("Ctrl-C while an enrollment waits exits with 130 and shows how to resume"):
            child = Dialogue(home, enroll).asked(NEW).type(PASSPHRASE).asked(AGAIN).type(PASSPHRASE)
            child.sees("waiting").interrupt().ended(130).echoes()
            contains(child.text, "hint: resume with `awsmfa enroll")
        with check("a prompt replaces the progress line"):
            contains(child.text, "store \u2026\r\x1b[Kawsmfa: the file store keeps")
        with check("Ctrl-C at a prompt of a resumed enrollment exits with 130, with one message"):
            child = Dialogue(home, enroll).asked(OLD).interrupt().ended(130).echoes()
            equal(child.text.count("interrupted"), 1, f"messages in {child.text!r}")


class Dialogue:
    """A command line on a new terminal."""

    def __init__(self, home, line):
        # Ctrl-C reaches the shell, too, which must survive to print the exit code.
        script = f"trap : INT; set -o pipefail; {line}; echo exit=$?; stty -a"
        self.child = pexpect.spawn(
            "bash", ["--norc", "-c", script], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60
        )
        self.text = ""

    def asked(self, question, hidden=True):
        """Waits for the prompt, and until echo is off."""
        self.child.expect_exact(question)
        self.text += self.child.before + question
        assert not hidden or self.child.waitnoecho(timeout=10), f"typing is echoed at {question!r}"
        return self

    def sees(self, words):
        """Waits for this text."""
        return self.asked(words, hidden=False)

    def type(self, text):
        self.child.sendline(text)
        return self

    def interrupt(self):
        self.child.send("\x03")
        return self

    def ended(self, code=0):
        """Fails unless this is the exit code."""
        self.child.expect(r"exit=(\d+)")
        self.text += self.child.before
        equal(int(self.child.match[1]), code, f"exit code after {self.text!r}")
        self.child.expect(pexpect.EOF)
        self.settings = self.child.before.split()
        self.child.close()
        return self

    def echoes(self):
        """Fails unless the terminal was restored."""
        for setting in ("echo", "icanon", "isig"):
            assert setting in self.settings, f"{setting} is off: {self.settings}"
        return self

    def last_line(self):
        return self.text.strip().splitlines()[-1]
