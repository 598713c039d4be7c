"""Checks a source tree against rules.py. Prints one line per problem; exits 1 if there is any.

usage: tidy.py [--exposures] [ROOT]
  --exposures  print the current content for exposures.txt instead
"""

import collections
import pathlib
import re
import subprocess
import sys

import rules

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def room_of(path: str) -> str:
    parts = path.split("/")
    if parts[0] == "client" and len(parts) > 2 and parts[1] == "cli":
        return "client/cli"
    if parts[0] in ("keyturn", "google"):  # generated from proto/
        return "proto"
    return parts[0] if len(parts) > 1 else ""


def may_include(path: str, target: str) -> bool:
    room, other = room_of(path), room_of(target)
    if room == other:
        return True
    if room in rules.OUTSIDE:
        if room == "client/cli" and pathlib.PurePath(path).name.startswith("offline_"):
            return other in rules.OFFLINE
        return other in rules.OUTSIDE[room] or other == "tests" == room
    return rules.RANKS.get(other, 99) < rules.RANKS.get(room, -1)


def check_includes(path: str, lines: list[str]):
    room = room_of(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, angled = match.groups()
        target = quoted or angled
        known = room_of(target) in rules.RANKS or room_of(target) in rules.OUTSIDE
        if quoted and known and not may_include(path, target):
            yield number, f"{room} may not include {target} (docs/ARCHITECTURE.md, ranks)"
        if room in ("tests", "bench"):
            continue
        for prefix, owners in rules.LIBRARIES.items():
            if target.startswith(prefix) and room not in owners:
                yield number, f"{room} may not include <{target}>: that library belongs to {', '.join(sorted(owners))}"


def check_lines(path: str, lines: list[str]):
    for number, line in enumerate(lines, 1):
        if len(line) > rules.LINE_COLUMNS_MAX and "http" not in line and 'R"' not in line:
            yield number, f"{len(line)} columns; the most is {rules.LINE_COLUMNS_MAX}"
        code = re.sub(r"//.*", "", line)
        for what, pattern, allowed in rules.BANNED:
            text = line if what == "unfinished work" else code
            if pattern.search(text) and not allowed.search(path):
                yield number, f"banned: {what}"


def check_lengths(path: str, lines: list[str]):
    if len(lines) > rules.FILE_LINES_MAX and not path.startswith(("tests/", "bench/")):
        yield 1, f"{len(lines)} lines; the most is {rules.FILE_LINES_MAX}"
    # clang-format puts the end of a function at the indentation of its start, which is the first
    # line of what a "{" ends: a signature may take several.
    opened: dict[int, int] = {}
    start, fresh = 0, True
    for number, line in enumerate(lines, 1):
        code = re.sub(r"//.*", "", line).rstrip()
        if not code.strip():
            continue
        if fresh:
            start = number
        fresh = code.endswith(("{", "}", ";", ":")) or code.startswith("#")
        indent = indent_of(line)
        if code.endswith("{") and indent_of(lines[start - 1]) <= 2:
            if not any(re.match(r"\s*(namespace|class|struct|enum|union|extern)\b", part)
                       for part in lines[start - 1:number]):
                opened[indent_of(lines[start - 1])] = start
        elif indent > 2:
            continue
        elif re.fullmatch(r" *\}(\);?)?", code) and indent in opened:
            length = number - opened.pop(indent)
            if length > rules.FUNCTION_LINES_MAX and not path.startswith("tests/"):
                yield number, f"a function of {length} lines; the most is {rules.FUNCTION_LINES_MAX}"
        elif code.endswith("};") or line.startswith("}"):
            opened.pop(indent, None)


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def check_header(path: str, lines: list[str]):
    if not path.endswith(".h"):
        return
    if "#pragma once" not in lines:
        yield 1, "no #pragma once"
    if not lines or not lines[0].startswith("//"):
        yield 1, "a header starts with a comment that says what it is for"


def check_file(path: str, text: str):
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    for check in (check_includes, check_lines, check_lengths, check_header):
        yield from check(path, lines)


def dead_headers(files: dict[str, str]):
    included = {match.group(1) for text in files.values() for match in re.finditer(r'#\s*include\s+"([^"]+)"', text)}
    for path in files:
        if path.endswith(".h") and path not in included and not path.endswith("pch.h"):
            yield path, 1, "dead: nothing includes this header"


def dead_sources(root: pathlib.Path, paths: list[str]):
    cmake = {path: (root / path).read_text() for path in paths if path.endswith(("CMakeLists.txt", ".cmake"))}
    if "CMakeLists.txt" not in cmake:
        return
    everything = "\n".join(cmake.values())
    rooms = set(re.findall(r"^keyturn_room\(([\w/]+)", everything, re.M))
    for room, folders in re.findall(r"^keyturn_room\(([\w/]+)[^)]*FOLDERS ([^)]*)\)", everything, re.M):
        rooms.update(f"{room}/{folder}" for folder in folders.split())
    suites = set(re.findall(r"^keyturn_tests\(([\w/]+)", everything, re.M))
    for words in re.findall(r"^foreach\(suite ([^)]+)\)", everything, re.M):
        suites.update(words.split())
    for path in paths:
        folder, _, name = path.rpartition("/")
        if not path.endswith(".cc") or (folder in rooms and name != "main.cc"):
            continue
        if folder.removeprefix("tests/") in suites and path.startswith("tests/") and name.endswith("_test.cc"):
            continue
        beside = cmake.get(f"{folder}/CMakeLists.txt", "")
        globbed = f"/{folder.removeprefix('tests/')}/*.cc" in everything
        if not globbed and path not in everything and not re.search(rf"[\s(]{re.escape(name)}[\s)]", beside):
            yield path, 1, "dead: no target builds this file"


def unmirrored(root: pathlib.Path, paths: list[str]):
    """Product files that no test of their own name covers, beside those of covered_elsewhere.txt."""
    record = "tests/tidy_test/covered_elsewhere.txt"
    if record not in paths:
        return
    known = set(paths)
    sources = [path for path in paths if path.endswith(".cc") and not path.startswith(("tests/", "bench/"))]
    tests = {path: f"tests/{path.removesuffix('.cc')}_test.cc" for path in sources}
    listed_here = set()
    for number, line in enumerate((root / record).read_text().splitlines(), 1):
        if line.startswith("#"):
            continue
        path, _, test = line.partition(" ")
        listed_here.add(path)
        if path not in tests:
            yield record, number, f"{path} is gone: take it off the list"
        elif tests[path] in known:
            yield record, number, f"{path} has a test of its own: take it off the list"
        elif test not in known or not test.endswith("_test.cc"):
            yield record, number, f"'{test}' is no test that covers {path}"
    for path in sources:
        if tests[path] not in known and path not in listed_here:
            yield path, 1, f"no test mirrors this file: write {tests[path]}"


def dead_scripts(root: pathlib.Path, paths: list[str]):
    scripts = [path for path in paths if path.endswith((".py", ".sh"))]
    if not scripts:
        return
    texts = {path: (root / path).read_text(errors="replace") for path in paths}
    for path in scripts:
        name = pathlib.PurePath(path).name
        if not any(name in text for other, text in texts.items() if other != path):
            yield path, 1, "dead: nothing names this script"


def dead_documents(root: pathlib.Path, documents: list[str]):
    texts = {path: (root / path).read_text() for path in documents}
    for path, text in texts.items():
        titles = [line for line in re.sub(r"```.*?```", "", text, flags=re.S).split("\n") if line.startswith("# ")]
        if len(titles) != 1:
            yield path, 1, f"{len(titles)} titles; a document has one"
        name = pathlib.PurePath(path).name
        if path not in ("README.md",) and not any(name in other for p, other in texts.items() if p != path):
            yield path, 1, "dead: no other document links to it"


def missing_tests(root: pathlib.Path, files: dict[str, str]):
    """What docs/RELIABILITY.md says a test shows needs the test. `Suite.…` is any of a suite."""
    path = "docs/RELIABILITY.md"
    if not (root / path).is_file():
        return
    tests = {f"{suite}.{name}" for file, text in files.items() if file.startswith("tests/")
             for suite, name in re.findall(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", text)}
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        for name in re.findall(r"`([A-Z]\w+\.(?:\w*…|[A-Z]\w+))`", line):
            wanted = name.removesuffix("…")
            if name not in tests and not (name.endswith("…") and any(test.startswith(wanted) for test in tests)):
                yield path, number, f"there is no test {name}"


def exposures(files: dict[str, str]) -> str:
    counts = collections.Counter()
    for path, text in files.items():
        if not path.startswith(("crypto/", "tests/", "bench/")):
            for match in rules.EXPOSURE.finditer(text):
                counts[path, match.group(1)] += 1
    return "".join(f"{path} {kind} {count}\n" for (path, kind), count in sorted(counts.items()))


def listed(root: pathlib.Path) -> list[str]:
    out = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
                         capture_output=True, text=True, check=False)
    if out.returncode == 0 and out.stdout:
        return [path for path in out.stdout.split("\n") if path and (root / path).is_file()]
    return [str(path.relative_to(root)) for path in root.rglob("*")
            if path.is_file() and "build" not in path.relative_to(root).parts]


def problems(root: pathlib.Path):
    paths = listed(root)
    files = {path: (root / path).read_text() for path in paths if path.endswith((".cc", ".h"))}
    for path, text in files.items():
        for number, message in check_file(path, text):
            yield path, number, message
    yield from dead_headers(files)
    yield from dead_sources(root, paths)
    yield from unmirrored(root, paths)
    yield from dead_scripts(root, paths)
    yield from dead_documents(root, [path for path in paths if path.endswith(".md")])
    yield from missing_tests(root, files)
    recorded = root / "tests/tidy_test/exposures.txt"
    if recorded.exists() and recorded.read_text() != exposures(files):
        yield "tests/tidy_test/exposures.txt", 1, (
            "callers of ExposeForCrypto/ExposeForWire changed: review them, then "
            "python3 tests/tidy_test/tidy.py --exposures > tests/tidy_test/exposures.txt")


def main() -> int:
    arguments = sys.argv[1:]
    show = "--exposures" in arguments
    if show:
        arguments.remove("--exposures")
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[2])
    if show:
        files = {path: (root / path).read_text() for path in listed(root) if path.endswith((".cc", ".h"))}
        sys.stdout.write(exposures(files))
        return 0
    found = list(problems(root))
    for path, number, message in found:
        print(f"{path}:{number}: {message}")
    print(f"tidy: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
