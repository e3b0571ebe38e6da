"""A cached `credential-process` under strace: no process, no thread, no socket, one file opened and the status of two. Help reads
neither of these files, which may be on a network drive that is gone."""

import re
from pathlib import Path

from bench import AWSMFA, FakeAws, check, equal, home_of, import_secret

#: System calls that start a process or thread, communicate or write files.
FORBIDDEN = {
    "clone", "clone3", "fork", "vfork", "socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "recvfrom",
    "add_key", "request_key", "keyctl", "fsync", "fdatasync", "rename", "renameat2", "unlink", "unlinkat", "mkdir",
}  # fmt: skip

#: Files that the dynamic loader and libc open in every Rust program.
LOADER = re.compile(r"/etc/ld\.so\.|(/usr)?/lib(64)?/.*\.so|/proc/self/|/sys/fs/cgroup|/dev/null$")


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        first = home.awsmfa("credential-process", "--profile", "dev").ended()
        trace = home.file("trace")
        with check("the cached credentials are the first ones"):
            traced = home.run("strace", "-f", "-o", trace, AWSMFA, "credential-process", "--profile", "dev").ended()
            equal(traced.out, first.out, "stdout")
            equal(traced.err, "", "stderr")
        calls = re.findall(r"^\d+ +(\w+)\((.*)$", trace.read_text(), re.MULTILINE)
        with check("it starts no process, opens no connection and writes only to stdout"):
            assert calls, "strace has no output"
            equal(sorted({name for name, _ in calls} & FORBIDDEN), [], "system calls")
            written = [rest for name, rest in calls if name.startswith(("write", "pwrite"))]
            equal([rest.split(",")[0] for rest in written], ["1"], "file descriptors")
        with check("it opens only the cached response"):
            opened = paths(calls, {"open", "openat", "openat2", "creat"})
            equal(opened, [home.file(".cache/awsmfa/answers/profile-dev")], "opened")
        with check("it reads the status of the two AWS files"):
            looked = paths(calls, {"stat", "lstat", "statx", "newfstatat", "access", "faccessat", "faccessat2"})
            equal(sorted(set(looked)), [home.file(".aws/config"), home.file(".aws/credentials")], "files")
        for line in ("--help", "--version", "login --help", "help login", "policy", "completions bash"):
            with check(f"`awsmfa {line}` does not touch the AWS files"):
                home.run("strace", "-f", "-e", "trace=file", "-o", trace, AWSMFA, *line.split()).ended()
                equal([call for call in trace.read_text().splitlines() if "/.aws" in call], [], "system calls")


def paths(calls, names):
    """The paths in these system calls, except those of the loader."""
    quoted = (re.search(r'"((?:[^"\\]|\\.)*)"', rest) for name, rest in calls if name in names)
    found = (match[1] for match in quoted if match and match[1])
    return [Path(path) for path in found if not LOADER.match(path)]
