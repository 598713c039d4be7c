"""Copies a compile_commands.json without the flags that only GCC knows.

usage: lint_commands.py BUILD_DIR OUT_DIR
"""

import json
import pathlib
import re
import sys


def clean(command: str) -> str:
    command = re.sub(r"-Winvalid-pch -include \S+cmake_pch\.hxx", "", command)
    command = re.sub(r"^.*?(?=/usr/bin/c\+\+)", "", command)
    for flag in ("-fpch-preprocess", "-Werror", "-Wno-stringop-overread"):
        command = command.replace(flag, "")
    return command


def main() -> None:
    build, out = map(pathlib.Path, sys.argv[1:3])
    commands = json.loads((build / "compile_commands.json").read_text())
    for entry in commands:
        entry["command"] = clean(entry["command"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "compile_commands.json").write_text(json.dumps(commands, indent=1))


if __name__ == "__main__":
    main()
