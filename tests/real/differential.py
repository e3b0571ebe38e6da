"""Thousands of odd AWS files: if botocore and JavaScript read the same from a profile, awsmfa does, too.

After an edit, the SDKs read the same as before, except for what was edited.

`DIFFERENTIAL_SEED=…` repeats a run, `DIFFERENTIAL_FILES=…` sets the number of pairs of files. A disagreement is reduced to a
small file and printed.
"""

import collections
import json
import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import botocore.exceptions
import botocore.session
from botocore.configloader import raw_config_parse
from botocore.credentials import ConfigProvider, SharedCredentialProvider

import differential_files
from bench import HERE, NODE_MODULES, ROOT, TARGET, check

PAIRS = int(os.environ.get("DIFFERENTIAL_FILES", "4000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", time.time_ns() % 10**9))
SETTINGS = [key for key in differential_files.VALUES if not key.startswith("aws_")]
READER = TARGET / "debug/examples/read_profiles"

IDENTIFIER = re.compile(r"[A-Za-z0-9_\-/.%@:+]+\Z")


def headers(data, profile, form):
    """The headers of a profile that match `form`, where `NAME` stands for the profile, with or without quotes."""
    name = rf"(?:profile[ \t]+)?['\"]?{re.escape(profile)}['\"]?"
    lines = (line.strip() for line in re.split(r"[\r\n]", data.decode(errors="replace")))
    return [line for line in lines if re.match(form.replace("NAME", name), line)]


def is_padded(pair, it):
    return any(headers(data, it.profile, r"\[[ \t]+NAME[ \t]*\]|\[NAME[ \t]+\]") for data in pair)


def has_comment_with_bracket(pair, it):
    return any(headers(data, it.profile, r"\[NAME\][ \t]*[#;].*\]") for data in pair)


def is_duplicate(pair, it):
    return len(headers(pair[0], it.profile, r"\[[ \t]*NAME[ \t]*\]")) > 1


def has_stale_token(_, it):
    return it.key == "keys" and it.sdks and it.awsmfa == [*it.sdks[:2], None] and it.sdks[0].startswith("AKIA")


#: Intended differences where botocore and JavaScript agree: the reason, and a test of (files, difference).
EXCEPTIONS = [
    (
        "a profile name with characters other than A-Z a-z 0-9 _-/.%@:+ is ignored, as in the AWS reference",
        lambda _, it: not IDENTIFIER.match(it.profile) and it.key == "" and it.sdks,
    ),
    ("a padded header, `[ dev ]`, is read, as in the AWS reference (and never edited)", is_padded),
    ("a comment after a header may contain a bracket, as in the AWS reference", has_comment_with_bracket),
    (
        "if there are [profile default] and [default], or other headers for one profile, the first one wins or they are merged, "
        "as in JavaScript and the AWS reference, while botocore reads the last one only (never edited)",
        is_duplicate,
    ),
    ("a session token beside a long-term key is ignored, because its own key was overwritten", has_stale_token),
    ("a NUL byte in a section is an error, because the file is damaged", lambda _, it: "a NUL byte" in str(it.awsmfa)),
    ("half an access key is an error that names the missing half", lambda _, it: it.awsmfa == "incomplete"),
]

#: A difference: the profile, the key ("" if it is about the existence of the profile), and the values.
Difference = collections.namedtuple("Difference", "profile key sdks awsmfa")


def run():
    source = random.Random(SEED)
    pairs = [differential_files.pair(source) for _ in range(PAIRS)]
    readings = None
    with check(f"{PAIRS} pairs of files, seed {SEED}, are read the same"):
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--example", "read_profiles"], cwd=ROOT, check=True)
        readings = read(pairs)
        check_readings(pairs, readings)
    with check("after an edit, the SDKs read everything else as before"):
        check_edits(pairs, readings)


def check_readings(pairs, readings):
    counts, excepted, wrong = collections.Counter(), collections.Counter(), []
    for pair, reading in zip(pairs, readings):
        count(counts, reading)
        for difference in differences(reading):
            reason = exception(pair, difference)
            if reason:
                excepted[reason] += 1
            else:
                wrong.append((pair, difference))
    report(counts, excepted, len(wrong))
    for pair, difference in wrong[:3]:
        show(*shrunk(pair, difference))
    if wrong:
        raise AssertionError(f"{len(wrong)} disagreements; DIFFERENTIAL_SEED={SEED} repeats them")
    if counts["values"] < PAIRS or counts["profiles"] < PAIRS / 2:
        raise AssertionError("the files are too odd: the SDKs agree on too little")


