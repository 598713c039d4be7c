"""What tokens and API keys cost in the process, beside OpenSSL alone, by time of the processor.

The bars are those of bench/README.md with a slack of 1.3, since a machine that tests is not quiet: it
finds what has become twice as slow, not what has become a tenth slower. bench/run.sh jwt measures.

usage: token_ratios.py DIRECTORY_OF_BENCHMARKS
"""

import json
import pathlib
import subprocess
import sys

SLACK = 1.3
ALGORITHMS = ["HS256", "RS256", "ES256", "EdDSA"]  # the argument of the benchmarks
OF_OPENSSL = 0.8
MICROSECONDS = 10.0
UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3}


def fastest(program: pathlib.Path, names: str) -> dict[str, float]:
    """Microseconds of the processor for one call, by the benchmark's name: the best of several turns, which
    what else the machine does can only lengthen."""
    command = [program, "--benchmark_format=json", "--benchmark_min_time=0.05", "--benchmark_repetitions=7",
               "--benchmark_enable_random_interleaving=true", f"--benchmark_filter={names}"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    best: dict[str, float] = {}
    for one in json.loads(run.stdout)["benchmarks"]:
        if one["run_type"] == "iteration":
            took = one["cpu_time"] * UNITS[one["time_unit"]]
            best[one["run_name"]] = min(took, best.get(one["run_name"], took))
    return best


def main() -> int:
    benchmarks = pathlib.Path(sys.argv[1])
    tokens = fastest(benchmarks / "jwt_bench", ".")
    keys = fastest(benchmarks / "api_key_bench", "BM_VerifyGood/.*threads:1|BM_VerifyMistyped")
    slow = 0

    def say(what: str, figure: str, good: bool) -> None:
        nonlocal slow
        slow += not good
        print(f"{'ok  ' if good else 'SLOW'} {what}: {figure}")

    for number, algorithm in enumerate(ALGORITHMS):
        for call in ("Sign", "Verify"):
            ours = tokens[f"BM_{call}/{number}"]
            if algorithm == "HS256":
                say(f"{call} {algorithm}", f"{ours:.1f} us, bar {MICROSECONDS * SLACK:.0f}",
                    ours <= MICROSECONDS * SLACK)
                continue
            ratio = tokens[f"BM_Bare{call}/{number}"] / ours
            say(f"{call} {algorithm}", f"{ratio:.2f} of OpenSSL, bar {OF_OPENSSL / SLACK:.2f}",
                ratio >= OF_OPENSSL / SLACK)
    if len(keys) < 2:
        print(f"SLOW API keys: not measured, only {sorted(keys)}")
        return 1
    for name, ours in sorted(keys.items()):
        say(f"API key, {name}", f"{ours:.1f} us, bar {MICROSECONDS * SLACK:.0f}", ours <= MICROSECONDS * SLACK)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
