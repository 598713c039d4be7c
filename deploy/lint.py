"""clang-tidy over many files at once.

usage: lint.py BUILD_DIR OUT_DIR FILE.cc...

Most of clang-tidy's time goes into the headers of gRPC, abseil and RocksDB. So the files of a room
are included into one translation unit, a few at a time, and looked at together: seven times as fast
as one by one. Where their unnamed namespaces clash, the group is split. Prints each finding once,
and ends with 1 if there is one.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

GROUP = 10
# The compile commands name GCC's precompiled headers and warnings, which clang does not know.
GCC_ONLY = ["-Winvalid-pch", "-fpch-preprocess", "-Werror", "-Wno-stringop-overread"]
NOT_A_FINDING = "--checks=-bugprone-suspicious-include"  # how a unit is made
FINDING = re.compile(r"^(/\S+?):(\d+):(\d+): (?:error|warning): (.*) \[([^\]]+)\]$")


def sources_of(file: str) -> list[str]:
    """Itself, or what a unit of CMake's UNITY_BUILD includes."""
    if "/Unity/unity_" not in file:
        return [file]
    return re.findall(r'^#include "([^"]+)"', pathlib.Path(file).read_text(), re.M)


class Linter:
    def __init__(self, build: pathlib.Path, out: pathlib.Path):
        self.root = pathlib.Path.cwd()
        self.out = out.resolve()
        commands = json.loads((build / "compile_commands.json").read_text())
        self.commands = {file: entry for entry in commands for file in sources_of(entry["file"])}
        self.findings: dict[tuple, str] = {}
        self.units = itertools.count(1)

    def command(self, file: str, unit: pathlib.Path) -> str:
        entry = self.commands[str(self.root / file)]
        command = entry["command"]
        command = re.sub(r"-include \S+cmake_pch\.hxx", "", command)
        command = re.sub(r"^.*?(?=/usr/bin/c\+\+)", "", command)
        for flag in GCC_ONLY:
            command = command.replace(flag, "")
        return command.replace(entry["file"], str(unit))

    def copy_settings(self, file: str, folder: pathlib.Path) -> None:
        """clang-tidy asks the folder of the unit; the files may have a .clang-tidy of their own."""
        for parent in pathlib.PurePosixPath(file).parents:
            settings = self.root / parent / ".clang-tidy"
            if str(parent) != "." and settings.exists():
                (folder / ".clang-tidy").write_text(settings.read_text())
                return

    def run(self, files: list[str]) -> list[tuple]:
        """The findings of these files, and of the headers they include."""
        folder = self.out / str(next(self.units))
        folder.mkdir(parents=True, exist_ok=True)
        unit = folder / "unit.cc"
        unit.write_text("".join(f'#include "{self.root / file}"\n' for file in files))
        self.copy_settings(files[0], folder)
        entry = {"directory": str(self.root), "file": str(unit),
                 "command": self.command(files[0], unit)}
        (folder / "compile_commands.json").write_text(json.dumps([entry]))
        done = subprocess.run(["clang-tidy-14", "-p", str(folder), "--quiet", NOT_A_FINDING, str(unit)],
                              capture_output=True, text=True, check=False)
        found = [match.groups() for match in map(FINDING.match, done.stdout.splitlines()) if match]
        if done.returncode != 0 and not found:
            raise RuntimeError(f"clang-tidy failed on {files}:\n{done.stdout}{done.stderr}")
        return found

    def lint(self, files: list[str]) -> list[tuple]:
        found = self.run(files)
        clash = any("clang-diagnostic-error" in check for *_, check in found)
        if clash and len(files) > 1:
            middle = len(files) // 2
            return self.lint(files[:middle]) + self.lint(files[middle:])
        return found


def groups(linter: Linter, files: list[str]) -> list[list[str]]:
    """By folder, and so by flags."""
    by_folder: dict[str, list[str]] = {}
    for file in files:
        if str(linter.root / file) in linter.commands:
            by_folder.setdefault(os.path.dirname(file), []).append(file)
        else:
            print(f"lint: {file} is not part of this build", file=sys.stderr)
    return [of[i:i + GROUP] for of in by_folder.values() for i in range(0, len(of), GROUP)]


def main() -> int:
    linter = Linter(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    units = groups(linter, sys.argv[3:])
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count()))) as pool:
        for number, found in enumerate(pool.map(linter.lint, units), 1):
            for file, line, column, what, checks in found:
                name = file.removeprefix(str(linter.root) + "/")
                finding = f"{name}:{line}:{column}: {what} [{checks}]"
                if finding not in seen:
                    print(finding, flush=True)
                seen.add(finding)
            if sys.stderr.isatty():
                print(f"\rlint: {number} of {len(units)} groups", end="", file=sys.stderr)
    print(f"\nlint: {len(sys.argv) - 3} files, {len(seen)} findings", file=sys.stderr)
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
