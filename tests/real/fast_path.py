"""A cached `credential-process` under strace: no process, no thread, no socket, one file opened, two looked at."""

import re
from pathlib import Path

from bench import AWSMFA, FakeAws, check, equal, home_of, import_secret

#: Starting a process or a thread, or talking to anyone.
FORBIDDEN = {
    "clone", "clone3", "fork", "vfork", "socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "recvfrom",
    "add_key", "request_key", "keyctl", "fsync", "fdatasync", "rename", "renameat2", "unlink", "unlinkat", "mkdir",
}  # fmt: skip

#: What the dynamic loader and libc open in every Rust program.
LOADER = re.compile(r"/etc/ld\.so\.|(/usr)?/lib(64)?/.*\.so|/proc/self/|/sys/fs/cgroup|/dev/null$")


def run():
    with FakeAws("--user", "alice") as aws, home_of(aws.users[0], aws.endpoint) as home:
        home.use_file_store()
        import_secret(home, aws.users[0])
        first = home.awsmfa("credential-process", "--profile", "dev").ended()
        trace = home.file("trace")
        with check("the cached answer is the first one"):
            traced = home.run("strace", "-f", "-o", trace, AWSMFA, "credential-process", "--profile", "dev").ended()
            equal(traced.out, first.out, "stdout")
            equal(traced.err, "", "stderr")
        calls = re.findall(r"^\d+ +(\w+)\((.*)$", trace.read_text(), re.MULTILINE)
        with check("it starts nothing, talks to nobody and writes nothing but the answer"):
            assert calls, "strace saw nothing"
            equal(sorted({name for name, _ in calls} & FORBIDDEN), [], "system calls")
            written = [rest for name, rest in calls if name.startswith(("write", "pwrite"))]
            equal([rest.split(",")[0] for rest in written], ["1"], "what is written to")
        with check("it opens its answer and no other file"):
            opened = paths(calls, {"open", "openat", "openat2", "creat"})
            equal(opened, [home.file(".cache/awsmfa/answers/profile-dev")], "opened")
        with check("it looks at the two AWS files"):
            looked = paths(calls, {"stat", "lstat", "statx", "newfstatat", "access", "faccessat", "faccessat2"})
            equal(sorted(set(looked)), [home.file(".aws/config"), home.file(".aws/credentials")], "looked at")


def paths(calls, names):
    """The paths that these calls name, without the loader's."""
    quoted = (re.search(r'"((?:[^"\\]|\\.)*)"', rest) for name, rest in calls if name in names)
    found = (match[1] for match in quoted if match and match[1])
    return [Path(path) for path in found if not LOADER.match(path)]
