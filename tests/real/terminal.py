"""A person at a terminal: questions come on the terminal device, answers stay unseen, and Ctrl-C leaves it as it was."""

import json

import pexpect

from bench import AWSMFA, PASSPHRASE, FakeAws, check, contains, equal, home_of, profile

IMPORT = f"{AWSMFA} device import --profile dev --no-verify"
SECRET_KEY, NEW = "awsmfa: secret key of", "awsmfa: new passphrase for the file store"
AGAIN, OLD = "awsmfa: repeat the passphrase", "awsmfa: passphrase for the file store"


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        alice = aws.users[0]
        # Not kept in the kernel: each run asks.
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_UNLOCK_FOR": "0"}

        with check("without a terminal, what would be asked is an error that names the flag"):
            contains(home.awsmfa("device", "import", "--profile", "dev").ended(2).err, "--secret-stdin")
            contains(home.awsmfa("login", "--profile", "dev").ended(3).err, "awsmfa device import")
        with check("with AWSMFA_NO_INPUT it is the same on a terminal"):
            child = Dialogue(home, f"AWSMFA_NO_INPUT=1 {IMPORT}").ended(2)
            contains(child.text, "--secret-stdin")
            contains(child.text, "AWSMFA_NO_INPUT")
        with check("Ctrl-C at the question for the secret ends with 130, and the terminal echoes again"):
            Dialogue(home, IMPORT).asked(SECRET_KEY).interrupt().ended(130).echoes()
        with check("and so at the question for the passphrase, of which nothing is left"):
            child = Dialogue(home, IMPORT).asked(SECRET_KEY).type(alice["seed"]).asked(NEW).interrupt()
            child.ended(130).echoes()
            left = [str(path) for path in home.file(".local/share").rglob("*") if path.is_file()]
            equal(left, [], "files")
        with check("with stdin and stdout in pipes, the secret and a new passphrase, twice, are asked for on the terminal"):
            child = Dialogue(home, f"echo no | {IMPORT} 2>&1 | cat")
            child.asked(SECRET_KEY).type(alice["seed"])
            child.asked("the file store keeps secrets in", hidden=False)
            child.asked(NEW).type("short").asked("too short, try again").type("one thing").asked(AGAIN).type("another")
            child.asked("they do not match, try again").type(PASSPHRASE).asked(AGAIN).type(PASSPHRASE)
            contains(child.ended().text, "stored the secret")
        with check("nothing of what was typed was shown"):
            for secret in (alice["seed"], "one thing", "another", PASSPHRASE):
                assert secret not in child.text, child.text
            child.echoes()
        with check("a wrong passphrase is asked for again, in a command that prints into a pipe"):
            child = Dialogue(home, f"{AWSMFA} code --json </dev/null | cat")
            child.asked(OLD).type("wrong").asked("try again").type(PASSPHRASE)
            code = json.loads(child.ended().last_line())
            equal(code["serial"], alice["serial"], "serial")
        with check("an SDK's credential_process asks on the terminal, too, and prints JSON and nothing else"):
            child = Dialogue(home, f"{AWSMFA} credential-process --profile dev </dev/null >out")
            child.asked(OLD).type(PASSPHRASE).ended()
            equal(json.loads(home.file("out").read_text())["Version"], 1, "Version")
        with check("without a terminal, a locked store is 5 and names the variable"):
            contains(home.awsmfa("code").ended(5).err, "AWSMFA_PASSPHRASE_FILE")
        with check("where the kernel keeps no keys, as in many containers, one hint names the variables"):
            denied = "strace -f -qq -o /dev/null -e trace=add_key,keyctl -e inject=add_key,keyctl:error=EPERM"
            child = Dialogue(home, f"AWSMFA_UNLOCK_FOR=8h {denied} {AWSMFA} code")
            child.asked(OLD).type(PASSPHRASE).ended()
            equal(child.text.count("AWSMFA_PASSPHRASE_FILE"), 1, "hints")
            contains(child.text, "this system cannot keep the store unlocked")
        with check("another secret for the same device: asked, and `n` changes nothing"):
            before = {path: path.read_bytes() for path in home.file(".local/share").rglob("*") if path.is_file()}
            child = Dialogue(home, IMPORT).asked(SECRET_KEY).type("A" * 64).asked(OLD).type(PASSPHRASE)
            child.asked("[y/N]", hidden=False).type("n").ended(1)
            contains(child.text, "nothing was changed")
            equal({path: path.read_bytes() for path in before}, before, "files")
        with check("and without a terminal, the error names --yes"):
            passphrase = home.write("passphrase", PASSPHRASE)
            args = ["device", "import", "--profile", "dev", "--secret-stdin"]
            refused = home.awsmfa(*args, stdin="A" * 64, AWSMFA_PASSPHRASE_FILE=passphrase).ended(2)
            contains(refused.err, "--yes")

    with FakeAws("--user", "bob") as aws, home_of(aws.users[0], aws.endpoint) as home:
        with check("without a stored secret, `login` asks for the code, again if it is none, and logs in"):
            code = home.run("oathtool", "--totp", "-b", aws.users[0]["seed"]).ended().out.strip()
            child = Dialogue(home, f"{AWSMFA} login --profile dev").asked("code of").type("12345")
            child.asked("code of").type(code).ended()
            equal(aws.codes(), [code], "codes sent")
        with check("an `mfa_process` may ask on the terminal itself"):
            ask = "bash -c 'read -rsp \"code, please: \" code </dev/tty; echo $code'"
            config = home.file(".aws/config").read_text()
            home.write(".aws/config", config.replace("[profile dev]", f"[profile dev]\nmfa_process = {ask}"))
            child = Dialogue(home, f"{AWSMFA} login --profile dev --force").asked("code, please:").type("123456")
            # Mistyped, or used elsewhere? The program is asked once more, for the next step's code.
            child.sees("it is wrong, or another computer used it").asked("code, please:").type("654321")
            contains(child.ended(4).text, "AWS rejected the code")
            equal(aws.codes(), [code, "123456", "654321"], "codes sent")

    with FakeAws("--user", "carol", "--no-device", "--lag", "600") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.env |= {"AWSMFA_STORE": "file", "AWSMFA_UNLOCK_FOR": "0"}
        home.write(".aws/config", profile("dev", aws.endpoint))
        enroll = f"{AWSMFA} enroll --profile dev --no-qr"

        with check("Ctrl-C in the wait of an enrolment, after a typed passphrase, is 130 and says how to go on"):
            child = Dialogue(home, enroll).asked(NEW).type(PASSPHRASE).asked(AGAIN).type(PASSPHRASE)
            child.sees("waiting").interrupt().ended(130).echoes()
            contains(child.text, "hint: resume with `awsmfa enroll")
        with check("a question takes the line of what was being done"):
            contains(child.text, "store \u2026\r\x1b[Kawsmfa: the file store keeps")
        with check("Ctrl-C at the question of the enrolment that goes on is 130, said once"):
            child = Dialogue(home, enroll).asked(OLD).interrupt().ended(130).echoes()
            equal(child.text.count("interrupted"), 1, f"times that it is said in {child.text!r}")


