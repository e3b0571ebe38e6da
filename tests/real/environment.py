"""`exec` and `env` with real shells and SDKs: awkward values, the terminal, and whose credentials each SDK uses."""

import json
import sys

import pexpect

from bench import AWS_CLI_V1, AWS_CLI_V2, NODE_MODULES, FakeAws, check, contains, equal, home_of, import_secret

#: Values that some shell could read as something else.
VALUES = [
    "a b", " both ends ", "it's", 'say "hi"', "'", '"', "\\", "back\\slash\\", "a'b\"c\\d`e", "''''", "$HOME ${HOME} $env.HOME $(id) `id`",
    "%PATH% !x! ^&|<>()", "*?[a]{b,c}~", "~", "a;b # c", "-n", "--", "=", "\u2018typographic\u2019", "é ☃ 日本", "{}", "\\n\\t\\u0041",
]  # fmt: skip

#: Variables that are saved and restored.
SAVED = [
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CREDENTIAL_FILE", "AWS_VAULT", "AWSUME_PROFILE",
    "AWSU_PROFILE", "AWS_SSO_PROFILE", "AWS_SESSION_EXPIRATION", "AWSUME_EXPIRATION",
]  # fmt: skip

#: Prints the environment of a child process.
PRINT = f"{sys.executable} {{}}"

NU = NODE_MODULES / ".bin/nu"

#: Shell → how it sets the session and prints its environment, then takes the session back and prints it again.
SHELLS = {
    "sh": ('eval "$(awsmfa env --profile dev)"; {print}; eval "$(awsmfa env --unset)"; {print}',),
    "bash": ('eval "$(awsmfa env --profile dev)"; {print}; eval "$(awsmfa env --unset)"; {print}',),
    "zsh": ('eval "$(awsmfa env --profile dev)"; {print}; eval "$(awsmfa env --unset)"; {print}',),
    "fish": ("awsmfa env --profile dev | source; {print}; awsmfa env --unset | source; {print}",),
    # Nushell reads a whole script before it runs it.
    NU: (
        "awsmfa env --profile dev | save --force set.nu",
        "source set.nu; {print}; awsmfa env --unset | save --force unset.nu",
        "source set.nu; source unset.nu; {print}",
    ),
}

#: SDK → a command that prints the `Arn` of GetCallerIdentity with the credentials that the SDK finds.
SDKS = {
    "AWS CLI v1": [AWS_CLI_V1, "sts", "get-caller-identity", "--output", "json"],
    # Version 2.9 of Debian does not read `AWS_ENDPOINT_URL`.
    "AWS CLI v2": [AWS_CLI_V2, "sts", "get-caller-identity", "--output", "json", "--endpoint-url", "{endpoint}"],
    "boto3": [sys.executable, "-c", "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()))"],
    "JavaScript SDK v3": [
        "node", "-e",
        "const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');"
        "new STSClient({}).send(new GetCallerIdentityCommand({})).then((it) => console.log(JSON.stringify(it)))",
    ],
}  # fmt: skip


def run():
    with FakeAws("--user", "alice") as aws:
        user = aws.users[0]
        with home_of(user, aws.endpoint, AWS_ENDPOINT_URL=aws.endpoint) as home:
            home.use_file_store()
            import_secret(home, user)
            session = home.awsmfa("credential-process", "--profile", "dev").json()
            script = home.write("print.py", "import json, os; print(json.dumps(dict(os.environ)))")
            printed = PRINT.format(script)
            for shell, scripts in SHELLS.items():
                with check(f"{getattr(shell, 'name', shell)}: {len(VALUES)} awkward values survive `env` and `env --unset`"):
                    for first in range(0, len(VALUES), len(SAVED)):
                        survive(home, shell, scripts, printed, dict(zip(SAVED, VALUES[first:])), session)
            with check("nu: `load-env` sets the session from JSON"):
                line = f"load-env (awsmfa env --profile dev --shell json | from json); {printed}"
                equal(home.run(NU, "-n", "-c", line).json()["AWS_SESSION_TOKEN"], session["SessionToken"])
            for sdk, command in SDKS.items():
                with check(f"{sdk} uses the session of `exec`, whatever AWS_PROFILE was"):
                    words = [aws.endpoint if word == "{endpoint}" else word for word in command]
                    found = home.awsmfa(
                        "exec", "--profile", "dev", "--", *words, AWS_PROFILE="other", AWS_DEFAULT_PROFILE="other",
                        AWS_ACCESS_KEY_ID="AKIAOTHER", AWS_SECRET_ACCESS_KEY="s", AWS_SECURITY_TOKEN="t", NODE_PATH=NODE_MODULES,
                    ).json()  # fmt: skip
                    contains(found["Arn"], ":user/alice")
                    signed = aws.requests("GetCallerIdentity")[-1]
                    equal(signed["access_key_id"], session["AccessKeyId"], "access key ID")
            on_a_terminal(home)


