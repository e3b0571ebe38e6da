"""Completions in real shells, installed as described in `awsmfa completions --help`, with the Tab key."""

import re
import shlex

import pexpect

from bench import Home, check, contains, equal, profile

PROMPT = "ready> "

#: Shell → where its completions are installed.
INSTALLED = {
    "bash": ".local/share/bash-completion/completions/awsmfa",
    "zsh": ".zfunc/_awsmfa",
    "fish": ".config/fish/completions/awsmfa.fish",
}

BASHRC = f"PS1='{PROMPT}'\nbind 'set enable-bracketed-paste off'\nbind 'set bell-style none'\n"
ZSHRC = f"PS1='{PROMPT}'\nunset zle_bracketed_paste\nunsetopt prompt_sp beep\nbindkey -e\nautoload -Uz compinit\n"

#: What is typed, with the Tab key, and the resulting line.
LINES = {
    "awsmfa login --profile d\t": "awsmfa login --profile dev",
    "awsmfa login -p pr\t": "awsmfa login -p prod",
    "awsmfa dev\t": "awsmfa device",
    "awsmfa device im\t": "awsmfa device import",
    "awsmfa login --for\t": "awsmfa login --force",
    "awsmfa completions f\t": "awsmfa completions fish",
    "awsmfa code al\t": "awsmfa code alice",
    "awsmfa code arn:aws:iam::12\t": "awsmfa code arn:aws:iam::123456789012:mfa/alice",
    "awsmfa code arn:\t": "awsmfa code arn:aws:iam::123456789012:mfa/alice",
    "awsmfa login --serial=arn\t": "awsmfa login --serial=arn:aws:iam::123456789012:mfa/alice",
    "awsmfa device import --store k\t": "awsmfa device import --store keyring",
    "awsmfa login -p my\t": "awsmfa login -p my\\ profile",
    "awsmfa login -p my\\ p\t": "awsmfa login -p my\\ profile",
    "awsmfa device export alice --qr-file pic\t": "awsmfa device export alice --qr-file picture.png",
    "awsmfa device export alice --qr-file ~/pic\t": "awsmfa device export alice --qr-file ~/picture.png",
}


def run():
    with Home() as home:
        home.write(".aws/config", profile("dev", "http://127.0.0.1:9") + profile("prod", "http://127.0.0.1:9") + profile("'my profile'", "http://127.0.0.1:9"))
        home.write("picture.png", "")
        home.write(".aws/credentials", "[dev-long-term]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
        home.use_file_store()
        serial = "arn:aws:iam::123456789012:mfa/alice"
        home.awsmfa("device", "import", "--serial", serial, "--secret-stdin", stdin="A" * 64).ended()
        for shell, path in INSTALLED.items():
            with check(f"{shell}: the help shows where to install the completions"):
                contains(home.awsmfa("completions", "--help").ended().out, path)
            home.write(path, home.awsmfa("completions", shell).ended().out)
        home.write("script.bash", home.awsmfa("completions", "bash").ended().out)
        home.write("script.zsh", home.awsmfa("completions", "zsh").ended().out)

        home.write(".bashrc", BASHRC + ". /usr/share/bash-completion/bash_completion\n")
        typed_in("bash, installed", home, "bash", "--rcfile", home.file(".bashrc"))
        home.write(".bashrc", BASHRC + ". ~/script.bash\n")
        typed_in("bash, sourced", home, "bash", "--rcfile", home.file(".bashrc"))
        home.write(".zshrc", ZSHRC + "fpath=(~/.zfunc $fpath)\ncompinit -u\n")
        typed_in("zsh, installed", home, "zsh")
        home.write(".zshrc", ZSHRC + "compinit -u\n. ~/script.zsh\n")
        typed_in("zsh, sourced", home, "zsh")
        in_fish(home)

        with check("a broken config file causes no error message in the shell"):
            home.write(".aws/config", "[profile dev\nx\n")
            asked = home.run("fish", "-c", "complete -C 'awsmfa login --profile '").ended()
            equal(asked.err, "", "stderr")


def typed_in(name, home, *shell):
    """Types each line in a new shell, and lets the shell print the resulting words."""
    for typed, expected in LINES.items():
        with check(f"{name}: {typed.strip()!r} becomes {expected!r}"):
            with_tab = start(home, *shell)
            with_tab.send(typed)
            with_tab.expect(drawn(expected))
            # Insert `printf` at the start of the line, so that the shell prints the words after it.
            with_tab.send("\x01printf '<%s>' 'line:' \r")
            with_tab.expect(r"\n<line:>((?:<[^<>\r\n]*>)*)")
            words = [word.replace("~", str(home.path)) for word in shlex.split(expected)]
            equal(with_tab.match[1], "".join(f"<{word}>" for word in words), "words")
            end(with_tab)
    with check(f"{name}: 'awsmfa lo' offers login and logout"):
        child = start(home, *shell)
        # The first Tab completes to `log`, the next ones list the candidates.
        child.send("awsmfa lo\t")
        child.expect(drawn("awsmfa log"))
        child.send("\t\t")
        child.expect("login")
        child.expect("logout")
        end(child)


def in_fish(home):
    for typed, expected in LINES.items():
        with check(f"fish: {typed.strip()!r} becomes {expected!r}"):
            equal(offered(home, typed.strip()), shlex.split(expected)[-1:], "offered")
    with check("fish: 'awsmfa lo' offers login and logout, with descriptions"):
        equal(offered(home, "awsmfa lo"), ["login", "logout"], "offered")
        text = home.run("fish", "-c", "complete -C 'awsmfa lo'").ended().out
        assert re.search(r"^login\t\w+", text), text


def offered(home, line):
    """The candidates of fish for the last word of the line."""
    text = home.run("fish", "-c", f"complete -C '{line}'").ended().out
    return [candidate.split("\t")[0] for candidate in text.splitlines()]


def start(home, *shell):
    args = [str(a) for a in (*shell[1:], "-i")]
    child = pexpect.spawn(
        shell[0], args, env=home.env, cwd=str(home.path), encoding="utf-8", timeout=20, dimensions=(50, 200)
    )
    child.expect_exact(PROMPT)
    return child


def drawn(text):
    """A pattern for the text as a shell prints it, with escape sequences between the letters."""
    return r"(?:\x1b[\[?]*[\d;]*[a-zA-Z=]|\x07)*".join(re.escape(letter) for letter in text)


def end(child):
    child.close(force=True)
