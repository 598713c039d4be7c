"""Runs the fuzz targets that `ninja -C build/fuzz fuzzers` built, one for each tests/fuzz/*_fuzz.cc.

usage: fuzz.py replay               each corpus, a short run of each target and the mutants, for CI
       fuzz.py run TARGET SECONDS   finds go to build/fuzz/new, crashes to build/fuzz/crashes
       fuzz.py keep TARGET          what is new in build/fuzz/new goes into the corpora
TARGET is a name or "all". JOBS is how many run at once. Ends with 1 when something is wrong.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
HERE = ROOT / "tests/fuzz"
BUILD = ROOT / "build/fuzz"
CORPUS = HERE / "corpus"
NEW = BUILD / "new"
CRASHES = BUILD / "crashes"

# Known faults, and what their report must say. They begin with an empty corpus.
MUTANTS = {"mutant_over_read": "heap-buffer-overflow",
           "mutant_round_trip": "does not hold: base64url has one form"}
MUTANT_RUNS = 1_000_000
SHORT_RUNS = 20_000  # of the seeded run in a replay, unless a second is over before
INPUT_BYTES_MAX = 4096
CORPUS_FILES_MAX = 100


def targets() -> list[str]:
    return sorted(path.name.removesuffix("_fuzz.cc") for path in HERE.glob("*_fuzz.cc"))


def chosen(name: str) -> list[str]:
    known = [target for target in targets() if target not in MUTANTS]
    if name != "all" and name not in known:
        sys.exit(f"fuzz: there is no target '{name}'; there are {', '.join(known)}")
    return known if name == "all" else [name]


def need_programs() -> None:
    missing = [name for name in targets() if not (BUILD / "fuzzers" / name).exists()]
    if missing:
        sys.exit(f"fuzz: not built: {', '.join(missing)}\n"
                 "fuzz: run: cmake --preset fuzz && ninja -C build/fuzz fuzzers")


def start(name: str, *arguments: str) -> subprocess.CompletedProcess:
    """One run of a target, with its output in `stderr`."""
    CRASHES.mkdir(parents=True, exist_ok=True)
    dictionary = HERE / f"{name}.dict"
    extra = [f"-dict={dictionary}"] if dictionary.exists() else []
    return subprocess.run(
        [str(BUILD / "fuzzers" / name), f"-artifact_prefix={CRASHES}/{name}-", "-print_final_stats=1",
         f"-max_len={INPUT_BYTES_MAX}", "-timeout=10", *extra, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        errors="replace", check=False)


def executions(run: subprocess.CompletedProcess) -> int:
    counts = re.findall(r"^stat::number_of_executed_units: (\d+)", run.stderr, re.M)
    return int(counts[-1]) if counts else 0


def report(name: str, run: subprocess.CompletedProcess) -> str:
    """What went wrong, and how to see it again."""
    text = "\n".join(run.stderr.splitlines()[-60:])
    for path in re.findall(r"Test unit written to (\S+)", run.stderr):
        text += f"\nfuzz: again: build/fuzz/fuzzers/{name} {pathlib.Path(path).relative_to(ROOT)}"
    return f"{text}\nfuzz: {name} FAILED (exit {run.returncode})"


def in_parallel(work, names: list[str]):
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count()))) as pool:
        yield from zip(names, pool.map(work, names))


def replay_one(name: str) -> tuple[int, str]:
    """How many executions, and the problem or ""."""
    with tempfile.TemporaryDirectory() as scratch:
        if name in MUTANTS:
            run = start(name, "-seed=1", f"-runs={MUTANT_RUNS}", "-max_total_time=30", scratch)
            for artifact in CRASHES.glob(f"{name}-*"):
                artifact.unlink()
            found = run.returncode != 0 and MUTANTS[name] in run.stderr
            return executions(run), "" if found else f"fuzz: the fault of {name} was not found"
        corpus = CORPUS / name
        if not corpus.is_dir() or not any(corpus.iterdir()):
            return 0, f"fuzz: {name} has no corpus: fill {corpus.relative_to(ROOT)} (docs/HACKING.md)"
        run = start(name, "-runs=0", str(corpus))
        if run.returncode != 0:
            return executions(run), report(name, run)
        # A list in order, since a directory's order is its file system's, and a seed says little then.
        inputs = pathlib.Path(scratch, "inputs")
        inputs.write_text(",".join(str(path) for path in sorted(corpus.iterdir())))
        short = start(name, "-seed=1", f"-runs={SHORT_RUNS}", "-max_total_time=1",
                      f"-seed_inputs=@{inputs}")
        problem = report(name, short) if short.returncode != 0 else ""
        return executions(run) + executions(short), problem


def replay() -> int:
    need_programs()
    problems = [f"fuzz: {path.relative_to(ROOT)} is of no target" for path in CORPUS.glob("*")
                if path.name not in chosen("all")]
    total = 0
    for name, (count, problem) in in_parallel(replay_one, targets()):
        total += count
        print(f"{name:20} {count:9,} executions", flush=True)
        if problem:
            problems.append(problem)
    print(f"fuzz: {len(targets())} targets, {total:,} executions, {len(problems)} problems")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def run_long(name: str, seconds: int) -> int:
    need_programs()

    def one(target: str) -> subprocess.CompletedProcess:
        (NEW / target).mkdir(parents=True, exist_ok=True)
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        return start(target, f"-max_total_time={seconds}", str(NEW / target), str(CORPUS / target))

    total, failed = 0, []
    for target, run in in_parallel(one, chosen(name)):
        total += executions(run)
        print(f"{target:20} {executions(run):13,} executions", flush=True)
        if run.returncode != 0:
            failed.append(target)
            print(report(target, run), flush=True)
    print(f"fuzz: {total:,} executions; {len(failed)} crashes {' '.join(failed)}".rstrip())
    return 1 if failed else 0


def keep(name: str) -> int:
    """The smallest set of inputs that reaches all that corpus and finds reach."""
    need_programs()

    def one(target: str) -> str:
        (NEW / target).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as merged:
            run = start(target, "-set_cover_merge=1", "-use_counters=0", merged, str(CORPUS / target),
                        str(NEW / target))
            # Of too many, the large ones: they reach most.
            files = sorted(pathlib.Path(merged).iterdir(), key=lambda path: -path.stat().st_size)
            if run.returncode != 0 or not files:
                return report(target, run)
            shutil.rmtree(CORPUS / target, ignore_errors=True)
            (CORPUS / target).mkdir(parents=True)
            for path in files[:CORPUS_FILES_MAX]:
                shutil.copyfile(path, CORPUS / target / path.name)
        kept = list((CORPUS / target).iterdir())
        return f"{len(kept)} files, {sum(path.stat().st_size for path in kept):,} bytes"

    for target, what in in_parallel(one, chosen(name)):
        print(f"{target:20} {what}", flush=True)
    return 0


def main() -> int:
    match sys.argv[1:]:
        case ["replay"]:
            return replay()
        case ["run", name, seconds] if seconds.isdigit():
            return run_long(name, int(seconds))
        case ["keep", name]:
            return keep(name)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