def survive(home, shell, scripts, printed, before, session):
    """Checks the environments that a shell prints, if these variables were set before."""
    args = ["-n", "-c"] if shell == NU else ["-c"]
    out = "".join(home.run(shell, *args, script.format(print=printed), **before).ended().out for script in scripts)
    with_session, without = [json.loads(line) for line in out.splitlines()]
    equal(with_session["AWS_SECRET_ACCESS_KEY"], session["SecretAccessKey"], "secret key")
    equal(with_session["AWS_SESSION_TOKEN"], session["SessionToken"], "token")
    for name, value in before.items():
        equal(with_session.get(name), None, name)
        equal(with_session[f"AWSMFA_OLD_{name}"], value, "saved value")
    left = {name: kept for name, kept in without.items() if name.startswith("AWS") and name not in home.env}
    equal(left, before, "after --unset")


def on_a_terminal(home):
    """Types in a shell on a terminal."""
    prompt = "ready> "
    home.write(".bashrc", f"PS1='{prompt}'\nbind 'set enable-bracketed-paste off'\n")
    shell = pexpect.spawn(
        "bash", ["--rcfile", str(home.file(".bashrc"))], env=home.env | {"SHELL": "/bin/bash", "NO_COLOR": "1"}, cwd=str(home.path), encoding="utf-8",
        timeout=30, dimensions=(40, 400),
    )  # fmt: skip
    shell.expect_exact(prompt)

    def typed(line, expected):
        shell.sendline(line)
        shell.expect_exact(line)
        shell.expect_exact(expected)
        shell.expect_exact(prompt)
        return shell.before

    with check("`env` on a terminal prints the lines and shows how to use them"):
        shell.sendline("awsmfa env --profile dev")
        shell.expect_exact("export AWS_SESSION_TOKEN=")
        shell.expect_exact('hint: to use the session in this shell, run `eval "$(awsmfa env --profile dev)"`')
        shell.expect_exact(prompt)
    with check("Ctrl-C ends the command of `exec`, and the shell sees that"):
        shell.sendline("awsmfa exec --profile dev -- sh -c 'echo started; exec sleep 60'")
        shell.expect_exact("\r\nstarted")
        shell.sendcontrol("c")
        shell.expect_exact(prompt)
        typed("echo status=$?", "\r\nstatus=130")
    with check("the shell of `exec` has job control, and its status counts"):
        shell.sendline("awsmfa exec --profile dev")
        shell.expect_exact("starting /bin/bash with the session for `dev`")
        shell.expect_exact(prompt)
        typed("echo $AWSMFA_PROFILE $-", "\r\ndev himBH")
        shell.sendline("sh -c 'echo started; read line; exit 37'")
        shell.expect_exact("\r\nstarted")
        shell.sendcontrol("z")
        shell.expect_exact("Stopped")
        shell.expect_exact(prompt)
        shell.sendline("fg")
        shell.expect_exact("exit 37'\r\n")
        shell.sendline("")
        shell.expect_exact(prompt)
        typed("echo status=$?", "\r\nstatus=37")
        shell.sendline("exit 7")
        shell.expect_exact(prompt)
        typed("echo status=$?", "\r\nstatus=7")
    shell.close(force=True)
