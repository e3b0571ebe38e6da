"""The recipes of docs/prompts.md in the real shells and in tmux: each shows the time left, and nothing without a session."""

import os
import re
import shutil

import pexpect

from bench import ROOT, FakeAws, check, contains, equal, home_of, import_secret

#: `dev 11h 59m`, with whatever the shell draws between the words.
LEFT = r"dev[^\n]{0,20}?1[12]h"

#: Powerlevel10k is not packaged: this stands in for its `p10k segment`.
P10K = r"""
p10k() {
    while (($#)); do [[ $1 == -t ]] && print -r -- "segment <$2>"; shift; done
}
. ~/.p10k-awsmfa.zsh
for element in $POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS; do prompt_$element; done
"""


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint, AWS_PROFILE="dev") as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        for path, text in recipes().items():
            home.write(path.removeprefix("~/"), text)
        # Without awsmfa's session, the prompts must not show errors either.
        with check("zsh shows nothing without a session"):
            shown = home.run("zsh", "-f", "-c", ". ~/.zshrc; print -rP -- \"<$RPROMPT>\"").ended()
            contains(shown.out, "<>")
        starship(home, "nothing without a session", lambda shown: equal(shown, "", "module"))
        home.awsmfa("login", "--profile", "dev").ended()
        starship(home, "the time left", lambda shown: contains(re.sub(r"1[12]h( \d+m)?", "[LEFT]", shown), "dev [LEFT]"))
        home.write("p10k-test.zsh", P10K)
        with check("powerlevel10k's segment has the time left"):
            found = home.run("zsh", "-f", home.file("p10k-test.zsh")).ended().out
            contains(re.sub(r"1[12]h( \d+m)?", "[LEFT]", found), "segment <dev [LEFT]>")
        for name, line in {
            "bash": ["bash", "--noprofile", "--rcfile", str(home.file(".bashrc")), "-i"],
            "zsh": ["zsh", "-d", "-i"],
            "fish": ["fish", "-i"],
            "tmux": ["tmux", "-L", f"awsmfa-{home.path.name}", "-f", str(home.file(".tmux.conf")), "new", "cat"],
        }.items():
            with check(f"{name} shows the time left"):
                shows(home, line)


def starship(home, what, expected):
    """Debian has no package of starship, and building it takes minutes."""
    program = shutil.which("starship", path=os.environ.get("PATH"))
    if not program:
        print(f"\n  *** NOT CHECKED: starship shows {what} (starship is not installed) ***\n", flush=True)
        return
    with check(f"starship shows {what}"):
        expected(home.run(program, "module", "custom.awsmfa", STARSHIP_SHELL="bash", STARSHIP_LOG="error").ended().out)


def recipes():
    """The files in the document: path → text."""
    text = (ROOT / "docs/prompts.md").read_text()
    found = dict(re.findall(r"^```\w+\n# (~\S+)\n(.*?)^```", text, re.M | re.S))
    if len(found) < 6:
        raise AssertionError(f"only {sorted(found)} were found")
    return found


def shows(home, line):
    env = home.env | {"TERM": "xterm", "LANG": "C.UTF-8"}
    child = pexpect.spawn(line[0], line[1:], env=env, cwd=str(home.path), encoding="utf-8", timeout=60, dimensions=(24, 100))
    try:
        child.expect(LEFT)
    finally:
        child.close(force=True)
        if line[0] == "tmux":
            home.run("tmux", "-L", line[2], "kill-server")