class Dialogue:
    """A command line on a terminal of its own."""

    def __init__(self, home, line):
        # Ctrl-C reaches the shell, too, which has to stay and tell how the command ended.
        script = f"trap : INT; set -o pipefail; {line}; echo exit=$?; stty -a"
        self.child = pexpect.spawn(
            "bash", ["--norc", "-c", script], env=home.env, cwd=str(home.path), encoding="utf-8", timeout=60
        )
        self.text = ""

    def asked(self, question, hidden=True):
        """Waits for the question, and for the echo to be off."""
        self.child.expect_exact(question)
        self.text += self.child.before + question
        assert not hidden or self.child.waitnoecho(timeout=10), f"typing is echoed at {question!r}"
        return self

    def sees(self, words):
        """Waits for the words."""
        return self.asked(words, hidden=False)

    def type(self, text):
        self.child.sendline(text)
        return self

    def interrupt(self):
        self.child.send("\x03")
        return self

    def ended(self, code=0):
        """Demands this exit code."""
        self.child.expect(r"exit=(\d+)")
        self.text += self.child.before
        equal(int(self.child.match[1]), code, f"exit code after {self.text!r}")
        self.child.expect(pexpect.EOF)
        self.settings = self.child.before.split()
        self.child.close()
        return self

    def echoes(self):
        """Demands that the terminal is as it was, after the end."""
        for setting in ("echo", "icanon", "isig"):
            assert setting in self.settings, f"{setting} is off: {self.settings}"
        return self

    def last_line(self):
        return self.text.strip().splitlines()[-1]