def report(counts, excepted, wrong):
    print(f"        files read: {2 * counts['pairs']} (pairs that botocore reads: {counts['by botocore']})")
    print(f"        profiles compared: {counts['profiles']}, values on which botocore and JavaScript agree: {counts['values']}")
    print(f"        profiles that the AWS SDK for Rust reads as awsmfa does: {counts['as Rust']} of {counts['by Rust']}")
    print(f"        disagreements: {wrong}; exceptions: {sum(excepted.values())}")
    for reason, _ in EXCEPTIONS:
        print(f"          {excepted[reason]:5}  {reason}")


def count(counts, reading):
    counts["pairs"] += 1
    if "profiles" in reading["botocore"]:
        counts["by botocore"] += 1
        for profile in names(reading):
            counts["profiles"] += 1
            counts["values"] += sum(agreed is not DIFFER for _, agreed in agreements(reading, profile))
    if "profiles" in reading["rust"] and "profiles" in reading["awsmfa"]:
        ours = reading["awsmfa"]["profiles"]
        counts["by Rust"] += len(reading["rust"]["profiles"])
        counts["as Rust"] += sum(ours.get(name) == read for name, read in reading["rust"]["profiles"].items())


# Comparing.

DIFFER = object()


def names(reading):
    sdks = [reading[sdk]["profiles"] for sdk in ("botocore", "javascript")]
    return sorted({name for profiles in [*sdks, reading["awsmfa"].get("profiles", {})] for name in profiles})


def agreements(reading, profile):
    """What the SDKs read from a profile, by key, or `DIFFER` if they do not agree."""
    botocore, javascript = (reading[sdk]["profiles"].get(profile) for sdk in ("botocore", "javascript"))
    yield "", (botocore is not None) if (botocore is None) == (javascript is None) else DIFFER
    if botocore is not None and javascript is not None:
        for key in [*SETTINGS, "keys"]:
            value = botocore.get(key)
            yield key, value if value == javascript.get(key) else DIFFER


def differences(reading):
    if "error" in reading["botocore"]:
        return
    ours = reading["awsmfa"]
    for profile in names(reading):
        read = ours["profiles"].get(profile) if "profiles" in ours else ours
        for key, agreed in agreements(reading, profile):
            if agreed is DIFFER:
                continue
            found = (read is not None) if key == "" else (read or {}).get("error", (read or {}).get(key))
            if found != agreed:
                yield Difference(profile, key, agreed, found)
                if key == "":
                    break


def exception(pair, difference):
    return next((reason for reason, applies in EXCEPTIONS if applies(pair, difference)), None)


# Editing.

#: The values that examples/read_profiles.rs writes.
NEW_SERIAL = "arn:aws:iam::123456789012:mfa/new"
NEW_KEYS = ["ASIANEW", "new-secret", "new-token"]


def check_edits(pairs, readings):
    edits = [(pair, reading) for pair, reading in zip(pairs, readings) if set(FILES) & changed(reading)]
    after = read([edited(pair, reading) for pair, reading in edits])
    wrong = [
        (pair, reading["edited"], said)
        for (pair, reading), later in zip(edits, after)
        for sdk in ("botocore", "javascript", "rust")
        if (said := spoiled(sdk, reading, later[sdk]))
    ]
    counts = collections.Counter(kind for _, reading in edits for kind in changed(reading))
    print(f"        config files edited: {counts['config']}, credentials files: {counts['credentials']}, damaged: {len(wrong)}")
    for pair, found, said in wrong[:3]:
        print(f"        [{found['profile']}] {said}")
        for kind, data in zip(FILES, pair):
            print(f"          {kind}: {data!r}\n          edited: {found[kind]!r}")
    if wrong:
        raise AssertionError(f"{len(wrong)} files were damaged; DIFFERENTIAL_SEED={SEED} repeats them")
    if min(counts["config"], counts["credentials"]) < PAIRS / 20:
        raise AssertionError("too few files were edited")


FILES = ("config", "credentials")


def changed(reading):
    return {kind for kind in FILES if reading["edited"][kind] is not None}


def edited(pair, reading):
    return tuple(
        data if reading["edited"][kind] is None else reading["edited"][kind].encode() for kind, data in zip(FILES, pair)
    )


