"""Writes an AWS file over and over, as other programs do, until its stdin closes: `other_writer.py STYLE FILE PAUSE`.

At the end it prints how many sections it has added and the last value of `counter` in `[other]`. With the style `many`, it
writes the files that it is told to on stdin (`add PATH HEADER`) until it is told not to (`remove PATH`), and answers with
the last value.
"""

import re
import select
import subprocess
import sys
import time
from pathlib import Path

from awscli.customizations.configure.writer import ConfigFileWriter


def main():
    if sys.argv[1] == "many":
        return many()
    style, path, pause = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    header = "profile other" if style == "cli-config" else "other"
    counter = sections = 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], pause)[0]:
        counter += 1
        if style == "editor":
            edit(path, counter)
        elif style == "sed":
            subprocess.run(["sed", "-i", f"s/^counter = .*/counter = {counter}/", path], check=True)
        else:
            ConfigFileWriter().update_config({"__section__": header, "counter": str(counter)}, str(path))
            if style == "cli" and counter % 25 == 0:
                ConfigFileWriter().update_config({"__section__": f"new-{sections}", "value": str(sections)}, str(path))
                sections += 1
    print(sections, counter)


def many():
    files = {}
    while True:
        # An answer must not wait for the pause.
        while select.select([sys.stdin], [], [], 0.1 if files else None)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            word, path, *header = line.rstrip("\n").split(" ", 2)
            if word == "add":
                files[path] = (header[0], 0)
                print(0, flush=True)
            else:
                print(files.pop(path)[1], flush=True)
        for path, (header, counter) in list(files.items()):
            ConfigFileWriter().update_config({"__section__": header, "counter": str(counter + 1)}, path)
            files[path] = (header, counter + 1)


def edit(path, counter):
    """Truncates the file, and writes it a few milliseconds later."""
    text = path.read_text()
    with open(path, "w") as file:
        time.sleep(0.005)
        file.write(re.sub(r"(?m)^counter = .*", f"counter = {counter}", text))


if __name__ == "__main__":
    main()
