"""Runs the suites that use real programs, all of them or those given, and counts their checks. The last line is the total."""

import importlib
import subprocess
import sys
import time

import bench

SUITES = [
    "clients", "setup", "roles", "moto_server", "crowd", "winner", "writers", "odd_files", "differential", "keyring_service",
    "age_files", "age_plugins", "code_programs", "qr", "shells", "prompts", "environment", "serve", "terminal",
    "fast_path", "leaks", "windows",
]  # fmt: skip


#: Suites that wait most of the time. They run in parallel with the others.
BESIDE = ["sharing", "codes", "moto_enroll", "clipboard", "keyring_failures"]


def main():
    beside = {} if sys.argv[1:] else {name: run_beside(name) for name in BESIDE}
    for tool in bench.missing_tools():
        bench.failures.append(f"{tool} is missing")
    for name in sys.argv[1:] or SUITES:
        start = time.monotonic()
        suite = importlib.import_module(name)
        print(f"\n-- {name}: {suite.__doc__.splitlines()[0]}", flush=True)
        before = bench.passed + len(bench.failures)
        try:
            suite.run()
        except Exception as error:  # noqa: BLE001 - so that the other suites run
            bench.failures.append(f"{name}: failed to finish")
            print(f"  FAIL  {name} failed to finish\n{bench.explain(error)}", flush=True)
        if bench.passed + len(bench.failures) == before:
            bench.failures.append(f"{name}: no checks")
        print(f"   {name} took {time.monotonic() - start:.0f} s", flush=True)
    for name, process in beside.items():
        collect(name, process)
    print()
    for failure in bench.failures:
        print(f"failed: {failure}")
    print(f"{bench.passed} passed, {len(bench.failures)} failed")
    return 1 if bench.failures else 0


def run_beside(name):
    return subprocess.Popen([sys.executable, __file__, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def collect(name, process):
    """Adds up the output of a suite that ran in parallel. The last line is its total."""
    out, _ = process.communicate()
    print(out.rstrip("\n"), flush=True)
    try:
        passed, _, failed, _ = out.splitlines()[-1].replace(",", "").split()
    except (IndexError, ValueError):
        bench.failures.append(f"{name}: failed to finish")
        return
    bench.passed += int(passed)
    bench.failures += [f"{name}: {failed} failed"] if int(failed) or process.returncode else []


if __name__ == "__main__":
    sys.exit(main())