def spoiled(sdk, reading, after):
    """What an SDK reads wrong after the edit, or `None`."""
    before, profile, kinds = reading[sdk], reading["edited"]["profile"], changed(reading)
    if "error" in before:
        return None
    # The Rust SDK merges `[dev]` and `[dev ]` in random order. A file with both is never edited, but the other file may be.
    if sdk == "rust" and kinds != set(FILES):
        return None
    if "error" in after:
        return f"{sdk} can no longer read the files: {after['error']}"
    before, after = before["profiles"], after["profiles"]
    long_term = f"{profile}-long-term"
    for name in {*before, *after}:
        expected, found = dict(before.get(name, {})), dict(after.get(name, {}))
        if name in (profile, long_term) and "credentials" in kinds:
            # Keys and the serial number may have moved to the other section.
            for settings in (expected, found):
                settings.pop("mfa_serial", None)
            if name == long_term or name not in after:
                expected.pop("keys", None), found.pop("keys", None)
            else:
                expected["keys"] = NEW_KEYS
        elif name == profile and "config" in kinds and before.get(name, {}).get("mfa_serial") != found.get("mfa_serial"):
            expected["mfa_serial"] = NEW_SERIAL
        if expected != found:
            return f"{sdk} reads [{name}] as {found!r}, not {expected!r}"
    return None


# Reading: each reader handles all files in one process.


def read(pairs):
    with tempfile.TemporaryDirectory() as folder:
        for index, (config, credentials) in enumerate(pairs):
            Path(folder, f"{index}.config").write_bytes(config)
            Path(folder, f"{index}.credentials").write_bytes(credentials)
        ours = lines([READER, folder, str(len(pairs))])
        javascript = lines(["node", HERE / "differential.cjs", folder, str(len(pairs))])
        botocore = [by_botocore(Path(folder, str(index))) for index in range(len(pairs))]
    return [
        {"botocore": b, "javascript": j, **o}
        for b, j, o in zip(botocore, javascript, ours, strict=True)
    ]  # fmt: skip


def lines(command):
    env = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    # Only a line feed ends a line of JSON. `splitlines` would split at other characters, too.
    output = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [json.loads(line) for line in output.split("\n") if line]


def by_botocore(stem):
    config, credentials = str(stem.with_name(f"{stem.name}.config")), str(stem.with_name(f"{stem.name}.credentials"))
    session = botocore.session.Session(include_builtin_handlers=False)
    session.set_config_variable("config_file", config)
    session.set_config_variable("credentials_file", credentials)
    try:
        profiles = session.full_config["profiles"]
        raw = raw_config_parse(credentials)
        return {"profiles": {name: settings_of(session, raw, name, profile) for name, profile in profiles.items()}}
    except botocore.exceptions.ConfigParseError as error:
        return {"error": str(error)}


def settings_of(session, raw, name, profile):
    read = {key: profile[key] for key in SETTINGS if isinstance(profile.get(key), str) and profile[key]}
    providers = [
        SharedCredentialProvider("", name, ini_parser=lambda _: raw),
        ConfigProvider("", name, config_parser=lambda _: session.full_config),
    ]
    try:
        found = next((found for provider in providers if (found := provider.load()) is not None), None)
    except botocore.exceptions.PartialCredentialsError:
        return {**read, "keys": "incomplete"}
    if found is not None:
        read["keys"] = [found.access_key, found.secret_key, found.token]
    return read


# Shrinking.


def shrunk(pair, difference):
    """The smallest pair of files with the same kind of difference, and the difference."""
    deadline = time.monotonic() + 60
    size = max(map(len, pair))
    while size > 0 and time.monotonic() < deadline:
        candidates = list(cuts(pair, size))
        for candidate, reading in zip(candidates, read(candidates)):
            found = [f for f in differences(reading) if alike(f, difference) and not exception(candidate, f)]
            if found:
                pair, difference = candidate, found[0]
                break
        else:
            size //= 2
    return pair, difference


def alike(a, b):
    return (a.profile, a.key, a.awsmfa is None) == (b.profile, b.key, b.awsmfa is None)


def cuts(pair, size):
    """The pair of files without one piece of this size."""
    for which, data in enumerate(pair):
        for start in range(0, len(data), max(1, size // 2)):
            cut = list(pair)
            cut[which] = data[:start] + data[start + size :]
            yield tuple(cut)


def show(pair, difference):
    print(f"        [{difference.profile}] {difference.key or 'exists'}: SDKs {difference.sdks!r}, awsmfa {difference.awsmfa!r}")
    for kind, data in zip(("config", "credentials"), pair):
        print(f"          {kind}: {data!r}")
